# SPDX-License-Identifier: MIT
"""Decorators that give the handler of a function a typed event.

Invariants:

- What cannot be read does not reach the handler.
- A coroutine function stays one.
"""

from __future__ import annotations

import functools
import logging
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Literal,
    NamedTuple,
    Protocol,
    TypeAlias,
    TypeVar,
    overload,
)

import msgspec

from fc_async_sdk._coroutines import is_coroutine_function
from fc_async_sdk._payloads import claims, envelopes, values
from fc_async_sdk.errors import InvalidParameter, InvalidPayload
from fc_async_sdk.events import wire
from fc_async_sdk.events.document import DestinationEvent, parse
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk._payloads.claims import PayloadStore

T = TypeVar("T")
R = TypeVar("R")
H = TypeVar("H", bound="Callable[[Any, Any], Any]")
Decorator: TypeAlias = "Callable[[Any], Any]"

_ROOM: Final = min(kind.payload_bytes for kind in KINDS.values()) // 4 * 3 - 2048
"""Bytes of request and result in a destination event that the smallest kind takes as base64."""
_SMALL: Final = 1024
"""Bytes of a result that a claim would not make smaller."""
_SHARE: Final = 4
"""The memory of a function is this many times the largest payload: decoded values need more."""

_EXAMPLES: Final = {
    "pace": 'a pace, such as Pace("crm", "25/s")',
    "debounce": 'a debounce, such as Debounce("reply", 3)',
    "concurrency": 'a limit, such as Concurrency("talk", 1)',
}

_log: Final = logging.getLogger("fc_async_sdk")


@overload
def destination_handler(
    handler: Callable[[DestinationEvent, Any], R],
) -> Callable[[Any, Any], R]: ...
@overload
def destination_handler(
    *, deferred: bool
) -> Callable[[Callable[[DestinationEvent, Any], R]], Callable[[Any, Any], R]]: ...
def destination_handler(
    handler: Callable[[DestinationEvent, Any], Any] | None = None,
    *,
    deferred: bool = False,
) -> Any:
    """Turn ``handler(event, context)`` into one that is called with a :class:`DestinationEvent`.

    A coroutine function stays one. An event that cannot be read raises
    :class:`~fc_async_sdk.errors.InvalidEvent` before the handler runs.

    Args:
        handler: The handler.
        deferred: Whether the handler gets the events of messages that go on in another task, too:
            those whose ``deferred`` is not "". Otherwise they are skipped, and the result is None.

    Example::

        @destination_handler
        def handler(event: DestinationEvent, context) -> None:
            if not event.succeeded:
                alert(event.function, event.response.text())
    """
    if handler is None:
        return lambda function: _destination_handler(function, deferred=deferred)
    return _destination_handler(handler, deferred=deferred)


def _destination_handler(
    handler: Callable[[DestinationEvent, Any], Any], *, deferred: bool
) -> Callable[[Any, Any], Any]:
    def wanted(event: Any) -> DestinationEvent | None:
        # A test calls the function with an event that it has built.
        read = event if isinstance(event, DestinationEvent) else parse(event)
        if read.deferred and not deferred:
            _log.info("request %s goes on as %s", read.request_id, read.deferred)
            return None
        return read

    def synchronous(event: Any, context: Any) -> Any:
        read = wanted(event)
        return None if read is None else handler(read, context)

    async def asynchronous(event: Any, context: Any) -> Any:
        read = wanted(event)
        return None if read is None else await handler(read, context)

    wrapper: Any = asynchronous if is_coroutine_function(handler) else synchronous
    return functools.wraps(handler)(wrapper)


class Policy(Protocol):
    """Used part of a :class:`~fc_async_sdk.pacing.Pace` and the policies of messages like it."""

    def wrap(self, handler: H, *, read: Callable[[bytes, Any], object] | None = None) -> H:
        """Return a handler that runs when the policy allows it."""
        ...


class Paces(Protocol):
    """Used part of a :class:`~fc_async_sdk.pacing.Pace`."""

    def wrap(
        self,
        handler: H,
        *,
        read: Callable[[bytes, Any], object] | None = None,
        large: PayloadStore | None = None,
    ) -> H:
        """Return a handler that waits for its slot, and answers requests about feeds."""
        ...


@overload
def handler(
    kind: type[T],
    *,
    retry_invalid: Literal[True] = ...,
    debounce: Policy | None = ...,
    concurrency: Policy | None = ...,
    pace: Paces | None = ...,
    idempotent: Decorator | None = ...,
    large: PayloadStore | None = ...,
) -> Callable[[Callable[[T, Any], R]], Callable[[Any, Any], R]]: ...
@overload
def handler(
    kind: type[T],
    *,
    retry_invalid: Literal[False],
    debounce: Policy | None = ...,
    concurrency: Policy | None = ...,
    pace: Paces | None = ...,
    idempotent: Decorator | None = ...,
    large: PayloadStore | None = ...,
) -> Callable[[Callable[[T, Any], R]], Callable[[Any, Any], R | dict[str, str]]]: ...
def handler(
    kind: type[T],
    *,
    retry_invalid: bool = True,
    debounce: Policy | None = None,
    concurrency: Policy | None = None,
    pace: Paces | None = None,
    idempotent: Decorator | None = None,
    large: PayloadStore | None = None,
) -> Callable[[Callable[[T, Any], Any]], Callable[[Any, Any], Any]]:
    """Turn ``handler(order, context)`` into one that is called with the bytes of an event.

    Example::

        @handler(Order)
        def resize(order: Order, context) -> Thumbnail: ...

    The payload of the invocation is decoded into ``kind``. Objects of declared types in what the
    handler returns become dicts, which the runtime of the service writes as JSON. A test can call
    the function with an object of the type instead of bytes, and gets what the handler returned.

    Args:
        kind: A msgspec Struct, a dataclass, a TypedDict, a class with ``model_validate_json``
            (pydantic), or a type made of these.
        retry_invalid: Whether a payload that does not fit raises
            :class:`~fc_async_sdk.errors.InvalidPayload`, so that the service executes it again as
            often as it is configured. False: the error is logged and returned as
            ``{"errorType": ..., "errorMessage": ...}``. The invocation then counts as succeeded,
            is not executed again, and what was returned goes to the success destination.
        debounce: A :class:`~fc_async_sdk.ordering.Debounce`: of messages that come shortly after
            one another, only the last runs.
        concurrency: A :class:`~fc_async_sdk.ordering.Concurrency`: so many messages of a key run
            at a time.
        pace: A :class:`~fc_async_sdk.pacing.Pace`: the handler runs in the slot that the sender has
            booked, also if the message waits for longer than an hour, and may raise
            :class:`~fc_async_sdk.pacing.RetryLater`.
        idempotent: The work of a key is done once: ``idempotent(store, key=by_field("id"))`` of
            :mod:`fc_async_sdk.idempotency`, as it stands alone, too.
        large: Store from which payloads are read that came as claims, see
            :mod:`fc_async_sdk.payloads`; what cannot be read raises a
            :class:`~fc_async_sdk.errors.LargePayloadError`, so that the invocation is retried. A
            result is written to it if an event with the request and the result would be over the
            limit of a queue of MNS, which is the smallest; what is returned then is a claim.

    Raises:
        InvalidParameter: JSON cannot be read as this type, or ``large`` is not a store.
    """
    values.check_type("kind", kind)
    claims.check(large)
    # The innermost first: a message that a policy sends on has not used what the ones behind it
    # would have given it. docs/how-to/order.md has the table with the reasons.
    policies = (("pace", pace), ("concurrency", concurrency), ("debounce", debounce))
    for name, policy in policies:
        if policy is not None and not callable(getattr(policy, "wrap", None)):
            raise InvalidParameter(name, policy, f"must be {_EXAMPLES[name]}")

    if idempotent is not None and not callable(idempotent):
        raise InvalidParameter("idempotent", idempotent, "must be such as idempotent(store)")
    reader = _Reader(kind, large, retry_invalid)

    def decorate(function: Callable[[T, Any], Any]) -> Callable[[Any, Any], Any]:
        # Innermost: what was only sent on has no result that a repeat may get.
        if idempotent is not None:
            function = idempotent(function)
        wrap = _asynchronous if is_coroutine_function(function) else _synchronous
        wrapped = functools.wraps(function)(wrap(function, reader))
        for _, policy in policies:
            if policy is None:
                continue
            if pace is not None and policy is pace:
                # The wrapper of a pace runs the steps of feeds, whose batches are in that store.
                wrapped = pace.wrap(wrapped, read=reader.read, large=large)
            else:
                wrapped = policy.wrap(wrapped, read=reader.read)
        return wrapped

    return decorate


class _Reader(NamedTuple):
    """Options of a typed handler, by which its events are read and its results are written."""

    kind: Any
    large: PayloadStore | None
    retry_invalid: bool

    def read(self, event: object, context: object) -> Any:
        """Return the event as a value of the type, as :meth:`value` does."""
        return self.value(event, context)[0]

    def value(self, event: object, context: object) -> tuple[Any, bytes | None]:
        """Return the event as a value of the type, and its bytes if the service sent it.

        Raises:
            InvalidPayload: It does not fit.
            LargePayloadError: It is a claim that cannot be read.
            InvalidParameter: It is an object of another type.
        """
        if isinstance(event, str):
            event = event.encode()
        if not isinstance(event, (bytes, bytearray, memoryview)):
            values.conform("event", self.kind, event)
            return event, None
        sent = bytes(event)
        envelope = envelopes.read(sent)
        if envelope is not None and envelope.name == envelopes.HOP:
            expected = "must be given: the message waits for its slot, or for others (concurrency)"
            raise InvalidParameter("pace", None, expected)
        if envelope is not None and envelope.name == envelopes.FEED:
            raise InvalidParameter("pace", None, "must be given: the message is of a feed")
        data = sent
        claim = None if self.large is None else claims.find(sent)
        if self.large is not None and claim is not None:
            store = claims.within(self.large, context)
            data = claims.fetch(store, claim, _memory(context))
        return values.from_json(self.kind, data), sent

    def returned(self, result: object, event: bytes, context: object) -> object:
        """Return the result of a handler as the runtime of the service writes it, or a claim of it.

        Raises:
            LargePayloadError: The store denied or failed.
        """
        result = values.plain(result)
        if self.large is None:
            return result
        data = _encoded(result)
        if len(data) <= _SMALL:
            return result
        # Both go into the event of a destination: a large request leaves less for the result. An
        # event that is too long is a dead one, and its result is lost.
        if _size(event) + _size(data) <= _ROOM:
            return result
        function = getattr(context, "function", None)
        name = str(getattr(function, "name", "") or "")
        claim = claims.write(claims.within(self.large, context), name, data)
        return {claims.NAME: msgspec.to_builtins(claim)}

    def refusal(self, error: InvalidPayload) -> dict[str, str]:
        """Return the result for an event that does not fit, or raise the error for a retry."""
        if self.retry_invalid:
            raise error
        _log.error("the invocation is not executed again: %s", error)
        return {"errorType": type(error).__name__, "errorMessage": str(error)}


def _synchronous(function: Callable[[Any, Any], Any], reader: _Reader) -> Callable[[Any, Any], Any]:
    def wrapper(event: Any, context: Any) -> Any:
        try:
            value, sent = reader.value(event, context)
        except InvalidPayload as error:
            return reader.refusal(error)
        result = function(value, context)
        return result if sent is None else reader.returned(result, sent, context)

    return wrapper


def _asynchronous(
    function: Callable[[Any, Any], Any], reader: _Reader
) -> Callable[[Any, Any], Any]:
    async def wrapper(event: Any, context: Any) -> Any:
        try:
            value, sent = await claims.async_call(reader.large, reader.value, event, context)
        except InvalidPayload as error:
            return reader.refusal(error)
        result = await function(value, context)
        if sent is None:
            return result
        return await claims.async_call(reader.large, reader.returned, result, sent, context)

    return wrapper


def _encoded(result: object) -> bytes:
    """Return the bytes that the runtime of the service makes of a result."""
    if isinstance(result, str):
        return result.encode()
    if isinstance(result, bytes):
        return result
    return values.to_json("result", result)


def _size(payload: bytes) -> int:
    """Return the bytes of a payload in a destination event."""
    return len(msgspec.json.encode(wire.encode_payload(payload)[0]))


def _memory(context: object) -> int:
    """Return the bytes of a payload that a function may read into memory."""
    function = getattr(context, "function", None)
    megabytes = str(getattr(function, "memory", ""))
    if not megabytes.isdecimal():
        return claims.MEMORY
    return int(megabytes) * 1024 * 1024 // _SHARE
