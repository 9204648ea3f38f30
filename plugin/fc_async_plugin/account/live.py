# SPDX-License-Identifier: MIT
"""Reads what rules and the graph look at: templates, regions and roles, or a part for a deployment.

A template that is invalid does not hide the others.

An account can have thousands of functions. A destination cycle that a deployment closes passes
through functions downstream of its destinations, so :func:`read_downstream` reads only these: one
by one, or all configurations of a region at once if they are many.

Invariants:

- An error of the service ends the reading: what could not be read does not count as missing.
- Without triggers, the number of requests of :func:`read_downstream` grows with the functions
  downstream, not with the account. Triggers are read only if a queue, topic or bus is downstream,
  and only of a region with at most :data:`MANY_TRIGGERS` functions.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from fc_async_plugin import s_yaml
from fc_async_plugin.account import WORKERS, connection, lists
from fc_async_plugin.check.graph.build import LiveFunction, LiveRegion
from fc_async_plugin.check.rules import Context
from fc_async_plugin.project.state import Place
from fc_async_plugin.s_yaml.model import BLOCK, is_function
from fc_async_sdk.errors import FunctionNotFound, NotFound
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check.graph import Edge
    from fc_async_plugin.project.state import Remote
    from fc_async_sdk import Client
    from fc_async_sdk.models import Alias, AsyncConfig, Trigger
    from fc_async_sdk.spec.graph import Node


def read_all(
    files: Sequence[str | None],
    account: Account,
    *,
    env: str | None = None,
    deployed: bool = False,
    ram_endpoint: str | None = None,
) -> Context:
    """Read templates for the rules.

    Args:
        files: Names, None for the working folder's template; each is read once.
        account: The shared options.
        env: Environment of ``env.yaml``.
        deployed: Read the account, too.
        ram_endpoint: URL of RAM, to read the policies of roles; None: they are not read.

    Returns:
        The templates that could be read, and the problems of the others.

    Raises:
        FcAsyncError: The account cannot be read.
    """
    resolved = connection.resolved_by_s()
    projects: list[s_yaml.Project] = []
    problems: list[s_yaml.Problem] = []
    for file in dict.fromkeys(files):
        try:
            project = s_yaml.load(
                file,
                env=env,
                access=account.access,
                account_id=account.account_id,
                region=account.region,
                reveal=False,
                resolved=resolved,
                purpose="show",
            )
        except s_yaml.TemplateError as error:
            problems += error.problems
        else:
            projects.append(project)
    return Context(
        projects,
        problems,
        _regions(projects, account) if deployed else None,
        _roles(projects, account, ram_endpoint) if ram_endpoint else None,
    )


def _regions(projects: Sequence[s_yaml.Project], account: Account) -> list[LiveRegion]:
    """Read every region and account of the functions in the templates."""
    wanted: dict[tuple[str, str], s_yaml.Project] = {}
    for project in projects:
        for resource in project.resources:
            if is_function(resource):
                wanted.setdefault((resource.region, resource.account_id), project)
    found = []
    for project in projects:
        connection.check_region(project, account)
    for (region, account_id), project in wanted.items():
        with connection.client(account, region, project) as client:
            found.append(read_region(client, region, account_id))
    return found


def _roles(
    projects: Sequence[s_yaml.Project], account: Account, endpoint: str
) -> dict[str, dict[str, Any]]:
    """Read the policies of the roles of all functions with a block or triggers."""
    wanted = {
        str(resource.props["role"])
        for project in projects
        for resource in project.resources
        if is_function(resource)
        and resource.props.get("role")
        and (resource.props.get(BLOCK) or resource.props.get("triggers"))
    }
    reader = connection.roles(account, endpoint)
    return {role: reader.policy_of(role) for role in sorted(wanted)}


_T = TypeVar("_T")

MANY: Final = 50
"""From this number of functions in a region on, all its configurations are listed at once."""
MANY_TRIGGERS: Final = 200
"""With more functions than this in a region, triggers are not read: each takes a request."""


def read_region(client: Client, region: str, account_id: str) -> LiveRegion:
    """Read one region.

    Args:
        client: The client of the region.
        region: Region id.
        account_id: Account id as the templates have it, "" if unknown.

    Raises:
        FcAsyncError: The region cannot be read.
    """
    names = [function.function_name for function in lists.functions(client)]
    configs = lists.all_configs(client)

    def one(name: str) -> LiveFunction:
        return LiveFunction(
            configs=configs.get(name, {}),
            aliases={
                alias: _versions_of(found) for alias, found in lists.aliases(client, name).items()
            },
            versions=lists.versions(client, name),
            triggers=_if_there(lambda: lists.triggers(client, name), ()),
        )

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="live") as pool:
        found = pool.map(one, names)
        return LiveRegion(region, account_id, dict(zip(names, found, strict=True)))


def _versions_of(alias: Alias) -> tuple[str, ...]:
    """Return the versions that an alias may lead to: its own, and those with a weight above 0."""
    weighted = [name for name, weight in (alias.additional_version_weight or {}).items() if weight]
    return tuple(dict.fromkeys([*([alias.version_id] if alias.version_id else []), *weighted]))


class Downstream(NamedTuple):
    """The result of reading.

    Attributes:
        regions: Functions and their configuration, own ones included. A destination that does not
            exist is not among them.
        unread: Regions whose triggers were not read, with their number of functions.
    """

    regions: tuple[LiveRegion, ...]
    unread: tuple[tuple[str, int], ...] = ()


def read_downstream(
    regions: Regions,
    own: Remote,
    targets: Iterable[Node],
    *,
    account_id: str,
    other_regions: bool = True,
) -> Downstream:
    """Read what is downstream of some destinations.

    Args:
        regions: The account.
        own: The functions of the deployment, with the configurations that stay or will be put.
        targets: The destinations that the deployment will put.
        account_id: The account's id as the nodes have it, "" if unknown.
        other_regions: Whether to go on in regions where ``own`` has nothing. An endpoint that was
            given by hand is for one region.

    Raises:
        FcAsyncError: Something could not be read.
    """
    allowed = None if other_regions else {place.region for place in own}
    return _Reading(regions, account_id, allowed)(own, targets)


@dataclass
class _Reading:
    regions: Regions
    account_id: str
    allowed: set[str] | None
    known: dict[Place, LiveFunction] = field(default_factory=dict)
    listed: dict[str, dict[str, dict[str, AsyncConfig]]] = field(default_factory=dict)
    triggers_of: dict[str, list[LiveFunction]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    _direct: set[Place] = field(default_factory=set)
    _missing: set[Place] = field(default_factory=set)

    def __call__(self, own: Remote, targets: Iterable[Node]) -> Downstream:
        for place, remote in own.items():
            self.known[place] = LiveFunction(configs=remote.configs)
        reached = set(targets)
        self._direct = {Place(node.region, node.name) for node in reached}
        reached.update(edge.target for edge in self._edges())
        seen: set[Node] = set()
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="downstream") as pool:
            while fresh := reached - seen:
                seen |= fresh
                self._read_functions(fresh, pool)
                self._read_triggers(fresh, pool)
                reached.update(
                    edge.target
                    for edge in self._edges()
                    if edge.kind != "trigger" or edge.source in seen
                )
            self._read_aliases(seen, pool)
        return Downstream(tuple(self._regions()), tuple(sorted(self.unread.items())))

    def _regions(self) -> Iterator[LiveRegion]:
        by_region: dict[str, dict[str, LiveFunction]] = {}
        for place, function in self.known.items():
            by_region.setdefault(place.region, {})[place.function] = function
        for region, functions in by_region.items():
            yield LiveRegion(region, self.account_id, functions)

    def _edges(self) -> Iterator[Edge]:
        for region in self._regions():
            yield from region.edges(())

    def _readable(self, node: Node) -> bool:
        return node.account_id == self.account_id and (
            self.allowed is None or node.region in self.allowed
        )

    def _read_functions(self, nodes: Iterable[Node], pool: ThreadPoolExecutor) -> None:
        places = sorted(
            {Place(n.region, n.name) for n in nodes if n.kind == "function" and self._readable(n)}
            - self.known.keys()
            - self._missing
        )
        for region in {place.region for place in places}:
            known = sum(place.region == region for place in (*places, *self.known))
            if known >= MANY and region not in self.listed:
                self.listed[region] = lists.all_configs(self.regions[region])
        for place, configs in zip(places, pool.map(self._configs_if_there, places), strict=True):
            if configs is None:
                self._missing.add(place)
                continue
            self.known[place] = LiveFunction(configs=configs)

    def _configs_if_there(self, place: Place) -> dict[str, AsyncConfig] | None:
        """Return configurations; None if a destination of the deployment does not exist."""
        if place in self._direct:
            try:
                self.regions[place.region].get_function(place.function)
            except FunctionNotFound:
                return None
        return self._configs(place)

    def _configs(self, place: Place) -> dict[str, AsyncConfig]:
        if place.region in self.listed:
            return self.listed[place.region].get(place.function, {})
        return _if_there(lambda: lists.configs(self.regions[place.region], place.function), {})

    def _read_triggers(self, nodes: Iterable[Node], pool: ThreadPoolExecutor) -> None:
        """Read triggers of the regions in which a queue, topic or bus was reached."""
        found = {n.region for n in nodes if n.kind != "function" and self._readable(n)}
        for region in sorted(found - self.triggers_of.keys()):
            self.triggers_of[region] = []
            service = self.regions[region]
            names = [function.function_name for function in lists.functions(service)]
            if len(names) > MANY_TRIGGERS:
                self.unread[region] = len(names)
                continue

            def triggers(name: str, region: str = region) -> tuple[Trigger, ...]:
                return _if_there(lambda: lists.triggers(self.regions[region], name), ())

            if region not in self.listed:
                self.listed[region] = lists.all_configs(service)
            for name, these in zip(names, pool.map(triggers, names), strict=True):
                if not these:
                    continue
                place = Place(region, name)
                one = self.known.get(place) or LiveFunction(configs=self._configs(place))
                self.known[place] = msgspec.structs.replace(one, triggers=these)

    def _read_aliases(self, nodes: Iterable[Node], pool: ThreadPoolExecutor) -> None:
        """Read the versions behind the aliases at the ends of edges."""
        ends = {*nodes, *(edge.source for edge in self._edges())}
        places = sorted(
            {
                Place(node.region, node.name)
                for node in ends
                if node.kind == "function"
                and node.qualifier != limits.DEFAULT_QUALIFIER
                and not limits.VERSION_ID_PATTERN.fullmatch(node.qualifier)
            }
            & self.known.keys()
        )

        def aliases(place: Place) -> dict[str, tuple[str, ...]]:
            service = self.regions[place.region]
            nothing: dict[str, Alias] = {}
            found = _if_there(lambda: lists.aliases(service, place.function), nothing)
            return {name: _versions_of(alias) for name, alias in found.items()}

        for place, found in zip(places, pool.map(aliases, places), strict=True):
            self.known[place] = msgspec.structs.replace(self.known[place], aliases=found)


def _if_there(read_one: Callable[[], _T], otherwise: _T) -> _T:
    """Return what was read, or another value if the function or the operation does not exist.

    The function may have been deleted meanwhile, and a runtime may have no triggers.
    """
    try:
        return read_one()
    except NotFound:
        return otherwise
