// SPDX-License-Identifier: MIT
// One task: what is pending, its time line, its attempts with their logs, deliveries, relations.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import * as api from "../api";
import { Callers, Compare, detailOf, ended, Failure, isFailed, textOf } from "../failure";
import { clockTime, dateTime, duration, FINAL, size, UNRECORDED, WAITING } from "../format";
import { t, translated } from "../i18n";
import { act, clock, go, limits, link, stored, taskLink, useLive } from "../state";
import { destination } from "../targets";
import { type Lane, lanes, scale } from "../timeline";
import {
  Ask,
  Button,
  Check,
  CopyButton,
  download,
  Facts,
  List,
  Payload,
  Pre,
  Skeleton,
  Status,
  Time,
  Trouble,
} from "../ui";
import { openSend } from "./send";

export function Invocation({ name, id }: { name: string; id: string }) {
  const found = useLive(`task ${name}/${id}`, () => api.oneTask(name, id));
  const task = found.value;
  const now = clock.value?.now;
  return (
    <>
      <p>
        <a href="#/invocations">← {t`Invocations`}</a>
      </p>
      <Trouble error={found.error} />
      {task && now !== undefined ? (
        <Shown task={task} now={now} />
      ) : (
        <>
          <h1 class="mono">{id}</h1>
          {found.error ? null : <Skeleton lines={8} />}
        </>
      )}
    </>
  );
}

interface At {
  task: api.WholeTask;
  now: number;
}

function Shown({ task, now }: At) {
  return (
    <>
      <div class="row title">
        <h1 class="mono">{task.taskId}</h1>
        <Status status={task.status} />
      </div>
      <p class="dim">
        {task.function} / {task.qualifier} · {t`request`} <code>{task.requestId}</code>
        {task.taskMode === false ? ` · ${UNRECORDED}` : ""}
      </p>
      <Failure task={task} />
      <Actions task={task} />
      <Pending task={task} now={now} />
      <div class="panel">
        <Facts rows={facts(task)} />
      </div>
      <h2>{t`Time line`}</h2>
      <Timeline task={task} now={now} />
      <div class="columns">
        <Payload
          name={t`Payload`}
          file={task.taskId}
          text={task.taskPayload}
          encoding={task.taskPayloadEncoding}
        />
        {FINAL.includes(task.status) ? (
          <Payload
            name={t`Result`}
            file={`${task.taskId}-result`}
            text={task.returnPayload}
            encoding={task.returnPayloadEncoding}
          />
        ) : null}
      </div>
      <Attempts task={task} now={now} />
      <Deliveries task={task} />
      <Relations task={task} />
      <Steps steps={task.events ?? []} />
    </>
  );
}

function Actions({ task }: { task: api.WholeTask }) {
  const self = [{ function: task.function, taskId: task.taskId }];
  const recorded = task.taskMode !== false;
  const perform =
    (action: string, text: string) =>
    async (reason: string): Promise<string> => {
      const { done, refused } = await api.act(action, self, reason);
      if (refused[0])
        throw new api.Refused(400, refused[0].code, `${refused[0].code}: ${refused[0].message}`);
      if (done[0]?.newTaskId) go(["invocations", task.function, done[0].newTaskId]);
      return text;
    };
  const edit = (): void =>
    openSend({
      function: task.function,
      replayOf: task.taskId,
      qualifier: task.qualifier,
      payload: task.taskPayload ?? "",
      payloadEncoding: task.taskPayloadEncoding ?? "",
    });
  return (
    <div class="row panel">
      {recorded && WAITING.includes(task.status) ? (
        <Ask
          kind="primary"
          question={{
            title: t`Run now`,
            verb: t`Run now`,
            reason: true,
            text: t`It runs now instead of at its due time.`,
            work: perform("run-now", t`It is due now.`),
          }}
        >
          {t`Run now…`}
        </Ask>
      ) : null}
      {!recorded || FINAL.includes(task.status) ? null : (
        <Ask
          question={{
            title: t`Stop`,
            verb: t`Stop`,
            danger: true,
            reason: true,
            text: t`A running attempt is interrupted.`,
            work: perform("stop", t`It is being stopped.`),
          }}
        >
          {t`Stop…`}
        </Ask>
      )}
      <Ask
        question={{
          title: t`Replay`,
          verb: t`Replay`,
          reason: true,
          text: t`The function is invoked again with the same bytes, as a new task.`,
          work: perform("replay", t`This is the new task.`),
        }}
      >
        {t`Replay…`}
      </Ask>
      <Button onClick={edit}>{t`Edit and replay…`}</Button>
      <span class="grow" />
      <span class="dim">{t`Copy`}</span>
      <CopyButton
        text={() => `${location.origin}/console${taskLink(task.function, task.taskId)}`}
        label={t`Copy the link`}
      >
        {t`link`}
      </CopyButton>
      <CopyButton text={() => python(task)} label={t`Copy as Python`}>
        Python
      </CopyButton>
      <CopyButton text={() => curl(task)} label={t`Copy as curl`}>
        curl
      </CopyButton>
      {task.taskPayloadEncoding ? null : (
        <CopyButton text={() => sCommand(task)} label={t`Copy as s command`}>
          s
        </CopyButton>
      )}
    </div>
  );
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

// A JSON string is a string of Python as well.
function python(task: api.WholeTask): string {
  const text = JSON.stringify(task.taskPayload ?? "");
  const binary = task.taskPayloadEncoding === "base64";
  return [
    ...(binary ? ["import base64", ""] : []),
    "import fc_async_sdk",
    "",
    `client = fc_async_sdk.client(endpoint_url=${JSON.stringify(location.origin)})`,
    `client.invoke_async(${JSON.stringify(task.function)}, ${binary ? `base64.b64decode(${text})` : text}, qualifier=${JSON.stringify(task.qualifier)})`,
  ].join("\n");
}

function curl(task: api.WholeTask): string {
  const call = `curl -i -X POST ${quoted(`${location.origin}/2023-03-30/functions/${task.function}/invocations?qualifier=${task.qualifier}`)} -H 'x-fc-invocation-type: Async'`;
  return task.taskPayloadEncoding
    ? `printf %s ${quoted(task.taskPayload ?? "")} | base64 -d | ${call} --data-binary @-`
    : `${call} --data-raw ${quoted(task.taskPayload ?? "")}`;
}

const sCommand = (task: api.WholeTask): string =>
  `s ${task.function} invoke --invocation-type Async --qualifier ${task.qualifier} -e ${quoted(task.taskPayload ?? "")}`;

/** What a task waits for: which attempt, when, until when, and why the last one failed. */
function Pending({ task, now }: At) {
  if (FINAL.includes(task.status)) return null;
  const retries = task.config?.maxAsyncRetryAttempts ?? limits.value?.maxAsyncRetryAttempts.default;
  const age =
    task.config?.maxAsyncEventAgeInSeconds ?? limits.value?.maxAsyncEventAgeInSeconds.default;
  const expires = age === undefined ? 0 : task.acceptedTime + age * 1000;
  const wait = task.dueTime - now;
  const last = detailOf(task.events?.findLast((step) => step.status === "Retrying"));
  const waits = task.paused
    ? t`when the function is resumed`
    : wait > 0
      ? t`${duration(wait)}, at ${clockTime(task.dueTime)}`
      : t`due now`;
  return (
    <section class="panel pending" aria-label={t`Pending`}>
      <Facts
        rows={[
          [
            t`Attempt`,
            retries === undefined
              ? `${task.attempts + 1}`
              : t`${task.attempts + 1} of ${retries + 1}`,
          ],
          [t`Next in`, WAITING.includes(task.status) ? waits : t`running`],
          [
            t`Expires in`,
            expires &&
              (expires > now
                ? t`${duration(expires - now)}, at ${dateTime(expires)}`
                : t`at its next attempt`),
          ],
          [t`System retries`, task.systemRetries || ""],
          [t`Last error`, task.taskErrorMessage ?? textOf(last.Error)],
        ]}
      />
      {last.errorMessage ? <Pre label={t`Last error`}>{textOf(last.errorMessage)}</Pre> : null}
      {last.logTail ? (
        <details>
          <summary>{t`Log of the last attempt, with its trace`}</summary>
          <Pre label={t`Log of the last attempt`}>{textOf(last.logTail)}</Pre>
        </details>
      ) : null}
    </section>
  );
}

const facts = (task: api.WholeTask): [string, ComponentChildren][] => [
  [t`Accepted`, dateTime(task.acceptedTime)],
  [t`Delay`, task.delayMs ? duration(task.delayMs) : ""],
  [
    t`First attempt`,
    task.startedTime === undefined
      ? ""
      : t`${dateTime(task.startedTime)} (after ${duration(task.startedTime - task.acceptedTime)})`,
  ],
  [
    t`Ended`,
    task.endTime === undefined
      ? ""
      : t`${dateTime(task.endTime)} (took ${duration(task.endTime - (task.startedTime ?? task.acceptedTime))})`,
  ],
  [t`Executions`, String(task.attempts)],
  [t`Instance`, task.instanceId],
  [t`Error`, FINAL.includes(task.status) ? task.taskErrorMessage : ""],
  [t`Destination`, task.destinationStatus],
  [t`Function`, <a href={link(["functions", task.function])}>{task.functionArn}</a>],
];

const folded = stored("fold", true);

function Timeline({ task, now }: At) {
  const shown = lanes(task, now);
  const { at, folds } = scale(shown, folded.value);
  if (!shown.length) return <p class="dim">{t`Nothing was recorded.`}</p>;
  const from = Math.min(...shown.flatMap((lane) => lane.spans.map((span) => span.from)));
  const to = Math.max(...shown.flatMap((lane) => lane.spans.map((span) => span.to)));
  return (
    <section class="panel timeline" aria-label={t`Time line`}>
      <div class="row">
        <Check of={folded}>{t`Fold idle spans`}</Check>
        {(
          [
            ["wait", t`waiting`],
            ["run", t`running`],
            ["ok", t`succeeded`],
            ["bad", t`failed`],
          ] as const
        ).map(([kind, text]) => (
          <span key={kind} class="legend">
            <i class={`bar ${kind}`} /> {text}
          </span>
        ))}
      </div>
      <ol>
        {shown.map((lane, index) => (
          <LaneRow key={`${lane.name} ${index}`} lane={lane} at={at} folds={folds} />
        ))}
      </ol>
      <div class="axis">
        <span>{clockTime(from)}</span>
        <span class="dim">
          {duration(to - from)}
          {folds.length
            ? t`, of which ${duration(folds.reduce((sum, fold) => sum + fold.ms, 0))} folded`
            : ""}
        </span>
        <span>{clockTime(to)}</span>
      </div>
    </section>
  );
}

const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;

function LaneRow({
  lane,
  at,
  folds,
}: {
  lane: Lane;
  at: (time: number) => number;
  folds: { at: number; ms: number }[];
}) {
  const sum = (kinds: string[]): number =>
    lane.spans
      .filter((span) => kinds.includes(span.kind))
      .reduce((all, span) => all + span.to - span.from, 0);
  const ran = sum(["run", "ok", "bad"]);
  const waited = sum(["wait"]);
  return (
    <li>
      <span class="name">{lane.name}</span>
      <span class="track">
        {lane.spans.map((span, index) => (
          <i
            key={index}
            class={`bar ${span.kind}`}
            title={t`${span.what}: ${clockTime(span.from)} to ${clockTime(span.to)}, ${duration(span.to - span.from)}`}
            style={{
              left: `min(${percent(at(span.from))}, 100% - 3px)`,
              width: percent(Math.max(at(span.to) - at(span.from), 0)),
            }}
          />
        ))}
        {folds.map((fold) => (
          <i
            key={fold.at}
            class="fold"
            style={{ left: percent(fold.at) }}
            title={t`${duration(fold.ms)} folded`}
          />
        ))}
      </span>
      <span class="took">
        {[
          waited ? t`waited ${duration(waited)}` : "",
          lane.spans.some((span) => span.kind !== "wait")
            ? lane.name.startsWith("→")
              ? t`took ${duration(ran)}`
              : t`ran ${duration(ran)}`
            : "",
        ]
          .filter(Boolean)
          .join(", ")}
      </span>
    </li>
  );
}

function Attempts({ task, now }: At) {
  const rows = lanes(task, now).filter((lane) => lane.attempt !== undefined);
  const messages = ended(task);
  if (!rows.length) return null;
  return (
    <>
      <h2>{t`Attempts`}</h2>
      {isFailed(task) ? null : <Compare task={task} />}
      {rows.map((lane) => {
        const detail = detailOf(lane.step);
        const run = lane.spans.at(-1);
        const status = lane.step?.status === "Retrying" ? "Failed" : lane.step?.status;
        const message = messages.find((one) => one.number === lane.attempt)?.message ?? "";
        return (
          <Fold key={lane.attempt} open={!lane.step}>
            <summary>
              <b>{lane.name}</b>{" "}
              <Status
                status={run?.kind === "ok" ? "Succeeded" : lane.step ? (status ?? "") : "Running"}
              />{" "}
              <span>{run ? `${clockTime(run.from)} · ${duration(run.to - run.from)}` : ""}</span>{" "}
              <span class="dim">{message.split("\n", 1)[0]?.slice(0, 200)}</span>
            </summary>
            {message ? (
              <>
                <h3>{t`Error`}</h3>
                <Pre label={t`Error of ${lane.name}`}>{message}</Pre>
              </>
            ) : null}
            <h3>{t`Log`}</h3>
            {lane.step ? (
              <Log
                task={task}
                attempt={lane.attempt ?? 1}
                name={lane.name}
                tail={textOf(detail.logTail)}
                bytes={Number(detail.logBytes ?? 0)}
              />
            ) : (
              <LiveLog task={task} attempt={lane.attempt ?? 1} name={lane.name} />
            )}
          </Fold>
        );
      })}
    </>
  );
}

/** Details that are opened or closed by the user only, once they are shown. */
function Fold({ open, children }: { open: boolean; children: ComponentChildren }) {
  const begun = useSignal(open);
  return (
    <details class="panel" open={begun.value}>
      {children}
    </details>
  );
}

interface OfAttempt {
  task: api.WholeTask;
  attempt: number;
  name: string;
}

const logPath = (task: api.WholeTask): string => `${api.taskPath(task.function, task.taskId)}/log`;

/** What an attempt that runs has printed so far. */
function LiveLog({ task, attempt, name }: OfAttempt) {
  const key = `log ${task.requestId} ${attempt}`;
  const text = useLive(key, () => api.text(logPath(task), { attempt })).value;
  if (!text) return <p class="dim">{t`The attempt has printed no line yet.`}</p>;
  return <Pre label={t`Log of ${name}`}>{text}</Pre>;
}

/** The end of a log; the whole of a long one is read on demand. */
function Log({ task, attempt, name, tail, bytes }: OfAttempt & { tail: string; bytes: number }) {
  const whole = useSignal<string | null>(null);
  if (!tail) return <p class="dim">{t`The attempt logged nothing.`}</p>;
  const read = (): Promise<string> =>
    bytes ? api.text(logPath(task), { attempt }) : Promise.resolve(tail);
  const show = (): void => {
    void act(async () => {
      whole.value = await read();
    });
  };
  const save = (): void => {
    void act(async () => {
      download(`${task.taskId}-attempt-${attempt}.log`, await read(), "text/plain");
    });
  };
  return (
    <>
      <div class="row">
        <span class="dim">
          {bytes
            ? whole.value === null
              ? t`The end of ${size(bytes)}`
              : t`All that is kept: ${size(bytes)}`
            : ""}
        </span>
        {bytes && whole.value === null ? (
          <Button small label={t`Show the whole log of ${name}`} onClick={show}>
            {t`Show all`}
          </Button>
        ) : null}
        <Button small label={t`Download the log of ${name}`} onClick={save}>
          {t`Download`}
        </Button>
      </div>
      <Pre label={t`Log of ${name}`}>{whole.value ?? tail}</Pre>
    </>
  );
}

function Deliveries({ task }: { task: api.WholeTask }) {
  const tries = task.notes.filter((note) => note.kind === "delivery");
  const event = tries.find((note) => note.event !== undefined);
  if (!tries.length) return null;
  return (
    <>
      <h2>{t`Deliveries`}</h2>
      <List
        label={t`Deliveries`}
        rows={tries}
        keyOf={(note) => `${note.at} ${note.try}`}
        columns={[
          { title: t`At`, cell: (note) => <Time at={note.at} /> },
          { title: t`Outcome`, cell: (note) => translated(note.outcome ?? "") },
          {
            title: t`Destination`,
            cell: (note) => (
              <span title={note.destination}>{destination(note.destination ?? "")}</span>
            ),
          },
          { title: t`Try`, kind: "num", cell: (note) => note.try },
          {
            title: t`Answer`,
            cell: (note) => (
              <>
                <span class={`status ${(note.status ?? 500) < 300 ? "ok" : "bad"}`}>
                  {note.status}
                </span>{" "}
                {[note.code, note.message].filter(Boolean).join(": ")}
                {note.nextTryAt ? (
                  <span class="dim"> {t`again at ${clockTime(note.nextTryAt)}`}</span>
                ) : null}
              </>
            ),
          },
          { title: t`Id at the destination`, cell: (note) => <code>{note.reference}</code> },
        ]}
      />
      {event ? (
        <Payload
          name={t`Event that was sent`}
          file={`${task.taskId}-event`}
          text={event.event}
          encoding={event.eventEncoding}
        />
      ) : null}
    </>
  );
}

const SUFFIX = /-replay-(\d+)$/;

/** The ids before and after a task in the replays of `fc-async tasks replay`, which names them so. */
function neighbours(id: string): { before: string[]; after: string[] } {
  const number = Number(SUFFIX.exec(id)?.[1] ?? 0);
  const stem = id.replace(SUFFIX, "");
  const named = (stem: string, n: number): string => (n ? `${stem}-replay-${n}` : stem);
  return {
    // An id that the service made gets the prefix t-.
    before: number ? [named(stem, number - 1), named(stem.replace(/^t-/, ""), number - 1)] : [],
    after: [named(stem, number + 1), named(`t-${stem}`, number + 1)],
  };
}

/** The first of some tasks that exists and had the same payload, "" without one. */
async function same(task: api.WholeTask, ids: string[]): Promise<string> {
  for (const prefix of new Set(ids)) {
    const query = { function: task.function, prefix, limit: 20, sortOrderByTime: "asc" };
    const { tasks } = await api.get<api.Tasks>("/tasks", query);
    if (!tasks.some((one) => one.taskId === prefix)) continue;
    const found = await api.oneTask(task.function, prefix);
    if (found.taskPayload === task.taskPayload) return prefix;
  }
  return "";
}

function Relations({ task }: { task: api.WholeTask }) {
  const caused = task.notes.filter(
    (note) => note.kind === "delivery" && note.reference && note.destination?.startsWith("acs:fc:"),
  );
  const cause = task.notes.find((note) => note.kind === "cause");
  const actions = task.notes.filter((note) => note.kind === "action");
  const noted = (action: string): boolean => actions.some((note) => note.action === action);
  const ids = neighbours(task.taskId);
  const of = useLive(`replay of ${task.requestId}`, () => same(task, ids.before)).value;
  const as = useLive(`replayed as ${task.requestId}`, () => same(task, ids.after)).value;
  const replays = [
    [t`Replay of`, noted("replay-of") ? "" : of],
    [t`Replayed as`, noted("replay") ? "" : as],
  ].filter((one): one is [string, string] => Boolean(one[1]));
  if (!cause && !caused.length && !task.callPath.length && !actions.length && !replays.length)
    return null;
  return (
    <>
      <h2>{t`Relations`}</h2>
      <div class="panel">
        <Facts
          rows={[
            [t`Call path`, task.callPath.length ? <Callers task={task} /> : ""],
            [
              t`Caused by`,
              cause ? (
                <a href={taskLink(cause.function ?? "", cause.taskId ?? "")}>
                  {cause.function} / {cause.taskId} ({translated(cause.outcome ?? "")})
                </a>
              ) : (
                ""
              ),
            ],
            [
              t`Caused`,
              caused.length ? caused.map((note) => <Child key={note.reference} note={note} />) : "",
            ],
            ...replays.map(([name, id]): [string, ComponentChildren] => [
              name,
              <a href={taskLink(task.function, id)}>{id}</a>,
            ]),
            ...actions.map((note): [string, ComponentChildren] => [
              verb(note),
              <>
                <Time at={note.at} />{" "}
                {note.taskId ? (
                  <a href={taskLink(task.function, note.taskId)}>{note.taskId}</a>
                ) : null}{" "}
                {note.reason ? `“${note.reason}”` : <span class="dim">{t`no reason given`}</span>}
              </>,
            ]),
          ]}
        />
      </div>
    </>
  );
}

const verb = (note: api.Note): string =>
  ({
    stop: t`Stopped`,
    "run-now": t`Run now`,
    replay: t`Replayed as`,
    "replay-of": t`Replay of`,
  })[note.action ?? ""] ?? t`Action`;

// The id of a task that a destination made is its request id.
function Child({ note }: { note: api.Note }) {
  const name = /functions\/([^/]+)/.exec(note.destination ?? "")?.[1] ?? "";
  return (
    <div>
      <a href={taskLink(name, note.reference ?? "")}>
        {name} / {note.reference}
      </a>{" "}
      <span class="dim">({translated(note.outcome ?? "")})</span>
    </div>
  );
}

function Steps({ steps }: { steps: api.TaskEvent[] }) {
  return (
    <details>
      <summary>{t`Recorded steps (${steps.length})`}</summary>
      <List
        label={t`Recorded steps`}
        rows={steps}
        keyOf={(step) => String(step.eventId)}
        columns={[
          { title: t`No.`, kind: "num", cell: (step) => step.eventId },
          { title: t`Status`, cell: (step) => <Status status={step.status} /> },
          { title: t`At`, cell: (step) => <Time at={step.timestamp} /> },
          {
            title: t`Detail`,
            cell: (step) => {
              const { logTail: _, ...rest } = detailOf(step);
              return Object.entries(rest)
                .map(([key, value]) => `${key}: ${textOf(value)}`)
                .join(" · ");
            },
          },
        ]}
      />
    </details>
  );
}
