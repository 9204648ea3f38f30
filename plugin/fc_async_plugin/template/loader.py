# SPDX-License-Identifier: MIT
"""Reads an ``s.yaml`` as ``s`` does, into a :class:`Project` of resolved resources.

The entry point of this package. It reads files; it does not write, connect or run code.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin.template import compatibility, document
from fc_async_plugin.template.functions import SECRETS, Functions, access_values
from fc_async_plugin.template.model import (
    Position,
    Problem,
    Project,
    Resource,
    TemplateError,
    failure,
)
from fc_async_plugin.template.nodes import (
    Array,
    Leaf,
    Node,
    Table,
    empty_like,
    from_plain,
    key_position,
    merge,
    position,
    without,
)
from fc_async_plugin.template.scopes import Part, Root, Scope, children, places
from fc_async_plugin.template.variables import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMES: Final = ("s.yaml", "s.yml")
"""File names of templates, in the order in which they are searched."""

_ROLE: Final = re.compile(r"acs:ram::(?P<account>\d+):role/")


def find(folder: str | os.PathLike[str] = ".") -> FilePath:
    """Return the template of a folder: ``s.yaml``, else ``s.yml``.

    Raises:
        TemplateError: The folder has neither.
    """
    for name in NAMES:
        path = FilePath(folder) / name
        if path.exists():
            return path
    raise failure(
        "file",
        Position(str(FilePath(folder) / NAMES[0]), 1, 1),
        "no s.yaml and no s.yml in this folder",
        "name the template with -t FILE, or start one with: fc-async init",
    )


def load(
    path: str | os.PathLike[str] | None = None,
    *,
    env: str | None = None,
    access: str | None = None,
    account_id: str | None = None,
    region: str | None = None,
    environ: Mapping[str, str] | None = None,
    command: str = "deploy",
    reveal: bool = True,
    resolved: Mapping[str, dict[str, Any]] | None = None,
) -> Project:
    """Read a template.

    Args:
        path: The file, or its folder; None: the working folder.
        env: Environment of ``env.yaml`` to merge over the template.
        access: Access alias; takes precedence over the environment's and the template's.
        account_id: Account id; takes precedence over the alias's.
        region: Region of resources that have none.
        environ: Environment variables; None: those of the process.
        command: The ``s`` command that ``${regex(…)}`` tests.
        reveal: Whether ``${config('AccessKeySecret')}`` and ``SecurityToken`` are resolved, which
            only a deployment needs. If not, the expressions stay as they are.
        resolved: Props by resource that ``s`` has already resolved; they are used unchanged.

    Returns:
        The project. Its values are shared and must not be changed.

    Raises:
        TemplateError: The template cannot be read. ``problems`` lists all that is wrong with the
            text, the structure and the variables.
    """
    file = _locate(path)
    doc = document.read(file, env)
    variables = document.environ_with_files(
        doc.root, file.parent, FilePath.cwd(), os.environ if environ is None else environ
    )
    alias = access or _alias(doc)
    credential = access_values(alias, variables, asked=access is not None)
    given = {"AccountID": account_id} if account_id else {}
    functions = Functions(variables, lambda: {**credential(), **given}, command, reveal=reveal)
    owner = account_id or credential().get("AccountID", "")
    reader = _Project(doc, Resolver(functions), alias, resolved or {})
    project = reader.read(str(file), owner, region or "")
    secrets = dict(functions.given_away)
    if resolved and reveal:
        secrets.update((value, None) for name, value in credential().items() if name in SECRETS)
    return msgspec.structs.replace(project, secrets=tuple(secrets))


def _alias(doc: document.Document) -> str:
    """Return the access alias of the environment, else of the template."""
    named = _text(document.entry(doc.environment, "access"))
    return named or _text(doc.root.entries.get("access"))


def _locate(path: str | os.PathLike[str] | None) -> FilePath:
    if path is None:
        return find()
    file = FilePath(path)
    return find(file) if file.is_dir() else file


class _Written(NamedTuple):
    """A resource before its variables are resolved, its parts merged.

    Attributes:
        scope: The scope in which its variables are resolved.
        props: Props over the named template, and the environment's overlays over both.
        component: The node under ``component``, or None.
        position: Where its name was written.
    """

    scope: Scope
    props: Table
    component: Node | None
    position: Position


class _Project:
    """The resources of a document, merged and resolved."""

    def __init__(
        self,
        doc: document.Document,
        resolver: Resolver,
        access: str,
        resolved: Mapping[str, dict[str, Any]],
    ) -> None:
        self._resolved = resolved
        self._resolver = resolver
        self._doc = doc
        self._notes: list[Problem] = list(doc.notes)
        self._environment = doc.environment
        self._access = access
        self._parts = [Part(part, number) for number, part in enumerate(doc.parts)]
        self._top = self._parts[-1].top

    def read(self, file: str, account_id: str, region: str) -> Project:
        """Resolve all resources.

        Raises:
            TemplateError: Some expressions cannot be resolved; has all problems.
        """
        resources = _with_account(tuple(self._resources(account_id, region)))
        name = self._top_level(self._doc.root.entries.get("name"))
        if self._resolver.problems:
            raise TemplateError(self._resolver.problems)
        return Project(
            file=file,
            name=name,
            access=self._access,
            resources=resources,
            files=self._doc.files,
            notes=tuple(self._notes),
            suppressions=self._doc.suppressions,
        )

    def _top_level(self, node: Node | None) -> str:
        """Return a value of the top level as text, "" if there is none."""
        value = None if node is None else self._resolver.collect(node, self._top)
        return "" if value is None else str(value)

    def _resources(self, account_id: str, region: str) -> Iterator[Resource]:
        """Yield every entry under ``resources:``, resolved."""
        written: dict[str, _Written] = {}
        for part in self._parts:
            if part.variables is not None:
                # As in s, a variable that nothing refers to must be resolvable, too.
                self._resolver.collect(part.variables, part.top)
            for name, one in self._written_in(part):
                written[name] = _joined(written[name], one) if name in written else one
        for name, one in written.items():
            yield self._resource(name, one, account_id, region)
        if not self._resolver.problems:
            shown = {name: (one.scope, one.props) for name, one in written.items()}
            self._notes += compatibility.notes(self._doc.root, shown, self._resolver)

    def _written_in(self, part: Part) -> Iterator[tuple[str, _Written]]:
        table = _table(part.root, "resources")
        for name, node in table.entries.items():
            if not isinstance(node, Table):
                message = f"resource {name!r} is not a mapping"
                raise failure("structure", position(node), message)
            yield name, self._written(part, name, node, key_position(table, name))

    def _written(self, part: Part, name: str, resource: Table, place: Position) -> _Written:
        props = self._merged(part, name, resource)
        scope = part.enter(name, resource, props, self._access)
        return _Written(scope, props, resource.entries.get("component"), place)

    def _resource(self, name: str, written: _Written, account_id: str, region: str) -> Resource:
        scope, node, component, place = written
        props = self._resolved.get(name)
        if props is None:
            props = self._resolver.collect(node, scope)
        shown = self._resolver.collect(component, scope) if component is not None else ""
        function_name = props.get("functionName")
        found = props.get("region")
        return Resource(
            name=name,
            component=str(shown),
            region=found if isinstance(found, str) else region,
            account_id=account_id or _account_of(props.get("role")),
            function_name=function_name if isinstance(function_name, str) else name,
            props=props,
            places=functools.partial(places, self._resolver.target, node, scope),
            position=place,
        )

    def _merged(self, part: Part, name: str, resource: Table) -> Table:
        """Merge props over the named template, and the environment's overlays over both."""
        props = resource.entries.get("props")
        if props is None or (isinstance(props, Leaf) and props.value is None):
            props = empty_like(resource)
        if not isinstance(props, Table):
            raise failure("structure", position(props), f"props of {name!r} is not a mapping")
        node = merge(self._template(part, resource), props)
        for overlay in self._overlays(name, resource):
            if not isinstance(overlay, Table):
                raise failure("structure", position(overlay), "an overlay is not a mapping")
            node = merge(node, overlay)
        assert isinstance(node, Table)
        return node

    def _template(self, part: Part, resource: Table) -> Node | None:
        name = _text(document.entry(resource, "extend", "name"))
        node = document.entry(part.root, "template", name) if name else None
        if name and node is None:
            self._notes.append(
                Problem(
                    "compatibility",
                    position(resource.entries["extend"]),
                    f"extend names {name!r}, which is not an entry under template",
                    "s ignores this silently; fix the name",
                )
            )
        ignored = document.entry(resource, "extend", "ignore")
        if isinstance(node, Table) and isinstance(ignored, Array):
            for item in ignored.items:
                path = _text(item)
                node = without(node, path.split(".")) if path else node
        return node if isinstance(node, Table) else None

    def _overlays(self, name: str, resource: Table) -> Iterator[Node]:
        environment = self._environment
        if environment is None:
            return
        component = resource.entries.get("component")
        kind = self._top_level(component)
        for path in (("components", kind), ("resources", name)):
            overlay = document.entry(environment, "overlays", *path)
            if overlay is not None:
                yield self._in_environment(overlay)
        region = document.entry(environment, "infraStack", "region")
        if region is not None:
            mark = (region.file, region.line, region.column)
            yield self._in_environment(Table({"region": region}, {"region": mark}, *mark))

    def _in_environment(self, node: Node) -> Node:
        """Resolve an overlay; ``this`` is the environment."""
        assert self._environment is not None
        this = Root(children(self._environment))
        scope = Scope(":env", {"this": this}, self._doc.parts[-1].folder, deferred=False)
        this.scope = scope
        return self._fixed(node, scope)

    def _fixed(self, node: Node, scope: Scope) -> Node:
        if isinstance(node, Leaf):
            return from_plain(self._resolver.collect(node, scope), node)
        if isinstance(node, Array):
            return Array(
                [self._fixed(i, scope) for i in node.items], node.file, node.line, node.column
            )
        entries = {key: self._fixed(child, scope) for key, child in node.entries.items()}
        return Table(entries, node.keys, node.file, node.line, node.column)


def _joined(base: _Written, over: _Written) -> _Written:
    """Merge a resource over the extended file's; each string is resolved in its own file."""
    others = dict(over.scope.others)
    todo: list[Node] = [base.props]
    while todo:
        node = todo.pop()
        if isinstance(node, Table):
            todo.extend(node.entries.values())
        elif isinstance(node, Array):
            todo.extend(node.items)
        else:
            others.setdefault(id(node), base.scope)
    props = merge(base.props, over.props)
    assert isinstance(props, Table)
    component = over.component or base.component
    return _Written(over.scope._replace(others=others), props, component, over.position)


def _table(node: Table, key: str) -> Table:
    child = node.entries.get(key)
    if child is None or (isinstance(child, Leaf) and child.value is None):
        return empty_like(node)
    if not isinstance(child, Table):
        raise failure("structure", position(child), f"{key} is not a mapping")
    return child


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


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Leaf) and isinstance(node.value, str) else ""
