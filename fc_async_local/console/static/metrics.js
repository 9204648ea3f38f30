// SPDX-License-Identifier: MIT
// Metrics under the names that CloudMonitor gives them.

import * as api from "./api.js";
import { h } from "./dom.js";

const SPANS = { "": "since the beginning", 3600: "the last hour", 300: "the last 5 minutes" };
let span = "";

export const title = () => "Metrics";

export function frame(_, again) {
  return h("div", { className: "row panel" }, h("label", { className: "row" }, "Counted over ",
    h("select", { onchange: (event) => { span = event.target.value; again(); } },
      Object.entries(SPANS).sort(([a], [b]) => Number(a) - Number(b)).map(([value, text]) => h("option", { value, selected: value === span }, text)))),
    h("span", { className: "grow" }),
    h("span", { className: "dim" }, "For Prometheus: "), h("a", { href: "/metrics" }, "/metrics"));
}

export async function load() {
  const asked = span;
  const since = asked ? (await api.stats()).now - Number(asked) * 1000 : 0;
  return { ...await api.metrics(since), span: asked };
}

export function view({ metrics }) {
  if (!metrics.length) return h("p", { className: "empty panel" }, "Nothing has been counted yet.");
  const functions = [...new Set(metrics.map((m) => m.function))].sort();
  const names = [...new Set(metrics.map((m) => m.metric))];
  const about = (name) => metrics.find((m) => m.metric === name);
  const value = (name, of) => metrics.find((m) => m.metric === name && m.function === of)?.value ?? 0;
  return h("div", { className: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "Metric"), functions.map((name) => h("th", { className: "num" }, name)), h("th", { className: "num" }, "Sum"))),
    h("tbody", {}, names.map((name) => h("tr", {},
      h("td", {}, h("span", { className: "mono" }, name), h("div", { className: "dim" }, `${about(name).meaning}${about(name).unit === "ms" ? " (ms)" : ""}`)),
      functions.map((of) => h("td", { className: "num" }, value(name, of) || h("span", { className: "dim" }, "0"))),
      h("td", { className: "num" }, h("b", {}, about(name).unit === "ms" ? "" : functions.reduce((sum, of) => sum + value(name, of), 0))))))));
}
