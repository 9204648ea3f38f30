// SPDX-License-Identifier: MIT
/**
 * fc-async inside Serverless Devs: the same folder works as `plugin:` and as `component:`.
 *
 * It holds no logic. It finds the Python that it was installed with, hands it the command line that
 * a user would type, and turns the exit code into what `s` understands. It must never swallow a
 * failure: a child that fails becomes an exception, and `s` ends with 101.
 */
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const PLAN_HAS_CHANGES = 2;

/** The Python that has fc_async_plugin: named, or the one whose site-packages this folder is in. */
function python() {
  if (process.env.FC_ASYNC_PYTHON) return process.env.FC_ASYNC_PYTHON;
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    for (const home of [folder, path.join(folder, ".venv")]) {
      const candidate = path.join(home, "bin", "python3");
      const inside = home !== folder || __dirname.startsWith(path.join(home, "lib") + path.sep);
      if (inside && fs.existsSync(candidate)) return candidate;
    }
  }
  return "python3";
}

/** `python -m` would import modules that lie beside s.yaml; with -c that folder is the entry "". */
const PROGRAM =
  "import sys; sys.path[:] = filter(None, sys.path); " +
  "from fc_async_plugin.cli import main; sys.exit(main())";

/** Run `fc-async` and return what it printed; a failure is an exception with its message. */
function run(args, environment, { accepted = [0], resolved } = {}) {
  const done = spawnSync(python(), ["-c", PROGRAM, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment, FC_ASYNC_RESOLVED: resolved ? "-" : "" },
    input: resolved || "",
    maxBuffer: 256 * 1024 * 1024,
  });
  if (done.error) {
    throw new Error(
      `fc-async can't be started (${done.error.message}): set FC_ASYNC_PYTHON to the python that ` +
        "it is installed in",
    );
  }
  if (!accepted.includes(done.status)) {
    const said = [done.stdout, done.stderr].map((text) => text.trim()).filter(Boolean).join("\n");
    throw new Error(said || `fc-async ${args[0]} ended with ${done.status ?? done.signal}`);
  }
  return done;
}

/** The value of an option of `s` itself: what it hands on to resources doesn't have them all. */
function optionOfS(...names) {
  const argv = process.argv.slice(2);
  for (let index = 0; index < argv.length; index += 1) {
    const [name, value] = argv[index].split(/=(.*)/s);
    if (names.includes(name)) return value ?? argv[index + 1];
  }
  return undefined;
}

/** The template: of the inputs, or (global actions get no inputs to speak of) where `s` found it. */
function template(inputs, args) {
  const named = args.template || inputs?.yaml?.path || optionOfS("-t", "--template");
  return named ? path.resolve(named) : undefined;
}

function common(inputs, args) {
  const file = template(inputs, args);
  const environment = optionOfS("--env");
  return [...(file ? ["-t", file] : []), ...(environment ? ["--env", environment] : [])];
}

/** The alias under which a child finds the keys that `s` has resolved. */
const ALIAS = "fc-async";

/**
 * `s` resolved the keys already, whichever alias, variable or token they come from. The child gets
 * them by environment, in the form that `s` itself takes, and never by command line.
 */
async function keys(inputs) {
  const found = inputs?.credential || (await inputs?.getCredential?.()) || {};
  // The alias of a pipeline would come before the one that names these keys.
  const environment = { serverless_devs_access_cicd_alias_name: "" };
  if (found.AccessKeyID && found.AccessKeySecret) {
    const { AccountID, AccessKeyID, AccessKeySecret, SecurityToken } = found;
    environment[`${ALIAS}_serverless_devs_key`] = JSON.stringify({
      AccountID: String(AccountID || ""),
      AccessKeyID,
      AccessKeySecret,
      ...(SecurityToken ? { SecurityToken } : {}),
    });
  }
  return environment;
}

/**
 * The arguments that say where a child goes: with those keys, if there are any, to the endpoint that
 * `s` uses. An alias that the user typed is the account's: beside the variable FC_ASYNC_ENDPOINT
 * alone, the child refuses it.
 */
function target(inputs, environment) {
  const { FC_CLIENT_CUSTOM_ENDPOINT, FC_ASYNC_ENDPOINT } = process.env;
  // s users point fc3 to another endpoint with these; the same words are good for us.
  const ofS = inputs?.props?.endpoint || FC_CLIENT_CUSTOM_ENDPOINT;
  const endpoint = ofS || (optionOfS("-a", "--access") ? "" : FC_ASYNC_ENDPOINT);
  return [
    ...(`${ALIAS}_serverless_devs_key` in environment ? ["-a", ALIAS] : []),
    ...(endpoint ? ["--endpoint", endpoint] : []),
  ];
}

/**
 * The props of the resource that `s` is at, as JSON by resource: `s` has filled in the outputs of
 * other resources and what plugins have changed. A global action has none. Where no keys are
 * needed, the secrets of the alias are text again.
 */
async function resolved(inputs, onAccount) {
  const name = inputs?.resource?.name || inputs?.name;
  if (!name || !inputs.props) return undefined;
  const hidden = onAccount
    ? {}
    : inputs.credential || (await inputs.getCredential?.().catch(() => undefined)) || {};
  const names = ["AccessKeySecret", "SecurityToken"].filter((key) => hidden[key]);
  const escaped = names.map((key) => hidden[key].replace(/[^\w]/g, "\\$&"));
  const secrets = new RegExp(escaped.join("|") || "(?!)", "g");
  const shown = (value) => {
    if (Array.isArray(value)) return value.map(shown);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shown(one)]));
    }
    if (typeof value !== "string") return value;
    return value.replace(secrets, (found) => {
      return `\${config('${names.find((key) => hidden[key] === found)}')}`;
    });
  };
  return JSON.stringify({ [name]: shown(inputs.props) });
}

/** The exit codes of a command that are no failure. */
function accepted(command) {
  return command === "plan" ? [0, PLAN_HAS_CHANGES] : [0];
}

/** A command and its flags in our words: `deploy --dry-run` is `plan`. */
function named(command, flags) {
  const dry = command === "deploy" && flags.includes("--dry-run");
  return dry ? ["plan", flags.filter((one) => one !== "--dry-run")] : [command, flags];
}

/** Show what a command printed, below the line that says where it went. */
function show(logger, done) {
  const where = done.stderr.split("\n").filter((line) => line.startsWith("Using "));
  for (const line of [...where, ...done.stdout.split("\n")]) if (line.trim()) logger.info(line);
}

/** Options that `s` takes itself; it hands them on with the rest. */
const VALUED = [
  "-t", "--template", "-a", "--access", "--env", "-o", "--output-format", "--output-file",
];
const BARE = ["-y", "--assume-yes", "--silent", "--debug", "--skip-actions", "--no-verify"];

/** The flags that are meant for us. */
function ours(args) {
  const kept = [];
  for (let index = 0; index < args.length; index += 1) {
    const [name, ...value] = args[index].split("=");
    if (VALUED.includes(name)) index += value.length === 0 ? 1 : 0;
    else if (!BARE.includes(name)) kept.push(args[index]);
  }
  return kept;
}

/** `s` has not deployed yet: a plan does not fail because of what is known only then. */
const BEFORE = ["--before-deployment"];

const ON_THE_ACCOUNT = ["plan", "deploy", "remove"];

/**
 * As plugin. Arguments, all optional: `command` (validate, plan or deploy), `template`, and
 * `flags`, a list of further flags of that command.
 */
async function plugin(inputs, args, logger) {
  const chosen = args || {};
  const [command, flags] = named(chosen.command || "validate", chosen.flags || []);
  if (!["validate", "plan", "deploy"].includes(command)) {
    throw new Error(`fc-async: command ${command} must be validate, plan or deploy`);
  }
  const onAccount = ON_THE_ACCOUNT.includes(command);
  const environment = onAccount ? await keys(inputs) : {};
  const where = onAccount ? target(inputs, environment) : [];
  const asked = { deploy: ["-y"], plan: BEFORE }[command] || [];
  const done = run(
    [command, ...common(inputs, chosen), ...where, ...asked, ...flags],
    environment,
    // A template that the arguments name is not the one whose props `s` has resolved.
    {
      accepted: accepted(command),
      resolved: chosen.template ? undefined : await resolved(inputs, onAccount),
    },
  );
  show(logger || console, done);
  return inputs;
}

/** One command of the component, for the resource that `s` is at. */
function componentCommand(command, logger) {
  return async (inputs) => {
    const mine = ["--resource", inputs.resource?.name || inputs.name];
    const [ownName, given] = named(command, ours(inputs.args || []));
    const name = { info: "plan", verify: "validate" }[ownName] || ownName;
    const onAccount = ON_THE_ACCOUNT.includes(name);
    const asked = { deploy: ["-y"], remove: ["-y"], plan: BEFORE }[name] || [];
    const format = command === "info" ? ["--format", "json"] : [];
    const whole = name === "validate" || name === "graph";
    const environment = onAccount ? await keys(inputs) : {};
    const where = onAccount ? target(inputs, environment) : [];
    const base = [name, ...common(inputs, {}), ...where];
    const done = run(
      [...base, ...(whole ? [] : mine), ...asked, ...format, ...given],
      environment,
      { accepted: accepted(name), resolved: await resolved(inputs, onAccount) },
    );
    if (command === "info") return info(inputs, JSON.parse(done.stdout));
    show(logger, done);
    return name === "deploy" ? { functionName: inputs.props?.functionName } : {};
  };
}

function info(inputs, plan) {
  return {
    region: inputs.props?.region,
    functionName: inputs.props?.functionName,
    asyncInvokeConfig: inputs.props?.asyncInvokeConfig,
    deployed: !plan.changes && plan.obstacles.length === 0 && plan.omitted.length === 0,
    pending: [
      ...plan.steps.map((step) => `${step.action} ${step.kind} ${step.function}`),
      ...plan.omitted,
    ],
  };
}

const COMMANDS = {
  deploy: "Make the account have the resource's asynchronous configuration",
  plan: "Show what deploy would change",
  remove: "Delete the resource's asynchronous configuration",
  validate: "Check the whole template: ranges, destinations, cycles",
  verify: "Check the whole template, as validate does",
  graph: "Draw where results go",
  info: "Show the configuration and whether it is deployed",
};

/** What `new` gives: callable, so that it is a plugin, with the commands of a component on it. */
function FcAsync(options) {
  const logger = options?.logger || console;
  const both = async (inputs, args, given) => plugin(inputs, args, given || logger);
  both.commands = {};
  for (const [command, summary] of Object.entries(COMMANDS)) {
    both[command] = componentCommand(command, logger);
    both.commands[command] = {
      help: {
        description: `${summary}. Flags are those of fc-async ${command}.`,
        summary,
        option: [],
      },
    };
  }
  both.getSchema = () => run(["validate", "--schema", "--props"], {}).stdout;
  both.getShownProps = () => ({
    deploy: ["functionName"],
    info: ["region", "functionName", "asyncInvokeConfig", "deployed", "pending"],
  });
  return both;
}

module.exports = FcAsync;
