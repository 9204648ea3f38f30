# SPDX-License-Identifier: MIT
"""The wrappers of a handler that let a message in, or send it on until it may come in.

Invariants:

- A gate is outside of the wrapper of a pace: what it sends on has no slot that would pass.
- The handler runs only after the gate has let its message in.
- What a delivery sends has an id that all its attempts share: nothing is sent twice.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar, cast

from msgspec.structs import replace

from fc_async_sdk._coroutines import is_coroutine_function
from fc_async_sdk._ordering.concurrency import Wait
from fc_async_sdk._ordering.debounce import Ended, Later
from fc_async_sdk._ordering.leases import Superseded
from fc_async_sdk._ordering.rows import MARGIN_MS
from fc_async_sdk._pacing import hop, hosting
from fc_async_sdk._pacing.sending import as_json
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.errors import AsyncInvocationStopped, AsyncTaskNotFound, InvalidPayload
from fc_async_sdk.models import TERMINAL_STATUSES
from fc_async_sdk.pacing.receiving import Receiver, qualifier_of, wrap
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk._ordering.concurrency import BaseConcurrency, Held
    from fc_async_sdk._ordering.debounce import BaseDebounce, Taken
    from fc_async_sdk._ordering.leases import Lease
    from fc_async_sdk._pacing.hop import Hop

    H = TypeVar("H", bound=Callable[[Any, Any], Any])

_LOG: Final = logging.getLogger("fc_async_sdk.ordering")
_RENEWED_SECONDS: Final = 600
"""Lateness of a message after which its patience begins anew."""

_PAGES: Final = 20
"""Pages of tasks in which a run is looked for that is to be stopped."""
_TAKEN: Final = "*"
"""Window of a message that goes on with the payload of the last."""


class Entered(NamedTuple):
    """A message that the gate has let in.

    Attributes:
        event: What the wrapped handler gets.
        held: What :meth:`Gate.leave` gives back; None: nothing.
    """

    event: Any
    held: Any = None


class Gate(Protocol):
    """Decides whether a delivery runs the handler."""

    def enter(self, event: Any, context: Any) -> Entered | dict[str, object]:
        """Return the message, or the result of a delivery that does not run the handler."""
        ...

    def leave(self, held: Any, result: object) -> None:
        """Note that the handler has returned."""
        ...

    def fail(self, held: Any) -> None:
        """Note that the handler has failed."""
        ...


def arrived(event: Any, *, booked: bool) -> tuple[Hop, Callable[[Hop], Any]]:
    """Return the message of an event, and a function that returns an event of the same type."""
    raw = event.encode("utf-8", "surrogatepass") if isinstance(event, str) else bytes(event)
    message = hop.read(raw)
    if message is None:
        message = hop.Hop(payload=envelopes.content(raw), booked=booked)

    def make(following: Hop) -> Any:
        data = following.encode()
        return data.decode() if isinstance(event, str) else data

    return message, make


class ConcurrencyGate:
    """The gate of a :class:`~fc_async_sdk.ordering.Concurrency`.

    Args:
        concurrency: The limit.
        handler: What runs behind the gate: the wrapper of a pace, or of a handler without one.
        read: Returns what the key is taken from, for a payload and the context; None: JSON values.
    """

    def __init__(
        self,
        concurrency: BaseConcurrency,
        handler: Callable[[Any, Any], Any],
        read: Callable[[bytes, Any], object] | None,
    ) -> None:
        self._concurrency = concurrency
        self._booked = not getattr(handler, hosting.BOOKS, False)
        self._read = read or as_json
        self._sender = Receiver(None)

    def enter(self, event: Any, context: Any) -> Entered | dict[str, object]:
        """Return the message if there is room for it, or what was sent instead.

        Raises:
            OrderingError: The store cannot be reached, or the message has waited for too long.
            FcAsyncError: The message could not be sent on.
        """
        message, make = arrived(event, booked=self._booked)
        now = hosting.now()
        if hop.remaining(message, now):
            return Entered(event)  # it waits for a time, and the wrapper behind sends it on
        try:
            key = self._concurrency.key_of(self._read(message.payload.open(), context))
        except InvalidPayload:
            return Entered(event)  # the handler refuses it, and does no work
        turn = _renewed(message, now)
        standing = self._concurrency.enter(
            key, context, ticket=turn.ticket, waits=turn.waits, since=turn.since
        )
        if isinstance(standing, Superseded):
            return skipped(self._concurrency.name, "a later message of the key has begun")
        if not isinstance(standing, Wait):
            # Also a message that had no ticket goes on with the one that it has got.
            let_in = replace(message, turn=replace(turn, ticket=standing.lease.ticket, since=0))
            is_same = message.turn == let_in.turn
            return Entered(event if is_same else make(let_in), standing)
        if self._concurrency.mode == "skip":
            _LOG.info("%s is skipped: %s", context.request_id, standing.reason)
            return skipped(self._concurrency.name, standing.reason)
        if self._concurrency.mode == "cancel":
            for lease in standing.running:
                self._cancel(lease, key, context)
        waiting = replace(turn, ticket=standing.ticket, since=turn.since or round(now, 3))
        following = replace(message, turn=waiting)
        sent = self._sender.wait_on(following, standing.seconds, context, standing.reason)
        return sent.result()

    def _cancel(self, lease: Lease, key: object, context: Any) -> None:
        """Stop the task of a run, and end its lease when it is seen to have ended."""
        client = self._sender.client_of(context)
        name = context.function.name
        qualifier = qualifier_of(context)
        token: str | None = None
        for _ in range(_PAGES):
            page = client.list_async_tasks(
                name,
                qualifier=qualifier,
                sort_order_by_time="desc",
                started_time_begin=max(0, lease.began - MARGIN_MS),
                limit=limits.PAGE_SIZE.high,
                next_token=token,
            )
            token = page.next_token
            for task in page.tasks:
                if task.request_id != lease.holder:
                    continue
                if task.status in TERMINAL_STATUSES:
                    self._concurrency.drop(key, lease)
                elif task.status != "Stopping":
                    with contextlib.suppress(AsyncTaskNotFound, AsyncInvocationStopped):
                        client.stop_async_task(name, task.task_id, qualifier=qualifier)
                return
            if not token:
                return  # it is not listed yet

    def leave(self, held: Held, result: object) -> None:
        """Give the lease back."""
        again = sent_again(result)
        if again is None:
            self._concurrency.leave(held)
        else:
            self._concurrency.send_back(held, again.seconds)

    def fail(self, held: Held) -> None:
        """Give the lease back, and expect the message again."""
        self._concurrency.send_back(held)


class DebounceGate:
    """The gate of a :class:`~fc_async_sdk.ordering.Debounce`.

    Args:
        debounce: The debounce.
        read: Returns what the key is taken from, for a payload and the context; None: JSON values.
    """

    def __init__(
        self,
        debounce: BaseDebounce,
        read: Callable[[bytes, Any], object] | None,
    ) -> None:
        self._debounce = debounce
        self._read = read or as_json
        self._sender = Receiver(None)

    def enter(self, event: Any, context: Any) -> Entered | dict[str, object]:
        """Return the last message of its window, or the result of a delivery that does not run.

        Raises:
            OrderingError: The store cannot be reached.
            FcAsyncError: The message could not be sent on.
        """
        message, make = arrived(event, booked=True)
        if message.turn.window == _TAKEN or hop.remaining(message, hosting.now()):
            return Entered(event)
        try:
            key = self._debounce.key_of(self._read(message.payload.open(), context))
        except InvalidPayload:
            return Entered(event)  # the handler refuses it, and does no work
        if not message.turn.window:
            joined = self._join(message, key, context)
            if isinstance(joined, dict):
                return joined
            message = joined
        window = message.turn.window
        standing = self._debounce.take(key, window, message.payload, context)
        if isinstance(standing, Ended):
            return skipped(self._debounce.name, "its window has run")
        if isinstance(standing, Later):
            return self._wait(message, standing.seconds, context)
        run = standing.run
        _LOG.info("%s runs with the last of %d messages", context.request_id, run.calls)
        # Without a slot: the time at which it was sent was not that of its run.
        let_in = replace(
            message,
            payload=run.payload,
            turn=replace(message.turn, window=_TAKEN),
            booked=False,
        )
        return Entered(make(let_in), standing)

    def leave(self, held: Taken, result: object) -> None:  # noqa: ARG002 -- as a gate has it
        """Note that the window has run, or goes on as a message of its own."""
        self._debounce.end(held)

    def fail(self, held: Taken) -> None:
        """Do nothing: the next attempt runs with the same payload."""

    def _join(self, message: Hop, key: object, context: Any) -> Hop | dict[str, object]:
        """Note a message that was sent without a window; return it if it carries one, and runs."""
        debounce = self._debounce
        window = debounce.offer(key, message.payload, context.request_id)
        carried = replace(message, turn=replace(message.turn, window=window.id))
        seconds = debounce.seconds(window)
        is_mine = window.id == context.request_id
        if is_mine and not seconds:
            return carried
        if window.sent and not is_mine:
            reason = "a message of the same window runs with the payload of the last"
            return skipped(debounce.name, reason)
        result = self._wait(carried, max(1, seconds), context)
        debounce.confirm(key, window)
        return result

    def _wait(self, message: Hop, seconds: int, context: Any) -> dict[str, object]:
        sent = self._sender.wait_on(message, seconds, context, f"{self._debounce.name}: quiet")
        return sent.result()


def _renewed(message: Hop, now: float) -> hop.Turn:
    """Return what a message has taken along; of one that is sent again much later, a new wait."""
    turn = message.turn
    # Its patience was over, and it is sent again from the failure destination: it would
    # fail at once if it still counted from the first delivery.
    if message.due and now - message.due > _RENEWED_SECONDS:
        return replace(turn, since=0)
    return turn


def sent_again(result: object) -> hop.Sent | None:
    """Return the message that a wrapped handler has sent instead of an end, or None."""
    if not isinstance(result, dict) or envelopes.HOP not in result:
        return None
    details = result[envelopes.HOP]
    return hop.Sent(details["next"], details["seconds"])


def skipped(name: str, reason: str) -> dict[str, object]:
    """Return the result of a delivery that ends without a run, and is not sent again."""
    return {envelopes.SKIPPED: {"by": name, "reason": reason}}


def guard(handler: H, make: Callable[[Callable[[Any, Any], Any]], Gate]) -> H:
    """Return a handler behind a gate; a coroutine function stays one."""
    inner: Callable[[Any, Any], Any] = handler
    if not getattr(handler, hosting.MARK, False):
        # Opens the messages that the gate has sent on, and serves RetryLater.
        inner = wrap(handler, Receiver(None))
    gate = make(inner)
    decorate = _asynchronous if is_coroutine_function(handler) else _synchronous
    wrapper = functools.wraps(handler)(decorate(inner, gate))
    setattr(wrapper, hosting.MARK, True)
    setattr(wrapper, hosting.BOOKS, getattr(inner, hosting.BOOKS, False))
    return cast("H", wrapper)


def _is_sent(event: object) -> bool:
    # A test calls the handler with an object of the type.
    return isinstance(event, (bytes, bytearray, memoryview, str))


def _synchronous(inner: Callable[[Any, Any], Any], gate: Gate) -> Callable[[Any, Any], Any]:
    def wrapper(event: Any, context: Any) -> Any:
        if not _is_sent(event):
            return inner(event, context)
        entered = gate.enter(event, context)
        if isinstance(entered, dict):
            return entered
        if entered.held is None:
            return inner(entered.event, context)
        try:
            result = inner(entered.event, context)
        except BaseException:
            gate.fail(entered.held)
            raise
        gate.leave(entered.held, result)
        return result

    return wrapper


def _asynchronous(inner: Callable[[Any, Any], Any], gate: Gate) -> Callable[[Any, Any], Any]:
    import asyncio  # noqa: PLC0415 -- imports are billed, and most handlers are not coroutines

    async def wrapper(event: Any, context: Any) -> Any:
        if not _is_sent(event):
            return await inner(event, context)
        # Stores and clients are synchronous: a request must not block the event loop.
        entered = await asyncio.to_thread(gate.enter, event, context)
        if isinstance(entered, dict):
            return entered
        if entered.held is None:
            return await inner(entered.event, context)
        try:
            result = await inner(entered.event, context)
        except BaseException:
            await asyncio.to_thread(gate.fail, entered.held)
            raise
        await asyncio.to_thread(gate.leave, entered.held, result)
        return result

    return wrapper
