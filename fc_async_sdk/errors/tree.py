# SPDX-License-Identifier: MIT
"""The tree's trunk: errors that the SDK itself finds. The tree is drawn in the package."""

from __future__ import annotations

_SHOWN = 120


def shorten(value: object) -> str:
    """How a value is quoted in a message: its repr, cut in the middle when long."""
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
            f"the payload has {size} bytes, {limit} are allowed: put it into object storage "
            "and send its name"
        )
        self.size = size
        self.limit = limit

    def __reduce__(self) -> tuple[type[PayloadTooLarge], tuple[int, int]]:
        return type(self), (self.size, self.limit)


class ConfigurationError(FcAsyncError):
    """Region, account, endpoint or another setting is missing or wrong."""


class CredentialsError(ConfigurationError):
    """No credentials were found, or those found can't be used."""


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
        request_id: The request.
    """

    def __init__(self, error_type: str, payload: bytes, *, request_id: str = "") -> None:
        said = shorten(payload.decode("utf-8", "replace"))
        super().__init__(f"the function failed with {error_type}: {said} [request {request_id}]")
        self.error_type = error_type
        self.payload = payload
        self.request_id = request_id

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_function_error, (self.error_type, self.payload, self.request_id)


def _rebuild_function_error(error_type: str, payload: bytes, request_id: str) -> FunctionError:
    return FunctionError(error_type, payload, request_id=request_id)


class WaiterError(FcAsyncError):
    """A waiter gave up.

    Attributes:
        last: What the waiter saw last (a task or a function), or None.
    """

    def __init__(self, message: str, *, last: object = None) -> None:
        super().__init__(message)
        self.last = last
