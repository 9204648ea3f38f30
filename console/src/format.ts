// SPDX-License-Identifier: MIT
// Times, durations and sizes as a person reads them.

import { t } from "./i18n";

export const STATUSES = [
  "Enqueued",
  "Dequeued",
  "Running",
  "Retrying",
  "Stopping",
  "Succeeded",
  "Failed",
  "Stopped",
  "Expired",
  "Invalid",
] as const;
export const FINAL: readonly string[] = ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"];
export const WAITING: readonly string[] = ["Enqueued", "Retrying"];
export const UNRECORDED = t`not recorded in the cloud: task mode is off`;

const KINDS: Record<string, string> = {
  Running: "run",
  Dequeued: "run",
  Retrying: "warn",
  Stopping: "warn",
  Succeeded: "ok",
  Failed: "bad",
  Expired: "bad",
  Invalid: "bad",
};
export const kindOf = (status: string): string => KINDS[status] ?? "wait";

const two = (value: number, digits = 2): string => String(value).padStart(digits, "0");

export function clockTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
}

export function dateTime(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(at).slice(0, 8)}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}

export const count = (value: number, more = false): string =>
  `${value.toLocaleString("en")}${more ? "+" : ""}`;
// Languages differ in how they count, so each counted thing is a sentence of its own.
export const taskCount = (value: number, more = false): string =>
  value === 1 && !more ? t`1 task` : t`${count(value, more)} tasks`;
export const eventCount = (value: number, more = false): string =>
  value === 1 && !more ? t`1 event` : t`${count(value, more)} events`;
export const messageCount = (value: number): string =>
  value === 1 ? t`1 message` : t`${count(value)} messages`;

const KIB = 1024;
export const size = (bytes: number): string =>
  bytes < KIB
    ? bytes === 1
      ? t`1 byte`
      : t`${bytes} bytes`
    : bytes < KIB * KIB
      ? `${(bytes / KIB).toFixed(0)} KiB`
      : `${(bytes / KIB / KIB).toFixed(1)} MiB`;

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Bytes as `hexdump -C` shows them. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.slice(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."))
      .join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
