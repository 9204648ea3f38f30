# SPDX-License-Identifier: MIT
"""The operations of the admin API, one function each: ``client.send(operations.get_health())``.

Each returns a :class:`~fc_async_sdk.operations.Call`; none does I/O.
"""

from __future__ import annotations

import base64
from typing import Final, TypeVar

from fc_async_sdk import _signing
from fc_async_sdk.admin import models
from fc_async_sdk.operations.call import Call, json_call, query

T = TypeVar("T")

SECONDS: Final = 10.0
"""Time limit of a whole call: the runtime is on this machine."""


def get_health() -> Call[models.Health]:
    """Return the addresses of a runtime whose store answers."""
    return _get("GetHealth", models.Health, "health")


# --- triggers ---------------------------------------------------------------------------------


def list_triggers(function: str | None = None) -> Call[models.Triggers]:
    """List the triggers of all functions, or of one, with the next firings of timers."""
    parameters = query(function=function)
    return _get("ListTriggers", models.Triggers, "triggers", parameters=parameters)


def fire_trigger(
    function: str, trigger: str, payload: bytes | None = None
) -> Call[models.FiredNow]:
    """Fire a trigger now.

    Args:
        function: Name of the function.
        trigger: Name of the trigger.
        payload: What the function gets; None: the event that the trigger would make.
    """
    text = None if payload is None else base64.b64encode(payload).decode()
    body = models.Fire(payload=text, payload_encoding="" if text is None else "base64")
    return _post("FireTrigger", models.FiredNow, body, "triggers", function, trigger, "fire")


def send_object_event(event: models.ObjectEvent) -> Call[models.FiredTriggers]:
    """Fire the OSS triggers that match an event of an object."""
    return _post("SendObjectEvent", models.FiredTriggers, event, "events", "oss")


# --- building ---------------------------------------------------------------------------------


def _get(operation: str, cls: type[T], *segments: str, parameters: str = "") -> Call[T]:
    at = _path(*segments)
    return json_call(operation, "GET", at, cls, parameters=parameters).within(SECONDS)


def _post(operation: str, cls: type[T], body: object, *segments: str) -> Call[T]:
    call = json_call(operation, "POST", _path(*segments), cls, document=body, repeat="never")
    return call.within(SECONDS)


def _path(*segments: str) -> str:
    return "/".join([models.PREFIX, *map(_signing.encode, segments)])
