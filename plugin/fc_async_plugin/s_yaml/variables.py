# SPDX-License-Identifier: MIT
"""Resolves the ``${…}`` expressions of nodes to plain values.

Invariants:

- Resolution is lazy: only requested nodes are resolved, each once.
- A cycle of references is an error that shows the cycle. A result over a size limit is an error.
- Only ``Functions`` reads files and environment variables. No code is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.s_yaml import expressions, javascript, provenance
from fc_async_plugin.s_yaml.expressions import (
    Argument,
    Call,
    Constant,
    Expression,
    Hole,
    Malformed,
    Reference,
    Unset,
)
from fc_async_plugin.s_yaml.nodes import (
    Array,
    Leaf,
    Mark,
    Node,
    Table,
    from_plain,
    without_last_nulls,
)
from fc_async_plugin.s_yaml.problems import Place, Problem, TemplateError
from fc_async_plugin.s_yaml.scopes import Root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.s_yaml.functions import Functions
    from fc_async_plugin.s_yaml.problems import Path
    from fc_async_plugin.s_yaml.scopes import Scope

MAX_HOPS: Final = 40
"""Longest chain of references to a value."""

MAX_ROUNDS: Final = 20
"""Number of searches of a result for further expressions."""

MAX_TEXT: Final = 1024 * 1024
"""Longest string that expressions may build, in characters."""

MAX_GROWTH: Final = 1_000_000
"""Largest number of values that references may copy into a project, children included."""


class _Deferred(Exception):
    """The value is known later (an output, a secret): the expression stays as it is."""


class NoValue(TemplateError):
    """An environment variable has no value."""

    def __init__(self, problems: Sequence[Problem], name: str) -> None:
        super().__init__(problems)
        self.name = name


class Resolver:
    """Resolves the nodes of one project.

    Args:
        functions: Evaluates ``env``, ``file`` and the other calls.
        edition1: Whether a reference that names nothing stays as text, as ``s`` has it in a
            template of edition 1.0.0.

    Attributes:
        kept: A note on each reference that stays as text.
    """

    def __init__(self, functions: Functions, *, edition1: bool = False) -> None:
        self._functions = functions
        self._edition1 = edition1
        self.kept: dict[Problem, None] = {}
        self._memo: dict[tuple[int, str], tuple[Node, Any, int]] = {}
        self._open: dict[tuple[int, str], str] = {}
        self._growth = 0
        self._failed: dict[tuple[int, str], tuple[Node, TemplateError]] = {}
        self._data: dict[tuple[int, Mark], tuple[Any, Node]] = {}

    def attempt(self, node: Leaf, scope: Scope) -> Any:
        """Return a node as a plain value, as it is written if it cannot be resolved."""
        try:
            return self._value(node, scope)[0]
        except TemplateError:
            return node.value

    def places(self, node: Node, scope: Scope, path: Path) -> list[Place]:
        """Return where each value on a path was written, as far as the path leads.

        References to collections are followed, so that a finding about a value in ``vars`` is
        shown there.

        Args:
            node: Where the path begins.
            scope: The scope of the node.
            path: Keys and indices.
        """
        positions = []
        for step in path:
            node, scope = self._followed(node, scope)
            key = None
            if isinstance(node, Table) and step in node.entries:
                key = node.key_position(str(step))
                node = node.entries[str(step)]
            elif isinstance(node, Array) and isinstance(step, int) and step < len(node.items):
                node = node.items[step]
            else:
                break
            positions.append(Place(node.position, key))
        return positions

    def _followed(self, node: Node, scope: Scope) -> tuple[Node, Scope]:
        """Return the collection that a node refers to, with its scope; else the node itself."""
        target: Any = node
        target_scope = scope
        for _ in range(MAX_HOPS):
            reference = (
                expressions.only_reference(target.text) if isinstance(target, Leaf) else None
            )
            if reference is None:
                break
            try:
                target, target_scope = self._walk(reference.path, target_scope.of(target))
            except _Deferred:
                break
            if isinstance(target, Table | Array):
                return target, target_scope
        return node, scope

    def find(self, path: tuple[str, ...], scope: Scope) -> Node | None:
        """Return the node that a reference names, unresolved; None if there is none."""
        try:
            target, _ = self._walk(path, scope)
        except (_Deferred, TemplateError):
            return None
        return target if isinstance(target, Leaf | Table | Array) else None

    def _value(self, node: Node, scope: Scope) -> tuple[Any, int]:
        """Return the plain value and the number of values in it."""
        if isinstance(node, Leaf) and (
            not isinstance(node.value, str) or not expressions.mentions_variable(node.value)
        ):
            return node.value, 1
        scope = scope.of(node)
        key = (id(node), scope.name)
        resolved = self._memo.get(key)
        if resolved is not None:
            return resolved[1], resolved[2]
        if key in self._failed:
            raise self._failed[key][1]
        self._enter(key, node)
        try:
            value, size = self._inside(node, scope)
        except TemplateError as error:
            self._failed[key] = (node, error)  # the next reference to it fails at once
            raise
        finally:
            del self._open[key]
        self._memo[key] = (node, value, size)
        return value, size

    def _enter(self, key: tuple[int, str], node: Node) -> None:
        if key in self._open:
            path = [text for text in self._open.values() if text]
            shown = " → ".join(dict.fromkeys(path))
            raise _error(node, f"cycle of variables: {shown}", "break the cycle")
        if len(self._open) >= MAX_HOPS:
            raise _error(node, f"more than {MAX_HOPS} names or levels lead to this value")
        self._open[key] = str(node.value) if isinstance(node, Leaf) else ""

    def _inside(self, node: Node, scope: Scope) -> tuple[Any, int]:
        if isinstance(node, Leaf):
            value = self._text(str(node.value), node, scope)
            return value, _size(value)
        if isinstance(node, Array):
            values = [self._value(item, scope) for item in node.items]
            items = without_last_nulls([value for value, _ in values])
            return items, 1 + sum(size for _, size in values)
        pairs = {key: self._value(child, scope) for key, child in node.entries.items()}
        entries = {key: value for key, (value, _) in pairs.items() if value is not None}
        return entries, 1 + sum(size for _, size in pairs.values())

    def _text(self, text: str, node: Leaf, scope: Scope) -> Any:
        for _ in range(MAX_ROUNDS):
            try:
                parts = expressions.split(text)
                value = self._parts(parts, node, scope)
            except Unset as error:
                raise NoValue(_error(node, error.message, error.fix).problems, error.name) from None
            except Malformed as error:
                raise _error(node, error.message, error.fix) from None
            if not isinstance(value, str) or value == text:
                return value
            if len(value) > MAX_TEXT:
                raise _error(node, f"expressions make a string of more than {MAX_TEXT} characters")
            if not expressions.mentions_variable(value):
                return value
            text = value
        raise _error(node, f"{node.value!r} always leads to further expressions")

    def _parts(self, parts: list[str | Hole], node: Leaf, scope: Scope) -> Any:
        functions = self._functions
        before = functions.taken
        if len(parts) == 1 and isinstance(parts[0], Hole):
            value = self._hole(parts[0], node, scope)
            if functions.taken > before:
                provenance.record(functions.sources, value, parts[0].source)
            if isinstance(value, dict | list) and isinstance(parts[0].expression, Call):
                value = self._inside_data(value, node, scope)
            self._charge(value)
            return value
        texts = [
            part if isinstance(part, str) else javascript.to_text(self._hole(part, node, scope))
            for part in parts
        ]
        text = "".join(texts)
        if functions.taken > before or not functions.sources.keys().isdisjoint(texts):
            self._note_parts(parts, texts, str(node.value))
        return text

    def _note_parts(self, parts: list[str | Hole], texts: list[str], written: str) -> None:
        """Note what holes returned, and the text that they make."""
        for part, text in zip(parts, texts, strict=True):
            if isinstance(part, Hole) and isinstance(part.expression, Call):
                provenance.record(self._functions.sources, text, part.source)
        provenance.record(self._functions.sources, "".join(texts), written)

    def _inside_data(self, value: Any, node: Leaf, scope: Scope) -> Any:
        """Resolve the expressions in a mapping or list that a call returned."""
        key = (id(value), node.mark)
        if key not in self._data:
            self._data[key] = (value, from_plain(value, node.mark))
        return self._value(self._data[key][1], scope)[0]

    def _charge(self, value: Any) -> None:
        if self._growth <= MAX_GROWTH:  # counting costs time, and the limit is exceeded anyway
            self._growth += _size(value)
        if self._growth > MAX_GROWTH:
            raise Malformed(
                f"references copy more than {MAX_GROWTH} values into the project",
                "refer to smaller parts",
            )

    def _hole(self, hole: Hole, node: Node, scope: Scope) -> Any:
        try:
            value = self._evaluate(hole.expression, scope)
        except _Deferred:
            return hole.source
        if (
            value is javascript.MISSING
            and self._edition1
            and isinstance(hole.expression, Reference)
        ):
            message = f"{hole.source} names nothing: it stays as text, as in s"
            fix = "leave it out, or write what it stands for"
            self.kept[Problem("edition", node.position, message, fix)] = None
            return hole.source
        if value is javascript.MISSING or (value is None and not _is_init(hole.expression)):
            raise expressions.not_found(hole)
        return value

    def _evaluate(self, expression: Expression, scope: Scope) -> Any:
        if isinstance(expression, Reference):
            target, scope = self._walk(expression.path, scope)
            if isinstance(target, Leaf | Table | Array):
                return self._value(target, scope)[0]
            return target
        value = self._call(expression, scope)
        for key in expression.path:
            value = javascript.lookup(value, key)
        return value

    def _walk(self, path: tuple[str, ...], scope: Scope) -> tuple[Any, Scope]:
        """Return the target of a path (a node, a plain value or MISSING) and its scope."""
        root = scope.roots.get(path[0])
        if root is None or (len(path) == 1 and root.whole is None):
            return javascript.MISSING, scope
        if scope.defers(path):
            raise _Deferred
        target: Any = root
        for key in path[1:]:
            if isinstance(target, Root):
                scope = target.scope or scope
            target = self._step(target, key, scope)
        if isinstance(target, Root):
            return target.whole or javascript.MISSING, target.scope or scope
        return target, scope

    def _step(self, target: Any, key: str, scope: Scope) -> Any:
        """Return what is under a key of a root, a node or a plain value."""
        if isinstance(target, Root):
            return target.children.get(key, javascript.MISSING)
        if isinstance(target, Table):
            return target.entries.get(key, javascript.MISSING)
        if isinstance(target, Array):
            index = javascript.index(key)
            if index is not None and index < len(target.items):
                return target.items[index]
            return len(target.items) if key == "length" else javascript.MISSING
        if isinstance(target, Leaf):
            target = self._value(target, scope)[0]
        return javascript.lookup(target, key)

    def _call(self, call: Call, scope: Scope) -> Any:
        if not call.arguments:
            raise Malformed(f"{call.name}() needs an argument")
        first = self._argument(call.arguments[0], scope)
        values = [first, *(self._default(argument, scope) for argument in call.arguments[1:])]
        if call.name in {"str", "env.init"}:
            text = self._as_text(first, scope)
            return text if call.name == "str" else javascript.parse_int(text)
        if first is javascript.MISSING and call.name == "env":
            values[0] = ""
        elif not isinstance(first, str):
            raise Malformed(f"{call.name}() takes a string")
        answer = self._functions.call(call.name, values, scope.folder)
        if answer is expressions.DEFERRED:
            raise _Deferred
        return answer

    def _as_text(self, argument: Any, scope: Scope) -> str:
        """Return what an argument names as text; the argument itself if it names nothing."""
        text = javascript.to_text(argument)
        value = self._evaluate(Reference(tuple(text.split("."))), scope)
        return text if value is javascript.MISSING else javascript.to_text(value)

    def _default(self, argument: Argument, scope: Scope) -> Any:
        """Evaluate an argument that may be unneeded, and therefore may be known only later."""
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


def _is_init(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.name == "env.init"


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


def _error(node: Node, message: str, fix: str = "") -> TemplateError:
    return TemplateError([Problem("variable", node.position, message, fix)])
