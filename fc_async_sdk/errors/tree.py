# SPDX-License-Identifier: MIT
"""The tree's trunk: errors that the SDK itself finds. The tree is drawn in the package."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "ConfigurationError",
    "ConnectFailed",
    "CredentialsError",
    "FcAsyncError",
    "FunctionError",
    "InvalidArn",
    "InvalidEvent",
    "InvalidParameter",
    "InvalidPayload",
    "InvalidRequest",
    "InvalidResponse",
    "NoCredentials",
    "OutcomeUnknown",
    "PayloadTooLarge",
    "ResultNotKept",
    "TaskError",
    "TaskExpired",
    "TaskFailed",
    "TaskInvalid",
    "TaskLost",
    "TaskStopped",
    "TimedOut",
    "TransportError",
    "WaiterError",
    "shorten",
]

_SHOWN = 120


def shorten(value: object) -> str:
    """Return the repr of a value for a message, cut in the middle when it is long."""
    text = repr(value)
    if len(text) <= _SHOWN:
        return text
    half = (_SHOWN - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


class FcAsyncError(Exception):
    """Root of everything that this package raises on purpose."""


class InvalidRequest(FcAsyncError, ValueError):
    """The call can't be sent as it is. Nothing was sent."""


class InvalidParameter(InvalidRequest):
    """One argument is wrong.

    Attributes:
        name: The argument.
        value: What was given.
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"{name}={shorten(value)}: {expected}")
        self.name = name
        self.value = value
        self.expected = expected

    def __reduce__(self) -> tuple[type[InvalidParameter], tuple[str, object, str]]:
        return type(self), (self.name, self.value, self.expected)


class InvalidArn(InvalidRequest):
    """A resource name doesn't follow the grammar of :mod:`fc_async_sdk.spec.arn`.

    Attributes:
        arn: What was given.
        reason: Which part is wrong and what was expected.
    """

    def __init__(self, arn: object, reason: str) -> None:
        super().__init__(f"{shorten(arn)} is not a destination ARN: {reason}")
        self.arn = arn
        self.reason = reason

    def __reduce__(self) -> tuple[type[InvalidArn], tuple[object, str]]:
        return type(self), (self.arn, self.reason)


class PayloadTooLarge(InvalidRequest):
    """The payload is over the limit of the service.

    Attributes:
        size: Bytes of the payload.
        limit: Bytes allowed.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the payload has {size} bytes, {limit} are allowed: an asynchronous call takes more "
            "with large=store (fc_async_sdk.payloads)"
        )
        self.size = size
        self.limit = limit

    def __reduce__(self) -> tuple[type[PayloadTooLarge], tuple[int, int]]:
        return type(self), (self.size, self.limit)


class ConfigurationError(FcAsyncError):
    """Region, account, endpoint or another setting is missing or wrong."""


class CredentialsError(ConfigurationError):
    """No credentials were found, or those found can't be used."""


class NoCredentials(CredentialsError):
    """No place where credentials may be has any; the log has what the last one said (DEBUG)."""


class InvalidEvent(FcAsyncError, ValueError):
    """The input is not a destination event.

    Attributes:
        place: Where in the document it went wrong, such as ``$.requestContext.requestId``.
    """

    def __init__(self, reason: str, place: str = "$") -> None:
        super().__init__(f"not a destination event: {reason} (at {place})")
        self.reason = reason
        self.place = place

    def __reduce__(self) -> tuple[type[InvalidEvent], tuple[str, str]]:
        return type(self), (self.reason, self.place)


class InvalidPayload(FcAsyncError, ValueError):
    """A payload or a result does not fit the type that it is read as.

    Attributes:
        expected: Name of the type.
        reason: What does not fit.
        place: Where in the payload, such as ``$.items[0].price``.
        what: What was read: ``the payload``, or the result of a task.
    """

    def __init__(
        self, expected: str, reason: str, place: str = "$", *, what: str = "the payload"
    ) -> None:
        super().__init__(f"{what} is not a valid {expected}: {reason} (at {place})")
        self.expected = expected
        self.reason = reason
        self.place = place
        self.what = what

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_invalid_payload, (self.expected, self.reason, self.place, self.what)


def _rebuild_invalid_payload(expected: str, reason: str, place: str, what: str) -> InvalidPayload:
    return InvalidPayload(expected, reason, place, what=what)


class TransportError(FcAsyncError):
    """No usable answer came back.

    Attributes:
        operation: The API operation, such as ``InvokeFunction``.
    """

    operation: str = ""

    def __init__(self, message: str, *, operation: str = "") -> None:
        super().__init__(f"{operation}: {message}" if operation else message)
        self.operation = operation


class ConnectFailed(TransportError):
    """The request never left: name resolution, connection or TLS failed. Repeating is safe."""


class TimedOut(TransportError):
    """No answer came in time. The operation is idempotent: repeating is safe."""


class OutcomeUnknown(TransportError):
    """The request went out and no answer came: it may or may not have been accepted.

    Repeating it may run the function twice. Give calls a ``task_id`` and this can't happen: with
    one, the SDK repeats the call itself and a duplicate counts as accepted.
    """


class InvalidResponse(TransportError):
    """An answer came that is not this API's: empty, cut off, too long or not JSON."""


class FunctionError(FcAsyncError):
    """A synchronous call was answered by a function that failed.

    Attributes:
        error_type: Such as ``UnhandledInvocationError``.
        payload: What the function's runtime said, as bytes.
        function: Name of the function, "" if it is not known.
        reason: The error on one line, ``KeyError: 'items' (code/place.py:7, in handler)``; "" if
            the payload is not an error document.
        request_id: The request.
    """

    def __init__(
        self,
        error_type: str,
        payload: bytes,
        *,
        function: str = "",
        reason: str = "",
        request_id: str = "",
    ) -> None:
        said = f": {reason}"
        if not reason:
            said = f" with {error_type}: {shorten(payload.decode('utf-8', 'replace'))}"
        trace = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{function or 'the function'} failed{said}{trace}")
        self.error_type = error_type
        self.payload = payload
        self.function = function
        self.reason = reason
        self.request_id = request_id

    def __reduce__(self) -> tuple[object, ...]:
        known = (self.error_type, self.payload, self.function, self.reason, self.request_id)
        return _rebuild_function_error, known


def _rebuild_function_error(
    error_type: str, payload: bytes, function: str, reason: str, request_id: str
) -> FunctionError:
    return FunctionError(
        error_type, payload, function=function, reason=reason, request_id=request_id
    )


class WaiterError(FcAsyncError):
    """A waiter gave up.

    Attributes:
        last: What the waiter saw last (a task or a function), or None.
    """

    def __init__(self, message: str, *, last: object = None) -> None:
        super().__init__(message)
        self.last = last


class TaskError(FcAsyncError):
    """A task has ended, and there is no result of it.

    Attributes:
        function: Name of the function.
        task_id: Id of the task.
        status: Its final status, "" if it is not known.
        reason: What the service says: an error type of the function, or "".
        request_id: Of the invocation, "" if it is not known.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        function: str,
        task_id: str,
        status: str = "",
        reason: str = "",
        request_id: str = "",
    ) -> None:
        said = f": {reason}" if reason else ""
        trace = f" [request {request_id}]" if request_id else ""
        advice = f"\n{self.advice}" if self.advice else ""
        super().__init__(f"task {task_id} of {function} {message}{said}{trace}{advice}")
        self.message = message
        self.function = function
        self.task_id = task_id
        self.status = status
        self.reason = reason
        self.request_id = request_id

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_task_error, (
            type(self),
            self.message,
            self.function,
            self.task_id,
            self.status,
            self.reason,
            self.request_id,
        )


def _rebuild_task_error(
    cls: type[TaskError],
    message: str,
    function: str,
    task_id: str,
    *known: str,
) -> TaskError:
    status, reason, request_id = known
    return cls(
        message,
        function=function,
        task_id=task_id,
        status=status,
        reason=reason,
        request_id=request_id,
    )


class TaskFailed(TaskError):
    """The function failed at every attempt."""


class TaskStopped(TaskError):
    """The task was stopped."""


class TaskExpired(TaskError):
    """The task was not executed before its age was over."""

    advice = "Raise max_async_event_age_in_seconds, or send fewer at a time."


class TaskInvalid(TaskError):
    """The task was not executed, for example because the function was deleted."""


class TaskLost(TaskError):
    """The service does not list the task."""

    advice = "Tasks are kept for 7 days, and only when the configuration has async_task on."


class ResultNotKept(TaskError):
    """The task succeeded, and the service does not keep what the function returned."""

    advice = (
        "The service keeps results only where it was switched on for the account. Set a success\n"
        "destination with put_async_invoke_config(..., on_success=ARN) and read the result there:\n"
        "events.parse(message).response.decode(...)."
    )
