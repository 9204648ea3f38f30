# SPDX-License-Identifier: MIT
"""Problems of a template and their places. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fc_async_plugin import PluginError
from fc_async_plugin.s_yaml.provenance import masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Path = tuple[str | int, ...]
"""Keys and indices from ``props`` down, such as ``("asyncInvokeConfig", "qualifier")``."""

Kind = Literal[
    "file",
    "outside",
    "syntax",
    "limit",
    "structure",
    "variable",
    "unset",
    "compatibility",
    "edition",
]
"""``file``: the file cannot be read. ``outside``: it is outside of the repository. ``syntax``: it
is not YAML 1.2. ``limit``: it is over a limit. ``structure``: it is not a template.
``variable``: an expression cannot be resolved. ``unset``: that of an environment variable, below
the variables of a function, where its value does not matter. ``compatibility``: ``s`` reads the
place differently. ``edition``: it is a template for FC 2.0."""


class Position(NamedTuple):
    """A place in a source file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Place(NamedTuple):
    """Place where one value was written, and that of its key if it has one."""

    value: Position
    key: Position | None = None


class Problem(NamedTuple):
    """One thing that is wrong at one place of a template.

    Attributes:
        kind: See :data:`Kind`.
        position: Where it is.
        message: What is wrong, with the value.
        fix: What to do, an imperative sentence, or "".
    """

    kind: Kind
    position: Position
    message: str
    fix: str = ""

    def __str__(self) -> str:
        advice = f" ({self.fix})" if self.fix else ""
        return f"{self.position}: {self.message}{advice}"


class TemplateError(PluginError):
    """The template cannot be used. The message is that of the first problem.

    Attributes:
        problems: All problems, in the order of the source; at least one.
        position: Where the first one is.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)
        self.position = problems[0].position

    def masked(self, sources: Mapping[str, str]) -> TemplateError:
        """Return the error without values that came from outside of the template."""
        shown: list[Problem] = []
        for problem in self.problems:
            message = masked(problem.message, sources)
            fix = masked(problem.fix, sources)
            shown.append(problem._replace(message=message, fix=fix))
        return TemplateError(shown)

    # Exception would make a copy of the message alone, in place of the problems.
    def __reduce__(self) -> tuple[type[TemplateError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def failure(
    position: Position, message: str, fix: str = "", *, kind: Kind = "structure"
) -> TemplateError:
    """Return a :class:`TemplateError` with one problem."""
    return TemplateError([Problem(kind, position, message, fix)])


def note(position: Position, message: str, fix: str) -> Problem:
    """Return a place that ``s`` reads differently."""
    return Problem("compatibility", position, message, fix)
