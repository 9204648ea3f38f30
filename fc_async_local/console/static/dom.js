// SPDX-License-Identifier: MIT
// Builds elements. Text is always text: nothing that came from a function is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !(node instanceof SVGElement) && name !== "list") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

export const h = (tag, attributes, ...children) =>
  fill(document.createElement(tag), attributes, children);

export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

export const button = (label, onclick, className = "") =>
  h("button", { type: "button", className, onclick }, label);

const KINDS = {
  Succeeded: "ok", Failed: "bad", Expired: "bad", Invalid: "bad", Stopped: "warn",
  Retrying: "warn", Stopping: "warn", Running: "run", Dequeued: "run", Enqueued: "wait",
};

export const FINAL = ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"];

export const kindOf = (status) => KINDS[status] ?? "wait";

export const statusMark = (status) =>
  h("span", { className: `status ${kindOf(status)}${status === "Running" ? " live" : ""}` }, status);

export function clockTime(at) {
  const time = new Date(at);
  const text = time.toLocaleTimeString([], { hour12: false });
  return `${text}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

export const dateTime = (at) => `${new Date(at).toLocaleDateString()} ${clockTime(at)}`;

export function duration(ms) {
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function copyButton(label, text) {
  const node = button(label, async () => {
    await navigator.clipboard.writeText(text());
    node.textContent = "Copied";
    setTimeout(() => { node.textContent = label; }, 1200);
  }, "small");
  return node;
}

export function ask(question, action) {
  const dialog = h("dialog", {},
    h("p", {}, question),
    h("div", { className: "row" },
      button(action, () => dialog.close("yes"), "danger"),
      button("Cancel", () => dialog.close(""))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
  });
}
