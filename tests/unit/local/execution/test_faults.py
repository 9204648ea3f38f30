# SPDX-License-Identifier: MIT
"""A function with a fault does not run: its attempts end as the system would end them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from fc_async_local.domain.faults import Faults, FunctionFault
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.execution.faults import FaultyRunner
from fc_async_tests import deployments

if TYPE_CHECKING:
    from fc_async_local.execution.protocol import Attempt

ATTEMPT = deployments.attempt("resize")


class Runner:
    """A runner in which every attempt succeeds."""

    async def run(self, attempt: Attempt) -> Outcome:
        return Outcome(kind=OutcomeKind.SUCCESS, payload=attempt.request_id.encode())

    async def interrupt(self, request_id: str) -> bool:
        return request_id == "r"

    async def aclose(self) -> None:
        """Nothing runs."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("throttled", OutcomeKind.THROTTLED),
        ("no resources", OutcomeKind.RESOURCE_EXHAUSTED),
        ("system error", OutcomeKind.SYSTEM_ERROR),
    ],
)
def test_an_attempt_ends_with_the_error_of_the_fault(error, kind: OutcomeKind) -> None:
    faults = Faults(lambda: 0)
    faults.add(FunctionFault(function="resize", error=error, times=1))
    runner = FaultyRunner(Runner(), faults)
    failed, next_one = (asyncio.run(runner.run(ATTEMPT)) for _ in range(2))
    assert failed.kind is kind
    assert f"fault 1 is set: {error}" in json.loads(failed.payload)["errorMessage"]
    assert next_one.kind is OutcomeKind.SUCCESS


def test_running_attempts_are_still_interrupted() -> None:
    assert asyncio.run(FaultyRunner(Runner(), Faults(lambda: 0)).interrupt("r"))
