// SPDX-License-Identifier: MIT
// Why a task failed: type, message, trace, the messages of its attempts, and the tasks of a loop.

import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import type * as api from "./api";
import { clockTime, duration } from "./format";
import { t, translated } from "./i18n";
import { link, taskLink } from "./state";
import { destination } from "./targets";
import { type Lane, lanes } from "./timeline";
import { Pre, Select, Table } from "./ui";

const FAILED: readonly string[] = ["Failed", "Expired", "Invalid"];
export const isFailed = (task: api.WholeTask): boolean => FAILED.includes(task.status);

export const detailOf = (step: api.TaskEvent | undefined): Record<string, unknown> =>
  step?.eventDetail ? (JSON.parse(step.eventDetail) as Record<string, unknown>) : {};
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value);

interface Attempt {
  name: string;
  number: number;
  message: string;
  log: string;
  at: string;
}

/** The attempts that have ended, each with its own message. */
export const ended = (task: api.WholeTask): Attempt[] =>
  lanes(task, 0).flatMap((lane: Lane) => {
    const run = lane.spans.at(-1);
    const detail = detailOf(lane.step);
    return lane.attempt && lane.step && run
      ? {
          name: lane.name,
          number: lane.attempt,
          message: textOf(detail.errorMessage || detail.Error),
          log: textOf(detail.logTail),
          at: `${clockTime(run.from)} · ${duration(run.to - run.from)}`,
        }
      : [];
  });

export function Failure({ task }: { task: api.WholeTask }) {
  if (!isFailed(task)) return null;
  const attempts = ended(task);
  const same = attempts.every((one) => one.message === attempts[0]?.message);
  const trace = task.trace.join("\n");
  const title = t`Why it failed`;
  return (
    <section class="panel failure" aria-label={title}>
      <h2 class="minor">{title}</h2>
      <p>
        <b>{task.errorType ?? task.taskErrorMessage ?? task.status}</b>
        {task.errorMessage ? `: ${task.errorMessage}` : ""}{" "}
        {task.errorType ? <span class="dim">{task.taskErrorMessage}</span> : null}
      </p>
      {task.trace.length > 1 ? <Pre label={t`Trace`}>{trace}</Pre> : null}
      {attempts.length < 2 ? null : same ? (
        <p class="dim">
          {attempts.length === 2
            ? t`Both attempts failed with this message.`
            : t`All ${attempts.length} attempts failed with this message.`}
        </p>
      ) : (
        <Table label={t`Messages of the attempts`}>
          <tbody>
            {attempts.map((one) => (
              <tr key={one.number}>
                <td class="tight">{one.name}</td>
                <td>{one.message}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      <Compare task={task} />
      {task.callPath.length && !task.errorType ? <Callers task={task} /> : null}
    </section>
  );
}

/** The call path, first caller first: each task that is known, else its function. */
export function Callers({ task }: { task: api.WholeTask }) {
  const first = task.callPath.length - task.callers.length;
  const known = [...task.callers].reverse();
  return (
    <ol class="callers" aria-label={t`Who called whom`}>
      {task.callPath.map((arn, index) => {
        const caller = known[index - first];
        const name = /functions\/([^/]+)/.exec(arn)?.[1] ?? "";
        return (
          <li key={index}>
            {caller ? (
              <>
                <a href={taskLink(caller.function, caller.taskId)}>
                  {caller.function} / {caller.taskId}
                </a>{" "}
                <span class="dim">({translated(caller.outcome)})</span>
              </>
            ) : (
              <a href={link(["functions", name])}>{destination(arn)}</a>
            )}
          </li>
        );
      })}
      <li>
        {task.function} / {task.taskId}
      </li>
    </ol>
  );
}

/** Two attempts side by side; lines that the other one does not have are marked. */
export function Compare({ task }: { task: api.WholeTask }) {
  const attempts = ended(task);
  const left = useSignal("1");
  const right = useSignal("");
  if (attempts.length < 2) return null;
  const chosen = [left.value, right.value || String(attempts.length)].map(
    (number) => attempts.find((one) => String(one.number) === number) ?? attempts[0],
  );
  const lines = chosen.map((one) => [
    ...(one?.message.split("\n") ?? []),
    "",
    ...(one?.log.split("\n") ?? []),
  ]);
  return (
    <details>
      <summary>{t`Compare two attempts`}</summary>
      <div class="columns" role="group" aria-label={t`Compared attempts`}>
        {chosen.map((one, side) => (
          <section key={side}>
            <div class="row">
              <Select
                label={side ? t`Second attempt` : t`First attempt`}
                value={String(one?.number)}
                options={attempts.map((each): [string, string] => [String(each.number), each.name])}
                onChange={(value) => {
                  (side ? right : left).value = value;
                }}
              />
              <span class="dim">{one?.at}</span>
            </div>
            <Pre label={t`Message and log of ${one?.name ?? ""}`}>
              {lines[side]?.map((line, index) =>
                line && !lines[1 - side]?.includes(line) ? (
                  <Fragment key={index}>
                    <mark>{line}</mark>
                    {"\n"}
                  </Fragment>
                ) : (
                  `${line}\n`
                ),
              )}
            </Pre>
          </section>
        ))}
      </div>
    </details>
  );
}
