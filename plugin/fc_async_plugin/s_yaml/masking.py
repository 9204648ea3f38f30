# SPDX-License-Identifier: MIT
"""Resolves texts without the values of environment variables and access keys in them.

A command must be shown before it runs, and its values may be secrets. Values that the user has set
are shown as their expression, ``${env('KEY')}``. Those of ``.env`` files came with the repository:
they may be a command, so a question shows them; a message, which may get into a log, does not.

This cannot be :mod:`.provenance`, which searches messages for values. Such a search replaces words
that only equal a value (with ``TOOL=run``, ``npm run build`` would be another command than the one
that is allowed), and passes over values of less than four characters. Marks in place of values
cannot serve messages either: rules check the values themselves.

Invariants:

- What is shown is the text that runs, but for the values that are left out.
- No value that the user has set is shown, of whatever length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_plugin.s_yaml.functions import Functions
from fc_async_plugin.s_yaml.variables import Resolver

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from fc_async_plugin.s_yaml.functions import Inputs
    from fc_async_plugin.s_yaml.nodes import Leaf
    from fc_async_plugin.s_yaml.scopes import Scope


class Masking:
    """Resolves the texts of one template.

    Args:
        inputs: What the calls of the template may read.
        user_variables: Names of the variables that the user has set.
        edition1: As in :class:`.Resolver`.
    """

    def __init__(self, inputs: Inputs, user_variables: Collection[str], *, edition1: bool) -> None:
        self._all = _Masked(inputs)
        self._own = _Masked(inputs, user_variables)
        self._resolve_all = Resolver(self._all, edition1=edition1)
        self._resolve_own = Resolver(self._own, edition1=edition1)

    def texts(
        self,
        leaf: Leaf,
        scope: Scope,
        resolved: str,
    ) -> tuple[str, str]:
        """Return a text without any of the values, and one without those of the user.

        Args:
            leaf: The text as it is written.
            scope: Its scope.
            resolved: The text with all values.
        """
        without_any = str(self._resolve_all.attempt(leaf, scope))
        for_messages = self._all.unmarked(without_any, resolved, leaf.text)
        without_own = str(self._resolve_own.attempt(leaf, scope))
        # The expression would hide what .env files add: a question shows the text that runs.
        otherwise = self._own.without_values(resolved)
        for_question = self._own.unmarked(without_own, resolved, otherwise)
        return for_messages, for_question


class _Hidden(NamedTuple):
    """A value that is not shown, and the expression that returned it."""

    expression: str
    value: str


class _Masked(Functions):
    """Calls that return a mark in place of a value that may be a secret.

    Args:
        inputs: As of :class:`Functions`.
        only: Names of the environment variables that are marked; None: all.
    """

    def __init__(self, inputs: Inputs, only: Collection[str] | None = None) -> None:
        super().__init__(inputs)
        self._only = only
        self._hidden: dict[str, _Hidden] = {}  # by mark

    def call(self, name: str, arguments: Sequence[Any], folder: Path) -> Any:
        """Evaluate one call; see :meth:`Functions.call`."""
        value = super().call(name, arguments, folder)
        first = arguments[0]
        if not isinstance(value, str):
            return value
        if not self._is_hidden(name, first):
            return value
        # Of the private use area. A text that forges a mark differs from what runs: see unmarked.
        mark = f"\ue000{name} {first}\ue001"
        expression = f"${{{name}('{first}')}}"
        self._hidden[mark] = _Hidden(expression, value)
        return mark

    def _is_hidden(self, name: str, variable: str) -> bool:
        """Return whether a call returns a mark."""
        if name != "env":
            return name == "config"
        if not self.inputs.has(variable):
            return False  # its default stands in the template
        return self._only is None or variable in self._only

    def unmarked(self, text: str, resolved: str, otherwise: str) -> str:
        """Return a text with expressions in place of marks; another one if more than that differs.

        A value may decide which file is read, for example.
        """
        whole = text
        shown = text
        for mark, hidden in self._hidden.items():
            whole = whole.replace(mark, hidden.value)
            shown = shown.replace(mark, hidden.expression)
        return shown if whole == resolved else otherwise

    def without_values(self, resolved: str) -> str:
        """Return a resolved text with expressions in place of the values that are in it."""
        # The longest first: a value may contain another one.
        for hidden in sorted(self._hidden.values(), key=_length, reverse=True):
            resolved = resolved.replace(hidden.value, hidden.expression)
        return resolved


def _length(hidden: _Hidden) -> int:
    return len(hidden.value)
