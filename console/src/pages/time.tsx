// SPDX-License-Identifier: MIT
// The clock of the runtime, and what is due next.

import { useSignal } from "@preact/signals";
import * as api from "../api";
import { dateTime, duration } from "../format";
import { t } from "../i18n";
import { act, clock, taskLink, useLive } from "../state";
import { Button, Field, Input, List, Skeleton, Status, Time, Trouble } from "../ui";

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
  // What waits for the end of a pause has no time of its own.
  const own = waiting.tasks.filter((task) => !task.paused);
  const tasks = own.map(
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
        what: t`timer ${one.triggerName} of ${one.function}`,
        href: `#/functions/${encodeURIComponent(one.function)}/triggers`,
      }),
    ),
  );
  return [...tasks, ...timers].sort((a, b) => a.at - b.at).slice(0, 50);
}

export const advance = (seconds: number): void => {
  void act(async () => {
    await api.post("/clock/advance", { seconds });
    return t`${duration(seconds * 1000)} passed.`;
  });
};
export const runUntilIdle = (): void => {
  void act(
    async () =>
      t`Idle after ${duration((await api.post<api.Idle>("/clock/run-until-idle")).passed)}.`,
  );
};

function Clock({ clock: { now, virtual } }: { clock: api.Clock }) {
  const amount = useSignal("90");
  return (
    <div class="panel">
      <p class="now">
        <b>{dateTime(now)}</b>{" "}
        <span class="dim">
          {virtual ? t`virtual: it stands still until it is moved` : t`the machine's clock`}
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
            <Field label={t`Seconds`}>
              <Input of={amount} type="number" min={0} step="any" required />
            </Field>
            <button type="submit">{t`Advance`}</button>
          </form>
          <Button kind="primary" onClick={runUntilIdle}>
            {t`Run until idle`}
          </Button>
        </div>
      ) : (
        <p>
          {t`Time can be moved after this start:`} <code>fc-async local start --clock virtual</code>
        </p>
      )}
    </div>
  );
}

export function TimePage() {
  const found = useLive("due", due);
  const known = clock.value;
  const now = known?.now ?? 0;
  return (
    <>
      <h1>{t`Time`}</h1>
      {known ? <Clock clock={known} /> : <Skeleton lines={2} />}
      <h2>{t`Due next`}</h2>
      <Trouble error={found.error} />
      <List
        error={found.error}
        label={t`Due next`}
        rows={known ? found.value : undefined}
        keyOf={(one) => `${one.what} ${one.at}`}
        empty={<p class="dim">{t`Nothing waits.`}</p>}
        columns={[
          { title: t`In`, cell: (one) => (one.at > now ? duration(one.at - now) : t`now`) },
          { title: t`At`, cell: (one) => <Time at={one.at} date /> },
          {
            title: t`What`,
            kind: "id",
            cell: (one) => (one.href ? <a href={one.href}>{one.what}</a> : one.what),
          },
          {
            title: t`Status`,
            cell: (one) => (one.status ? <Status status={one.status} /> : null),
          },
        ]}
      />
    </>
  );
}
