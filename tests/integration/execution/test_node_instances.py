# SPDX-License-Identifier: MIT
"""Instances of the built-in Node runtimes."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.instances import kinds

needs_node = pytest.mark.usefixtures("node")


def once(workshop, source: str, payload: bytes = b"", **settings) -> Any:
    name = settings.pop("name", "index.js")
    workshop.write(source, name=name)
    return workshop.play(lambda: workshop.run(payload, runtime="nodejs20", **settings))


@needs_node
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("exports.handler = async (event) => event", b"\x00event\xff"),
        ("exports.handler = (event, context, callback) => callback(null, 'text')", b"text"),
        ("exports.handler = async () => ({ b: 1, a: [2] })", b'{"b":1,"a":[2]}'),
        ("exports.handler = async () => {}", b"null"),
        ("exports.handler = (event) => event.length", b"7"),
        ("exports.handler = async (event) => Buffer.isBuffer(event)", b"true"),
        (
            "exports.handler = (e, c, done) => setImmediate(done, null, Buffer.from('late'))",
            b"late",
        ),
    ],
)
def test_results_are_bytes_text_or_json(workshop, source: str, expected: bytes) -> None:
    outcome = once(workshop, source, b"\x00event\xff")
    assert (outcome.kind, outcome.payload) == (OutcomeKind.SUCCESS, expected)


@needs_node
def test_a_module_of_the_new_kind_is_loaded(workshop) -> None:
    source = "export const handler = async () => import.meta.url.split('/').pop()"
    assert once(workshop, source, name="index.mjs").payload == b"index.mjs"


@needs_node
@pytest.mark.parametrize(
    ("source", "error_type", "message", "name"),
    [
        (
            "exports.handler = async () => { throw new RangeError('no') }",
            "UnhandledInvocationError",
            "no",
            "RangeError",
        ),
        (
            "exports.handler = () => { throw new Error('at once') }",
            "UnhandledInvocationError",
            "at once",
            "Error",
        ),
        (
            "exports.handler = (event, context, callback) => callback(new Error('handled'))",
            "HandledInvocationError",
            "handled",
            "Error",
        ),
        (
            "exports.handler = (e, c, done) => setImmediate(() => { throw new Error('later') })",
            "UnhandledInvocationError",
            "later",
            "Error",
        ),
        (
            "exports.other = 1",
            "UnhandledInvocationError",
            "Handler 'handler' not",
            "HandlerNotFound",
        ),
        ("require('not-there')", "UnhandledInvocationError", "Cannot find module", "Error"),
        ("exports.handler = (", "UnhandledInvocationError", "Unexpected end", "SyntaxError"),
        ("exports.handler = () => { throw 10n }", "UnhandledInvocationError", "10", "bigint"),
        (
            "exports.handler = async () => { throw undefined }",
            "UnhandledInvocationError",
            "undefined",
            "undefined",
        ),
    ],
)
def test_failures_are_documents(
    workshop, source: str, error_type: str, message: str, name: str
) -> None:
    outcome = once(workshop, source)
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, error_type)
    document = json.loads(outcome.payload)
    assert document["errorMessage"].startswith(message)
    assert document["errorType"] == name
    assert isinstance(document["stackTrace"], list)
    for text in (outcome.payload.decode(), outcome.log.decode()):
        assert "bootstrap.js" not in text
        assert str(workshop.path) not in text


@needs_node
@pytest.mark.parametrize(
    ("source", "frames"),
    [
        (
            "exports.handler = async () => inner()\nasync function inner() { throw new Error() }",
            ["at inner (/code/index.js:2:32)", "at exports.handler (/code/index.js:1:31)"],
        ),
        ("let x = 1;\nexports.handler = (", ["at /code/index.js:2"]),
    ],
)
def test_stacks_name_files_as_on_the_service(workshop, source: str, frames: list[str]) -> None:
    outcome = once(workshop, source)
    assert json.loads(outcome.payload)["stackTrace"] == frames


@needs_node
def test_a_module_that_is_not_found_is_required_by_the_functions_files_only(workshop) -> None:
    message = json.loads(once(workshop, "require('not-there')").payload)["errorMessage"]
    assert message.splitlines() == [
        "Cannot find module 'not-there'",
        "Require stack:",
        "- /code/index.js",
    ]


@needs_node
def test_the_context_tells_request_and_function(workshop) -> None:
    outcome = once(workshop, "exports.handler = async (event, context) => context", version_id="3")
    seen = json.loads(outcome.payload)
    assert seen["requestId"] == "request-1"
    assert seen["retryCount"] == 0
    assert seen["function"] == {
        "name": "f",
        "handler": "index.handler",
        "memory": 512,
        "timeout": 20,
    }
    assert seen["service"]["versionId"] == "3"
    assert seen["credentials"]["accessKeyId"] == "local"


@needs_node
def test_the_log_has_marks_and_lines_of_the_logger(workshop) -> None:
    outcome = once(
        workshop,
        """
        exports.handler = async (event, context) => {
          console.log("raw");
          context.logger.warn("x", 1);
        };
        """,
    )
    lines = outcome.log.decode().splitlines()
    assert lines[0] == "FC Invoke Start RequestId: request-1"
    assert lines[1] == "raw"
    assert re.fullmatch(r"\d{4}-.*Z request-1 \[WARN\] x 1", lines[2])
    assert lines[3] == "FC Invoke End RequestId: request-1"


@needs_node
def test_the_socket_is_not_in_the_environment(workshop) -> None:
    outcome = once(workshop, "exports.handler = async () => Object.keys(process.env)")
    assert "FC_WORKER_SOCKET" not in json.loads(outcome.payload)


@needs_node
def test_hooks_run_and_an_instance_is_kept(workshop) -> None:
    workshop.write(
        """
        const fs = require("fs");
        let calls = 0;
        exports.initialize = (context, callback) => { calls = 10; callback(null) };
        exports.handler = async () => ++calls;
        exports.preStop = async (context) => fs.writeFileSync("stopped", "yes");
        """,
        name="index.js",
    )
    settings = {
        "runtime": "nodejs18",
        "initializer": "index.initialize",
        "pre_stop": "index.preStop",
    }

    async def scenario() -> list[bytes]:
        return [(await workshop.run(**settings)).payload for _ in range(2)]

    assert workshop.play(scenario) == [b"11", b"12"]
    assert (workshop.path / "code/stopped").read_text() == "yes"


@needs_node
def test_several_calls_run_in_one_instance(workshop) -> None:
    workshop.write(
        """
        const waiting = [];
        exports.handler = (event, context, callback) => {
          waiting.push(() => callback(null, `${event} ${process.pid}`));
          if (waiting.length === 3) waiting.forEach((call) => call());
        };
        """,
        name="index.js",
    )

    async def scenario() -> list[Any]:
        settings = {"runtime": "nodejs20", "instance_concurrency": 3}
        return await asyncio.gather(*(workshop.run(b"%d" % n, **settings) for n in range(3)))

    words = [outcome.payload.decode().split() for outcome in workshop.play(scenario)]
    assert [number for number, _ in words] == ["0", "1", "2"]
    assert len({pid for _, pid in words}) == 1


@needs_node
def test_after_an_uncaught_error_the_next_call_finds_a_new_instance(workshop) -> None:
    workshop.write(
        """
        exports.handler = (event, context, callback) => setImmediate(() => {
          if (String(event) === "bad") throw new Error("uncaught");
          callback(null, "good");
        });
        """,
        name="index.js",
    )

    async def scenario() -> list[bytes]:
        events = (b"bad", b"good") * 5
        return [(await workshop.run(event, runtime="nodejs20")).payload for event in events]

    payloads = workshop.play(scenario)
    assert all(b'"uncaught"' in payload for payload in payloads[::2])
    assert set(payloads[1::2]) == {b"good"}


@needs_node
@pytest.mark.parametrize("does", ["process.exit(1)", "process.abort()"])
def test_a_crash_fails_the_attempt(workshop, does: str) -> None:
    outcome = once(workshop, f"exports.handler = async () => {{ {does} }}")
    assert b"Process exited unexpectedly" in outcome.payload


@needs_node
def test_a_busy_loop_is_ended(workshop) -> None:
    outcome = once(workshop, "exports.handler = () => { while (true); }", timeout_ms=300)
    assert b"timed out after 0.3 seconds" in outcome.payload


def test_without_node_the_reason_is_told(workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_node", lambda: None)
    outcome = workshop.play(lambda: workshop.run(runtime="nodejs20"))
    assert outcome.kind is OutcomeKind.INVALID
    assert b"there is no 'node' on the PATH" in outcome.payload
