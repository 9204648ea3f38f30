// SPDX-License-Identifier: MIT
// The list of tasks: counts by status, a query, columns, selection, actions on many, export.

import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { useRef } from "preact/hooks";
import * as api from "../api";
import { count, duration, FINAL, plural, STATUSES, UNRECORDED, WAITING } from "../format";
import { BadQuery, complete, KEYS, parse, valueIn, withKey } from "../query";
import {
  act,
  clock,
  complain,
  go,
  live,
  route,
  say,
  stats,
  stored,
  taskLink,
  useLive,
} from "../state";
import {
  Button,
  Confirm,
  Dialog,
  download,
  Payload,
  Select,
  Status,
  Table,
  Time,
  Trouble,
} from "../ui";
import { openSend } from "./send";

const PAGE = 50;
const MOST_EXPORTED = 100_000;
const MOST_AT_ONCE = 1_000;

interface Column {
  name: string;
  title: string;
  number?: boolean;
  cell: (task: api.Task) => preact.ComponentChildren;
  text: (task: api.Task) => string | number;
}

const errorOf = (task: api.Task): string =>
  task.errorType
    ? `${task.errorType}${task.errorMessage ? `: ${task.errorMessage}` : ""}`
    : (task.taskErrorMessage ?? "");

const COLUMNS: Column[] = [
  { name: "function", title: "Function", cell: (t) => t.function, text: (t) => t.function },
  { name: "qualifier", title: "Qualifier", cell: (t) => t.qualifier, text: (t) => t.qualifier },
  {
    name: "accepted",
    title: "Accepted",
    cell: (t) => <Time at={t.acceptedTime} />,
    text: (t) => new Date(t.acceptedTime).toISOString(),
  },
  {
    name: "runs",
    title: "Runs",
    cell: runs,
    text: (t) => (t.startedTime ? new Date(t.startedTime).toISOString() : ""),
  },
  {
    name: "took",
    title: "Took",
    number: true,
    cell: (t) => (t.durationMs === undefined ? "" : duration(t.durationMs)),
    text: (t) => t.durationMs ?? "",
  },
  {
    name: "retries",
    title: "Retries",
    number: true,
    cell: (t) => t.alreadyRetriedTimes || "",
    text: (t) => t.alreadyRetriedTimes,
  },
  {
    name: "destination",
    title: "Destination",
    cell: (t) => t.destinationStatus ?? "",
    text: (t) => t.destinationStatus ?? "",
  },
  {
    name: "error",
    title: "Error",
    cell: (t) => <span title={errorOf(t)}>{errorOf(t)}</span>,
    text: errorOf,
  },
  {
    name: "instance",
    title: "Instance",
    cell: (t) => t.instanceId ?? "",
    text: (t) => t.instanceId ?? "",
  },
  {
    name: "request",
    title: "Request id",
    cell: (t) => <code>{t.requestId}</code>,
    text: (t) => t.requestId,
  },
];
const chosen = stored("columns", [
  "function",
  "qualifier",
  "accepted",
  "runs",
  "took",
  "retries",
  "destination",
  "error",
]);

function runs(task: api.Task) {
  if (WAITING.includes(task.status) && task.dueTime > clock.value.now)
    return `in ${duration(task.dueTime - clock.value.now)}`;
  return task.startedTime ? <Time at={task.startedTime} /> : "";
}

const keyOf = (task: { function: string; taskId: string }): string =>
  JSON.stringify([task.function, task.taskId]);

export function Invocations() {
  const { q = "", token = "" } = route.value.params;
  const dialog = useSignal<"" | "columns" | "help" | "stop" | "replay" | "run-now">("");
  const selected = useSignal<ReadonlyMap<string, api.Task>>(new Map());
  const open = useSignal<ReadonlySet<string>>(new Set());
  const [query, wrong] = understood(q);
  const list = useLive(`list ${q} ${token}`, () =>
    wrong
      ? Promise.resolve<api.Tasks>({ tasks: [] })
      : api.get<api.Tasks>("/tasks", { limit: PAGE, ...understood(q)[0], nextToken: token }),
  );
  const counts = useLive(`counts ${q}`, () => counted(q));
  const known = useLive(
    "functions",
    async () => (await api.get<api.Functions>("/functions")).functions,
  );
  const tasks = list.value?.tasks;
  const total = counts.value
    ? Object.values(shownCounts(counts.value, q)).reduce((sum, n) => sum + n, 0)
    : undefined;
  const names = (known.value ?? []).map((one) => one.function.functionName);
  const qualifiers = [
    ...new Set([
      "LATEST",
      ...(known.value ?? []).flatMap((one) => [
        ...one.aliases.map((a) => a.aliasName),
        ...one.versions.map((v) => v.versionId),
      ]),
    ]),
  ];

  const toggle = (task: api.Task): void => {
    const next = new Map(selected.value);
    if (!next.delete(keyOf(task))) next.set(keyOf(task), task);
    selected.value = next;
  };
  const toggleAll = (): void => {
    const all = tasks?.every((task) => selected.value.has(keyOf(task)));
    const next = new Map(selected.value);
    for (const task of tasks ?? []) all ? next.delete(keyOf(task)) : next.set(keyOf(task), task);
    selected.value = next;
  };
  const expand = (task: api.Task): void => {
    const next = new Set(open.value);
    if (!next.delete(keyOf(task))) next.add(keyOf(task));
    open.value = next;
  };
  const perform =
    (action: string, verb: string) =>
    (reason: string): void => {
      const those = [...selected.value.values()].slice(0, MOST_AT_ONCE);
      void act(async () => {
        const { done, refused } = await api.act(
          action,
          those.map(({ function: name, taskId }) => ({ function: name, taskId })),
          reason,
        );
        selected.value = new Map();
        if (refused[0])
          throw new Error(
            `${plural(done.length, "task")} ${verb}, ${count(refused.length)} refused. The first: ${refused[0].message}`,
          );
        return `${plural(done.length, "task")} ${verb}.`;
      });
    };
  const columns = COLUMNS.filter((column) => chosen.value.includes(column.name));
  const close = (): void => {
    dialog.value = "";
  };

  return (
    <>
      <div class="row title">
        <h1>Invocations</h1>
        <span class="dim" role="status">
          {total === undefined
            ? ""
            : `${count(total, (counts.value?.atLeast.length ?? 0) > 0)} ${total === 1 ? "task" : "tasks"}`}
        </span>
        <span class="grow" />
        <Button
          small
          pressed={live.value}
          onClick={() => {
            live.value = !live.value;
          }}
        >
          {live.value ? "Live" : "Paused"}
        </Button>
        <Button
          small
          onClick={() => {
            dialog.value = "columns";
          }}
        >
          Columns
        </Button>
        <Button small onClick={() => void exported("csv", query)}>
          Export CSV
        </Button>
        <Button small onClick={() => void exported("json", query)}>
          Export JSON
        </Button>
      </div>
      <QueryBox
        q={q}
        known={{ functions: names, qualifiers }}
        onHelp={() => {
          dialog.value = "help";
        }}
      />
      {wrong ? (
        <p class="trouble" role="alert">
          {wrong}
        </p>
      ) : null}
      <Tiles q={q} counts={counts.value} />
      <Trouble error={wrong ? null : list.error} />
      {tasks && tasks.length > 0 ? (
        <Table label="Tasks">
          <thead>
            <tr>
              <th class="tight">
                <input
                  type="checkbox"
                  aria-label="Select all tasks of this page"
                  checked={tasks.every((task) => selected.value.has(keyOf(task)))}
                  onChange={toggleAll}
                />
              </th>
              <th class="tight">
                <span class="hidden">Details</span>
              </th>
              <th>Status</th>
              <th>Task</th>
              {columns.map((column) => (
                <th key={column.name} class={column.number ? "num" : undefined}>
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {tasks.map((task) => (
              <Fragment key={keyOf(task)}>
                <tr class={selected.value.has(keyOf(task)) ? "selected" : undefined}>
                  <td class="tight">
                    <input
                      type="checkbox"
                      aria-label={`Select ${task.taskId}`}
                      checked={selected.value.has(keyOf(task))}
                      onChange={() => toggle(task)}
                    />
                  </td>
                  <td class="tight">
                    <button
                      type="button"
                      class="plain small"
                      aria-label={`Details of ${task.taskId}`}
                      aria-expanded={open.value.has(keyOf(task))}
                      onClick={() => expand(task)}
                    >
                      {open.value.has(keyOf(task)) ? "▾" : "▸"}
                    </button>
                  </td>
                  <td>
                    <Status status={task.status} />
                  </td>
                  <td class="id">
                    <a href={taskLink(task.function, task.taskId)}>{task.taskId}</a>
                    {task.taskMode === false ? <div class="dim">{UNRECORDED}</div> : null}
                  </td>
                  {columns.map((column) => (
                    <td key={column.name} class={column.number ? "num" : undefined}>
                      {column.cell(task)}
                    </td>
                  ))}
                </tr>
                {open.value.has(keyOf(task)) ? (
                  <tr class="more">
                    <td colSpan={columns.length + 4}>
                      <Details task={task} />
                    </td>
                  </tr>
                ) : null}
              </Fragment>
            ))}
          </tbody>
        </Table>
      ) : tasks && !wrong ? (
        <Nothing q={q} />
      ) : null}
      <div class="row">
        {token ? (
          <a class="button" href={pageLink(q, "")}>
            ← Newest
          </a>
        ) : null}
        {list.value?.nextToken ? (
          <a class="button" href={pageLink(q, list.value.nextToken)}>
            Older →
          </a>
        ) : null}
      </div>
      {selected.value.size > 0 ? (
        <div class="bulk" role="toolbar" aria-label="Actions on the selected tasks">
          <b>{count(selected.value.size)} selected</b>
          <Button
            small
            onClick={() => {
              dialog.value = "run-now";
            }}
          >
            Run now…
          </Button>
          <Button
            small
            onClick={() => {
              dialog.value = "replay";
            }}
          >
            Replay…
          </Button>
          <Button
            small
            kind="danger"
            onClick={() => {
              dialog.value = "stop";
            }}
          >
            Stop…
          </Button>
          <Button
            small
            kind="plain"
            onClick={() => {
              selected.value = new Map();
            }}
          >
            Clear selection
          </Button>
        </div>
      ) : null}
      {dialog.value === "stop" ? (
        <Confirm
          title={`Stop ${plural(selected.value.size, "task")}`}
          verb="Stop"
          danger
          reason
          onClose={close}
          onConfirm={perform("stop", "stopped")}
        >
          <p>Waiting tasks end at once; running ones are interrupted.</p>
        </Confirm>
      ) : null}
      {dialog.value === "replay" ? (
        <Confirm
          title={`Replay ${plural(selected.value.size, "task")}`}
          verb="Replay"
          reason
          onClose={close}
          onConfirm={perform("replay", "replayed")}
        >
          <p>Each function is invoked again with the same bytes, as a new task.</p>
        </Confirm>
      ) : null}
      {dialog.value === "run-now" ? (
        <Confirm
          title={`Run ${plural(selected.value.size, "task")} now`}
          verb="Run now"
          reason
          onClose={close}
          onConfirm={perform("run-now", "made due")}
        >
          <p>Waiting tasks run now instead of at their due time.</p>
        </Confirm>
      ) : null}
      {dialog.value === "columns" ? <Columns onClose={close} /> : null}
      {dialog.value === "help" ? <QueryHelp onClose={close} /> : null}
    </>
  );
}

const pageLink = (q: string, token: string): string => `#/invocations${api.search({ q, token })}`;

function understood(q: string): [api.Query, string] {
  try {
    return [parse(q, clock.peek().now), ""];
  } catch (error) {
    if (error instanceof BadQuery) return [{}, error.message];
    throw error;
  }
}

async function counted(q: string): Promise<api.TaskCounts> {
  const [query, wrong] = understood(withKey(q, "status", ""));
  return wrong ? { byStatus: {}, atLeast: [] } : api.get<api.TaskCounts>("/tasks/counts", query);
}

const wantedStatuses = (q: string): string[] =>
  valueIn(q, "status")
    .split(",")
    .filter(Boolean)
    .map((one) => one.toLowerCase());

/** The counts that follow the whole filter: those of the statuses that it names. */
function shownCounts(counts: api.TaskCounts, q: string): Record<string, number> {
  const wanted = wantedStatuses(q);
  return Object.fromEntries(
    Object.entries(counts.byStatus).filter(
      ([status]) => !wanted.length || wanted.includes(status.toLowerCase()),
    ),
  );
}

function Tiles({ q, counts }: { q: string; counts: api.TaskCounts | undefined }) {
  const wanted = wantedStatuses(q);
  const always = ["Enqueued", "Running", "Succeeded", "Failed"];
  return (
    <div class="tiles" role="group" aria-label="Tasks by status">
      {STATUSES.filter(
        (status) =>
          always.includes(status) ||
          counts?.byStatus[status] ||
          wanted.includes(status.toLowerCase()),
      ).map((status) => {
        const pressed = wanted.includes(status.toLowerCase());
        return (
          <button
            key={status}
            type="button"
            class="tile"
            aria-pressed={pressed}
            onClick={() => go(["invocations"], { q: withKey(q, "status", pressed ? "" : status) })}
          >
            <b>
              {counts ? count(counts.byStatus[status] ?? 0, counts.atLeast.includes(status)) : "–"}
            </b>
            <Status status={status} />
          </button>
        );
      })}
      <a class="tile" href="#/dead">
        <b>{count(stats.value?.deliveries_pending ?? 0)}</b>
        <span class="dim">to deliver</span>
      </a>
    </div>
  );
}

function QueryBox({
  q,
  known,
  onHelp,
}: {
  q: string;
  known: { functions: string[]; qualifiers: string[] };
  onHelp: () => void;
}) {
  const text = useSignal(q);
  const seen = useSignal(q);
  const at = useSignal(-1);
  const showing = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  if (seen.peek() !== q) {
    // the address changed by other means than this box
    seen.value = q;
    if (document.activeElement !== input.current) text.value = q;
  }
  const last = /\S*$/.exec(text.value)?.[0] ?? "";
  const options = showing.value ? complete(last, known).slice(0, 10) : [];
  const search = (value: string): void => {
    showing.value = false;
    at.value = -1;
    seen.value = value.trim();
    go(["invocations"], { q: value.trim() });
  };
  const take = (option: string): void => {
    text.value =
      text.value.slice(0, text.value.length - last.length) +
      option +
      (option.endsWith(":") ? "" : " ");
    at.value = -1;
    input.current?.focus();
  };
  const key = (event: KeyboardEvent): void => {
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const move = moves[event.key];
    if (move !== undefined) {
      event.preventDefault();
      showing.value = true;
      at.value = Math.max(-1, Math.min(complete(last, known).length - 1, 9, at.value + move));
    } else if (event.key === "Escape" && showing.value) {
      event.stopPropagation();
      event.preventDefault();
      showing.value = false;
    } else if ((event.key === "Enter" || event.key === "Tab") && options[at.value]) {
      event.preventDefault();
      take(options[at.value]?.[0] ?? "");
    }
  };
  return (
    <form
      class="query"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search(text.value);
      }}
    >
      <div class="combo">
        <input
          ref={input}
          id="query"
          type="text"
          role="combobox"
          aria-label="Query"
          aria-expanded={options.length > 0}
          aria-controls="completions"
          aria-autocomplete="list"
          aria-activedescendant={options[at.value] ? `completion-${at.value}` : undefined}
          autocomplete="off"
          spellcheck={false}
          placeholder="status:Failed function:orders since:1h task-id or part of the error"
          value={text.value}
          onKeyDown={key}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            showing.value = true;
            at.value = -1;
          }}
          onBlur={() => {
            showing.value = false;
          }}
        />
        <ul id="completions" role="listbox" aria-label="Completions" hidden={options.length === 0}>
          {options.map(([option, help], index) => (
            <li
              key={option}
              id={`completion-${index}`}
              role="option"
              aria-selected={index === at.value}
              onMouseDown={(event) => {
                event.preventDefault();
                take(option);
              }}
            >
              <code>{option}</code> <span class="dim">{help}</span>
            </li>
          ))}
        </ul>
      </div>
      <Select
        label="Time range"
        value={valueIn(q, "since")}
        options={[
          ["", "Any time"],
          ["5m", "Last 5 minutes"],
          ["15m", "Last 15 minutes"],
          ["1h", "Last hour"],
          ["1d", "Last day"],
          ["7d", "Last 7 days"],
        ]}
        onChange={(value) => {
          text.value = withKey(q, "since", value);
          search(text.value);
        }}
      />
      <button type="submit">Search</button>
      <Button
        onClick={() => {
          text.value = "";
          search("");
        }}
      >
        Clear
      </Button>
      <Button label="Help on queries" onClick={onHelp}>
        ?
      </Button>
    </form>
  );
}

function QueryHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Queries" onClose={onClose}>
      <p>Words are joined by “and”. The arrow keys and Enter choose a completion.</p>
      <p>
        Words without a key are one text: the beginning of a task id, or a part of the function's
        error. The latest 100,000 errors are searched.
      </p>
      <dl class="facts">
        {Object.entries(KEYS).map(([key, help]) => [
          <dt key={`${key}?`}>
            <code>{key}:</code>
          </dt>,
          <dd key={key}>{help}</dd>,
        ])}
      </dl>
    </Dialog>
  );
}

function Columns({ onClose }: { onClose: () => void }) {
  const toggle = (name: string): void => {
    chosen.value = chosen.value.includes(name)
      ? chosen.value.filter((one) => one !== name)
      : [...chosen.value, name];
  };
  return (
    <Dialog title="Columns" onClose={onClose}>
      {COLUMNS.map((column) => (
        <label key={column.name} class="check">
          <input
            type="checkbox"
            checked={chosen.value.includes(column.name)}
            onChange={() => toggle(column.name)}
          />{" "}
          {column.title}
        </label>
      ))}
    </Dialog>
  );
}

function Details({ task }: { task: api.Task }) {
  const whole = useLive(`details ${keyOf(task)}`, () => api.oneTask(task.function, task.taskId));
  if (!whole.value) return <Trouble error={whole.error} />;
  const last = whole.value.events?.at(-1);
  const detail = last?.eventDetail ? (JSON.parse(last.eventDetail) as Record<string, unknown>) : {};
  return (
    <div class="columns">
      <Payload
        name="Payload"
        file={task.taskId}
        text={whole.value.taskPayload}
        encoding={whole.value.taskPayloadEncoding}
      />
      {FINAL.includes(task.status) && whole.value.returnPayload !== undefined ? (
        <Payload
          name="Result"
          file={`${task.taskId}-result`}
          text={whole.value.returnPayload}
          encoding={whole.value.returnPayloadEncoding}
        />
      ) : null}
      {typeof detail.errorMessage === "string" ? (
        <section>
          <h2 class="minor">Last error</h2>
          <pre role="group" tabIndex={0} aria-label="Last error">
            {detail.errorMessage}
          </pre>
        </section>
      ) : null}
    </div>
  );
}

function Nothing({ q }: { q: string }) {
  if (q)
    return (
      <p class="empty panel">
        No task matches. <a href="#/invocations">Show all</a>
      </p>
    );
  return (
    <div class="empty panel">
      <p>
        <b>No tasks yet.</b> Only invocations of functions in task mode are listed.
      </p>
      <p>
        <Button kind="primary" onClick={() => openSend({})}>
          Invoke a function…
        </Button>
      </p>
      <pre>{`import fc_async_sdk\n\nclient = fc_async_sdk.client(endpoint_url=${JSON.stringify(location.origin)})\nclient.invoke_async("orders", b'{"id": 7}', task_id="order-7")`}</pre>
    </div>
  );
}

const quotedCsv = (value: string | number): string => {
  // A cell that begins like a formula is one in a spreadsheet.
  const text =
    typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** Save every task that matches, with all columns; JSON has the payloads too, as text. */
async function exported(form: "csv" | "json", query: api.Query): Promise<void> {
  const found: api.Task[] = [];
  try {
    let nextToken: string | undefined = "";
    while (nextToken !== undefined && found.length < MOST_EXPORTED) {
      const page: api.Tasks = await api.get<api.Tasks>("/tasks", {
        ...query,
        limit: 100,
        nextToken,
        includePayload: form === "json",
      });
      found.push(...page.tasks);
      nextToken = page.nextToken;
    }
  } catch (error) {
    complain(error);
    return;
  }
  if (form === "json") download("tasks.json", JSON.stringify(found, null, 2), "application/json");
  else {
    const head = ["status", "task id", ...COLUMNS.map((column) => column.name)];
    const rows = found.map((task) => [
      task.status,
      task.taskId,
      ...COLUMNS.map((column) => column.text(task)),
    ]);
    download(
      "tasks.csv",
      [head, ...rows].map((row) => row.map(quotedCsv).join(",")).join("\r\n"),
      "text/csv",
    );
  }
  say(`${plural(found.length, "task")} exported.`);
}
