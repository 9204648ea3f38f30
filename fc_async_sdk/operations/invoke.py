# SPDX-License-Identifier: MIT
"""InvokeFunction: synchronous, asynchronous, later."""

from __future__ import annotations

import base64
import binascii
import functools
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._payloads import claims, envelopes
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    FunctionError,
    InvalidParameter,
    InvalidResponse,
)
from fc_async_sdk.hooks import TOKEN
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import OCTETS, Answer, Call, of_function, qualified
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from fc_async_sdk._payloads.claims import PayloadStore
    from fc_async_sdk.models import LogType
    from fc_async_sdk.operations.checks import Payload

_OPERATION: Final = "InvokeFunction"
_ACCEPTED: Final = 202
_OK: Final = 200
_DUPLICATE: Final = 409
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_RESERVED: Final = (
    # What the arguments say, so that nothing gets around their checks …
    "x-acs-",
    "x-fc-invocation-type",
    "x-fc-log-type",
    "x-fc-async-",
    # … and what says where a request ends and who sends it.
    "authorization",
    "connection",
    "content-length",
    "expect",
    "host",
    "proxy-",
    "trailer",
    "transfer-encoding",
    "upgrade",
)


class InvokeResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a synchronous call.

    Attributes:
        payload: What the function returned, or its error document, as bytes.
        request_id: To find it in the logs.
        error_type: "" when the function returned; ``UnhandledInvocationError`` and the like when
            it failed.
        status: HTTP status; 200 also when the function failed.
        log: The last 4 KB of the log if asked for, else "".
        duration_ms: How long the function ran, or None if the service didn't say.
        version: The version that ran, "" if the service didn't say.
        function: Name of the function, "" if it is not known.
    """

    payload: bytes
    request_id: str = ""
    error_type: str = ""
    status: int = _OK
    log: str = ""
    duration_ms: float | None = None
    version: str = ""
    function: str = ""

    @property
    def succeeded(self) -> bool:
        """True when the function returned."""
        return not self.error_type

    def json(self) -> Any:
        """Return the payload, decoded as JSON.

        Raises:
            InvalidResponse: It is not JSON.
            UnreadableClaim: It is a claim, which ``payloads.fetch`` reads from its store.
        """
        try:
            decoded = msgspec.json.decode(self.payload)
        except JSON_ERRORS as error:
            raise InvalidResponse(f"the payload is not JSON: {error}", operation=_OPERATION) from (
                error
            )
        return claims.check_decoded(decoded, "the result")

    def text(self) -> str:
        """Return the payload as text; bytes that are not UTF-8 become U+FFFD."""
        return self.payload.decode("utf-8", "replace")

    def raise_for_function_error(self) -> None:
        """Raise if the function failed.

        Raises:
            FunctionError: It failed.
        """
        if self.error_type:
            from fc_async_sdk.events.error_documents import (  # noqa: PLC0415 -- few calls fail
                error_summary,
            )

            raise FunctionError(
                self.error_type,
                self.payload,
                function=self.function,
                reason=error_summary(self.payload),
                request_id=self.request_id,
            )


class AcceptedInvocation(msgspec.Struct, frozen=True, kw_only=True):
    """An asynchronous invocation that the service has stored.

    Attributes:
        request_id: The same over all attempts. For a duplicate: of the request that found it.
        task_id: The id given, or the one that the service made ("" without task mode).
        duplicate: True when it had been accepted before under this task id.
    """

    request_id: str
    task_id: str = ""
    duplicate: bool = False


def invoke(
    function: str,
    payload: Payload = None,
    *,
    qualifier: str | None = None,
    log_type: LogType | None = None,
    timeout: float | None = None,
    total_timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
) -> Call[InvokeResult]:
    """Call a function and wait for its result.

    A function that fails is a result too: look at ``.error_type``, or call
    ``.raise_for_function_error()``. The SDK never repeats the call by itself once it was sent.

    Args:
        function: Name of the function.
        payload: Bytes, text or anything JSON; at most 32 MB (quota).
        qualifier: Version or alias; None is LATEST.
        log_type: ``Tail`` to get the last 4 KB of the log.
        timeout: Seconds to wait for the answer; None takes ``Config.read_timeout``.
        total_timeout: Seconds for the whole call; None takes ``Config.total_timeout``.
        headers: Further headers to send: names, and values in ASCII. Those that the SDK sets are
            refused.

    Raises:
        InvalidParameter: An argument is wrong; nothing was sent.
        PayloadTooLarge: Over 32 MB; nothing was sent.
        FunctionNotFound: No such function.
        OutcomeUnknown: It was sent and no answer came.
    """
    sent = _headers(headers)
    sent["x-fc-invocation-type"] = "Sync"
    chosen = checks.choice("log_type", log_type, ("None", "Tail"))
    if chosen is not None:
        sent["x-fc-log-type"] = chosen
    return Call(
        operation=_OPERATION,
        method="POST",
        path=of_function(function, "invocations"),
        query=qualified(qualifier),
        headers=sent,
        body=checks.payload(payload, limits.SYNC_PAYLOAD_BYTES),
        read=functools.partial(_read_result, function),
        # A lost answer does not tell whether the function has run.
        repeat="never",
        timeout=checks.timeout("timeout", timeout),
        total_timeout=checks.timeout("total_timeout", total_timeout),
    )


def invoke_async(
    function: str,
    payload: Payload = None,
    *,
    delay: int | timedelta | None = None,
    task_id: str | None = None,
    qualifier: str | None = None,
    total_timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    large: PayloadStore | None = None,
) -> Call[AcceptedInvocation]:
    """Call a function asynchronously: the service stores the call and answers at once.

    With a ``task_id`` the SDK repeats the request when no answer comes, and finding that the
    first try was accepted counts as success. Without one, it is never sent twice.

    Args:
        function: Name of the function.
        payload: Bytes, text or anything JSON; at most ``Config.max_async_payload_bytes``, which is
            128 KB (quota) unless the account was granted more.
        delay: Whole seconds, or a timedelta of them, 0 < delay < 3600 (guide); None is none.
        task_id: Unique within the function: a letter or ``_``, then letters, digits, ``_`` and
            ``-``, at most 128 characters (API). None: the service makes one.
        qualifier: Version or alias; None is LATEST.
        total_timeout: Seconds for the whole call, repetitions included; None takes
            ``Config.total_timeout``.
        headers: Further headers to send.
        large: Store for a payload over its ``threshold``, which is 100 KiB if the store has none. A
            claim travels then, and the function reads the payload with
            ``@handler(..., large=store)``. The time that the store needs is not limited by
            ``total_timeout``. See :mod:`fc_async_sdk.payloads`.

    Raises:
        InvalidParameter: An argument is wrong; nothing was sent.
        PayloadTooLarge: Over the limit; nothing was sent.
        LargePayloadError: The store denied or failed; nothing was sent.
        AsyncTaskAlreadyExists: This task id was taken before this call.
        FunctionNotFound: No such function.
        Throttled: Refused for now.
        OutcomeUnknown: No task id was given, it was sent and no answer came.
    """
    sent = _headers(headers)
    sent["x-fc-invocation-type"] = "Async"
    seconds = checks.delay(delay)
    if seconds is not None:
        sent["x-fc-async-delay"] = str(seconds)
    task = checks.task_id(task_id)
    if task is not None:
        sent["x-fc-async-task-id"] = task
    body, deposit = _body(function, payload, claims.check(large))
    return Call(
        operation=_OPERATION,
        method="POST",
        path=of_function(function, "invocations"),
        query=qualified(qualifier),
        headers=sent,
        body=body,
        deposit=deposit,
        read=functools.partial(_read_accepted, task_id=task or ""),
        light=True,
        total_timeout=checks.timeout("total_timeout", total_timeout),
        # A task id is accepted once, so a repeat cannot run the function twice.
        repeat="never" if task is None else "always",
        done_already=0 if task is None else _DUPLICATE,
        read_done_already=lambda answer: AcceptedInvocation(
            request_id=answer.request_id,
            task_id=task or "",
            duplicate=True,
        ),
        error={_DUPLICATE: AsyncTaskAlreadyExists} if task is not None else {},
    )


def invoke_later(
    function: str,
    payload: Payload = None,
    *,
    delay: int | timedelta,
    task_id: str | None = None,
    qualifier: str | None = None,
    total_timeout: float | None = None,
    headers: Mapping[str, str] | None = None,
    large: PayloadStore | None = None,
) -> Call[AcceptedInvocation]:
    """Return the call of :func:`invoke_async` with a delay, which must be given.

    Args:
        function: Name of the function.
        payload: Bytes, text or anything JSON; at most ``Config.max_async_payload_bytes``, which is
            128 KB (quota) unless the account was granted more.
        delay: Whole seconds, or a timedelta of them, 0 < delay < 3600 (guide).
        task_id: As in :func:`invoke_async`.
        qualifier: Version or alias; None is LATEST.
        total_timeout: Seconds for the whole call, repetitions included; None takes
            ``Config.total_timeout``.
        headers: Further headers to send.
        large: As in :func:`invoke_async`.

    Raises:
        InvalidParameter: An argument is wrong; nothing was sent.
        PayloadTooLarge: Over the limit; nothing was sent.
        LargePayloadError: The store denied or failed; nothing was sent.
        AsyncTaskAlreadyExists: This task id was taken before this call.
        OutcomeUnknown: No task id was given, it was sent and no answer came.
    """
    return invoke_async(
        function,
        payload,
        delay=checks.some_delay(delay),
        task_id=task_id,
        qualifier=qualifier,
        total_timeout=total_timeout,
        headers=headers,
        large=large,
    )


def delayed(call: Call[AcceptedInvocation], seconds: int | None) -> Call[AcceptedInvocation]:
    """Return a call without a delay with one; None: without one, too."""
    if seconds is None:
        return call
    headers = {**call.headers, "x-fc-async-delay": str(seconds)}
    return msgspec.structs.replace(call, headers=headers)


def _body(
    function: str, payload: Payload, large: PayloadStore | None
) -> tuple[bytes, Callable[[], bytes] | None]:
    """Return the payload as bytes, and what writes it to a store and returns a claim, if needed."""
    if large is None:
        return checks.payload(payload, limits.ASYNC_PAYLOAD_GRANTED_BYTES), None
    body = checks.payload(payload, sys.maxsize)
    if len(body) <= claims.threshold(large):
        return body, None
    return body, functools.partial(_deposit, large, function, body)


def _deposit(store: PayloadStore, function: str, body: bytes) -> bytes:
    """Write a payload to a store and return its claim, inside the message that waits for a slot."""
    from fc_async_sdk._pacing import hop  # noqa: PLC0415 -- few payloads are large

    message = hop.read(body)
    if message is None:
        return claims.write(store, function, body).encode()
    claim = claims.write(store, function, message.payload.open())
    return msgspec.structs.replace(message, payload=envelopes.content(claim.encode())).encode()


def _headers(extra: Mapping[str, str] | None) -> dict[str, str]:
    """Return a new dict, so that the caller's is never changed."""
    sent = {"content-type": OCTETS}
    for name, value in (checks.text_map("headers", extra) or {}).items():
        lower = name.lower()
        if not TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise InvalidParameter("headers", name, "must be a header's name, its value ASCII")
        if lower.startswith(_RESERVED):
            raise InvalidParameter("headers", name, "is set by the SDK")
        sent[lower] = value.strip()
    return sent


def _check_origin(answer: Answer) -> None:
    """Check that an answer is the service's: a server of another kind answers 200, too.

    Raises:
        InvalidResponse: It has no request id.
    """
    if not answer.request_id:
        raise InvalidResponse(
            f"the answer {answer.status} has no x-fc-request-id, so what it says is not known\n"
            "Check that the endpoint is Function Compute and that no proxy removes headers.",
            operation=_OPERATION,
        )


def _read_result(function: str, answer: Answer) -> InvokeResult:
    _check_origin(answer)
    headers = answer.headers
    return InvokeResult(
        payload=answer.body,
        request_id=answer.request_id,
        error_type=headers.get("x-fc-error-type") or "",
        status=answer.status,
        log=_log(headers.get("x-fc-log-result") or ""),
        duration_ms=_number(headers.get("x-fc-invocation-duration")),
        version=headers.get("x-fc-invocation-service-version") or "",
        function=function,
    )


def _log(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return encoded


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _read_accepted(answer: Answer, *, task_id: str) -> AcceptedInvocation:
    """Read the answer to an accepted call that was given this task id ("" if none)."""
    if answer.status != _ACCEPTED:
        raise InvalidResponse(
            f"expected 202 for an asynchronous call, got {answer.status}{answer.trace}",
            operation=_OPERATION,
        )
    named = answer.headers.get("x-fc-async-task-id") or task_id
    _check_origin(answer)
    if task_id and named != task_id:
        raise InvalidResponse(
            f"the answer 202 is about task {named!r}, not about {task_id!r}{answer.trace}",
            operation=_OPERATION,
        )
    return AcceptedInvocation(request_id=answer.request_id, task_id=named)
