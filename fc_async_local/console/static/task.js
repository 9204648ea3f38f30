// SPDX-License-Identifier: MIT
// One task: where it stands, its attempts on a time line, what went in and what came out.

import * as api from "./api.js";
import { button, clockTime, copyButton, dateTime, duration, FINAL, h, kindOf, statusMark, svg } from "./dom.js";
import { pretty } from "./json.js";
import { openSend } from "./send.js";

const WAITING = ["Enqueued", "Retrying"];
let squeeze = true;

export const title = (params) => params.id;
export const load = (params) => api.oneTask(params.function, params.id);
export const ticks = (task) => !FINAL.includes(task.status);

export function view(task, _, { state, again, act }) {
  return h("div", {},
    h("p", {}, h("a", { href: "#/tasks", className: "dim" }, "← Tasks")),
    h("div", { className: "row" }, h("h1", { className: "mono" }, task.taskId), statusMark(task.status)),
    h("p", { className: "dim" }, `${task.function} / ${task.qualifier} · request ${task.requestId}`),
    actions(task, act), pending(task, state.now, act), facts(task),
    h("h2", {}, "Time line"), timeline(task, state.now, again),
    h("div", { className: "columns" },
      text("What went in", "payload", task.taskPayload, task.taskPayloadEncoding),
      text("What came out", "result", task.returnPayload, task.returnPayloadEncoding)),
    h("h2", {}, "Steps"), steps(task.events ?? []));
}

function actions(task, act) {
  const { function: name, taskId: id } = task;
  const call = {
    function: name, qualifier: task.qualifier,
    payload: task.taskPayload ?? "", payloadEncoding: task.taskPayloadEncoding ?? "",
  };
  return h("div", { className: "row panel" },
    WAITING.includes(task.status) ? button("Run now", () => act(() => api.runNow(name, id)), "primary") : null,
    FINAL.includes(task.status) ? null : button("Stop", () => act(() => api.stop(name, id)), "danger"),
    button("Replay", () => act(async () => {
      const { payload, payloadEncoding, qualifier } = call;
      const accepted = await api.invoke(name, { payload, payloadEncoding, qualifier });
      location.hash = `#/tasks/${encodeURIComponent(name)}/${encodeURIComponent(accepted.taskId)}`;
    })),
    button("Edit and replay…", () => openSend(call, act)),
    h("span", { className: "grow" }),
    h("span", { className: "dim" }, "Copy as"),
    copyButton("Python", () => python(task)), copyButton("curl", () => curl(task)),
    call.payloadEncoding ? null : copyButton("s", () => sCommand(task))); // s sends text only
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const python = (task) => [
  ...(task.taskPayloadEncoding ? ["import base64", ""] : []),
  "import fc_async_sdk",
  `client = fc_async_sdk.client(endpoint_url=${JSON.stringify(location.origin)})`,
  `client.invoke_async(${JSON.stringify(task.function)}, ${pythonPayload(task)}, qualifier=${JSON.stringify(task.qualifier)})`,
].join("\n");

const pythonPayload = (task) => {
  const text = JSON.stringify(task.taskPayload ?? "");
  return task.taskPayloadEncoding ? `base64.b64decode(${text})` : text;
};

const curl = (task) => {
  const call = `curl -i -X POST ${quoted(`${location.origin}/2023-03-30/functions/${task.function}/invocations?qualifier=${task.qualifier}`)} ` +
    "-H 'x-fc-invocation-type: Async'";
  return task.taskPayloadEncoding
    ? `printf %s ${quoted(task.taskPayload)} | base64 -d | ${call} --data-binary @-`
    : `${call} --data-raw ${quoted(task.taskPayload ?? "")}`;
};

const sCommand = (task) =>
  `s ${task.function} invoke --invocation-type Async --qualifier ${task.qualifier} -e ${quoted(task.taskPayload ?? "")}`;

function pending(task, now, act) {
  if (!WAITING.includes(task.status)) return null;
  const wait = task.dueTime - now;
  const what = task.attempts ? `Attempt ${task.attempts + 1}` : "The first attempt";
  return h("div", { className: "notice" },
    h("span", { className: "grow" }, wait > 0
      ? `${what} begins in ${duration(wait)}, at ${clockTime(task.dueTime)}.`
      : `${what} is due.`),
    wait > 0 ? button("Run now", () => act(() => api.runNow(task.function, task.taskId)), "small") : null);
}

function facts(task) {
  const rows = [
    ["Accepted", dateTime(task.acceptedTime)],
    ["First attempt", task.startedTime && `${dateTime(task.startedTime)} (after ${duration(task.startedTime - task.acceptedTime)})`],
    ["Ended", task.endTime && `${dateTime(task.endTime)} (took ${duration(task.endTime - (task.startedTime ?? task.acceptedTime))})`],
    ["Executions", task.attempts],
    ["System retries", task.systemRetries || null],
    ["Instance", task.instanceId],
    ["Error", task.taskErrorMessage],
    ["Destination", task.destinationStatus],
    ["Came from", task.callPath.length ? task.callPath.join(" → ") : null],
    ["Function", task.functionArn],
  ];
  return h("div", { className: "panel" }, h("dl", { className: "facts" }, rows
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])));
}

// A step lasts until the next one begins; the last one of a task that isn't over lasts until now.
function segments(task, now) {
  const events = task.events ?? [];
  return events.flatMap((event, index) => {
    if (FINAL.includes(event.status)) return [];
    const end = events[index + 1]?.timestamp ?? Math.max(now, event.timestamp);
    const next = events[index + 1]?.status;
    const failed = event.status === "Running" && ["Retrying", "Failed", "Expired"].includes(next);
    const done = event.status === "Running" && next === "Succeeded";
    return [{ ...event, end, kind: failed ? "bad" : done ? "ok" : kindOf(event.status) }];
  });
}

function timeline(task, now, again) {
  const parts = segments(task, now);
  if (!parts.length) return h("p", { className: "dim" }, "Nothing was recorded.");
  const total = parts.reduce((sum, part) => sum + part.end - part.timestamp, 0) || 1;
  // Idle stretches may be hours where attempts are milliseconds: squeezed, each gets a fixed share.
  const weight = (part) => squeeze
    ? { Running: 2.6, Dequeued: 0.25 }[part.status] ?? 1
    : Math.max((part.end - part.timestamp) / total, 0.004) * parts.length;
  const sum = parts.reduce((all, part) => all + weight(part), 0);
  const width = 1000, row = 26, height = parts.length * row + 8;
  let x = 0, attempt = 0;
  const bars = parts.map((part, index) => {
    const wide = Math.max((weight(part) / sum) * (width - 320), 3);
    const y = 6 + index * row;
    const bar = [
      svg("rect", { x: 210 + x, y, width: wide, height: 14, rx: 3, class: `bar-${part.kind}` },
        svg("title", {}, `${part.status}: ${dateTime(part.timestamp)} – ${dateTime(part.end)}`)),
      svg("text", { x: 0, y: y + 11 }, part.status === "Running" ? `Attempt ${attempt += 1}` : part.status),
      svg("text", { x: 92, y: y + 11, class: "dim" }, clockTime(part.timestamp)),
      svg("text", { x: Math.min(216 + x + wide, width - 100), y: y + 11, class: "dim" }, duration(part.end - part.timestamp)),
    ];
    x += wide;
    return bar;
  });
  return h("div", { className: "panel" },
    h("label", { className: "row dim" }, h("input", {
      type: "checkbox", checked: squeeze, onchange: (event) => { squeeze = event.target.checked; again(); },
    }), "Squeeze waiting"),
    svg("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Time line of the task" },
      svg("line", { x1: 205, x2: 205, y1: 0, y2: height, class: "axis" }), bars));
}

function text(name, key, value, encoding) {
  return h("section", {}, h("div", { className: "row" }, h("h2", {}, name),
    encoding ? h("span", { className: "dim" }, `not UTF-8, shown as ${encoding}`) : null,
    value ? copyButton("Copy", () => value) : null),
    value === undefined || value === "" ? h("p", { className: "dim" }, "Nothing.") : h("pre", { "data-key": key }, encoding ? value : pretty(value)));
}

function steps(events) {
  return h("div", { className: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, ["", "Status", "At", "Detail"].map((name) => h("th", {}, name)))),
    h("tbody", {}, events.map((event) => h("tr", {},
      h("td", { className: "num dim" }, event.eventId),
      h("td", {}, statusMark(event.status)),
      h("td", { title: dateTime(event.timestamp) }, clockTime(event.timestamp)),
      h("td", {}, detail(event)))))));
}

function detail(event) {
  if (!event.eventDetail) return "";
  const { logTail, ...rest } = JSON.parse(event.eventDetail);
  const short = Object.entries(rest).map(([key, value]) => `${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" · ");
  if (!logTail) return short;
  const details = h("details", {}, h("summary", {}, "Log"), h("pre", {}, logTail));
  details.dataset.key = `log-${event.eventId}`;
  return h("div", {}, short, details);
}
