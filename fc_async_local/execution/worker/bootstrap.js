// SPDX-License-Identifier: MIT
//
// Runs in the processes of Node functions: loads the handler and answers frames (two big-endian
// 32-bit lengths, a JSON object, a body) on an inherited socket. Imports modules of Node only.
"use strict";

const fs = require("fs");
const net = require("net");
const path = require("path");
const { Readable } = require("stream");
const { pathToFileURL } = require("url");

const HEAD_BYTES = 8;
const MAX_BODY_BYTES = 32 * 1024 * 1024; // the largest answer of a synchronous call
const EXIT_FAILED = 1;

const descriptor = Number(process.env.FC_WORKER_SOCKET);
const fixed = JSON.parse(process.env.FC_WORKER_FUNCTION);
delete process.env.FC_WORKER_SOCKET;
delete process.env.FC_WORKER_FUNCTION;
const socket = new net.Socket({ fd: descriptor, readable: true, writable: true });

const hooks = {};
const running = new Map(); // id -> request id

// --- frames ---

function send(meta, body = Buffer.alloc(0), then = undefined) {
  const encoded = Buffer.from(JSON.stringify({ ...meta, peak_kb: process.resourceUsage().maxRSS }));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(encoded.length, 0);
  head.writeUInt32BE(body.length, 4);
  socket.write(Buffer.concat([head, encoded, body]), then);
}

let unread = Buffer.alloc(0);
socket.on("data", (data) => {
  unread = Buffer.concat([unread, data]);
  while (unread.length >= HEAD_BYTES) {
    const middle = HEAD_BYTES + unread.readUInt32BE(0);
    const end = middle + unread.readUInt32BE(4);
    if (unread.length < end) return;
    const meta = JSON.parse(unread.subarray(HEAD_BYTES, middle).toString());
    const body = Buffer.from(unread.subarray(middle, end));
    unread = unread.subarray(end);
    answer(meta, body);
  }
});
socket.on("end", () => process.exit(0));
socket.on("error", () => process.exit(EXIT_FAILED));

// --- load ---

async function start() {
  let debugPort = {};
  if (fixed.debug) {
    const inspector = require("inspector");
    inspector.open(0, "127.0.0.1");
    debugPort = { debug_port: Number(new URL(inspector.url()).port) };
  }
  try {
    hooks.invoke = calledAsHttp(await load(fixed.handler));
    if (fixed.initialize) hooks.initialize = await load(fixed.initialize);
    if (fixed.pre_stop) hooks.pre_stop = await load(fixed.pre_stop);
  } catch (error) {
    fail(0, "", error, false, true, () => process.exit(EXIT_FAILED));
    return;
  }
  send({ id: 0, ok: true, ...debugPort });
}

async function load(handler) {
  const dot = handler.lastIndexOf(".");
  if (dot <= 0 || dot === handler.length - 1) {
    throw named("InvalidHandleName", `Invalid handler name '${handler}': module.function is needed`);
  }
  const base = path.resolve(handler.slice(0, dot));
  const name = handler.slice(dot + 1);
  const loaded = await loadModule(base);
  const found = loaded[name] || (loaded.default && loaded.default[name]);
  if (typeof found !== "function") {
    throw named("HandlerNotFound", `Handler '${name}' not found in module '${handler.slice(0, dot)}'`);
  }
  return found;
}

async function loadModule(base) {
  if (fs.existsSync(`${base}.mjs`)) return import(pathToFileURL(`${base}.mjs`).href);
  try {
    return require(base);
  } catch (error) {
    if (error && error.code === "ERR_REQUIRE_ESM") {
      return import(pathToFileURL(require.resolve(base)).href);
    }
    throw error;
  }
}

// --- handlers of HTTP functions of FC 2.0 ---

// A handler that is called with event and context for one with request, response and context. The
// names of functions of FC 2.0 are service$function; other payloads are the body of POST /.
function calledAsHttp(handler) {
  const names = handler.toString().replace(/\{[^]*|=>[^]*/, "");
  if (handler.length !== 3 || /\b(event|callback)\b/i.test(names)) return handler;
  const certain = /\breq\w*\W+res\w*/i.test(names);
  if (!fixed.context.name.includes("$")) {
    if (certain) console.warn(`${fixed.handler} takes request and response, as HTTP functions of FC 2.0 do: FC 3.0 does not call it so`);
    return handler;
  }
  return (event, context, callback) => {
    const request = requestOf(event);
    if (!request && !certain) return handler(event, context, callback);
    return new Promise((resolve, reject) => {
      const called = request || { method: "POST", path: "/", url: "/", headers: {}, queries: {}, body: event };
      Promise.resolve(handler(streamOf(called), responseTo(resolve, reject), context)).catch(reject);
    });
  };
}

// The request in the event of an HTTP trigger; undefined if it is another event.
function requestOf(event) {
  try {
    const { requestContext, headers, queryParameters, body, isBase64Encoded } = JSON.parse(event.toString());
    const { method, path: place, sourceIp } = requestContext.http;
    const queries = queryParameters || {};
    const query = new URLSearchParams(queries).toString();
    const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
    return {
      method,
      path: place,
      queries,
      url: query ? `${place}?${query}` : place,
      headers: Object.fromEntries(lower),
      clientIP: sourceIp,
      body: Buffer.from(body || "", isBase64Encoded ? "base64" : "utf8"),
    };
  } catch {
    return undefined;
  }
}

function streamOf({ body, ...request }) {
  return Object.assign(Readable.from(body.length ? [body] : [], { objectMode: false }), request);
}

function responseTo(resolve, reject) {
  const headers = {};
  let statusCode = 200;
  const end = (body) =>
    resolve({ statusCode, headers, body: Buffer.from(body || "").toString("base64"), isBase64Encoded: true });
  return {
    setStatusCode: (code) => (statusCode = code),
    setHeader: (name, value) => (headers[name] = String(value)),
    deleteHeader: (name) => delete headers[name],
    send(body) {
      if (!body || typeof body.pipe !== "function") return end(body);
      const parts = [];
      body.on("data", (part) => parts.push(Buffer.from(part)));
      return body.on("end", () => end(Buffer.concat(parts))).on("error", reject);
    },
  };
}

function named(name, message) {
  const error = new Error(message);
  error.name = name;
  error.stack = "";
  return error;
}

// --- calls ---

function answer(meta, body) {
  const { id, op } = meta;
  const context = contextOf(meta);
  running.set(id, meta.request_id);
  let open = true;
  const once = (then) => (...results) => {
    if (!open) return;
    open = false;
    running.delete(id);
    then(...results);
  };
  const succeed = once((result) => {
    let data;
    try {
      data = op === "invoke" ? encode(result) : Buffer.alloc(0);
    } catch (error) {
      fail(id, meta.request_id, error, false);
      return;
    }
    send({ id, ok: true }, data);
  });
  const raise = once((error) => fail(id, meta.request_id, error, false));
  const refuse = once((error) => fail(id, meta.request_id, error, true));
  const callback = (error, result) => (error ? refuse(error) : succeed(result));
  const hook = hooks[op];
  try {
    const result = op === "invoke" ? hook(body, context, callback) : hook(context, callback);
    const takesCallback = hook.length >= (op === "invoke" ? 3 : 2);
    if (result && typeof result.then === "function") result.then(succeed, raise);
    else if (!takesCallback) succeed(result);
  } catch (error) {
    raise(error);
  }
}

function encode(result) {
  let data;
  if (Buffer.isBuffer(result)) data = result;
  else if (typeof result === "string") data = Buffer.from(result);
  else data = Buffer.from(JSON.stringify(result === undefined ? null : result) || "null");
  if (data.length > MAX_BODY_BYTES) {
    throw new RangeError(`the result has ${data.length} bytes, more than ${MAX_BODY_BYTES}`);
  }
  return data;
}

// The code folder, as paths and URLs name it; on the service it is /code.
const codeFolder = process.cwd();
const codeNames = [pathToFileURL(codeFolder).pathname, codeFolder];

// A text with the code folder as on the service, without lines that name this file.
function shown(text) {
  for (const name of codeNames) text = text.split(`${name}/`).join("/code/");
  return text
    .split("\n")
    .filter((line) => !line.includes(__filename))
    .join("\n");
}

// The function's frames, innermost first. Frames of this file and what called it are left out.
function framesOf(stack) {
  const lines = stack.split("\n");
  const frames = [];
  // A syntax error has no frame where it is; node names the place in front of everything else.
  if (/^(\/|file:).*:\d+$/.test(lines[0])) frames.push(`at ${lines[0]}`);
  for (const line of lines) {
    if (line.includes(__filename)) break;
    if (/^\s+at /.test(line)) frames.push(line.trim());
  }
  while (frames.length > 0 && frames[frames.length - 1].includes("node:internal/")) frames.pop();
  return frames.map(shown);
}

function fail(id, requestId, error, handled, last = false, then = undefined) {
  const isError = error instanceof Error;
  const frames = isError && error.stack ? framesOf(String(error.stack)) : [];
  const document = {
    errorMessage: isError ? messageOf(error) : textOf(error),
    errorType: isError ? error.name : typeof error,
    stackTrace: frames,
  };
  const head = `${document.errorType}: ${document.errorMessage}`;
  log("ERROR", requestId, isError ? [head, ...frames.map((frame) => `    ${frame}`)].join("\n") : document.errorMessage);
  send({ id, ok: false, handled, last }, Buffer.from(JSON.stringify(document)), then);
}

// Text stays as it is; JSON cannot express undefined, a BigInt, and what refers to itself.
function textOf(value) {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value) || String(value);
  } catch {
    return String(value);
  }
}

// Errors of loading modules name files, those of the worker among them.
function messageOf(error) {
  const ofLoading = /^(MODULE_NOT_FOUND|ERR_(MODULE|REQUIRE|UNSUPPORTED|PACKAGE|INVALID_PACKAGE))/;
  return ofLoading.test(error.code) ? shown(String(error.message)) : error.message;
}

// An error that belongs to no call any more ends the process, and all calls with it.
function die(error) {
  const calls = [...running];
  running.clear();
  let left = calls.length;
  if (left === 0) process.exit(EXIT_FAILED);
  for (const [id, requestId] of calls) {
    fail(id, requestId, error, false, true, () => --left || process.exit(EXIT_FAILED));
  }
}
process.on("uncaughtException", die);
process.on("unhandledRejection", die);

// --- context ---

function log(level, requestId, ...parts) {
  const text = parts.map(textOf).join(" ");
  process.stdout.write(`${new Date().toISOString()} ${requestId} [${level}] ${text}\n`);
}

function contextOf(meta) {
  const { context } = fixed;
  const [accessKeyId, accessKeySecret, securityToken] = context.credentials;
  const logger = {};
  for (const level of ["trace", "debug", "info", "warn", "error", "fatal"]) {
    logger[level] = (...parts) => log(level.toUpperCase(), meta.request_id, ...parts);
  }
  logger.log = logger.info;
  return {
    requestId: meta.request_id,
    credentials: { accessKeyId, accessKeySecret, securityToken },
    function: {
      name: context.name,
      handler: context.handler,
      memory: context.memory,
      timeout: context.timeout,
    },
    service: {
      name: "",
      logProject: "",
      logStore: "",
      qualifier: meta.qualifier,
      versionId: context.version_id,
    },
    region: context.region,
    accountId: context.account_id,
    retryCount: meta.retry_count,
    tracing: { openTracingSpanContext: null, openTracingSpanBaggages: {}, jaegerEndpoint: null },
    logger,
  };
}

start();
