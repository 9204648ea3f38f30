# SPDX-License-Identifier: MIT
"""Steps of invocations as they happen, and the invocations without task mode that they tell of.

The feed is a bounded buffer in memory. Its readers are terminals: what has to survive is in the
store. The store forgets an invocation without task mode when it ends, as the service does; the
steps that are left in the feed are enough to show it in lists on this machine.

Invariants:
    Numbers of steps are consecutive. A reader that is too slow is told how many steps it missed.
    What functions print has a bound of its own: it removes no other step.
    Only what the feed has is remembered: its bound in bytes is the bound of this memory.
    The FC API does not ask for what is remembered, so it answers what the service would.
"""

from __future__ import annotations

from collections import deque
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.domain import policy
from fc_async_local.domain.invocation import (
    Invocation,
    Outcome,
    OutcomeKind,
    TaskEvent,
    delivery_of,
)
from fc_async_local.domain.settlement import DESTINATION_STATUS, after_attempt, step_detail
from fc_async_local.domain.states import Status
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import Task
from fc_async_sdk.admin.models import Step, Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.domain.invocation import Delivery, Job, JobSettlement
    from fc_async_local.domain.settlement import Decided
    from fc_async_local.execution.protocol import Attempt, Tell
    from fc_async_local.wakeups import Wakeups

STEPS: Final = "steps"
"""Topic of wake-ups: a step was recorded."""

_PRINTED_BYTES: Final = 2 * 1024 * 1024
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
        self._steps = _Newest(most_bytes or _FOLLOWED_BYTES)
        self._printed = _Newest(_PRINTED_BYTES)
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
        # Printed lines have a bound of their own: a talkative function must not remove the steps.
        newest = self._printed if step.kind == "printed" else self._steps
        newest.add(step)
        self._wakeups.wake(STEPS)

    def teller(self, started: Callable[[], Step]) -> Tell:
        """Return what records the lines that an attempt prints.

        Args:
            started: Makes the step with which the attempt begins.
        """

        def tell(lines: bytes, cut: bool) -> bool:  # noqa: FBT001 -- a Tell
            self.record(lambda: _printed(started(), lines, cut, at=self._wakeups.clock.now()))
            return self._recording

        return tell

    async def follow(self, after: int, *, wait_ms: int) -> Steps:
        """Return the steps after one, as soon as there are any: a long poll.

        Args:
            after: Number of the last step that the reader has; a negative number: find out the
                newest number and what runs has printed, and record from now on.
            wait_ms: How long to wait for a step, on the runtime's clock.
        """
        # With a bound of 0 steps are made from the first reader on: without one they cost too much.
        self._recording = True
        if after < 0:
            return Steps(
                steps=self.running(),
                last=self._last,
                missed=0,
            )

        async def look() -> tuple[list[Step], int | None]:
            return self.after(after), None

        deadline = self._wakeups.clock.now() + wait_ms
        steps = list(await self._wakeups.poll(STEPS, look, deadline=deadline))
        # Numbers have no gaps, so what is missing was dropped before it was read.
        missed = steps[-1].number - after - len(steps) if steps else 0
        return Steps(
            steps=steps,
            last=self._last,
            missed=max(0, missed),
        )

    def after(self, number: int) -> list[Step]:
        """Return the steps after a number that are left, oldest first."""
        # A number from before a restart of the runtime is ahead of this feed: all of it is new.
        newest_seen = number if number <= self._last else 0
        steps = [step for step in self._steps if step.number > newest_seen]
        printed = [step for step in self._printed if step.number > newest_seen]
        if not printed:
            return steps
        return sorted(steps + printed, key=attrgetter("number"))

    def running(self) -> list[Step]:
        """Return what the attempts that run have printed so far, oldest first."""
        ended = {step.request_id: step.number for step in self._steps if step.kind == "ended"}
        running = []
        for step in self._printed:
            # Of a step before the oldest one, the end may be forgotten.
            ended_at = max(self.oldest, ended.get(step.request_id, 0))
            if step.number > ended_at:
                running.append(step)
        return running


class _Newest(deque[Step]):
    """The newest steps, up to a size in bytes."""

    def __init__(self, most_bytes: int) -> None:
        super().__init__()
        self._most_bytes = most_bytes
        self._bytes = 0

    def add(self, step: Step) -> None:
        """Add a step, and drop the oldest ones beyond the size."""
        self.append(step)
        self._bytes += _size(step)
        # The newest step stays, even one larger than the whole bound.
        while self._bytes > self._most_bytes and len(self) > 1:
            self._bytes -= _size(self.popleft())


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


def _printed(
    started: Step,
    lines: bytes,
    cut: bool,  # noqa: FBT001 -- a Tell
    *,
    at: int,
) -> Step:
    output = lines.decode("utf-8", "replace")
    return replace(
        started,
        kind="printed",
        at=at,
        output=output,
        cut=cut,
        payload=b"",
    )


def ended(invocation: Invocation, decided: Decided, *, at: int) -> Step:
    """Return the step of a decision about an invocation.

    Args:
        invocation: As it was before the attempt.
        decided: The outcome and what follows from it.
        at: When it was written.
    """
    decision = decided.decision
    assert not isinstance(decision, policy.Park), "nothing has ended"
    step = replace(
        started(invocation, at=at, retries=policy.retries(decided.config)),
        kind="ended",
        condition=decision.condition,
    )
    if isinstance(decision, policy.Retry):
        step = replace(step, due_at=decision.at, status="Retrying")
    else:
        destination = _failure_destination(decided)
        step = replace(
            step,
            status=decision.status.value,
            destination=destination,
        )
    if decided.outcome is None:
        return replace(step, attempt=0)
    return _with_outcome(step, decided.outcome)


def _failure_destination(decided: Decided) -> str:
    if decided.config is None:
        return ""
    return dict(decided.config.destinations).get("failure", "")


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


def _with_outcome(step: Step, outcome: Outcome) -> Step:
    output = _newest_text(outcome.log)
    # A reader has the lines that were told while the attempt ran, and shows the others only.
    untold = outcome.log[outcome.told :]
    return replace(
        step,
        outcome=outcome.kind.value,
        result=outcome.payload[:_PAYLOAD_BYTES].decode("utf-8", "replace"),
        output=output,
        told=len(output) - len(_newest_text(untold)) if outcome.told else 0,
        cut=len(untold) > _PAYLOAD_BYTES,
        duration_ms=outcome.duration_ms,
        memory_mb=outcome.memory_mb,
    )


def _newest_text(log: bytes) -> str:
    return log[-_PAYLOAD_BYTES:].decode("utf-8", "replace")


class Remembered:
    """The invocations without task mode whose first step the feed has.

    Args:
        feed: The steps of this node.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._tasks: dict[str, tuple[int, Task]] = {}  # by request id, oldest first
        self._last = 0

    def has(self, request_id: str) -> bool:
        """Return whether an invocation is remembered here and nowhere else."""
        return request_id in self._tasks

    def find(self, function: str, task_id: str) -> Task | None:
        """Return the latest invocation of a task id, which without task mode may be used again."""
        return self._latest().get((function, task_id))

    async def store(self) -> MemoryStore:
        """Return a store that has the latest invocation of each task id, to be asked by queries."""
        store = MemoryStore()
        for task in self._latest().values():
            await store.accept(task.invocation)
        return store

    def _latest(self) -> dict[tuple[str, str], Task]:
        self._catch_up()
        latest: dict[tuple[str, str], Task] = {}
        for _, task in self._tasks.values():  # oldest first: a later one replaces it
            latest[task.invocation.function, task.invocation.task_id] = task
        return latest

    def _catch_up(self) -> None:
        for step in self._feed.after(self._last):
            self._last = step.number
            if step.kind == "printed":
                continue
            # Tasks are in the store: only what it forgets is remembered here.
            if step.kind == "accepted" and not step.task_mode:
                self._tasks[step.request_id] = (step.number, _accepted(step))
            elif step.request_id in self._tasks and not step.sync:
                number, task = self._tasks[step.request_id]
                self._tasks[step.request_id] = (number, _after(task, step))
        oldest = self._feed.oldest
        forgotten = [key for key, (number, _) in self._tasks.items() if number < oldest]
        for request_id in forgotten:
            del self._tasks[request_id]


def _accepted(step: Step) -> Task:
    due_at = step.due_at or step.at
    invocation = Invocation(
        request_id=step.request_id,
        task_id=step.task_id,
        function=step.function,
        qualifier=step.qualifier,
        payload=step.payload,
        accepted_at=step.at,
        due_at=due_at,
        delay_ms=due_at - step.at,
        task_mode=True,  # shown as if it were
    )
    return Task(invocation, (TaskEvent(status=Status.ENQUEUED, at=step.at),))


def _after(task: Task, step: Step) -> Task:
    """Return an invocation after a step."""
    before = task.invocation
    if step.kind == "delivery":
        sent = replace(before, destination_status=DESTINATION_STATUS[step.status])
        return task._replace(invocation=sent)
    if step.kind == "started":
        began = step.at if before.started_at is None else before.started_at
        running = replace(
            before,
            status=Status.RUNNING,
            started_at=began,
        )
        return Task(running, (*task.events, TaskEvent(status=Status.RUNNING, at=step.at)))
    outcome = _outcome(step)
    status = Status(step.status)
    after = replace(
        after_attempt(before, outcome, before.started_at or step.at, keeps=True),
        status=status,
        due_at=before.due_at if step.due_at is None else step.due_at,
        ended_at=step.at if status.final else None,
        error=step.condition,
    )
    detail = step_detail(step.condition, outcome, after)
    if step.due_at is not None:
        detail["nextAttemptAt"] = step.due_at
    return Task(
        after,
        (
            *task.events,
            TaskEvent(
                status=status,
                at=step.at,
                detail=detail,
            ),
        ),
    )


def _outcome(step: Step) -> Outcome | None:
    if not step.outcome:
        return None
    return Outcome(
        kind=OutcomeKind(step.outcome),
        error_type=step.condition,
        payload=step.result.encode(),
        log=step.output.encode(),
        duration_ms=step.duration_ms,
    )
