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
        # Nodes are kept beside their values: an id must not become that of another node.
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
        positions: list[Place] = []
        for step in path:
            node, scope = self._followed(node, scope)
            if isinstance(node, Table):
                child = node.entries.get(step) if isinstance(step, str) else None
                key_position = None if child is None else node.key_position(str(step))
            else:
                child = _item(node, step)
                key_position = None
            if child is None:
                break
            positions.append(Place(child.position, key_position))
            node = child
        return positions

    def _followed(self, node: Node, scope: Scope) -> tuple[Node, Scope]:
        """Return the collection that a node refers to, with its scope; else the node itself."""
        target: Any = node
        target_scope = scope
        for _ in range(MAX_HOPS):
            if not isinstance(target, Leaf):
                break
            reference = expressions.only_reference(target.text)
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
        # Most values are leaves without a variable: to remember them would take longer.
        if isinstance(node, Leaf) and not expressions.mentions_variable(node.text):
            return node.value, 1
        scope = scope.of(node)
        key = (id(node), scope.name)
        resolved = self._memo.get(key)
        if resolved is not None:
            _, value, size = resolved
            return value, size
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
        size = 1
        if isinstance(node, Array):
            items: list[Any] = []
            for item in node.items:
                value, item_size = self._value(item, scope)
                items.append(value)
                size += item_size
            return without_last_nulls(items), size
        entries: dict[str, Any] = {}
        for key, child in node.entries.items():
            value, child_size = self._value(child, scope)
            size += child_size
            if value is not None:  # s removes a key whose value is null
                entries[key] = value
        return entries, size

    def _text(self, text: str, node: Leaf, scope: Scope) -> Any:
        # As in s, a value may have expressions, which are resolved in the next round.
        for _ in range(MAX_ROUNDS):
            try:
                parts = expressions.split(text)
                value = self._parts(parts, node, scope)
            except Unset as error:
                failure = _error(node, error.message, error.fix)
                raise NoValue(failure.problems, error.name) from None
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
        only = parts[0] if len(parts) == 1 else None
        if isinstance(only, Hole):
            # An expression that is the whole text keeps the type of its value.
            value = self._hole(only, node, scope)
            if functions.taken > before:
                provenance.record(functions.sources, value, only.source)
            is_collection = isinstance(value, dict | list)
            if is_collection and isinstance(only.expression, Call):
                value = self._inside_data(value, node, scope)
            self._charge(value)
            return value
        texts: list[str] = []
        for part in parts:
            if isinstance(part, Hole):
                texts.append(javascript.to_text(self._hole(part, node, scope)))
            else:
                texts.append(part)
        text = "".join(texts)
        # A value that another node has asked for is not counted again, but is in sources.
        has_values = functions.taken > before or not functions.sources.keys().isdisjoint(texts)
        if has_values:
            self._note_parts(parts, texts, str(node.value))
        return text

    def _note_parts(
        self,
        parts: list[str | Hole],
        texts: list[str],
        written: str,
    ) -> None:
        """Note what holes returned, and the text that they make."""
        for part, text in zip(parts, texts, strict=True):
            if isinstance(part, Hole) and isinstance(part.expression, Call):
                provenance.record(self._functions.sources, text, part.source)
        provenance.record(self._functions.sources, "".join(texts), written)

    def _inside_data(self, value: Any, node: Leaf, scope: Scope) -> Any:
        """Resolve the expressions in a mapping or list that a call returned."""
        key = (id(value), node.mark)
        if key not in self._data:
            # The value is kept as well: its id must not become that of another one.
            self._data[key] = (value, from_plain(value, node.mark))
        _, data = self._data[key]
        resolved, _ = self._value(data, scope)
        return resolved

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
        is_missing = value is javascript.MISSING
        if is_missing and self._edition1 and isinstance(hole.expression, Reference):
            # findVariableValue of s: src/common/execCommand/parse.ts of Serverless-Devs/core
            self._keep(hole, node)
            return hole.source
        # parseInt of env.init may give NaN, which is null here and is a value in s.
        is_null = value is None and not _is_init(hole.expression)
        if is_missing or is_null:
            raise expressions.not_found(hole)
        return value

    def _keep(self, hole: Hole, node: Node) -> None:
        """Note that a reference stays as text."""
        problem = Problem(
            "edition",
            node.position,
            f"{hole.source} names nothing: it stays as text, as in s",
            "leave it out, or write what it stands for",
        )
        self.kept[problem] = None

    def _evaluate(self, expression: Expression, scope: Scope) -> Any:
        if isinstance(expression, Reference):
            target, scope = self._walk(expression.path, scope)
            if not isinstance(target, Leaf | Table | Array):
                return target
            value, _ = self._value(target, scope)
            return value
        value = self._call(expression, scope)
        for key in expression.path:
            value = javascript.lookup(value, key)
        return value

    def _walk(
        self,
        path: tuple[str, ...],
        scope: Scope,
    ) -> tuple[Any, Scope]:
        """Return the target of a path (a node, a plain value or MISSING) and its scope."""
        root = scope.roots.get(path[0])
        if root is None:
            return javascript.MISSING, scope
        if len(path) == 1 and root.whole is None:
            return javascript.MISSING, scope
        if scope.defers(path):
            raise _Deferred
        target: Any = root
        for key in path[1:]:
            if isinstance(target, Root):
                scope = target.scope or scope
            target = self._step(target, key, scope)
        if isinstance(target, Root):
            scope = target.scope or scope
            target = target.whole or javascript.MISSING
        return target, scope

    def _step(self, target: Any, key: str, scope: Scope) -> Any:
        """Return what is under a key of a root, a node or a plain value."""
        if isinstance(target, Root):
            return target.children.get(key, javascript.MISSING)
        if isinstance(target, Table):
            return target.entries.get(key, javascript.MISSING)
        if isinstance(target, Array):
            # Paths are those of JavaScript, in which s evaluates them.
            if key == "length":
                return len(target.items)
            item = _item(target, javascript.index(key))
            return javascript.MISSING if item is None else item
        if isinstance(target, Leaf):
            target = self._value(target, scope)[0]
        return javascript.lookup(target, key)

    def _call(self, call: Call, scope: Scope) -> Any:
        if not call.arguments:
            raise Malformed(f"{call.name}() needs an argument")
        first = self._argument(call.arguments[0], scope)
        values = [first]
        values += [self._default(argument, scope) for argument in call.arguments[1:]]
        if call.name == "str":
            return self._as_text(first, scope)
        if call.name == "env.init":
            return javascript.parse_int(self._as_text(first, scope))
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
        path = tuple(text.split("."))
        value = self._evaluate(Reference(path), scope)
        if value is javascript.MISSING:
            return text
        return javascript.to_text(value)

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
        is_inside = len(argument.path) > 1
        if value is not javascript.MISSING or not is_inside:
            return value
        # A missing key is undefined in JavaScript; a key of undefined is an error.
        holder = argument._replace(path=argument.path[:-1])
        if self._evaluate(holder, scope) is javascript.MISSING:
            raise Malformed(f"{'.'.join(argument.path)} not found")
        return value


def _item(node: Node, index: object) -> Node | None:
    """Return the item of a sequence at an index; None if there is none."""
    if not isinstance(node, Array) or not isinstance(index, int):
        return None
    return node.items[index] if index < len(node.items) else None


def _is_init(expression: Expression) -> bool:
    return isinstance(expression, Call) and expression.name == "env.init"


def _size(value: Any) -> int:
    count = 0
    todo: list[Any] = [value]
    # It ends at the limit: references to references double the size with each step.
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
