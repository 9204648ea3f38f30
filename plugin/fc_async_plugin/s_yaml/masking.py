# SPDX-License-Identifier: MIT
"""Resolves texts without the values of environment variables and access keys in them.

A command must be shown before it runs, and its values may be secrets. Values that the user has set
are shown as their expression, ``${env('KEY')}``. Those of ``.env`` files came with the repository:
they may be a command, so a question shows them; a message, which may get into a log, does not.

Invariants:
    What is shown is the text that runs, but for the values that are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_plugin.s_yaml.functions import Functions
from fc_async_plugin.s_yaml.variables import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from fc_async_plugin.s_yaml.nodes import Leaf
    from fc_async_plugin.s_yaml.scopes import Scope


class Masking:
    """Resolves the texts of one template.

    Args:
        make: Makes the calls of the template; takes their class.
        user_variables: Names of the variables that the user has set.
        edition1: As in :class:`.Resolver`.
    """

    def __init__(
        self,
        make: Callable[[type[_Masked]], _Masked],
        user_variables: Collection[str],
        *,
        edition1: bool,
    ) -> None:
        self._all, self._own = make(_Masked), make(_Masked)
        self._own.only = user_variables
        self._resolve_all = Resolver(self._all, edition1=edition1)
        self._resolve_own = Resolver(self._own, edition1=edition1)

    def texts(self, leaf: Leaf, scope: Scope, resolved: str) -> tuple[str, str]:
        """Return a text without any of the values, and one without those of the user.

        Args:
            leaf: The text as it is written.
            scope: Its scope.
            resolved: The text with all values.
        """
        without_any = str(self._resolve_all.attempt(leaf, scope))
        without_own = str(self._resolve_own.attempt(leaf, scope))
        return (
            self._all.unmarked(without_any, resolved, leaf.text),
            self._own.unmarked(without_own, resolved, self._own.without_values(resolved)),
        )


class _Masked(Functions):
    """Calls that return a mark in place of a value that may be a secret.

    Attributes:
        only: Names of the environment variables that are marked; None: all.
    """

    only: Collection[str] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._values: dict[str, tuple[str, str]] = {}  # expression and value by mark

    def call(self, name: str, arguments: Sequence[Any], folder: Path) -> Any:
        """Evaluate one call; see :meth:`Functions.call`."""
        value = super().call(name, arguments, folder)
        first = arguments[0]
        if name == "env":
            is_hidden = first in self.set and (self.only is None or first in self.only)
        else:
            is_hidden = name == "config"
        if not is_hidden or not isinstance(value, str):
            return value
        mark = f"\ue000{name} {first}\ue001"
        self._values[mark] = (f"${{{name}('{first}')}}", value)
        return mark

    def unmarked(self, text: str, resolved: str, otherwise: str) -> str:
        """Return a text with expressions in place of marks; another one if more than that differs.

        A value may decide which file is read, for example.
        """
        whole = shown = text
        for mark, (expression, value) in self._values.items():
            whole = whole.replace(mark, value)
            shown = shown.replace(mark, expression)
        return shown if whole == resolved else otherwise

    def without_values(self, resolved: str) -> str:
        """Return a resolved text with expressions in place of the values that are in it."""
        longest_first = sorted(self._values.values(), key=lambda pair: len(pair[1]), reverse=True)
        for expression, value in longest_first:
            resolved = resolved.replace(value, expression)
        return resolved
