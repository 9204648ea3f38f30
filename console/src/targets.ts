// SPDX-License-Identifier: MIT
// Destinations as kind and names, read and written with what the runtime says of the kinds.

import type * as api from "./api";
import { translated } from "./i18n";
import { limits } from "./state";

export interface Target {
  kind: string; // "" for none, "arn" for one that has no form here
  fields: Record<string, string>;
}

const resource = (arn: string): string => arn.split(":").slice(4).join(":").replace(/^\//, "");
const service = (arn: string): string => arn.split(":")[1] ?? "";
const escaped = (text: string): string => text.replace(/[.*+?^$()|[\]\\/]/g, "\\$&");

/** The fields of a destination, read with the templates of the runtime. */
export function readTarget(arn: string | undefined, kinds: api.DestinationKind[]): Target {
  if (!arn) return { kind: "", fields: {} };
  for (const kind of kinds) {
    const pattern = escaped(resource(kind.template)).replace(/\{(\w+)\}/g, "(?<$1>[^/]+)");
    const whole =
      kind.kind === "function"
        ? pattern.replace(/\\\/\(\?<qualifier>\[\^\/\]\+\)$/, "(?:\\/(?<qualifier>[^/]+))?")
        : pattern;
    const found =
      service(arn) === service(kind.template) ? new RegExp(`^${whole}$`).exec(resource(arn)) : null;
    if (found)
      return {
        kind: kind.kind,
        fields: {
          ...found.groups,
          ...(kind.kind === "function" && !found.groups?.qualifier ? { qualifier: "LATEST" } : {}),
        },
      };
  }
  return { kind: "arn", fields: { arn } };
}

export function writeTarget(
  target: Target,
  kinds: api.DestinationKind[],
  before: string | undefined,
): string {
  if (target.kind === "arn") return target.fields.arn ?? "";
  const same = readTarget(before, kinds);
  if (
    before &&
    same.kind === target.kind &&
    JSON.stringify(same.fields) === JSON.stringify(target.fields)
  )
    return before;
  return (kinds.find((kind) => kind.kind === target.kind)?.template ?? "").replace(
    /\{(\w+)\}/g,
    (_, field: string) => target.fields[field] ?? "",
  );
}

/** The short form of a destination: label and names. */
export function destination(arn: string): string {
  const { kind, fields } = readTarget(arn, limits.value?.destinations ?? []);
  const found = limits.value?.destinations.find((one) => one.kind === kind);
  const names = found?.fields.map((field) => fields[field]).filter((name) => name !== "LATEST");
  return found ? `${translated(found.label)} ${names?.join("/")}` : arn;
}
