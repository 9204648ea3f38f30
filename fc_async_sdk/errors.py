# SPDX-License-Identifier: MIT
"""Every error this package raises, in one tree.

::

    FcAsyncError
    ├── InvalidRequest            your call can't be sent as it is; nothing was sent
    │   ├── InvalidParameter      one argument is wrong
    │   ├── InvalidArn            a resource name is wrong
    │   └── PayloadTooLarge       the payload is over the service's limit
    ├── ConfigurationError        region, account, endpoint or credentials are missing or wrong
    │   └── CredentialsError
    │       └── NoCredentials     none were found anywhere
    ├── InvalidEvent              the input is not a destination event
    ├── InvalidPayload            a payload or a result does not fit its type: .place .reason
    ├── TransportError            no (usable) answer came back
    │   ├── ConnectFailed         the request never left
    │   ├── TimedOut              no answer in time; safe to repeat, the call was idempotent
    │   ├── OutcomeUnknown        it may or may not have been accepted
    │   └── InvalidResponse       an answer came that is not this API's
    ├── ServiceError              the service said no: .code .http_status .request_id .operation
    │   ├── InvalidArgument, MissingRequiredHeader, PathNotSupported, EntityTooLarge,     400
    │   │   InvalidDestinationResources, LimitExceeded
    │   ├── AccessDenied, SignatureNotMatch, InvalidAccessKeyID, InvalidSecurityToken     403
    │   │   └── FunctionInvocationDisabled (of AccessDenied)
    │   ├── NotFound                                                                      404
    │   │   └── FunctionNotFound, AliasNotFound, VersionNotFound, TriggerNotFound,
    │   │       LayerNotFound, AsyncConfigNotExists, AsyncTaskNotFound
    │   ├── Conflict                                                                      409
    │   │   └── FunctionAlreadyExists, AliasAlreadyExists, TriggerAlreadyExists,
    │   │       AsyncTaskAlreadyExists, FunctionNotEmpty, ConcurrentUpdateError
    │   ├── PreconditionFailed                                                            412
    │   │   └── FunctionNotStarted, CAExited, CAFileNotFound, CAFilePermission,
    │   │       AsyncInvocationStopped
    │   ├── Throttled                                                                     429
    │   │   └── ResourceExhausted, ResourceThrottled
    │   ├── ClientClosedRequest                                                           499
    │   └── ServerError                                                                   5xx
    │       └── InternalServerError, BadResponse, DestinationDeliveryFailed
    ├── FunctionError             a synchronous call was answered by a failing function
    ├── Deferred                  a synchronous call was sent on as a task: .task_id
    ├── TaskError                 a task ended without a result: .task_id .status .reason
    │   ├── TaskFailed            the function failed at every attempt
    │   ├── TaskStopped           it was stopped
    │   ├── TaskExpired           it was not executed before its age was over
    │   ├── TaskInvalid           it was not executed, for example: the function was deleted
    │   ├── TaskLost              the service does not list it
    │   └── ResultNotKept         it succeeded, and the service does not keep results
    ├── WaiterError               a waiter gave up: .last is what it saw last
    ├── PaceError                 a message got no slot of a pace and was not sent
    │   ├── AttemptsUsedUp        the handler has failed in all attempts, and is not called again
    │   ├── WaitTooLong           the slot is later than the message may wait
    │   └── PaceStoreFailed       the store of the pace could not be read or written
    ├── OrderingError             a message did not run: others of its key come first
    │   ├── WaitedTooLong         it has waited for as long as it may
    │   └── OrderingStoreFailed   the store of the policy could not be read or written
    ├── FeedError                 a feed cannot be started, read or changed: .feed
    ├── IdempotencyError          an idempotent handler did not run, or did not record its result
    │   └── AlreadyRunning, PayloadMismatch, KeyMissing, FailureKept, EffectInDoubt,
    │       ResultNotStored, ClaimLost, StoreFailed
    └── LargePayloadError         a payload in a store cannot be written or read: .store .key
        └── UnreadableClaim, PayloadNotFound, PayloadDamaged, PayloadStoreDenied,
            PayloadStoreFailed, PayloadOverMemory

Messages say what happened, the value, and what to do. No message holds a secret.
"""

from __future__ import annotations

from typing import ClassVar, Final

_SHOWN: Final = 120


def shorten(value: object) -> str:
    """Return the repr of a value for a message, cut in the middle when it is long."""
    text = repr(value)
    if len(text) <= _SHOWN:
        return text
    # Beginning and end: a path or an ARN differs in its last part as often as in its first.
    half = (_SHOWN - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


class FcAsyncError(Exception):
    """Root of everything that this package raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        # That of Exception calls the class with the message: most classes take other arguments.
        return _rebuild, (type(self), self.args, vars(self))


def _rebuild(
    cls: type[FcAsyncError], args: tuple[object, ...], attributes: dict[str, object]
) -> FcAsyncError:
    error = cls.__new__(cls, *args)
    vars(error).update(attributes)
    return error


class InvalidRequest(FcAsyncError, ValueError):
    """The call can't be sent as it is. Nothing was sent."""


class InvalidParameter(InvalidRequest):
    """One argument is wrong.

    Attributes:
        name: The argument.
        value: What was given.
        expected: What the argument must be, in words.
    """

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"{name}={shorten(value)}: {expected}")
        self.name = name
        self.value = value
        self.expected = expected


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


class PayloadTooLarge(InvalidRequest):
    """The payload is over the limit of the service.

    Attributes:
        size: Bytes of the payload.
        limit: Bytes allowed.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"the payload has {size} bytes, {limit} are allowed: an asynchronous call takes more "
            "with large=store (fc_async_sdk.payloads), fc-async invoke with --large"
        )
        self.size = size
        self.limit = limit


class ConfigurationError(FcAsyncError):
    """Region, account, endpoint or another setting is missing or wrong."""


class CredentialsError(ConfigurationError):
    """No credentials were found, or those found can't be used."""


class NoCredentials(CredentialsError):
    """No credentials were found; the log (DEBUG) has the error of the last place of the chain."""


class InvalidEvent(FcAsyncError, ValueError):
    """The input is not a destination event.

    Attributes:
        reason: What is wrong.
        place: Where in the document it went wrong, such as ``$.requestContext.requestId``.
    """

    def __init__(self, reason: str, place: str = "$") -> None:
        super().__init__(f"not a destination event: {reason} (at {place})")
        self.reason = reason
        self.place = place


class InvalidPayload(FcAsyncError, ValueError):
    """A payload or a result does not fit the type that it is read as.

    Attributes:
        expected: Name of the type.
        reason: What does not fit.
        place: Where in the payload, such as ``$.items[0].price``.
        what: What was read: ``the payload``, or the result of a task.
    """

    def __init__(
        self,
        expected: str,
        reason: str,
        place: str = "$",
        *,
        what: str = "the payload",
    ) -> None:
        super().__init__(f"{what} is not a valid {expected}: {reason} (at {place})")
        self.expected = expected
        self.reason = reason
        self.place = place
        self.what = what


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


class Deferred(FcAsyncError):
    """A synchronous call has no result: its message was sent on, and runs as a task.

    The handler has a pace whose slot had not come, or it has asked for a later time.

    Attributes:
        function: Name of the function.
        task_id: Id of the task that goes on with the message.
        reason: Why, if the handler asked for it.
    """

    def __init__(self, function: str, task_id: str, reason: str = "") -> None:
        why = f": {reason}" if reason else ""
        super().__init__(f"{function} goes on later, as task {task_id}{why}")
        self.function = function
        self.task_id = task_id
        self.reason = reason


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
        # The type is part of the reason already, as in KeyError: 'items'.
        ending = f": {reason}"
        if not reason:
            ending = f" with {error_type}: {shorten(payload.decode('utf-8', 'replace'))}"
        trace = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{function or 'the function'} failed{ending}{trace}")
        self.error_type = error_type
        self.payload = payload
        self.function = function
        self.reason = reason
        self.request_id = request_id


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
        message: What became of the task, such as ``failed after 4 attempts``.
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
        ending = f": {reason}" if reason else ""
        trace = f" [request {request_id}]" if request_id else ""
        advice = f"\n{self.advice}" if self.advice else ""
        super().__init__(f"task {task_id} of {function} {message}{ending}{trace}{advice}")
        self.message = message
        self.function = function
        self.task_id = task_id
        self.status = status
        self.reason = reason
        self.request_id = request_id


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


# --- answers of the service: one class per code, grouped by status ------------------------------


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
        text = message
        if self.advice and self.advice.rstrip(".").lower() not in message.lower():
            # The service ends some sentences and not others.
            text = f"{message if message.endswith('.') else message + '.'} {self.advice}"
        trace = f" [request {request_id}]" if request_id else ""
        super().__init__(f"{http_status} {code}{where}: {text}{trace}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.request_id = request_id
        self.operation = operation
        self.retry_after = retry_after


class InvalidArgument(ServiceError):
    """400: an argument was refused."""


class EntityTooLarge(ServiceError):
    """400: the payload is over the limit."""

    advice = "An asynchronous call takes more with large=store (fc_async_sdk.payloads)."


class InvalidDestinationResources(ServiceError):
    """400: a destination is empty or not an ARN."""


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


class FunctionInvocationDisabled(AccessDenied):
    """403: calls of the function are refused until it is enabled again."""

    advice = "Call EnableFunctionInvocation first."


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

    advice = (
        "Slow down, or raise the limit: the reserved concurrency of the function, or the quota of "
        "the account."
    )


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
        name: value
        for name, value in list(globals().items())  # every class is named after its code
        if isinstance(value, type) and issubclass(value, ServiceError)
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


# --- fc_async_sdk.idempotency; raised from a handler, they fail the attempt ---------------------


class IdempotencyError(FcAsyncError):
    """An idempotent handler did not run, or its result was not recorded.

    Attributes:
        message: What happened, without the key.
        key: The key of the record, as stored.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(f"{message} [key {shorten(key)}]" if key else message)
        self.message = message
        self.key = key


class AlreadyRunning(IdempotencyError):
    """Another run holds the key. FC retries this attempt later and gets the stored result.

    Attributes:
        until: When the other run counts as interrupted, in milliseconds since the epoch.
    """

    def __init__(self, key: str, *, until: int, attempt: int) -> None:
        super().__init__(
            f"another run holds this key; this is attempt {attempt + 1}, and a retry gets the "
            "result of that run (wait=... waits for it instead)",
            key=key,
        )
        self.until = until


class PayloadMismatch(IdempotencyError):
    """Two different payloads have the same key. Nothing ran."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "the key was used with another payload: choose a key that differs between jobs, or "
            "compare=... for the part of the payload that must be equal",
            key=key,
        )


class EffectInDoubt(IdempotencyError):
    """An effect began and its end was not recorded: it may or may not have happened.

    Attributes:
        effects: Names of those effects.
    """

    def __init__(self, key: str, effects: tuple[str, ...]) -> None:
        super().__init__(
            f"{', '.join(effects)}: began in an earlier run that was interrupted, and may have "
            "happened. Find out, then call idempotency.resolve(store, key, happened=...)",
            key=key,
        )
        self.effects = effects


class FailureKept(IdempotencyError):
    """An earlier run failed with an error of ``keep_failures``. Nothing ran.

    Attributes:
        error_type: Name of the class of that error.
        error_message: Its text.
    """

    def __init__(self, key: str, error_type: str, error_message: str) -> None:
        super().__init__(f"an earlier run failed with {error_type}: {error_message}", key=key)
        self.error_type = error_type
        self.error_message = error_message


class ResultNotStored(IdempotencyError):
    """The work was done by an earlier run, but its result could not be stored."""

    def __init__(self, key: str, work: str, reason: str) -> None:
        super().__init__(f"{work} was done, its result was not kept: {reason}", key=key)


class ClaimLost(IdempotencyError):
    """This run lasted longer than its deadline, and another run took the key over."""

    def __init__(self, key: str, before: str) -> None:
        super().__init__(f"the key was taken over by another run before {before}", key=key)


class KeyMissing(IdempotencyError, ValueError):
    """The event has no value for the key. Nothing ran."""


class StoreFailed(IdempotencyError):
    """The store could not be read or written; ``__cause__`` is the error of its client."""


# --- fc_async_sdk.pacing ------------------------------------------------------------------------


class PaceError(FcAsyncError):
    """A message got no slot. It was not sent.

    Attributes:
        pace: Name of the pace.
        message: What happened, without the name.
    """

    def __init__(self, pace: str, message: str) -> None:
        super().__init__(f"pace {pace}: {message}")
        self.pace = pace
        self.message = message


class PaceStoreFailed(PaceError):
    """The store could not be read or written; ``__cause__`` is the error of its client."""


class AttemptsUsedUp(PaceError):
    """The handler has failed in all attempts; ``__cause__`` is its last error, if it is known.

    Raised in an attempt of the service that no longer calls the handler.
    """

    def __init__(self, pace: str, attempts: int, error: BaseException | None = None) -> None:
        known = "" if error is None else f": {type(error).__name__}: {error}"
        super().__init__(pace, f"the handler has failed in all {attempts} attempts{known}")


class WaitTooLong(PaceError):
    """The slot is later than the message may wait.

    Attributes:
        seconds: The wait until the last slot, in seconds.
    """

    def __init__(
        self,
        pace: str,
        seconds: int,
        count: int,
        hops: int,
        max_hops: int,
    ) -> None:
        waits = "the message waits" if count == 1 else f"the last of {count:,} messages waits"
        advice = (
            "Decorate the handler: @handler(…, pace=…), allow"
            if not max_hops
            else f"The pace allows max_hops={max_hops}, this takes more: allow"
        )
        advice += f" max_hops={hops} (fc-async invoke: --max-hops {hops}); or send fewer."
        super().__init__(pace, f"{waits} {seconds:,} s, longer than it may; not sent\n{advice}")
        self.seconds = seconds


# --- fc_async_sdk.feeding ------------------------------------------------------------------------


class FeedError(FcAsyncError):
    """A feed could not be started, read or changed.

    Attributes:
        feed: Name of the feed.
        message: What happened, without the name.
    """

    def __init__(self, feed: str, message: str) -> None:
        super().__init__(f"feed {feed}: {message}")
        self.feed = feed
        self.message = message


# --- fc_async_sdk.ordering; raised from a handler, they fail the attempt ------------------------


class OrderingError(FcAsyncError):
    """A message did not run, or was not sent, because of a policy that it shares with others.

    Attributes:
        policy: Name of the policy.
        message: What happened, without the name.
    """

    def __init__(self, policy: str, message: str) -> None:
        super().__init__(f"{policy}: {message}")
        self.policy = policy
        self.message = message


class WaitedTooLong(OrderingError):
    """A message has waited for others of its key for as long as it may.

    Attributes:
        key: What it waited for.
        seconds: How long it has waited.
    """

    def __init__(self, policy: str, key: object, seconds: float) -> None:
        subject = "other messages" if key is None else f"other messages of the key {shorten(key)}"
        text = f"it has waited {seconds:,.0f} s for {subject}; it did not run"
        super().__init__(policy, f"{text}\nGive it more patience=seconds, or a higher limit.")
        self.key = key
        self.seconds = seconds


class OrderingStoreFailed(OrderingError):
    """The store could not be read or written; ``__cause__`` is the error of its client."""


# --- fc_async_sdk.payloads; raised from a handler, they fail the attempt ------------------------


class LargePayloadError(FcAsyncError):
    """A payload could not be written to its store, or not be read from it.

    Attributes:
        message: What happened, without store and key.
        store: Name of the store, "" if it is not known.
        key: Key of the object in it, "" if it is not known.
    """

    def __init__(self, message: str, *, store: str = "", key: str = "") -> None:
        super().__init__(f"{message} [{store} {key}]" if key else message)
        self.message = message
        self.store = store
        self.key = key


class UnreadableClaim(LargePayloadError):
    """The claim has another version or form, or there is no store to open it with."""


class PayloadNotFound(LargePayloadError):
    """The store does not have the object, or not any more."""


class PayloadDamaged(LargePayloadError):
    """The object does not have the content that was written: its hash or its size differs."""


class PayloadStoreDenied(LargePayloadError):
    """The store refuses access: ``fc-async policy`` prints the permissions that it needs."""


class PayloadStoreFailed(LargePayloadError):
    """The store failed or did not answer in time; ``__cause__`` is the error of its client."""


class PayloadOverMemory(LargePayloadError):
    """The payload is larger than may be read into memory. Nothing was read."""
