// SPDX-License-Identifier: MIT
// Talks to the admin API of the runtime that serves this page. Errors carry the service's words.

import type {
  AsyncConfig,
  FunctionOverview,
  Functions,
  Invoke,
  Invoked,
  TasksActedOn,
  WholeTask,
} from "./admin";

export type * from "./admin";

const NOT_LET_IN = 401;

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export type Query = Record<string, string | number | boolean | undefined>;

async function ask(
  method: string,
  path: string,
  body?: BodyInit,
  type = "application/json",
): Promise<Response> {
  const answer = await fetch(`/_local${path}`, {
    method,
    headers: body === undefined ? {} : { "content-type": type },
    body: body ?? null,
  });
  if (answer.ok) return answer;
  // The runtime was started again: its page says how a browser gets in.
  if (answer.status === NOT_LET_IN) location.reload();
  const { Code = `${answer.status}`, Message = "no answer" } = (await answer.json()) as {
    Code?: string;
    Message?: string;
  };
  throw new Refused(answer.status, Code, `${Code}: ${Message}`);
}

async function call<T>(...request: Parameters<typeof ask>): Promise<T> {
  const answer = await ask(...request);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const search = (query: Query): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length
    ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`
    : "";
};
export const path = (...parts: string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part)}`).join("");

export const get = <T>(where: string, query: Query = {}): Promise<T> =>
  call("GET", where + search(query));
export const text = async (where: string, query: Query = {}): Promise<string> =>
  (await ask("GET", where + search(query))).text();
export const post = <T>(where: string, body: unknown = {}): Promise<T> =>
  call("POST", where, JSON.stringify(body));
export const put = <T>(where: string, body: unknown): Promise<T> =>
  call("PUT", where, JSON.stringify(body));
export const remove = <T>(where: string, query: Query = {}): Promise<T> =>
  call("DELETE", where + search(query));
export const file = async (where: string): Promise<Blob> => (await ask("GET", where)).blob();
export const upload = <T>(where: string, file: Blob): Promise<T> =>
  call("PUT", where, file, "application/octet-stream");

export type Config = AsyncConfig;
export const qualifierOf = (config: Config): string =>
  config.functionArn?.split("/")[2] ?? "LATEST";

export const functions = async (): Promise<FunctionOverview[]> =>
  (await get<Functions>("/functions")).functions;
export const taskPath = (name: string, id: string): string => `/tasks${path(name, id)}`;
export const oneTask = (name: string, id: string): Promise<WholeTask> => get(taskPath(name, id));
export const invoke = (name: string, body: Invoke): Promise<Invoked> =>
  post(`/functions${path(name)}/invoke`, body);
export const act = (
  action: string,
  tasks: { function: string; taskId: string }[],
  reason: string,
  edited?: Invoke,
) => post<TasksActedOn>("/tasks/actions", { action, tasks, reason, edited });
