// SPDX-License-Identifier: MIT
// What all pages share: the address, the state of the runtime, messages, and live data.

import { effect, type Signal, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "./api";
import { t } from "./i18n";

export interface Route {
  parts: string[];
  params: Record<string, string>;
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone % typed by hand
  }
};

function readRoute(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decoded),
    params: Object.fromEntries(new URLSearchParams(query)),
  };
}

export const route: Signal<Route> = signal(readRoute());
addEventListener("hashchange", () => {
  route.value = readRoute();
});

export const link = (parts: string[], params: api.Query = {}): string =>
  `#${api.path(...parts)}${api.search(params)}`;
export const go = (parts: string[], params: api.Query = {}): void => {
  location.hash = link(parts, params);
};
export const taskLink = (name: string, id: string): string => link(["invocations", name, id]);

export const stats: Signal<api.Stats | null> = signal(null);
export const clock: Signal<api.Clock | null> = signal(null);
/** Return the time of the runtime, which is read if it is not known yet. */
export const now = async (): Promise<number> =>
  (clock.peek() ?? (await api.get<api.Clock>("/clock"))).now;
/** What may be configured; it does not change while a runtime runs. */
export const limits: Signal<api.Limits | null> = signal(null);
export const reachable = signal(true);
export const live = signal(true);

export interface Message {
  text: string;
  bad: boolean;
}
export const message: Signal<Message | null> = signal(null);

export const say = (text: string): void => {
  message.value = { text, bad: false };
};
export const complain = (error: unknown): void => {
  const text = error instanceof Error ? error.message : String(error);
  message.value = {
    text: error instanceof TypeError ? t`The runtime does not answer. Is it still running?` : text,
    bad: true,
  };
};

const round = signal(0);
/** Let all live data be read again now. */
export const refresh = (): void => {
  round.value += 1;
};

/** Do something that changes the runtime, say what became of it, and read everything again. */
// biome-ignore lint/suspicious/noConfusingVoidType: most work returns nothing to say
export async function act(work: () => Promise<string | void>): Promise<boolean> {
  message.value = null;
  try {
    const text = await work();
    if (text) say(text);
    return true;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    refresh();
  }
}

const REFRESH_MS = 1000;

/** Read at each round, one time after the other. What a round asks for meanwhile is read after it:
 *  the last answer is never older than the last change. */
function follow<T>(
  read: () => Promise<T>,
  known: (value: T) => void,
  failed: (error: Error) => void,
): () => void {
  let current = true;
  let reading = false;
  let again = false;
  const start = (): void => {
    again = reading;
    if (reading) return;
    reading = true;
    void read()
      .then(
        (value) => current && known(value),
        (error: Error) => current && failed(error),
      )
      .finally(() => {
        reading = false;
        if (again && current) start();
      });
  };
  const stop = effect(() => {
    round.value;
    start();
  });
  return () => {
    current = false;
    stop();
  };
}

const read = async <T>(into: Signal<T | null>, where: string): Promise<void> => {
  into.value = await api.get<T>(where);
};
follow(
  () =>
    Promise.all([
      read(stats, "/stats"),
      read(clock, "/clock"),
      limits.peek() ?? read(limits, "/limits"),
    ]),
  () => {
    reachable.value = true;
  },
  () => {
    reachable.value = false;
  },
);
setInterval(() => {
  if (!document.hidden && live.value) refresh();
}, REFRESH_MS);

export interface Live<T> {
  value: T | undefined;
  error: Error | null;
}

/** Data that is read again each second. What is shown stays until something else is known.
 *
 * @param key Names what is read. Data of another key is never shown.
 * @param after What is more urgent: this waits until that is known.
 */
export function useLive<T>(key: string, read: () => Promise<T>, after?: Live<unknown>): Live<T> {
  const found = useSignal<Live<T> & { key: string }>({ key, value: undefined, error: null });
  const ready = !after || after.value !== undefined || after.error !== null;
  useEffect(() => {
    if (!ready) return undefined;
    let text = "";
    return follow(
      read,
      (value) => {
        const next = JSON.stringify(value);
        if (next === text) return;
        text = next;
        found.value = { key, value, error: null };
      },
      (error) => {
        text = "";
        const before = found.peek();
        const refused = error instanceof api.Refused && error.status < 500;
        const kept = !refused && before.key === key;
        found.value = { key, value: kept ? before.value : undefined, error };
      },
    );
  }, [key, ready]);
  return found.value.key === key ? found.value : { value: undefined, error: null };
}

/** A choice that the browser remembers. */
export function stored<T>(name: string, fallback: T): Signal<T> {
  const kept = signal(fallback);
  try {
    const text = localStorage.getItem(`fc-async.${name}`);
    if (text !== null) kept.value = JSON.parse(text) as T;
  } catch {
    // The storage is off, or its text is not ours: the default applies.
  }
  effect(() => {
    try {
      localStorage.setItem(`fc-async.${name}`, JSON.stringify(kept.value));
    } catch {
      // The choice lasts as long as the page.
    }
  });
  return kept;
}

export type Theme = "system" | "light" | "dark";
/** The theme of the page; theme.ts applies it before the first paint. */
export const theme = stored<Theme>("theme", "system");
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
