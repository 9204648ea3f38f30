# SPDX-License-Identifier: MIT
"""Decides for waiters: what to ask, what ends a wait, when to ask again. No I/O, no clock."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from fc_async_sdk import operations
from fc_async_sdk.errors import (
    AsyncTaskNotFound,
    InvalidParameter,
    NotFound,
    TimedOut,
    TransportError,
    WaiterError,
)
from fc_async_sdk.operations import checks
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fc_async_sdk.models import AsyncTask, Function
    from fc_async_sdk.operations import Call
    from fc_async_sdk.operations.call import Answer

T = TypeVar("T")

REGISTRATION_SECONDS: Final = 10.0
"""A task that was just accepted may not be there yet: clients have seen about 3 s."""
_FIRST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 5.0
_ATTEMPTS: Final = limits.Range(1, limits.LONGEST_WAIT_SECONDS, 1)
_GROWTH: Final = 1.5
_LAST_REQUEST_SECONDS: Final = 1.0
"""Seconds that a request may take which begins when the time is nearly over."""


class VirtualClockStopped(UserWarning):
    """A wait in real time for a local runtime whose virtual clock stands still.

    The fixture ``fc_local`` turns it into an error.
    """

    moving = "in the console, with the key t of fc-async dev, or with POST /_local/clock/advance"
    """Ways to move the clock by hand."""
    advice = (
        "the virtual clock of this local runtime stands still, and this wait does not move it\n"
        "Wait with fc_local.client, whose waits move the clock, or call fc_local.advance(seconds) "
        f"in another thread; outside of tests, move the clock {moving}."
    )


def task_finished(task: AsyncTask) -> bool:
    """Return whether the status is final, whichever it is."""
    return task.finished


def task_succeeded(task: AsyncTask) -> bool:
    """Return whether the function returned.

    Raises:
        WaiterError: The task ended otherwise.
    """
    if task.finished and not task.succeeded:
        why = f": {task.task_error_message}" if task.task_error_message else ""
        raise WaiterError(f"task {task.task_id} ended as {task.status}{why}", last=task)
    return task.finished


def function_active(function: Function) -> bool:
    """Return whether the function can be called and its latest update has ended.

    Raises:
        WaiterError: Creating or updating it failed.
    """
    if function.state == "Failed" or function.last_update_status == "Failed":
        reason = function.state_reason or "the service gives no reason"
        raise WaiterError(f"function {function.function_name} failed: {reason}", last=function)
    # A call makes an inactive function active again.
    is_callable = function.state in {None, "", "Active", "Inactive"}
    return is_callable and function.last_update_status != "InProgress"


class Kind(NamedTuple):
    """The operation of a waiter, and the judgement of its answers.

    Attributes:
        operation: What it asks.
        judge: Decides whether an answer ends the wait.
        patience: Seconds for which "not found" may mean "not yet".
    """

    operation: Callable[..., Call[Any]]
    judge: Callable[[Any], bool]
    patience: float


KINDS: Final[Mapping[str, Kind]] = {
    "function_active": Kind(operations.get_function, function_active, 0.0),
    "task_finished": Kind(operations.get_async_task, task_finished, REGISTRATION_SECONDS),
    "task_succeeded": Kind(operations.get_async_task, task_succeeded, REGISTRATION_SECONDS),
}


def kind_of(name: object) -> Kind:
    """Return the waiter with a name.

    Raises:
        InvalidParameter: There is no such waiter.
    """
    if not isinstance(name, str) or name not in KINDS:
        raise InvalidParameter("name", name, f"must be one of {', '.join(KINDS)}")
    return KINDS[name]


def boto3_times(
    config: Mapping[str, float] | None, timeout: float | None, interval: float | None
) -> tuple[float | None, float | None]:
    """Return timeout and interval of a wait, of which boto3's ``WaiterConfig`` sets both.

    Args:
        config: ``Delay``, seconds between two requests, and ``MaxAttempts``, their number.
        timeout: Without ``MaxAttempts``.
        interval: Without ``Delay``.

    Raises:
        InvalidParameter: A part of it is wrong, or there is another name in it.
    """
    config_fields = checks.fields("WaiterConfig", config)
    delay = checks.timeout("Delay", config_fields.pop("Delay", None)) or interval
    attempts = checks.integer("MaxAttempts", config_fields.pop("MaxAttempts", None), _ATTEMPTS)
    if config_fields:
        raise InvalidParameter("WaiterConfig", config_fields, "has Delay and MaxAttempts")
    if attempts is not None:
        # Attempts without a delay are a limit, too: so many times the usual pause.
        delay = delay or _LONGEST_WAIT
        timeout = delay * attempts
    return timeout, delay


class Port(NamedTuple):
    """The part of a synchronous client that waiters and handles need.

    Attributes:
        perform: Sends an operation with its arguments, or lets a stub answer it.
        fan_out: As of the client.
        sleep: Waits for seconds.
        monotonic: The clock of waits, in seconds.
    """

    perform: Callable[..., Any]
    fan_out: Callable[..., Any]
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]


class AsyncPort(NamedTuple):
    """The part of an asyncio client that waiters and handles need; see :class:`Port`."""

    perform: Callable[..., Awaitable[Any]]
    fan_out: Callable[..., Any]
    sleep: Callable[[float], Awaitable[None]]
    monotonic: Callable[[], float]


class Polling:
    """Length of the pauses between requests, and of the whole wait.

    Args:
        timeout: Seconds after which to give up, or None.
        interval: Seconds between two requests; None asks often first, then every 5 s.
        began: When the wait began.

    Attributes:
        silence: Why the service did not answer when it was asked last, if it did not.

    Raises:
        InvalidParameter: A time is not more than 0.
    """

    def __init__(self, timeout: float | None, interval: float | None, began: float) -> None:
        self.timeout = checks.timeout("timeout", timeout)
        self.began = began
        self.silence: TransportError | None = None
        self._interval = checks.timeout("interval", interval)
        self._next = _FIRST_WAIT
        self._stopped_at: str | None = None
        self._stopped_before: str | None = None
        self._warned = False

    def noting(self, operation: Callable[..., Call[T]]) -> Callable[..., Call[T]]:
        """Return an operation whose answers also tell where a virtual clock stands."""

        @functools.wraps(operation)
        def noted(*args: Any, **kwargs: Any) -> Call[T]:
            call = operation(*args, **kwargs)

            def read(answer: Answer) -> T:
                self._stopped_at = answer.headers.get(limits.STOPPED_CLOCK)
                return call.read(answer)

            return msgspec.structs.replace(call, read=read)

        return noted

    def left(self, now: float) -> float:
        """Return the seconds until the time is over."""
        return math.inf if self.timeout is None else self.timeout - (now - self.began)

    def request_timeout(self, now: float) -> float | None:
        """Return the seconds that a request may take which begins now; None: any time."""
        self.silence = None
        return None if self.timeout is None else max(self.left(now), _LAST_REQUEST_SECONDS)

    def tolerate(self, error: TransportError, now: float) -> None:
        """Accept that a request had no answer: the wait goes on, or has reached its timeout.

        Raises:
            TransportError: Another request would bring nothing, or the wait has no timeout.
        """
        is_limited = self.timeout is not None
        # The transport repeats a request by itself. An error that is left after that will not go
        # away, unless it is the limit that this wait has set to the request.
        was_cut_off = is_limited and isinstance(error, TimedOut)
        if self.left(now) > 0 and not was_cut_off:
            raise error
        self.silence = error

    def wait(self, now: float) -> float | None:
        """Return the seconds until the next request, or None if the time is over.

        Warns if a virtual clock stands where it stood at the request before.
        """
        remaining = self.left(now)
        if remaining <= 0:
            return None
        self._check_clock()
        if self._interval is not None:
            return min(self._interval, remaining)
        wait = self._next
        self._next = min(wait * _GROWTH, _LONGEST_WAIT)
        return min(wait, remaining)

    def _check_clock(self) -> None:
        before = self._stopped_before
        now = self._stopped_at
        self._stopped_before = now
        self._stopped_at = None
        # Only the same time twice in a row says that nothing moves the clock.
        stands = before is not None and before == now
        if stands and not self._warned:
            self._warned = True
            warnings.warn(
                VirtualClockStopped.advice, VirtualClockStopped, stacklevel=_level_of_caller()
            )


def _level_of_caller() -> int:
    """Return the ``stacklevel`` that attributes a warning to the code that called the SDK."""
    level = 0
    frame = inspect.currentframe()
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if not module.startswith("fc_async_sdk"):
            break
        level += 1
        frame = frame.f_back
    return level


class ResourceWait(Polling, Generic[T]):
    """One wait for a task or a function: its last state, and the pause before the next request."""

    def __init__(
        self,
        kind: Kind,
        timeout: float | None,
        interval: float | None,
        began: float,
    ) -> None:
        super().__init__(timeout, interval, began)
        self._kind = kind
        self._last: T | None = None
        self.operation = self.noting(kind.operation)

    def done(self, seen: T) -> bool:
        """Tell whether the wait is over."""
        self._last = seen
        return self._kind.judge(seen)

    def missing(self, error: NotFound, now: float) -> None:
        """Accept that a task does not exist yet.

        Raises:
            NotFound: It isn't going to be.
        """
        # A task that was seen once and is not found any more will not come back.
        was_never_seen = isinstance(error, AsyncTaskNotFound) and self._last is None
        is_too_late = now - self.began >= self._kind.patience
        if not was_never_seen or is_too_late:
            raise error

    def wait(self, now: float) -> float:
        """Return the seconds until the next request.

        Raises:
            WaiterError: The time is over.
        """
        wait = super().wait(now)
        if wait is None:
            # A task has a status, a function a state.
            status = getattr(self._last, "status", None) or getattr(self._last, "state", None)
            raise WaiterError(
                f"gave up after {self.timeout:g} s, last seen: {status or 'nothing'}",
                last=self._last,
            ) from self.silence
        return wait
