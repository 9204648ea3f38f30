# SPDX-License-Identifier: MIT
"""Checks of what users give to policies of messages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from fc_async_sdk.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable


def check_name(name: object) -> str:
    """Return the name of a policy.

    Raises:
        InvalidParameter: It cannot be part of a key.
    """
    if not isinstance(name, str) or not name or not name.isprintable():
        raise InvalidParameter("name", name, "must be printable text")
    return name


def check_seconds(
    argument: str,
    seconds: object,
    *,
    low: float,
    high: float,
) -> None:
    """Check a duration.

    Raises:
        InvalidParameter: It is not a number of the range.
    """
    is_number = isinstance(seconds, (int, float)) and math.isfinite(seconds)
    if not is_number or not low <= float(str(seconds)) <= high:
        text = f"must be a number of seconds from {low:g} to {high:g}"
        raise InvalidParameter(argument, seconds, text)


def key_of(key: Callable[[Any], object] | None, payload: object, name: str) -> object:
    """Return what a payload belongs to; None: to all messages.

    Raises:
        InvalidParameter: The function failed.
    """
    if key is None:
        return None
    try:
        return key(payload)
    except Exception as error:
        text = f"{name} gets no key of the payload: {error!r}"
        raise InvalidParameter("key", type(payload).__name__, text) from error


def attempt_of(context: Any) -> int:
    """Return the retry count of a delivery."""
    # A custom runtime passes the header on as text; python3.12 has no such attribute.
    count = str(getattr(context, "retry_count", None) or "0")
    return int(count) if count.isdecimal() else 0


def timeout_ms(timeout: float | None, context: Any) -> int:
    """Return how many milliseconds the platform lets the handler run.

    Args:
        timeout: Seconds that the user has given, or None.
        context: Of the delivery.

    Raises:
        InvalidParameter: Neither says it.
    """
    seconds = timeout or getattr(getattr(context, "function", None), "timeout", None)
    if not seconds:
        text = "the context has no function.timeout: pass timeout=seconds"
        raise InvalidParameter("timeout", seconds, text)
    return round(float(seconds) * 1_000)
