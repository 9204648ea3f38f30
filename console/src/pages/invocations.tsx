// SPDX-License-Identifier: MIT
// The list of tasks: counts by status, a query, columns, selection, actions on many, export.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import * as api from "../api";
import { detailOf, Failure, isFailed } from "../failure";
import { count, duration, FINAL, STATUSES, taskCount, UNRECORDED, WAITING } from "../format";
import { t } from "../i18n";
import { BadQuery, complete, KEYS, parse, valueIn, withKey } from "../query";
import {
  clock,
  complain,
  go,
  live,
  now,
  route,
  say,
  stats,
  stored,
  taskLink,
  useLive,
} from "../state";
import {
  Ask,
  Bulk,
  Button,
  Dialog,
  download,
  List,
  type Column as ListColumn,
  Pager,
  Payload,
  Pre,
  Select,
  Status,
  Time,
  Trouble,
  useSelection,
} from "../ui";
import { openSend } from "./send";

const PAGE = 50;
const MOST_EXPORTED = 100_000;
const MOST_AT_ONCE = 1_000;

interface Column extends ListColumn<api.Task> {
  name: string;
  text: (task: api.Task) => string | number;
}

const errorOf = (task: api.Task): string =>
  task.errorType
    ? `${task.errorType}${task.errorMessage ? `: ${task.errorMessage}` : ""}`
    : (task.taskErrorMessage ?? "");

const COLUMNS: Column[] = [
  {
    name: "function",
    title: t`Function`,
    kind: "wrap",
    cell: (one) => one.function,
    text: (one) => one.function,
  },
  {
    name: "qualifier",
    title: t`Qualifier`,
    cell: (one) => one.qualifier,
    text: (one) => one.qualifier,
  },
  {
    name: "accepted",
    title: t`Accepted`,
    cell: (one) => <Time at={one.acceptedTime} />,
    text: (one) => new Date(one.acceptedTime).toISOString(),
  },
  {
    name: "runs",
    title: t`Runs`,
    cell: runs,
    text: (one) => (one.startedTime ? new Date(one.startedTime).toISOString() : ""),
  },
  {
    name: "took",
    title: t`Took`,
    kind: "num",
    cell: (one) => (one.durationMs === undefined ? "" : duration(one.durationMs)),
    text: (one) => one.durationMs ?? "",
  },
  {
    name: "retries",
    title: t`Retries`,
    kind: "num",
    cell: (one) => one.alreadyRetriedTimes || "",
    text: (one) => one.alreadyRetriedTimes,
  },
  {
    name: "destination",
    title: t`Destination`,
    cell: (one) => one.destinationStatus ?? "",
    text: (one) => one.destinationStatus ?? "",
  },
  {
    name: "error",
    title: t`Error`,
    kind: "wrap",
    cell: (one) => errorOf(one),
    text: errorOf,
  },
  {
    name: "instance",
    title: t`Instance`,
    cell: (one) => one.instanceId ?? "",
    text: (one) => one.instanceId ?? "",
  },
  {
    name: "request",
    title: t`Request id`,
    cell: (one) => <code>{one.requestId}</code>,
    text: (one) => one.requestId,
  },
];
const chosen = stored("columns", [
  "function",
  "accepted",
  "runs",
  "took",
  "retries",
  "destination",
  "error",
]);

function runs(task: api.Task) {
  const wait = clock.value ? task.dueTime - clock.value.now : 0;
  if (task.paused) return t`paused`;
  if (WAITING.includes(task.status) && wait > 0) return <time>{t`in ${duration(wait)}`}</time>;
  return task.startedTime ? <Time at={task.startedTime} /> : "";
}

const keyOf = (task: { function: string; taskId: string }): string =>
  JSON.stringify([task.function, task.taskId]);

export function Invocations() {
  const { q = "", token = "" } = route.value.params;
  const dialog = useSignal<"" | "columns" | "help">("");
  const selected = useSelection<api.Task>(q);
  const wrong = wrongIn(q);
  const list = useLive(
    `list ${q} ${token}`,
    async (): Promise<api.Tasks> =>
      wrong
        ? { tasks: [] }
        : api.get("/tasks", { limit: PAGE, ...parse(q, await now()), nextToken: token }),
  );
  const counts = useLive(
    `counts ${q}`,
    async (): Promise<api.TaskCounts | null> =>
      wrong ? null : api.get("/tasks/counts", parse(withKey(q, "status", ""), await now())),
    list,
  ).value;
  const known = useLive("functions", api.functions).value ?? [];
  const total = counts
    ? Object.values(shownCounts(counts, q)).reduce((sum, n) => sum + n, 0)
    : undefined;
  const names = known.map((one) => one.function.functionName);
  const qualifiers = new Set([
    "LATEST",
    ...known.flatMap((one) => [
      ...one.aliases.map((a) => a.aliasName),
      ...one.versions.map((v) => v.versionId),
    ]),
  ]);
  const perform = (action: string) => async (reason: string) => {
    const those = [...selected.value.values()];
    const done: api.TaskDone[] = [];
    const refused: api.TaskRefused[] = [];
    for (let at = 0; at < those.length; at += MOST_AT_ONCE) {
      const some = those.slice(at, at + MOST_AT_ONCE);
      const names = some.map(({ function: name, taskId }) => ({ function: name, taskId }));
      const outcome = await api.act(action, names, reason);
      done.push(...outcome.done);
      refused.push(...outcome.refused);
    }
    selected.value = new Map();
    const text = {
      stop: t`${taskCount(done.length)} stopped`,
      replay: t`${taskCount(done.length)} replayed`,
      "run-now": t`${taskCount(done.length)} made due`,
    }[action];
    if (refused[0])
      throw new Error(
        t`${text ?? ""}, ${count(refused.length)} refused. The first: ${refused[0].message}`,
      );
    return `${text}.`;
  };
  const those = taskCount(selected.value.size);
  const columns = COLUMNS.filter((column) => chosen.value.includes(column.name));
  const close = (): void => {
    dialog.value = "";
  };

  return (
    <>
      <div class="row title">
        <h1>{t`Invocations`}</h1>
        <span class="dim" role="status">
          {total === undefined ? "" : taskCount(total, (counts?.atLeast.length ?? 0) > 0)}
        </span>
        <span class="grow" />
        <Button
          small
          pressed={live.value}
          onClick={() => {
            live.value = !live.value;
          }}
        >
          {live.value ? t`Live` : t`Paused`}
        </Button>
        <Button
          small
          onClick={() => {
            dialog.value = "columns";
          }}
        >
          {t`Columns`}
        </Button>
        <Button small disabled={wrong !== ""} onClick={() => void exported("csv", q)}>
          {t`Export CSV`}
        </Button>
        <Button small disabled={wrong !== ""} onClick={() => void exported("json", q)}>
          {t`Export JSON`}
        </Button>
      </div>
      <QueryBox
        q={q}
        known={{ functions: names, qualifiers: [...qualifiers] }}
        onHelp={() => {
          dialog.value = "help";
        }}
      />
      {wrong ? (
        <p class="trouble" role="alert">
          {wrong}
        </p>
      ) : null}
      {wrong ? null : <Tiles q={q} counts={counts} />}
      <Trouble error={wrong ? null : list.error} />
      {wrong ? null : (
        <List
          error={list.error}
          label={t`Tasks`}
          rows={list.value?.tasks}
          keyOf={keyOf}
          nameOf={(task) => task.taskId}
          selected={selected}
          more={{
            label: (task) => t`Details of ${task.taskId}`,
            shown: (task) => <Details task={task} />,
          }}
          empty={<Nothing q={q} />}
          columns={[
            { title: t`Status`, cell: (task) => <Status status={task.status} /> },
            {
              title: t`Task`,
              kind: "id",
              cell: (task) => (
                <>
                  <a href={taskLink(task.function, task.taskId)}>{task.taskId}</a>
                  {task.taskMode === false ? <div class="dim">{UNRECORDED}</div> : null}
                </>
              ),
            },
            ...columns,
          ]}
        />
      )}
      <Pager
        newest={token && pageLink(q, "")}
        older={list.value?.nextToken ? pageLink(q, list.value.nextToken) : ""}
      />
      <Bulk label={t`Actions on the selected tasks`} selected={selected}>
        <Ask
          small
          question={{
            title: t`Run ${those} now`,
            verb: t`Run now`,
            reason: true,
            text: t`Waiting tasks run now instead of at their due time.`,
            work: perform("run-now"),
          }}
        >
          {t`Run now…`}
        </Ask>
        <Ask
          small
          question={{
            title: t`Replay ${those}`,
            verb: t`Replay`,
            reason: true,
            text: t`Each function is invoked again with the same bytes, as a new task.`,
            work: perform("replay"),
          }}
        >
          {t`Replay…`}
        </Ask>
        <Ask
          small
          question={{
            title: t`Stop ${those}`,
            verb: t`Stop`,
            danger: true,
            reason: true,
            text: t`Waiting tasks end at once; running ones are interrupted.`,
            work: perform("stop"),
          }}
        >
          {t`Stop…`}
        </Ask>
      </Bulk>
      {dialog.value === "columns" ? <Columns onClose={close} /> : null}
      {dialog.value === "help" ? <QueryHelp onClose={close} /> : null}
    </>
  );
}

const pageLink = (q: string, token: string): string => `#/invocations${api.search({ q, token })}`;

function wrongIn(q: string): string {
  try {
    parse(q, 0);
    return "";
  } catch (error) {
    if (error instanceof BadQuery) return error.message;
    throw error;
  }
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

function Tiles({ q, counts }: { q: string; counts: api.TaskCounts | null | undefined }) {
  const wanted = wantedStatuses(q);
  const toDeliver = stats.value?.deliveries_pending ?? 0;
  // The tiles of states that no task has would only take room.
  return (
    <div class="tiles" role="group" aria-label={t`Tasks by status`}>
      {STATUSES.filter(
        (status) => counts?.byStatus[status] || wanted.includes(status.toLowerCase()),
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
      {toDeliver ? (
        <a class="tile" href="#/dead">
          <b>{count(toDeliver)}</b>
          <span class="dim">{t`to deliver`}</span>
        </a>
      ) : null}
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
          aria-label={t`Query`}
          aria-expanded={options.length > 0}
          aria-controls="completions"
          aria-autocomplete="list"
          aria-activedescendant={options[at.value] ? `completion-${at.value}` : undefined}
          autocomplete="off"
          spellcheck={false}
          placeholder={t`status:Failed function:orders since:1h task-id or part of the error`}
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
        <ul
          id="completions"
          role="listbox"
          aria-label={t`Completions`}
          hidden={options.length === 0}
        >
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
        label={t`Time range`}
        value={valueIn(q, "since")}
        options={[
          ["", t`Any time`],
          ["5m", t`Last 5 minutes`],
          ["15m", t`Last 15 minutes`],
          ["1h", t`Last hour`],
          ["1d", t`Last day`],
          ["7d", t`Last 7 days`],
        ]}
        onChange={(value) => {
          text.value = withKey(text.value, "since", value);
          search(text.value);
        }}
      />
      <button type="submit">{t`Search`}</button>
      <Button
        onClick={() => {
          text.value = "";
          search("");
        }}
      >
        {t`Clear`}
      </Button>
      <Button label={t`Help on queries`} onClick={onHelp}>
        ?
      </Button>
    </form>
  );
}

function QueryHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t`Queries`} onClose={onClose}>
      <p>{t`Words are joined by “and”. The arrow keys and Enter choose a completion.`}</p>
      <p>
        {t`Words without a key are one text: the beginning of a task id, or a part of the function's error. The latest 100,000 errors are searched.`}
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
    <Dialog title={t`Columns`} onClose={onClose}>
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
  const detail = detailOf(whole.value.events?.at(-1));
  return (
    <>
      <Failure task={whole.value} />
      <div class="columns">
        <Payload
          name={t`Payload`}
          file={task.taskId}
          text={whole.value.taskPayload}
          encoding={whole.value.taskPayloadEncoding}
        />
        {FINAL.includes(task.status) && whole.value.returnPayload !== undefined ? (
          <Payload
            name={t`Result`}
            file={`${task.taskId}-result`}
            text={whole.value.returnPayload}
            encoding={whole.value.returnPayloadEncoding}
          />
        ) : null}
        {typeof detail.errorMessage === "string" && !isFailed(whole.value) ? (
          <section>
            <h2 class="minor">{t`Last error`}</h2>
            <Pre label={t`Last error`}>{detail.errorMessage}</Pre>
          </section>
        ) : null}
      </div>
    </>
  );
}

function Nothing({ q }: { q: string }) {
  if (q)
    return (
      <p class="empty panel">
        {t`No task matches.`} <a href="#/invocations">{t`Show all`}</a>
      </p>
    );
  return (
    <div class="empty panel">
      <p>
        <b>{t`No tasks yet.`}</b>
      </p>
      <p>
        <Button kind="primary" onClick={() => openSend({})}>
          {t`Invoke a function…`}
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
async function exported(form: "csv" | "json", q: string): Promise<void> {
  const found: api.Task[] = [];
  let nextToken: string | undefined = "";
  try {
    const query = parse(q, await now());
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
  say(
    nextToken === undefined
      ? t`${taskCount(found.length)} exported.`
      : t`The first ${count(found.length)} tasks are exported; narrow the query to export others.`,
  );
}
