# SPDX-License-Identifier: MIT
"""Reads SQL from the .sql files that lie beside the code which runs it.

Two kinds: files of named statements (``-- name: accept`` begins one) and numbered migrations
(``0001_initial.sql``). Nothing here runs SQL, and no statement is ever put together from values.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NAME: Final = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)
_PART: Final = re.compile(r"\{(\w+)\}")
_ROW: Final = re.compile(r"(?<=VALUES )\(\?(?:, \?)*\)")
_MIGRATION: Final = re.compile(r"^(\d{4})_\w+\.sql$")


class Migration(NamedTuple):
    """One step of a schema. ``number`` counts up without gaps."""

    number: int
    file: str
    script: str


class Schema(NamedTuple):
    """The tables of one component and how they came to be.

    Attributes:
        component: Its name in the version table; never changes.
        migrations: All steps, oldest first. The first one makes all tables; stores that are older
            than it are refused.
    """

    component: str
    migrations: tuple[Migration, ...]

    @property
    def version(self) -> int:
        """The number of the newest step: what a migrated store stands at."""
        return self.migrations[-1].number


def statements(
    package: str, file: str = "statements.sql", parts: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Return the named statements of a file.

    Args:
        package: Dotted name of the package that the file lies in.
        file: Its name.
        parts: What ``{name}`` in a statement stands for, besides earlier statements.
    """
    known = dict(parts or {})
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    _, *pieces = _NAME.split(text)
    found: dict[str, str] = {}
    for name, body in zip(pieces[::2], pieces[1::2], strict=True):
        statement = body.strip().rstrip(";")
        found[name] = known[name] = _PART.sub(lambda part: known.get(part[1], part[0]), statement)
    return found


def with_rows(statement: str, count: int) -> str:
    """Return an INSERT of ``count`` rows: ``VALUES (?, ?)`` becomes ``VALUES (?, ?), …``.

    Raises:
        ValueError: It isn't one.
    """
    row = _ROW.search(statement)
    if row is None:
        raise ValueError(f"no VALUES (?, …) in {statement!r}")
    return statement[: row.start()] + ", ".join([row[0]] * count) + statement[row.end() :]


def schema(component: str, package: str, folder: str = "migrations") -> Schema:
    """Return the migrations of a component, read from ``NNNN_what.sql`` files.

    Args:
        component: The component's name in the version table.
        package: Dotted name of the package that the folder lies in.
        folder: Its name.

    Raises:
        ValueError: There is no step, or the numbers have gaps.
    """
    found: list[Migration] = []
    for entry in resources.files(package).joinpath(folder).iterdir():
        match = _MIGRATION.match(entry.name)
        if match:
            script = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), entry.name, script))
    found.sort()
    numbers = [migration.number for migration in found]
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise ValueError(f"migrations of {component} must be numbered without gaps, not {numbers}")
    return Schema(component, tuple(found))


def pending(schema: Schema, installed: int, where: str) -> Sequence[Migration]:
    """Return the steps that a store at version ``installed`` still needs.

    Args:
        schema: What this program knows.
        installed: The version that the store stands at; 0 if the component is new to it.
        where: The store's name, for the message.

    Raises:
        ValueError: The store is newer than this program, or too old for it.
    """
    oldest = schema.migrations[0].number
    if installed > schema.version:
        raise ValueError(
            f"{where}: {schema.component!r} is at schema version {installed}, this fc-async knows "
            f"versions up to {schema.version}. Nothing was changed. Upgrade fc-async, or give it "
            "another data folder."
        )
    if 0 < installed < oldest:
        raise ValueError(
            f"{where}: {schema.component!r} is at schema version {installed}, this fc-async reads "
            f"versions from {oldest} on. Nothing was changed. Give it a new data folder or "
            "database, or use the fc-async that wrote this one."
        )
    return [migration for migration in schema.migrations if migration.number > installed]
