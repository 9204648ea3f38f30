// SPDX-License-Identifier: MIT
// What happened to a task, as spans on a scale. No elements here.

import type { Note, TaskEvent, WholeTask } from "./api";
import { FINAL } from "./format";
import { t } from "./i18n";
import { destination } from "./targets";

export interface Span {
  kind: "wait" | "run" | "ok" | "bad";
  what: string;
  from: number;
  to: number;
}
export interface Lane {
  name: string;
  spans: Span[];
  attempt?: number;
  step?: TaskEvent; // that ended the attempt
}

/** One lane for each attempt, with its wait before and its run, then one for each delivery. */
export function lanes(task: WholeTask, now: number): Lane[] {
  return [...attempts(task, now), ...deliveries(task.notes, now)];
}

function attempts(task: WholeTask, now: number): Lane[] {
  const steps = task.events ?? [];
  const found: Lane[] = [];
  let spans: Span[] = [];
  let number = 0;
  for (const [index, step] of steps.entries()) {
    if (FINAL.includes(step.status)) break;
    const next = steps[index + 1];
    const to = next?.timestamp ?? Math.max(now, step.timestamp);
    const running =
      step.status === "Running" ||
      (step.status === "Stopping" && spans.some((span) => span.kind !== "wait"));
    const ended =
      next && ["Retrying", "Failed", "Expired"].includes(next.status)
        ? "bad"
        : next?.status === "Succeeded"
          ? "ok"
          : "run";
    spans.push({
      kind: running ? ended : "wait",
      what: step.status === "Dequeued" ? t`In the queue` : step.status,
      from: step.timestamp,
      to,
    });
    if (running && next?.status !== "Stopping") {
      number += 1;
      found.push({
        name: t`Attempt ${number}`,
        spans,
        attempt: number,
        ...(next ? { step: next } : {}),
      });
      spans = [];
    }
  }
  if (spans.length)
    found.push({
      name:
        spans.at(-1)?.what === "Stopping"
          ? "Stopping"
          : FINAL.includes(task.status)
            ? t`Waited`
            : t`Attempt ${number + 1}`,
      spans,
    });
  return found;
}

function deliveries(notes: Note[], now: number): Lane[] {
  const tries = notes.filter((note) => note.kind === "delivery");
  return tries.map((note, index) => {
    const good = (note.status ?? 500) < 300;
    const next = tries[index + 1];
    const spans: Span[] = [
      {
        kind: good ? "ok" : "bad",
        what: t`Try ${note.try ?? 1}: ${note.status ?? ""} ${note.code ?? ""}`.trim(),
        from: note.dueAt ?? note.at,
        to: note.at,
      },
    ];
    if (note.nextTryAt)
      spans.push({
        kind: "wait",
        what: t`Waits for the next try`,
        from: note.at,
        to: next?.dueAt ?? Math.max(note.at, Math.min(now, note.nextTryAt)),
      });
    return { name: `→ ${destination(note.destination ?? "")}`, spans };
  });
}

const FOLDED = 0.06; // the share of a folded span
const LONG = 0.12; // a span without anything that runs is folded if it has a larger share

export interface Scale {
  at: (time: number) => number; // 0 to 1
  folds: { at: number; ms: number }[];
}

/** A scale that is true everywhere, but for the idle spans that are folded. */
export function scale(all: Lane[], fold: boolean): Scale {
  const spans = all.flatMap((lane) => lane.spans);
  const times = [...new Set(spans.flatMap((span) => [span.from, span.to]))].sort((a, b) => a - b);
  const busy = (from: number, to: number): boolean =>
    spans.some((span) => span.kind !== "wait" && span.from < to && span.to > from);
  const parts = times
    .slice(1)
    .map((to, index) => ({ from: times[index] ?? to, to, folded: false }));
  if (fold) {
    // The longest first, until no idle span dominates what is left.
    for (const part of parts
      .filter((one) => !busy(one.from, one.to))
      .sort((a, b) => b.to - b.from - (a.to - a.from))) {
      const rest = parts.reduce((sum, one) => sum + (one.folded ? 0 : one.to - one.from), 0);
      if ((part.to - part.from) / rest > LONG && parts.some((one) => one !== part && !one.folded))
        part.folded = true;
    }
  }
  const folded = parts.filter((part) => part.folded).length;
  const open = parts.reduce((sum, part) => sum + (part.folded ? 0 : part.to - part.from), 0) || 1;
  const room = 1 - folded * Math.min(FOLDED, 0.5 / (folded || 1));
  let x = 0;
  const placed = parts.map((part) => {
    const width = part.folded
      ? Math.min(FOLDED, 0.5 / folded)
      : ((part.to - part.from) / open) * room;
    const start = x;
    x += width;
    return { ...part, start, width };
  });
  const at = (time: number): number => {
    const part = placed.find((one) => time >= one.from && time <= one.to);
    if (!part) return time <= (times[0] ?? 0) ? 0 : x;
    return (
      part.start +
      (part.to === part.from ? 0 : ((time - part.from) / (part.to - part.from)) * part.width)
    );
  };
  return {
    at,
    folds: placed
      .filter((part) => part.folded)
      .map((part) => ({ at: part.start + part.width / 2, ms: part.to - part.from })),
  };
}
