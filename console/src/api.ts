// SPDX-License-Identifier: MIT
// Talks to the admin API of the runtime that serves this page. Errors carry the service's words.

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

async function ask(method: string, path: string, body?: BodyInit, type = "application/json"): Promise<Response> {
  const answer = await fetch(`/_local${path}`, {
    method,
    headers: body === undefined ? {} : { "content-type": type },
    body: body ?? null,
  });
  if (answer.ok) return answer;
  const { Code = `${answer.status}`, Message = "no answer" } = (await answer.json()) as { Code?: string; Message?: string };
  throw new Refused(answer.status, Code, `${Code}: ${Message}`);
}

async function call<T>(...request: Parameters<typeof ask>): Promise<T> {
  const answer = await ask(...request);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const search = (query: Query): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : "";
};
export const path = (...parts: string[]): string => parts.map((part) => `/${encodeURIComponent(part)}`).join("");

export const get = <T>(where: string, query: Query = {}): Promise<T> => call("GET", where + search(query));
export const text = async (where: string, query: Query = {}): Promise<string> => (await ask("GET", where + search(query))).text();
export const post = <T>(where: string, body: unknown = {}): Promise<T> => call("POST", where, JSON.stringify(body));
export const put = <T>(where: string, body: unknown): Promise<T> => call("PUT", where, JSON.stringify(body));
export const remove = <T>(where: string, query: Query = {}): Promise<T> => call("DELETE", where + search(query));
export const file = async (where: string): Promise<Blob> => (await ask("GET", where)).blob();
export const upload = <T>(where: string, file: Blob): Promise<T> => call("PUT", where, file, "application/octet-stream");

export interface Task {
  taskId: string;
  requestId: string;
  function: string;
  functionArn: string;
  qualifier: string;
  status: string;
  alreadyRetriedTimes: number;
  acceptedTime: number;
  dueTime: number;
  startedTime?: number;
  endTime?: number;
  durationMs?: number;
  instanceId?: string;
  destinationStatus?: string;
  taskErrorMessage?: string; // the condition, such as UnhandledInvocationError
  errorType?: string; // of the function's own error
  errorMessage?: string;
  taskPayload?: string;
  taskPayloadEncoding?: string;
  returnPayload?: string;
  returnPayloadEncoding?: string;
}

export interface Step {
  eventId: number;
  status: string;
  timestamp: number;
  eventDetail?: string;
}

export interface Note {
  at: number;
  kind: "delivery" | "cause" | "action";
  outcome?: string;
  destination?: string;
  try?: number;
  status?: number;
  code?: string;
  message?: string;
  reference?: string;
  dueAt?: number;
  nextTryAt?: number;
  event?: string;
  eventEncoding?: string;
  action?: string;
  reason?: string;
  requestId?: string;
  function?: string;
  taskId?: string;
}

export interface Config {
  functionArn: string;
  asyncTask?: boolean;
  maxAsyncRetryAttempts?: number;
  maxAsyncEventAgeInSeconds?: number;
  destinationConfig?: { onSuccess?: { destination?: string }; onFailure?: { destination?: string } };
}

export const qualifierOf = (config: Config): string => config.functionArn.split("/")[2] ?? "LATEST";

export interface WholeTask extends Task {
  events?: Step[];
  attempts: number;
  systemRetries: number;
  callPath: string[];
  delayMs: number;
  config: Config | null;
  notes: Note[];
}

export interface Stats {
  by_status: Record<string, number>;
  deliveries_pending: number;
  deliveries_dead: number;
  now: number;
}

export interface FunctionOverview {
  function: { functionName: string; runtime: string; handler: string; memorySize?: number; timeout?: number; instanceConcurrency?: number; lastModifiedTime: string; description?: string };
  configs: Config[];
  concurrency: { reservedConcurrency?: number };
  aliases: { aliasName: string; versionId: string; description?: string; additionalVersionWeight?: Record<string, number> }[];
  versions: { versionId: string; description?: string; createdTime?: string }[];
}

export interface Accepted {
  requestId: string;
  taskId: string;
}

export interface Call {
  payload: string;
  payloadEncoding?: string;
  qualifier: string;
  delay?: number;
  taskId?: string;
  type?: "Async" | "Sync";
}

export const taskPath = (name: string, id: string): string => `/tasks${path(name, id)}`;
export const oneTask = (name: string, id: string): Promise<WholeTask> => get(taskPath(name, id));
export const invoke = <T = Accepted>(name: string, body: Call): Promise<T> => post(`/functions${path(name)}/invoke`, body);
export const act = (action: string, tasks: { function: string; taskId: string }[], reason: string) =>
  post<{ done: { newTaskId?: string; function: string }[]; refused: { taskId: string; code: string; message: string }[] }>(
    "/tasks/actions",
    { action, tasks, reason },
  );
