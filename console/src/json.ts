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
