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
