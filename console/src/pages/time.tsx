// SPDX-License-Identifier: MIT
// The clock of the runtime, and what is due next.

import { useSignal } from "@preact/signals";
import * as api from "../api";
import { dateTime, duration } from "../format";
import { act, clock, taskLink, useLive } from "../state";
import { Button, Field, Status, Table, Trouble } from "../ui";

interface Due {
  at: number;
  what: string;
  href: string;
  status?: string;
}

/** What falls due next: waiting tasks, by their due time, and timers. */
async function due(): Promise<Due[]> {
  const [waiting, { triggers }] = await Promise.all([
    api.get<api.Tasks>("/due", { limit: 50 }),
    api.get<api.Triggers>("/triggers"),
  ]);
  const tasks = waiting.tasks.map(
    (task): Due => ({
      at: task.dueTime,
      what: `${task.function} / ${task.taskId}`,
      href: task.taskMode ? taskLink(task.function, task.taskId) : "",
      status: task.status,
    }),
  );
  const timers = triggers.flatMap((one) =>
    one.nextFirings.slice(0, 1).map(
      (at): Due => ({
        at,
        what: `timer ${one.triggerName} of ${one.function}`,
        href: `#/functions/${encodeURIComponent(one.function)}/triggers`,
      }),
    ),
  );
  return [...tasks, ...timers].sort((a, b) => a.at - b.at).slice(0, 50);
}

export const advance = (seconds: number): void => {
  void act(async () => {
    await api.post("/clock/advance", { seconds });
    return `${duration(seconds * 1000)} passed.`;
  });
};
export const runUntilIdle = (): void => {
  void act(
    async () =>
      `Idle after ${duration((await api.post<api.Idle>("/clock/run-until-idle")).passed)}.`,
  );
};

export function TimePage() {
  const found = useLive("due", due);
  const amount = useSignal("90");
  const { now, virtual } = clock.value;
  return (
    <>
      <h1>Time</h1>
      <div class="panel">
        <p class="now">
          <b>{dateTime(now)}</b>{" "}
          <span class="dim">
            {virtual ? "virtual: it stands still until it is moved" : "the machine's clock"}
          </span>
        </p>
        {virtual ? (
          <div class="row bottom">
            {(
              [
                ["+1 s", 1],
                ["+1 min", 60],
                ["+1 h", 3600],
                ["+1 d", 86_400],
              ] as const
            ).map(([text, seconds]) => (
              <Button key={text} onClick={() => advance(seconds)}>
                {text}
              </Button>
            ))}
            <form
              class="row bottom"
              onSubmit={(event) => {
                event.preventDefault();
                advance(Number(amount.value));
              }}
            >
              <Field label="Seconds">
                <input
                  type="number"
                  min={0}
                  step="any"
                  required
                  value={amount.value}
                  onInput={(event) => {
                    amount.value = event.currentTarget.value;
                  }}
                />
              </Field>
              <button type="submit">Advance</button>
            </form>
            <Button kind="primary" onClick={runUntilIdle}>
              Run until idle
            </Button>
          </div>
        ) : (
          <p>
            Time can be moved after a start with <code>fc-async local start --clock virtual</code>.
          </p>
        )}
      </div>
      <h2>Due next</h2>
      <Trouble error={found.error} />
      {found.value?.length === 0 ? <p class="dim">Nothing waits.</p> : null}
      {found.value?.length ? (
        <Table label="Due next">
          <thead>
            <tr>
              <th>In</th>
              <th>At</th>
              <th>What</th>
              <th>Status</th>
            </tr>
          </thead>
          <tbody>
            {found.value.map((one) => (
              <tr key={`${one.what} ${one.at}`}>
                <td>{one.at > now ? duration(one.at - now) : "now"}</td>
                <td>{dateTime(one.at)}</td>
                <td>{one.href ? <a href={one.href}>{one.what}</a> : one.what}</td>
                <td>{one.status ? <Status status={one.status} /> : null}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      ) : null}
    </>
  );
}
