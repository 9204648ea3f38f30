# SPDX-License-Identifier: MIT
"""Numbers of a function's settings, as several rules compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_plugin.s_yaml.model import BLOCK
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_plugin.s_yaml.model import Resource


def valid(value: Any, allowed: limits.Range) -> int | None:
    """Return a valid value, the service's default if it is not set, None if it is invalid."""
    if value is None:
        return allowed.default
    return value if value in allowed else None


def event_age(resource: Resource) -> int | None:
    """Return how long an invocation lives, in seconds; None if the value is invalid."""
    return valid(resource.at(BLOCK, "maxAsyncEventAgeInSeconds"), limits.EVENT_AGE_SECONDS)


def timeout(resource: Resource) -> int | None:
    """Return how long an execution may last, in seconds; None if the value is invalid."""
    return valid(resource.at("timeout"), limits.FUNCTION_TIMEOUT_SECONDS)
