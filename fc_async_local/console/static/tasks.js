// SPDX-License-Identifier: MIT
// The list of tasks: counts by status, a query, pages.

import * as api from "./api.js";
import { button, clockTime, dateTime, duration, FINAL, h, statusMark } from "./dom.js";

const STATUSES = [
  "Enqueued", "Dequeued", "Running", "Retrying", "Stopping",
  "Succeeded", "Failed", "Stopped", "Expired", "Invalid",
];
const KEYS = { status: "status", function: "function", qualifier: "qualifier", id: "prefix" };
const UNITS = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 };
const PAGE = 50;

export const title = () => "Tasks";

const go = (q, token) => {
  const params = new URLSearchParams(Object.entries({ q, token }).filter(([, value]) => value));
  location.hash = `#/tasks${params.size ? `?${params}` : ""}`;
};

// "status:Failed,Expired function:orders since:10m abc" → parameters of the list operation.
export function parse(text, now) {
  const query = {};
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const colon = word.indexOf(":");
    const [key, value] = colon < 0 ? ["id", word] : [word.slice(0, colon), word.slice(colon + 1)];
    const age = /^(\d+)([smhd])$/.exec(value);
    if (key === "since" && age) query.startedTimeBegin = now - Number(age[1]) * UNITS[age[2]];
    else if (key === "order" && ["asc", "desc"].includes(value)) query.sortOrderByTime = value;
    else if (key in KEYS && value) query[KEYS[key]] = value;
    else throw new api.Refused(400, { Code: "Query", Message: `“${word}” is not understood, see “Query”` });
  }
  return query;
}

let input;

export function frame(params) {
  input = h("input", {
    type: "search", className: "grow", value: params.q ?? "", spellcheck: false,
    placeholder: "status:Failed function:orders since:1h id-prefix", ariaLabel: "Query",
  });
  const form = h("form", { className: "row", onsubmit: (event) => { event.preventDefault(); go(input.value.trim()); } },
    input, h("button", { type: "submit" }, "Search"), button("Clear", () => { input.value = ""; go(""); }));
  return h("div", { className: "panel" }, form,
    h("details", {}, h("summary", {}, "Query"),
      h("p", { className: "dim" }, "Words are joined by “and”; a word without a key is the beginning of a task id."),
      h("dl", { className: "facts" },
        h("dt", {}, h("code", {}, "status:Failed,Expired")), h("dd", {}, `one or several of ${STATUSES.join(", ")}`),
        h("dt", {}, h("code", {}, "function:orders")), h("dd", {}, "name of a function"),
        h("dt", {}, h("code", {}, "qualifier:prod")), h("dd", {}, "LATEST, a version or an alias"),
        h("dt", {}, h("code", {}, "since:10m")), h("dd", {}, "begun in the last 10 minutes (s, m, h, d)"),
        h("dt", {}, h("code", {}, "order:asc")), h("dd", {}, "oldest first"))));
}

// The address changed by other means than the field: a tile, the browser's buttons.
export function follow(params) {
  if (document.activeElement !== input) input.value = params.q ?? "";
}

export async function load(params) {
  const { now } = params.q?.includes("since:") ? await api.stats() : { now: 0 };
  const query = { limit: PAGE, ...parse(params.q ?? "", now) };
  if (params.token) query.nextToken = params.token;
  return api.tasks(query);
}

export const ticks = (data) => data.tasks.some((task) => !FINAL.includes(task.status));

export function view(data, params, { state }) {
  return h("div", {}, tiles(params, state), data.tasks.length ? table(data.tasks, state.now) : nothing(params, state),
    h("p", { className: "row" },
      params.token ? button("← Newest", () => go(params.q)) : null,
      data.nextToken ? button("Older →", () => go(params.q, data.nextToken)) : null));
}

// The query with another status, or with none; its other words stay.
const withStatus = (q, status) => [
  ...(q ?? "").split(/\s+/).filter((word) => word && !word.startsWith("status:")),
  ...(status ? [`status:${status}`] : []),
].join(" ");

function tiles(params, state) {
  const wanted = /(?:^|\s)status:(\S+)/.exec(params.q ?? "")?.[1];
  return h("div", { className: "tiles" }, STATUSES
    .filter((status) => state.by_status[status] || wanted === status || ["Enqueued", "Running", "Succeeded", "Failed"].includes(status))
    .map((status) => h("button", {
      type: "button", className: "tile", ariaPressed: String(wanted === status),
      "data-key": `status-${status}`,
      onclick: () => go(withStatus(params.q, wanted === status ? "" : status)),
    }, h("b", {}, state.by_status[status] ?? 0), statusMark(status))),
    h("div", { className: "tile" }, h("b", {}, state.deliveries_pending), h("span", { className: "dim" }, "to deliver")));
}

function table(tasks, now) {
  return h("div", { className: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Status", "Task", "Function", "Accepted", "Runs", "Took"].map((name) => h("th", {}, name)),
      h("th", { className: "num" }, "Retries"), h("th", {}, "Destination"), h("th", {}, "Error"))),
    h("tbody", {}, tasks.map((task) => h("tr", { "data-key": `row-${task.function}/${task.taskId}` },
      h("td", {}, statusMark(task.status)),
      h("td", { className: "id mono" }, h("a", { href: address(task) }, task.taskId)),
      h("td", {}, task.function, task.qualifier === "LATEST" ? null : h("span", { className: "dim" }, ` / ${task.qualifier}`)),
      h("td", { title: dateTime(task.acceptedTime) }, clockTime(task.acceptedTime)),
      h("td", {}, runs(task, now)),
      h("td", {}, task.durationMs === undefined ? "" : duration(task.durationMs)),
      h("td", { className: "num" }, task.alreadyRetriedTimes || ""),
      h("td", {}, task.destinationStatus ?? ""),
      h("td", {}, task.taskErrorMessage ?? ""))))));
}

export const address = (task) => `#/tasks/${encodeURIComponent(task.function)}/${encodeURIComponent(task.taskId)}`;

function runs(task, now) {
  if (["Enqueued", "Retrying"].includes(task.status) && task.dueTime > now) return `in ${duration(task.dueTime - now)}`;
  return task.startedTime ? clockTime(task.startedTime) : "";
}

function nothing(params, state) {
  if (params.q) return h("p", { className: "empty" }, "No task matches.");
  const total = Object.values(state.by_status).reduce((sum, count) => sum + count, 0);
  return h("div", { className: "empty panel" },
    h("p", {}, total
      ? "Invocations are on their way, but none in task mode: set asyncTask in the function's asynchronous configuration to see them here."
      : "No tasks yet. Send one with the button above, or from Python:"),
    total ? null : h("pre", {}, [
      "import fc_async_sdk",
      `client = fc_async_sdk.client(endpoint_url="${location.origin}")`,
      'client.invoke_async("orders", {"id": 1}, delay=10)',
    ].join("\n")));
}
