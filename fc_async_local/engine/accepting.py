# SPDX-License-Identifier: MIT
"""Accepts invocations: makes asynchronous ones durable, runs synchronous ones once.

Invariants:
    No asynchronous request is answered as accepted before the store has committed it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from fc_async_local.domain import policy
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import Count, Invocation, OutcomeKind
from fc_async_local.domain.states import Status
from fc_async_local.engine import feed
from fc_async_local.engine.ports import INVOCATIONS, Accepted, Answered, Point
from fc_async_local.execution.protocol import Attempt
from fc_async_local.store.protocol import DuplicateTask, StoreUnavailable
from fc_async_sdk.errors import shorten
from fc_async_sdk.events.error_documents import error_summary
from fc_async_sdk.spec import limits, metrics

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from fc_async_local.domain.invocation import InvokeRequest, Outcome
    from fc_async_local.engine.ports import Ports
    from fc_async_local.execution.protocol import HttpExchange
    from fc_async_sdk.admin.models import Step
    from fc_async_sdk.models import AsyncConfig

logger = logging.getLogger(__name__)

_CALLS: Final = itertools.count(1)
"""Numbers of synchronous calls in this process."""
_RETRY_AFTER_SECONDS: Final = 1
_BACKLOG_REFRESH_MS: Final = 1_000
# The second group of an id has 10 bits of milliseconds and 22 random ones, the third 48.
_RANDOM_BITS: Final = 22 + 48
_REFUSALS: Final = {
    OutcomeKind.THROTTLED: (429, "ResourceExhausted"),
    OutcomeKind.RESOURCE_EXHAUSTED: (503, "ResourceExhausted"),
    OutcomeKind.SYSTEM_ERROR: (500, "InternalServerError"),
    OutcomeKind.INVALID: (404, "FunctionNotFound"),
    OutcomeKind.INTERRUPTED: (500, "InternalServerError"),
}


@contextlib.contextmanager
def store_needed() -> Iterator[None]:
    """Refuse the request (503) if the store is unavailable within the block."""
    try:
        yield
    except StoreUnavailable as error:
        raise Rejected(
            503,
            "ServiceUnavailable",
            f"the store can't take anything now ({error}); nothing was kept",
            retry_after=_RETRY_AFTER_SECONDS,
        ) from error


class Accepting:
    """Accepts asynchronous invocations.

    Args:
        ports: The engine's ports.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._backlog = Backlog(ports)

    async def accept(self, request: InvokeRequest) -> Accepted:
        """See :meth:`fc_async_local.engine.engine.Engine.invoke_async`."""
        _check(request)
        qualifier = request.qualifier or limits.DEFAULT_QUALIFIER
        try:
            with store_needed():
                # Only that the qualifier exists matters: the version is drawn for each attempt.
                target = await self._ports.registry.target(request.function, qualifier, roll=0.0)
                await self._backlog.check()
                invocation = self._invocation(request, qualifier, target.config)
                await self._keep(invocation)
        except DuplicateTask as error:
            raise Rejected(
                409,
                "AsyncTaskAlreadyExists",
                f"function {request.function!r} already has a task "
                f"{request.task_id or request.request_id!r}, or its request id is that of another "
                "invocation; use other ids",
            ) from error
        return Accepted(invocation.request_id, invocation.task_id)

    async def _keep(self, invocation: Invocation) -> None:
        """Store an invocation durably, and wake the dispatcher for its due time."""
        counted = Count(
            metric=metrics.ENQUEUED,
            function=invocation.function,
            at=invocation.accepted_at,
        )
        try:
            await self._ports.store.accept(invocation, (counted,))
        except BaseException:
            # It may have been written although this call was cancelled (a shutdown).
            self._ports.wakeups.announce(INVOCATIONS, at=invocation.due_at)
            raise
        self._ports.probe(Point.ACCEPTED, invocation.request_id)
        self._ports.feed.record(lambda: feed.accepted(invocation))
        self._backlog.added()
        self._ports.wakeups.announce(INVOCATIONS, at=invocation.due_at)

    def _invocation(
        self, request: InvokeRequest, qualifier: str, config: AsyncConfig | None
    ) -> Invocation:
        ports = self._ports
        now = ports.clock.now()
        request_id = request.request_id or new_request_id(now, ports.random)
        delay_ms = request.delay_seconds * 1_000
        is_task = config is not None and bool(config.async_task)
        invocation = Invocation(
            request_id=request_id,
            task_id=request.task_id or request_id,
            function=request.function,
            qualifier=qualifier,
            payload=request.payload,
            accepted_at=now,
            due_at=now + delay_ms,
            task_mode=request.task_mode or is_task,
            call_path=request.call_path,
            delay_ms=delay_ms,
            # Kept with it, so that a deleted function or configuration does not silence its end.
            config=None if config is None else msgspec.json.encode(config),
            http=None if request.http is None else msgspec.json.encode(request.http),
        )
        deadline = policy.deadline(invocation, config, ports.rules)
        if delay_ms and invocation.due_at >= deadline:
            _warn_of_expiry(invocation)
        return invocation


def _warn_of_expiry(invocation: Invocation) -> None:
    logger.warning(
        "%s of %s will expire before it runs: its delay of %d s is not below its maximum age",
        invocation.request_id,
        invocation.function,
        invocation.delay_ms // 1_000,
        extra={"request_id": invocation.request_id},
    )


def _check(request: InvokeRequest) -> None:
    """Refuse what the request alone shows to be invalid."""
    _check_size(request.payload, limits.ASYNC_PAYLOAD_BYTES)
    delay = request.delay_seconds
    task_id = request.task_id
    problem = ""
    if delay != 0 and delay not in limits.DELAY_SECONDS:
        low, high, _ = limits.DELAY_SECONDS
        problem = f"x-fc-async-delay {shorten(delay)}: expected whole seconds, {low} to {high}"
    elif task_id and not limits.TASK_ID_PATTERN.fullmatch(task_id):
        problem = (
            f"x-fc-async-task-id {shorten(task_id)}: expected a letter or '_' followed by at most "
            "127 letters, digits, '_' or '-'"
        )
    if problem:
        raise Rejected(400, "InvalidArgument", problem)


def _check_size(payload: bytes, largest: int) -> None:
    if len(payload) > largest:
        problem = f"payload size exceeds maximum allowed size ({largest} bytes)"
        raise Rejected(400, "EntityTooLarge", problem)


class Backlog:
    """Keeps the queue below its limit, if there is one.

    Counts what this node accepts, and reads the length of the queue from the store once a second,
    so that the cost of accepting does not depend on the length. Several nodes together may exceed
    the limit by what they accept within that second.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._waiting = 0
        self._valid_until = 0

    async def check(self) -> None:
        """Refuse when the queue is full.

        Raises:
            Rejected: 429 with the seconds to wait.
        """
        limit = self._ports.settings.queue_limit
        if not limit:
            return
        now = self._ports.clock.now()
        # Nothing counts down what was started since. So a full queue is read again before it
        # refuses.
        if now >= self._valid_until or self._waiting >= limit:
            by_status = (await self._ports.store.stats()).by_status
            self._waiting = by_status.get(Status.ENQUEUED, 0) + by_status.get(Status.RETRYING, 0)
            self._valid_until = now + _BACKLOG_REFRESH_MS
        if self._waiting >= limit:
            raise Rejected(
                429,
                "ResourceThrottled",
                f"{self._waiting} invocations are waiting, the limit is {limit}; try again later",
                retry_after=_RETRY_AFTER_SECONDS,
            )

    def added(self) -> None:
        """Note that one more invocation waits."""
        self._waiting += 1


async def invoke_once(
    ports: Ports, request: InvokeRequest, exchange: HttpExchange | None = None
) -> Answered:
    """See :meth:`fc_async_local.engine.engine.Engine.invoke_sync`."""
    _check_size(request.payload, limits.SYNC_PAYLOAD_BYTES)
    qualifier = request.qualifier or limits.DEFAULT_QUALIFIER
    with store_needed():
        roll = ports.random.random()
        deployment = await ports.registry.deployment(request.function, qualifier, roll=roll)
    attempt = Attempt(
        deployment=deployment,
        request_id=request.request_id or new_request_id(ports.clock.now(), ports.random),
        payload=request.payload,
        qualifier=qualifier,
        http=request.http,
        exchange=exchange,
        # Not the request id, which synchronous calls may share: to stop a task that has the same
        # one must not end this call.
        call_key=f"synchronous call {next(_CALLS)}",
    )
    began = ports.clock.now()

    def started() -> Step:
        return feed.sync_started(attempt, at=began)

    ports.feed.record(started)
    # Another struct, because `started` holds the first one: no reference cycle for each call.
    reporting = replace(attempt, tell=ports.feed.teller(started))
    with ports.clock.work():
        outcome = await ports.runner.run(reporting)
    ports.feed.record(lambda: feed.sync_ended(attempt, outcome, at=ports.clock.now()))
    if outcome.kind in _REFUSALS:
        raise _refusal(request.function, outcome)
    return Answered(attempt.request_id, outcome)


def _refusal(function: str, outcome: Outcome) -> Rejected:
    status, code = _REFUSALS[outcome.kind]
    summary = error_summary(outcome.payload).removeprefix(f"{outcome.error_type}: ")
    reason = summary or outcome.payload.decode(errors="replace") or outcome.kind.value
    name = f"function {function!r}: "  # some reasons begin with it
    return Rejected(status, outcome.error_type or code, name + reason.removeprefix(name))


def new_request_id(now: int, source: random.Random) -> str:
    """Return a new request id in the form of FC 3.0: ``1-{seconds, hex}-{8 hex}-{12 hex}``.

    Source: the sample ``1-670648a1-15197d0b-d07710222f9d`` of the user guide. The second group
    begins with the milliseconds, so that ids sort by time: ids of the same moment are on the same
    pages of a database index, and a commit writes few pages.

    Args:
        now: Milliseconds since the epoch.
        source: 70 bits are taken from it.
    """
    seconds, ms = divmod(now, 1_000)
    bits = ms << _RANDOM_BITS | source.getrandbits(_RANDOM_BITS)
    return f"1-{seconds & 0xFFFFFFFF:08x}-{bits >> 48:08x}-{bits & 0xFFFFFFFFFFFF:012x}"
