// SPDX-License-Identifier: MIT
// The query of the list: `status:Failed function:orders since:10m no items` to parameters of the API.
// Words without a key are one text: the beginning of a task id, or a part of the error.

import type { Query } from "./api";
import { STATUSES } from "./format";
import { t } from "./i18n";

export const KEYS: Record<string, string> = {
  status: t`one or several: status:Failed,Expired`,
  function: t`name of a function`,
  qualifier: t`LATEST, a version or an alias`,
  id: t`beginning of the task id`,
  error: t`type of the latest error, such as ValueError or InvocationError`,
  since: t`accepted in the last 10m (s, m, h, d)`,
  from: t`accepted at or after 2026-01-31T08:00`,
  to: t`accepted at or before 2026-01-31T09:00`,
  order: t`asc (oldest first) or desc`,
};
const PLAIN: Record<string, string> = {
  function: "function",
  qualifier: "qualifier",
  id: "prefix",
  error: "error",
};
const UNITS: Record<string, number> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 };

export class BadQuery extends Error {}

export const words = (text: string): string[] => text.split(/\s+/).filter(Boolean);

function split(word: string): [string, string] {
  const colon = word.indexOf(":");
  return colon < 0 ? ["", word] : [word.slice(0, colon), word.slice(colon + 1)];
}

function time(key: string, value: string): number {
  const at = Date.parse(value);
  if (Number.isNaN(at))
    throw new BadQuery(t`${key}:${value} is not a time; write ${key}:2026-01-31T08:00`);
  return at;
}

function age(value: string): number {
  const found = /^(\d{1,9})([smhd])$/.exec(value);
  if (!found)
    throw new BadQuery(t`since:${value} is not a span; write since:10m, since:2h or since:1d`);
  return Number(found[1]) * (UNITS[found[2] ?? "s"] ?? 0);
}

/** Read a query.
 *
 * @throws BadQuery A word is not understood.
 */
export function parse(text: string, now: number): Query {
  const query: Query = {};
  for (const word of words(text)) {
    const [key, value] = split(word);
    const plain = PLAIN[key];
    if (!key) {
      query.text = [query.text, value].filter(Boolean).join(" ");
      continue;
    }
    if (!value) throw new BadQuery(t`${key}: needs a value`);
    if (plain) query[plain] = value;
    else if (key === "status") query.status = statuses(value);
    else if (key === "since") query.acceptedFrom = Math.max(0, now - age(value));
    else if (key === "from") query.acceptedFrom = time(key, value);
    else if (key === "to") query.acceptedTo = time(key, value);
    else if (key === "order" && (value === "asc" || value === "desc"))
      query.sortOrderByTime = value;
    else
      throw new BadQuery(t`“${word}” is not understood; keys are ${Object.keys(KEYS).join(", ")}`);
  }
  return query;
}

function statuses(value: string): string {
  const known = value
    .split(",")
    .map((one) => STATUSES.find((status) => status.toLowerCase() === one.toLowerCase()) ?? one);
  const wrong = known.find((one) => !STATUSES.some((status) => status === one));
  const name = wrong || t`an empty text`;
  if (wrong !== undefined)
    throw new BadQuery(t`${name} is not a status; there are ${STATUSES.join(", ")}`);
  return known.join(",");
}

/** The query with another value of a key, or without the key. */
export function withKey(text: string, key: string, value: string): string {
  const others = words(text).filter((word) => split(word)[0] !== key);
  return [...others, ...(value ? [`${key}:${value}`] : [])].join(" ");
}

export const valueIn = (text: string, key: string): string =>
  words(text)
    .map(split)
    .findLast(([name]) => name === key)?.[1] ?? "";

export interface Known {
  functions: string[];
  qualifiers: string[];
}

/** What may stand for the word that is being typed, with an explanation of each. */
export function complete(word: string, known: Known): [string, string][] {
  const [key, value] = word.includes(":") ? split(word) : [word, null];
  if (value === null) {
    return Object.entries(KEYS)
      .filter(([name]) => name.startsWith(key))
      .map(([name, help]) => [`${name}:`, help]);
  }
  const values: Record<string, string[]> = {
    status: [...STATUSES],
    function: known.functions,
    qualifier: known.qualifiers,
    since: ["5m", "15m", "1h", "1d", "7d"],
    order: ["asc", "desc"],
  };
  const done = key === "status" ? value.slice(0, value.lastIndexOf(",") + 1) : "";
  const begun = value.slice(done.length).toLowerCase();
  return (values[key] ?? [])
    .filter((one) => one.toLowerCase().startsWith(begun) && one !== begun)
    .map((one) => [`${key}:${done}${one}`, ""]);
}
