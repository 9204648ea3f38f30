// SPDX-License-Identifier: MIT
// The dialog that invokes a function: now or later, once or many times, asynchronously or not.

import * as api from "./api.js";
import { button, h } from "./dom.js";
import { pretty } from "./json.js";

const MOST = 1000;

const field = (label, input) => h("label", {}, h("span", {}, label), input);

export async function openSend(call, act) {
  let functions = [];
  await act(async () => { ({ functions } = await api.functions()); });
  const select = h("select", { required: true, name: "function" },
    functions.map(({ function: one }) => h("option", { value: one.functionName, selected: one.functionName === call.function }, one.functionName)));
  const qualifier = h("select", { name: "qualifier" });
  const qualifiers = () => {
    const chosen = functions.find(({ function: one }) => one.functionName === select.value);
    const names = ["LATEST", ...(chosen?.aliases ?? []).map((alias) => alias.aliasName), ...(chosen?.versions ?? []).map((version) => version.versionId)];
    qualifier.replaceChildren(...names.map((name) => h("option", { value: name, selected: name === call.qualifier }, name)));
  };
  select.addEventListener("change", qualifiers);
  qualifiers();
  const kind = h("select", { name: "type" }, ["Async", "Sync"].map((name) => h("option", {}, name)));
  const given = call.payload ?? '{"id": 1}';
  const payload = h("textarea", { name: "payload", spellcheck: false, value: given });
  const untouched = payload.value; // the field turns every line end into one line feed
  const encoding = h("select", { name: "payloadEncoding" }, [["", "text"], ["base64", "base64 of bytes"]].map(
    ([value, text]) => h("option", { value, selected: value === (call.payloadEncoding ?? "") }, text)));
  const delay = h("input", { name: "delay", type: "number", min: 0, max: 3599, value: 0 });
  const count = h("input", { name: "count", type: "number", min: 1, max: MOST, value: 1 });
  const taskId = h("input", { name: "taskId", placeholder: "made up", pattern: "[A-Za-z_][A-Za-z0-9_\\-]{0,127}" });
  const answer = h("div", {});
  const submit = h("button", { type: "submit", className: "primary" }, "Send");
  const dialog = h("dialog", {}, h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); send(); } },
    h("h2", {}, "Send"),
    h("div", { className: "grid" }, field("Function", select), field("Version or alias", qualifier), field("How", kind)),
    field("Payload", payload),
    h("div", { className: "grid" }, field("Payload is", encoding)),
    h("div", { className: "row" }, button("Format JSON", () => { payload.value = pretty(payload.value); }, "small")),
    h("div", { className: "grid" }, field("Delay in seconds", delay), field("Task id", taskId), field("How many", count)),
    answer,
    h("div", { className: "row" }, submit, button("Close", () => dialog.close()))));

  kind.addEventListener("change", () => {
    for (const input of [delay, taskId, count]) input.disabled = kind.value === "Sync";
  });

  // Byte for byte what was given if it was not edited; with its line ends if it was.
  function text() {
    if (payload.value === untouched) return given;
    const carriage = given.includes("\r\n") && !/(^|[^\r])\n/.test(given);
    return carriage ? payload.value.replaceAll("\n", "\r\n") : payload.value;
  }

  async function send() {
    submit.disabled = true;
    let sent = 0;
    try {
      const body = { payload: text(), payloadEncoding: encoding.value, qualifier: qualifier.value, type: kind.value };
      if (kind.value === "Sync") {
        show(await api.invoke(select.value, body));
        return;
      }
      const times = Number(count.value);
      let last;
      for (let number = 1; number <= times; number += 1) {
        const id = taskId.value && times > 1 ? `${taskId.value}-${number}` : taskId.value;
        last = await api.invoke(select.value, { ...body, delay: Number(delay.value), taskId: id });
        sent += 1;
      }
      dialog.close();
      location.hash = times > 1 ? "#/tasks" : `#/tasks/${encodeURIComponent(select.value)}/${encodeURIComponent(last.taskId)}`;
      await act(async () => {});
    } catch (error) {
      answer.replaceChildren(h("p", { className: "status bad" },
        sent ? `${sent} of ${count.value} were sent, then: ${error.message}` : error.message));
    } finally {
      submit.disabled = false;
    }
  }

  function show(result) {
    answer.replaceChildren(
      h("p", {}, result.errorType ? h("span", { className: "status bad" }, result.errorType) : h("span", { className: "status ok" }, "Succeeded"), ` in ${result.durationMs} ms`),
      h("pre", {}, result.payloadEncoding ? `${result.payloadEncoding}: ${result.payload}` : pretty(result.payload)),
      result.log ? h("details", {}, h("summary", {}, "Log"), h("pre", {}, result.log)) : null);
  }

  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
