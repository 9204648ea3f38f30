# SPDX-License-Identifier: MIT
"""Resolves the ``${…}`` expressions of nodes to plain values.

Invariants:

- Resolution is lazy: only requested nodes are resolved, each once.
- A cycle of references is an error that shows the cycle. A result over a size limit is an error.
- Only ``Functions`` reads files and environment variables. No code is run.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fc_async_plugin.template import expressions, javascript
from fc_async_plugin.template.expressions import (
    Argument,
    Call,
    Constant,
    Expression,
    Hole,
    Malformed,
    Reference,
    Unset,
)
from fc_async_plugin.template.nodes import Array, Leaf, Mark, Node, Table
from fc_async_plugin.template.problems import Place, Problem, TemplateError
from fc_async_plugin.template.scopes import Root

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from fc_async_plugin.template.functions import Functions
    from fc_async_plugin.template.problems import Path
    from fc_async_plugin.template.scopes import Scope

MAX_HOPS: Final = 40
"""Longest chain of references to a value."""

MAX_ROUNDS: Final = 20
"""Number of searches of a result for further expressions."""

MAX_TEXT: Final = 1024 * 1024
"""Longest string that expressions may build, in characters."""

MAX_GROWTH: Final = 1_000_000
"""Largest number of values that references may copy into a project, children included."""


Result = TypeVar("Result")


class _Deferred(Exception):
    """The value is known later (an output, a secret): the expression stays as it is."""


class _NoValue(TemplateError):
    """An environment variable has no value."""

    def __init__(self, problems: Sequence[Problem], name: str) -> None:
        super().__init__(problems)
        self.name = name


ENVIRONMENT: Final = "environmentVariables"
"""Props of which one entry may be left out; of others, all is left out."""


class Resolver:
    """Resolves the nodes of one project.

    Args:
        functions: Evaluates ``env``, ``file`` and the other calls.
        optional: Keys of mappings whose values, if an environment variable has none, are left out
            instead of being a problem.

    Attributes:
        unset: Names of the environment variables for which something was left out.
        left_out: The problems of each resource that :meth:`apart` found.
    """

    def __init__(self, functions: Functions, optional: Collection[str] = ()) -> None:
        self._functions = functions
        self._optional = optional
        self._lenient = False
        self._inside_reference = False
        self._left_out: list[Leaf] = []
        self.unset: dict[str, None] = {}
        self.left_out: dict[str, list[Problem]] = {}
        self._memo: dict[tuple[int, str], tuple[Node, Any, int]] = {}
        self._open: dict[tuple[int, str], str] = {}
        self._growth = 0
        self._failed: dict[tuple[int, str], tuple[Node, TemplateError]] = {}
        self._data: dict[tuple[int, Mark], tuple[Any, Node]] = {}
        self._problems: dict[Problem, None] = {}

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
                return None if _has_no_json(node) else node.value
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
                if (value := self._entry(key, child, scope)) is not None or _has_no_json(child)
            }
        items = [self.collect(item, scope) for item in node.items]
        infinite = bool(node.items) and _has_no_json(node.items[-1])
        return items if infinite else _without_last_nulls(items)

    def _collect_text(self, node: Leaf, scope: Scope) -> Any:
        try:
            return self._value(node, scope)[0]
        except TemplateError as error:
            if self._lenient and isinstance(error, _NoValue):
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

    def attempt(self, node: Leaf, scope: Scope) -> Any:
        """Return a node as a plain value, as it is written if it cannot be resolved."""
        try:
            return self._value(node, scope)[0]
        except TemplateError:
            return node.value

    def text(self, node: Node | None, scope: Scope) -> str:
        """Return a value as text, "" if there is none; problems as in :meth:`collect`."""
        value = None if node is None else self.collect(node, scope)
        return "" if value is None else str(value)

    def fixed(self, node: Node, scope: Scope) -> Node:
        """Return a node with values instead of variables; problems as in :meth:`collect`."""
        if isinstance(node, Leaf):
            return _from_plain(self.collect(node, scope), node.mark)
        if isinstance(node, Array):
            return Array(*node.mark, [self.fixed(item, scope) for item in node.items])
        entries = {
            key: self.fixed(child, scope)
            if key not in self._optional
            else _from_plain(self._entry(key, child, scope), child.mark)
            for key, child in node.entries.items()
        }
        return Table(*node.mark, entries, node.keys)

    def places(self, node: Node, scope: Scope, path: Path) -> list[Place]:
        """Return where each value on a path was written, as far as the path leads.

        References to collections are followed, so that a finding about a value in ``vars`` is
        shown there.

        Args:
            node: Where the path begins.
            scope: The scope of the node.
            path: Keys and indices.
        """
        found = []
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
            found.append(Place(node.position, key))
        return found

    def _followed(self, node: Node, scope: Scope) -> tuple[Node, Scope]:
        """Return the collection that a node refers to, with its scope; else the node itself."""
        found: Any = node
        there = scope
        for _ in range(MAX_HOPS):
            reference = expressions.only_reference(found.text) if isinstance(found, Leaf) else None
            if reference is None:
                break
            try:
                found, there = self._walk(reference.path, there.of(found))
            except _Deferred:
                break
            if isinstance(found, Table | Array):
                return found, there
        return node, scope

    def find(self, path: tuple[str, ...], scope: Scope) -> Node | None:
        """Return the node that a reference names, unresolved; None if there is none."""
        try:
            found, _ = self._walk(path, scope)
        except (_Deferred, TemplateError):
            return None
        return found if isinstance(found, Leaf | Table | Array) else None

    def _value(self, node: Node, scope: Scope) -> tuple[Any, int]:
        """Return the plain value and the number of values in it."""
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
            found = [self._value(item, scope) for item in node.items]
            items = _without_last_nulls([value for value, _ in found])
            return items, 1 + sum(size for _, size in found)
        pairs = {key: self._value(child, scope) for key, child in node.entries.items()}
        entries = {key: value for key, (value, _) in pairs.items() if value is not None}
        return entries, 1 + sum(size for _, size in pairs.values())

    def _text(self, text: str, node: Leaf, scope: Scope) -> Any:
        for _ in range(MAX_ROUNDS):
            try:
                parts = expressions.split(text)
                value = self._parts(parts, node, scope)
            except Unset as error:
                raise _NoValue(
                    _error(node, error.message, error.fix).problems, error.name
                ) from None
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
        """Resolve the expressions in a mapping or list that a call returned."""
        key = (id(value), node.mark)
        if key not in self._data:
            self._data[key] = (value, _from_plain(value, node.mark))
        return self._value(self._data[key][1], scope)[0]

    def _charge(self, value: Any) -> None:
        if self._growth <= MAX_GROWTH:  # counting costs time, and the limit is exceeded anyway
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
            raise expressions.not_found(hole)
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
        """Return the target of a path (a node, a plain value or MISSING) and its scope."""
        root = scope.roots.get(path[0])
        if root is None or (len(path) == 1 and root.whole is None):
            return javascript.MISSING, scope
        if scope.defers(path):
            raise _Deferred
        found: Any = root
        for key in path[1:]:
            if isinstance(found, Root):
                scope = found.scope or scope
            found = self._step(found, key, scope)
        if isinstance(found, Root):
            return found.whole or javascript.MISSING, found.scope or scope
        return found, scope

    def _step(self, found: Any, key: str, scope: Scope) -> Any:
        """Return what is under a key of a root, a node or a plain value."""
        if isinstance(found, Root):
            return found.children.get(key, javascript.MISSING)
        if isinstance(found, Table):
            return found.entries.get(key, javascript.MISSING)
        if isinstance(found, Array):
            index = javascript.index(key)
            if index is not None and index < len(found.items):
                return found.items[index]
            return len(found.items) if key == "length" else javascript.MISSING
        if isinstance(found, Leaf):
            found = self._value(found, scope)[0]
        return javascript.lookup(found, key)

    def _call(self, call: Call, scope: Scope) -> Any:
        if not call.arguments:
            raise Malformed(f"{call.name}() needs an argument")
        first = self._argument(call.arguments[0], scope)
        values = [first, *(self._default(one, scope) for one in call.arguments[1:])]
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
        found = self._evaluate(Reference(tuple(text.split("."))), scope)
        return text if found is javascript.MISSING else javascript.to_text(found)

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


def _from_plain(value: Any, mark: Mark) -> Node:
    """Return a value as nodes that all were written at one place."""
    if isinstance(value, dict):
        entries = {key: _from_plain(child, mark) for key, child in value.items()}
        return Table(*mark, entries, dict.fromkeys(entries, mark))
    if isinstance(value, list):
        return Array(*mark, [_from_plain(item, mark) for item in value])
    return Leaf(*mark, value)


def _without_last_nulls(items: list[Any]) -> list[Any]:
    """Return a list as ``s`` copies it: without the nulls at its end."""
    end = len(items)
    while end and items[end - 1] is None:
        end -= 1
    return items if end == len(items) else items[:end]


def _has_no_json(node: Node) -> bool:
    """Return whether a value is Infinity or not-a-number."""
    return isinstance(node, Leaf) and type(node.value) is float and not math.isfinite(node.value)
