# SPDX-License-Identifier: MIT
"""Runs one claimed invocation once and writes what follows.

Admission, the start, the function, the decision, the settlement. What is decided comes from
:mod:`fc_async_local.domain.policy`.

Invariants:
    A holder that has lost its lease writes nothing.
    An attempt whose start was refused is never run. If the lease was lost, the newer claim runs
    the invocation; only a stop that was requested ends it as Stopped.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from fc_async_local.domain import conditions, loop_guard, policy
from fc_async_local.domain.invocation import Invocation, Outcome, OutcomeKind
from fc_async_local.domain.settlement import Decided
from fc_async_local.domain.states import Status
from fc_async_local.engine.leases import write_under_lease
from fc_async_local.engine.loops import persist
from fc_async_local.engine.ports import DELIVERIES, INVOCATIONS, Point
from fc_async_local.engine.protocol import Rejected
from fc_async_local.execution.protocol import Attempt
from fc_async_local.store.protocol import Settled, Started
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.domain.invocation import Lease
    from fc_async_local.engine.leases import Claims
    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

T = TypeVar("T")

_STOPPED = policy.End(status=Status.STOPPED, condition=conditions.STOPPED)
_NOT_FOUND = 404


class Held:
    """An invocation that this node holds, and what was learnt about it meanwhile.

    Attributes:
        invocation: As this attempt sees it, under the newest lease of the attempt.
        lost: The lease was lost; the attempt must end without writing anything.
        stop: A stop was requested.
        reclaimed: The invocation as this node claimed it again after ``lost``; run when the
            attempt has ended.
    """

    __slots__ = ("invocation", "lost", "reclaimed", "stop")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.lost = False
        self.stop = invocation.status is Status.STOPPING
        self.reclaimed: Invocation | None = None

    @property
    def lease(self) -> Lease:
        """The newest lease that this node has on the invocation."""
        return (self.reclaimed or self.invocation).lease

    def claimed_again(self, invocation: Invocation) -> None:
        """Note that this node claimed it again: its lease had ended while the store was away.

        The attempt goes on under the new lease, unless it was given up as lost before.
        """
        if self.lost:
            self.reclaimed = invocation
            return
        self.invocation = replace(
            self.invocation, epoch=invocation.epoch, lease_until=invocation.lease_until
        )
        self.stop = self.stop or invocation.status is Status.STOPPING

    def extended(self, until: int, *, stop: bool) -> None:
        """Note that the newest lease holds longer, and whether a stop was requested."""
        if self.reclaimed is None:
            self.invocation = replace(self.invocation, lease_until=until)
            self.stop = self.stop or stop
        else:
            status = Status.STOPPING if stop else self.reclaimed.status
            self.reclaimed = replace(self.reclaimed, lease_until=until, status=status)

    def lease_lost(self) -> None:
        """Note that the newest lease was lost to another node."""
        self.reclaimed = None
        self.lost = True


class Attempts:
    """Makes attempts.

    Args:
        ports: The engine's ports.
        claims: The claims that may renew a lease.
    """

    def __init__(self, ports: Ports, *, claims: Claims) -> None:
        self._ports = ports
        self._claims = claims

    async def run(self, held: Held) -> Decided | None:
        """Run the function, or decide that it doesn't run; None when the lease was lost."""
        ports, invocation = self._ports, held.invocation
        ports.probe(Point.CLAIMED, invocation.request_id)
        now = ports.clock.now()
        config = await self._config(invocation)
        admission = policy.admit(invocation, config, now, ports.rules)
        if isinstance(admission, policy.End):
            return Decided(decision=admission, outcome=None, config=config, began=now)
        outcome, began = await self._execute(held, now)
        if held.lost:
            logger.warning(
                "%s of %s: the lease was lost; %s",
                invocation.request_id,
                invocation.function,
                "the attempt was not run" if outcome is None else "its outcome is dropped",
                extra={"request_id": invocation.request_id},
            )
            return None
        if outcome is None:
            return Decided(decision=_STOPPED, outcome=None, config=config, began=began)
        ports.probe(Point.RAN, invocation.request_id)
        # Read again: a configuration that was changed meanwhile holds for this outcome.
        config = await self._config(invocation)
        decision = policy.decide(held.invocation, outcome, config, ports.clock.now(), ports.rules)
        return Decided(decision=decision, outcome=outcome, config=config, began=began)

    async def _config(self, invocation: Invocation) -> AsyncConfig | None:
        """The configuration that applies.

        One that was deleted, by itself or with its function or alias, is the one of the accept:
        its destinations are told of what was accepted under it.
        """
        if self._ports.settings.config_applies == "outcome":
            current = await persist(
                self._ports.clock,
                invocation.request_id,
                self._ports.registry.async_config,
                invocation.function,
                invocation.qualifier,
            )
            if current is not None:
                return current
        if invocation.config is None:
            return None
        return msgspec.json.decode(invocation.config, type=AsyncConfig)

    async def _execute(self, held: Held, now: int) -> tuple[Outcome | None, int]:
        """Run the function; return its outcome (None: it must not run) and when it began."""
        ports, invocation = self._ports, held.invocation
        try:
            deployment = await persist(
                ports.clock,
                invocation.request_id,
                ports.registry.deployment,
                invocation.function,
                invocation.qualifier,
                roll=ports.random.random(),
            )
        except Rejected as error:
            return _refused(error), now
        began = await self._start(held)
        if began is None or held.stop or held.lost:
            return None, now
        attempt = Attempt(
            deployment=deployment,
            request_id=invocation.request_id,
            payload=invocation.payload,
            number=invocation.attempts,
            qualifier=invocation.qualifier,
            task_id=invocation.task_id,
        )
        try:
            outcome = await ports.runner.run(attempt)
        except Exception as error:
            logger.exception(
                "%s of %s: the runner failed",
                invocation.request_id,
                invocation.function,
                extra={"request_id": invocation.request_id},
            )
            outcome = Outcome(kind=OutcomeKind.SYSTEM_ERROR, payload=str(error).encode())
        if outcome.kind is OutcomeKind.INTERRUPTED and not held.stop:
            # Only a requested stop ends an invocation as Stopped.
            outcome = Outcome(
                kind=OutcomeKind.SYSTEM_ERROR,
                payload=b"the attempt was interrupted, but no stop was requested",
            )
        return outcome, began

    async def _start(self, held: Held) -> int | None:
        """Record that the attempt runs.

        Without task mode no caller can see that, so it is written only where it is needed to
        confirm a lease that may have ended.

        Returns:
            When the attempt begins; None when the start was refused.
        """
        ports, invocation = self._ports, held.invocation
        began = ports.clock.now()
        if (
            invocation.task_mode
            or invocation.lease_until is None
            or invocation.lease_until <= began
        ):

            async def start(lease: Lease) -> Started:
                nonlocal began
                began = ports.clock.now()
                return await ports.store.start(lease, now=began)

            started = await self._write(held, start, stale=Started.STALE)
            held.lost = held.lost or started is Started.STALE
            held.stop = held.stop or started is Started.STOPPING
            if started is not Started.RUNNING:
                return None
        # Read again: the lease may have been renewed during the write.
        invocation = held.invocation
        started_at = began if invocation.started_at is None else invocation.started_at
        held.invocation = replace(invocation, status=Status.RUNNING, started_at=started_at)
        return began

    async def _write(self, held: Held, write: Callable[[Lease], Awaitable[T]], *, stale: T) -> T:
        return await write_under_lease(
            self._ports.clock,
            lambda: held.invocation.lease,
            write,
            stale=stale,
            claims=self._claims,
        )

    async def settle(self, held: Held, decided: Decided) -> None:
        """Write a decision; a stop that came first wins over another attempt."""
        ports, invocation = self._ports, held.invocation
        decision, outcome = decided.decision, decided.outcome
        written = ports.settler.settle(invocation, decided, ports.clock.now())
        settled = await self._write(
            held, lambda lease: ports.store.settle(lease, written), stale=Settled.STALE
        )
        if settled is Settled.STOPPING:
            await self.settle(held, replace(decided, decision=_STOPPED))
            return
        _log(invocation, decision, outcome, settled)
        if settled is Settled.STALE:
            # An earlier try may have written it, and its answer was lost: look again.
            ports.wakeups.wake(INVOCATIONS)
            ports.wakeups.wake(DELIVERIES)
            return
        ports.probe(Point.SETTLED, invocation.request_id)
        if isinstance(decision, policy.Retry):
            ports.wakeups.wake(INVOCATIONS, at=decision.at)
        if written.delivery is not None and written.delivery.state == "pending":
            ports.wakeups.wake(DELIVERIES)

    async def stop(self, invocation: Invocation) -> None:
        """End an invocation that was claimed in order to be stopped."""
        config = await self._config(invocation)
        now = self._ports.clock.now()
        stopped = Decided(decision=_STOPPED, outcome=None, config=config, began=now)
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
        again = datetime.fromtimestamp(decision.at / 1000, timezone.utc)
        became = f"{decision.condition}, again at {again.isoformat(timespec='milliseconds')}"
    else:
        became = f"{decision.status.value} {decision.condition}".rstrip()
    if looped:
        became += f": loop {loop_guard.shown((*invocation.call_path, invocation.function))}"
    logger.log(
        level,
        "%s of %s: %s -> %s (%d ms)",
        invocation.request_id,
        invocation.function,
        f"attempt {invocation.attempts + 1} {outcome.kind.value}" if outcome else "not run",
        became,
        outcome.duration_ms if outcome else 0,
        extra={"request_id": invocation.request_id, "function": invocation.function},
    )
