# SPDX-License-Identifier: MIT
"""Fires timers: a durable job for the next firing of each, which adds the job of the one after.

Invariants:
    An enabled timer has one job. Its key names the revision of the trigger, so that a job of a
    trigger that was changed or deleted does nothing and ends.
    On several nodes a firing happens once: one node claims the job, and a firing that is repeated
    after a crash has the request id of the first one.
    A firing that is late by more than ``timer_grace_ms`` was missed, and is left out. One that was
    tried in time and refused is tried for five minutes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_local.background import outage_wait
from fc_async_local.domain import settlement
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import TIMER, Job, JobSettlement
from fc_async_local.store.job_runner import JobKind, JobRunner, topic_of
from fc_async_local.store.loops import Loop
from fc_async_local.triggers import bindings
from fc_async_local.triggers.bindings import Binding, TimerSource
from fc_async_sdk._decoding import prepare
from fc_async_sdk.events import triggers as events

if TYPE_CHECKING:
    from fc_async_local.store.job_runner import JobNode
    from fc_async_local.triggers.bindings import TriggerSource
    from fc_async_local.triggers.firing import Firing

_LOG: Final = logging.getLogger(__name__)
_AT_A_TIME: Final = 32
"""Ours: how many timers a node fires at the same time."""


_RETRIED_MS: Final = 300_000
"""Ours: how late a firing may be that was tried in time and could not be accepted."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a timer's job: which trigger fires, and when it was to fire."""

    function: str
    trigger: str
    at: int


prepare(Due)
read_due: Final = msgspec.msgpack.Decoder(Due).decode


class Fired(NamedTuple):
    """The firing is over: the function was invoked, it was missed, or it was given up."""

    source: TimerSource


class Refused(NamedTuple):
    """The function could not be invoked now."""

    error: str


Result = Fired | Refused | None
"""Result of a firing; None: the timer was changed or deleted since."""


def _key(source: TimerSource) -> str:
    return f"{TIMER} {source.revision}"


def job_of(
    binding: Binding,
    source: TimerSource,
    *,
    after: int,
    epoch: int = 0,
) -> Job | None:
    """Return the job of a timer's first firing after a moment; None if there is no such firing."""
    at = source.next_firing(after)
    if at is None:
        return None
    due = Due(
        function=binding.function,
        trigger=binding.trigger,
        at=at,
    )
    return Job(
        kind=TIMER,
        key=_key(source),
        payload=msgspec.msgpack.encode(due),
        created_at=after,
        due_at=at,
        epoch=epoch,
    )


def follow(
    job: Job,
    result: Result,
    now: int,
    *,
    grace_ms: int,
) -> JobSettlement:
    """Return what follows from a firing: the job of the next one, or a retry."""
    if result is None:
        return JobSettlement(job=None)
    # The job of the next firing is written when this one is over, so that no two run at a time.
    if isinstance(result, Refused):
        again_at = now + outage_wait(job.tries + 1)
        return JobSettlement(job=settlement.tried(job, again_at=again_at, error=result.error))
    due = read_due(job.payload)
    binding = Binding(
        function=due.function,
        trigger=due.trigger,
        qualifier="",
        source=result.source,
    )
    # What was missed by more than the grace is left out, not fired one after the other.
    after = max(due.at, now - grace_ms - 1)
    following = job_of(
        binding,
        result.source,
        after=after,
        epoch=job.epoch,
    )
    return JobSettlement(job=None, added=() if following is None else (following,))


class Timers:
    """Fires the timers of a registry.

    Args:
        node: Claims the jobs.
        firing: Invokes functions.
        triggers: The triggers as they are now.
        grace_ms: See :class:`fc_async_local.settings.ServiceSettings`.
    """

    def __init__(
        self,
        node: JobNode,
        firing: Firing,
        triggers: TriggerSource,
        *,
        grace_ms: int,
    ) -> None:
        self._node = node
        self._firing = firing
        self._triggers = triggers
        self._grace_ms = grace_ms
        self._scheduled: frozenset[str] = frozenset()
        kind = JobKind(
            TIMER,
            _AT_A_TIME,
            self._fire,
            lambda job, result, now: follow(job, result, now, grace_ms=grace_ms),
            _describe,
        )
        self._runner: JobRunner[Result] = JobRunner(node, kind)
        self._scheduling = Loop("timers", node.wakeups, self._schedule)

    def start(self) -> None:
        """Begin to fire."""
        self._scheduling.start()
        self._runner.start()

    def refresh(self) -> None:
        """Look which timers there are now."""
        self._scheduling.wake()

    async def aclose(self) -> None:
        """Fire no more."""
        await self._scheduling.aclose()
        await self._runner.aclose()

    async def _schedule(self) -> None:
        """Make sure that each enabled timer has a job."""
        now = self._node.clock.now()
        triggers = await self._triggers.current()
        scheduled: set[str] = set()
        new: list[Job] = []
        for binding in bindings.read_all(triggers):
            source = binding.source
            if not isinstance(source, TimerSource) or not binding.enabled:
                continue
            scheduled.add(source.revision)
            job = job_of(binding, source, after=now)
            if job is not None and source.revision not in self._scheduled:
                new.append(job)
        if new:
            # Only where no job has the key: a plain write would replace the job that another node
            # has claimed, and the timer would fire twice.
            await self._node.store.ensure_jobs(new)
            self._node.wakeups.announce(topic_of(TIMER))
        self._scheduled = frozenset(scheduled)

    async def _fire(self, job: Job) -> Result:
        due = read_due(job.payload)
        timer = await self._binding(due, job)
        if timer is None:
            return None
        binding, source = timer
        late = self._node.clock.now() - due.at
        # One that was tried in time and refused was not missed: its retries come later.
        was_tried = job.error != ""
        latest = max(self._grace_ms, _RETRIED_MS) if was_tried else self._grace_ms
        if late > latest:
            _LOG.warning("timer %s: missed the firing of %d, %d ms ago", binding.key, due.at, late)
            return Fired(source)
        payload = events.encode(events.timer(due.trigger, due.at, payload=source.payload))
        request_id = self._firing.request_id(due.at, job.key)
        try:
            await self._firing.accept(binding, payload, request_id=request_id)
        except Rejected as error:
            if error.temporary:
                return Refused(str(error))
            await self._firing.give_up(binding, payload, str(error), key=request_id)
        return Fired(source)

    async def _binding(self, due: Due, job: Job) -> tuple[Binding, TimerSource] | None:
        """Return the timer that a job is for, None if it was changed or deleted since."""
        trigger = await self._triggers.find(due.function, due.trigger)
        if trigger is None:
            return None
        for binding in bindings.read_all([trigger]):
            source = binding.source
            if not isinstance(source, TimerSource) or not binding.enabled:
                continue
            if job.key == _key(source):
                return binding, source
        return None


def _describe(job: Job) -> str:
    due = read_due(job.payload)
    return f"timer {due.function}/{due.trigger} of {due.at}"
