# SPDX-License-Identifier: MIT
"""For your tests: a stub in place of the service, and destination events of every kind.

::

    with Stubber(client) as stub:
        stub.add_response("invoke_async", AcceptedInvocation(request_id="r"), {"function": "f"})
        code_under_test(client)

    event = failure_event(payload={"n": 1}, attempts=4)

A stubbed client sends nothing. For a whole service on your machine there is the local runtime and
its pytest plugin; the same test runs against either by changing the endpoint.
"""

from __future__ import annotations

import collections
import inspect
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypedDict, TypeVar

import msgspec

from fc_async_sdk import events, operations
from fc_async_sdk.errors import FcAsyncError, InvalidParameter, service_error_class
from fc_async_sdk.events import triggers
from fc_async_sdk.operations import Answer
from fc_async_sdk.spec import function_errors, oss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from fc_async_sdk._client_base import BaseClient
    from fc_async_sdk.events import DestinationEvent
    from fc_async_sdk.operations import Call

C = TypeVar("C", bound="BaseClient")

_ACCOUNT: Final = "1234567890123456"
_TIMESTAMP: Final = 1_660_120_276_975
_REQUEST_ID: Final = "1-6737f2b8-15a7b7a8-9d9a1f5c3c2e"


class _Any:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _Any()
"""Stands for any value in the expected arguments of a :class:`Stubber`."""


class StubError(AssertionError):
    """The code under test called otherwise than the stub was told."""


class _Scripted(NamedTuple):
    method: str
    outcome: object
    expected: Mapping[str, Any] | None


class Stubber(Generic[C]):
    """Takes the place of the service for one client, of either kind.

    Calls must come in the order in which answers were added, with the arguments that were
    expected; at the end no answer may be left. Arguments are checked by the SDK as always.

    Args:
        client: The client; nothing that it is asked for is sent while the stub is active.
    """

    def __init__(self, client: C) -> None:
        self.client = client
        self._script: collections.deque[_Scripted] = collections.deque()

    def add_response(
        self,
        method: str,
        response: object = None,
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an answer.

        Args:
            method: Name of the client's method.
            response: What it returns: an object of :mod:`fc_async_sdk.models`, or a mapping as
                the service would answer, or None.
            expected: Arguments that must be given, by name; :data:`ANY` for any value. None: any
                arguments.

        Raises:
            InvalidParameter: The client has no such method, or the method no such argument.
        """
        self._add(method, response, expected)

    def add_error(
        self,
        method: str,
        error: str | FcAsyncError,
        *,
        http_status: int = 400,
        message: str = "",
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an error.

        Args:
            method: Name of the client's method.
            error: A code of the service such as ``FunctionNotFound``, or an error to raise.
            http_status: Status of the answer, for a code.
            message: The service's words, for a code.
            expected: As in :meth:`add_response`.

        Raises:
            InvalidParameter: As :meth:`add_response`.
        """
        if isinstance(error, str):
            cls = service_error_class(error, http_status)
            error = cls(error, message, http_status=http_status, request_id="stubbed")
        self._add(method, error, expected)

    def activate(self) -> None:
        """Answer calls in place of the service."""
        # On the object and not on its class: other clients of the program go on sending.
        vars(self.client)["_perform"] = self._stand_in()

    def deactivate(self) -> None:
        """Send calls to the service again."""
        vars(self.client).pop("_perform", None)

    def assert_no_pending_responses(self) -> None:
        """Fail if a prepared answer was not requested.

        Raises:
            StubError: One is left.
        """
        if self._script:
            methods = ", ".join(item.method for item in self._script)
            raise StubError(f"{len(self._script)} answers were not asked for: {methods}")

    def __enter__(self) -> Self:
        self.activate()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deactivate()
        if kind is None:
            self.assert_no_pending_responses()

    def _add(self, method: str, outcome: object, expected: Mapping[str, Any] | None) -> None:
        operation = getattr(operations, method, None)
        if operation is None or not method.islower():
            raise InvalidParameter("method", method, "is not a method of the client that sends")
        parameters = inspect.signature(operation).parameters
        takes_options = "options" in parameters
        wrong = [name for name in expected or () if name not in parameters]
        if wrong and not takes_options:
            raise InvalidParameter("expected", wrong[0], f"is not an argument of {method}")
        self._script.append(_Scripted(method, outcome, expected))

    def _stand_in(self) -> Callable[..., Any]:
        async def answer_later(*call: Any, **options: Any) -> Any:
            return self._answer(*call, **options)

        later = inspect.iscoroutinefunction(getattr(self.client, "send", None))
        return answer_later if later else self._answer

    def _answer(
        self,
        operation: Callable[..., Call[Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        **_: Any,
    ) -> Any:
        name = operation.__name__
        call = operation(*args, **kwargs)
        call.check_size(self.client.config.max_async_payload_bytes)
        if not self._script:
            raise StubError(f"{name} was called, and no answer is left")
        scripted = self._script.popleft()
        if scripted.method != name:
            raise StubError(f"{name} was called, {scripted.method} was expected")
        # By name, whichever way they were given: a test should not fail for a keyword.
        bound = inspect.signature(operation).bind(*args, **kwargs)
        arguments = {**bound.arguments, **bound.arguments.get("options", {})}
        for argument, value in (scripted.expected or {}).items():
            if argument not in arguments or value != arguments[argument]:
                got = repr(arguments[argument]) if argument in arguments else "nothing"
                raise StubError(f"{name}: expected {argument}={value!r}, got {got}")
        if isinstance(scripted.outcome, FcAsyncError):
            raise scripted.outcome
        # Through the reader of the operation, so that a wrong name in a stub is found.
        if isinstance(scripted.outcome, dict):
            return call.result(Answer(200, {}, msgspec.json.encode(scripted.outcome)))
        return scripted.outcome


class EventFields(TypedDict, total=False):
    """Fields of every destination event.

    Attributes:
        function: Name of the function; ``f`` unless it is given.
        payload: What it was called with: bytes, text or anything JSON; empty unless it is given.
        response: What it returned, likewise.
        attempts: How often it was executed.
        request_id: Of the invocation.
        timestamp: Milliseconds since the epoch.
        region: Of the function's ARN.
        account_id: Of the function's ARN.
    """

    function: str
    payload: Any
    response: Any
    attempts: int
    request_id: str
    timestamp: int
    region: str
    account_id: str


def success_event(**fields: Unpack[EventFields]) -> DestinationEvent:
    """Return the event of a function that returned; its destination gets ``event.source``.

    Args:
        **fields: See :class:`EventFields`.
    """
    return _event(**fields)


def failure_event(
    *,
    error: str = function_errors.UNHANDLED,
    error_message: str = "boom",
    **fields: Unpack[EventFields],
) -> DestinationEvent:
    """Return the event of a function that failed in every attempt.

    Args:
        error: The error's type: ``condition`` and ``functionError``.
        error_message: What the function said.
        **fields: See :class:`EventFields`; it was executed four times unless they say otherwise.
    """
    document = {
        "errorMessage": error_message,
        "errorType": "Exception",
        "stackTrace": [],
    }
    defaults: EventFields = {"attempts": 4, "response": document, **fields}
    return _event(condition=error, function_error=error, **defaults)


def system_error_event(
    *,
    condition: str = "FunctionResourceExhausted",
    status_code: int = 429,
    **fields: Unpack[EventFields],
) -> DestinationEvent:
    """Return the event of an invocation that the service could not carry out.

    Args:
        condition: Why.
        status_code: The service's own status, not 200.
        **fields: See :class:`EventFields`; it was executed three times unless they say otherwise.
    """
    defaults: EventFields = {"attempts": 3, **fields}
    return _event(condition=condition, status_code=status_code, **defaults)


def expired_event(**fields: Unpack[EventFields]) -> DestinationEvent:
    """Return the event of an invocation whose maximum age passed before it was executed.

    Args:
        **fields: See :class:`EventFields`.
    """
    defaults: EventFields = {"attempts": 0, **fields}
    return _event(condition="AsyncEventAgeExceeded", **defaults)


def stopped_event(**fields: Unpack[EventFields]) -> DestinationEvent:
    """Return the event of a task that was stopped.

    Args:
        **fields: See :class:`EventFields`.
    """
    return _event(condition="AsyncTaskStopped", **fields)


def eventbridge_event(
    event: DestinationEvent | None = None, *, bus: str = "my-bus", event_id: str = "ecc48651"
) -> dict[str, Any]:
    """Return the input of a function behind an EventBridge trigger: an event in its envelope.

    Args:
        event: The event inside; a success when None.
        bus: The event bus.
        event_id: Id of the envelope.
    """
    inside = event or success_event()
    arn = inside.arn
    outcome = "succeeded" if inside.succeeded else "failed"
    return events.envelope(
        inside.to_dict(),
        event_id=event_id,
        event_type=f"fc:AsyncInvoke:{outcome}",
        bus=bus,
        account_id=arn.account_id if arn else _ACCOUNT,
        region=arn.region if arn else "cn-hangzhou",
        published_at=inside.timestamp or _TIMESTAMP,
    )


class Message(msgspec.Struct, frozen=True):
    """A message as the clients of MNS and RocketMQ (HTTP) hand it out."""

    message_body: str
    message_id: str = "0-1"
    receipt_handle: str = "1-handle"


def mns_message(event: DestinationEvent | None = None) -> Message:
    """Return a message like ``Queue.receive_message()`` of ``aliyun-mns-sdk``, decoded.

    Args:
        event: The event inside; a success when None.
    """
    return Message((event or success_event()).source.decode())


def rocketmq_message(event: DestinationEvent | None = None) -> Message:
    """Return a message like the consumer of ``mq_http_sdk`` returns.

    Args:
        event: The event inside; a success when None.
    """
    return Message((event or success_event()).source.decode())


def timer_event(trigger: str = "nightly", *, payload: str = "", at: int = _TIMESTAMP) -> bytes:
    """Return the input of a function behind a timer trigger.

    Args:
        trigger: Name of the trigger.
        payload: Text of its configuration.
        at: When it was due, in milliseconds since the epoch.
    """
    return triggers.encode(triggers.timer(trigger, at, payload=payload))


def oss_event(
    bucket: str,
    key: str,
    *,
    event: str = oss.CREATED,
    size: int = 0,
    at: int = _TIMESTAMP,
) -> bytes:
    """Return the input of a function behind an OSS trigger.

    Args:
        bucket: Name of the bucket.
        key: Key of the object.
        event: Such as ``ObjectCreated:PutObject``.
        size: Of the object, in bytes.
        at: When it happened, in milliseconds since the epoch.
    """
    return triggers.encode(triggers.oss(bucket, key, event=event, at=at, size=size))


def _event(
    *,
    function: str = "f",
    payload: Any = b"",
    response: Any = b"",
    region: str = "cn-hangzhou",
    account_id: str = _ACCOUNT,
    **fields: Any,
) -> DestinationEvent:
    document: dict[str, Any] = {
        "timestamp": _TIMESTAMP,
        "request_id": _REQUEST_ID,
        "attempts": 1,
        "function_arn": f"acs:fc:{region}:{account_id}:functions/{function}",
        "request_payload": _bytes(payload),
        "response_payload": _bytes(response),
        **fields,
    }
    return events.parse(events.encode(events.document(**document)))


def _bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)
