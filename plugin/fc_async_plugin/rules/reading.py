# SPDX-License-Identifier: MIT
"""Rules about reading: templates, or parts of them, that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.rules.rule import Finding, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context

_READING: Final = frozenset({"file", "syntax", "limit", "structure"})


@rule("FCA001", "unreadable-template", "error", "The template cannot be read.")
def unreadable(context: Context) -> Iterator[Finding]:
    """Files, YAML and the structure down to props."""
    for problem in context.problems:
        if problem.kind in _READING:
            yield Finding("FCA001", "error", problem.message, problem.position, problem.fix)


@rule("FCA002", "unresolved-variable", "error", "A ${…} cannot be resolved.")
def unresolved(context: Context) -> Iterator[Finding]:
    """Names that do not exist, cycles of variables, and JavaScript."""
    for problem in context.problems:
        if problem.kind == "variable":
            yield Finding("FCA002", "error", problem.message, problem.position, problem.fix)


@rule("FCA003", "s-answers-differently", "warning", "s reads this in another way.")
def differs(context: Context) -> Iterator[Finding]:
    """Places where s loses or ignores what is written."""
    for problem in context.problems:
        if problem.kind == "compatibility":
            yield Finding("FCA003", "warning", problem.message, problem.position, problem.fix)
