// SPDX-License-Identifier: MIT
// Functions: list, asynchronous configuration, test, versions and aliases, triggers.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as api from "../api";
import { Backlog } from "../backlog";
import { count, dateTime, duration, kindOf } from "../format";
import { t, translated } from "../i18n";
import { act, clock, limits, link, taskLink, useLive } from "../state";
import { destination, readTarget, type Target, writeTarget } from "../targets";
import {
  Ask,
  Button,
  Check,
  Confirm,
  Facts,
  Field,
  Input,
  List,
  Select,
  Status,
  Tabs,
  Time,
  Trouble,
} from "../ui";
import { Graph } from "./graph";
import { openSend, SendForm } from "./send";

interface Row {
  one: api.FunctionOverview;
  config: api.Config | undefined;
  first: boolean;
}

const short = (one: api.FunctionOverview): string => one.function.functionName;

export function Functions() {
  const found = useLive("functions", api.functions);
  const activity = useLive("activity", () => api.get<api.Activities>("/functions/activity"), found)
    .value?.functions;
  const rows = found.value?.flatMap((one): Row[] =>
    (one.configs.length ? one.configs : [undefined]).map((config, index) => ({
      one,
      config,
      first: index === 0,
    })),
  );
  const retries = (config: api.Config): string | number =>
    config.maxAsyncRetryAttempts ?? t`default`;
  const age = (config: api.Config): string =>
    config.maxAsyncEventAgeInSeconds
      ? duration(config.maxAsyncEventAgeInSeconds * 1000)
      : t`default`;
  return (
    <>
      <h1>{t`Functions`}</h1>
      <Trouble error={found.error} />
      <List
        error={found.error}
        label={t`Functions`}
        rows={rows}
        keyOf={({ one, config }) => `${short(one)}/${config ? api.qualifierOf(config) : ""}`}
        empty={
          <p class="empty panel">
            {t`No functions yet. Deploy some:`}{" "}
            <code>fc-async deploy --endpoint {location.origin} --with-functions</code>
          </p>
        }
        columns={[
          {
            title: t`Function`,
            kind: "id",
            cell: ({ one, first }) =>
              first ? (
                <a href={link(["functions", short(one)])}>
                  <b>{short(one)}</b>
                </a>
              ) : null,
          },
          {
            title: t`Tasks`,
            cell: ({ one, first }) =>
              first
                ? Counts({ one: activity?.find((each) => each.function === short(one)) })
                : null,
          },
          {
            title: t`Last run`,
            cell: ({ one, first }) => {
              const last = activity?.find((each) => each.function === short(one));
              return first && last?.lastTaskId && last.lastTime ? (
                <a href={taskLink(short(one), last.lastTaskId)}>
                  <Time at={last.lastTime} date />
                </a>
              ) : null;
            },
          },
          {
            title: t`Configured`,
            cell: ({ config }) =>
              config ? api.qualifierOf(config) : <span class="dim">{t`none`}</span>,
          },
          {
            title: t`Task mode`,
            cell: ({ config }) => (config ? (config.asyncTask ? t`on` : t`off`) : ""),
          },
          {
            title: t`Retries`,
            kind: "num",
            cell: ({ config }) => (config ? retries(config) : ""),
          },
          { title: t`Age`, cell: ({ config }) => (config ? age(config) : "") },
          {
            title: t`On success`,
            kind: "wrap",
            cell: ({ config }) =>
              destination(config?.destinationConfig?.onSuccess?.destination ?? ""),
          },
          {
            title: t`On failure`,
            kind: "wrap",
            cell: ({ config }) =>
              destination(config?.destinationConfig?.onFailure?.destination ?? ""),
          },
          {
            title: t`Actions`,
            untitled: true,
            cell: ({ one, first }) =>
              first ? (
                <Button
                  small
                  label={t`Invoke ${short(one)}`}
                  onClick={() => openSend({ function: short(one) })}
                >
                  {t`Invoke…`}
                </Button>
              ) : null,
          },
        ]}
      />
      {found.value?.length ? (
        <>
          <h2>{t`Where results go`}</h2>
          <Graph />
        </>
      ) : null}
    </>
  );
}

/** The tasks of a function by status, each a link to them. */
function Counts({ one }: { one: api.Activity | undefined }) {
  const counts = Object.entries(one?.byStatus ?? {});
  return counts.length ? (
    <span class="row nowrap">
      {counts.map(([status, number]) => (
        <a
          key={status}
          class={`status ${kindOf(status)}`}
          title={status}
          aria-label={`${status}: ${count(number)}`}
          href={`#/invocations${api.search({ q: `function:${one?.function} status:${status}` })}`}
        >
          {count(number)}
        </a>
      ))}
    </span>
  ) : null;
}

const TABS: [string, string][] = [
  ["config", t`Asynchronous configuration`],
  ["test", t`Test`],
  ["concurrency", t`Concurrency`],
  ["versions", t`Versions and aliases`],
  ["triggers", t`Triggers`],
];

export function FunctionPage({ name, tab }: { name: string; tab: string }) {
  const found = useLive("functions", api.functions);
  const one = found.value?.find((each) => each.function.functionName === name);
  return (
    <>
      <p>
        <a href="#/functions">← {t`Functions`}</a>
      </p>
      <h1>{name}</h1>
      <Trouble error={found.error} />
      {found.value && !one ? (
        <p class="trouble" role="alert">
          FunctionNotFound: {t`there is no function ${name}.`}
        </p>
      ) : null}
      {one ? (
        <>
          <div class="panel">
            <Facts
              rows={[
                [
                  t`Runtime`,
                  t`${one.function.runtime ?? ""}, handler ${one.function.handler ?? ""}`,
                ],
                [t`Memory`, one.function.memorySize ? `${one.function.memorySize} MB` : ""],
                [t`Timeout`, one.function.timeout ? `${one.function.timeout} s` : ""],
                [t`Description`, one.function.description],
                [t`Changed`, dateTime(Date.parse(one.function.lastModifiedTime ?? ""))],
                [
                  t`Tasks`,
                  <a href={`#/invocations${api.search({ q: `function:${name}` })}`}>
                    {t`show its invocations`}
                  </a>,
                ],
              ]}
            />
          </div>
          <Backlog name={name} />
          <Tabs tabs={TABS} current={tab} href={(next) => link(["functions", name, next])} />
          {tab === "config" ? (
            <ConfigTab key={name} one={one} functions={found.value ?? []} />
          ) : null}
          {tab === "test" ? (
            <div class="panel">
              <SendForm key={name} given={{ function: name }} fixed />
            </div>
          ) : null}
          {tab === "concurrency" ? <Concurrency key={name} one={one} /> : null}
          {tab === "versions" ? <Versions one={one} /> : null}
          {tab === "triggers" ? <Triggers name={name} /> : null}
        </>
      ) : null}
    </>
  );
}

function ConfigTab({
  one,
  functions,
}: {
  one: api.FunctionOverview;
  functions: api.FunctionOverview[];
}) {
  const known = limits.value;
  const names = [
    "LATEST",
    ...one.aliases.map((alias) => alias.aliasName),
    ...one.versions.map((version) => version.versionId),
  ];
  const qualifier = useSignal(one.configs[0] ? api.qualifierOf(one.configs[0]) : "LATEST");
  const again = useSignal(0);
  const config = one.configs.find((each) => api.qualifierOf(each) === qualifier.value);
  return (
    <>
      <div class="row">
        <Field label={t`Version or alias`}>
          <Select
            value={qualifier.value}
            options={names.map((name): [string, string] => [
              name,
              one.configs.some((each) => api.qualifierOf(each) === name)
                ? t`${name} (configured)`
                : name,
            ])}
            onChange={(value) => {
              qualifier.value = value;
            }}
          />
        </Field>
      </div>
      {known ? (
        <ConfigForm
          key={`${qualifier.value} ${again.value}`}
          name={one.function.functionName}
          qualifier={qualifier.value}
          config={config}
          limits={known}
          functions={functions}
          onAgain={() => {
            again.value += 1;
          }}
        />
      ) : null}
    </>
  );
}

const LABELS: Record<string, string> = {
  function: t`Function name`,
  qualifier: t`Version or alias`,
  queue: t`Queue`,
  topic: t`Topic`,
  instance_id: t`Instance`,
  bus: t`Custom event bus`,
  arn: "ARN",
};
const written = (
  asyncTask: boolean,
  maxAsyncRetryAttempts?: number,
  maxAsyncEventAgeInSeconds?: number,
  success?: string,
  failure?: string,
): string => {
  const to = (destination?: string) => (destination ? { destination } : undefined);
  const [onSuccess, onFailure] = [to(success), to(failure)];
  return JSON.stringify({
    asyncTask,
    maxAsyncRetryAttempts,
    maxAsyncEventAgeInSeconds,
    destinationConfig: onSuccess || onFailure ? { onSuccess, onFailure } : undefined,
  });
};

const writtenOf = (config: api.Config | undefined): string =>
  written(
    config?.asyncTask ?? false,
    config?.maxAsyncRetryAttempts,
    config?.maxAsyncEventAgeInSeconds,
    config?.destinationConfig?.onSuccess?.destination,
    config?.destinationConfig?.onFailure?.destination,
  );

interface FormProps {
  name: string;
  qualifier: string;
  config: api.Config | undefined;
  limits: api.Limits;
  functions: api.FunctionOverview[];
  onAgain: () => void;
}

function ConfigForm({ name, qualifier, config, limits, functions, onAgain }: FormProps) {
  const saved = config?.destinationConfig;
  const taskMode = useSignal(config?.asyncTask ?? false);
  const retries = useSignal(config?.maxAsyncRetryAttempts?.toString() ?? "");
  const age = useSignal(config?.maxAsyncEventAgeInSeconds?.toString() ?? "");
  const success = useSignal(readTarget(saved?.onSuccess?.destination, limits.destinations));
  const failure = useSignal(readTarget(saved?.onFailure?.destination, limits.destinations));
  const wrong = useSignal("");
  const cycle = useSignal<string[]>([]);
  const asked = useSignal(false);
  const checked = useRef("");

  const arnOf = (target: Target, before: string | undefined): string =>
    target.kind ? writeTarget(target, limits.destinations, before) : "";
  const text = written(
    taskMode.value,
    retries.value === "" ? undefined : Number(retries.value),
    age.value === "" ? undefined : Number(age.value),
    arnOf(success.value, saved?.onSuccess?.destination),
    arnOf(failure.value, saved?.onFailure?.destination),
  );
  const theirs = writtenOf(config);
  const mine = useRef(theirs); // what the form began with, or deployed
  const changed = useSignal(false);
  useEffect(() => {
    if (theirs === mine.current || theirs === text) mine.current = theirs;
    else if (text === mine.current) onAgain();
    else changed.value = true;
  }, [theirs]);
  const where = `/functions${api.path(name)}/async-config`;
  const query = api.search({ qualifier });

  // What is written is checked by the runtime, with the rules that apply when it is saved.
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      api.post<api.Cycle>(`${where}/check${query}`, JSON.parse(text)).then(
        (found) => {
          if (current) {
            wrong.value = "";
            cycle.value = found.cycle;
          }
        },
        (error: Error) => {
          if (current) {
            wrong.value = error.message;
            cycle.value = [];
          }
        },
      );
    }, 150);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [text, where, query]);

  const save = (): void => {
    void act(async () => {
      mine.current = writtenOf(
        await api.put<api.Config>(where + query, JSON.parse(checked.current)),
      );
      changed.value = false;
      return t`The configuration of ${name} / ${qualifier} is deployed.`;
    });
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    checked.current = text; // what was checked is deployed, whatever is typed meanwhile
    try {
      const found = await api.post<api.Cycle>(`${where}/check${query}`, JSON.parse(text));
      cycle.value = found.cycle;
      if (found.cycle.length) asked.value = true;
      else save();
    } catch (error) {
      wrong.value = error instanceof Error ? error.message : String(error);
    }
  };
  const number = (range: api.Range) => ({
    type: "number" as const,
    min: range.low,
    max: range.high,
    step: 1,
    placeholder: t`${range.default} (default)`,
  });
  return (
    <form
      class="panel"
      aria-label={t`Asynchronous configuration`}
      onSubmit={(event) => void submit(event)}
    >
      <Check of={taskMode}>{t`Task mode: record every step, keep tasks, list and stop them`}</Check>
      <div class="grid">
        <Field
          label={t`Maximum retries`}
          hint={t`${limits.maxAsyncRetryAttempts.low} to ${limits.maxAsyncRetryAttempts.high}`}
        >
          <Input of={retries} {...number(limits.maxAsyncRetryAttempts)} />
        </Field>
        <Field
          label={t`Maximum age in seconds`}
          hint={t`${limits.maxAsyncEventAgeInSeconds.low} to ${count(limits.maxAsyncEventAgeInSeconds.high)}`}
        >
          <Input of={age} {...number(limits.maxAsyncEventAgeInSeconds)} />
        </Field>
      </div>
      <div class="columns">
        <TargetFields
          id="success"
          title={t`Success destination`}
          kindTitle={t`Kind of the success destination`}
          target={success.value}
          kinds={limits.destinations}
          functions={functions}
          onChange={(value) => {
            success.value = value;
          }}
        />
        <TargetFields
          id="failure"
          title={t`Failure destination`}
          kindTitle={t`Kind of the failure destination`}
          target={failure.value}
          kinds={limits.destinations}
          functions={functions}
          onChange={(value) => {
            failure.value = value;
          }}
        />
      </div>
      {wrong.value ? (
        <p class="trouble" role="alert">
          {wrong.value}
        </p>
      ) : null}
      {cycle.value.length ? (
        <p class="notice" role="alert">
          {t`Destination cycle: ${cycle.value.join(" → ")}. Each run would start the next one.`}
        </p>
      ) : null}
      {changed.value ? (
        <p class="notice row" role="alert">
          {t`This configuration was changed meanwhile.`}
          <Button small onClick={onAgain}>
            {t`Read it again`}
          </Button>
        </p>
      ) : null}
      <div class="row end">
        {config ? (
          <Ask
            question={{
              title: t`Delete the configuration of ${name} / ${qualifier}`,
              verb: t`Delete`,
              danger: true,
              text: t`Later invocations have the defaults and no destination.`,
              work: async () => {
                await api.remove(where + query);
                return t`The configuration is deleted.`;
              },
            }}
          >
            {t`Delete configuration…`}
          </Ask>
        ) : null}
        <button type="submit" class="primary" disabled={wrong.value !== ""}>
          {t`Deploy`}
        </button>
      </div>
      {asked.value ? (
        <Confirm
          title={t`Destination cycle`}
          verb={t`Deploy anyway`}
          danger
          onClose={() => {
            asked.value = false;
          }}
          onConfirm={save}
        >
          <p>{cycle.value.join(" → ")}</p>
          <p>
            {t`The loop guard of the runtime ends such a loop after some rounds; Function Compute may not.`}
          </p>
        </Confirm>
      ) : null}
    </form>
  );
}

function TargetFields({
  id,
  title,
  kindTitle,
  target,
  kinds,
  functions,
  onChange,
}: {
  id: string;
  title: string;
  kindTitle: string;
  target: Target;
  kinds: api.DestinationKind[];
  functions: api.FunctionOverview[];
  onChange: (target: Target) => void;
}) {
  const chosen = kinds.find((kind) => kind.kind === target.kind);
  const fields = target.kind === "arn" ? ["arn"] : (chosen?.fields ?? []);
  const options: [string, string][] = [
    ["", t`Off`],
    ...kinds.map((kind): [string, string] => [kind.kind, translated(kind.label)]),
    ["arn", t`Another ARN`],
  ];
  const lists: Record<string, string[]> =
    target.kind === "function"
      ? {
          function: functions.map((one) => one.function.functionName),
          qualifier: functions
            .filter((one) => one.function.functionName === target.fields.function)
            .flatMap((one) => [
              "LATEST",
              ...one.aliases.map((a) => a.aliasName),
              ...one.versions.map((v) => v.versionId),
            ]),
        }
      : {};
  return (
    <fieldset>
      <legend>{title}</legend>
      <Field label={t`Kind`}>
        <Select
          label={kindTitle}
          value={target.kind}
          options={options}
          onChange={(kind) =>
            onChange({ kind, fields: kind === "function" ? { qualifier: "LATEST" } : {} })
          }
        />
      </Field>
      {fields.map((field) => (
        <Field key={field} label={LABELS[field] ?? field}>
          <input
            required
            list={lists[field] ? `${id}-${field}` : undefined}
            value={target.fields[field] ?? ""}
            onInput={(event) =>
              onChange({
                ...target,
                fields: { ...target.fields, [field]: event.currentTarget.value.trim() },
              })
            }
          />
        </Field>
      ))}
      {Object.entries(lists).map(([field, names]) => (
        <datalist key={field} id={`${id}-${field}`}>
          {names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      ))}
      {chosen ? (
        <small class="dim">{t`At most ${count(chosen.payloadLimit)} bytes for an event.`}</small>
      ) : null}
    </fieldset>
  );
}

function Concurrency({ one }: { one: api.FunctionOverview }) {
  const name = one.function.functionName;
  const range = limits.value?.instanceConcurrency;
  const reserved = useSignal(one.concurrency.reservedConcurrency?.toString() ?? "");
  const each = useSignal(one.function.instanceConcurrency?.toString() ?? "");
  const save = (event: Event): void => {
    event.preventDefault();
    void act(async () => {
      await api.put(`/functions${api.path(name)}/concurrency`, {
        reservedConcurrency: reserved.value === "" ? null : Number(reserved.value),
        ...(each.value === "" ? {} : { instanceConcurrency: Number(each.value) }),
      });
      return t`The concurrency of ${name} is saved.`;
    });
  };
  return (
    <form class="panel" aria-label={t`Concurrency`} onSubmit={save}>
      <div class="grid">
        <Field
          label={t`Reserved concurrency`}
          hint={t`The most instances at a time. Empty: no limit of its own; 0: no attempt runs.`}
        >
          <Input of={reserved} type="number" min={0} step={1} placeholder={t`none`} />
        </Field>
        <Field
          label={t`Instance concurrency`}
          hint={
            range ? t`Calls that one instance runs at a time: ${range.low} to ${range.high}` : ""
          }
        >
          <Input
            of={each}
            type="number"
            min={range?.low}
            max={range?.high}
            step={1}
            placeholder={range ? t`${range.default} (default)` : ""}
          />
        </Field>
      </div>
      <p class="dim">
        {t`Calls over a limit are throttled and retried. A lower value applies from the next call on.`}
      </p>
      <div class="row end">
        <button type="submit" class="primary">
          {t`Save`}
        </button>
      </div>
    </form>
  );
}

function Versions({ one }: { one: api.FunctionOverview }) {
  return (
    <>
      <h2>{t`Aliases`}</h2>
      <List
        label={t`Aliases`}
        rows={one.aliases}
        keyOf={(alias) => alias.aliasName}
        empty={<p class="dim">{t`No aliases.`}</p>}
        columns={[
          { title: t`Alias`, kind: "id", cell: (alias) => alias.aliasName },
          { title: t`Description`, cell: (alias) => alias.description },
          { title: t`Version`, cell: (alias) => alias.versionId },
          {
            title: t`Further versions`,
            cell: (alias) =>
              Object.entries(alias.additionalVersionWeight ?? {})
                .map(([version, weight]) => `${version}: ${Math.round(weight * 100)} %`)
                .join(", "),
          },
        ]}
      />
      <h2>{t`Versions`}</h2>
      <List
        label={t`Versions`}
        rows={one.versions}
        keyOf={(version) => version.versionId}
        empty={<p class="dim">{t`No versions: LATEST is all there is.`}</p>}
        columns={[
          { title: t`Version`, cell: (version) => version.versionId },
          { title: t`Description`, cell: (version) => version.description },
          { title: t`Published`, cell: (version) => version.createdTime },
        ]}
      />
    </>
  );
}

function Triggers({ name }: { name: string }) {
  const found = useLive(`triggers ${name}`, () =>
    api.get<api.Triggers>("/triggers", { function: name }),
  );
  const fire = (trigger: string): void =>
    void act(async () => {
      const where = `/triggers${api.path(name, trigger)}/fire`;
      const { requestId } = await api.post<api.FiredNow>(where);
      return t`${trigger} fired: request ${requestId}.`;
    });
  return (
    <>
      <Trouble error={found.error} />
      <List
        error={found.error}
        label={t`Triggers`}
        rows={found.value?.triggers}
        keyOf={(one) => one.triggerName}
        empty={<p class="dim">{t`No triggers.`}</p>}
        columns={[
          {
            title: t`Trigger`,
            kind: "id",
            cell: (one) => (
              <>
                {one.triggerName} <span class="dim">{one.qualifier}</span>
                {one.description ? <div class="dim">{one.description}</div> : null}
              </>
            ),
          },
          { title: t`Type`, cell: (one) => one.triggerType },
          { title: t`State`, cell: (one) => one.state },
          {
            title: t`Source`,
            kind: "wrap",
            cell: (one) =>
              one.triggerType === "http" ? (
                <a href={one.source} rel="noreferrer">
                  {one.source}
                </a>
              ) : (
                one.source
              ),
          },
          {
            title: t`Next firings`,
            cell: (one) =>
              one.nextFirings.slice(0, 3).map((at) => (
                <div key={at}>
                  {dateTime(at)}{" "}
                  {clock.value ? (
                    <span class="dim">{t`in ${duration(Math.max(0, at - clock.value.now))}`}</span>
                  ) : null}
                </div>
              )),
          },
          { title: t`Fired`, kind: "num", cell: (one) => count(one.fired) },
          {
            title: t`Last firing`,
            cell: (one) =>
              one.lastRequestId || one.lastError ? (
                <>
                  {one.lastRequestId ? (
                    <a href={taskLink(name, one.lastRequestId)}>
                      {one.lastFiredTime ? dateTime(one.lastFiredTime) : one.lastRequestId}
                    </a>
                  ) : null}{" "}
                  {one.lastError ? (
                    <>
                      <Status status="Failed" /> {one.lastError}
                    </>
                  ) : null}
                </>
              ) : null,
          },
          {
            title: t`Actions`,
            untitled: true,
            cell: (one) =>
              one.triggerType === "http" ? null : (
                <Button small onClick={() => fire(one.triggerName)}>
                  {t`Fire now`}
                </Button>
              ),
          },
        ]}
      />
    </>
  );
}
