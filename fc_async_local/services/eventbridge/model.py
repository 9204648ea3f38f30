# SPDX-License-Identifier: MIT
"""The records of EventBridge, their limits, and its errors.

Fields of resources have the API's names in lower case. All times are milliseconds since the epoch.
Limits: docs/reference/sources.md, EventBridge limits.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

import msgspec

from fc_async_local.domain.invocation import Record
from fc_async_local.services.common import ProtocolError
from fc_async_local.services.delivery import Strategy
from fc_async_sdk._decoding import prepare

EVENT_BYTES: Final = 256 * 1024
"""Largest event of PutEvents. Events of destinations have a lower limit."""
BATCH_BYTES: Final = 1024 * 1024
BATCH_EVENTS: Final = 16
BUSES: Final = 50
RULES_PER_BUS: Final = 50
TARGETS_PER_RULE: Final = 5
VALUE_CHARACTERS: Final = 10_240
"""Longest Value and Template of a target's parameter."""

Event = dict[str, msgspec.Raw]
"""A CloudEvent by attribute. Values stay as written, because patterns compare their text."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Base of records with the same form in the API."""


class Bus(Record, frozen=True, kw_only=True):
    """A custom event bus."""

    name: str
    description: str = ""
    created_at: int


class Parameter(Wire, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """One entry of a target's ParamList: how one input is made from the event."""

    resource_key: str
    form: Literal["ORIGINAL", "CONSTANT", "JSONPATH", "TEMPLATE"] = "CONSTANT"
    value: str = ""
    template: str = ""


class DeadLetterQueue(Wire, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Destination of events that could not be pushed."""

    arn: str = ""


class Target(Wire, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """One target of a rule.

    ``errors_tolerance`` is stored and shown only: a failed event never blocks others here.
    """

    id: str
    type: str
    endpoint: str = ""
    param_list: tuple[Parameter, ...] = ()
    push_retry_strategy: Strategy = "BACKOFF_RETRY"
    errors_tolerance: Literal["ALL", "NONE"] = "ALL"
    dead_letter_queue: DeadLetterQueue | None = None

    def parameter(self, key: str) -> Parameter | None:
        """Return the parameter with a resource key, or None."""
        return next((item for item in self.param_list if item.resource_key == key), None)


prepare(Target)


class Rule(Record, frozen=True, kw_only=True):
    """Filter of the events of a bus, and their targets."""

    bus: str
    name: str
    pattern: str
    status: Literal["ENABLE", "DISABLE"] = "ENABLE"
    description: str = ""
    targets: tuple[Target, ...] = ()
    created_at: int
    modified_at: int


OF_TRIGGERS: Final = "trigger/"
"""Names of rules that are triggers of functions begin so; names of users have no slash."""


class Entry(Record, frozen=True, kw_only=True):
    """The result for one event of PutEvents."""

    event_id: str = ""
    trace_id: str = ""
    error_code: str = ""
    error_message: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the entry in the form of the API."""
        if self.error_code:
            return {
                "EventId": self.event_id,
                "ErrorCode": self.error_code,
                "ErrorMessage": self.error_message,
            }
        return {"EventId": self.event_id, "TraceId": self.trace_id}


class Push(Record, frozen=True, kw_only=True):
    """A job: push one event to one target of one rule.

    Attributes:
        trace_id: Of the event, as its sender got it.
        call_path: Functions that led here through destinations; not a part of the event.
    """

    trace_id: str
    bus: str
    rule: str
    target_id: str
    event: Event
    call_path: tuple[str, ...] = ()


class EventBridgeError(ProtocolError):
    """A request that EventBridge refuses, with a code of the service."""

    codes: ClassVar = {
        400: "InvalidAction InvalidArgument InvalidDigest InvalidEvent InvalidEventPattern "
        "MissingParameter QuotaExceeded",
        403: "SignatureDoesNotMatch",
        404: "EventBusNotExist EventRuleNotExisted",
        409: "EventBusAlreadyExist EventRuleAlreadyExist",
        413: "EntityTooLarge",
    }
