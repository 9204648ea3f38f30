// SPDX-License-Identifier: MIT
// The language of the page: that of the browser, or the one that was chosen. A sentence is its own
// key: t`Send ${events} again` is "Send {0} again" in docs/locale/zh_CN/LC_MESSAGES/console.po.

type Language = "en" | "zh-CN";

const KEPT = "fc-async.language";

function chosen(): Language {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // The storage is off: the browser's language applies.
  }
  const wanted = [kept ?? "", ...navigator.languages].find((one) => /^(zh|en)\b/.test(one));
  return wanted?.startsWith("zh") ? "zh-CN" : "en";
}

export const language: Language = chosen();
document.documentElement.lang = language;
/** The language that the control offers, and its short name. */
export const other: [Language, string] = language === "en" ? ["zh-CN", "中文"] : ["en", "EN"];

async function read(): Promise<Record<string, string>> {
  if (language === "en") return {};
  try {
    return (await (await fetch(`/console/${language}.json`)).json()) as Record<string, string>;
  } catch {
    return {}; // sentences stay English
  }
}

// All other modules are evaluated after this one, so that their constants are translated, too.
const catalog = await read();

/** Translate a sentence that a template of the sources has, with its values put in. */
export function t(parts: TemplateStringsArray, ...values: (string | number)[]): string {
  const key = parts.reduce((text, part, index) => `${text}{${index - 1}}${part}`);
  return (catalog[key] ?? key).replace(/\{(\d+)\}/g, (_, index: string) =>
    String(values[Number(index)]),
  );
}

/** Translate a word that the runtime has said, if the catalog has it. */
export const translated = (text: string): string => catalog[text] ?? text;

/** Read the page again in another language. */
export function speak(wanted: Language): void {
  try {
    localStorage.setItem(KEPT, wanted);
  } catch {
    return; // nothing would remember it
  }
  location.reload();
}
