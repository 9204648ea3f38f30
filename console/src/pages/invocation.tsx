// SPDX-License-Identifier: MIT
// One task: what is pending, its time line, its attempts with their logs, deliveries, relations.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import * as api from "../api";
import { clockTime, dateTime, duration, FINAL, size, WAITING } from "../format";
import { act, clock, go, limits, link, stored, taskLink, useLive } from "../state";
import { destination } from "../targets";
import { type Lane, lanes, scale } from "../timeline";
import {
  Button,
  Confirm,
  CopyButton,
  download,
  Facts,
  Payload,
  Status,
  Table,
  Time,
  Trouble,
} from "../ui";
import { openSend } from "./send";

export function Invocation({ name, id }: { name: string; id: string }) {
  const found = useLive(`task ${name}/${id}`, () => api.oneTask(name, id));
  const task = found.value;
  return (
    <>
      <p>
        <a href="#/invocations">← Invocations</a>
      </p>
      <Trouble error={found.error} />
      {task ? <Shown task={task} /> : <h1 class="mono">{id}</h1>}
    </>
  );
}

function Shown({ task }: { task: api.WholeTask }) {
  const caused = task.notes.filter(
    (note) => note.kind === "delivery" && note.reference && note.destination?.startsWith("acs:fc:"),
  );
  return (
    <>
      <div class="row title">
        <h1 class="mono">{task.taskId}</h1>
        <Status status={task.status} />
      </div>
      <p class="dim">
        {task.function} / {task.qualifier} · request <code>{task.requestId}</code>
      </p>
      <Actions task={task} />
      <Pending task={task} />
      <div class="panel">
        <Facts rows={facts(task)} />
      </div>
      <h2>Time line</h2>
      <Timeline task={task} />
      <div class="columns">
        <Payload
          name="Payload"
          file={task.taskId}
          text={task.taskPayload}
          encoding={task.taskPayloadEncoding}
        />
        <Payload
          name="Result"
          file={`${task.taskId}-result`}
          text={task.returnPayload}
          encoding={task.returnPayloadEncoding}
        />
      </div>
      <Attempts task={task} />
      <Deliveries task={task} />
      <Relations task={task} caused={caused} />
      <Steps steps={task.events ?? []} />
    </>
  );
}

function Actions({ task }: { task: api.WholeTask }) {
  const asked = useSignal<"" | "stop" | "run-now" | "replay">("");
  const self = [{ function: task.function, taskId: task.taskId }];
  const perform =
    (action: string, text: string) =>
    (reason: string): void => {
      void act(async () => {
        const { done, refused } = await api.act(action, self, reason);
        if (refused[0])
          throw new api.Refused(400, refused[0].code, `${refused[0].code}: ${refused[0].message}`);
        if (done[0]?.newTaskId) go(["invocations", task.function, done[0].newTaskId]);
        return text;
      });
    };
  const close = (): void => {
    asked.value = "";
  };
  const edit = (): void =>
    openSend({
      function: task.function,
      qualifier: task.qualifier,
      payload: task.taskPayload ?? "",
      payloadEncoding: task.taskPayloadEncoding ?? "",
    });
  return (
    <div class="row panel">
      {WAITING.includes(task.status) ? (
        <Button
          kind="primary"
          onClick={() => {
            asked.value = "run-now";
          }}
        >
          Run now…
        </Button>
      ) : null}
      {FINAL.includes(task.status) ? null : (
        <Button
          kind="danger"
          onClick={() => {
            asked.value = "stop";
          }}
        >
          Stop…
        </Button>
      )}
      <Button
        onClick={() => {
          asked.value = "replay";
        }}
      >
        Replay…
      </Button>
      <Button onClick={edit}>Edit and replay…</Button>
      <span class="grow" />
      <span class="dim">Copy</span>
      <CopyButton
        text={() => `${location.origin}/console${taskLink(task.function, task.taskId)}`}
        label="Copy the link"
      >
        link
      </CopyButton>
      <CopyButton text={() => python(task)} label="Copy as Python">
        Python
      </CopyButton>
      <CopyButton text={() => curl(task)} label="Copy as curl">
        curl
      </CopyButton>
      {task.taskPayloadEncoding ? null : (
        <CopyButton text={() => sCommand(task)} label="Copy as s command">
          s
        </CopyButton>
      )}
      {asked.value === "run-now" ? (
        <Confirm
          title="Run now"
          verb="Run now"
          reason
          onClose={close}
          onConfirm={perform("run-now", "It is due now.")}
        >
          <p>It runs now instead of at its due time.</p>
        </Confirm>
      ) : null}
      {asked.value === "stop" ? (
        <Confirm
          title="Stop"
          verb="Stop"
          danger
          reason
          onClose={close}
          onConfirm={perform("stop", "It is being stopped.")}
        >
          <p>A running attempt is interrupted.</p>
        </Confirm>
      ) : null}
      {asked.value === "replay" ? (
        <Confirm
          title="Replay"
          verb="Replay"
          reason
          onClose={close}
          onConfirm={perform("replay", "This is the new task.")}
        >
          <p>The function is invoked again with the same bytes, as a new task.</p>
        </Confirm>
      ) : null}
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

const detailOf = (step: api.TaskEvent | undefined): Record<string, unknown> =>
  step?.eventDetail ? (JSON.parse(step.eventDetail) as Record<string, unknown>) : {};
const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);

/** What a task waits for: which attempt, when, until when, and why the last one failed. */
function Pending({ task }: { task: api.WholeTask }) {
  if (FINAL.includes(task.status)) return null;
  const now = clock.value.now;
  const retries = task.config?.maxAsyncRetryAttempts ?? limits.value?.maxAsyncRetryAttempts.default;
  const age =
    task.config?.maxAsyncEventAgeInSeconds ?? limits.value?.maxAsyncEventAgeInSeconds.default;
  const expires = age === undefined ? undefined : task.acceptedTime + age * 1000;
  const wait = task.dueTime - now;
  const last = detailOf(task.events?.findLast((step) => step.status === "Retrying"));
  const waiting = WAITING.includes(task.status);
  return (
    <section class="panel pending" aria-label="Pending">
      <Facts
        rows={[
          [
            "Attempt",
            retries === undefined
              ? `${task.attempts + 1}`
              : `${task.attempts + 1} of ${retries + 1}`,
          ],
          [
            "Next in",
            waiting
              ? wait > 0
                ? `${duration(wait)}, at ${clockTime(task.dueTime)}`
                : "due now"
              : "running",
          ],
          [
            "Expires in",
            expires === undefined
              ? ""
              : expires > now
                ? `${duration(expires - now)}, at ${dateTime(expires)}`
                : "at its next attempt",
          ],
          ["System retries", task.systemRetries || ""],
          ["Last error", task.taskErrorMessage ?? textOf(last.Error)],
        ]}
      />
      {last.errorMessage ? (
        <pre role="group" tabIndex={0} aria-label="Last error">
          {textOf(last.errorMessage)}
        </pre>
      ) : null}
      {last.logTail ? (
        <details>
          <summary>Log of the last attempt, with its trace</summary>
          <pre role="group" tabIndex={0} aria-label="Log of the last attempt">
            {textOf(last.logTail)}
          </pre>
        </details>
      ) : null}
    </section>
  );
}

const facts = (task: api.WholeTask): [string, ComponentChildren][] => [
  ["Accepted", dateTime(task.acceptedTime)],
  ["Delay", task.delayMs ? duration(task.delayMs) : ""],
  [
    "First attempt",
    task.startedTime === undefined
      ? ""
      : `${dateTime(task.startedTime)} (after ${duration(task.startedTime - task.acceptedTime)})`,
  ],
  [
    "Ended",
    task.endTime === undefined
      ? ""
      : `${dateTime(task.endTime)} (took ${duration(task.endTime - (task.startedTime ?? task.acceptedTime))})`,
  ],
  ["Executions", String(task.attempts)],
  ["Instance", task.instanceId],
  ["Error", FINAL.includes(task.status) ? task.taskErrorMessage : ""],
  ["Destination", task.destinationStatus],
  ["Function", <a href={link(["functions", task.function])}>{task.functionArn}</a>],
];

const folded = stored("fold", true);

function Timeline({ task }: { task: api.WholeTask }) {
  const shown = lanes(task, clock.value.now);
  const { at, folds } = scale(shown, folded.value);
  if (!shown.length) return <p class="dim">Nothing was recorded.</p>;
  const from = Math.min(...shown.flatMap((lane) => lane.spans.map((span) => span.from)));
  const to = Math.max(...shown.flatMap((lane) => lane.spans.map((span) => span.to)));
  return (
    <section class="panel timeline" aria-label="Time line">
      <div class="row">
        <label class="check">
          <input
            type="checkbox"
            checked={folded.value}
            onChange={(event) => {
              folded.value = event.currentTarget.checked;
            }}
          />{" "}
          Fold idle spans
        </label>
        <span class="legend">
          <i class="bar wait" /> waiting
        </span>
        <span class="legend">
          <i class="bar run" /> running
        </span>
        <span class="legend">
          <i class="bar ok" /> ended well
        </span>
        <span class="legend">
          <i class="bar bad" /> failed
        </span>
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
            ? `, of which ${duration(folds.reduce((sum, fold) => sum + fold.ms, 0))} folded`
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
            title={`${span.what}: ${clockTime(span.from)} to ${clockTime(span.to)}, ${duration(span.to - span.from)}`}
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
            title={`${duration(fold.ms)} folded`}
          />
        ))}
      </span>
      <span class="took">
        {[
          waited ? `waited ${duration(waited)}` : "",
          lane.spans.some((span) => span.kind !== "wait")
            ? `${lane.name.startsWith("→") ? "took" : "ran"} ${duration(ran)}`
            : "",
        ]
          .filter(Boolean)
          .join(", ")}
      </span>
    </li>
  );
}

function Attempts({ task }: { task: api.WholeTask }) {
  const rows = lanes(task, clock.value.now).filter((lane) => lane.attempt !== undefined);
  if (!rows.length) return null;
  return (
    <>
      <h2>Attempts</h2>
      {rows.map((lane) => {
        const detail = detailOf(lane.step);
        const run = lane.spans.at(-1);
        return (
          <details key={lane.attempt} class="panel">
            <summary>
              <b>{lane.name}</b>{" "}
              <Status
                status={
                  lane.step
                    ? run?.kind === "ok"
                      ? "Succeeded"
                      : lane.step.status === "Retrying"
                        ? "Failed"
                        : lane.step.status
                    : "Running"
                }
              />{" "}
              <span>{run ? `${clockTime(run.from)} · ${duration(run.to - run.from)}` : ""}</span>{" "}
              <span class="dim">{textOf(detail.Error)}</span>
            </summary>
            {detail.errorMessage ? (
              <>
                <h3>Error</h3>
                <pre role="group" tabIndex={0} aria-label={`Error of ${lane.name}`}>
                  {textOf(detail.errorMessage)}
                </pre>
              </>
            ) : null}
            <h3>Log</h3>
            <Log
              task={task}
              attempt={lane.attempt ?? 1}
              name={lane.name}
              tail={textOf(detail.logTail)}
              bytes={Number(detail.logBytes ?? 0)}
            />
          </details>
        );
      })}
    </>
  );
}

/** The end of a log; the whole of a long one is read on demand. */
function Log({
  task,
  attempt,
  name,
  tail,
  bytes,
}: {
  task: api.WholeTask;
  attempt: number;
  name: string;
  tail: string;
  bytes: number;
}) {
  const whole = useSignal<string | null>(null);
  if (!tail) return <p class="dim">The attempt logged nothing.</p>;
  const read = (): Promise<string> =>
    bytes
      ? api.text(`${api.taskPath(task.function, task.taskId)}/log`, { attempt })
      : Promise.resolve(tail);
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
              ? `The end of ${size(bytes)}`
              : `All that is kept: ${size(bytes)}`
            : ""}
        </span>
        {bytes && whole.value === null ? (
          <Button small label={`Show the whole log of ${name}`} onClick={show}>
            Show all
          </Button>
        ) : null}
        <Button small label={`Download the log of ${name}`} onClick={save}>
          Download
        </Button>
      </div>
      <pre role="group" tabIndex={0} aria-label={`Log of ${name}`}>
        {whole.value ?? tail}
      </pre>
    </>
  );
}

function Deliveries({ task }: { task: api.WholeTask }) {
  const tries = task.notes.filter((note) => note.kind === "delivery");
  const event = tries.find((note) => note.event !== undefined);
  if (!tries.length) return null;
  return (
    <>
      <h2>Deliveries</h2>
      <Table label="Deliveries">
        <thead>
          <tr>
            <th>At</th>
            <th>Outcome</th>
            <th>Destination</th>
            <th class="num">Try</th>
            <th>Answer</th>
            <th>Id at the destination</th>
          </tr>
        </thead>
        <tbody>
          {tries.map((note, index) => (
            <tr key={index}>
              <td>
                <Time at={note.at} />
              </td>
              <td>{note.outcome}</td>
              <td title={note.destination}>{destination(note.destination ?? "")}</td>
              <td class="num">{note.try}</td>
              <td>
                <span class={`status ${(note.status ?? 500) < 300 ? "ok" : "bad"}`}>
                  {note.status}
                </span>{" "}
                {[note.code, note.message].filter(Boolean).join(": ")}
                {note.nextTryAt ? (
                  <span class="dim"> again at {clockTime(note.nextTryAt)}</span>
                ) : null}
              </td>
              <td>
                <code>{note.reference}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {event ? (
        <Payload
          name="Event that was sent"
          file={`${task.taskId}-event`}
          text={event.event}
          encoding={event.eventEncoding}
        />
      ) : null}
    </>
  );
}

function Relations({ task, caused }: { task: api.WholeTask; caused: api.Note[] }) {
  const cause = task.notes.find((note) => note.kind === "cause");
  const actions = task.notes.filter((note) => note.kind === "action");
  if (!cause && !caused.length && !task.callPath.length && !actions.length) return null;
  return (
    <>
      <h2>Relations</h2>
      <div class="panel">
        <Facts
          rows={[
            [
              "Call path",
              task.callPath.length
                ? [...task.callPath, task.functionArn].map((arn) => destination(arn)).join(" → ")
                : "",
            ],
            [
              "Caused by",
              cause ? (
                <a href={taskLink(cause.function ?? "", cause.taskId ?? "")}>
                  {cause.function} / {cause.taskId} ({cause.outcome})
                </a>
              ) : (
                ""
              ),
            ],
            [
              "Caused",
              caused.length ? caused.map((note) => <Child key={note.reference} note={note} />) : "",
            ],
            ...actions.map((note): [string, ComponentChildren] => [
              verb(note),
              <>
                <Time at={note.at} />{" "}
                {note.taskId ? (
                  <a href={taskLink(task.function, note.taskId)}>{note.taskId}</a>
                ) : null}{" "}
                {note.reason ? `“${note.reason}”` : <span class="dim">no reason given</span>}
              </>,
            ]),
          ]}
        />
      </div>
    </>
  );
}

const verb = (note: api.Note): string =>
  ({ stop: "Stopped", "run-now": "Run now", replay: "Replayed as", "replay-of": "Replay of" })[
    note.action ?? ""
  ] ?? "Action";

// The id of a task that a destination made is its request id.
function Child({ note }: { note: api.Note }) {
  const name = /functions\/([^/]+)/.exec(note.destination ?? "")?.[1] ?? "";
  return (
    <div>
      <a href={taskLink(name, note.reference ?? "")}>
        {name} / {note.reference}
      </a>{" "}
      <span class="dim">({note.outcome})</span>
    </div>
  );
}

function Steps({ steps }: { steps: api.TaskEvent[] }) {
  return (
    <details>
      <summary>Recorded steps ({steps.length})</summary>
      <Table label="Recorded steps">
        <thead>
          <tr>
            <th class="num">No.</th>
            <th>Status</th>
            <th>At</th>
            <th>Detail</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step) => {
            const { logTail: _, ...rest } = detailOf(step);
            return (
              <tr key={step.eventId}>
                <td class="num">{step.eventId}</td>
                <td>
                  <Status status={step.status} />
                </td>
                <td>
                  <Time at={step.timestamp} />
                </td>
                <td>
                  {Object.entries(rest)
                    .map(([key, value]) => `${key}: ${textOf(value)}`)
                    .join(" · ")}
                </td>
              </tr>
            );
          })}
        </tbody>
      </Table>
    </details>
  );
}
