# SPDX-License-Identifier: MIT
"""The types of rules and findings, and the page of a rule."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_plugin.s_yaml.problems import Position  # noqa: TC001 -- NamedTuple fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fc_async_plugin.check.rules.context import Context, Needs

    Find = Callable[["Context"], Iterable["Found"]]
    Check = Callable[["Context"], Iterable["Finding"]]

Severity = Literal["error", "warning", "note"]

RELATED: Final = 20
"""Largest number of further places that one finding names."""


class Related(NamedTuple):
    """Another place that belongs to a finding, such as one edge of a cycle."""

    position: Position
    message: str


class Finding(NamedTuple):
    """One result of a rule.

    Attributes:
        rule: Id such as ``FCA001``.
        severity: Errors make ``validate`` fail.
        message: What is wrong, with the value.
        position: Where it is.
        fix: What to do, an imperative sentence.
        related: Other places that belong to it, in order.
        ignored: The service ignores what is at the place, so a function runs all the same.
        account_only: Only an account punishes it: a function runs on this machine all the same.
    """

    rule: str
    severity: Severity
    message: str
    position: Position
    fix: str = ""
    related: tuple[Related, ...] = ()
    ignored: bool = False
    account_only: bool = False

    @property
    def stops(self) -> bool:
        """True if a function with it does not run on this machine."""
        is_harmless_here = self.ignored or self.account_only
        return self.severity == "error" and not is_harmless_here


class Found(NamedTuple):
    """Result of a rule; without ``severity`` it has that of the rule. See :class:`Finding`."""

    message: str
    position: Position
    fix: str = ""
    related: tuple[Related, ...] = ()
    severity: Severity | None = None
    ignored: bool = False
    account_only: bool = False


class Rule(NamedTuple):
    """A rule of ``fc-async validate``.

    Attributes:
        id: ``FCA`` and three digits. An id is never used again for another rule.
        name: A few words with dashes, for people and for SARIF.
        severity: Severity of its findings, unless a finding has another one.
        check: Yields its findings. Its docstring is read by users.
        needs: See :data:`fc_async_plugin.check.rules.context.Needs`.
    """

    id: str
    name: str
    severity: Severity
    check: Check
    needs: Needs = ""

    @property
    def summary(self) -> str:
        """The finding in one sentence."""
        return (self.check.__doc__ or "").partition("\n")[0]

    @property
    def detail(self) -> str:
        """More sentences: why it matters, or what it looks at."""
        return " ".join((self.check.__doc__ or "").split())[len(self.summary) :].strip()


def page_of(rule: str) -> Path:
    """Return the page of a rule, Markdown: in the wheel, or beside the sources."""
    package = Path(__file__).parents[2]
    installed = package / "_rules"
    folder = installed if installed.is_dir() else package.parents[1] / "docs" / "rules"
    return folder / f"{rule}.md"


def rule(id_: str, name: str, severity: Severity, *, needs: Needs = "") -> Callable[[Find], Rule]:
    """Make a rule of the decorated function, which yields what its docstring says.

    The rule is run if :mod:`fc_async_plugin.check.rules.catalog` lists its module.
    """

    def made(find: Find) -> Rule:
        @functools.wraps(find)
        def check(context: Context) -> Iterator[Finding]:
            for mistake in find(context):
                message, position, fix, related = mistake[:4]
                yield Finding(
                    id_,
                    mistake.severity or severity,
                    message,
                    position,
                    fix,
                    related,
                    ignored=mistake.ignored,
                    account_only=mistake.account_only,
                )

        return Rule(id_, name, severity, check, needs)

    return made
