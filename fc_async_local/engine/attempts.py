# SPDX-License-Identifier: MIT
"""Runs one claimed invocation once and writes what follows.

Admission, the start, the function, the decision, the settlement; with the lease in mind at each
step: whoever has lost it writes nothing. Decides nothing itself, that is
:mod:`fc_async_local.domain.policy`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fc_async_local.domain import call_path, conditions, policy, settlement
from fc_async_local.domain.invocation import Invocation, Outcome, OutcomeKind
from fc_async_local.domain.states import Status
from fc_async_local.engine.loops import persist
from fc_async_local.engine.ports import Point
from fc_async_local.engine.protocol import Rejected
from fc_async_local.runtime.protocol import Attempt
from fc_async_local.store.protocol import Settled
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

_STOPPED = policy.End(status=Status.STOPPED, condition=conditions.STOPPED)
_NOT_FOUND = 404


class Held:
    """An invocation that this node holds, and what was learnt about it meanwhile."""

    __slots__ = ("invocation", "lost", "stop")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.lost = False
        self.stop = invocation.status is Status.STOPPING


class Decided(msgspec.Struct, frozen=True):
    """What came of an attempt and what follows from it, not written yet.

    Attributes:
        outcome: None when no attempt was made.
        config: The configuration that was decided under.
        began: When the attempt began.
    """

    decision: policy.Retry | policy.End
    outcome: Outcome | None
    config: AsyncConfig | None
    began: int


class Attempts:
    """Makes attempts.

    Args:
        ports: The engine's ports.
        retry_at: Told when something waits again.
        deliver: Told when there is something to deliver.
    """

    def __init__(
        self, ports: Ports, *, retry_at: Callable[[int], None], deliver: Callable[[], None]
    ) -> None:
        self._ports = ports
        self._retry_at = retry_at
        self._deliver = deliver

    async def run(self, held: Held) -> Decided | None:
        """Run the function, or decide that it doesn't run; None when the lease was lost."""
        ports, invocation = self._ports, held.invocation
        ports.probe(Point.CLAIMED, invocation.request_id)
        now = ports.clock.now()
        config = await self._config(invocation)
        admission = policy.admit(invocation, config, now, ports.settings)
        if isinstance(admission, policy.End):
            return Decided(admission, None, config, now)
        outcome = await self._execute(held, now)
        if held.lost:
            logger.warning(
                "%s of %s: the lease was lost while it ran; its outcome is dropped",
                invocation.request_id,
                invocation.function,
                extra={"request_id": invocation.request_id},
            )
            return None
        if outcome is None:
            return Decided(_STOPPED, None, config, now)
        ports.probe(Point.RAN, invocation.request_id)
        # Read again: a configuration that was changed meanwhile holds for this outcome.
        config = await self._config(invocation)
        decision = policy.decide(
            held.invocation, outcome, config, ports.clock.now(), ports.settings
        )
        return Decided(decision, outcome, config, now)

    async def _config(self, invocation: Invocation) -> AsyncConfig | None:
        if invocation.config is not None:
            return msgspec.json.decode(invocation.config, type=AsyncConfig)
        if self._ports.settings.config_applies == "accept":
            return None
        return await persist(
            self._ports.clock,
            invocation.request_id,
            self._ports.catalog.async_config,
            invocation.function,
            invocation.qualifier,
        )

    async def _execute(self, held: Held, now: int) -> Outcome | None:
        """Run the function; None when it must not begin."""
        ports, invocation = self._ports, held.invocation
        try:
            deployment = await persist(
                ports.clock,
                invocation.request_id,
                ports.catalog.deployment,
                invocation.function,
                invocation.qualifier,
                roll=ports.random.random(),
            )
        except Rejected as error:
            return _refused(error)
        if invocation.task_mode and not await self._start(invocation, now):
            return None
        started_at = now if invocation.started_at is None else invocation.started_at
        held.invocation = replace(invocation, status=Status.RUNNING, started_at=started_at)
        if held.stop or held.lost:
            return None
        attempt = Attempt(
            deployment=deployment,
            request_id=invocation.request_id,
            payload=invocation.payload,
            number=invocation.attempts,
            qualifier=invocation.qualifier,
            task_id=invocation.task_id,
        )
        try:
            return await ports.runner.run(attempt)
        except Exception as error:
            logger.exception(
                "%s of %s: the runner failed",
                invocation.request_id,
                invocation.function,
                extra={"request_id": invocation.request_id},
            )
            return Outcome(kind=OutcomeKind.SYSTEM_ERROR, payload=str(error).encode())

    async def _start(self, invocation: Invocation, now: int) -> bool:
        """Record that it runs; without task mode nobody could see that, so it isn't written."""
        ports = self._ports
        return await persist(
            ports.clock, invocation.request_id, ports.store.start, invocation.lease, now=now
        )

    async def settle(self, held: Held, decided: Decided) -> None:
        """Write a decision; a stop that came first wins over another attempt."""
        ports, invocation = self._ports, held.invocation
        decision, outcome = decided.decision, decided.outcome
        written = settlement.settle(
            invocation,
            decision,
            outcome=outcome,
            config=decided.config,
            began=decided.began,
            now=ports.clock.now(),
            rules=ports.settings,
        )
        settled = await persist(
            ports.clock,
            invocation.request_id,
            # The lease of this moment: it may be a later one, see Dispatching.
            lambda: ports.store.settle(held.invocation.lease, written),
        )
        if settled is Settled.STOPPING:
            await self.settle(held, replace(decided, decision=_STOPPED))
            return
        _log(invocation, decision, outcome, settled)
        if settled is Settled.STALE:
            return
        ports.probe(Point.SETTLED, invocation.request_id)
        if isinstance(decision, policy.Retry):
            self._retry_at(decision.at)
        if written.delivery is not None and written.delivery.state == "pending":
            self._deliver()

    async def stop(self, invocation: Invocation) -> None:
        """End an invocation that was claimed in order to be stopped."""
        config = await self._config(invocation)
        stopped = Decided(_STOPPED, None, config, self._ports.clock.now())
        await self.settle(Held(invocation), stopped)


def _refused(error: Rejected) -> Outcome:
    """What it means that nothing can be run for a qualifier."""
    gone = error.status == _NOT_FOUND
    return Outcome(
        kind=OutcomeKind.INVALID if gone else OutcomeKind.SYSTEM_ERROR,
        error_type=error.code,
        payload=msgspec.json.encode({"errorMessage": error.message, "errorType": error.code}),
    )


def _log(
    invocation: Invocation,
    decision: policy.Retry | policy.End,
    outcome: Outcome | None,
    settled: Settled,
) -> None:
    """One line for each attempt, or for an end without one."""
    looped = isinstance(decision, policy.End) and decision.condition == conditions.RECURSIVE
    level = logging.WARNING if looped else logging.INFO
    if not logger.isEnabledFor(level):
        return
    if settled is Settled.STALE:
        became = "dropped, the lease was lost"
    elif isinstance(decision, policy.Retry):
        became = f"{decision.condition}, again at {decision.at}"
    else:
        became = f"{decision.status.value} {decision.condition}".rstrip()
    if looped:
        became += f": loop {call_path.shown((*invocation.trail, invocation.function))}"
    logger.log(
        level,
        "%s of %s: %s -> %s (%d ms)",
        invocation.request_id,
        invocation.function,
        f"attempt {invocation.attempts} {outcome.kind.value}" if outcome else "not run",
        became,
        outcome.duration_ms if outcome else 0,
        extra={"request_id": invocation.request_id, "function": invocation.function},
    )
