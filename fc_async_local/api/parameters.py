# SPDX-License-Identifier: MIT
"""Reading what came in a query string, a header or a JSON body, or refusing it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.domain import json_input
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import Page, check_limit
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean: clients write ``true`` and ``True``. Absent: false.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise refusals.invalid_argument(f"{name} must be true or false, got {query[name]!r}")
    return text == "true"


def whole_number(query: Mapping[str, str], name: str) -> int | None:
    """An integer, None when absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:  # noqa: PLR2004 -- fits int64
        raise refusals.invalid_argument(f"{name} must be an integer, got {text!r}")
    return int(text)


def page(query: Mapping[str, str]) -> Page:
    """``limit`` and ``nextToken``.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    limit = whole_number(query, "limit")
    return Page(
        limit=limits.PAGE_SIZE.default if limit is None else check_limit(limit),
        token=query.get("nextToken", ""),
    )


def choice(query: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of several words; the first when absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "") or choices[0]
    if text not in choices:
        raise refusals.invalid_argument(f"{name} must be one of {', '.join(choices)}, got {text!r}")
    return text


def json_object(body: bytes) -> dict[str, Any]:
    """A JSON object; empty when there is no body.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if not body:
        return {}
    try:
        value = json_input.read(body)
    except json_input.InvalidJson as error:
        raise refusals.invalid_argument(f"the body cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise refusals.invalid_argument("the body must be a JSON object")
    return value


def request_id(text: str) -> str:
    """``x-fc-request-id`` of a request: "" when the header is absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if text and not limits.REQUEST_ID_PATTERN.fullmatch(text):
        raise refusals.invalid_argument(
            f"x-fc-request-id must be 1 to 128 letters, digits, '_' and '-', got {shorten(text)}"
        )
    return text


def delay_seconds(text: str) -> int:
    """``x-fc-async-delay``: 0 when the header is absent (""), else within (0, 3600).

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if not text:
        return 0
    delay = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 -- bounds int()
    if delay not in limits.DELAY_SECONDS:
        low, high, _ = limits.DELAY_SECONDS
        raise refusals.invalid_argument(
            f"x-fc-async-delay must be a whole number of seconds between {low} and {high}, "
            f"got {text!r}"
        )
    return delay
