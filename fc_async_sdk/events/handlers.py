# SPDX-License-Identifier: MIT
"""Decorators that give the handler of a function a typed event.

Invariants:

- What cannot be read does not reach the handler.
- A coroutine function stays one.
"""

from __future__ import annotations

import functools
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, cast, overload

from fc_async_sdk import _envelopes, _payloads
from fc_async_sdk.errors import InvalidParameter, InvalidPayload
from fc_async_sdk.events.document import DestinationEvent, parse

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
R = TypeVar("R")
H = TypeVar("H", bound="Callable[[Any, Any], Any]")

_log: Final = logging.getLogger("fc_async_sdk")


def destination_handler(
    handler: Callable[[DestinationEvent, Any], R],
) -> Callable[[Any, Any], R]:
    """Turn ``handler(event, context)`` into one that is called with a :class:`DestinationEvent`.

    Works for coroutine functions as well: the event is read when the handler is called. An event
    that cannot be read raises :class:`~fc_async_sdk.errors.InvalidEvent` before the handler runs.

    Example::

        @destination_handler
        def handler(event: DestinationEvent, context) -> None:
            if not event.succeeded:
                alert(event.function, event.response.text())
    """

    @functools.wraps(handler)
    def wrapper(event: Any, context: Any) -> R:
        typed = event if isinstance(event, DestinationEvent) else parse(event)
        return handler(typed, context)

    return wrapper


class Paces(Protocol):
    """Used part of a :class:`~fc_async_sdk.pacing.Pace`."""

    def wrap(self, handler: H) -> H:
        """Return a handler that waits for its slot."""
        ...


@overload
def handler(
    kind: type[T], *, retry_invalid: Literal[True] = ..., pace: Paces | None = ...
) -> Callable[[Callable[[T, Any], R]], Callable[[Any, Any], R]]: ...
@overload
def handler(
    kind: type[T], *, retry_invalid: Literal[False], pace: Paces | None = ...
) -> Callable[[Callable[[T, Any], R]], Callable[[Any, Any], R | dict[str, str]]]: ...
def handler(
    kind: type[T], *, retry_invalid: bool = True, pace: Paces | None = None
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
        pace: A :class:`~fc_async_sdk.pacing.Pace`: the handler runs in the slot that the sender has
            booked, also if the message waits for longer than an hour, and may raise
            :class:`~fc_async_sdk.pacing.RetryLater`.

    Raises:
        InvalidParameter: JSON cannot be read as this type.
    """
    _payloads.check_type("kind", kind)

    def decorate(function: Callable[[T, Any], Any]) -> Callable[[Any, Any], Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def asynchronous(event: Any, context: Any) -> Any:
                try:
                    value, sent = _value(kind, event)
                except InvalidPayload as error:
                    return _refuse(error, retry=retry_invalid)
                result = await function(value, context)
                return _payloads.plain(result) if sent else result

            return asynchronous if pace is None else pace.wrap(asynchronous)

        @functools.wraps(function)
        def synchronous(event: Any, context: Any) -> Any:
            try:
                value, sent = _value(kind, event)
            except InvalidPayload as error:
                return _refuse(error, retry=retry_invalid)
            result = function(value, context)
            return _payloads.plain(result) if sent else result

        return synchronous if pace is None else pace.wrap(synchronous)

    return decorate


def _value(kind: type[T], event: object) -> tuple[T, bool]:
    """Return the event as a value of the type, and whether it came as the service sends it.

    Raises:
        InvalidPayload: It does not fit.
        InvalidParameter: It is an object of another type.
    """
    if isinstance(event, str):
        event = event.encode()
    if isinstance(event, (bytes, bytearray, memoryview)):
        found = _envelopes.read(bytes(event))
        if found is not None and found.name == _envelopes.HOP:
            raise InvalidParameter("pace", None, "must be given: the message waits for its slot")
        return _payloads.from_json(kind, bytes(event)), True
    _payloads.conform("event", kind, event)
    return cast("T", event), False


def _refuse(error: InvalidPayload, *, retry: bool) -> dict[str, str]:
    if retry:
        raise error
    _log.error("the invocation is not executed again: %s", error)
    return {"errorType": type(error).__name__, "errorMessage": str(error)}
