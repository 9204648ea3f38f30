# SPDX-License-Identifier: MIT
"""Values of query strings, headers and JSON bodies: read or refused. Pure."""

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
    """Return a boolean, False if it is absent. Clients write ``true`` and ``True``.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise refusals.invalid_argument(f"{name} must be true or false, got {query[name]!r}")
    return text == "true"


def whole_number(query: Mapping[str, str], name: str) -> int | None:
    """Return an integer, None if it is absent.

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
    """Return the page that ``limit`` and ``nextToken`` ask for.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    limit = whole_number(query, "limit")
    return Page(
        limit=limits.PAGE_SIZE.default if limit is None else check_limit(limit),
        token=query.get("nextToken", ""),
    )


def choice(query: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return one of several words, the first if it is absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "") or choices[0]
    if text not in choices:
        raise refusals.invalid_argument(f"{name} must be one of {', '.join(choices)}, got {text!r}")
    return text


def json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object, an empty one if the body is empty.

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
    """Return the value of ``x-fc-request-id``, "" if the header is absent ("").

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if text and not limits.REQUEST_ID_PATTERN.fullmatch(text):
        raise refusals.invalid_argument(
            f"x-fc-request-id must be 1 to 128 letters, digits, '_' and '-', got {shorten(text)}"
        )
    return text


def delay_seconds(text: str) -> int:
    """Return ``x-fc-async-delay`` in seconds from 1 to 3599, 0 if the header is absent ("").

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
