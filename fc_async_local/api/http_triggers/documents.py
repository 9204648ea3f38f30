# SPDX-License-Identifier: MIT
"""Events of HTTP triggers for their functions, and the answers to the requests. Pure.

A built-in runtime gets a request as an event (:mod:`fc_async_sdk.events.http`), and its result
becomes the answer. The pages of the service do not say which headers the event leaves out: here,
those that a web function does not get either.

Source: "HTTP triggers" and "Invoke a function through an HTTP trigger"
(docs/reference/sources.md).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.execution.protocol import BadResponse
from fc_async_local.http.edge import is_navigation
from fc_async_local.http.messages import Answer
from fc_async_sdk.spec import http_trigger, limits, request_headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fc_async_local.http.messages import Request

Headers = list[tuple[str, str]]

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_encode: Final = msgspec.json.Encoder().encode
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read: Final = msgspec.json.Decoder().decode


# --- requests ---


def passed_on(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request that its function gets."""
    headers = tuple(headers)
    dropped = http_trigger.NOT_PASSED_ON | _named_by_connection(headers)
    passed: Headers = []
    for name, value in headers:
        # The service's own headers steer the call; a function would read them as its caller's.
        if name in dropped or name.startswith(request_headers.OWN):
            continue
        passed.append((name, value))
    return tuple(passed)


# --- answers ---


def answer_of(result: bytes) -> Answer:
    """Return the answer that the result of a built-in runtime stands for.

    A JSON object with ``statusCode`` describes the answer; anything else is its body.

    Raises:
        BadResponse: A status, or the name or value of a header, is not one of HTTP.
    """
    try:
        members: Mapping[str, msgspec.Raw] = _members(result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = {}
    if "statusCode" not in members:
        return _with_type(Answer(200, result))
    headers = _value(members, "headers") or {}
    if not isinstance(headers, dict):
        raise BadResponse("headers is not an object")
    texts = [(name, _header_text(value)) for name, value in headers.items()]
    status = _status(_value(members, "statusCode"))
    answer = Answer(status, _body(members), usable_headers(texts))
    return _with_type(answer)


def check_status(status: int) -> None:
    """Refuse a status that cannot end an answer.

    Raises:
        BadResponse: It is not one from 200 to 599.
    """
    if status not in http_trigger.STATUSES:
        raise BadResponse(f"{status} is not the status of an answer: give one from 200 to 599")


def usable_headers(headers: Sequence[tuple[str, str]]) -> Headers:
    """Return the headers of a function's answer that are sent to the client.

    Raises:
        BadResponse: A name or value is not one of HTTP, or they are too long together.
    """
    dropped = http_trigger.RESERVED | _named_by_connection(headers)
    usable: Headers = []
    size = 0
    for name, value in headers:
        # A line break in a value would begin a header, or an answer, of the function's choice.
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise BadResponse(f"the header {name!r} is not a header of HTTP")
        lower = name.lower()
        if lower in dropped or lower.startswith(request_headers.OWN):
            continue
        usable.append((name, value))
        size += len(name) + len(value)
    if size > limits.HTTP_HEADERS_BYTES:
        raise BadResponse(
            f"the headers of the answer have {size} bytes, more than {limits.HTTP_HEADERS_BYTES}"
        )
    return usable


def _named_by_connection(headers: Iterable[tuple[str, str]]) -> set[str]:
    """Return the names of further headers that are for one connection only."""
    names: set[str] = set()
    for name, value in headers:
        if name.lower() == "connection":
            names.update(option.strip().lower() for option in value.split(","))
    return names


def _with_type(answer: Answer) -> Answer:
    names = {name.lower() for name, _ in answer.headers}
    if "content-type" in names:
        return answer
    content_type = ("Content-Type", http_trigger.DEFAULT_CONTENT_TYPE)
    return answer._replace(headers=[content_type, *answer.headers])


def _value(members: Mapping[str, msgspec.Raw], name: str) -> Any:
    try:
        return _read(members.get(name, b"null"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadResponse(f"{name} cannot be read: {error}") from None


def _status(value: Any) -> int:
    text = str(value)
    if not re.fullmatch(r"[0-9]{3}", text):
        raise BadResponse(f"statusCode {text[:40]!r} is not a status of HTTP")
    check_status(int(text))
    return int(text)


def _header_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return _encode(value).decode()


def _body(members: Mapping[str, msgspec.Raw]) -> bytes:
    """Return the body: text as it is, ``null`` as nothing, any other value as its JSON text."""
    raw = bytes(members.get("body", b"null"))
    # Other values are not decoded: written again, 1.10 would be 1.1 and a large body take memory.
    is_text_or_null = raw[:1] in (b'"', b"n")
    body = raw
    if is_text_or_null:
        text: str | None = _value(members, "body")
        body = (text or "").encode()
    if _value(members, "isBase64Encoded") is not True:
        return body
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        return body  # the page: the text is sent as it is, without an error


# --- origins of pages ---

SANDBOX: Final = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"
"""A policy for answers below a path of the runtime: a page there has no origin."""
_RESOLVES_NAMES: Final = ("Chrome/", "Firefox/")
"""Browsers that resolve all names under ``localhost`` themselves."""


def opens_window(request: Request) -> bool:
    """Return whether a browser that finds names under ``localhost`` opens a page in a window."""
    if not is_navigation(request):
        return False
    agent = request.headers.get("user-agent", "")
    return any(name in agent for name in _RESOLVES_NAMES)


# --- cross-origin requests ---

_EXPOSED: Final = "Date,x-fc-request-id"


def cors_headers(origin: str, answer: Sequence[tuple[str, str]] = ()) -> Headers:
    """Return the headers that let a page of another origin read an answer.

    Args:
        origin: The Origin of the request; "" if it has none.
        answer: What the function has set; it takes precedence.
    """
    if not origin:
        return []
    defaults = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": _EXPOSED,
    }
    present = {name.lower() for name, _ in answer}
    return [(name, value) for name, value in defaults.items() if name.lower() not in present]


def preflight(origin: str, asked_headers: str, methods: Sequence[str]) -> Answer:
    """Return the answer to a preflight request that no function gets.

    Args:
        origin: The Origin of the request.
        asked_headers: Its ``Access-Control-Request-Headers``.
        methods: The methods of the trigger.
    """
    headers = cors_headers(origin)
    headers.append(("Access-Control-Allow-Methods", ",".join(methods)))
    if asked_headers:
        headers.append(("Access-Control-Allow-Headers", asked_headers))
    return Answer(200, b"", headers)
