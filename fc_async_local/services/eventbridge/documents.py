# SPDX-License-Identifier: MIT
"""Buses and their rules, as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services import common
from fc_async_local.services.eventbridge import model, pattern
from fc_async_local.services.eventbridge.model import Bus, EventBridgeError, Rule, encode
from fc_async_local.services.eventbridge.targets import check_parameter
from fc_async_local.store.protocol import Change, ChangeRefused
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.destinations import BUS_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.services.eventbridge.model import Target
    from fc_async_local.store.document_cache import DocumentCache

_BUS: Final = "eventbridge.bus"
_RULE: Final = "eventbridge.rule"

_bus: Final = msgspec.json.Decoder(Bus).decode
_rule: Final = msgspec.json.Decoder(Rule).decode
READERS: Final = {_BUS: _bus, _RULE: _rule}
"""Decoders of documents by kind."""


class BusDocuments:
    """Create, read, change, delete and list buses and rules.

    Args:
        documents: The documents.
        clock: For created and modified times.
        check_target: Refuses a target to which nothing can be pushed.
    """

    def __init__(
        self, documents: DocumentCache, clock: Clock, check_target: Callable[[Target], None]
    ) -> None:
        self._documents = documents
        self._clock = clock
        self._check_target = check_target

    async def refresh(self) -> None:
        """Read the changes of other nodes."""
        await self._documents.refresh()

    async def create_bus(self, name: str, description: str = "") -> Bus:
        """Create a bus.

        Raises:
            EventBridgeError: InvalidArgument, EventBusAlreadyExist, QuotaExceeded.
        """
        check_name("EventBusName", name)
        # It has the events of services, and no user can create it.
        if name == limits.DEFAULT_EVENT_BUS:
            raise EventBridgeError("InvalidArgument", f"{name!r} is the service's own bus")
        if len(self._documents.items(_BUS)) >= model.BUSES:
            raise EventBridgeError("QuotaExceeded", f"an account has at most {model.BUSES} buses")
        bus = Bus(
            name=name,
            description=description,
            created_at=self._clock.now(),
        )
        try:
            await self._documents.write(Change(_BUS, name, encode(bus), "absent"))
        except ChangeRefused:
            raise EventBridgeError(
                "EventBusAlreadyExist", f"the event bus {name!r} exists"
            ) from None
        return bus

    async def ensure_bus(self, name: str) -> None:
        """Create a bus unless it exists; another node may do so at the same time.

        Raises:
            EventBridgeError: InvalidArgument, QuotaExceeded.
        """
        await self.refresh()
        if self._documents.get(_BUS, name) is not None:
            return
        try:
            await self.create_bus(name)
        # Deliveries that ran in parallel made it at the same time, and became dead events with a
        # 409.
        except EventBridgeError as error:
            if error.code != "EventBusAlreadyExist":
                raise

    def bus(self, name: str) -> Bus:
        """Return a bus.

        Raises:
            EventBridgeError: EventBusNotExist.
        """
        body = self._documents.get(_BUS, name)
        if body is None:
            message = f"the event bus {name!r} does not exist: create it"
            raise EventBridgeError("EventBusNotExist", message)
        return _bus(body)

    async def change_bus(self, name: str, description: str) -> None:
        """Change the description of a bus."""
        changed = msgspec.structs.replace(self.bus(name), description=description)
        await self._documents.write(Change(_BUS, name, encode(changed)))

    async def delete_bus(self, name: str) -> None:
        """Delete a bus and its rules."""
        self.bus(name)
        rules = self._documents.items(_RULE, f"{name}/")
        deletions = [Change(_RULE, key, None) for key, _body in rules]
        await self._documents.write(Change(_BUS, name, None), *deletions)

    def buses(self, *, prefix: str, after: str, limit: int) -> tuple[Sequence[Bus], str, int]:
        """Return a page of buses, the marker of the next page, and the number of all buses."""
        names = [key for key, _body in self._documents.items(_BUS) if key.startswith(prefix)]
        page, following = common.page(
            names,
            after=after,
            limit=limit,
        )
        return [self.bus(name) for name in page], following, len(names)

    async def create_rule(self, rule: Rule) -> Rule:
        """Create a rule.

        Raises:
            EventBridgeError: EventBusNotExist, InvalidArgument, InvalidEventPattern,
                EventRuleAlreadyExist, QuotaExceeded.
        """
        self._find_bus(rule.bus)
        check_name("RuleName", rule.name)
        self._check(rule)
        if len(self._documents.items(_RULE, f"{rule.bus}/")) >= model.RULES_PER_BUS:
            raise EventBridgeError(
                "QuotaExceeded", f"a bus has at most {model.RULES_PER_BUS} rules"
            )
        now = self._clock.now()
        fresh = msgspec.structs.replace(
            rule,
            created_at=now,
            modified_at=now,
        )
        try:
            await self._documents.write(Change(_RULE, _key(rule), encode(fresh), "absent"))
        except ChangeRefused:
            raise EventBridgeError(
                "EventRuleAlreadyExist", f"the rule {rule.name!r} of {rule.bus!r} exists"
            ) from None
        return fresh

    def rule(self, bus: str, name: str) -> Rule:
        """Return a rule.

        Raises:
            EventBridgeError: EventBusNotExist, EventRuleNotExisted.
        """
        self._find_bus(bus)
        rule = self.find_rule(bus, name)
        if rule is None:
            message = f"the event bus {bus!r} has no rule {name!r}"
            raise EventBridgeError("EventRuleNotExisted", message)
        return rule

    def _find_bus(self, name: str) -> None:
        """Check that a bus may have rules: it exists, or is that of the service's own events.

        Raises:
            EventBridgeError: EventBusNotExist.
        """
        # The bus of the services' own events always exists, and is not a document.
        if name != limits.DEFAULT_EVENT_BUS:
            self.bus(name)

    def find_rule(self, bus: str, name: str) -> Rule | None:
        """Return a rule, None if it does not exist."""
        body = self._documents.get(_RULE, f"{bus}/{name}")
        return None if body is None else _rule(body)

    async def change_rule(self, rule: Rule) -> None:
        """Replace an existing rule; for errors see :meth:`create_rule`."""
        self._check(rule)
        changed = msgspec.structs.replace(rule, modified_at=self._clock.now())
        await self._documents.write(Change(_RULE, _key(rule), encode(changed)))

    async def delete_rule(self, bus: str, name: str) -> None:
        """Delete a rule; events that wait to be pushed for it are dropped."""
        rule = self.rule(bus, name)
        await self._documents.write(Change(_RULE, _key(rule), None))

    def rules(
        self,
        bus: str,
        *,
        prefix: str = "",
        after: str = "",
        limit: int,
    ) -> tuple[Sequence[Rule], str, int]:
        """Return a page of rules, the marker of the next page, and the number of all rules."""
        self._find_bus(bus)
        rules = [rule for rule in self.rules_of(bus) if rule.name.startswith(prefix)]
        by_name = {rule.name: rule for rule in rules}
        page, following = common.page(
            by_name,
            after=after,
            limit=limit,
        )
        return [by_name[name] for name in page], following, len(rules)

    def rules_of(self, bus: str) -> list[Rule]:
        """Return all rules of a bus."""
        return [_rule(body) for _key, body in self._documents.items(_RULE, f"{bus}/")]

    def _check(self, rule: Rule) -> None:
        try:
            pattern.parse(rule.pattern)
        except pattern.InvalidPattern as error:
            raise EventBridgeError("InvalidEventPattern", str(error)) from error
        if len(rule.targets) > model.TARGETS_PER_RULE:
            raise EventBridgeError(
                "QuotaExceeded", f"a rule has at most {model.TARGETS_PER_RULE} targets"
            )
        for target in rule.targets:
            for parameter in target.param_list:
                check_parameter(parameter)
            self._check_target(target)


def check_name(field: str, name: str) -> None:
    """Check the name of a bus or a rule.

    Raises:
        EventBridgeError: InvalidArgument.
    """
    problem = BUS_NAME.problem(name, field)
    if problem:
        raise EventBridgeError("InvalidArgument", problem)


def _key(rule: Rule) -> str:
    return f"{rule.bus}/{rule.name}"
