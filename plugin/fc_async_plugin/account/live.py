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

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from fc_async_plugin import s_yaml
from fc_async_plugin.account import WORKERS, connection, lists
from fc_async_plugin.check.graph import build
from fc_async_plugin.check.graph.build import LiveFunction, LiveRegion
from fc_async_plugin.check.rules import Context
from fc_async_plugin.project.state import Channel, Place
from fc_async_plugin.s_yaml.model import BLOCK
from fc_async_sdk.errors import FcAsyncError, FunctionNotFound, NotFound
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.channels import Channels
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.check.graph import Edge
    from fc_async_plugin.project.state import Remote
    from fc_async_sdk import Client
    from fc_async_sdk.models import Alias, AsyncConfig, Trigger
    from fc_async_sdk.spec.graph import Node

    _Configs = dict[str, AsyncConfig]  # by qualifier
    _VersionsByAlias = dict[str, tuple[str, ...]]


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
        # Rules judge the other templates all the same: one run tells all that is wrong.
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
    for project in projects:
        connection.check_region(project, account)
    owners: dict[tuple[str, str], s_yaml.Project] = {}
    for project in projects:
        for resource in project.functions:
            # A region is read once, however many templates have functions in it.
            owners.setdefault((resource.region, resource.account_id), project)
    live_regions = []
    for (region, account_id), project in owners.items():
        with connection.client(account, region, project) as client:
            live_region = read_region(client, region, account_id)
        queues = _retention_of_queues(projects, live_region, connection.channels(account, project))
        live_regions.append(live_region._replace(queues=queues))
    return live_regions


def _retention_of_queues(
    projects: Sequence[s_yaml.Project], region: LiveRegion, channels: Channels
) -> dict[str, int | None]:
    """Return for how many seconds the failure queues of a region keep a message.

    Queues that cannot be read are left out: keys that read functions need not read queues.
    """
    functions = chain.from_iterable(project.functions for project in projects)
    links = build.links(functions)
    retention: dict[str, int | None] = {}
    for queue in build.failure_queues(links):
        if (queue.region, queue.account_id) != (region.region, region.account_id):
            continue
        with suppress(FcAsyncError):
            channel = Channel("queue", queue.region, queue.queue)
            retention[queue.queue] = channels.retention(channel)
    return retention


def _roles(
    projects: Sequence[s_yaml.Project], account: Account, endpoint: str
) -> dict[str, dict[str, Any]]:
    """Read the policies of the roles of all functions with a block or triggers."""
    resources = chain.from_iterable(project.functions for project in projects)
    names = {str(resource.props["role"]) for resource in resources if _needs_role(resource)}
    reader = connection.roles(account, endpoint)
    return {role: reader.policy_of(role) for role in sorted(names)}


def _needs_role(resource: s_yaml.Resource) -> bool:
    if not resource.props.get("role"):
        return False
    return bool(resource.props.get(BLOCK) or resource.props.get("triggers"))


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

    def read_function(name: str) -> LiveFunction:
        return LiveFunction(
            configs=configs.get(name, {}),
            aliases=_versions_by_alias(lists.aliases(client, name)),
            versions=lists.versions(client, name),
            triggers=_if_there(lambda: lists.triggers(client, name), ()),
        )

    # Each function takes three requests, and a region may have thousands of functions.
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="live") as pool:
        functions = pool.map(read_function, names)
        return LiveRegion(region, account_id, dict(zip(names, functions, strict=True)))


def _versions_of(alias: Alias) -> tuple[str, ...]:
    """Return the versions that an alias may lead to: its own, and those with a weight above 0."""
    weights = alias.additional_version_weight or {}
    versions = [alias.version_id] if alias.version_id else []
    versions += [version for version, weight in weights.items() if weight]
    return tuple(dict.fromkeys(versions))


def _versions_by_alias(aliases: Mapping[str, Alias]) -> _VersionsByAlias:
    return {name: _versions_of(alias) for name, alias in aliases.items()}


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
    remote: Remote,
    targets: Iterable[Node],
    *,
    account_id: str,
    other_regions: bool = True,
) -> Downstream:
    """Read what is downstream of some destinations.

    Args:
        regions: The account.
        remote: The functions of the deployment, with the configurations that stay or will be put.
        targets: The destinations that the deployment will put.
        account_id: The account's id as the nodes have it, "" if unknown.
        other_regions: Whether to go on in regions where ``remote`` has nothing. An endpoint that
            was given by hand is for one region.

    Raises:
        FcAsyncError: Something could not be read.
    """
    allowed = None if other_regions else {address.region for address in remote}
    return _DownstreamReader(regions, account_id, allowed)(remote, targets)


@dataclass
class _DownstreamReader:
    regions: Regions
    account_id: str
    allowed: set[str] | None
    functions: dict[Place, LiveFunction] = field(default_factory=dict)
    listed: dict[str, dict[str, _Configs]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    _regions_with_triggers: set[str] = field(default_factory=set)
    _direct: set[Place] = field(default_factory=set)
    _missing: set[Place] = field(default_factory=set)

    def __call__(self, deployed: Remote, targets: Iterable[Node]) -> Downstream:
        for address, function in deployed.items():
            self.functions[address] = LiveFunction(configs=function.configs)
        reached = set(targets)
        self._direct = {Place(node.region, node.name) for node in reached}
        # Configurations that stay lead on, too, not only the destinations that are put.
        reached.update(edge.target for edge in self._edges())
        visited: set[Node] = set()
        # Breadth first, one level a round: the requests of a level go out side by side.
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="downstream") as pool:
            while fresh := reached - visited:
                visited |= fresh
                self._read_functions(fresh, pool)
                self._read_triggers(fresh, pool)
                for edge in self._edges():
                    # Triggers of a region are read at once: most start at queues and topics that
                    # the deployment does not reach.
                    if edge.kind != "trigger" or edge.source in visited:
                        reached.add(edge.target)
            self._read_aliases(visited, pool)
        return Downstream(tuple(self._regions()), tuple(sorted(self.unread.items())))

    def _regions(self) -> Iterator[LiveRegion]:
        by_region: dict[str, dict[str, LiveFunction]] = {}
        for address, function in self.functions.items():
            by_region.setdefault(address.region, {})[address.function] = function
        for region, functions in by_region.items():
            yield LiveRegion(region, self.account_id, functions)

    def _edges(self) -> Iterator[Edge]:
        for region in self._regions():
            yield from region.edges(())

    def _readable(self, node: Node) -> bool:
        if node.account_id != self.account_id:
            return False
        return self.allowed is None or node.region in self.allowed

    def _read_functions(self, nodes: Iterable[Node], pool: ThreadPoolExecutor) -> None:
        readable = filter(self._readable, nodes)
        reached = {Place(node.region, node.name) for node in readable if node.kind == "function"}
        addresses = sorted(reached - self.functions.keys() - self._missing)
        counts = Counter(address.region for address in (*addresses, *self.functions))
        # One by one below the limit: an account can have thousands of functions, and a list of all
        # their configurations takes longer than a few requests.
        for region in {address.region for address in addresses}:
            if counts[region] >= MANY and region not in self.listed:
                self.listed[region] = lists.all_configs(self.regions[region])
        answers = pool.map(self._configs_if_there, addresses)
        for address, configs in zip(addresses, answers, strict=True):
            if configs is None:
                self._missing.add(address)
            else:
                self.functions[address] = LiveFunction(configs=configs)

    def _configs_if_there(self, address: Place) -> _Configs | None:
        """Return configurations; None if a destination of the deployment does not exist."""
        # A missing destination of the deployment is a finding of its own (FCA040). Further
        # downstream it makes no difference: what does not exist leads nowhere.
        if address in self._direct:
            try:
                self.regions[address.region].get_function(address.function)
            except FunctionNotFound:
                return None
        return self._configs(address)

    def _configs(self, address: Place) -> _Configs:
        if address.region in self.listed:
            return self.listed[address.region].get(address.function, {})
        return _if_there(lambda: lists.configs(self.regions[address.region], address.function), {})

    def _read_triggers(self, nodes: Iterable[Node], pool: ThreadPoolExecutor) -> None:
        """Read triggers of the regions in which a queue, topic or bus was reached."""
        readable = filter(self._readable, nodes)
        reached = {node.region for node in readable if node.kind != "function"}
        for region in sorted(reached - self._regions_with_triggers):
            self._regions_with_triggers.add(region)
            service = self.regions[region]
            names = [function.function_name for function in lists.functions(service)]
            # Reported, not skipped in silence: a cycle through a queue of this region would not be
            # found.
            if len(names) > MANY_TRIGGERS:
                self.unread[region] = len(names)
                continue

            def read_triggers(name: str, region: str = region) -> tuple[Trigger, ...]:
                return _if_there(lambda: lists.triggers(self.regions[region], name), ())

            if region not in self.listed:
                self.listed[region] = lists.all_configs(service)
            for name, triggers in zip(names, pool.map(read_triggers, names), strict=True):
                if not triggers:
                    continue
                address = Place(region, name)
                function = self.functions.get(address)
                if function is None:
                    function = LiveFunction(configs=self._configs(address))
                self.functions[address] = msgspec.structs.replace(function, triggers=triggers)

    def _read_aliases(self, nodes: Iterable[Node], pool: ThreadPoolExecutor) -> None:
        """Read the versions behind the aliases at the ends of edges."""
        ends = {*nodes, *(edge.source for edge in self._edges())}
        called_by_alias = {Place(node.region, node.name) for node in filter(_has_alias, ends)}
        addresses = sorted(called_by_alias & self.functions.keys())

        def read_aliases(address: Place) -> _VersionsByAlias:
            service = self.regions[address.region]
            nothing: dict[str, Alias] = {}
            return _versions_by_alias(
                _if_there(lambda: lists.aliases(service, address.function), nothing)
            )

        for address, aliases in zip(addresses, pool.map(read_aliases, addresses), strict=True):
            function = self.functions[address]
            self.functions[address] = msgspec.structs.replace(function, aliases=aliases)


def _has_alias(node: Node) -> bool:
    """Return whether a node is a function that is called by an alias."""
    if node.kind != "function" or node.qualifier == limits.DEFAULT_QUALIFIER:
        return False
    return limits.VERSION_ID_PATTERN.fullmatch(node.qualifier) is None


def _if_there(read_one: Callable[[], _T], otherwise: _T) -> _T:
    """Return what was read, or another value if the function or the operation does not exist.

    The function may have been deleted meanwhile, and a runtime may have no triggers.
    """
    try:
        return read_one()
    except NotFound:
        return otherwise
