// SPDX-License-Identifier: MIT
// Talks to the admin API. Errors carry the service's code and words.

export class Refused extends Error {
  constructor(status, body) {
    super(`${body.Code ?? status}: ${body.Message ?? "no answer"}`);
    this.status = status;
    this.code = body.Code;
  }
}

async function call(method, path, body) {
  const answer = await fetch(`/_local${path}`, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.status === 204) return null;
  const value = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, value);
  return value;
}

const task = (name, id) => `/tasks/${encodeURIComponent(name)}/${encodeURIComponent(id)}`;

export const health = () => call("GET", "/health");
export const clock = () => call("GET", "/clock");
export const advance = (seconds) => call("POST", "/clock/advance", { seconds });
export const runUntilIdle = () => call("POST", "/clock/run-until-idle", {});
export const stats = () => call("GET", "/stats");
export const tasks = (query) => call("GET", `/tasks?${new URLSearchParams(query)}`);
export const oneTask = (name, id) => call("GET", task(name, id));
export const runNow = (name, id) => call("POST", `${task(name, id)}/run-now`);
export const stop = (name, id) => call("POST", `${task(name, id)}/stop`);
export const functions = () => call("GET", "/functions");
export const graph = () => call("GET", "/graph");
export const invoke = (name, body) =>
  call("POST", `/functions/${encodeURIComponent(name)}/invoke`, body);
export const metrics = (start) => call("GET", `/metrics${start ? `?start=${start}` : ""}`);
export const dead = (token) =>
  call("GET", `/deliveries/dead${token ? `?${new URLSearchParams({ nextToken: token })}` : ""}`);
export const redrive = (id) => call("POST", `/deliveries/dead/${encodeURIComponent(id)}/redrive`);
export const discard = (id) => call("DELETE", `/deliveries/dead/${encodeURIComponent(id)}`);
export const redriveAll = () => call("POST", "/deliveries/dead/redrive");
export const purgeDead = () => call("DELETE", "/deliveries/dead");
