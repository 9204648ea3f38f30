// SPDX-License-Identifier: MIT
// Queues, topics and buses: what is in them as events and raw; send, peek, purge.

import { useSignal } from "@preact/signals";
import * as api from "../api";
import { count, messageCount } from "../format";
import { t, translated } from "../i18n";
import { Replay } from "../replay";
import { act, link, route, useLive } from "../state";
import { Ask, Facts, Field, Input, List, Payload, Time, Trouble } from "../ui";

const where = (one: { kind: string; name: string; instance: string }): string =>
  `/channels/${one.kind}/messages${api.search({ name: one.name, instance: one.instance })}`;

export function Destinations() {
  const [, kind, name] = route.value.parts;
  const { instance = "" } = route.value.params;
  const found = useLive("channels", () => api.get<api.Channels>("/channels"));
  const chosen = found.value?.channels.find(
    (one) => one.kind === kind && one.name === name && one.instance === instance,
  );
  return (
    <>
      <h1>{t`Destinations`}</h1>
      <Trouble error={found.error} />
      <List
        error={found.error}
        label={t`Queues, topics and buses`}
        rows={found.value?.channels}
        keyOf={(one) => `${one.kind} ${one.instance} ${one.name}`}
        chosen={chosen}
        empty={
          <p class="empty panel">
            {t`No queues, topics or buses yet. They are made by the official clients, or with:`}{" "}
            <code>fc-async local start --create-missing</code>
          </p>
        }
        columns={[
          {
            title: t`Name`,
            kind: "id",
            cell: (one) => (
              <a
                href={link(["destinations", one.kind, one.name], { instance: one.instance })}
                aria-current={one === chosen ? "true" : undefined}
              >
                {one.instance ? `${one.instance} / ` : ""}
                {one.name}
              </a>
            ),
          },
          { title: t`Kind`, cell: (one) => translated(one.label) },
          { title: t`Messages`, kind: "num", cell: (one) => count(one.messages) },
          {
            title: t`Details`,
            cell: (one) =>
              Object.entries(one.facts)
                .filter(([, value]) => value)
                .map(([fact, value]) => `${translated(fact)} ${count(value)}`)
                .join(" · "),
          },
        ]}
      />
      {found.value && name !== undefined && !chosen ? (
        <p class="trouble" role="alert">
          {t`There is no queue, topic or bus ${name}.`}
        </p>
      ) : null}
      {chosen ? <Messages key={`${kind} ${instance} ${name}`} channel={chosen} /> : null}
    </>
  );
}

function Messages({ channel }: { channel: api.Channel }) {
  const found = useLive(`messages ${where(channel)}`, () => api.get<api.Messages>(where(channel)));
  const purge = async (): Promise<string> =>
    t`${messageCount((await api.remove<api.Purged>(where(channel))).purged)} purged.`;
  const messages = found.value?.messages;
  return (
    <>
      <div class="row title">
        <h2>
          {translated(channel.label)} {channel.name}
        </h2>
        <span class="grow" />
        <Replay channel={channel} messages={messages ?? []} where={where(channel)} />
        <Ask
          small
          question={{
            title: t`Purge ${channel.name}`,
            verb: t`Purge`,
            danger: true,
            text: t`All its messages are deleted for good.`,
            work: purge,
          }}
        >
          {t`Purge…`}
        </Ask>
      </div>
      <p class="dim">
        {channel.kind === "queue"
          ? t`Peeked: the next messages that a consumer would receive. Looking changes nothing.`
          : channel.kind === "rocketmq"
            ? t`The latest messages since the runtime was started, whether or not a group has consumed them.`
            : t`The latest messages since the runtime was started. A topic or bus hands its messages on and keeps none.`}
      </p>
      <Trouble error={found.error} />
      {messages?.length === 0 ? <p class="dim">{t`No messages.`}</p> : null}
      {messages?.map((one) => (
        <details key={one.id} class="panel">
          <summary>
            <b>{one.summary ? Object.values(one.summary).join(" · ") : one.id}</b>{" "}
            <span class="dim">
              <Time at={one.at} date />
            </span>
          </summary>
          {one.summary ? <Facts rows={Object.entries(one.summary)} /> : null}
          {one.event ? <Payload name={t`Event`} file={`event-${one.id}`} text={one.event} /> : null}
          <Payload name={t`Raw body`} file={`message-${one.id}`} text={one.body} />
          <Facts
            rows={[
              [t`Message id`, <code>{one.id}</code>],
              ...Object.entries(one.attributes as Record<string, string | number>),
            ]}
          />
        </details>
      ))}
      <Send channel={channel} />
    </>
  );
}

function Send({ channel }: { channel: api.Channel }) {
  const body = useSignal(
    channel.kind === "bus"
      ? '{"source": "my.app", "type": "order:Paid", "data": {"id": 1}}'
      : '{"id": 1}',
  );
  const tag = useSignal("");
  const keys = useSignal("");
  const submit = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      const { messageId } = await api.post<api.Sent>(where(channel), {
        body: body.value,
        tag: tag.value,
        keys: keys.value,
      });
      return t`Sent: ${messageId}.`;
    });
  };
  return (
    <form class="panel" aria-label={t`Send a message`} onSubmit={submit}>
      <h3>{t`Send a message`}</h3>
      <Field label={channel.kind === "bus" ? t`Event: source, type and data` : t`Body`}>
        <textarea
          spellcheck={false}
          required
          value={body.value}
          onInput={(event) => {
            body.value = event.currentTarget.value;
          }}
        />
      </Field>
      {channel.kind === "topic" || channel.kind === "rocketmq" ? (
        <Field label={t`Tag`}>
          <Input of={tag} />
        </Field>
      ) : null}
      {channel.kind === "rocketmq" ? (
        <Field label={t`Keys`} hint={t`separated by spaces`}>
          <Input of={keys} />
        </Field>
      ) : null}
      <div class="row end">
        <button type="submit" class="primary">
          {t`Send`}
        </button>
      </div>
    </form>
  );
}
