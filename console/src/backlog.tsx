// SPDX-License-Identifier: MIT
// Why calls of a function wait: rates, limits, what holds them, and what to change.

import * as api from "./api";
import { count, dateTime, duration } from "./format";
import { t, translated } from "./i18n";
import { act, useLive } from "./state";
import { Ask, Button, Facts, Trouble } from "./ui";

const aMinute = (rate: number): string => count(Math.round(rate * 10) / 10);

export function Backlog({ name }: { name: string }) {
  const found = useLive(`backlog ${name}`, () =>
    api.get<api.Explanation>(`/functions${api.path(name)}/backlog`),
  );
  const backlog = found.value;
  const title = t`Backlog`;
  return (
    <section class="panel" aria-label={title}>
      <div class="row">
        <h2 class="minor">{title}</h2>
        <span class="grow" />
        {backlog ? <Brake name={name} backlog={backlog} /> : null}
      </div>
      <Trouble error={found.error} />
      {backlog ? (
        <>
          <Facts rows={facts(backlog)} />
          {backlog.heldBy.length ? (
            <ul class="causes" aria-label={t`What holds the waiting calls`}>
              {backlog.heldBy.map((held) => (
                <li key={held.cause}>
                  <Cause held={held} name={name} />
                </li>
              ))}
            </ul>
          ) : null}
          {backlog.unknown.length && backlog.waiting ? (
            <p class="dim">
              {t`Not known:`} {backlog.unknown.map(translated).join("; ")}
            </p>
          ) : null}
        </>
      ) : null}
    </section>
  );
}

/** Pauses the function, or ends its pause; a rate is for the command line. */
function Brake({ name, backlog }: { name: string; backlog: api.Explanation }) {
  const where = `/functions${api.path(name)}`;
  const resume = (): void =>
    void act(async () => {
      const { waiting } = await api.post<api.Resumed>(`${where}/resume`);
      const calls = count(waiting);
      return t`${name} goes on; calls that waited: ${calls}.`;
    });
  const draining = backlog.heldBy.some((held) => held.cause === "draining");
  if (backlog.pausedSince || draining)
    return (
      <Button small onClick={resume}>
        {draining ? t`Start all now` : t`Resume`}
      </Button>
    );
  return (
    <Ask
      small
      question={{
        title: t`Pause ${name}`,
        verb: t`Pause`,
        text: t`No asynchronous call begins until it is resumed. Calls are accepted and wait; one that reaches its maximum age is expired.`,
        work: async () => {
          await api.put<api.Pause>(`${where}/pause`, undefined);
          return t`${name} is paused.`;
        },
      }}
    >
      {t`Pause…`}
    </Ask>
  );
}

function facts(backlog: api.Explanation): [string, string][] {
  const waiting = count(backlog.waiting ?? 0);
  const running = count(backlog.running ?? 0);
  return [
    [t`Calls`, t`${waiting} waiting, ${running} running`],
    [t`Paused since`, backlog.pausedSince ? dateTime(backlog.pausedSince) : ""],
    [t`Rates`, rates(backlog)],
    [t`Durations`, durations(backlog)],
    [t`Capacity`, capacity(backlog)],
    [t`Drains`, drains(backlog)],
  ];
}

function rates(backlog: api.Explanation): string {
  if (backlog.arrivalsPerMinute === null || backlog.endsPerMinute === null) return "";
  const arrivals = aMinute(backlog.arrivalsPerMinute);
  const ends = aMinute(backlog.endsPerMinute);
  const hops = aMinute(backlog.hopsPerMinute ?? 0);
  return backlog.hopsPerMinute
    ? t`${arrivals} arrive a minute, ${ends} end; not counted: ${hops} that were only sent on`
    : t`${arrivals} arrive a minute, ${ends} end`;
}

function durations(backlog: api.Explanation): string {
  if (backlog.medianMs === null || backlog.p90Ms === null) return "";
  const median = duration(Math.round(backlog.medianMs));
  const most = duration(Math.round(backlog.p90Ms));
  return t`half within ${median}, 90 % within ${most}`;
}

function capacity(backlog: api.Explanation): string {
  if (backlog.capacityPerMinute === null || backlog.instancesNeeded === null) return "";
  const possible = aMinute(backlog.capacityPerMinute);
  const instances = count(backlog.instancesNeeded);
  return t`${possible} a minute; instances that the arrivals need: ${instances}`;
}

function drains(backlog: api.Explanation): string {
  if (!backlog.waiting) return "";
  if (backlog.grows) return t`never: more calls arrive than its limits allow`;
  if (backlog.drainSeconds === null) return "";
  const time = duration(backlog.drainSeconds * 1000);
  return t`in ${time}, if nothing changes`;
}

function Cause({ held, name }: { held: api.Held; name: string }) {
  const calls = count(held.calls ?? 0);
  const limit = count(held.limit ?? 0);
  const notes = [
    held.calls === undefined ? "" : held.calls === 1 ? t`1 call` : t`${calls} calls`,
    held.limit === undefined ? "" : t`limit ${limit}`,
  ].filter(Boolean);
  return (
    <>
      <b>{translated(held.what)}</b> {notes.length ? `(${notes.join(", ")})` : ""}
      {held.detail ? <div class="dim">{held.detail}</div> : null}
      <div>
        {t`Change:`} {translated(held.setting).replaceAll("FUNCTION", name)}
      </div>
    </>
  );
}
