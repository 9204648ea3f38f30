# SPDX-License-Identifier: MIT
"""The operations of the admin API, one function each: ``client.send(operations.get_health())``.

Each returns a :class:`~fc_async_sdk.operations.Call`; none does I/O.
"""

from __future__ import annotations

from typing import Final, TypeVar

from fc_async_sdk import _signing
from fc_async_sdk.admin import models
from fc_async_sdk.operations.call import Call, json_call

T = TypeVar("T")

SECONDS: Final = 10.0
"""Time limit of a whole call: the runtime is on this machine."""


def get_health() -> Call[models.Health]:
    """Return the addresses of a runtime whose store answers."""
    return _get("GetHealth", models.Health, "health")


# --- building ---------------------------------------------------------------------------------


def _get(operation: str, cls: type[T], *segments: str, parameters: str = "") -> Call[T]:
    at = _path(*segments)
    return json_call(operation, "GET", at, cls, parameters=parameters).within(SECONDS)


def _path(*segments: str) -> str:
    return "/".join([models.PREFIX, *map(_signing.encode, segments)])
