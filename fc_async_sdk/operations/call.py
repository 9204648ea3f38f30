# SPDX-License-Identifier: MIT
"""A call to the API before it is sent.

A :class:`Call` is data: the request, whether it may be repeated, and how to read its answer. The
two clients (sync and asyncio) send the same calls. Nothing here does I/O or knows a clock.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

import msgspec

from fc_async_sdk import _signing
from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._payloads import values
from fc_async_sdk.errors import (
    InvalidResponse,
    PayloadTooLarge,
    ServiceError,
    service_error_class,
    shorten,
)
from fc_async_sdk.operations import checks
from fc_async_sdk.spec import limits

T = TypeVar("T")
U = TypeVar("U")

Repeat = Literal["always", "refused", "never"]
"""Condition under which the SDK may send a failed request again.

``always``: it is idempotent. ``refused``: only when the service said that it did nothing (429), or
when the request never left. ``never``: only when the request never left.
"""

ROOT: Final = f"/{limits.API_VERSION}"
LOCAL_ROOT: Final = "/_local"
"""Beginning of the paths of a local runtime's own API."""
JSON: Final = "application/json; charset=utf-8"
OCTETS: Final = "application/octet-stream"
_REDIRECT: Final = 300
_ERROR_STATUS: Final = 400


class Answer(NamedTuple):
    """An answer of the API. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        """The request id, "" if the answer has none."""
        # The second header is that of the other services that calls go to.
        return self.headers.get("x-fc-request-id") or self.headers.get("x-acs-request-id") or ""

    @property
    def trace(self) -> str:
        """The request id as errors end with it."""
        return f" [request {self.request_id}]" if self.request_id else ""


class Call(msgspec.Struct, Generic[T], frozen=True, kw_only=True, gc=False):
    """One call to the API: the request to send and how to read its answer.

    Attributes:
        operation: Name of the operation, such as ``InvokeFunction``.
        method: HTTP method.
        path: Percent-encoded path.
        query: Canonical query string, "" if none.
        headers: Headers of this operation, lower-case names.
        body: The body, b"" if none.
        deposit: Writes the body to a store of payloads and returns what is sent instead, or None.
            The only part of a call that does I/O: the transport calls it, once.
        repeat: Whether the SDK may send it again.
        done_already: The HTTP status that, after a repetition, says that an earlier try worked.
        light: An asynchronous invocation: request and answer are small, and the answer's headers
            say all. A transport that knows only that much HTTP may send it.
        timeout: Seconds to wait for the answer instead of the configured read timeout, or None.
        total_timeout: Seconds for the whole call instead of the configured limit, or None.
        read: Reads a good answer.
        read_done_already: Reads the answer of status ``done_already``.
        error: A class for ``(status)`` that the service's codes don't settle.
    """

    operation: str
    method: str
    path: str
    read: Callable[[Answer], T]
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    deposit: Callable[[], bytes] | None = None
    repeat: Repeat = "always"
    done_already: int = 0
    read_done_already: Callable[[Answer], T] | None = None
    light: bool = False
    timeout: float | None = None
    total_timeout: float | None = None
    error: Mapping[int, type[ServiceError]] = {}

    @property
    def idempotent(self) -> bool:
        """True when sending it twice does no more than sending it once."""
        return self.repeat == "always"

    @property
    def is_local(self) -> bool:
        """True for an operation of a local runtime's own API."""
        return self.path.startswith(f"{LOCAL_ROOT}/")

    def check_size(self, max_async_payload_bytes: int) -> None:
        """Check that an account may send the payload, if the call is asynchronous.

        Args:
            max_async_payload_bytes: The account's limit.

        Raises:
            PayloadTooLarge: It may not.
        """
        # With a store, what is sent is a claim of some hundred bytes.
        is_sent_as_it_is = self.light and self.deposit is None
        if is_sent_as_it_is and len(self.body) > max_async_payload_bytes:
            raise PayloadTooLarge(len(self.body), max_async_payload_bytes)

    def deposited(self) -> Call[T]:
        """Return this call with what is sent instead of a body that a store takes.

        Raises:
            LargePayloadError: The store denied or failed.
        """
        if self.deposit is None:
            return self
        return msgspec.structs.replace(self, body=self.deposit(), deposit=None)

    def within(self, total_timeout: float | None) -> Call[T]:
        """Return this call with a limit for the whole of it; None changes nothing.

        Raises:
            InvalidParameter: The limit is not a number of seconds, more than 0.
        """
        if total_timeout is None:
            return self
        limit = checks.timeout("total_timeout", total_timeout)
        return msgspec.structs.replace(self, total_timeout=limit)

    def result(self, answer: Answer, *, repeated: bool = False) -> T:
        """Read an answer.

        Args:
            answer: What came back.
            repeated: Whether the SDK had sent the request before and doesn't know how it ended.

        Raises:
            ServiceError: The service refused or failed.
            InvalidResponse: The answer is not this API's.
        """
        if answer.status < _REDIRECT:
            return self.read(answer)
        if answer.status < _ERROR_STATUS:
            raise InvalidResponse(
                f"got a redirect ({answer.status}) to {answer.headers.get('location')!r}: "
                "this API has none, check the endpoint",
                operation=self.operation,
            )
        refusal = self.refusal(answer)
        # A page of a proxy has the same status and says nothing about the earlier try.
        is_of_service = refusal.code != _code_of(answer.status)
        is_done = repeated and is_of_service and answer.status == self.done_already
        if is_done and self.read_done_already is not None:
            return self.read_done_already(answer)
        raise refusal

    def refusal(self, answer: Answer) -> ServiceError:
        """Return the error for an answer of status 400 and above."""
        code, message, request_id = _read_error(answer)
        cls = service_error_class(code, answer.status)
        if code != _code_of(answer.status):
            cls = self.error.get(answer.status, cls)
        return cls(
            code,
            message,
            http_status=answer.status,
            request_id=request_id or answer.request_id,
            operation=self.operation,
            retry_after=retry_after(answer),
        )


def _code_of(status: int) -> str:
    """Return the code of an error whose answer is not a whole document of this API."""
    return f"Http{status}"


def _read_error(answer: Answer) -> tuple[str, str, str]:
    """Return code, message and request id of an error answer, in any spelling of the service."""
    try:
        document = msgspec.json.decode(answer.body)
    except JSON_ERRORS:
        document = None
    if not isinstance(document, dict):
        # A proxy, or a server of another kind. Its status must not count as the service's: a 409
        # would be "accepted before", and the payload lost without an error.
        message = f"the answer is not this API's, it says {excerpt(answer.body)}"
        return _code_of(answer.status), message, ""
    # The names come in more than one form: Code and code, ErrorMessage and errorMessage.
    folded = {str(key).lower(): value for key, value in document.items()}
    code = folded.get("code") or folded.get("errorcode") or _code_of(answer.status)
    message = folded.get("message") or folded.get("errormessage") or "no message"
    return str(code), str(message), str(folded.get("requestid") or "")


def excerpt(body: bytes) -> str:
    """Return the beginning of a body that could not be read, for a message."""
    return shorten(body.decode("utf-8", "replace")) if body else "nothing"


def retry_after(answer: Answer) -> float | None:
    """Return the requested wait in seconds: ``x-acs-retry-after`` (ms) or ``retry-after`` (s)."""
    for name, unit in (("x-acs-retry-after", 1000.0), ("retry-after", 1.0)):
        try:
            value = float(answer.headers.get(name) or "nan") / unit
        except ValueError:
            continue  # an HTTP date, or nonsense: our own back-off holds
        if math.isfinite(value) and value > 0:
            return value
    return None


# --- reading ----------------------------------------------------------------------------------


@functools.cache
def _decoder(cls: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cls)


def _decode(cls: Any, body: bytes) -> Any:
    """Decode an answer; where the service says null for nothing, nothing is what it is."""
    try:
        return _decoder(cls).decode(body)
    except msgspec.ValidationError:
        # Only now: nearly all answers have no null, and to look for some costs a second pass.
        document = msgspec.json.decode(body)
        if not isinstance(document, dict):
            raise
        return msgspec.convert(_without_nulls(document), cls, strict=False)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def read_json(cls: type[U], operation: str) -> Callable[[Answer], U]:
    """Return a function that reads JSON answers as a model."""
    decoded: Any = cls  # typeshed takes no type variable for hashable

    def read(answer: Answer) -> U:
        try:
            return _decode(decoded, answer.body)  # type: ignore[no-any-return]  # it is a U
        except JSON_ERRORS as error:
            raise InvalidResponse(
                f"expected a {cls.__name__} as JSON, got {excerpt(answer.body)}: "
                f"{error}{answer.trace}",
                operation=operation,
            ) from error

    return read


def read_nothing(answer: Answer) -> None:
    """Read an answer that says all with its status.

    Raises:
        InvalidResponse: It has a body that is not JSON, so it is not an answer of this API.
    """
    if not answer.body.strip():
        return
    try:
        msgspec.json.decode(answer.body)
    except JSON_ERRORS as error:
        raise InvalidResponse(
            f"expected an empty answer, got {answer.status} with {excerpt(answer.body)}: check the "
            "endpoint and the proxies between"
        ) from error


# --- building ---------------------------------------------------------------------------------


def path(*segments: str) -> str:
    """Return the path of a resource; each segment is percent-encoded by itself."""
    return "/".join([ROOT, *[_signing.encode(segment) for segment in segments]])


def of_function(function: str, *segments: str) -> str:
    """Return the path of a function, or of something that belongs to it."""
    return path("functions", checks.segment("function", function), *segments)


def query(**parameters: str | int | bool | None) -> str:
    """Return the canonical query string of the parameters that are set, by their wire names."""
    pairs: Iterable[tuple[str, str]] = [
        (name, _text(name, value)) for name, value in parameters.items() if value is not None
    ]
    return _signing.canonical_query(pairs) if pairs else ""


def qualified(qualifier: str | None) -> str:
    """Return the query string of an operation on a version or an alias; None is LATEST."""
    return query(qualifier=checks.qualifier(qualifier))


def page(limit: int | None, next_token: str | None, **parameters: str | int | bool | None) -> str:
    """Return the query string of a list operation, which has these parameters of its own."""
    size = checks.integer("limit", limit, limits.PAGE_SIZE)
    return query(**parameters, limit=size, nextToken=checks.some_text("next_token", next_token))


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else checks.text(name, value)


_JSON_HEADERS: Final = {"content-type": JSON}


def json_call(
    operation: str,
    method: str,
    at: str,
    cls: type[U],
    *,
    document: object = None,
    parameters: str = "",
    repeat: Repeat = "always",
) -> Call[U]:
    """Return a call that sends a JSON document, or nothing, and gets one back.

    Raises:
        InvalidParameter: Something in the document is not JSON.
    """
    return Call(
        operation=operation,
        method=method,
        path=at,
        query=parameters,
        headers=_JSON_HEADERS if document is not None else {},
        body=values.to_json(operation, document) if document is not None else b"",
        read=read_json(cls, operation),
        repeat=repeat,
    )


def get_call(
    operation: str,
    at: str,
    cls: type[U],
    parameters: str = "",
) -> Call[U]:
    """Return a call that reads a JSON document."""
    return json_call(operation, "GET", at, cls, parameters=parameters)


def create_call(
    operation: str,
    at: str,
    cls: type[U],
    document: object,
) -> Call[U]:
    """Return a call that makes something, repeated only if it was refused."""
    return json_call(operation, "POST", at, cls, document=document, repeat="refused")


def put_call(
    operation: str,
    at: str,
    cls: type[U],
    document: object,
    parameters: str = "",
) -> Call[U]:
    """Return a call that changes or replaces something."""
    return json_call(operation, "PUT", at, cls, document=document, parameters=parameters)


def delete_call(operation: str, at: str, *, parameters: str = "") -> Call[None]:
    """Return a call that deletes; "not found" after a repetition means that the first succeeded."""
    return Call(
        operation=operation,
        method="DELETE",
        path=at,
        query=parameters,
        read=read_nothing,
        done_already=404,
        read_done_already=read_nothing,
    )
