# SPDX-License-Identifier: MIT
"""Runs one claimed invocation once, writes what follows and logs it.

Admission, the start, the function, the decision, the settlement. What is decided comes from
:mod:`fc_async_local.domain.policy`.

Invariants:
    A holder that has lost its lease writes nothing.
    A start is written when an instance takes the attempt: what is throttled was never Running.
    An attempt whose start was refused is never run. If the lease was lost, the newer claim runs
    the invocation; only a stop that was requested ends it as Stopped.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from fc_async_local.domain import policy
from fc_async_local.domain.errors import RECURSIVE, STOPPED, Rejected
from fc_async_local.domain.invocation import Invocation, Outcome, OutcomeKind
from fc_async_local.domain.policy import call_path_text
from fc_async_local.domain.settlement import Decided
from fc_async_local.domain.states import Status
from fc_async_local.engine import feed
from fc_async_local.engine.ports import DELIVERIES, INVOCATIONS, PARKED, Point
from fc_async_local.engine.ready import Held
from fc_async_local.execution.protocol import Attempt
from fc_async_local.store.loops import persist, write_under_lease
from fc_async_local.store.protocol import Settled, Started
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import request_log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.domain.invocation import Lease
    from fc_async_local.engine.ports import Ports
    from fc_async_local.execution.protocol import Deployment
    from fc_async_local.store.loops import Claims
    from fc_async_sdk.admin.models import Step

logger = logging.getLogger(__name__)

T = TypeVar("T")

_STOPPED = policy.End(status=Status.STOPPED, condition=STOPPED)
_NOT_FOUND = 404


class Attempts:
    """Runs the attempts of claimed invocations.

    Args:
        ports: The engine's ports.
        claims: The claims that may renew a lease.
    """

    def __init__(self, ports: Ports, *, claims: Claims) -> None:
        self._ports = ports
        self._claims = claims

    async def run(self, held: Held) -> Decided | None:
        """Run the function, or decide not to run it; return None if the lease was lost."""
        ports = self._ports
        invocation = held.invocation
        ports.probe(Point.CLAIMED, invocation.request_id)
        now = ports.clock.now()
        config = await self._config(invocation)
        # On several nodes each read asks the store; that of the configuration has just done so.
        is_known = ports.settings.config_applies == "outcome"
        paused = await self._is_paused(invocation.function, known=is_known)
        end = policy.admit(invocation, config, now, ports.rules, paused=paused)
        # Nothing ran, so there is no outcome; the invocation ends all the same.
        if end is not None:
            return Decided(
                decision=end,
                outcome=None,
                config=config,
                began=now,
            )
        outcome, began = await self._execute(held, now, config)
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
            return Decided(
                decision=_STOPPED,
                outcome=None,
                config=config,
                began=began,
            )
        ports.probe(Point.RAN, invocation.request_id)
        # Read again: a configuration that was changed meanwhile applies to this outcome.
        config = await self._config(invocation)
        decision = policy.decide(held.invocation, outcome, config, ports.clock.now(), ports.rules)
        return Decided(
            decision=decision,
            outcome=outcome,
            config=config,
            began=began,
        )

    async def _is_paused(self, function: str, *, known: bool = False) -> bool:
        pause = await persist(
            self._ports.clock,
            function,
            self._ports.registry.pause,
            function,
            known=known,
        )
        return pause is not None and pause.holds

    async def _config(self, invocation: Invocation) -> AsyncConfig | None:
        """Return the configuration that applies.

        After it was deleted, alone or with its function or alias, the configuration of the accept
        applies: its destinations get the events of what was accepted under it.
        """
        # The documents do not say which of the two applies, so it is a setting.
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

    async def _execute(
        self, held: Held, now: int, config: AsyncConfig | None
    ) -> tuple[Outcome | None, int]:
        """Run the function; return its outcome (None: it must not run) and when it began."""
        invocation = held.invocation
        try:
            deployment = await persist(
                self._ports.clock,
                invocation.request_id,
                self._ports.registry.deployment,
                invocation.function,
                invocation.qualifier,
                roll=self._ports.random.random(),
            )
        except Rejected as error:
            return _refused(error), now

        def started() -> Step:
            return feed.started(
                invocation,
                at=beginning.moment,
                retries=policy.retries(config),
            )

        beginning = _Beginning(
            held,
            now,
            start=self._start,
            record=lambda: self._ports.feed.record(started),
        )
        outcome = await self._run_function(invocation, deployment, beginning, started)
        if beginning.at is None and outcome.kind in policy.EXECUTED:
            # A failure that counts as an execution though no instance got the event, such as a
            # function without a handler.
            await beginning.begin()
        if beginning.refused:
            return None, now
        # A lost lease or an end of the node interrupts, too.
        if outcome.kind is OutcomeKind.INTERRUPTED and not held.stop:
            # Only a requested stop ends an invocation as Stopped.
            outcome = replace(
                outcome,
                kind=OutcomeKind.SYSTEM_ERROR,
                payload=b"the attempt was interrupted, but no stop was requested",
            )
        return outcome, beginning.moment

    async def _run_function(
        self,
        invocation: Invocation,
        deployment: Deployment,
        beginning: _Beginning,
        started: Callable[[], Step],
    ) -> Outcome:
        attempt = Attempt(
            deployment=deployment,
            request_id=invocation.request_id,
            payload=invocation.payload,
            number=invocation.retry_count,
            qualifier=invocation.qualifier,
            task_id=invocation.task_id,
            http=invocation.http_head,
            tell=self._ports.feed.teller(started),
            begin=beginning.begin,
        )
        try:
            return await self._ports.runner.run(attempt)
        except Exception as error:
            # A fault of the runner counts as one of the service: it is retried by the same rules.
            # If it were raised, the invocation would wait until its lease ends.
            logger.exception(
                "%s of %s: the runner failed",
                invocation.request_id,
                invocation.function,
                extra={"request_id": invocation.request_id},
            )
            return Outcome(kind=OutcomeKind.SYSTEM_ERROR, payload=str(error).encode())

    async def _start(self, held: Held) -> int | None:
        """Record that the attempt runs.

        Without task mode no caller can see that, so it is written only where it is needed to
        confirm a lease that may have ended.

        Returns:
            When the attempt begins; None when the start was refused.
        """
        invocation = held.invocation
        began = self._ports.clock.now()
        lease_ended = invocation.lease_until is None or invocation.lease_until <= began
        if invocation.task_mode or lease_ended:
            started, began = await self._write_start(held)
            if started is not Started.RUNNING:
                return None
        held.begun(began)
        return began

    async def _write_start(self, held: Held) -> tuple[Started, int]:
        """Write the start; return the answer of the store and when the attempt begins."""
        began = 0

        async def start(lease: Lease) -> Started:
            nonlocal began
            began = self._ports.clock.now()
            return await self._ports.store.start(lease, now=began)

        started = await self._write(held, start, stale=Started.STALE)
        # A refused start is not an outcome: after an outage longer than a lease this node met its
        # own newer lease, and the task ended as Stopped without having run
        # (docs/decisions/engine.md, 0050).
        if started is Started.STALE:
            held.lose()
        elif started is Started.STOPPING:
            held.request_stop()
        return started, began

    async def _write(self, held: Held, write: Callable[[Lease], Awaitable[T]], *, stale: T) -> T:
        return await write_under_lease(
            self._ports.clock,
            lambda: held.invocation.lease,
            write,
            stale=stale,
            claims=self._claims,
        )

    async def settle(self, held: Held, decided: Decided) -> None:
        """Write a decision; if a stop was requested before a retry, write the stop instead."""
        ports = self._ports
        invocation = held.invocation
        decision = decided.decision
        ended = ports.clock.now()
        written = ports.settler.settle(invocation, decided, ended)
        settled = await self._write(
            held, lambda lease: ports.store.settle(lease, written), stale=Settled.STALE
        )
        # The stop came while this wait was being written: the store has refused it, nothing was
        # written.
        if settled is Settled.STOPPING:
            await self.settle(held, replace(decided, decision=_STOPPED))
            return
        _log(invocation, decided, settled, ended)
        if settled is Settled.STALE:
            # An earlier try may have written it, and its answer was lost: look again.
            ports.wakeups.wake(INVOCATIONS)
            ports.wakeups.wake(DELIVERIES)
            return
        ports.probe(Point.SETTLED, invocation.request_id)
        if isinstance(decision, policy.Park):
            # Another node may have resumed the function before this one parked the invocation.
            if not await self._is_paused(invocation.function):
                ports.wakeups.wake(PARKED)
            return
        ports.feed.record(lambda: feed.ended(invocation, decided, at=ports.clock.now()))
        if isinstance(decision, policy.Retry):
            ports.wakeups.wake(INVOCATIONS, at=decision.at)
        if written.delivery is not None and written.delivery.state == "pending":
            ports.wakeups.wake(DELIVERIES)

    async def stop(self, invocation: Invocation) -> None:
        """End an invocation that was claimed in order to be stopped."""
        config = await self._config(invocation)
        now = self._ports.clock.now()
        stopped = Decided(
            decision=_STOPPED,
            outcome=None,
            config=config,
            began=now,
        )
        await self.settle(Held(invocation), stopped)


class _Beginning:
    """The start of one attempt, written when an instance takes it.

    A throttled attempt has no start: it is not shown as Running.

    Args:
        held: The invocation.
        claimed: When it was claimed, in milliseconds since the epoch.
        start: Writes the start; returns when the attempt begins, or None if it was refused.
        record: Tells readers of the feed.

    Attributes:
        at: When the attempt began, in milliseconds since the epoch; None: it has not.
        refused: Whether it must not run.
    """

    def __init__(
        self,
        held: Held,
        claimed: int,
        *,
        start: Callable[[Held], Awaitable[int | None]],
        record: Callable[[], None],
    ) -> None:
        self._held = held
        self._claimed = claimed
        self._start = start
        self._record = record
        self._lock = asyncio.Lock()  # a duplicate begins while the start is being written
        self.at: int | None = None
        self.refused = False

    @property
    def moment(self) -> int:
        """Time of the start; before that, and without a start, that of the claim."""
        return self._claimed if self.at is None else self.at

    async def begin(self) -> bool:
        """Write the start, once; return whether the function may get the event."""
        async with self._lock:
            is_first = self.at is None and not self.refused
            if is_first:
                self.at = await self._start(self._held)
        # Either may have been noted while the start was being written.
        may_run = self.at is not None and not self._held.stop and not self._held.lost
        if is_first and may_run:
            self._record()
        elif is_first:
            self.refused = True
        return may_run


def _refused(error: Rejected) -> Outcome:
    """Return the outcome of an attempt for which no version of the function can run."""
    gone = error.status == _NOT_FOUND
    return Outcome(
        kind=OutcomeKind.INVALID if gone else OutcomeKind.SYSTEM_ERROR,
        error_type=error.code,
        payload=msgspec.json.encode({"errorMessage": error.message, "errorType": error.code}),
    )


def _log(
    invocation: Invocation,
    decided: Decided,
    settled: Settled,
    ended: int,
) -> None:
    """Log one line for an attempt, or for an end without one."""
    decision = decided.decision
    outcome = decided.outcome
    looped = isinstance(decision, policy.End) and decision.condition == RECURSIVE
    level = logging.WARNING if looped else logging.INFO
    if not logger.isEnabledFor(level):
        return
    became = _became(decision, settled)
    if looped:
        became += f": loop {call_path_text((*invocation.call_path, invocation.function))}"
    logger.log(
        level,
        "%s of %s: %s -> %s (%d ms)",
        invocation.request_id,
        invocation.function,
        f"attempt {invocation.attempts + 1} {outcome.kind.value}" if outcome else "not run",
        became,
        outcome.duration_ms if outcome else 0,
        extra={
            "request_id": invocation.request_id,
            "function": invocation.function,
            **log_fields(invocation, decided, ended=ended),
        },
    )


def _became(decision: policy.Retry | policy.End | policy.Park, settled: Settled) -> str:
    if settled is Settled.STALE:
        return "dropped, the lease was lost"
    if isinstance(decision, policy.Park):
        return "waits, the function is paused"
    if isinstance(decision, policy.Retry):
        again = datetime.fromtimestamp(decision.at / 1000, timezone.utc)
        return f"{decision.condition}, again at {again.isoformat(timespec='milliseconds')}"
    return f"{decision.status.value} {decision.condition}".rstrip()


def log_fields(invocation: Invocation, decided: Decided, *, ended: int) -> dict[str, object]:
    """Return the fields of a line in the log, as the service's request metrics name them.

    What belongs to an execution is left out if the function did not run.

    Args:
        invocation: As it was when the attempt began.
        decided: The outcome, and when the attempt began.
        ended: When the outcome was known, in milliseconds since the epoch.
    """
    outcome = decided.outcome
    version_id = ""
    execution: dict[str, object] = {}
    if outcome is not None:
        version_id = outcome.version_id
        if outcome.kind in policy.EXECUTED:
            execution = _execution(outcome)
    return {
        "functionName": invocation.function,
        "versionId": version_id,
        "qualifier": invocation.qualifier,
        "requestId": invocation.request_id,
        "operation": request_log.OPERATION,
        "invocationType": request_log.ASYNC,
        **execution,
        "asyncMode": request_log.MODES[invocation.task_mode],
        "retryCount": invocation.retry_count,
        "asyncAttemptStartTimestamp": decided.began,
        "asyncAttemptLatencyMs": max(0, ended - decided.began),
    }


def _execution(outcome: Outcome) -> dict[str, object]:
    failed = outcome.kind is OutcomeKind.FUNCTION_ERROR
    fields: dict[str, object] = {
        "instanceID": outcome.instance_id,
        "memoryUsageMB": outcome.memory_mb,
        "durationMs": outcome.duration_ms,
        "hasFunctionError": failed,
    }
    if failed:
        fields["errorType"] = _error_type(outcome)
    return fields


def _error_type(outcome: Outcome) -> str:
    if outcome.timed_out:
        return request_log.TIMEOUT
    return request_log.OUT_OF_MEMORY if outcome.out_of_memory else request_log.UNHANDLED
