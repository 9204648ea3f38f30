// SPDX-License-Identifier: MIT
// The frame of all pages: navigation, clock, messages, shortcuts.

import { useSignal } from "@preact/signals";
import { render } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import * as api from "./api";
import { count, dateTime } from "./format";
import { other, speak, t } from "./i18n";
import { Buckets } from "./pages/buckets";
import { DeadEvents } from "./pages/dead";
import { Destinations } from "./pages/destinations";
import { FunctionPage, Functions } from "./pages/functions";
import { Invocation } from "./pages/invocation";
import { Invocations } from "./pages/invocations";
import { Metrics } from "./pages/metrics";
import { openSend, SendDialog, sending } from "./pages/send";
import { StatePage } from "./pages/state";
import { advance, runUntilIdle, TimePage } from "./pages/time";
import {
  clock,
  go,
  live,
  message,
  reachable,
  refresh,
  route,
  stats,
  type Theme,
  theme,
} from "./state";
import { Button, Dialog, Select } from "./ui";
import "./style.css";

const PAGES: [string, string, string][] = [
  // address, name, key after g
  ["invocations", t`Invocations`, "i"],
  ["functions", t`Functions`, "f"],
  ["destinations", t`Destinations`, "d"],
  ["buckets", t`Buckets`, "b"],
  ["dead", t`Dead events`, "e"],
  ["metrics", t`Metrics`, "m"],
  ["time", t`Time`, "t"],
  ["state", t`State`, "s"],
];
const SHORTCUTS: [string, string][] = [
  ["/", t`search`],
  ["n", t`invoke a function`],
  ["r", t`read again now`],
  ["p", t`pause or go on with reading`],
  ...PAGES.map(([, name, key]): [string, string] => [`g ${key}`, t`go to ${name}`]),
  ["+ - 0", t`change the size of the graph that has the focus`],
  ["?", t`this help`],
  ["Esc", t`close`],
];

function Page() {
  const [page = "invocations", first, second] = route.value.parts;
  if (page === "invocations" && first !== undefined && second !== undefined)
    return <Invocation key={`${first}/${second}`} name={first} id={second} />;
  if (page === "functions" && first !== undefined)
    return <FunctionPage name={first} tab={second ?? "config"} />;
  const pages: Record<string, () => preact.JSX.Element> = {
    functions: Functions,
    destinations: Destinations,
    buckets: Buckets,
    dead: DeadEvents,
    metrics: Metrics,
    time: TimePage,
    state: StatePage,
  };
  const Found = pages[page] ?? Invocations;
  return <Found key={page} />;
}

function titleOf(): string {
  const [page = "invocations", first, second] = route.value.parts;
  return second !== undefined && page === "invocations"
    ? second
    : (first ?? PAGES.find(([name]) => name === page)?.[1] ?? "");
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea");

function App() {
  const help = useSignal(false);
  const about = useSignal<Record<string, string>>({});
  const page = route.value.parts[0] ?? "invocations";
  // Keys work as soon as the page is seen.
  useLayoutEffect(() => {
    api.get<Record<string, string>>("/health").then(
      (found) => {
        about.value = found;
      },
      () => undefined,
    );
    let chord = "";
    const press = (event: KeyboardEvent): void => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        typing(event.target) ||
        document.querySelector("dialog[open]")
      )
        return;
      const keys = chord + event.key;
      chord = "";
      const actions: Record<string, () => void> = {
        "?": () => {
          help.value = true;
        },
        n: () => openSend({}),
        r: refresh,
        p: () => {
          live.value = !live.value;
        },
        "/": () => {
          const query = document.getElementById("query");
          if (query) query.focus();
          else go(["invocations"]);
        },
        ...Object.fromEntries(PAGES.map(([name, , key]) => [`g${key}`, () => go([name])])),
      };
      const action = actions[keys] ?? actions[event.key];
      if (event.key === "g") chord = "g";
      else if (action) {
        event.preventDefault();
        action();
      }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  useEffect(() => {
    document.title = `${titleOf()} · fc-async`;
  }, [route.value]);
  // A new page begins at its top, with the keyboard's place in it.
  const address = route.value.parts.join("/");
  useEffect(() => {
    if (address !== first) document.getElementById("main")?.focus({ preventScroll: false });
    document
      .querySelector("nav [aria-current]")
      ?.scrollIntoView({ block: "nearest", inline: "center" });
    first = "\0";
  }, [address]);
  const marked = Boolean(stats.value?.deliveries_dead); // the mark moves what stands after it
  useEffect(() => {
    const link = document.querySelector<HTMLElement>("nav [aria-current]");
    const nav = link?.closest("nav");
    if (nav && link) nav.scrollLeft = link.offsetLeft - (nav.clientWidth - link.clientWidth) / 2;
  }, [marked]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: the address names the page; the link moves the focus */}
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {t`Skip to the content`}
      </a>
      <header>
        <a class="brand" href="#/invocations">
          <img src="/console/icon.svg" alt="" width="22" height="22" /> fc-async
        </a>
        <nav aria-label={t`Pages`}>
          {PAGES.map(([name, text]) => (
            <a key={name} href={`#/${name}`} aria-current={page === name ? "page" : undefined}>
              {text}
              {name === "dead" && stats.value?.deliveries_dead ? (
                <span class="badge">{count(stats.value.deliveries_dead)}</span>
              ) : null}
            </a>
          ))}
        </nav>
        {clock.value?.virtual ? (
          <div class="clock" role="group" aria-label={t`Virtual time`}>
            <a href="#/time" title={t`Virtual time`}>
              {dateTime(clock.value.now)}
            </a>
            <Button small onClick={() => advance(60)}>
              +1 min
            </Button>
            <Button small onClick={() => advance(3600)}>
              +1 h
            </Button>
            <Button small onClick={runUntilIdle}>
              {t`Until idle`}
            </Button>
          </div>
        ) : null}
        <Select
          small
          label={t`Theme`}
          value={theme.value}
          options={[
            ["system", t`System`],
            ["light", t`Light`],
            ["dark", t`Dark`],
          ]}
          onChange={(value) => {
            theme.value = value as Theme;
          }}
        />
        <Button small onClick={() => speak(other[0])}>
          {other[1]}
        </Button>
        <span class="keys">
          <Button
            small
            label={t`Keyboard shortcuts`}
            onClick={() => {
              help.value = true;
            }}
          >
            ?
          </Button>
        </span>
        <Button kind="primary" onClick={() => openSend({})}>
          {t`Invoke…`}
        </Button>
      </header>
      {reachable.value ? null : (
        <p class="trouble bar" role="alert">
          {t`The runtime does not answer. Is it still running?`}
        </p>
      )}
      {message.value ? (
        <p
          class={`message ${message.value.bad ? "trouble" : "good"}`}
          role={message.value.bad ? "alert" : "status"}
        >
          {message.value.text}{" "}
          <Button
            small
            kind="plain"
            label={t`Close the message`}
            onClick={() => {
              message.value = null;
            }}
          >
            ✕
          </Button>
        </p>
      ) : null}
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <footer>
        {about.value.account_id
          ? t`Account ${about.value.account_id}, region ${about.value.region ?? ""} · FC ${about.value.fc ?? ""} · MNS ${about.value.mns ?? ""} · data in ${about.value.data ?? ""}`
          : ""}
      </footer>
      {sending.value ? <SendDialog /> : null}
      {help.value ? (
        <Dialog
          title={t`Keyboard shortcuts`}
          onClose={() => {
            help.value = false;
          }}
        >
          <dl class="facts">
            {SHORTCUTS.map(([keys, what]) => [
              <dt key={`${keys}?`}>
                {keys.split(" ").map((key) => (
                  <kbd key={key}>{key}</kbd>
                ))}
              </dt>,
              <dd key={keys}>{what}</dd>,
            ])}
          </dl>
        </Dialog>
      ) : null}
    </>
  );
}

let first = route.peek().parts.join("/");
addEventListener("hashchange", () => {
  if (message.value?.bad) message.value = null; // it belongs to another page
});
const home = document.getElementById("app");
if (home) {
  render(<App />, home);
  // What had the focus may go with the data that it belonged to. The keyboard goes on in the page.
  let focused: EventTarget | null = null;
  addEventListener("focusin", (event) => {
    focused = event.target;
  });
  new MutationObserver(() => {
    if (
      !(focused instanceof Element) ||
      focused.isConnected ||
      document.activeElement !== document.body
    )
      return;
    focused = null;
    document.getElementById("main")?.focus({ preventScroll: true });
  }).observe(home, { childList: true, subtree: true });
}
