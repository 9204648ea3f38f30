# SPDX-License-Identifier: MIT
"""What every ``${…}`` stands for: resolves nodes to plain values, to a full fixpoint.

Lazy: only what is asked for is resolved, each place once. A name that leads back to itself is an
error that shows the way; so is a result that grows without end. Files are read through the
``read`` callable that was handed in, and no code is ever run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.template import expressions, javascript
from fc_async_plugin.template.errors import TemplateError
from fc_async_plugin.template.expressions import (
    Argument,
    Call,
    Constant,
    Expression,
    Hole,
    Malformed,
    Reference,
)
from fc_async_plugin.template.model import Problem
from fc_async_plugin.template.nodes import Array, Leaf, Mark, Node, Table, from_plain, position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fc_async_plugin.template.functions import Functions

MAX_HOPS: Final = 40
"""Most names that may lead from one to the next until a value is found."""

MAX_ROUNDS: Final = 20
"""How often the text that an expression gave is searched for further expressions."""

MAX_TEXT: Final = 1024 * 1024
"""Longest text that expressions may put together, in characters."""

MAX_GROWTH: Final = 1_000_000
"""Most values that references may copy into a project, counted with their children."""


class Root:
    """A root of references that isn't written as one mapping, such as ``this``.

    Attributes:
        children: Nodes, plain values or further roots by key.
        scope: Where what is below it is resolved; None: where the reference stands.
        whole: What a reference to the root itself stands for; None: nothing.
    """

    __slots__ = ("children", "scope", "whole")

    def __init__(
        self,
        children: dict[str, Any],
        scope: Scope | None = None,
        whole: Table | None = None,
    ) -> None:
        self.children = children
        self.scope = scope
        self.whole = whole


class Scope(NamedTuple):
    """Where an expression stands.

    Attributes:
        name: For the memo: unique among the scopes of a project.
        roots: First key of a reference to what is behind it.
        folder: Where relative paths of ``file()`` and ``path()`` begin.
        deferred: Whether outputs of resources may be named, which are known after a deployment.
        others: Scopes of texts that come from another file, by the id of their node.
    """

    name: str
    roots: dict[str, Root]
    folder: Path
    deferred: bool
    others: Mapping[int, Scope] = {}

    def of(self, node: Node) -> Scope:
        """The scope in which a node is resolved that was merged in here."""
        return self.others.get(id(node), self)


class _Deferred(Exception):
    """The value is known later (an output, a secret): the text stays."""


class Resolver:
    """Resolves the nodes of one project.

    Args:
        functions: What ``env``, ``file`` and the other calls answer.
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._memo: dict[tuple[int, str], tuple[Node, Any, int]] = {}
        self._open: dict[tuple[int, str], str] = {}
        self._growth = 0
        self._failed: dict[tuple[int, str], tuple[Node, TemplateError]] = {}
        self._data: dict[tuple[int, Mark], tuple[Any, Node]] = {}
        self._problems: dict[Problem, None] = {}

    @property
    def problems(self) -> list[Problem]:
        """What :meth:`collect` couldn't resolve, each once."""
        return list(self._problems)

    def value(self, node: Node, scope: Scope) -> Any:
        """A node as plain value.

        Entries of mappings that are null are left out, as ``s`` does.

        Raises:
            TemplateError: An expression can't be resolved.
        """
        return self._value(node, scope)[0]

    def collect(self, node: Node, scope: Scope) -> Any:
        """Like :meth:`value`, but notes every problem in :attr:`problems` and goes on.

        A value that can't be resolved is None, and left out of its mapping. Infinity and
        not-a-number have no JSON: they are None too, and stay.
        """
        if isinstance(node, Table):
            return {
                key: value
                for key, child in node.entries.items()
                if (value := self.collect(child, scope)) is not None or _has_no_json(child)
            }
        if isinstance(node, Array):
            items = [self.collect(item, scope) for item in node.items]
            infinite = bool(node.items) and _has_no_json(node.items[-1])
            return items if infinite else _without_last_nulls(items)
        if not isinstance(node.value, str):
            return None if _has_no_json(node) else node.value
        if not expressions.mentions_variable(node.value):
            return node.value
        try:
            return self.value(node, scope)
        except TemplateError as error:
            self._problems.update(dict.fromkeys(error.problems))
            return None

    def target(self, node: Node, scope: Scope) -> tuple[Table | Array, Scope] | None:
        """The collection that a node is a bare reference to, and its scope, if it is one."""
        for _ in range(MAX_HOPS):
            if not isinstance(node, Leaf) or not isinstance(node.value, str):
                return None
            hole = _only_hole(node.value)
            if hole is None or not isinstance(hole.expression, Reference):
                return None
            scope = scope.of(node)
            try:
                found, scope = self._walk(hole.expression.path, scope)
            except _Deferred:
                return None
            if isinstance(found, Table | Array):
                return found, scope
            if not isinstance(found, Leaf):
                return None
            node = found
        return None

    def find(self, path: tuple[str, ...], scope: Scope) -> Node | None:
        """The node that a reference leads to, unresolved; None if it is no node."""
        try:
            found, _ = self._walk(path, scope)
        except (_Deferred, TemplateError):
            return None
        return found if isinstance(found, Leaf | Table | Array) else None

    # --- nodes ---------------------------------------------------------------------------------

    def _value(self, node: Node, scope: Scope) -> tuple[Any, int]:
        """The plain value and how many values it holds."""
        if isinstance(node, Leaf) and (
            not isinstance(node.value, str) or not expressions.mentions_variable(node.value)
        ):
            return node.value, 1
        scope = scope.of(node)
        key = (id(node), scope.name)
        known = self._memo.get(key)
        if known is not None:
            return known[1], known[2]
        if key in self._failed:
            raise self._failed[key][1]
        self._enter(key, node)
        try:
            value, size = self._inside(node, scope)
        except TemplateError as error:
            self._failed[key] = (node, error)  # what leads here fails as fast the next time
            raise
        finally:
            del self._open[key]
        self._memo[key] = (node, value, size)
        return value, size

    def _enter(self, key: tuple[int, str], node: Node) -> None:
        if key in self._open:
            names = [text for text in self._open.values() if text]
            shown = " → ".join(dict.fromkeys(names))
            raise _error(node, f"cycle of variables: {shown}", "break the cycle")
        if len(self._open) >= MAX_HOPS:
            raise _error(node, f"more than {MAX_HOPS} names or levels lead to this value")
        self._open[key] = str(node.value) if isinstance(node, Leaf) else ""

    def _inside(self, node: Node, scope: Scope) -> tuple[Any, int]:
        if isinstance(node, Leaf):
            value = self._text(str(node.value), node, scope)
            return value, _size(value)
        size = 1
        if isinstance(node, Array):
            items = []
            for item in node.items:
                value, part = self._value(item, scope)
                items.append(value)
                size += part
            return _without_last_nulls(items), size
        entries: dict[str, Any] = {}
        for key, child in node.entries.items():
            value, part = self._value(child, scope)
            size += part
            if value is not None:
                entries[key] = value
        return entries, size

    # --- text ----------------------------------------------------------------------------------

    def _text(self, text: str, node: Leaf, scope: Scope) -> Any:
        for _ in range(MAX_ROUNDS):
            try:
                parts = expressions.split(text)
                value = self._parts(parts, node, scope)
            except Malformed as error:
                raise _error(node, error.message, error.fix) from None
            if not isinstance(value, str) or value == text:
                return value
            if len(value) > MAX_TEXT:
                raise _error(node, f"expressions make a text of more than {MAX_TEXT} characters")
            if not expressions.mentions_variable(value):
                return value
            text = value
        raise _error(node, f"{node.value!r} always leads to further expressions")

    def _parts(self, parts: list[str | Hole], node: Leaf, scope: Scope) -> Any:
        if len(parts) == 1 and isinstance(parts[0], Hole):
            value = self._hole(parts[0], scope)
            if isinstance(value, dict | list) and isinstance(parts[0].expression, Call):
                value = self._inside_data(value, node, scope)
            self._charge(value)
            return value
        return "".join(
            part if isinstance(part, str) else javascript.to_text(self._hole(part, scope))
            for part in parts
        )

    def _inside_data(self, value: Any, node: Leaf, scope: Scope) -> Any:
        """The mapping or list that a call answered, with the expressions in it resolved."""
        key = (id(value), (node.file, node.line, node.column))
        if key not in self._data:
            self._data[key] = (value, from_plain(value, node))
        return self._value(self._data[key][1], scope)[0]

    def _charge(self, value: Any) -> None:
        if self._growth <= MAX_GROWTH:  # beyond it, nothing is worth counting any more
            self._growth += _size(value)
        if self._growth > MAX_GROWTH:
            raise Malformed(
                f"references copy more than {MAX_GROWTH} values into the project",
                "refer to smaller parts",
            )

    def _hole(self, hole: Hole, scope: Scope) -> Any:
        try:
            value = self._evaluate(hole.expression, scope)
        except _Deferred:
            return hole.source
        if value is javascript.MISSING or (value is None and not _is_init(hole.expression)):
            raise Malformed(f"{hole.source} not found", _hint(hole.expression))
        return value

    def _evaluate(self, expression: Expression, scope: Scope) -> Any:
        if isinstance(expression, Reference):
            found, scope = self._walk(expression.path, scope)
            if isinstance(found, Leaf | Table | Array):
                return self._value(found, scope)[0]
            return found
        value = self._call(expression, scope)
        for key in expression.path:
            value = javascript.lookup(value, key)
        return value

    def _walk(self, path: tuple[str, ...], scope: Scope) -> tuple[Any, Scope]:
        """What a path leads to (a node, a root, a plain value or MISSING) and its scope."""
        root = scope.roots.get(path[0])
        if root is None or (len(path) == 1 and root.whole is None):
            return javascript.MISSING, scope
        if scope.deferred and _is_deferred(path):
            raise _Deferred
        found: Any = root
        for key in path[1:]:
            if isinstance(found, Root):
                scope = found.scope or scope
                found = found.children.get(key, javascript.MISSING)
            elif isinstance(found, Table):
                found = found.entries.get(key, javascript.MISSING)
            else:
                found = self._plain_step(found, key, scope)
        if isinstance(found, Root):
            scope = found.scope or scope
            found = found.whole or javascript.MISSING
        return found, scope

    def _plain_step(self, found: Any, key: str, scope: Scope) -> Any:
        if isinstance(found, Array):
            place = javascript.index(key)
            if place is not None and place < len(found.items):
                return found.items[place]
            return len(found.items) if key == "length" else javascript.MISSING
        if isinstance(found, Leaf):
            found = self._value(found, scope)[0]
        return javascript.lookup(found, key)

    # --- calls ---------------------------------------------------------------------------------

    def _call(self, call: Call, scope: Scope) -> Any:
        if not call.arguments:
            raise Malformed(f"{call.name}() needs an argument")
        first = self._argument(call.arguments[0], scope)
        values = [first, *(self._default(one, scope) for one in call.arguments[1:])]
        if call.name in {"str", "env.init"}:
            text = javascript.to_text(first)
            found = self._evaluate(Reference(tuple(text.split("."))), scope)
            text = text if found is javascript.MISSING else javascript.to_text(found)
            return text if call.name == "str" else javascript.parse_int(text)
        if first is javascript.MISSING and call.name == "env":
            values[0] = ""
        elif not isinstance(first, str):
            raise Malformed(f"{call.name}() takes a text")
        answer = self._functions.call(call.name, values, scope.folder)
        if answer is expressions.DEFERRED:
            raise _Deferred
        return answer

    def _default(self, argument: Argument, scope: Scope) -> Any:
        """An argument that may not be needed, and so may be known only later."""
        try:
            return self._argument(argument, scope)
        except _Deferred:
            return expressions.DEFERRED

    def _argument(self, argument: Argument, scope: Scope) -> Any:
        if isinstance(argument, Constant):
            return argument.value
        if isinstance(argument, str):
            return argument
        value = self._evaluate(argument, scope)
        if value is javascript.MISSING and len(argument.path) > 1:
            holder = argument._replace(path=argument.path[:-1])
            if self._evaluate(holder, scope) is javascript.MISSING:
                raise Malformed(f"{'.'.join(argument.path)} not found")
        return value


def _is_deferred(path: tuple[str, ...]) -> bool:
    if path[0] == "components":
        return "output" in path[2:3]
    return path[0] == "resources" and bool({"output", "info"} & set(path[2:3]))


def _is_init(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.name == "env.init"


def _has_no_json(node: Node) -> bool:
    """Whether a value is Infinity or not-a-number."""
    return isinstance(node, Leaf) and type(node.value) is float and not math.isfinite(node.value)


def _without_last_nulls(items: list[Any]) -> list[Any]:
    """A list as ``s`` copies it: nulls at its end are lost."""
    end = len(items)
    while end and items[end - 1] is None:
        end -= 1
    return items if end == len(items) else items[:end]


def _only_hole(text: str) -> Hole | None:
    try:
        parts = expressions.split(text)
    except Malformed:
        return None
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Hole) else None


def _size(value: Any) -> int:
    count = 0
    todo: list[Any] = [value]
    while todo and count <= MAX_GROWTH:
        item = todo.pop()
        count += 1
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return count


def _hint(expression: Expression) -> str:
    if isinstance(expression, Call):
        if expression.name == "env" and isinstance(expression.arguments[0], str):
            name = expression.arguments[0]
            return f"set the environment variable {name}, or write a default: env('{name}', '…')"
        return ""
    text = ".".join(expression.path)
    if text != text.strip() or " " in text:
        return "an expression has no spaces and no operators"
    if "[" in text:
        return "write the index with a dot: ${vars.list.0}"
    return ""


def _error(node: Node, message: str, fix: str = "") -> TemplateError:
    return TemplateError([Problem("variable", position(node), message, fix)])
