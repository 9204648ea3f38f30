# SPDX-License-Identifier: MIT
"""The third pass: resolves the variables of a template into the project that commands work on.

An environment is merged here, because its values are resolved first, in a scope of their own.

Invariants:

- A problem does not end the pass; each is reported once.
- Nothing is left out for want of a value unless its key is optional.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from fc_async_plugin.template import actions, compatibility, expressions
from fc_async_plugin.template.edition1 import as_of_fc3
from fc_async_plugin.template.functions import SECRETS, Functions, access_values
from fc_async_plugin.template.merging import merge_tables
from fc_async_plugin.template.model import Project, Resource
from fc_async_plugin.template.nodes import (
    Array,
    Leaf,
    Table,
    from_plain,
    has_no_json,
    leaves,
    with_entry,
    without_last_nulls,
)
from fc_async_plugin.template.problems import TemplateError, failure, note
from fc_async_plugin.template.reading import names_function
from fc_async_plugin.template.scopes import (
    Root,
    Scope,
    Scoped,
    environment_scope,
    resource_scope,
    top_scope,
)
from fc_async_plugin.template.variables import NoValue, Resolver
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fc_async_plugin.template.merging import Merged, Written
    from fc_async_plugin.template.nodes import Node
    from fc_async_plugin.template.problems import Problem
    from fc_async_plugin.template.scopes import Scope

Result = TypeVar("Result")
ENVIRONMENT: Final = "environmentVariables"
"""Props of which one entry may be left out; of others, all is left out."""


class Collector(Resolver):
    """Resolves the nodes of one project and collects the problems.

    Args:
        functions: Evaluates ``env``, ``file`` and the other calls.
        optional: Keys of mappings whose values, if an environment variable has none, are left out
            instead of being a problem.

    Attributes:
        unset: Names of the environment variables for which something was left out.
        left_out: The problems of each resource that :meth:`apart` found.
    """

    def __init__(self, functions: Functions, optional: Collection[str] = ()) -> None:
        super().__init__(functions)
        self._optional = optional
        self._lenient = False
        self._inside_reference = False
        self._left_out: list[Leaf] = []
        self._problems: dict[Problem, None] = {}
        self.unset: dict[str, None] = {}
        self.left_out: dict[str, list[Problem]] = {}

    @property
    def problems(self) -> list[Problem]:
        """The problems that :meth:`collect` found, each once."""
        return list(self._problems)

    def collect(self, node: Node, scope: Scope) -> Any:
        """Return a node as a plain value; add each problem to :attr:`problems` and continue.

        Null entries of mappings are left out, as in ``s``, and so is a value that cannot be
        resolved; in a list it is None. Infinity and not-a-number, which JSON cannot express,
        become None and are kept.
        """
        # Most nodes are leaves without a variable: they come first.
        if isinstance(node, Leaf):
            if not isinstance(node.value, str):
                return None if has_no_json(node) else node.value
            if not expressions.mentions_variable(node.value):
                return node.value
            return self._collect_text(node, scope)
        return self._collect_inside(node, scope)

    def collect_optional(self, node: Node, scope: Scope) -> Any:
        """Return a node as :meth:`collect` does, without what has an unset variable.

        That is an error as elsewhere if nothing is optional.
        """
        if not self._optional:
            return self.collect(node, scope)
        before, self._lenient = self._lenient, True
        try:
            return self.collect(node, scope)
        finally:
            self._lenient = before

    def _entry(self, key: str, child: Node, scope: Scope) -> Any:
        if key not in self._optional:
            return self.collect(child, scope)
        before = len(self._left_out)
        value = self.collect_optional(child, scope)
        return value if key == ENVIRONMENT or len(self._left_out) == before else None

    def _collect_inside(self, node: Table | Array, scope: Scope) -> Any:
        if isinstance(node, Table):
            return {
                key: value
                for key, child in node.entries.items()
                if (value := self._entry(key, child, scope)) is not None or has_no_json(child)
            }
        items = [self.collect(item, scope) for item in node.items]
        infinite = bool(node.items) and has_no_json(node.items[-1])
        return items if infinite else without_last_nulls(items)

    def _collect_text(self, node: Leaf, scope: Scope) -> Any:
        try:
            return self._value(node, scope)[0]
        except TemplateError as error:
            if self._lenient and isinstance(error, NoValue):
                return self._without_unset(node, scope, error.name)
            self._problems.update(dict.fromkeys(error.problems))
            return None

    def _without_unset(self, node: Leaf, scope: Scope, name: str) -> Any:
        """Return the collection that a text refers to without its unset variables, else None."""
        found, there = self._followed(node, scope)
        if found is node or self._inside_reference:
            self._left_out.append(node)
            self.unset[name] = None
            return None
        self._inside_reference = True
        try:
            return self.collect(found, there)
        finally:
            self._inside_reference = False

    def apart(self, name: str, work: Callable[[], Result]) -> Result | None:
        """Return the result of a resource's work; None if a problem was found in it.

        The problems are in :attr:`left_out`, not in :attr:`problems`.
        """
        before, self._problems = self._problems, {}
        try:
            result = work()
            found = self.problems
        finally:
            self._problems = before
        if not found:
            return result
        self.left_out[name] = found
        return None

    def refuse_left_out(self) -> None:
        """Move what :meth:`apart` found to :attr:`problems`."""
        for found in self.left_out.values():
            self._problems.update(dict.fromkeys(found))
        self.left_out.clear()

    def text(self, node: Node | None, scope: Scope) -> str:
        """Return a value as text, "" if there is none; problems as in :meth:`collect`."""
        value = None if node is None else self.collect(node, scope)
        return "" if value is None else str(value)

    def fixed(self, node: Node, scope: Scope) -> Node:
        """Return a node with values instead of variables; problems as in :meth:`collect`."""
        if isinstance(node, Leaf):
            return from_plain(self.collect(node, scope), node.mark)
        if isinstance(node, Array):
            return Array(*node.mark, [self.fixed(item, scope) for item in node.items])
        entries = {
            key: self.fixed(child, scope)
            if key not in self._optional
            else from_plain(self._entry(key, child, scope), child.mark)
            for key, child in node.entries.items()
        }
        return Table(*node.mark, entries, node.keys)


OPTIONAL: Final = frozenset(
    (
        f"{ENVIRONMENT} region role description logConfig vpcConfig nasConfig ossMountConfig "
        "tracingConfig customDNS tags resourceGroupId image"
    ).split()
)
"""Props that a function runs without on this machine."""


class Given(NamedTuple):
    """Values that the caller gives beside the files; see :func:`fc_async_plugin.template.load`."""

    access: str | None
    account_id: str | None
    region: str
    command: str
    reveal: bool
    props: Mapping[str, dict[str, Any]]
    here: bool


def resolve(merged: Merged, given: Given) -> Project:
    """Return the project of a template, all resources resolved.

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
    scoped, notes = _scoped(merged, tops, resolver, access), [*sources.notes, *merged.notes]
    if given.here:
        scoped = {key: _run_here(one, resolver, notes) for key, one in scoped.items()}
    resources = tuple(_resources(scoped, resolver, given, account_id))
    if not resolver.problems:
        notes += compatibility.notes(merged.root, scoped, resolver)
    name = resolver.text(merged.root.at("name"), tops[-1])
    if resolver.problems:
        raise TemplateError(resolver.problems)
    secrets = dict(functions.given_away)
    if given.props and given.reveal:
        secrets.update((value, None) for key, value in alias().items() if key in SECRETS)
    scopes = {name: one.scope for name, one in scoped.items()}
    file = sources.template.file
    return Project(
        file=str(file),
        name=name,
        access=access,
        resources=_with_account(resources),
        files=sources.files,
        # s 3 does not read edition 1.0.0, so what s 3 reads differently does not matter.
        notes=tuple([one for one in notes if one.kind == "edition"] or notes),
        suppressions=sources.suppressions,
        secrets=tuple(secrets),
        unset=tuple(resolver.unset),
        builds=tuple(actions.builds(merged.root, scopes, tops[-1], resolver, file.parent)),
        left_out=resolver.left_out,
    )


def _resources(
    scoped: Mapping[str, Scoped], resolver: Collector, given: Given, account_id: str
) -> Iterator[Resource]:
    """Yield the resources; on this machine without those that have problems, if any has none."""
    work = functools.partial(_resource, resolver, given, account_id)
    found = [
        resolver.apart(name, functools.partial(work, name, one)) for name, one in scoped.items()
    ]
    runs = any(one and names_function(one.component) for one in found)
    if not (given.here and runs):
        resolver.refuse_left_out()
    yield from (one for one in found if one is not None)


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


def _run_here(one: Scoped, resolver: Collector, notes: list[Problem]) -> Scoped:
    """Return a resource with what this machine reads and ``s`` does not; add a note for each."""
    if not isinstance(one.component, Leaf):
        return one
    component = str(resolver.attempt(one.component, one.scope))
    if not names_function(component):
        if not component.startswith((".", "/")) or "runtime" not in one.props.entries:
            return one
        said = f"component {component} is a folder: dev takes it for fc3, because props have a "
        notes.append(note(one.component.position, f"{said}runtime", "write component: fc3"))
        one = one._replace(component=Leaf(*one.component.mark, "fc3"))
    props, found = as_of_fc3(one.props)
    notes += found
    runtime = props.at("runtime")
    named = resolver.attempt(runtime, one.scope) if isinstance(runtime, Leaf) else ""
    if named in PYTHON | NODE | CUSTOM and "code" not in props.entries:
        said = (
            "a function has a runtime and no code: dev takes the folder of the template, s deploy"
        )
        notes.append(note(one.position, f"{said} needs one", "add code"))
        props = with_entry(props, "code", Leaf(*props.mark, "."), props.mark)
    return one._replace(props=props)


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
                raise failure(fixed.position, "an overlay is not a mapping")
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


def _resource(
    resolver: Collector, given: Given, account_id: str, name: str, one: Scoped
) -> Resource:
    props = given.props.get(name)
    component = resolver.text(one.component, one.scope)
    if props is None:
        collect = resolver.collect if names_function(component) else resolver.collect_optional
        props = collect(one.props, one.scope)
    function_name, region = props.get("functionName"), props.get("region")
    return Resource(
        name=name,
        component=component,
        region=region if isinstance(region, str) else given.region,
        account_id=account_id or _account_of(props.get("role")),
        function_name=function_name if isinstance(function_name, str) else name,
        props=props,
        places=functools.partial(resolver.places, one.props, one.scope),
        position=one.position,
        unset=OPTIONAL & (one.props.entries.keys() - props.keys()) if given.here else frozenset(),
    )


_ROLE: Final = re.compile(r"acs:ram::(?P<account>\d+):role/")


def _with_account(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Return resources of which those without a role have the account that the others' roles name.

    All resources of a template belong to one account: the alias is the template's.
    """
    accounts = {one.account_id for one in resources} - {""}
    if len(accounts) != 1:
        return resources
    (account,) = accounts
    return tuple(msgspec.structs.replace(one, account_id=account) for one in resources)


def _account_of(role: object) -> str:
    """Return the account in a role's ARN, which is always the function's account."""
    match = _ROLE.match(role) if isinstance(role, str) else None
    return match["account"] if match else ""
