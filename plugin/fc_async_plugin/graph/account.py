# SPDX-License-Identifier: MIT
"""The functions of an account in one region, and their edges in the destination graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fc_async_plugin.graph.model import Edge
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig, Function, Trigger
from fc_async_sdk.spec import arn, limits, triggers
from fc_async_sdk.spec.graph import Node, resolve

if TYPE_CHECKING:
    from collections.abc import Container, Iterator


class LiveFunction(msgspec.Struct, frozen=True, kw_only=True):
    """One function of the account.

    Attributes:
        function: The function.
        configs: Asynchronous configuration by qualifier.
        aliases: The versions behind each alias.
        versions: Ids of published versions.
        triggers: Triggers of the function.
    """

    function: Function
    configs: dict[str, AsyncConfig] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    versions: frozenset[str] = frozenset()
    triggers: tuple[Trigger, ...] = ()

    def has_qualifier(self, qualifier: str) -> bool:
        """Return whether a version or alias of this name exists."""
        return (
            qualifier == limits.DEFAULT_QUALIFIER
            or qualifier in self.aliases
            or qualifier in self.versions
        )


class LiveRegion(NamedTuple):
    """One region of one account.

    Attributes:
        region: Region id.
        account_id: Account id, the same as the templates' ("" if theirs is unknown).
        functions: All functions of the region, by name.
    """

    region: str
    account_id: str
    functions: dict[str, LiveFunction]

    def node(self, name: str, qualifier: str = limits.DEFAULT_QUALIFIER) -> Node:
        """Return the node of a function."""
        return Node("function", self.region, self.account_id, name, qualifier)

    def aliases(self) -> Iterator[tuple[Node, tuple[str, ...]]]:
        """Yield the versions behind every alias."""
        for name, live in self.functions.items():
            for alias, versions in live.aliases.items():
                if versions:
                    yield self.node(name, alias), versions

    def edges(self, written: Container[Node]) -> Iterator[Edge]:
        """Yield the configured edges, without those of nodes that a template configures."""
        for name, live in self.functions.items():
            for qualifier, config in live.configs.items():
                node = self.node(name, qualifier)
                if node not in written:
                    yield from self._destinations(node, config)
            for trigger in live.triggers:
                origin = triggers.source(trigger.to_dict(), self.region, self.account_id)
                if origin is not None:
                    target = self.node(name, trigger.qualifier or limits.DEFAULT_QUALIFIER)
                    yield Edge(origin, target, "trigger", None, trigger.trigger_name)

    def _destinations(self, node: Node, config: AsyncConfig) -> Iterator[Edge]:
        for outcome, text in config.destinations:
            if target := self._target(text):
                yield Edge(node, target, outcome)

    def _target(self, text: str) -> Node | None:
        try:
            parsed = arn.parse(text)
        except InvalidArn:
            return None  # an old destination that is not valid any more leads to no node
        return Node.of(resolve(parsed, region=self.region, account_id=self.account_id))
