# SPDX-License-Identifier: MIT
"""Attempts that run twice on purpose."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from fc_async_local.clock import RealClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.instances.duplicates import Duplicates
from fc_async_local.execution.instances.inprocess import InProcessRunner
from fc_async_tests import deployments

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fc_async_local.execution.protocol import Attempt

ATTEMPT = deployments.attempt("pay", request_id="1-2-3", payload=b"in")


@pytest.fixture
def numbers() -> list[int]:
    return []


@pytest.fixture
def runner(numbers: list[int]) -> Duplicates:
    def handler(_: bytes, attempt: Attempt) -> int:
        numbers.append(attempt.number)
        return len(numbers)

    return Duplicates(InProcessRunner({"pay": handler}, RealClock()))


def test_other_attempts_run_once(runner: Duplicates, numbers: list[int]) -> None:
    runner.add("ship", "together", 1)
    assert asyncio.run(runner.run(ATTEMPT)).payload == b"1"
    assert numbers == [0]


class Client:
    """The client's side of a request whose body is streamed."""

    async def body(self) -> AsyncIterator[bytes]:
        yield b"in"

    async def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Take the head of an answer."""

    async def write(self, data: bytes) -> None:
        """Take a part of an answer."""


def test_a_request_that_a_client_streams_runs_once(runner: Duplicates, numbers: list[int]) -> None:
    runner.add("pay", "redelivery", 1)
    asyncio.run(runner.run(replace(ATTEMPT, exchange=Client())))
    assert numbers == [0]


def test_a_redelivery_has_the_outcome_of_the_second_execution(
    runner: Duplicates, numbers: list[int]
) -> None:
    runner.add("pay", "redelivery", 1)
    assert asyncio.run(runner.run(ATTEMPT)).payload == b"2"
    assert numbers == [0, 0]


def test_a_crash_has_the_outcome_of_an_instance_that_ended(
    runner: Duplicates, numbers: list[int]
) -> None:
    runner.add("pay", "crash", 1)
    outcome = asyncio.run(runner.run(ATTEMPT))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"Process exited unexpectedly" in outcome.payload
    assert numbers == [0]


def test_two_executions_of_a_blocking_handler_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=60)

    def handler(_: bytes, __: Attempt) -> str:
        both.wait()
        return "both"

    runner = Duplicates(InProcessRunner({"pay": handler}, RealClock()))
    runner.add("pay", "together", 1)
    assert asyncio.run(runner.run(ATTEMPT)).payload == b"both"


def test_the_number_of_duplicates_is_limited(runner: Duplicates, numbers: list[int]) -> None:
    runner.add("pay", "redelivery", 2)
    for _ in range(3):
        asyncio.run(runner.run(ATTEMPT))
    assert len(numbers) == 5


@pytest.mark.parametrize(
    ("how", "times", "message"),
    [
        ("twice", 1, "how must be one of together, crash, redelivery, got 'twice'"),
        ("crash", 0, "times must"),
    ],
)
def test_unknown_kinds_and_numbers_are_refused(
    runner: Duplicates, how: str, times: int, message: str
) -> None:
    with pytest.raises(Rejected, match=message):
        runner.add("pay", how, times)  # type: ignore[arg-type]
