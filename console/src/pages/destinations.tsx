// SPDX-License-Identifier: MIT
// Queues, topics and buses: what is in them as events and raw; send, peek, purge.

import { useSignal } from "@preact/signals";
import * as api from "../api";
import { count, dateTime, plural } from "../format";
import { act, link, route, useLive } from "../state";
import { Button, Confirm, Facts, Field, Payload, Table, Trouble } from "../ui";

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
      <h1>Destinations</h1>
      <Trouble error={found.error} />
      {found.value?.channels.length === 0 ? (
        <p class="empty panel">
          No queues, topics or buses yet. They are made by the official clients, or with{" "}
          <code>fc-async local start --create-missing</code>.
        </p>
      ) : null}
      {found.value?.channels.length ? (
        <Table label="Queues, topics and buses">
          <thead>
            <tr>
              <th>Name</th>
              <th>Kind</th>
              <th class="num">Messages</th>
              <th>More</th>
            </tr>
          </thead>
          <tbody>
            {found.value.channels.map((one) => (
              <tr
                key={`${one.kind} ${one.instance} ${one.name}`}
                class={one === chosen ? "selected" : undefined}
              >
                <td>
                  <a
                    href={link(["destinations", one.kind, one.name], { instance: one.instance })}
                    aria-current={one === chosen ? "true" : undefined}
                  >
                    {one.instance ? `${one.instance} / ` : ""}
                    {one.name}
                  </a>
                </td>
                <td>{one.label}</td>
                <td class="num">{count(one.messages)}</td>
                <td>
                  {Object.entries(one.facts)
                    .filter(([, value]) => value)
                    .map(([fact, value]) => `${fact} ${count(value)}`)
                    .join(" · ")}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : null}
      {chosen ? <Messages key={`${kind} ${instance} ${name}`} channel={chosen} /> : null}
    </>
  );
}

function Messages({ channel }: { channel: api.Channel }) {
  const found = useLive(`messages ${where(channel)}`, () => api.get<api.Messages>(where(channel)));
  const asked = useSignal(false);
  const purge = (): void => {
    void act(
      async () =>
        `${plural((await api.remove<api.Purged>(where(channel))).purged, "message")} purged.`,
    );
  };
  const messages = found.value?.messages;
  return (
    <>
      <div class="row title">
        <h2>
          {channel.label} {channel.name}
        </h2>
        <span class="grow" />
        <Button
          kind="danger"
          small
          onClick={() => {
            asked.value = true;
          }}
        >
          Purge…
        </Button>
      </div>
      <p class="dim">
        {channel.kind === "queue"
          ? "Peeked: the next messages that a consumer would receive. Looking changes nothing."
          : channel.kind === "rocketmq"
            ? "The latest messages since the runtime was started, whether or not a group has consumed them."
            : "The latest messages since the runtime was started. A topic or bus hands its messages on and keeps none."}
      </p>
      <Trouble error={found.error} />
      {messages?.length === 0 ? <p class="dim">No messages.</p> : null}
      {messages?.map((one) => (
        <details key={one.id} class="panel">
          <summary>
            <b>{one.summary ? Object.values(one.summary).join(" · ") : one.id}</b>{" "}
            <span class="dim">{dateTime(one.at)}</span>
          </summary>
          {one.summary ? <Facts rows={Object.entries(one.summary)} /> : null}
          {one.event ? <Payload name="Event" file={`event-${one.id}`} text={one.event} /> : null}
          <Payload name="Raw body" file={`message-${one.id}`} text={one.body} />
          <Facts
            rows={[
              ["Message id", <code>{one.id}</code>],
              ...Object.entries(one.attributes as Record<string, string | number>),
            ]}
          />
        </details>
      ))}
      <Send channel={channel} />
      {asked.value ? (
        <Confirm
          title={`Purge ${channel.name}`}
          verb="Purge"
          danger
          onClose={() => {
            asked.value = false;
          }}
          onConfirm={purge}
        >
          <p>All its messages are deleted for good.</p>
        </Confirm>
      ) : null}
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
      return `Sent: ${messageId}.`;
    });
  };
  return (
    <form class="panel" aria-label="Send a message" onSubmit={submit}>
      <h3>Send a message</h3>
      <Field label={channel.kind === "bus" ? "Event: source, type and data" : "Body"}>
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
        <Field label="Tag">
          <input
            value={tag.value}
            onInput={(event) => {
              tag.value = event.currentTarget.value;
            }}
          />
        </Field>
      ) : null}
      {channel.kind === "rocketmq" ? (
        <Field label="Keys" hint="separated by spaces">
          <input
            value={keys.value}
            onInput={(event) => {
              keys.value = event.currentTarget.value;
            }}
          />
        </Field>
      ) : null}
      <div class="row end">
        <button type="submit" class="primary">
          Send
        </button>
      </div>
    </form>
  );
}
