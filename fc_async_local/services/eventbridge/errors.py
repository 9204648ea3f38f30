# SPDX-License-Identifier: MIT
"""The errors of EventBridge: code, HTTP status and message."""

from __future__ import annotations

from typing import Final

from fc_async_local.services.common import ProtocolError

STATUS: Final = {
    "EventBusNotExist": 404,
    "EventRuleNotExisted": 404,
    "EventTargetNotExisted": 404,
    "EventBusAlreadyExist": 409,
    "EventRuleAlreadyExist": 409,
    "InvalidArgument": 400,
    "InvalidEvent": 400,
    "InvalidEventPattern": 400,
    "InvalidAction": 400,
    "MissingParameter": 400,
    "EntityTooLarge": 413,
    "QuotaExceeded": 400,
    "InvalidDigest": 400,
    "SignatureDoesNotMatch": 403,
}


class EventBridgeError(ProtocolError):
    """A request that EventBridge refuses, with one of the codes of :data:`STATUS`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(STATUS[code], code, message)


def bus_missing(name: str) -> EventBridgeError:
    """Return the error of a bus that does not exist."""
    return EventBridgeError("EventBusNotExist", f"the event bus {name!r} does not exist: create it")


def rule_missing(bus: str, name: str) -> EventBridgeError:
    """Return the error of a rule that does not exist."""
    return EventBridgeError("EventRuleNotExisted", f"the event bus {bus!r} has no rule {name!r}")
