# SPDX-License-Identifier: MIT
"""The result of reading a template: resources with plain values and their places, or problems.

Data only. :mod:`fc_async_plugin.template.loader` reads, :mod:`fc_async_plugin.rules` checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from fc_async_plugin import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

Path = tuple[str | int, ...]
"""Keys and indices from ``props`` down, such as ``("asyncInvokeConfig", "qualifier")``."""

Kind = Literal["file", "syntax", "limit", "structure", "variable", "compatibility"]
"""``file``: the file cannot be read. ``syntax``: it is not YAML 1.2. ``limit``: it is over a limit.
``structure``: it is not a template. ``variable``: an expression cannot be resolved.
``compatibility``: ``s`` reads the place differently."""


class Position(NamedTuple):
    """A place in a source file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Place(NamedTuple):
    """Where one value was written, and its key if it has one."""

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

    def __reduce__(self) -> tuple[type[TemplateError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def failure(kind: Kind, position: Position, message: str, fix: str = "") -> TemplateError:
    """Return a :class:`TemplateError` with one problem."""
    return TemplateError([Problem(kind, position, message, fix)])


class Suppression(NamedTuple):
    """A comment that suppresses findings.

    Attributes:
        position: Where the comment stands.
        line: The line that it applies to: its own, or the next one if the comment stands alone.
        rules: Rule ids, such as ``FCA011``.
        reason: The reason, "" if none is given.
    """

    position: Position
    line: int
    rules: tuple[str, ...]
    reason: str


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One entry under ``resources:``.

    Attributes:
        name: Its key.
        component: Such as ``fc3``.
        region: From props; "" if props has none.
        account_id: Of the access alias, or given on the command line; "" if unknown.
    from collections.abc import Callable, Mapping
    from typing import TYPE_CHECKING, Any, Literal, NamedTuple
        position: Where the resource's key was written.
    """

    name: str
    component: str
    region: str
    account_id: str
    function_name: str
    props: dict[str, Any]
    places: Callable[[Path], list[Place]]
    position: Position

    def where(self, *path: str | int) -> Position:
        """Return where a value was written, or its nearest parent that has a place."""
        places = self.places(path)
        return places[-1].value if places else self.position

    def where_key(self, *path: str | int) -> Position:
        """Return where the key of a value was written, or what is nearest to it."""
        places = self.places(path)
        if len(places) < len(path):
            return self.where(*path)
        return places[-1].key or places[-1].value


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One template after reading.

    Attributes:
        file: The template.
        name: Its ``name``.
        access: The access alias that is used.
        resources: In the order of the file.
        files: All files that were read: the template, the file it extends, environments.
        notes: Places that ``s`` reads differently.
        suppressions: Comments that suppress findings.
        secrets: Secrets of the access alias that are in the props and must not be shown.
    """

    file: str
    name: str
    access: str
    resources: tuple[Resource, ...]
    files: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    secrets: tuple[str, ...] = ()
