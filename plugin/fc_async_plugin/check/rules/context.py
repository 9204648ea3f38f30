# SPDX-License-Identifier: MIT
"""The input of rules: the templates of one run, and what is known about the account.

It is made once per run. Rules do not change it, but record the suppressions that they use.
:func:`violations` checks a block against the spec of the service and names the rule that words each
violation. A ``${…}`` in a value is known only after a deployment, so it counts as right wherever it
stands.
"""

from __future__ import annotations

import functools
import os
import re
import time
from itertools import chain, repeat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from fc_async_plugin.check.graph import Graph, build, find_cuts, find_cycles
from fc_async_plugin.project import code_uses
from fc_async_plugin.project.code import folder_of
from fc_async_plugin.s_yaml.model import BLOCK, is_unresolved
from fc_async_plugin.s_yaml.reading import WHOLE_FILE
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import async_config, limits
from fc_async_sdk.spec.arn import FunctionArn
from fc_async_sdk.spec.async_config import Violation
from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.check.graph import Cycle, Edge
    from fc_async_plugin.check.graph.build import Link, LiveFunction, LiveRegion
    from fc_async_plugin.project.code_uses import Uses
    from fc_async_plugin.s_yaml.model import Project, Resource
    from fc_async_plugin.s_yaml.problems import Position, Problem
    from fc_async_plugin.s_yaml.reading import Suppression
    from fc_async_sdk.spec.arn import DestinationArn, MnsQueueArn


Needs = Literal["", "--live", "--roles"]
"""The option without which a rule cannot find anything, "" for none."""

QUALIFIER: Final = "qualifier"
"""A key of the block that is a parameter of the API's operation, not a field of its body."""

_RULES: Final[dict[async_config.ViolationKind, str]] = {
    "unknown-key": "FCA010",
    "wrong-type": "FCA011",
    "no-destination": "FCA024",
}
_RULES_OF_RANGES: Final = {
    "maxAsyncRetryAttempts": "FCA012",
    "maxAsyncEventAgeInSeconds": "FCA013",
    QUALIFIER: "FCA014",
}
_QUALIFIER: Final = re.compile(
    f"(?:{limits.VERSION_ID_PATTERN.pattern}|{limits.ALIAS_NAME_PATTERN.pattern})?"
)
CYCLE_RULES: Final = ("FCA030", "FCA031", "FCA032")
"""Suppressing one of these leaves out the destination in that line, not the whole cycle."""


class Context:
    """The input of one run.

    Args:
        projects: The templates that could be read.
        problems: Problems of reading templates.
        live: What the account has, in the regions that were read; None: it was not read.
        roles: Policy documents of the roles that were read, by the name in templates; None: no role
            was read.
        now: The time, in milliseconds since the epoch; None: that of the machine.
        home: The home of the user; None: that on this machine.
    """

    def __init__(
        self,
        projects: Sequence[Project],
        problems: Sequence[Problem] = (),
        live: Iterable[LiveRegion] | None = None,
        roles: Mapping[str, Any] | None = None,
        *,
        now: int | None = None,
        home: str | None = None,
    ) -> None:
        self.home = PurePosixPath(os.path.expanduser("~") if home is None else home)  # noqa: PTH111 -- Path.expanduser raises an error where there is none
        self.now = time.time_ns() // 1_000_000 if now is None else now
        self.projects = tuple(projects)
        self.roles = roles or {}
        self.live = {(region.region, region.account_id): region for region in live or ()}
        self.unread = tuple(problems)
        notes = chain.from_iterable(project.notes for project in self.projects)
        self.problems = (*self.unread, *notes)
        self._read: dict[Needs, bool] = {
            "": True,
            "--live": live is not None,
            "--roles": roles is not None,
        }
        suppressions = chain.from_iterable(project.suppressions for project in self.projects)
        self.suppressions = Suppressions(suppressions)

    def has(self, needs: Needs) -> bool:
        """Return whether what a rule needs was read."""
        return self._read[needs]

    @property
    def resources(self) -> Iterator[Resource]:
        """Every resource of every template."""
        for project in self.projects:
            yield from project.resources

    @functools.cached_property
    def functions(self) -> tuple[Resource, ...]:
        """Every resource that describes a function."""
        return tuple(chain.from_iterable(project.functions for project in self.projects))

    @functools.cached_property
    def blocks(self) -> tuple[tuple[Resource, dict[str, Any]], ...]:
        """Every function with an ``asyncInvokeConfig`` that is a mapping."""
        blocks = [(resource, resource.props.get(BLOCK)) for resource in self.functions]
        return tuple((resource, block) for resource, block in blocks if isinstance(block, dict))

    @functools.cached_property
    def uses(self) -> tuple[tuple[Resource, Uses], ...]:
        """Every function whose code is in Python and on this machine, with what it uses."""
        read: list[tuple[Resource, Uses]] = []
        for project in self.projects:
            reader = code_uses.Reader(folder_of(project))
            for resource in project.functions:
                uses = reader.uses(resource)
                if uses is not None:
                    read.append((resource, uses))
        return tuple(read)

    @functools.cached_property
    def _violations(self) -> dict[str, list[tuple[Resource, Violation]]]:
        by_rule: dict[str, list[tuple[Resource, Violation]]] = {}
        for resource in self.functions:
            for rule, violation in violations(resource.props.get(BLOCK)):
                by_rule.setdefault(rule, []).append((resource, violation))
        return by_rule

    def violations(self, rule: str) -> list[tuple[Resource, Violation]]:
        """Return what the service refuses about blocks, for the rule that words it."""
        return self._violations.get(rule, [])

    @functools.cached_property
    def _written_links(self) -> list[Link]:
        return build.written_links(self.functions)

    @functools.cached_property
    def links(self) -> tuple[Link, ...]:
        """Every destination as written."""
        return tuple(build.resolved(self._written_links))

    @functools.cached_property
    def links_to_functions(self) -> list[tuple[Link, FunctionArn, Resource | None]]:
        """Every destination that is a function, with its resource if a template has it."""
        links = []
        for link, name in self.destinations():
            if isinstance(name, FunctionArn):
                node = Node.of(name)._replace(qualifier="")
                links.append((link, name, self.nodes.get(node)))
        return links

    @functools.cached_property
    def function_names(self) -> frozenset[str]:
        """Names of all functions in the templates."""
        return frozenset(resource.function_name for resource in self.functions)

    @functools.cached_property
    def nodes(self) -> dict[Node, Resource]:
        """Functions of the templates by node, whichever qualifier they configure."""
        resources: dict[Node, Resource] = {}
        for resource in self.functions:
            # Two resources may configure two qualifiers of a function: the first stands for it.
            resources.setdefault(build.source_node(resource)._replace(qualifier=""), resource)
        return resources

    @functools.cached_property
    def graph(self) -> Graph:
        """All destinations and triggers, of the templates and of the account."""
        written = {build.source_node(resource) for resource, _ in self.blocks}
        # What a template configures replaces what the account has, so its edges count only.
        regions = self.live.values()
        aliases = dict(chain.from_iterable(region.aliases() for region in regions))
        live = list(chain.from_iterable(region.edges(written) for region in regions))
        return build.build(self.functions, aliases=aliases, live=live, written=self._written_links)

    @functools.cached_property
    def cycles(self) -> tuple[Cycle, ...]:
        """One cycle for each strongly connected component of destinations that are not waived."""
        edges = [edge for edge in self.searched.edges if edge.kind != "trigger"]
        return tuple(find_cycles(Graph(edges=edges)))

    @functools.cached_property
    def trigger_cycles(self) -> tuple[Cycle, ...]:
        """Cycles that are left without the cuts of :attr:`cycles`: each has a trigger."""
        if all(edge.kind != "trigger" for edge in self.searched.edges):
            return ()
        return tuple(cycle for cycle in find_cycles(self.searched) if cycle.through_trigger)

    @functools.cached_property
    def cuts(self) -> dict[Node, list[Edge]]:
        """The edges without which nothing that is not waived is on a cycle, by their sources."""
        by_source: dict[Node, list[Edge]] = {}
        for edge in find_cuts(self.searched):
            by_source.setdefault(edge.source, []).append(edge)
        return by_source

    @functools.cached_property
    def searched(self) -> Graph:
        """The graph in which cycles are searched: without the edges that a comment waives."""
        # fc-async graph draws with this, too: it marked a cut that validate did not ask for.
        if not self.suppressions.names(*CYCLE_RULES):
            return self.graph
        return Graph(edges=[edge for edge in self.graph.edges if not self._waived(edge)])

    def _waived(self, edge: Edge) -> bool:
        return edge.position is not None and self.suppressions.waive(edge.position)

    def live_function(self, name: FunctionArn) -> LiveFunction | None:
        """Return a function of the account by its ARN, with region and account filled in."""
        region = self.live.get((name.region, name.account_id))
        return region.functions.get(name.function) if region else None

    @functools.cached_property
    def queues(self) -> dict[MnsQueueArn, int | None]:
        """For how many seconds failure queues keep a message, as far as that was read.

        None: there is no such queue.
        """
        retention: dict[MnsQueueArn, int | None] = {}
        for queue in build.failure_queues(self.links):
            region = self.live.get((queue.region, queue.account_id))
            if region and queue.queue in region.queues:
                retention[queue] = region.queues[queue.queue]
        return retention

    def is_read(self, name: FunctionArn) -> bool:
        """Return whether the region of a function was read from the account."""
        return (name.region, name.account_id) in self.live

    def destinations(self) -> Iterator[tuple[Link, DestinationArn]]:
        """Yield every destination that is a well-formed ARN."""
        for link in self.links:
            if not isinstance(link.arn, InvalidArn):
                yield link, link.arn


class Suppressions:
    """Suppressions by place, with a record of those that were used.

    Args:
        items: The suppressions of all files of a run.
    """

    def __init__(self, items: Iterable[Suppression]) -> None:
        self.items = tuple(items)
        self._used: set[tuple[Suppression, str]] = set()
        self._by_place: dict[tuple[str, int], list[Suppression]] = {}
        for item in self.items:
            self._by_place.setdefault((item.position.file, item.line), []).append(item)

    def names(self, *rules: str) -> bool:
        """Return whether any of these rules is suppressed anywhere."""
        return any(set(rules).intersection(item.rules) for item in self.items)

    def use(self, rule: str, position: Position) -> bool:
        """Return whether a finding at a place is suppressed, and record the suppression as used."""
        for line in (position.line, WHOLE_FILE):
            for item in self._by_place.get((position.file, line), ()):
                if rule in item.rules:
                    self._used.add((item, rule))
                    return True
        return False

    def waive(self, position: Position) -> bool:
        """Return whether an edge at a place is taken out of the search for cycles."""
        # All of them, not the first: a comment that names two rules has used both.
        used = [self.use(rule, position) for rule in CYCLE_RULES]
        return any(used)

    def unused(self) -> list[tuple[Suppression, str]]:
        """Return suppressions, each with a rule that it names and that found nothing."""
        named = chain.from_iterable(zip(repeat(item), item.rules) for item in self.items)
        return [pair for pair in named if pair not in self._used]


def violations(block: object) -> Iterator[tuple[str, Violation]]:
    """Yield everything that the service refuses about the value of ``asyncInvokeConfig``.

    Returns:
        Pairs of the id of the rule that words it and the violation.
    """
    for violation in _violations(block):
        # A ${…} that a deployment fills in may become right; a key stays as it is.
        if violation.kind == "unknown-key" or not is_unresolved(violation.value):
            rule = _RULES.get(violation.kind)
            yield rule or _RULES_OF_RANGES[violation.path[-1]], violation


def _violations(block: object) -> Iterator[Violation]:
    if isinstance(block, dict):
        yield from _qualifier(block.get(QUALIFIER))
        config = {key: value for key, value in block.items() if key != QUALIFIER}
        for violation in async_config.check(config):
            if violation.kind == "unknown-key" and len(violation.path) == 1:
                # The qualifier may be meant, too, which the API has beside the configuration.
                yield violation._replace(names=(*violation.names, QUALIFIER))
            else:
                yield violation
    elif block is not None:
        yield Violation((), "wrong-type", block, "a mapping")


def _qualifier(value: object) -> Iterator[Violation]:
    if value is None:
        return
    # YAML reads a version without quotes as a number; a bool is an int for isinstance, too.
    if not isinstance(value, str) and type(value) is not int:
        yield Violation((QUALIFIER,), "wrong-type", value, "a string")
    elif not _QUALIFIER.fullmatch(str(value)):
        expected = f"{limits.DEFAULT_QUALIFIER}, a version number or an alias name"
        yield Violation((QUALIFIER,), "out-of-range", value, expected)
