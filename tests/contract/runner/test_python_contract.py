# SPDX-License-Identifier: MIT
"""The contract of FC's Python runtime, as the process runner keeps it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fc_async_local.domain.invocation import OutcomeKind


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("index.text", "ä".encode()),
        ("index.none", b"null"),
        (
            "index.plain",
            b'{\n    "a": "2026-01-02",\n    "t": "2026-01-02T03:04:05",\n    "z": 1.5\n}',
        ),
        ("index.own_json", b'{\n    "thing": 1\n}'),
        ("queue.handler", b"own queue"),
        ("nested/deep/mod.handler", b"nested.deep.mod"),
        ("nested.deep.mod.handler", b"nested.deep.mod"),
    ],
)
def test_results_have_the_forms_of_the_built_in_runtime(
    on_bench, handler: str, expected: bytes
) -> None:
    outcome = on_bench(lambda bench: bench.run(handler))
    assert (outcome.kind, outcome.payload) == (OutcomeKind.SUCCESS, expected)


def test_an_exception_becomes_the_error_document(on_bench) -> None:
    outcome = on_bench(lambda bench: bench.run("index.fail"))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert outcome.error_type == "UnhandledInvocationError"
    document = json.loads(outcome.payload)
    assert list(document) == ["errorMessage", "errorType", "stackTrace"]
    assert (document["errorMessage"], document["errorType"]) == ("no such order", "ValueError")
    (frame,) = document["stackTrace"]
    assert frame[0] == 'File "/code/index.py"'
    assert frame[1].startswith("line ")
    assert frame[2:] == ["in fail", 'raise ValueError("no such order")']


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("index.no_json", "TypeError"),
        ("index.unprintable", "Odd"),
        ("index.deep", "RecursionError"),
        ("index.absent", "HandlerNotFound"),
        ("index.calls", "HandlerNotFound"),
        ("absent.handler", "ImportModuleError"),
        ("missing_import.handler", "ImportModuleError"),
        ("syntax.handler", "UserCodeSyntaxError"),
        ("raises.handler", "UserCodeError"),
        ("nodot", "InvalidHandleName"),
        (".handler", "InvalidHandleName"),
        ("index.", "InvalidHandleName"),
        ("index.base_exception", "Weird"),
    ],
)
def test_failures_are_named_as_the_built_in_runtime_names_them(
    on_bench, handler: str, error_type: str
) -> None:
    outcome = on_bench(lambda bench: bench.run(handler))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert outcome.error_type == "UnhandledInvocationError"
    assert json.loads(outcome.payload)["errorType"] == error_type


def test_the_context_tells_request_attempt_and_function(on_bench) -> None:
    outcome = on_bench(lambda bench: bench.run("index.seen", number=2, version_id="7"))
    seen = json.loads(outcome.payload)
    assert seen["requestId"] == "request-1"
    assert seen["retryCount"] == 2
    assert seen["function"] == {
        "name": "index-seen",
        "handler": "index.seen",
        "memory": 512,
        "timeout": 10,
    }
    assert seen["service"]["versionId"] == "7"
    assert seen["service"]["qualifier"] == "LATEST"
    assert set(seen) == {
        "requestId",
        "credentials",
        "function",
        "service",
        "region",
        "accountId",
        "retryCount",
        "tracing",
    }


def test_the_context_has_both_spellings(on_bench) -> None:
    outcome = on_bench(lambda bench: bench.run("index.attributes", number=1))
    assert json.loads(outcome.payload) == {
        "same": True,
        "key": True,
        "memory": 512,
        "timeout": 10,
        "qualifier": "LATEST",
        "retry_count": 1,
        "logger": True,
        "event": "bytes",
    }


OLD = {"request_id", "credentials", "function", "service", "region", "account_id"} | {
    *("requestId", "retry_count", "tracing", "logger", "getLogger", "to_json")
}
NEW = {"request_id", "function", "region", "logger", "account_id", "log_project", "log_store"} | {
    "getLogger"
}
FUNCTION = {"name", "handler", "memory", "timeout"}


@pytest.mark.parametrize(
    ("runtime", "context", "function"),
    [
        ("python3", OLD, FUNCTION),
        ("python3.9", OLD, FUNCTION),
        ("python3.10", OLD, FUNCTION),
        ("python3.12", NEW, FUNCTION | {"version_id", "qualifier"}),
    ],
)
def test_the_context_has_what_the_service_lists_for_the_runtime_and_nothing_else(
    on_bench, runtime: str, context: set[str], function: set[str]
) -> None:
    outcome = on_bench(lambda bench: bench.run("index.all_attributes", runtime=runtime))
    seen = json.loads(outcome.payload)
    assert (set(seen["context"]), set(seen["function"])) == (context, function)


def test_the_context_of_python_312_tells_function_and_version(on_bench) -> None:
    outcome = on_bench(
        lambda bench: bench.run("index.attributes_of_312", runtime="python3.12", version_id="7")
    )
    assert json.loads(outcome.payload) == {
        "function": ["index-attributes_of_312", "index.attributes_of_312", 512, 10],
        "version": ["7", "LATEST"],
        "place": ["cn-hangzhou", "1234567890123456", "", ""],
        "id": "request-1",
        "logger": True,
    }


def test_over_the_reserved_concurrency_a_call_is_throttled(on_bench) -> None:
    async def scenario(bench) -> Any:
        settings = {"function": "f", "max_instances": 1}
        first = bench.attempt("index.hang", timeout_ms=600_000, **settings)
        running = asyncio.ensure_future(bench.runner.run(first))
        await asyncio.sleep(0)
        refused = await bench.runner.run(bench.attempt("index.echo", **settings))
        await bench.runner.interrupt(first.request_id)
        await running
        accepted = await bench.runner.run(bench.attempt("index.echo", **settings))
        return refused.kind, accepted.kind

    assert on_bench(scenario) == (OutcomeKind.THROTTLED, OutcomeKind.SUCCESS)


def test_a_reserved_concurrency_of_zero_lets_nothing_run(on_bench) -> None:
    outcome = on_bench(lambda bench: bench.run("index.echo", max_instances=0))
    assert outcome.kind is OutcomeKind.THROTTLED
