// SPDX-License-Identifier: MIT
//
// Reads paths of files, each a JSON string on a line, and answers each with a line: "" if Node can
// read the file, otherwise what `node --check` says, as a JSON string. Runs nothing of the files.
// One process for all saves: a start of Node would be most of what a check takes.
"use strict";

const { spawnSync } = require("child_process");
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const vm = require("vm");

const CALLED_WITH = ["exports", "require", "module", "__filename", "__dirname"];

function typeOf(file) {
  const ending = path.extname(file);
  if (ending !== ".js") return ending === ".mjs" ? "module" : "commonjs";
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")).type || "";
    } catch (error) {
      if (error.code !== "ENOENT" || folder === path.dirname(folder)) return "";
    }
  }
}

function asModule(source, file) {
  new vm.SourceTextModule(source, { identifier: file });
}

function asCommonJs(source, file) {
  vm.compileFunction(source, CALLED_WITH, { filename: file });
}

function check(file) {
  let source;
  try {
    source = fs.readFileSync(file, "utf8").replace(/^#!/, "//");
  } catch {
    return ""; // deleted meanwhile
  }
  try {
    (typeOf(file) === "module" ? asModule : asCommonJs)(source, file);
    return "";
  } catch {
    // Node has the last word, and tells the place in a module, too.
    const done = spawnSync(process.execPath, ["--check", file], { encoding: "utf8" });
    return done.status === 0 ? "" : done.stderr;
  }
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(check(JSON.parse(line)))}\n`);
});
