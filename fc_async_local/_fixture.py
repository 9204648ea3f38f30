# SPDX-License-Identifier: MIT
"""Parts of the fixture ``fc_local``: its client, handlers that send, failures for the report.

Invariants:

- The event loop of the runtime is not blocked: it answers what a handler sends.
- Virtual time does not pass while a handler runs, except while it waits for that time.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from bisect import bisect_left
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_sdk import Config, _endpoint, _runtimes, waiters
from fc_async_sdk._client import Client
from fc_async_sdk._coroutines import is_coroutine_function
from fc_async_sdk._feeding import messages
from fc_async_sdk._pacing import hop
from fc_async_sdk._pacing.hosting import MARK, Host
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.credentials import Static
from fc_async_sdk.errors import AttemptsUsedUp
from fc_async_sdk.events.error_documents import error_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.embedded import LocalRuntime
    from fc_async_local.execution.protocol import Attempt

    Handler = Callable[[bytes, Any], Any]

_KEPT: Final = 20
"""A test that retries for hours has thousands; the newest ones explain it."""


class _Failure(NamedTuple):
    function: str
    request_id: str
    number: int
    payload: bytes


class Executions:
    """Starts of functions in one runtime, and the attempts that failed.

    Attributes:
        failed: The attempts that ended with an error of their function.
    """

    def __init__(self) -> None:
        self.failed = FailedAttempts()
        self._starts: dict[str, Counter[int]] = {}  # by function, how many began at a time

    def began(self, attempt: Attempt, at: int) -> None:
        """Note an execution; it counts while its outcome is not known."""
        starts = self._starts.setdefault(attempt.deployment.function, Counter())
        starts[at] += 1

    def ended(self, attempt: Attempt, at: int, outcome: Outcome) -> None:
        """Note an outcome; forget the start if no handler ran."""
        if not _has_run(outcome):
            self._starts[attempt.deployment.function][at] -= 1
        self.failed.note(attempt, outcome)

    def most_within(self, function: str, length: int) -> int:
        """Return how many executions of a function began within any span of time, at most.

        Args:
            function: Its name.
            length: Milliseconds of the span.
        """
        starts = sorted(self._starts.get(function, Counter()).elements())
        most = 0
        for index, start in enumerate(starts):
            end = bisect_left(starts, start + length)
            most = max(most, end - index)
        return most


def _has_run(outcome: Outcome) -> bool:
    """Return whether an attempt with this outcome has run its handler."""
    # A throttled attempt has no instance: the function did not get it.
    if not outcome.instance_id:
        return False
    if outcome.kind is not OutcomeKind.SUCCESS:
        return not _is_used_up(outcome.payload)
    if messages.is_answer(outcome.payload):
        return False
    envelope = envelopes.read(outcome.payload)
    if envelope is not None and envelope.name == envelopes.SKIPPED:
        return False
    next_message = hop.sent(outcome.payload)
    return next_message is None or next_message.handled


def _is_used_up(payload: bytes) -> bool:
    """Return whether the wrapper of a paced handler has failed an attempt by itself."""
    try:
        error = msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return False
    return isinstance(error, dict) and error.get("errorType") == AttemptsUsedUp.__name__


class FailedAttempts:
    """The attempts of one runtime that ended with an error of their function."""

    def __init__(self) -> None:
        self._newest: deque[_Failure] = deque(maxlen=_KEPT)
        self._count = 0

    def note(self, attempt: Attempt, outcome: Outcome) -> None:
        """Note an attempt if its function failed."""
        if outcome.kind is OutcomeKind.FUNCTION_ERROR:
            self._count += 1
            failure = _Failure(
                attempt.deployment.function, attempt.request_id, attempt.number, outcome.payload
            )
            self._newest.append(failure)

    def report(self) -> str:
        """Return one paragraph for each failed attempt, "" if there is none.

        Equal errors of several attempts of one invocation are shown once.
        """
        paragraphs: dict[tuple[str, str, bytes], list[_Failure]] = {}
        for attempt in self._newest:
            paragraphs.setdefault(
                (attempt.function, attempt.request_id, attempt.payload), []
            ).append(attempt)
        shown = [_paragraph(failures) for failures in paragraphs.values()]
        left_out = self._count - len(self._newest)
        if left_out:
            shown.insert(0, f"({left_out} earlier failures are not shown)")
        return "\n\n".join(shown)


def _paragraph(failures: list[_Failure]) -> str:
    first = failures[0]
    last = failures[-1]
    attempts = (
        f"attempt {first.number + 1}"
        if first is last
        else f"attempts {first.number + 1} to {last.number + 1}"
    )
    # A custom runtime answers what it likes.
    lines = error_lines(first.payload) or [first.payload.decode(errors="replace")]
    text = "\n".join(lines)
    return f"{first.function}, request {first.request_id}, {attempts}:\n{text}"


def sends(handler: Handler) -> bool:
    """Return whether a handler may send messages while it runs."""
    return bool(getattr(handler, MARK, False))


def host_of(runtime: LocalRuntime, client: Client) -> Host:
    """Return a runtime and its time, as handlers see them."""

    async def wait(seconds: float) -> None:
        await runtime.clock.wait(runtime.now() + max(1, round(seconds * 1_000)))

    def sleep(seconds: float) -> None:
        runtime.call(wait(seconds))

    return Host(client, lambda: runtime.now() / 1_000, wait, sleep)


async def run(handler: Handler, event: bytes, context: Any) -> Any:
    """Run a handler; in a thread of its own, unless it is a coroutine function."""
    if is_coroutine_function(handler):
        return await handler(event, context)
    inherited = contextvars.copy_context()
    # Not in the executor of the loop: its threads are few, and handlers may wait for virtual time.
    thread = ThreadPoolExecutor(1, "handler")
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(thread, lambda: inherited.run(handler, event, context))
    finally:
        thread.shutdown(wait=False)


def connect(runtime: LocalRuntime) -> Client:
    """Return a client of a runtime; close it, or use it as a context manager.

    On a virtual clock its waiters move the clock. Otherwise a test that waits for a task would
    sleep until its timeout, because the time of the runtime stands still.
    """

    def now() -> float:
        return runtime.now() / 1000

    class VirtualClient(Client):
        """A :class:`Client` for which a wait of a minute is over at once."""

        def _port(self) -> waiters.Port:
            return waiters.Port(self._perform_now, self.fan_out, runtime.advance, now)

    addresses = runtime.addresses
    endpoint = _endpoint.parse(runtime.endpoint)
    return VirtualClient(
        endpoint,
        Static(_runtimes.credentials(endpoint, os.environ)),
        Config(),
        region_name=addresses.region,
        account_id=addresses.account_id,
    )
