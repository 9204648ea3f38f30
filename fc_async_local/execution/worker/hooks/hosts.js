// SPDX-License-Identifier: MIT
//
// Leads connections of a function to the cloud's hosts to the local runtime instead, as hosts.py
// does for Python. NODE_OPTIONS lets each Node that a function starts load this file first.
//
// Two places are changed, below all HTTP clients: Socket.connect, and tls.connect, which gives a
// connection that is not encrypted: it stays on loopback, where the runtime speaks plain HTTP.
"use strict";

const net = require("net");
const tls = require("tls");

// In a container, the name of the machine on which the runtime listens.
const LOOPBACK = process.env.FC_ASYNC_HOST || "127.0.0.1";
const rows = JSON.parse(process.env.FC_ASYNC_HOSTS || "[]").map(([pattern, port]) => [
  new RegExp(`^(?:${pattern})$`),
  port,
]);

// The proxy is for programs without this file.
for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]) {
  if (process.env[name] === process.env.FC_ASYNC_PROXY) delete process.env[name];
}

// Returns the port of the runtime for a host; undefined if the host is not served, 0 if refused.
function portOf(host) {
  const name = String(host || "").trim().replace(/\.$/, "").toLowerCase();
  if (!name.endsWith(".aliyuncs.com") && !name.endsWith(".fcapp.run")) return undefined;
  const found = rows.find(([pattern]) => pattern.test(name));
  return found && found[1];
}

function refusal(host) {
  const error = new Error(
    `${host} is a function of the real service, which the local runtime does not call: ` +
      "use the URL of the local trigger, or start with --allow-cloud",
  );
  return Object.assign(error, { code: "ENOTFOUND", hostname: host, syscall: "connect" });
}

// The arguments of connect: an object, or port and host, and a callback.
function optionsOf(args) {
  if (Array.isArray(args[0])) return optionsOf(args[0]); // as net.connect passes them on
  const [first, second] = args;
  if (first !== null && typeof first === "object") return first;
  return { port: first, host: typeof second === "string" ? second : undefined };
}

function callbackOf(args) {
  const flat = Array.isArray(args[0]) ? args[0] : args;
  return flat.find((one) => typeof one === "function");
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = optionsOf(args);
  const port = options.path ? undefined : portOf(options.host);
  if (port === undefined) return connect.apply(this, args);
  if (port === 0) {
    process.nextTick(() => this.destroy(refusal(options.host)));
    return this;
  }
  const { lookup, family, localAddress, ...rest } = options;
  return connect.call(this, { ...rest, host: LOOPBACK, port }, callbackOf(args));
};

const secure = tls.connect;
tls.connect = function (...args) {
  const given = args.find((one) => one !== null && typeof one === "object") || {};
  const options = { ...optionsOf(args), ...given };
  const named = options.servername || options.host;
  if (options.path || portOf(named) === undefined) return secure.apply(this, args);
  const socket = options.socket || net.connect({ ...options, host: options.host || named });
  const callback = args.find((one) => typeof one === "function");
  if (callback) socket.once("secureConnect", callback);
  Object.assign(socket, {
    encrypted: true,
    authorized: true,
    authorizationError: null,
    alpnProtocol: false,
    servername: named,
    getPeerCertificate: () => ({ subject: {}, subjectaltname: `DNS:${named}` }),
    getCipher: () => ({ name: "", standardName: "", version: "TLSv1.3" }),
    getProtocol: () => "TLSv1.3",
    getSession: () => undefined,
    isSessionReused: () => false,
    setServername: () => {},
  });
  const ready = () => process.nextTick(() => socket.emit("secureConnect"));
  if (socket.connecting) socket.once("connect", ready);
  else ready();
  return socket;
};

require("module").syncBuiltinESMExports();
