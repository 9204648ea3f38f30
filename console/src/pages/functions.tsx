// SPDX-License-Identifier: MIT
// Functions: list, asynchronous configuration, test, versions and aliases, triggers.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../api";
import { count, dateTime, duration } from "../format";
import { act, clock, limits, link, taskLink, useLive } from "../state";
import { destination, readTarget, type Target, writeTarget } from "../targets";
import { Button, Confirm, Facts, Field, Select, Status, Table, Tabs, Trouble } from "../ui";
import { Graph } from "./graph";
import { SendForm } from "./send";

const overviews = async (): Promise<api.FunctionOverview[]> =>
  (await api.get<api.Functions>("/functions")).functions;

export function Functions() {
  const found = useLive("functions", overviews);
  const functions = found.value;
  return (
    <>
      <h1>Functions</h1>
      <Trouble error={found.error} />
      {functions?.length === 0 ? (
        <p class="empty panel">
          No functions yet. Deploy some:{" "}
          <code>fc-async deploy --endpoint {location.origin} --with-functions</code>
        </p>
      ) : null}
      {functions?.length ? (
        <>
          <Table label="Functions">
            <thead>
              <tr>
                <th>Function</th>
                <th>Runtime</th>
                <th>Configured</th>
                <th>Task mode</th>
                <th class="num">Retries</th>
                <th>Age</th>
                <th>On success</th>
                <th>On failure</th>
              </tr>
            </thead>
            <tbody>
              {functions.flatMap((one) =>
                (one.configs.length ? one.configs : [null]).map((config, index) => (
                  <tr key={`${one.function.functionName}/${index}`}>
                    <td>
                      {index ? null : (
                        <a href={link(["functions", one.function.functionName])}>
                          <b>{one.function.functionName}</b>
                        </a>
                      )}
                    </td>
                    <td>{index ? "" : one.function.runtime}</td>
                    <td>
                      {config ? api.qualifierOf(config) : <span class="dim">not configured</span>}
                    </td>
                    <td>{config ? (config.asyncTask ? "on" : "off") : ""}</td>
                    <td class="num">{config ? (config.maxAsyncRetryAttempts ?? "default") : ""}</td>
                    <td>
                      {config
                        ? config.maxAsyncEventAgeInSeconds
                          ? duration(config.maxAsyncEventAgeInSeconds * 1000)
                          : "default"
                        : ""}
                    </td>
                    <td>{destination(config?.destinationConfig?.onSuccess?.destination ?? "")}</td>
                    <td>{destination(config?.destinationConfig?.onFailure?.destination ?? "")}</td>
                  </tr>
                )),
              )}
            </tbody>
          </Table>
          <h2>Where results go</h2>
          <Graph />
        </>
      ) : null}
    </>
  );
}

const TABS: [string, string][] = [
  ["config", "Asynchronous configuration"],
  ["test", "Test"],
  ["concurrency", "Concurrency"],
  ["versions", "Versions and aliases"],
  ["triggers", "Triggers"],
];

export function FunctionPage({ name, tab }: { name: string; tab: string }) {
  const found = useLive("functions", overviews);
  const one = found.value?.find((each) => each.function.functionName === name);
  return (
    <>
      <p>
        <a href="#/functions">← Functions</a>
      </p>
      <h1>{name}</h1>
      <Trouble error={found.error} />
      {found.value && !one ? (
        <p class="trouble" role="alert">
          FunctionNotFound: there is no function {name}.
        </p>
      ) : null}
      {one ? (
        <>
          <div class="panel">
            <Facts
              rows={[
                ["Runtime", `${one.function.runtime}, handler ${one.function.handler}`],
                ["Memory", one.function.memorySize ? `${one.function.memorySize} MB` : ""],
                ["Timeout", one.function.timeout ? `${one.function.timeout} s` : ""],
                ["Description", one.function.description],
                ["Changed", one.function.lastModifiedTime],
                [
                  "Tasks",
                  <a href={`#/invocations${api.search({ q: `function:${name}` })}`}>
                    show its invocations
                  </a>,
                ],
              ]}
            />
          </div>
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
  const config = one.configs.find((each) => api.qualifierOf(each) === qualifier.value);
  return (
    <>
      <div class="row">
        <Field label="Version or alias">
          <Select
            value={qualifier.value}
            options={names.map((name): [string, string] => [
              name,
              one.configs.some((each) => api.qualifierOf(each) === name)
                ? `${name} (configured)`
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
          key={qualifier.value}
          name={one.function.functionName}
          qualifier={qualifier.value}
          config={config}
          limits={known}
          functions={functions}
        />
      ) : null}
    </>
  );
}

const LABELS: Record<string, string> = {
  function: "Function name",
  qualifier: "Version or alias",
  queue: "Queue",
  topic: "Topic",
  instance_id: "Instance",
  bus: "Custom event bus",
  arn: "ARN",
};
interface FormProps {
  name: string;
  qualifier: string;
  config: api.Config | undefined;
  limits: api.Limits;
  functions: api.FunctionOverview[];
}

function ConfigForm({ name, qualifier, config, limits, functions }: FormProps) {
  const saved = config?.destinationConfig;
  const taskMode = useSignal(config?.asyncTask ?? false);
  const retries = useSignal(config?.maxAsyncRetryAttempts?.toString() ?? "");
  const age = useSignal(config?.maxAsyncEventAgeInSeconds?.toString() ?? "");
  const success = useSignal(readTarget(saved?.onSuccess?.destination, limits.destinations));
  const failure = useSignal(readTarget(saved?.onFailure?.destination, limits.destinations));
  const wrong = useSignal("");
  const cycle = useSignal<string[]>([]);
  const asked = useSignal<"" | "cycle" | "delete">("");

  const body = (): Record<string, unknown> => {
    const to = (target: Target, before: string | undefined) =>
      target.kind ? { destination: writeTarget(target, limits.destinations, before) } : undefined;
    const onSuccess = to(success.value, saved?.onSuccess?.destination);
    const onFailure = to(failure.value, saved?.onFailure?.destination);
    return {
      asyncTask: taskMode.value,
      ...(retries.value === "" ? {} : { maxAsyncRetryAttempts: Number(retries.value) }),
      ...(age.value === "" ? {} : { maxAsyncEventAgeInSeconds: Number(age.value) }),
      ...(onSuccess || onFailure
        ? {
            destinationConfig: {
              ...(onSuccess ? { onSuccess } : {}),
              ...(onFailure ? { onFailure } : {}),
            },
          }
        : {}),
    };
  };
  const where = `/functions${api.path(name)}/async-config`;
  const query = api.search({ qualifier });

  // What is written is checked by the runtime, with the rules that apply when it is saved.
  const text = JSON.stringify(body());
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
      await api.put(where + query, body());
      return `The configuration of ${name} / ${qualifier} is deployed.`;
    });
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const found = await api.post<api.Cycle>(`${where}/check${query}`, body());
      cycle.value = found.cycle;
      if (found.cycle.length) asked.value = "cycle";
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
    placeholder: `${range.default} (default)`,
  });
  return (
    <form
      class="panel"
      aria-label="Asynchronous configuration"
      onSubmit={(event) => void submit(event)}
    >
      <label class="check">
        <input
          type="checkbox"
          checked={taskMode.value}
          onChange={(event) => {
            taskMode.value = event.currentTarget.checked;
          }}
        />{" "}
        Task mode: record every step, keep tasks, allow to list and stop them
      </label>
      <div class="grid">
        <Field
          label="Maximum retries"
          hint={`${limits.maxAsyncRetryAttempts.low} to ${limits.maxAsyncRetryAttempts.high}`}
        >
          <input
            {...number(limits.maxAsyncRetryAttempts)}
            value={retries.value}
            onInput={(event) => {
              retries.value = event.currentTarget.value;
            }}
          />
        </Field>
        <Field
          label="Maximum age in seconds"
          hint={`${limits.maxAsyncEventAgeInSeconds.low} to ${count(limits.maxAsyncEventAgeInSeconds.high)}`}
        >
          <input
            {...number(limits.maxAsyncEventAgeInSeconds)}
            value={age.value}
            onInput={(event) => {
              age.value = event.currentTarget.value;
            }}
          />
        </Field>
      </div>
      <div class="columns">
        <TargetFields
          title="Success destination"
          target={success.value}
          kinds={limits.destinations}
          functions={functions}
          onChange={(value) => {
            success.value = value;
          }}
        />
        <TargetFields
          title="Failure destination"
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
          Destination cycle: {cycle.value.join(" → ")}. Each run would start the next one.
        </p>
      ) : null}
      <div class="row end">
        {config ? (
          <Button
            kind="danger"
            onClick={() => {
              asked.value = "delete";
            }}
          >
            Delete configuration…
          </Button>
        ) : null}
        <button type="submit" class="primary" disabled={wrong.value !== ""}>
          Deploy
        </button>
      </div>
      {asked.value === "cycle" ? (
        <Confirm
          title="Destination cycle"
          verb="Deploy anyway"
          danger
          onClose={() => {
            asked.value = "";
          }}
          onConfirm={save}
        >
          <p>{cycle.value.join(" → ")}</p>
          <p>
            The loop guard of the runtime ends such a loop after some rounds; Function Compute may
            not.
          </p>
        </Confirm>
      ) : null}
      {asked.value === "delete" ? (
        <Confirm
          title={`Delete the configuration of ${name} / ${qualifier}`}
          verb="Delete"
          danger
          onClose={() => {
            asked.value = "";
          }}
          onConfirm={() =>
            void act(async () => {
              await api.remove(where + query);
              return "The configuration is deleted.";
            })
          }
        >
          <p>Later invocations have the defaults and no destination.</p>
        </Confirm>
      ) : null}
    </form>
  );
}

function TargetFields({
  title,
  target,
  kinds,
  functions,
  onChange,
}: {
  title: string;
  target: Target;
  kinds: api.DestinationKind[];
  functions: api.FunctionOverview[];
  onChange: (target: Target) => void;
}) {
  const chosen = kinds.find((kind) => kind.kind === target.kind);
  const fields = target.kind === "arn" ? ["arn"] : (chosen?.fields ?? []);
  const options: [string, string][] = [
    ["", "Off"],
    ...kinds.map((kind): [string, string] => [kind.kind, kind.label]),
    ["arn", "Another ARN"],
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
  const id = title.split(" ")[0]?.toLowerCase() ?? "";
  return (
    <fieldset>
      <legend>{title}</legend>
      <Field label="Kind">
        <Select
          label={`Kind of the ${title.toLowerCase()}`}
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
        <small class="dim">At most {count(chosen.payloadLimit)} bytes for an event.</small>
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
      return `The concurrency of ${name} is saved.`;
    });
  };
  return (
    <form class="panel" aria-label="Concurrency" onSubmit={save}>
      <div class="grid">
        <Field
          label="Reserved concurrency"
          hint="The most instances at a time. Empty: no limit of its own; 0: no attempt runs."
        >
          <input
            type="number"
            min={0}
            step={1}
            placeholder="none"
            value={reserved.value}
            onInput={(event) => {
              reserved.value = event.currentTarget.value;
            }}
          />
        </Field>
        <Field
          label="Instance concurrency"
          hint={
            range ? `Calls that one instance runs at a time: ${range.low} to ${range.high}` : ""
          }
        >
          <input
            type="number"
            min={range?.low}
            max={range?.high}
            step={1}
            placeholder={range ? `${range.default} (default)` : ""}
            value={each.value}
            onInput={(event) => {
              each.value = event.currentTarget.value;
            }}
          />
        </Field>
      </div>
      <p class="dim">
        Calls over a limit are throttled and retried. A lower value applies from the next call on.
      </p>
      <div class="row end">
        <button type="submit" class="primary">
          Save
        </button>
      </div>
    </form>
  );
}

function Versions({ one }: { one: api.FunctionOverview }) {
  return (
    <>
      <h2>Aliases</h2>
      {one.aliases.length ? (
        <Table label="Aliases">
          <thead>
            <tr>
              <th>Alias</th>
              <th>Description</th>
              <th>Version</th>
              <th>Further versions</th>
            </tr>
          </thead>
          <tbody>
            {one.aliases.map((alias) => (
              <tr key={alias.aliasName}>
                <td>{alias.aliasName}</td>
                <td>{alias.description}</td>
                <td>{alias.versionId}</td>
                <td>
                  {Object.entries(alias.additionalVersionWeight ?? {})
                    .map(([version, weight]) => `${version}: ${Math.round(weight * 100)} %`)
                    .join(", ")}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : (
        <p class="dim">No aliases.</p>
      )}
      <h2>Versions</h2>
      {one.versions.length ? (
        <Table label="Versions">
          <thead>
            <tr>
              <th>Version</th>
              <th>Description</th>
              <th>Published</th>
            </tr>
          </thead>
          <tbody>
            {one.versions.map((version) => (
              <tr key={version.versionId}>
                <td>{version.versionId}</td>
                <td>{version.description}</td>
                <td>{version.createdTime}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : (
        <p class="dim">No versions: LATEST is all there is.</p>
      )}
    </>
  );
}

function Triggers({ name }: { name: string }) {
  const found = useLive(`triggers ${name}`, () =>
    api.get<api.Triggers>("/triggers", { function: name }),
  );
  const triggers = found.value?.triggers;
  return (
    <>
      <Trouble error={found.error} />
      {triggers?.length === 0 ? <p class="dim">No triggers.</p> : null}
      {triggers?.length ? (
        <Table label="Triggers">
          <thead>
            <tr>
              <th>Trigger</th>
              <th>Type</th>
              <th>State</th>
              <th>Source</th>
              <th>Next firings</th>
              <th class="num">Fired</th>
              <th>Last</th>
              <th>
                <span class="hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {triggers.map((one) => (
              <tr key={one.triggerName}>
                <td>
                  {one.triggerName} <span class="dim">{one.qualifier}</span>
                  {one.description ? <div class="dim">{one.description}</div> : null}
                </td>
                <td>{one.triggerType}</td>
                <td>{one.state}</td>
                <td>
                  {one.triggerType === "http" ? (
                    <a href={one.source} rel="noreferrer">
                      {one.source}
                    </a>
                  ) : (
                    one.source
                  )}
                </td>
                <td>
                  {one.nextFirings.slice(0, 3).map((at) => (
                    <div key={at}>
                      {dateTime(at)}{" "}
                      <span class="dim">in {duration(Math.max(0, at - clock.value.now))}</span>
                    </div>
                  ))}
                </td>
                <td class="num">{count(one.fired)}</td>
                <td>
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
                </td>
                <td>
                  {one.triggerType === "http" ? null : (
                    <Button
                      small
                      onClick={() =>
                        void act(async () => {
                          const fired = await api.post<api.FiredNow>(
                            `/triggers${api.path(name, one.triggerName)}/fire`,
                          );
                          return `${one.triggerName} fired: request ${fired.requestId}.`;
                        })
                      }
                    >
                      Fire now
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : null}
    </>
  );
}
