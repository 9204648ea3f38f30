# SPDX-License-Identifier: MIT
"""Errors that the service answers: one class per code, grouped by status.

Codes are those of the API reference and of the clients that were observed. Nothing here decides
whether a request is repeated: :mod:`fc_async_sdk.transport.retry` does.
"""

from __future__ import annotations

from typing import ClassVar, Final

from fc_async_sdk.errors.tree import FcAsyncError

__all__ = [
    "BY_CODE",
    "BY_STATUS",
    "AccessDenied",
    "AliasAlreadyExists",
    "AliasNotFound",
    "AsyncConfigNotExists",
    "AsyncInvocationStopped",
    "AsyncTaskAlreadyExists",
    "AsyncTaskNotFound",
    "BadResponse",
    "CAExited",
    "CAFileNotFound",
    "CAFilePermission",
    "ClientClosedRequest",
    "ConcurrentUpdateError",
    "Conflict",
    "DestinationDeliveryFailed",
    "EntityTooLarge",
    "FunctionAlreadyExists",
    "FunctionNotEmpty",
    "FunctionNotFound",
    "FunctionNotStarted",
    "InternalServerError",
    "InvalidAccessKeyID",
    "InvalidArgument",
    "InvalidDestinationResources",
    "InvalidSecurityToken",
    "LayerNotFound",
    "LimitExceeded",
    "MissingRequiredHeader",
    "NotFound",
    "PathNotSupported",
    "PreconditionFailed",
    "ResourceExhausted",
    "ResourceThrottled",
    "ServerError",
    "ServiceError",
    "SignatureNotMatch",
    "Throttled",
    "TriggerAlreadyExists",
    "TriggerNotFound",
    "VersionNotFound",
    "service_error_class",
]


class ServiceError(FcAsyncError):
    """The service answered with an error.

    Attributes:
        code: The service's code, such as ``FunctionNotFound``.
        http_status: HTTP status.
        message: The service's own words.
        request_id: To quote to support; empty if the answer had none.
        operation: The API operation, such as ``GetFunction``.
        retry_after: Seconds the service asks to wait, or None.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        http_status: int,
        request_id: str = "",
        operation: str = "",
        retry_after: float | None = None,
    ) -> None:
        where = f" ({operation})" if operation else ""
        said = message
        if self.advice and self.advice.rstrip(".").lower() not in message.lower():
            # The service ends some sentences and not others.
            said = f"{message if message.endswith('.') else message + '.'} {self.advice}"
        trace = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{http_status} {code}{where}: {said}{trace}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.request_id = request_id
        self.operation = operation
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (
            type(self),
            self.code,
            self.message,
            self.http_status,
            self.request_id,
            self.operation,
            self.retry_after,
        )


def _rebuild(
    cls: type[ServiceError],
    code: str,
    message: str,
    http_status: int,
    request_id: str,
    operation: str,
    retry_after: float | None,
) -> ServiceError:
    return cls(
        code,
        message,
        http_status=http_status,
        request_id=request_id,
        operation=operation,
        retry_after=retry_after,
    )


class InvalidArgument(ServiceError):
    """400: an argument was refused."""


class EntityTooLarge(ServiceError):
    """400: the payload is over the limit."""

    advice = "Put large payloads into object storage and send their names."


class InvalidDestinationResources(ServiceError):
    """400: a destination is empty or no ARN."""


class MissingRequiredHeader(ServiceError):
    """400: a header that the service needs is missing."""


class PathNotSupported(ServiceError):
    """400: there is no such path, or not with this method."""

    advice = "Check the endpoint: it must be one of Function Compute 3.0."


class LimitExceeded(ServiceError):
    """400: a quota of the account is used up."""

    advice = "Ask for more in the quota center."


class AccessDenied(ServiceError):
    """403: these credentials may not do this."""

    advice = "Check the RAM policy of the access key and the role of the function."


class SignatureNotMatch(ServiceError):
    """403: the signature is wrong."""

    advice = "Check the access key secret and this machine's clock."


class InvalidAccessKeyID(ServiceError):
    """403: there is no such access key."""

    advice = "Check the access key id and whether it was disabled."


class InvalidSecurityToken(ServiceError):
    """403: the token of temporary credentials is wrong or has expired."""

    advice = "Fetch new temporary credentials."


class NotFound(ServiceError):
    """404: it doesn't exist."""


class FunctionNotFound(NotFound):
    """404: no such function in this region and account."""

    advice = "Check the name, the region and the account."


class AliasNotFound(NotFound):
    """404: the function has no such alias."""


class VersionNotFound(NotFound):
    """404: the function has no such version."""


class TriggerNotFound(NotFound):
    """404: the function has no such trigger."""


class LayerNotFound(NotFound):
    """404: no such layer."""


class AsyncConfigNotExists(NotFound):
    """404: the function (with this qualifier) has no asynchronous configuration."""


class AsyncTaskNotFound(NotFound):
    """404: no such task."""

    advice = "Tasks are kept for 7 days, and only when the configuration has asyncTask on."


class Conflict(ServiceError):
    """409: it exists already, or was changed by another request."""


class FunctionAlreadyExists(Conflict):
    """409: a function of this name exists."""


class AliasAlreadyExists(Conflict):
    """409: an alias of this name exists."""


class TriggerAlreadyExists(Conflict):
    """409: a trigger of this name exists."""


class AsyncTaskAlreadyExists(Conflict):
    """409: a task of this id exists: the invocation was accepted before."""


class FunctionNotEmpty(Conflict):
    """409: something still hangs on the function."""

    advice = "Delete its triggers, aliases and versions first."


class ConcurrentUpdateError(Conflict):
    """409: another request is changing this resource."""


class PreconditionFailed(ServiceError):
    """412: the resource is not in the state that the call needs."""


class FunctionNotStarted(PreconditionFailed):
    """412: the instance did not start."""

    advice = "Look at the function's log: its server must listen on the configured port in time."


class CAExited(PreconditionFailed):
    """412: the instance's process ended while it was starting."""

    advice = "Look at the function's log."


class CAFileNotFound(PreconditionFailed):
    """412: the start command names a file that isn't there."""

    advice = "Check the command and that the code was packed with it."


class CAFilePermission(PreconditionFailed):
    """412: the start command names a file that can't be executed."""

    advice = "Make it executable before it is packed."


class AsyncInvocationStopped(PreconditionFailed):
    """412: the invocation had been stopped, or had ended."""


class Throttled(ServiceError):
    """429: too many calls or no free instance."""

    advice = "Slow down, or ask for more in the quota center."


class ResourceExhausted(Throttled):
    """429: the concurrency limit is reached, or there is no room for another instance."""


class ResourceThrottled(Throttled):
    """429: reserved resources are over their limit."""


class ClientClosedRequest(ServiceError):
    """499: the caller hung up before the answer came."""


class ServerError(ServiceError):
    """5xx: the service failed."""

    advice = "Try again later."


class InternalServerError(ServerError):
    """500: an error inside the service."""


class BadResponse(ServerError):
    """502: the function's answer can't be passed on."""

    advice = "Check what the function returns: its headers may have 8 KB."


class DestinationDeliveryFailed(ServerError):
    """500: a destination could not be reached."""


BY_CODE: Final[dict[str, type[ServiceError]]] = {
    **{
        name: found
        for name, found in list(globals().items())  # every class is named after its code
        if isinstance(found, type) and issubclass(found, ServiceError)
    },
    # Older spellings, and those of the gateway in front of the service.
    "LimitExceededError": LimitExceeded,
    "SignatureDoesNotMatch": SignatureNotMatch,
    "InvalidAccessKeyId": InvalidAccessKeyID,
    "StatefulAsyncInvocationAlreadyExists": AsyncTaskAlreadyExists,
}
"""Codes that have a class of their own. Any other code falls back to :data:`BY_STATUS`."""

BY_STATUS: Final[dict[int, type[ServiceError]]] = {
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    429: Throttled,
}


def service_error_class(code: str, http_status: int) -> type[ServiceError]:
    """Return the class for a code and status that the service answered.

    A code such as ``InvalidSecurityToken.Expired`` is known by what stands before the dot.
    """
    by_code = BY_CODE.get(code) or BY_CODE.get(code.partition(".")[0])
    if by_code is not None:
        return by_code
    if http_status >= 500:  # noqa: PLR2004 -- HTTP: server errors
        return ServerError
    return BY_STATUS.get(http_status, ServiceError)
