// SPDX-License-Identifier: MIT
// What the official client for Node.js does with a bucket; prints what it has seen as JSON.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.MODULES}/`);
const OSS = require("ali-oss");
const [endpoint, accessKeyId, accessKeySecret, version] = process.argv.slice(2);
const bucket = `node-${version}`;
const client = new OSS({
  endpoint,
  accessKeyId,
  accessKeySecret,
  bucket,
  region: "oss-cn-hangzhou",
  // For an address the client names the bucket in the Host header, and otherwise in the path.
  sldEnable: !endpoint.includes("127.0.0.1"),
  authorizationV4: version === "v4",
});
const key = "in/ü b+.txt";
const codeOf = async (call) => {
  try {
    await call();
  } catch (error) {
    return error.code;
  }
  return "";
};

const seen = {};
await client.putBucket(bucket);
seen.buckets = (await client.listBuckets()).buckets.map((one) => one.name);
await client.put(key, Buffer.from("hello"), { meta: { k: "v" }, mime: "text/x" });
const got = await client.get(key);
seen.content = got.content.toString();
seen.type = got.res.headers["content-type"];
seen.meta = (await client.head(key)).meta;
seen.range = (await client.get(key, { headers: { Range: "bytes=1-2" } })).content.toString();
seen.missing = await codeOf(() => client.get("none"));
seen.forbidden = await codeOf(() =>
  client.put(key, Buffer.from("x"), { headers: { "x-oss-forbid-overwrite": "true" } }),
);
await client.copy("copy", key);
await client.append("log", Buffer.from("abc"));
seen.position = (await client.append("log", Buffer.from("def"), { position: 3 })).nextAppendPosition;
await client.multipartUpload("parts", Buffer.alloc(250_000, 7), {
  partSize: 102_400,
  meta: { k: "v" },
  headers: { "x-oss-storage-class": "IA", "x-oss-tagging": "a=b" },
});
seen.class = (await client.head("parts")).res.headers["x-oss-storage-class"];
seen.parts = (await client.get("parts")).content.length;
seen.listed = (await client.list({ "max-keys": 10 })).objects.map((one) => one.name);
seen.second = (await client.listV2({ delimiter: "/" })).prefixes;
if (client.options.sldEnable) {
  const signed =
    version === "v4" ? client.signatureUrlV4("GET", 60, {}, key) : client.signatureUrl(key);
  seen.url = await (await fetch(await signed)).text();
}
seen.acl = (await client.getACL(key)).acl;
seen.deleted = (await client.deleteMulti([key, "copy", "log", "parts"])).deleted.length;
await client.putBucketCORS(bucket, [{ allowedOrigin: "*", allowedMethod: ["GET", "PUT"] }]);
seen.cors = (await client.getBucketCORS(bucket)).rules[0].allowedMethod;
await client.deleteBucket(bucket);
console.log(JSON.stringify(seen));
