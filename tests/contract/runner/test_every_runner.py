# SPDX-License-Identifier: MIT
"""What holds for every FunctionRunner: in processes and in this process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.clock import RealClock
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.execution.instances.inprocess import InProcessRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


def echo(event: bytes, attempt) -> bytes:
    return event


def fail(event: bytes, attempt) -> None:
    raise ValueError("no such order")


def leave(event: bytes, attempt) -> None:
    sys.exit(int(event))


async def hang(event: bytes, attempt) -> None:
    await asyncio.Event().wait()


def giving(value: object) -> Callable[..., object]:
    def handler(event: bytes, attempt) -> object:
        return value

    return handler


PLAIN = {"a": "2026-01-02", "z": 1.5, "t": "2026-01-02T03:04:05"}
HANDLERS: dict[str, Callable[..., Any]] = {
    "index-echo": echo,
    "index-text": giving("ä"),
    "index-none": giving(None),
    "index-plain": giving(PLAIN),
    "index-fail": fail,
    "index-hang": hang,
    "index-leave": leave,
}


@pytest.fixture(params=["processes", "in process"])
def play(request, bench_class, process_bench) -> Callable[..., Any]:
    @contextlib.asynccontextmanager
    async def in_process() -> AsyncIterator[Any]:
        runner = InProcessRunner(HANDLERS, RealClock())
        try:
            yield bench_class(runner)
        finally:
            await runner.aclose()

    bench = process_bench if request.param == "processes" else in_process

    def run(scenario: Callable[[Any], Any]) -> Any:
        async def main() -> Any:
            async with bench() as one:
                return await asyncio.wait_for(scenario(one), 60)

        return asyncio.run(main())

    return run


def test_bytes_come_back_unchanged(play) -> None:
    payload = bytes(range(256))
    outcome = play(lambda bench: bench.run("index.echo", payload))
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.SUCCESS, "")
    assert outcome.payload == payload


@pytest.mark.parametrize(
    ("handler", "value"),
    [
        ("index.none", None),
        ("index.plain", PLAIN),
    ],
)
def test_a_result_that_is_not_text_is_returned_as_json(play, handler: str, value: object) -> None:
    assert json.loads(play(lambda bench: bench.run(handler)).payload) == value


def test_text_comes_back_as_utf_8(play) -> None:
    assert play(lambda bench: bench.run("index.text")).payload == "ä".encode()


def test_an_exception_is_a_function_error_with_its_document(play) -> None:
    outcome = play(lambda bench: bench.run("index.fail"))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert outcome.error_type == "UnhandledInvocationError"
    document = json.loads(outcome.payload)
    assert (document["errorMessage"], document["errorType"]) == ("no such order", "ValueError")
    (frame,) = document["stackTrace"]  # the function's alone
    file, line, name, source = frame
    assert file.startswith('File "')
    assert line.startswith("line ")
    assert (name, source) == ("in fail", 'raise ValueError("no such order")')


def test_a_handler_that_exits_fails_its_attempt_and_the_next_one_runs(play) -> None:
    async def scenario(bench) -> tuple[Any, Any]:
        left = await bench.run("index.leave", b"0")
        return left, await bench.run("index.echo", b"still here")

    left, echoed = play(scenario)
    assert left.kind is OutcomeKind.FUNCTION_ERROR
    message = json.loads(left.payload)["errorMessage"]
    assert message.startswith("Process exited unexpectedly before completing request")
    assert echoed.payload == b"still here"


def test_a_coroutine_handler_that_exits_fails_its_attempt(bench_class) -> None:
    async def leave(event: bytes, attempt) -> None:
        sys.exit("enough")

    async def scenario() -> Any:
        return await bench_class(InProcessRunner({"index-leave": leave}, RealClock())).run(
            "index.leave"
        )

    outcome = asyncio.run(scenario())
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"Process exited unexpectedly" in outcome.payload


def test_a_timeout_is_a_function_error(play) -> None:
    outcome = play(lambda bench: bench.run("index.hang", timeout_ms=200))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert outcome.error_type == "InvocationError"
    assert json.loads(outcome.payload)["errorMessage"].startswith("Function timed out after 0.2 s")
    assert outcome.timed_out
    assert outcome.duration_ms >= 200


def test_a_running_attempt_can_be_interrupted(play) -> None:
    async def scenario(bench) -> Any:
        attempt = bench.attempt("index.hang", timeout_ms=600_000)
        running = asyncio.ensure_future(bench.runner.run(attempt))
        while not await bench.runner.interrupt(attempt.request_id):  # noqa: ASYNC110 -- no event tells
            await asyncio.sleep(0)
        return await running

    assert play(scenario).kind is OutcomeKind.INTERRUPTED


def test_no_more_attempts_run_than_the_reserved_concurrency_allows(play) -> None:
    async def scenario(bench) -> list[Any]:
        attempt = bench.attempt("index.hang", timeout_ms=600_000, max_instances=1)
        running = asyncio.ensure_future(bench.runner.run(attempt))
        await asyncio.sleep(0)
        refused = await bench.run("index.hang", max_instances=1)
        while not await bench.runner.interrupt(attempt.request_id):  # noqa: ASYNC110 -- no event tells
            await asyncio.sleep(0)
        return [await running, refused]

    interrupted, refused = play(scenario)
    assert interrupted.kind is OutcomeKind.INTERRUPTED
    assert refused.kind is OutcomeKind.THROTTLED


def test_what_has_ended_can_not_be_interrupted(play) -> None:
    async def scenario(bench) -> bool:
        attempt = bench.attempt("index.echo")
        await bench.runner.run(attempt)
        interrupted: bool = await bench.runner.interrupt(attempt.request_id)
        return interrupted

    assert play(scenario) is False


def test_attempts_at_the_same_time_do_not_mix_up_their_results(play) -> None:
    payloads = [b"%d" % number for number in range(20)]

    async def scenario(bench) -> list[bytes]:
        outcomes = await asyncio.gather(*(bench.run("index.echo", one) for one in payloads))
        return [outcome.payload for outcome in outcomes]

    assert play(scenario) == payloads


def test_closing_twice_does_no_harm(play) -> None:
    async def scenario(bench) -> None:
        await bench.run("index.echo")
        await bench.runner.aclose()

    play(scenario)
