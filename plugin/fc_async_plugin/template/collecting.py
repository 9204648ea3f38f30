# SPDX-License-Identifier: MIT
"""Collects the plain values of a project, and all problems in them.

Invariants:

- A problem does not end a collection; each is reported once.
- Nothing is left out for want of a value unless its key is optional.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from fc_async_plugin.template import expressions
from fc_async_plugin.template.nodes import (
    Array,
    Leaf,
    Table,
    from_plain,
    has_no_json,
    without_last_nulls,
)
from fc_async_plugin.template.problems import TemplateError
from fc_async_plugin.template.variables import NoValue, Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fc_async_plugin.template.functions import Functions
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
