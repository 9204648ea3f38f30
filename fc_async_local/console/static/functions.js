// SPDX-License-Identifier: MIT
// Functions, how each is invoked asynchronously, and where results go.

import * as api from "./api.js";
import { button, h, svg } from "./dom.js";
import { openSend } from "./send.js";

const WIDTH = 200, HEIGHT = 46, GAP_X = 110, GAP_Y = 22, MARGIN = 30;

export const title = () => "Functions";

export async function load() {
  const [{ functions }, graph, { metrics }] = await Promise.all([api.functions(), api.graph(), api.metrics()]);
  return { functions, graph, metrics };
}

export function view(data, _, { act }) {
  if (!data.functions.length) {
    return h("p", { className: "empty panel" }, "No functions yet. Deploy some: ",
      h("code", {}, `fc-async deploy --endpoint ${location.origin} --with-functions`));
  }
  return h("div", {}, cycles(data.graph), h("h2", {}, "Where results go"), draw(data.graph, data.metrics),
    h("h2", {}, "Functions"), table(data.functions, act));
}

function cycles(graph) {
  const edges = graph.edges.filter((edge) => edge.cyclic);
  if (!edges.length) return null;
  const names = [...new Set(edges.flatMap((edge) => [edge.source, edge.target]))];
  return h("div", { className: "notice" }, h("span", {},
    `Destination cycle: ${names.join(", ")}. Remove one of the red destinations; `,
    h("code", {}, "fc-async validate"), " shows the line of each."));
}

// Columns by distance from where results begin; edges of a cycle don't push anything further.
function place(graph) {
  const level = Object.fromEntries(graph.nodes.map((node) => [node.name, 0]));
  const forward = graph.edges.filter((edge) => !edge.cyclic);
  for (let pass = 0; pass < graph.nodes.length; pass += 1) {
    let moved = false;
    for (const { source, target } of forward) {
      if (level[target] <= level[source]) { level[target] = level[source] + 1; moved = true; }
    }
    if (!moved) break;
  }
  const used = {};
  const at = {};
  for (const node of graph.nodes) {
    const column = level[node.name];
    const row = used[column] ?? 0;
    used[column] = row + 1;
    at[node.name] = { x: MARGIN + column * (WIDTH + GAP_X), y: MARGIN + row * (HEIGHT + GAP_Y) };
  }
  const columns = Math.max(...Object.values(level)) + 1;
  const rows = Math.max(...Object.values(used));
  return { at, width: 2 * MARGIN + columns * WIDTH + (columns - 1) * GAP_X, height: 2 * MARGIN + rows * (HEIGHT + GAP_Y) };
}

function path(from, to) {
  const x1 = from.x + WIDTH, y1 = from.y + HEIGHT / 2, x2 = to.x, y2 = to.y + HEIGHT / 2;
  if (from === to) {
    return `M${x1 - 30},${from.y + HEIGHT} c10,34 -60,34 -60,6`;
  }
  if (x2 - x1 > GAP_X + WIDTH) {
    // Over a column in between: underneath it.
    const low = Math.max(y1, y2) + HEIGHT + GAP_Y;
    return `M${x1},${y1} C${x1 + GAP_X},${low} ${x2 - GAP_X},${low} ${x2 - 8},${y2}`;
  }
  if (x2 > x1) {
    const middle = (x1 + x2) / 2;
    return `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2 - 8},${y2}`;
  }
  const side = Math.max(from.x, to.x) + WIDTH, lean = 46 + Math.abs(y1 - y2) / 4;
  return `M${x1},${y1} C${side + lean},${y1} ${side + lean},${y2} ${to.x + WIDTH + 8},${y2}`;
}

function label(name, kind) {
  if (kind === "function") return name.endsWith("/LATEST") ? [name.slice(0, -7), ""] : name.split(/\/(?=[^/]*$)/);
  return [name.split(/[:/]/).filter((part) => part && part !== "messages").pop(), kind];
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function draw(graph, metrics) {
  const { at, width, height } = place(graph);
  const kindOf = (edge) => (edge.cyclic ? "cyclic" : edge.outcome);
  const sum = (name, metric) => metrics.filter((m) => m.function === name && m.metric === metric).reduce((all, m) => all + m.value, 0);
  const heads = ["success", "failure", "cyclic"].map((kind) => svg("marker", {
    id: `head-${kind}`, viewBox: "0 0 8 8", refX: 1, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse",
  }, svg("path", { d: "M0,0 L8,4 L0,8 z", class: `head-${kind}` })));
  const edges = graph.edges.map((edge) => svg("path", {
    d: path(at[edge.source], at[edge.target]), class: `edge ${kindOf(edge)}`, "marker-end": `url(#head-${kindOf(edge)})`,
    "stroke-dasharray": edge.outcome === "failure" ? "5 4" : null,
  }, svg("title", {}, `${edge.source} → ${edge.target} on ${edge.outcome}`)));
  const nodes = graph.nodes.map(({ name, kind }) => {
    const { x, y } = at[name];
    const [first, second] = label(name, kind);
    const plain = name.split("/")[0];
    const good = kind === "function" ? sum(plain, "FunctionDestinationSucceeded") : 0;
    const bad = kind === "function" ? sum(plain, "FunctionDestinationErrors") : 0;
    const counts = good || bad ? `told ${good}${bad ? `, failed ${bad}` : ""}` : "";
    return svg("g", { class: kind === "function" ? "node" : "node outside" },
      svg("rect", { x, y, width: WIDTH, height: HEIGHT, rx: kind === "function" ? 7 : 22 }), svg("title", {}, name),
      svg("text", { x: x + 14, y: y + (second || counts ? 19 : 27) }, cut(first, 26)),
      svg("text", { x: x + 14, y: y + 35, class: "dim" }, cut([second, counts].filter(Boolean).join(" · "), 28)));
  });
  return h("div", { className: "panel scroll" },
    h("p", { className: "row dim" }, h("span", { className: "status ok" }, "success"), h("span", { className: "status warn" }, "failure (dashed)"), h("span", { className: "status bad" }, "on a cycle")),
    svg("svg", { class: "graph", width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Destination graph" },
      svg("defs", {}, heads), edges, nodes));
}

function table(functions, act) {
  const qualifierOf = (config) => config.functionArn.split("/")[2] ?? "LATEST";
  const shorten = (arn) => arn?.destination?.replace(/^acs:/, "") ?? "";
  return h("div", { className: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Function", "Runtime", "Qualifier", "Task mode", "Retries", "Age", "On success", "On failure", ""].map((name) => h("th", {}, name)))),
    h("tbody", {}, functions.flatMap(({ function: one, configs, aliases, versions }) => (configs.length ? configs : [null]).map((config, index) => h("tr", { "data-key": `row-${one.functionName}/${index}` },
      h("td", { title: `changed ${one.lastModifiedTime}` }, index ? "" : h("b", {}, one.functionName),
        index || !(versions.length || aliases.length) ? null : h("div", { className: "dim" }, [
          versions.length ? `${versions.length} version${versions.length > 1 ? "s" : ""}` : "",
          aliases.map((alias) => `${alias.aliasName} → ${alias.versionId}`).join(", ")].filter(Boolean).join(" · "))),
      h("td", {}, index ? "" : one.runtime),
      h("td", {}, config ? qualifierOf(config) : h("span", { className: "dim" }, "not configured")),
      h("td", {}, config ? (config.asyncTask ? "on" : "off") : ""),
      h("td", {}, config ? config.maxAsyncRetryAttempts ?? "3 (default)" : ""),
      h("td", {}, config ? (config.maxAsyncEventAgeInSeconds ? `${config.maxAsyncEventAgeInSeconds} s` : "1 d (default)") : ""),
      h("td", { className: "id mono" }, shorten(config?.destinationConfig?.onSuccess)),
      h("td", { className: "id mono" }, shorten(config?.destinationConfig?.onFailure)),
      h("td", {}, button("Send…", () => openSend({ function: one.functionName, qualifier: config ? qualifierOf(config) : "LATEST" }, act), "small"))))))));
}

