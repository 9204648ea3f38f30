# SPDX-License-Identifier: MIT
"""The third pass: resolves the variables of a template, its access alias and its environment.

An environment is merged here, because its values are resolved first, in a scope of their own.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.template import actions, compatibility
from fc_async_plugin.template.collecting import ENVIRONMENT, Collector
from fc_async_plugin.template.functions import SECRETS, Functions, access_values
from fc_async_plugin.template.merging import merge_tables
from fc_async_plugin.template.nodes import Table, leaves
from fc_async_plugin.template.problems import TemplateError, failure
from fc_async_plugin.template.reading import names_function
from fc_async_plugin.template.scopes import (
    Root,
    Scope,
    Scoped,
    environment_scope,
    resource_scope,
    top_scope,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from fc_async_plugin.template.actions import Build
    from fc_async_plugin.template.merging import Merged, Written
    from fc_async_plugin.template.problems import Path, Place, Position, Problem
    from fc_async_plugin.template.reading import Sources


OPTIONAL: Final = frozenset(
    (
        f"{ENVIRONMENT} region role description logConfig vpcConfig nasConfig ossMountConfig "
        "tracingConfig customDNS tags resourceGroupId"
    ).split()
)
"""Props that a function runs without on this machine."""


class Given(NamedTuple):
    """Values that the caller gives beside the files; see :func:`fc_async_plugin.template.load`."""

    access: str | None
    account_id: str | None
    command: str
    reveal: bool
    props: Mapping[str, dict[str, Any]]
    here: bool


class Value(NamedTuple):
    """One resource with plain values.

    Attributes:
        name: Its key.
        component: Such as ``fc3``.
        props: Its props.
        places: Returns where the values on a path were written, as far as the path leads.
        position: Where its name was written.
        unset: Props that were left out because an environment variable has no value.
    """

    name: str
    component: str
    props: dict[str, Any]
    places: Callable[[Path], list[Place]]
    position: Position
    unset: frozenset[str]


class Resolved(NamedTuple):
    """One template with plain values.

    Attributes:
        sources: The result of the first pass.
        name: The ``name`` of the template.
        access: The access alias that is used.
        account_id: The account id that was given, else that of the alias, else "".
        values: The resources.
        notes: Places that ``s`` reads differently.
        secrets: Secrets of the access alias that are in the props.
        unset: Environment variables without a value for which something was left out.
        builds: Commands that ``s`` runs before a deployment.
        left_out: Resources that have problems, with these.
    """

    sources: Sources
    name: str
    access: str
    account_id: str
    values: tuple[Value, ...]
    notes: tuple[Problem, ...]
    secrets: tuple[str, ...]
    unset: tuple[str, ...]
    builds: tuple[Build, ...]
    left_out: Mapping[str, Sequence[Problem]]


def resolve(merged: Merged, given: Given) -> Resolved:
    """Resolve all resources.

    Raises:
        TemplateError: Some expressions cannot be resolved; has all problems.
    """
    sources = merged.sources
    access = given.access or _alias(merged)
    account = {"AccountID": given.account_id} if given.account_id else {}
    alias = access_values(access, sources.variables, asked=given.access is not None)
    functions = Functions(
        sources.variables, lambda: {**alias(), **account}, given.command, reveal=given.reveal
    )
    account_id = given.account_id or alias().get("AccountID", "")
    resolver = Collector(functions, OPTIONAL if given.here else ())
    tops = [top_scope(part, number) for number, part in enumerate(merged.parts)]
    scoped = _scoped(merged, tops, resolver, access)
    values = tuple(_values(scoped, resolver, given))
    notes = [*sources.notes, *merged.notes]
    if not resolver.problems:
        notes += compatibility.notes(merged.root, scoped, resolver)
    name = resolver.text(merged.root.at("name"), tops[-1])
    if resolver.problems:
        raise TemplateError(resolver.problems)
    secrets = dict(functions.given_away)
    if given.props and given.reveal:
        secrets.update((value, None) for key, value in alias().items() if key in SECRETS)
    scopes = {name: one.scope for name, one in scoped.items()}
    folder = sources.template.file.parent
    builds = tuple(actions.builds(merged.root, scopes, tops[-1], resolver, folder))
    left = (tuple(notes), tuple(secrets), tuple(resolver.unset), builds, resolver.left_out)
    return Resolved(sources, name, access, account_id, values, *left)


def _values(scoped: Mapping[str, Scoped], resolver: Collector, given: Given) -> Iterator[Value]:
    """Yield the resources; on this machine without those that have problems, if any has none."""
    values = {
        name: resolver.apart(name, functools.partial(_value, name, one, resolver, given))
        for name, one in scoped.items()
    }
    runs = any(value and names_function(value.component) for value in values.values())
    if not (given.here and runs):
        resolver.refuse_left_out()
    yield from (value for value in values.values() if value is not None)


def _alias(merged: Merged) -> str:
    """Return the access alias of the environment, else of the template."""
    environment = merged.sources.environment
    return (environment.text("access") if environment else "") or merged.root.text("access")


def _scoped(
    merged: Merged, tops: list[Scope], resolver: Collector, access: str
) -> dict[str, Scoped]:
    """Return all resources with the scopes of their variables."""
    scoped: dict[str, Scoped] = {}
    for part, top in zip(merged.parts, tops, strict=True):
        if isinstance(part.variables, Table):
            # As in s, a variable that nothing refers to must be resolvable, too.
            resolver.collect_optional(part.variables, top)
        resources = Root({})
        for name, written in part.resources.items():
            props = _overlaid(name, written, merged.sources.environment, top, resolver)
            scope = resource_scope(name, written.table, props, top, resources, access)
            one = Scoped(props, scope, written.table.at("component"), written.position)
            scoped[name] = _joined(scoped[name], one) if name in scoped else one
    return scoped


def _overlaid(
    name: str, written: Written, environment: Table | None, top: Scope, resolver: Collector
) -> Table:
    """Return the props of a resource with what an environment lays over them."""
    props = written.props
    if environment is None:
        return props
    scope = environment_scope(environment, top.folder)
    component = resolver.text(written.table.at("component"), top)
    for overlay in (
        environment.at("overlays", "components", component),
        environment.at("overlays", "resources", name),
        _region(environment),
    ):
        if overlay is not None:
            fixed = resolver.fixed(overlay, scope)
            if not isinstance(fixed, Table):
                raise failure("structure", fixed.position, "an overlay is not a mapping")
            props = merge_tables(props, fixed)
    return props


def _region(environment: Table) -> Table | None:
    region = environment.at("infraStack", "region")
    if region is None:
        return None
    return Table(*region.mark, {"region": region}, {"region": region.mark})


def _joined(lower: Scoped, upper: Scoped) -> Scoped:
    """Merge a resource over the extended file's; each string is resolved in its own file."""
    others = {id(leaf): lower.scope for leaf in leaves(lower.props)}
    scope = upper.scope._replace(others=others)
    props = merge_tables(lower.props, upper.props)
    return Scoped(props, scope, upper.component or lower.component, upper.position)


def _value(name: str, one: Scoped, resolver: Collector, given: Given) -> Value:
    props = given.props.get(name)
    component = resolver.text(one.component, one.scope)
    if props is None:
        collect = resolver.collect if names_function(component) else resolver.collect_optional
        props = collect(one.props, one.scope)
    unset = OPTIONAL & (one.props.entries.keys() - props.keys()) if given.here else frozenset()
    places = functools.partial(resolver.places, one.props, one.scope)
    return Value(name, component, props, places, one.position, unset)
