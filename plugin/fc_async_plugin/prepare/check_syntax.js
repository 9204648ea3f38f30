// SPDX-License-Identifier: MIT
//
// Reads requests, each a line of JSON, and answers each with a line of JSON. A string is the path of a
// file: the answer is "" if Node can read it, otherwise what `node --check` says. An object {file, root,
// layers} is a module of a function: the answer has the names of what it and the modules below root
// that it loads need and lack, each with file and line. Runs nothing of the files.
// One process for all saves: a start of Node would be most of what a check takes.
"use strict";

const { spawnSync } = require("child_process");
const fs = require("fs");
const { isBuiltin } = require("module");
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

const REQUIRED = /\brequire\(\s*(['"])([^'"\n]+)\1\s*\)/g;
const ENDINGS = ["", ".js", ".cjs", ".mjs", ".json", ".node", "/index.js", "/package.json"];
const PACKAGE = /^(?:@[^/:]+\/)?[\w.-]+(?=\/|$)/;

// Returns names with lines. Node reads imports. A require is a call like any other: one in a comment,
// or in a try, does not count.
function namesIn(file) {
  const source = fs.readFileSync(file, "utf8").replace(/^#!/, "//");
  try {
    asCommonJs(source, file);
  } catch {
    const read = new vm.SourceTextModule(source, { identifier: file });
    const names = read.moduleRequests?.map((one) => one.specifier) ?? read.dependencySpecifiers;
    const lines = source.split("\n");
    const lineOf = (name) => lines.findIndex((one) => one.includes(`'${name}'`) || one.includes(`"${name}"`));
    return names.map((name) => [name, lineOf(name) + 1]);
  }
  return [...source.matchAll(REQUIRED)].flatMap((one) => {
    const before = source.slice(0, one.index);
    const line = before.slice(before.lastIndexOf("\n") + 1);
    const left = /\/\/|^\s*\*/.test(line) || /\btry\b[^}]*$/.test(before.slice(-200));
    return left ? [] : [[one[2], before.split("\n").length]];
  });
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile();
}

function lacking({ file, root, layers }) {
  const found = {};
  const waiting = new Set([file]);
  for (const one of waiting) {
    let names = [];
    try {
      if (!one.endsWith(".json")) names = namesIn(one);
    } catch {} // another check names it
    for (const [name, line] of names) {
      let lacks = "";
      if (/^\.{0,2}\//.test(name)) {
        const target = path.resolve(path.dirname(one), name);
        const there = ENDINGS.map((ending) => target + ending).find(isFile);
        if (there?.startsWith(root + path.sep)) waiting.add(there);
        if (!there) lacks = name;
      } else if (!isBuiltin(name) && PACKAGE.test(name)) {
        const folders = layers.map((layer) => path.join(layer, "nodejs"));
        let folder = path.dirname(one);
        for (; folder.startsWith(root); folder = path.dirname(folder)) folders.push(folder);
        const [wanted] = name.match(PACKAGE);
        const has = (each) => fs.existsSync(path.join(each, "node_modules", wanted));
        if (!folders.some(has)) lacks = wanted;
      }
      if (lacks) found[lacks] ??= `${path.relative(path.dirname(root), one)}:${line}`;
    }
  }
  return found;
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  const answer = typeof request === "string" ? check(request) : lacking(request);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
