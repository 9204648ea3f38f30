# SPDX-License-Identifier: MIT
"""The handler's wrapper: runs the handler in its slot, and sends the payload again until then.

Invariants:

- The handler gets the payload byte for byte as it was sent.
- What a delivery sends has an id that all its attempts share: nothing is sent twice.
- A message that has a slot runs in it: one read before the handler tells whether the pace is held.
  A message that is late books again, so that what has piled up does not start at once.
- A message that cannot be sent on fails the attempt, so that the service delivers it again.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from msgspec.structs import replace

from fc_async_sdk._coroutines import is_coroutine_function
from fc_async_sdk._feeding import messages
from fc_async_sdk._feeding.steps import Caller
from fc_async_sdk._pacing import gcra, hop, hosting
from fc_async_sdk._pacing.pace import LONGEST, MAX_HOPS
from fc_async_sdk._pacing.sending import as_json
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.credentials import from_context
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    AsyncTaskNotFound,
    CredentialsError,
    FcAsyncError,
    InvalidParameter,
    InvalidPayload,
    PaceError,
)
from fc_async_sdk.pacing import attempts
from fc_async_sdk.pacing.attempts import Attempts
from fc_async_sdk.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from fc_async_sdk._client import Client
    from fc_async_sdk._feeding.steps import Feeder
    from fc_async_sdk._pacing.hop import Hop
    from fc_async_sdk._pacing.pace import BasePace
    from fc_async_sdk.credentials import Credentials, Static

    H = TypeVar("H", bound=Callable[[Any, Any], Any])

_LOG: Final = logging.getLogger("fc_async_sdk.pacing")
_RETRIES: Final = 10
_LATE: Final = 900_000
"""Microseconds after its slot from which a message is late.

Less than the second that the service waits before it retries, so that a retry is always late.
"""


class RetryLater(Exception):
    """Raised by a handler whose message is to be delivered again at a later time.

    The attempt succeeds: it is not one of the retries of the service.

    Args:
        seconds: From now; or
        at: When, with a time zone.
        reason: For the log and the result of the task.
        limit: How often a message is sent back, at most; then this error fails the attempt.

    Raises:
        InvalidParameter: Neither or both times are given, or one is wrong.
    """

    def __init__(
        self,
        seconds: float | None = None,
        *,
        at: datetime | None = None,
        reason: str = "",
        limit: int = _RETRIES,
    ) -> None:
        if (seconds is None) == (at is None):
            raise InvalidParameter("seconds", seconds, "give either seconds or at")
        if at is not None and getattr(at, "tzinfo", None) is None:
            raise InvalidParameter("at", at, "must be a datetime with a time zone")
        wait: object = seconds  # the text of a header, perhaps
        is_wait = isinstance(wait, (int, float)) and 0 <= wait <= LONGEST
        if seconds is not None and not is_wait:
            raise InvalidParameter("seconds", seconds, "must be a number from 0 to seven days")
        when = f"in {seconds:g} s" if seconds is not None else f"at {at}"
        super().__init__(f"to be delivered again {when}{reason and f': {reason}'}")
        self.seconds = seconds
        self.at = at
        self.reason = reason
        self.limit = limit

    def wait(self, now: float) -> int:
        """Return the whole seconds to wait, 1 or more.

        Raises:
            InvalidParameter: It is after a time that a message can wait for.
        """
        seconds = self.seconds
        if seconds is None:
            assert self.at is not None
            seconds = self.at.timestamp() - now
        if seconds > LONGEST:
            raise InvalidParameter("at", self.at, "must be within seven days") from self
        return max(1, -int(-seconds // 1))


class Arrived(NamedTuple):
    """A message whose time has come.

    Attributes:
        message: The message.
        payload: What the handler gets, of the type of the event.
        part: Microseconds to wait before.
    """

    message: Hop
    payload: bytes | str
    part: int


class _Booked(NamedTuple):
    """A slot that was booked when a message arrived.

    Attributes:
        seconds: Whole seconds until it.
        part: Microseconds to wait in the handler after that.
        spread: A number that differs among messages that arrive together.
        slot: When the handler is to start, in microseconds since the epoch; 0 if it is unpaced.
    """

    seconds: int = 0
    part: int = 0
    spread: int = 0
    slot: int = 0


class Receiver:
    """Decides for each delivery of one handler, and sends on what waits.

    Args:
        pace: The pace; None: messages have no slots.
        books: Whether a message without a slot books one when it arrives.
        read: Returns what the key of the pace is taken from, for a payload and the context.
        feeder: Answers requests about feeds; None: the handler has no feeds.
    """

    def __init__(
        self,
        pace: BasePace | None,
        *,
        books: bool = False,
        read: Callable[[bytes, Any], object] | None = None,
        feeder: Feeder | None = None,
    ) -> None:
        self._pace = pace
        self.books = books
        self._read = read or as_json
        self._feeder = feeder
        self._client: Client | None = None
        self._keys: Static | None = None
        name = "" if pace is None else pace.name
        self._attempts = Attempts(name, self.client_of, qualifier_of)

    def arrive(self, event: bytes | str, context: Any) -> Arrived | dict[str, object]:
        """Return the message, or what the handler returns instead of running.

        Raises:
            PaceError: The store cannot be reached, or the message was sent on too often.
            FcAsyncError: A step of a feed cannot send.
        """
        raw = event.encode("utf-8", "surrogatepass") if isinstance(event, str) else bytes(event)
        request = messages.read(raw)
        if request is not None:
            return self._feed(request, context)
        arrived = self._receive(event, raw, context)
        return arrived if isinstance(arrived, Arrived) else arrived.result()

    def _receive(self, event: bytes | str, raw: bytes, context: Any) -> Arrived | hop.Sent:
        now = hosting.now()
        message = hop.read(raw)
        if message is None:
            message = hop.Hop(payload=envelopes.content(raw), booked=not self.books)
        sent_before = self._sent_before(message, context)
        if sent_before is not None:
            return sent_before
        booked = _Booked(hop.remaining(message, now), message.part)
        pace = self._pace
        if pace is not None:
            self._attempts.check(message, context)
        # Booked only when its wait is over: a message that RetryLater has sent back would hold a
        # slot of now that it cannot use.
        if pace is not None and not booked.seconds and self._needs_slot(pace, message, context):
            booked = self._book(pace, message, context)
            message = replace(
                message,
                booked=True,
                part=booked.part,
                slot=booked.slot,
            )
            if booked.seconds:
                message = replace(message, tries=self._attempts.used(message, context))
        if booked.seconds:
            return self._send(message, booked.seconds, context, spread=booked.spread)
        payload = message.payload.open()
        event_payload = payload.decode() if isinstance(event, str) else payload
        return Arrived(message, event_payload, self._part(message))

    def _sent_before(self, message: Hop, context: Any) -> hop.Sent | None:
        """Return the message that an attempt before this one has sent on, if it has sent one.

        Its instance may have ended before the service had the answer: the handler would run for
        both messages.
        """
        if not attempts.number(context):
            return None  # the first attempt, or the runtime does not tell
        next_id = hop.next_id(replace(message, count=message.count + 1), context.request_id)
        try:
            self.client_of(context).get_async_task(
                context.function.name, next_id, qualifier=qualifier_of(context)
            )
        except AsyncTaskNotFound:
            return None
        except FcAsyncError as error:
            _LOG.warning("whether %s was sent before is not known: %s", next_id, error)
            return None
        return hop.Sent(next_id, 0, "sent by an attempt before")

    def failed(self, message: Hop, context: Any, error: BaseException) -> None:
        """Note an error of the handler."""
        self._attempts.failed(message, context, error)

    def _part(self, message: Hop) -> int:
        """Return the microseconds to wait in the handler: fewer if the message came late."""
        if self._pace is None or not message.slot or not message.part:
            return message.part
        return min(message.part, max(0, message.slot - self._pace.now()))

    def later(self, message: Hop, asked: RetryLater, context: Any) -> hop.Sent:
        """Send a message again because the handler asked for it.

        Raises:
            RetryLater: It was sent back as often as it may be.
        """
        if message.retries >= asked.limit:
            raise asked
        again = replace(
            message,
            retries=message.retries + 1,
            booked=False,
            part=0,
            slot=0,
            tries=0,
        )
        sent = self._send(again, asked.wait(hosting.now()), context, reason=asked.reason)
        return replace(sent, handled=True)

    def wait_on(self, message: Hop, seconds: int, context: Any, reason: str) -> hop.Sent:
        """Send a message again because others of its key come first; the handler did not run.

        Raises:
            FcAsyncError: It could not be sent.
        """
        waits = message.turn.waits + 1
        waiting = replace(message, turn=replace(message.turn, waits=waits))
        return self._send(waiting, seconds, context, reason=reason)

    def _feed(self, request: messages.Request, context: Any) -> dict[str, object]:
        if self._feeder is None:
            return messages.Answer(error="the handler has no feeds: @handler(…, pace=…)").result()
        caller = Caller(self.client_of(context), context, qualifier_of(context))
        return self._feeder.answer(request, caller)

    def _needs_slot(self, pace: BasePace, message: Hop, context: Any) -> bool:
        """Return whether a message books a slot: it has none, is late, or its pace is held."""
        if not message.booked:
            return True
        now = pace.now()
        if self._is_late(message, now, context):
            return True
        try:
            key = self._key_of(pace, message, context)
            held_until = pace.held_until(key=key, now=now)
        except InvalidPayload:
            return False  # the handler refuses it
        except (InvalidParameter, PaceError) as error:
            # It has its slot. A failure would use up an attempt of a message that is in time,
            # because the store is away or because the key needs another type of payload.
            _LOG.warning("a message is handled though its pace may be held: %s", error)
            return False
        return held_until > now + message.part

    def _is_late(self, message: Hop, now: int, context: Any) -> bool:
        if not message.slot or now <= message.slot + _LATE:
            return False
        if attempts.number(context) is not None:
            return True
        # A retry and a message that was never run look alike: at last the service's retries go on.
        return message.tries < self._attempts.most(context)

    def _key_of(self, pace: BasePace, message: Hop, context: Any) -> object:
        """Return what a message shares its pace with.

        Raises:
            InvalidPayload: The payload is not of the handler's type.
        """
        if not pace.keyed:
            return None
        return pace.key_of(self._read(message.payload.open(), context))

    def _book(self, pace: BasePace, message: Hop, context: Any) -> _Booked:
        """Book the next slot; none if the message goes unpaced."""
        try:
            key = self._key_of(pace, message, context)
        except InvalidPayload:
            return _Booked()  # the handler refuses it
        now = pace.now()
        try:
            slots = pace.book(key=key, now=now, max_hops=MAX_HOPS)
        except PaceError as error:
            if pace.on_store_error == "fail":
                raise
            _LOG.warning("a message is handled unpaced: %s", error)
            return _Booked()
        slot = slots.at(0)
        seconds, part = gcra.split(slot, now)
        if not pace.smooth:
            # Less than a second early or late is the precision of a delay.
            part = 0
            if seconds:
                seconds = gcra.whole_seconds(slot, now)
        spread = max(1, slot // slots.interval)
        return _Booked(seconds, part, spread, gcra.begin(now, seconds, part))

    def _send(
        self,
        message: Hop,
        seconds: int,
        context: Any,
        *,
        spread: int = 0,
        reason: str = "",
    ) -> hop.Sent:
        delay, following = hop.onward(message, seconds, hosting.now(), spread=spread)
        # A message that is sent on without end would be billed without end.
        if following.count > MAX_HOPS + following.retries + following.turn.waits:
            name = "of no name" if self._pace is None else self._pace.name
            raise PaceError(name, f"the message was sent on {MAX_HOPS} times")
        sent = hop.Sent(hop.next_id(following, context.request_id), delay, reason)
        name = context.function.name
        was_sent = True
        # Refused if an earlier attempt of this delivery has sent it: the message goes on there.
        with contextlib.suppress(AsyncTaskAlreadyExists):
            accepted = self.client_of(context).invoke_async(
                name,
                following.encode(),
                delay=delay,
                task_id=sent.next,
                qualifier=qualifier_of(context),
                headers=_trace(context),
            )
            was_sent = accepted.duplicate
        _LOG.info(
            "%s of %s waits on for %d s%s%s",
            sent.next,
            name,
            seconds,
            " (sent before)" if was_sent else "",
            reason and f": {reason}",
        )
        return sent

    def client_of(self, context: Any) -> Any:
        """Return the client with which messages are sent, with the keys of the context."""
        host = hosting.current()
        if host is not None:
            return host.client
        # A context without keys: the runtime has put them into the environment, where the chain
        # of a session without credentials finds them.
        with contextlib.suppress(CredentialsError):
            self._keys = from_context(context)
        # Made once for an instance: a client keeps its connections from one delivery to the next.
        if self._client is None:
            provider = None if self._keys is None else self._newest_keys
            session = Session(
                region_name=getattr(context, "region", None) or None,
                account_id=getattr(context, "account_id", None) or None,
                credentials=provider,
            )
            self._client = session.client()
        return self._client

    def _newest_keys(self) -> Credentials:
        """Return those of the newest context for each request: the keys of a role change."""
        assert self._keys is not None
        return self._keys()


def qualifier_of(context: Any) -> str | None:
    """Return the version or alias by which a function was called; None is LATEST."""
    service = getattr(context, "service", None) or context.function
    return getattr(service, "qualifier", None) or None


def _trace(context: Any) -> dict[str, str] | None:
    """Return the header that gives the next message the trace of this one; None without a trace."""
    span = getattr(getattr(context, "tracing", None), "span_context", None)
    # github.com/aliyun/fc-java-sdk, HeaderKeys.java; runtimes show it as context.tracing
    return {"x-fc-tracing-opentracing-span-context": span} if span else None


def wrap(function: H, receiver: Receiver) -> H:
    """Return a handler that a receiver decides for; a coroutine function stays one."""
    make = _asynchronous if is_coroutine_function(function) else _synchronous
    wrapper = functools.wraps(function)(make(function, receiver))
    # A runtime in the process of a test runs a marked handler in a thread, because it calls the
    # runtime while it runs.
    setattr(wrapper, hosting.MARK, True)
    setattr(wrapper, hosting.BOOKS, receiver.books)
    return cast("H", wrapper)


def _synchronous(
    function: Callable[[Any, Any], Any], receiver: Receiver
) -> Callable[[Any, Any], Any]:
    def wrapper(event: Any, context: Any) -> Any:
        if not isinstance(event, (bytes, bytearray, memoryview, str)):
            return function(event, context)
        arrived = receiver.arrive(cast("Any", event), context)
        if isinstance(arrived, dict):
            return arrived
        if arrived.part:
            host = hosting.current()
            (host.sleep if host is not None else time.sleep)(arrived.part / gcra.SECOND)
        try:
            return function(arrived.payload, context)
        except RetryLater as asked:
            return receiver.later(arrived.message, asked, context).result()
        except Exception as error:
            receiver.failed(arrived.message, context, error)
            raise

    return wrapper


def _asynchronous(
    function: Callable[[Any, Any], Any], receiver: Receiver
) -> Callable[[Any, Any], Any]:
    import asyncio  # noqa: PLC0415 -- imports are billed, and most handlers are not coroutines

    async def wrapper(event: Any, context: Any) -> Any:
        if not isinstance(event, (bytes, bytearray, memoryview, str)):
            return await function(event, context)
        # Stores and clients are synchronous: a request must not block the event loop.
        arrived = await asyncio.to_thread(receiver.arrive, cast("Any", event), context)
        if isinstance(arrived, dict):
            return arrived
        if arrived.part:
            host = hosting.current()
            await (host.wait if host is not None else asyncio.sleep)(arrived.part / gcra.SECOND)
        try:
            return await function(arrived.payload, context)
        except RetryLater as asked:
            sent = await asyncio.to_thread(receiver.later, arrived.message, asked, context)
            return sent.result()
        except Exception as error:
            receiver.failed(arrived.message, context, error)
            raise

    return wrapper
