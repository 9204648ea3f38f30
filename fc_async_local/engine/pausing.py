# SPDX-License-Identifier: MIT
"""Requeues the parked invocations of a function when its pause has ended.

Invariants:
    On several nodes one node lets those of a function go: it has claimed the job.
    An invocation that is parked after its function was resumed, because its node had not heard of
    that, is found: by the node that parked it, and by each node at its start.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.domain import pausing
from fc_async_local.engine.ports import INVOCATIONS, PARKED
from fc_async_local.store.job_runner import JobKind, JobNode, JobRunner, topic_of
from fc_async_local.store.loops import Loop

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Job
    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

_AT_A_TIME: Final = 32
"""Ours: functions whose invocations a node lets go at the same time."""
_AFTER_THE_END_MS: Final = 1_000


class Releasing:
    """The jobs that let parked invocations go.

    Args:
        ports: The engine's ports.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        lease_ms = ports.settings.lease_ms
        node = JobNode(
            store=ports.store,
            wakeups=ports.wakeups,
            node_id=ports.node_id,
            lease_ms=lease_ms,
        )
        kind = JobKind(pausing.RESUME, _AT_A_TIME, self._release, pausing.follow, _describe)
        self._runner: JobRunner[pausing.Released | None] = JobRunner(node, kind)
        self._looking = Loop(PARKED, ports.wakeups, self._look, survey_ms=lease_ms)

    def start(self) -> None:
        """Begin to work."""
        self._runner.start()
        self._looking.start()

    async def aclose(self) -> None:
        """Stop working; what is left goes on after a restart."""
        await self._looking.aclose()
        await self._runner.aclose()

    async def _look(self) -> None:
        """Make sure that what is parked for no reason is let go."""
        ports = self._ports
        now = ports.clock.now()
        jobs = []
        for function in await ports.store.parked():
            pause = await ports.registry.pause(function)
            if pause is None or not pause.holds:
                jobs.append(pausing.job_of(function, now=now))
        if jobs:
            # Only where no job has the key: it may be that of a batch that is under way.
            await ports.store.ensure_jobs(jobs)
            ports.wakeups.announce(topic_of(pausing.RESUME))

    async def _release(self, job: Job) -> pausing.Released | None:
        """Let a batch go; return None if the function is paused again."""
        ports = self._ports
        function = pausing.read_release(job.payload).function
        now = ports.clock.now()
        pause = await ports.registry.pause(function)
        if pause is not None and pause.holds:
            # A resume in the moment in which this job ends finds a job and adds none.
            self._looking.wake(now + _AFTER_THE_END_MS)
            return None
        batch = pausing.batch_of(0 if pause is None else pause.interval_us)
        number = await ports.store.unpark(
            function,
            batch.number,
            now=now,
            spread_ms=batch.spread_ms,
        )
        if number:
            ports.wakeups.announce(INVOCATIONS)
        if number < batch.number and pause is not None:
            await ports.registry.end_pause(function)
        return pausing.Released(number, batch)


def _describe(job: Job) -> str:
    return f"resume {pausing.read_release(job.payload).function}"
