# SPDX-License-Identifier: MIT
"""Delivery of events to functions and HTTP endpoints: in jobs that are retried, with a history.

The services are below the engine in the import order, so they see it as :class:`FunctionInvoker`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from fc_async_local.domain import settlement
from fc_async_local.domain.invocation import DeadEvent, JobSettlement
from fc_async_local.services import reach
from fc_async_local.store.job_runner import JobKind, JobNode, JobRunner
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping

    import aiohttp

    from fc_async_local.domain.invocation import InvokeRequest, Job, Outcome
    from fc_async_local.domain.settlement import Settler
    from fc_async_sdk.spec.triggers import Strategy

_BACKOFF_RETRIES: Final = 3
_BACKOFF_SECONDS: Final = (10, 20)
_DECAY_RETRIES: Final = 176
_DECAY_MAX_SECONDS: Final = 512
HTTP_OK: Final = range(200, 300)
_PUSHES_AT_A_TIME: Final = 32
"""The most pushes of one service that a node makes at the same time."""


class Taken(Protocol):
    """An accepted invocation."""

    @property
    def request_id(self) -> str:
        """The id of the invocation."""
        ...


class FunctionInvoker(Protocol):
    """Invokes functions, and keeps events that cannot be delivered."""

    def invoke_async(self, request: InvokeRequest) -> Awaitable[Taken]:
        """Accept an asynchronous invocation; return when it is durable.

        Raises:
            Rejected: The request is invalid, as on the service.
        """
        ...

    def invoke_sync(self, request: InvokeRequest) -> Awaitable[tuple[str, Outcome]]:
        """Run a function once and return the request id and the outcome.

        Raises:
            Rejected: The request is invalid, as on the service.
        """
        ...

    def keep_dead(self, event: DeadEvent) -> Awaitable[None]:
        """Store an event that was given up, with its reason, so that it can be redriven.

        Storing an event with the same key again changes nothing.

        Raises:
            StoreUnavailable: The event was not stored; try again.
        """
        ...


def function_arn(function: str, qualifier: str) -> str:
    """Return the ARN of a function of this runtime, without region and account."""
    return f"acs:fc:::functions/{function}/{qualifier or limits.DEFAULT_QUALIFIER}"


def queue_arn(queue: str) -> str:
    """Return the ARN of a queue of this runtime, without region and account."""
    return str(arn.MnsQueueArn(queue=queue))


class PostFailed(Exception):
    """There was no answer: the connection failed, or the time limit has passed."""


class HttpPoster:
    """Posts over HTTP with pooled connections. Close it with :meth:`aclose`.

    Args:
        timeout_seconds: Limit for a whole exchange.
        allow_others: Connect to other machines, too; see :mod:`.reach`.
    """

    def __init__(self, timeout_seconds: float = 5.0, *, allow_others: bool = False) -> None:
        self._seconds = timeout_seconds
        self._allow_others = allow_others
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send one request, without retries and redirects; return the status of the answer.

        Raises:
            PostFailed: There was no answer.
        """
        import aiohttp  # noqa: PLC0415 -- a third of the start of a runtime, which may never post
        import yarl  # noqa: PLC0415 -- of aiohttp

        try:
            target = yarl.URL(url)  # what is judged is what is connected to
        except ValueError as error:
            raise PostFailed(f"{type(error).__name__}: {error}") from error
        # A host that is an address is not resolved, so the resolver does not see it.
        refused = reach.refusal_of_literal(target.host or "", allow_others=self._allow_others)
        if refused:
            raise PostFailed(refused)
        # The resolver judges the address that is connected to: a name that resolves differently the
        # second time gains nothing.
        if self._session is None:
            resolver = reach.resolver(allow_others=self._allow_others)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver))
        timeout = aiohttp.ClientTimeout(total=self._seconds)
        try:
            async with self._session.post(
                target,
                data=body,
                headers=headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                return answer.status
        # No answer is not a refusal: the target may have got the event, and gets it again.
        except asyncio.TimeoutError as error:
            raise PostFailed(f"no answer within {self._seconds:g} s") from error
        except (aiohttp.ClientError, ValueError, OSError) as error:
            raise PostFailed(f"{type(error).__name__}: {error}") from error

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def wait_after(strategy: Strategy, tries: int, *, roll: float) -> float | None:
    """Return how long to wait after a failed try.

    BACKOFF_RETRY has 3 retries, each 10 to 20 s after the previous try. EXPONENTIAL_DECAY_RETRY has
    176 retries, 1, 2, 4 … 512, 512 … s apart, which is one day (product pages of MNS and
    EventBridge, docs/reference/sources.md).

    Args:
        strategy: The strategy.
        tries: Number of tries so far, at least 1.
        roll: Random number in [0, 1) that selects the wait within its interval.

    Returns:
        Seconds, or None to give up.
    """
    if strategy == "BACKOFF_RETRY":
        if tries > _BACKOFF_RETRIES:
            return None
        low, high = _BACKOFF_SECONDS
        return low + roll * (high - low)
    if tries > _DECAY_RETRIES:
        return None
    return min(1 << (tries - 1), _DECAY_MAX_SECONDS)


class Again(NamedTuple):
    """A push that failed and is to be tried again.

    Attributes:
        error: Why it failed.
        seconds: How long to wait, see :func:`wait_after`.
    """

    error: str
    seconds: float


Pushed = Again | DeadEvent | None
"""The result of one try of a push: again, given up, or (None) done."""


class TriggerHealth(NamedTuple):
    """The history of one trigger, in the words of the admin API.

    Attributes:
        fired: How often it fired.
        last_fired_time: When it fired last, None if it has not.
        last_request_id: Of that invocation.
        last_error: "" after a success.
        last_error_time: When that was.
        consecutive_errors: Since the latest success.
    """

    fired: int = 0
    last_fired_time: int | None = None
    last_request_id: str = ""
    last_error: str = ""
    last_error_time: int | None = None
    consecutive_errors: int = 0


class TriggerLog:
    """The last firing and the last error of each trigger, by the key of its binding.

    In memory, of this node, since its start.
    """

    def __init__(self) -> None:
        self._known: dict[str, TriggerHealth] = {}

    def of(self, key: str) -> TriggerHealth:
        """Return the history of a trigger."""
        return self._known.get(key, TriggerHealth())

    def fired(self, key: str, request_id: str, now: int) -> None:
        """Note that a trigger has invoked its function."""
        self._known[key] = TriggerHealth(self.of(key).fired + 1, now, request_id)

    def failed(self, key: str, error: str, now: int) -> None:
        """Note an error of a trigger."""
        before = self.of(key)
        self._known[key] = before._replace(
            last_error=error,
            last_error_time=now,
            consecutive_errors=before.consecutive_errors + 1,
        )

    def keep(self, keys: frozenset[str]) -> None:
        """Forget all other triggers."""
        # A trigger that was deleted must not leave its history to one of the same name.
        self._known = {key: health for key, health in self._known.items() if key in keys}


@dataclasses.dataclass(frozen=True)
class PushNode(JobNode):
    """A node that delivers events for the services and for triggers.

    Attributes:
        invoker: Invokes functions, and keeps events that are given up.
        poster: Sends requests to HTTP endpoints.
        log: Where it is noted how triggers went.
        settler: Returns what follows when an event is given up.
        random: Selects the waits between tries.
    """

    invoker: FunctionInvoker
    poster: HttpPoster
    log: TriggerLog
    settler: Settler
    random: random.Random

    def again(self, strategy: Strategy, tries: int, error: str) -> Again | None:
        """Return the next try after a number of failed ones, None if there is none."""
        seconds = wait_after(strategy, tries, roll=self.random.random())
        return None if seconds is None else Again(error, seconds)

    def runner(
        self,
        kind: str,
        attempt: Callable[[Job], Awaitable[Pushed]],
        describe: Callable[[Job], str],
    ) -> JobRunner[Pushed]:
        """Return the runner of push jobs.

        Args:
            kind: Of the jobs, see :mod:`fc_async_local.domain.invocation`.
            attempt: Makes one try.
            describe: Names a job in the log.
        """
        return JobRunner(self, JobKind(kind, _PUSHES_AT_A_TIME, attempt, self._follow, describe))

    def _follow(self, job: Job, pushed: Pushed, now: int) -> JobSettlement:
        """Return what follows from a try."""
        if pushed is None:
            return JobSettlement(job=None)
        # In one transaction with the end of the job: the event is neither lost nor kept twice.
        if isinstance(pushed, DeadEvent):
            return self.settler.give_up(pushed, now)
        again_at = now + round(pushed.seconds * 1_000)
        return JobSettlement(job=settlement.tried(job, again_at=again_at, error=pushed.error))
