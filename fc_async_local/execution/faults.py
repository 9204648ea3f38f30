# SPDX-License-Identifier: MIT
"""Functions that the system cannot run, on purpose (:mod:`fc_async_local.domain.faults`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.execution.instances.replies import Ending, refused

if TYPE_CHECKING:
    from fc_async_local.domain.faults import Faults
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.execution.protocol import Attempt, FunctionRunner

_ENDINGS: Final = {
    "throttled": Ending.THROTTLED,
    "no resources": Ending.EXHAUSTED,
    "system error": Ending.BROKEN,
}


class FaultyRunner:
    """A :class:`~fc_async_local.execution.protocol.FunctionRunner` for which faults can be set.

    Args:
        runner: Runs the attempts to which no fault applies.
        faults: The faults that are set.
    """

    def __init__(self, runner: FunctionRunner, faults: Faults) -> None:
        self._runner = runner
        self._faults = faults

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute an attempt, or end it without an execution if a fault applies."""
        fault = self._faults.strike_function(attempt.deployment.function)
        if fault is None:
            return await self._runner.run(attempt)
        deployment = attempt.deployment
        text = f"fault {fault.id} is set: {fault.error}"
        if fault.error == "throttled":
            text = f"function {deployment.function!r}: {text}"
        return refused(deployment, _ENDINGS[fault.error], text)

    async def interrupt(self, key: str) -> bool:
        """Stop a running attempt."""
        return await self._runner.interrupt(key)

    async def aclose(self) -> None:
        """End all instances."""
        await self._runner.aclose()
