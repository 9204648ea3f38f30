// SPDX-License-Identifier: MIT
// Calls of one official client whose endpoint alone was changed; prints what it saw as JSON.
// Usage: endpoint_only.mjs fc20230330|fc2|fc-open HOST:PORT KEY SECRET

import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.MODULES}/`));
const [name, endpoint, accessKeyId, accessKeySecret] = process.argv.slice(2);
const later = { "x-fc-async-delay": "3000" };

async function fc20230330() {
  const sdk = require("@alicloud/fc20230330");
  const { $OpenApiUtil } = require("@alicloud/openapi-core");
  const { RuntimeOptions } = require("@alicloud/tea-util");
  const client = new sdk.default(new $OpenApiUtil.Config({
    accessKeyId, accessKeySecret, endpoint, regionId: "cn-hangzhou",
  }));
  const invoke = (target, text, headers = {}) => client.invokeFunctionWithOptions(target,
    new sdk.InvokeFunctionRequest({ body: Readable.from(Buffer.from(text)) }),
    new sdk.InvokeFunctionHeaders(headers), new RuntimeOptions({}));
  let answered = "";
  for await (const part of (await invoke("pay", "now")).body) answered += part;
  const accepted = await invoke("pay", "later",
    { xFcInvocationType: "Async", xFcAsyncTaskId: "node-3", commonHeaders: later });
  const task = await client.getAsyncTask("pay", "node-3", new sdk.GetAsyncTaskRequest({}));
  const refused = await invoke("nothing", "now").catch((error) => error.code);
  return { answered, accepted: accepted.statusCode, status: task.body.status, refused };
}

async function fc2() {
  const FC = require("@alicloud/fc2");
  const client = new FC("1234567890123456", {
    accessKeyID: accessKeyId, accessKeySecret, region: "cn-hangzhou",
    endpoint: `https://${endpoint}`,
  });
  const answered = (await client.invokeFunction("shop", "pay", "now", {}, "LATEST")).data;
  const accepted = await client.invokeFunction("shop", "pay", "later", {
    "x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": "node-2",
    "x-fc-stateful-async-invocation-enable": "true", ...later,
  });
  const path = "/services/shop/functions/pay/stateful-async-invocations/node-2";
  const task = await client.get(path);
  const refused = await client.invokeFunction("shop", "nothing", "now").catch((error) => {
    if (error.message.includes("undefined")) throw error;
    return error.code;
  });
  const known = accepted.headers["x-fc-stateful-async-invocation-id"] === "node-2";
  return { answered, accepted: known ? 202 : 0, status: task.data.status, refused };
}

async function fcOpen() {
  const sdk = require("@alicloud/fc-open20210406");
  const { Config } = require("@alicloud/openapi-client");
  const { RuntimeOptions } = require("@alicloud/tea-util");
  const client = new sdk.default(new Config({
    accessKeyId, accessKeySecret, endpoint, regionId: "cn-hangzhou",
  }));
  const invoke = (target, text, headers = {}) => client.invokeFunctionWithOptions("shop", target,
    new sdk.InvokeFunctionRequest({ body: Buffer.from(text) }),
    new sdk.InvokeFunctionHeaders(headers), new RuntimeOptions({}));
  const answered = (await invoke("pay", "now")).body.toString();
  const accepted = await invoke("pay", "later", {
    xFcInvocationType: "Async", xFcStatefulAsyncInvocationId: "node-open",
    xFcStatefulAsyncInvocationEnable: "true", commonHeaders: later,
  });
  const task = await client.getStatefulAsyncInvocation("shop", "pay", "node-open",
    new sdk.GetStatefulAsyncInvocationRequest({}));
  const refused = await invoke("nothing", "now").catch((error) => error.code);
  return { answered, accepted: accepted.statusCode, status: task.body.status, refused };
}

const calls = { fc20230330, fc2, "fc-open": fcOpen };
process.stdout.write(JSON.stringify(await calls[name]()));
