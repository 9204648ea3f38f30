# SPDX-License-Identifier: MIT
"""Steps of invocations as they happen, for a reader that follows along.

The feed is a bounded buffer in memory. Its readers are terminals: what has to survive is in the
store.

Invariants:
    Numbers of steps are consecutive. A reader that is too slow is told how many steps it missed.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.domain import policy
from fc_async_local.domain.invocation import Outcome, OutcomeKind, delivery_of
from fc_async_sdk.admin.models import Step, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.domain.invocation import Delivery, Invocation, Job, JobSettlement
    from fc_async_local.domain.settlement import Decided
    from fc_async_local.execution.protocol import Attempt
    from fc_async_local.wakeups import Wakeups

STEPS: Final = "steps"
"""Topic of wake-ups: a step was recorded."""

_FOLLOWED_BYTES: Final = 8 * 1024 * 1024
_STEP_BYTES: Final = 512
"""Estimated size of a step without texts."""
_PAYLOAD_BYTES: Final = 64 * 1024
"""Longer results and error documents are cut."""


class Feed:
    """The newest steps of this runtime.

    Args:
        wakeups: Wakes the readers.
        most_bytes: Beyond it, the oldest steps are dropped. 0: nothing is recorded before the first
            reader.
    """

    def __init__(self, wakeups: Wakeups, *, most_bytes: int) -> None:
        self._wakeups = wakeups
        self._most_bytes = most_bytes or _FOLLOWED_BYTES
        self._steps: deque[Step] = deque()
        self._bytes = 0
        self._last = 0
        self._recording = most_bytes > 0

    @property
    def oldest(self) -> int:
        """Number of the oldest step that is left, or of the next one."""
        return self._steps[0].number if self._steps else self._last + 1

    def record(self, make: Callable[[], Step]) -> None:
        """Record a step.

        Args:
            make: Makes the step; not called if nothing is recorded.
        """
        if not self._recording:
            return
        self._last += 1
        step = replace(make(), number=self._last)
        self._steps.append(step)
        self._bytes += _size(step)
        while self._bytes > self._most_bytes and len(self._steps) > 1:
            self._bytes -= _size(self._steps.popleft())
        self._wakeups.wake(STEPS)

    async def follow(self, after: int, *, wait_ms: int) -> Steps:
        """Return the steps after one, as soon as there are any: a long poll.

        Args:
            after: Number of the last step that the reader has; a negative number: only find out
                the newest number, and record from now on.
            wait_ms: How long to wait for a step, on the runtime's clock.
        """
        self._recording = True
        if after < 0:
            return Steps(steps=[], last=self._last, missed=0)

        async def look() -> tuple[list[Step], int | None]:
            return self.after(after), None

        deadline = self._wakeups.clock.now() + wait_ms
        steps = list(await self._wakeups.poll(STEPS, look, deadline=deadline))
        missed = steps[0].number - after - 1 if steps else 0
        return Steps(steps=steps, last=self._last, missed=max(0, missed))

    def after(self, number: int) -> list[Step]:
        """Return the steps after a number that are left, oldest first."""
        # A number from before a restart of the runtime is ahead of this feed: all of it is new.
        known = number if number <= self._last else 0
        return [step for step in self._steps if step.number > known]


def _size(step: Step) -> int:
    return _STEP_BYTES + len(step.payload) + len(step.result) + len(step.output)


# --- the steps ------------------------------------------------------------------------------------


def accepted(invocation: Invocation) -> Step:
    """Return the step of an invocation that was accepted."""
    return Step(
        kind="accepted",
        at=invocation.accepted_at,
        function=invocation.function,
        qualifier=invocation.qualifier,
        request_id=invocation.request_id,
        task_id=invocation.task_id,
        due_at=invocation.due_at,
        status=invocation.status.value,
        payload=invocation.payload,
        hops=len(invocation.call_path),
        task_mode=invocation.task_mode,
    )


def started(invocation: Invocation, *, at: int, retries: int) -> Step:
    """Return the step of an attempt that begins.

    Args:
        invocation: As it was before the attempt.
        at: When the attempt begins.
        retries: How many retries its configuration allows.
    """
    return Step(
        kind="started",
        at=at,
        function=invocation.function,
        qualifier=invocation.qualifier,
        request_id=invocation.request_id,
        task_id=invocation.task_id,
        attempt=invocation.attempts + 1,
        attempts=retries + 1,
    )


def ended(invocation: Invocation, decided: Decided, *, at: int) -> Step:
    """Return the step of a decision about an invocation.

    Args:
        invocation: As it was before the attempt.
        decided: The outcome and what follows from it.
        at: When it was written.
    """
    decision, outcome = decided.decision, decided.outcome
    again = decision.at if isinstance(decision, policy.Retry) else None
    status = "Retrying" if isinstance(decision, policy.Retry) else decision.status.value
    return _with_outcome(
        Step(
            kind="ended",
            at=at,
            function=invocation.function,
            qualifier=invocation.qualifier,
            request_id=invocation.request_id,
            task_id=invocation.task_id,
            attempt=invocation.attempts + 1 if outcome is not None else 0,
            attempts=policy.retries(decided.config) + 1,
            due_at=again,
            status=status,
            condition=decision.condition,
            destination="" if again is not None else _failure_destination(decided),
        ),
        outcome,
    )


def _failure_destination(decided: Decided) -> str:
    return dict(decided.config.destinations if decided.config else ()).get("failure", "")


def sync_started(attempt: Attempt, *, at: int) -> Step:
    """Return the step of a synchronous call that begins."""
    return Step(
        kind="started",
        at=at,
        function=attempt.deployment.function,
        qualifier=attempt.qualifier,
        request_id=attempt.request_id,
        sync=True,
        payload=attempt.payload,
    )


def sync_ended(attempt: Attempt, outcome: Outcome, *, at: int) -> Step:
    """Return the step of a synchronous call that has ended."""
    succeeded = outcome.kind is OutcomeKind.SUCCESS
    step = replace(
        sync_started(attempt, at=at),
        kind="ended",
        payload=b"",
        status="Succeeded" if succeeded else "Failed",
        condition=outcome.error_type,
    )
    return _with_outcome(step, outcome)


def delivery_tried(job: Job, settled: JobSettlement, *, at: int) -> Step:
    """Return the step of a try to deliver an outcome.

    Args:
        job: As it was before the try.
        settled: What follows from the try.
        at: When the try had ended.
    """
    delivery: Delivery = delivery_of(job)
    after = settled.job
    return Step(
        kind="delivery",
        at=at,
        function=delivery.function,
        qualifier=delivery.qualifier,
        request_id=delivery.request_id,
        task_id=delivery.task_id,
        attempt=job.tries + 1,
        due_at=after.due_at if after is not None and after.state == "pending" else None,
        status="delivered" if after is None else after.state,
        error="" if after is None else after.error,
        destination=delivery.destination,
        event=delivery.outcome,
    )


def _with_outcome(step: Step, outcome: Outcome | None) -> Step:
    if outcome is None:
        return step
    return replace(
        step,
        outcome=outcome.kind.value,
        result=outcome.payload[:_PAYLOAD_BYTES].decode("utf-8", "replace"),
        output=outcome.log[-_PAYLOAD_BYTES:].decode("utf-8", "replace"),
        duration_ms=outcome.duration_ms,
        memory_mb=outcome.memory_mb,
    )
