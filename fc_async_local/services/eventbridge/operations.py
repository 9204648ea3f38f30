# SPDX-License-Identifier: MIT
"""The operations of EventBridge's API by name.

The RPC API and the older data plane have the same operations; :mod:`.endpoint` handles the
differences. Parameters are text or JSON values with names in upper camel case.
"""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from fc_async_local.domain import json_input
from fc_async_local.services.eventbridge import model, pattern
from fc_async_local.services.eventbridge.model import EventBridgeError, Rule, Target
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec.arn import EventBusArn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fc_async_local.services.eventbridge.model import Bus, Entry
    from fc_async_local.services.eventbridge.service import EventBridgeService

T = TypeVar("T")
Data = dict[str, Any]

_PAGE: Final = 100
_TARGETS: Final = tuple[Target, ...]
_STATUSES: Final = ("ENABLE", "DISABLE")
_RULE: Final = "EventBusName RuleName"
_RULE_VALUES: Final = f"{_RULE} Description FilterPattern Status"
PARAMETERS: Final = {
    "CreateEventBus": "EventBusName Description",
    "GetEventBus": "EventBusName",
    "UpdateEventBus": "EventBusName Description",
    "DeleteEventBus": "EventBusName",
    "ListEventBuses": "Limit NamePrefix NextToken",
    "CreateRule": f"{_RULE_VALUES} EventTargets Targets",
    "GetRule": _RULE,
    "UpdateRule": _RULE_VALUES,
    "DeleteRule": _RULE,
    "ListRules": "EventBusName Limit NextToken RuleNamePrefix",
    "EnableRule": _RULE,
    "DisableRule": _RULE,
    "PutTargets": f"{_RULE} Targets",
    "CreateTargets": f"{_RULE} Targets",
    "DeleteTargets": f"{_RULE} TargetIds",
    "ListTargets": f"{_RULE} Limit NextToken",
    "TestEventPattern": "Event EventPattern",
    "PutEvents": "EventBusName EventList",
}
"""The parameters that an operation knows; others are refused."""


class Parameters:
    """The parameters of one call.

    Args:
        values: By name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a parameter as text.

        Raises:
            EventBridgeError: MissingParameter: it is absent and has no default.
        """
        value = self._values.get(name)
        if value is None or value == "":
            if default is None:
                raise EventBridgeError("MissingParameter", f"{name} is missing")
            return default
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def optional(self, name: str) -> str | None:
        """Return a parameter as text; None if it is absent."""
        return None if self._values.get(name) is None else self.text(name, "")

    def number(self, name: str, default: int) -> int:
        """Return a parameter as a number from 1 to 100.

        Raises:
            EventBridgeError: InvalidArgument.
        """
        value = self.text(name, str(default))
        # Not more digits than the largest number has: int() is slow for thousands of them.
        number = int(value) if re.fullmatch("[0-9]{1,3}", value) else 0
        if not 0 < number <= _PAGE:
            raise EventBridgeError("InvalidArgument", f"{name}={shorten(value)}: 1 to {_PAGE}")
        return number

    def read(self, name: str, kind: type[T]) -> T:
        """Return a parameter, JSON or a value, as a type.

        Raises:
            EventBridgeError: InvalidArgument, naming the place.
        """
        try:
            return json_input.read(self.text(name, "[]"), kind)
        except json_input.InvalidJson as error:
            raise EventBridgeError("InvalidArgument", f"{name}: {error}") from error


class Operations:
    """Executes operations by name."""

    def __init__(self, service: EventBridgeService) -> None:
        self._service = service
        self._documents = service.documents
        self._all: dict[str, Callable[[Parameters], Awaitable[Data]]] = {
            "CreateEventBus": self._create_bus,
            "GetEventBus": self._get_bus,
            "UpdateEventBus": self._update_bus,
            "DeleteEventBus": self._delete_bus,
            "ListEventBuses": self._list_buses,
            "CreateRule": self._create_rule,
            "GetRule": self._get_rule,
            "UpdateRule": self._update_rule,
            "DeleteRule": self._delete_rule,
            "ListRules": self._list_rules,
            "EnableRule": functools.partial(self._set_status, "ENABLE"),
            "DisableRule": functools.partial(self._set_status, "DISABLE"),
            "PutTargets": self._put_targets,
            "CreateTargets": self._put_targets,
            "DeleteTargets": self._delete_targets,
            "ListTargets": self._list_targets,
            "TestEventPattern": self._test_pattern,
            "PutEvents": self._put_events,
        }

    async def call(self, name: str, values: Mapping[str, Any]) -> Data:
        """Execute an operation and return the data of its answer.

        Raises:
            EventBridgeError: InvalidAction if there is no such operation; InvalidArgument if it has
                no such parameter; errors of the operation.
        """
        operation = self._all.get(name)
        if operation is None:
            raise EventBridgeError("InvalidAction", f"{name!r} is not an operation of this service")
        known_parameters = PARAMETERS[name].split()
        # ListTargets ignored its filter once, and answered all targets.
        for parameter in values:
            if parameter not in known_parameters:
                choices = ", ".join(known_parameters)
                text = f"{name} has no parameter {shorten(parameter)}: there are {choices}"
                raise EventBridgeError("InvalidArgument", text)
        return await operation(Parameters(values))

    async def _create_bus(self, parameters: Parameters) -> Data:
        name = parameters.text("EventBusName")
        bus = await self._documents.create_bus(name, parameters.text("Description", ""))
        return {"EventBusARN": self._bus_arn(bus.name)}

    async def _get_bus(self, parameters: Parameters) -> Data:
        return self._shown_bus(self._documents.bus(parameters.text("EventBusName")))

    async def _update_bus(self, parameters: Parameters) -> Data:
        await self._documents.change_bus(
            parameters.text("EventBusName"), parameters.text("Description", "")
        )
        return {}

    async def _delete_bus(self, parameters: Parameters) -> Data:
        await self._documents.delete_bus(parameters.text("EventBusName"))
        return {}

    async def _list_buses(self, parameters: Parameters) -> Data:
        buses, following, total = self._documents.buses(
            prefix=parameters.text("NamePrefix", ""),
            after=parameters.text("NextToken", ""),
            limit=parameters.number("Limit", _PAGE),
        )
        shown = [self._shown_bus(bus) for bus in buses]
        return {
            "EventBuses": shown,
            "NextToken": following,
            "Total": total,
        }

    async def _create_rule(self, parameters: Parameters) -> Data:
        rule = await self._documents.create_rule(
            Rule(
                bus=parameters.text("EventBusName"),
                name=parameters.text("RuleName"),
                pattern=parameters.text("FilterPattern", "{}"),
                status=_status(parameters.text("Status", "ENABLE")),
                description=parameters.text("Description", ""),
                targets=parameters.read("EventTargets", _TARGETS)
                or parameters.read("Targets", _TARGETS),
                created_at=0,
                modified_at=0,
            )
        )
        return {"RuleARN": self._rule_arn(rule)}

    def _rule(self, parameters: Parameters) -> Rule:
        return self._documents.rule(parameters.text("EventBusName"), parameters.text("RuleName"))

    async def _get_rule(self, parameters: Parameters) -> Data:
        return self._shown_rule(self._rule(parameters))

    async def _update_rule(self, parameters: Parameters) -> Data:
        rule = self._rule(parameters)
        return await self._change(
            rule,
            pattern=parameters.text("FilterPattern", rule.pattern),
            status=_status(parameters.text("Status", rule.status)),
            description=parameters.text("Description", rule.description),
        )

    async def _change(self, rule: Rule, **fields: Any) -> Data:
        await self._documents.change_rule(msgspec.structs.replace(rule, **fields))
        return {}

    async def _delete_rule(self, parameters: Parameters) -> Data:
        await self._documents.delete_rule(
            parameters.text("EventBusName"), parameters.text("RuleName")
        )
        return {}

    async def _list_rules(self, parameters: Parameters) -> Data:
        rules, following, total = self._documents.rules(
            parameters.text("EventBusName"),
            prefix=parameters.text("RuleNamePrefix", ""),
            after=parameters.text("NextToken", ""),
            limit=parameters.number("Limit", _PAGE),
        )
        shown = [self._shown_rule(rule) for rule in rules]
        return {
            "Rules": shown,
            "NextToken": following,
            "Total": total,
        }

    async def _set_status(self, status: str, parameters: Parameters) -> Data:
        return await self._change(self._rule(parameters), status=status)

    async def _put_targets(self, parameters: Parameters) -> Data:
        rule = self._rule(parameters)
        # A target replaces the one of its id; the others of the rule stay.
        targets = {target.id: target for target in rule.targets}
        for target in parameters.read("Targets", _TARGETS):
            targets[target.id] = target
        await self._change(rule, targets=tuple(targets.values()))
        return {"ErrorEntriesCount": 0, "ErrorEntries": []}

    async def _delete_targets(self, parameters: Parameters) -> Data:
        rule = self._rule(parameters)
        ids = parameters.read("TargetIds", list[str])
        existing = {target.id for target in rule.targets}
        remaining = tuple(target for target in rule.targets if target.id not in ids)
        await self._change(rule, targets=remaining)
        errors = [
            {
                "EntryId": target_id,
                "ErrorCode": "EventTargetNotExisted",
                "ErrorMessage": f"the rule {rule.name!r} has no target {target_id!r}",
            }
            for target_id in ids
            if target_id not in existing
        ]
        return {"ErrorEntriesCount": len(errors), "ErrorEntries": errors}

    async def _list_targets(self, parameters: Parameters) -> Data:
        rule = self._rule(parameters)
        targets = []
        for target in rule.targets:
            shown = self._shown_target(target)
            targets.append(
                {
                    **shown,
                    "EventBusName": rule.bus,
                    "RuleName": rule.name,
                }
            )
        return {
            "Targets": targets,
            "NextToken": "",
            "Total": len(targets),
        }

    async def _test_pattern(self, parameters: Parameters) -> Data:
        try:
            event_pattern = pattern.parse(parameters.text("EventPattern"))
        except pattern.InvalidPattern as error:
            raise EventBridgeError("InvalidEventPattern", str(error)) from error
        text = parameters.text("Event")
        try:
            json_input.read(text)
        except json_input.InvalidJson as error:
            raise EventBridgeError(
                "InvalidEvent", f"Event cannot be read as JSON: {error}"
            ) from error
        event = pattern.lexical(text)
        if not isinstance(event, dict):
            raise EventBridgeError("InvalidEvent", "Event must be a JSON object")
        return {"Result": event_pattern.matches(event)}

    async def _put_events(self, parameters: Parameters) -> Data:
        batch = model.read_batch(parameters.text("EventList", "[]").encode())
        bus = parameters.optional("EventBusName")
        events = [model.from_rpc(event) for event in batch]
        entries = await self._service.put_events(events, bus=bus)
        return shown_entries(entries)

    def _bus_arn(self, bus: str) -> str:
        account = self._service.settings.account
        return str(
            EventBusArn(
                region=account.region,
                account_id=account.account_id,
                bus=bus,
            )
        )

    def _rule_arn(self, rule: Rule) -> str:
        return f"{self._bus_arn(rule.bus)}/rule/{rule.name}"

    def _shown_bus(self, bus: Bus) -> Data:
        return {
            "EventBusName": bus.name,
            "EventBusARN": self._bus_arn(bus.name),
            "Description": bus.description,
            "CreateTimestamp": bus.created_at,
        }

    def _shown_rule(self, rule: Rule) -> Data:
        return {
            "EventBusName": rule.bus,
            "RuleName": rule.name,
            "RuleARN": self._rule_arn(rule),
            "FilterPattern": rule.pattern,
            "Status": rule.status,
            "Description": rule.description,
            "Targets": [self._shown_target(target) for target in rule.targets],
            "CreatedTimestamp": rule.created_at,
            "Ctime": rule.created_at,
            "Mtime": rule.modified_at,
        }

    @staticmethod
    def _shown_target(target: Target) -> Data:
        shown: Data = msgspec.to_builtins(target)
        return {
            "ErrorsTolerance": target.errors_tolerance,
            "PushRetryStrategy": target.push_retry_strategy,
            "ParamList": [],
        } | shown


def shown_entries(entries: list[Entry]) -> Data:
    """Return the data of the answer to PutEvents."""
    failed = [entry for entry in entries if entry.error_code]
    return {
        "FailedEntryCount": len(failed),
        "EntryList": [entry.shown() for entry in entries],
    }


def _status(value: str) -> Any:
    if value not in _STATUSES:
        raise EventBridgeError("InvalidArgument", f"Status={value!r}: {' or '.join(_STATUSES)}")
    return value
