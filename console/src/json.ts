// SPDX-License-Identifier: MIT
// Lays JSON out for reading. Only the space between its tokens changes: numbers, escapes and keys
// stay as they were written, because JavaScript's own numbers cannot hold all of them
// (12345678901234567890, 1.10).

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const DEEPEST = 100; // the width of the indentation grows with the depth

/** Whether a text is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A text with JSON in it, indented; any other text as it is. */
export function pretty(text: string): string {
  if (!isJson(text)) return text;
  const tokens = text.match(TOKEN) ?? [];
  let depth = 0;
  let out = "";
  for (const [index, token] of tokens.entries()) {
    const before = tokens[index - 1] ?? "";
    const closes = "}]".includes(token);
    const empty = closes && "{[".includes(before);
    if (closes) depth -= 1;
    if (depth > DEEPEST) return text;
    const starts = index > 0 && (closes ? !empty : "{[,".includes(before));
    if (starts) out += `\n${"  ".repeat(depth)}`;
    out += token === ":" ? ": " : token;
    if ("{[".includes(token)) depth += 1;
  }
  return out;
}

/** A value of JSON. The text of a number is as it was written; that of a string has no escapes. */
export type Value =
  | { kind: "object" | "array"; entries: [string, Value][] }
  | { kind: "string"; text: string; inner: Value | null } // inner: the string is JSON itself
  | { kind: "other"; text: string };

const MOST = 20_000; // tokens that a page draws one by one without a delay
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** The text of a string, with escapes only for what could not be seen. */
const decoded = (token: string): string =>
  (JSON.parse(token) as string).replace(HIDDEN, (one) => one.split("").map(escaped).join(""));

/** Read JSON as a tree. Null: the text is not JSON, too long, or too deep to be drawn. */
export function tree(text: string, depth = 0): Value | null {
  if (!isJson(text)) return null;
  const tokens = text.match(TOKEN) ?? [];
  if (tokens.length > MOST) return null;
  let at = 0;
  const value = (level: number): Value => {
    const token = tokens[at++] ?? "";
    if (level > DEEPEST) throw new RangeError();
    if (token.startsWith('"')) {
      const whole = JSON.parse(token) as string;
      const inner = /^\s*[{[]/.test(whole) ? tree(whole, level) : null;
      return { kind: "string", text: decoded(token), inner };
    }
    if (token !== "{" && token !== "[") return { kind: "other", text: token };
    const entries: [string, Value][] = [];
    while (tokens[at] !== "}" && tokens[at] !== "]") {
      let key = "";
      if (token === "{") {
        key = decoded(tokens[at] ?? "");
        at += 2; // the key and its colon
      }
      entries.push([key, value(level + 1)]);
      if (tokens[at] === ",") at += 1;
    }
    at += 1;
    return { kind: token === "{" ? "object" : "array", entries };
  };
  try {
    return value(depth);
  } catch {
    return null;
  }
}
