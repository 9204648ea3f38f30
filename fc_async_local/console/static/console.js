// SPDX-License-Identifier: MIT
// Chooses the page by the address, keeps it up to date, and shows what every page shares.

import * as api from "./api.js";
import { button, dateTime, h } from "./dom.js";
import * as dead from "./dead.js";
import * as functions from "./functions.js";
import * as metrics from "./metrics.js";
import { openSend } from "./send.js";
import * as task from "./task.js";
import * as tasks from "./tasks.js";

const REFRESH_MS = 1000;
const PAGES = { tasks, task, functions, dead, metrics };
const main = document.getElementById("main");
const trouble = document.getElementById("trouble");

const FOCUSABLE = "a, button, input, select, summary, textarea";

let current = { name: "", address: "", frame: null, body: null, seen: "" };
let round = 0;
let failed = false; // an action's error stays until the next action or another page

const decoded = (part) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone % typed by hand
  }
};

function route() {
  const [path, query] = location.hash.replace(/^#\//, "").split("?");
  const parts = path.split("/").map(decoded);
  const params = Object.fromEntries(new URLSearchParams(query));
  if (parts[0] === "tasks" && parts.length === 3) {
    return { name: "task", params: { function: parts[1], id: parts[2] } };
  }
  return { name: parts[0] in PAGES ? parts[0] : "tasks", params };
}

function complain(error) {
  trouble.hidden = !error;
  trouble.textContent = error
    ? (error instanceof api.Refused ? error.message : "The runtime doesn't answer. Is it still running?")
    : "";
}

// Where the focus is: the nearest part that has a key, and which control in it.
function focusMark() {
  const at = document.activeElement;
  if (!current.body.contains(at)) return null;
  const home = at.closest("[data-key]");
  const index = controls(home ?? current.body).indexOf(at);
  return { key: home?.dataset.key, index, tag: at.tagName, text: home ? "" : at.textContent };
}

const controls = (home) => [...(home.matches(FOCUSABLE) ? [home] : []), ...home.querySelectorAll(FOCUSABLE)];

// Never another row's control: without its own part the focus is lost.
function focusAgain(mark) {
  if (!mark) return;
  const home = mark.key ? current.body.querySelector(`[data-key="${CSS.escape(mark.key)}"]`) : current.body;
  const same = (node) => node?.tagName === mark.tag && (!mark.text || node.textContent === mark.text);
  const all = home ? controls(home) : [];
  const found = same(all[mark.index]) ? all[mark.index] : all.find((node) => mark.text && same(node));
  found?.focus({ preventScroll: true });
}

// What is unfolded, about to be copied or focused outlives a refresh.
function replaceBody(node) {
  const open = new Set([...main.querySelectorAll("details[open][data-key]")].map((d) => d.dataset.key));
  for (const details of node.querySelectorAll?.("details[data-key]") ?? []) {
    if (open.has(details.dataset.key)) details.open = true;
  }
  const mark = focusMark();
  current.body.replaceChildren(node);
  focusAgain(mark);
}

const selecting = () => {
  const selection = getSelection();
  return selection && !selection.isCollapsed && main.contains(selection.anchorNode);
};

async function refresh(force = false) {
  const mine = ++round;
  const { name, params } = route();
  const page = PAGES[name];
  if (current.name !== name) {
    current = { name, address: "", frame: h("div"), body: h("div"), seen: "" };
    if (page.frame) current.frame.append(page.frame(params, () => refresh(true)));
    main.replaceChildren(current.frame, current.body);
    for (const link of document.querySelectorAll("nav a")) {
      const here = link.getAttribute("href") === `#/${name === "task" ? "tasks" : name}`;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
  document.title = `${page.title(params)} · fc-async`;
  const address = location.hash;
  try {
    const [data, state, time] = await Promise.all([page.load(params), api.stats(), api.clock()]);
    if (mine !== round) return;
    showShared(state, time);
    const seen = JSON.stringify([data, params, page.ticks?.(data) ? state.now : 0]);
    if (force || (seen !== current.seen && !selecting())) {
      replaceBody(page.view(data, params, { state, again: () => refresh(true), act }));
      current.seen = seen;
      current.address = address;
    }
    if (!failed) complain(null);
  } catch (error) {
    if (mine !== round) return;
    if (current.address !== address) {
      replaceBody(h("div")); // what is shown belongs to another address
      current = { ...current, address, seen: "" };
    }
    complain(error);
  }
}

export async function act(work) {
  failed = false;
  try {
    await work();
    await refresh(true);
  } catch (error) {
    failed = true;
    complain(error);
  }
}

function showShared(state, time) {
  const count = document.getElementById("dead-count");
  count.hidden = !state.deliveries_dead;
  count.textContent = state.deliveries_dead;
  const clock = document.getElementById("clock");
  const shown = time.virtual ? dateTime(time.now) : "";
  if (clock.dataset.shown === shown) return;
  clock.dataset.shown = shown;
  clock.replaceChildren(...(time.virtual ? timeControl(time.now) : []));
}

function timeControl(now) {
  const step = (label, seconds) => button(label, () => act(() => api.advance(seconds)), "small");
  return [
    h("span", { title: "Time stands still until it is moved" }, `Virtual time ${dateTime(now)}`),
    step("+1 s", 1), step("+1 min", 60), step("+1 h", 3600),
    button("Until idle", () => act(api.runUntilIdle), "small"),
  ];
}

async function showAbout() {
  const about = await api.health();
  document.getElementById("about").textContent =
    `Account ${about.account_id}, region ${about.region} · FC ${about.fc} · MNS ${about.mns} · data in ${about.data}`;
}

document.getElementById("send").addEventListener("click", () => openSend({}, act));
addEventListener("hashchange", () => {
  failed = false;
  const { name, params } = route();
  if (name === current.name) PAGES[name].follow?.(params);
  refresh(true);
});
setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
showAbout().catch(complain);
refresh(true);
