# SPDX-License-Identifier: MIT
"""SQL of components that keep rows in SQLite and in PostgreSQL: its files, and how it is run.

Such a component is written once, as jobs that run statements by name. Beside it are the .sql files
for each dialect: named statements (``-- name: accept`` begins one) and numbered migrations
(``0001_initial.sql``). No statement is ever put together from values.

Invariants:
    * A job waits for nothing but its transaction: in SQLite it runs in a thread without an event
      loop.
    * PostgreSQL may run a job again, so it changes nothing else.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from fc_async_local.store.protocol import StoreUnusable
from fc_async_local.store.rows import from_event

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation, Job, TaskEvent
    from fc_async_local.store.rows import Holder

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
    package: str,
    file: str = "statements.sql",
    parts: Mapping[str, str] | None = None,
) -> Mapping[str, str]:
    """Return the named statements of a file.

    Args:
        package: Dotted name of the package that the file lies in.
        file: Its name.
        parts: What ``{name}`` in a statement stands for, besides earlier statements.
    """
    replacements = dict(parts or {})
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    _, *pieces = _NAME.split(text)

    def replace_part(part: re.Match[str]) -> str:
        # Braces that stand for nothing stay: what runs the statement fills them.
        return replacements.get(part[1], part[0])

    # The expression splits at names, and returns them, too: name, body, name, body.
    names = pieces[::2]
    bodies = pieces[1::2]
    by_name: dict[str, str] = {}
    for name, body in zip(names, bodies, strict=True):
        statement = body.strip().rstrip(";")
        complete = _PART.sub(replace_part, statement)
        by_name[name] = complete
        replacements[name] = complete
    return by_name


def with_rows(statement: str, count: int) -> str:
    """Return an INSERT of ``count`` rows: ``VALUES (?, ?)`` becomes ``VALUES (?, ?), …``.

    Raises:
        ValueError: It isn't one.
    """
    row = _ROW.search(statement)
    if row is None:
        raise ValueError(f"no VALUES (?, …) in {statement!r}")
    rows_of_values = ", ".join([row[0]] * count)
    before = statement[: row.start()]
    after = statement[row.end() :]
    return before + rows_of_values + after


def schema(
    component: str,
    package: str,
    folder: str = "migrations",
) -> Schema:
    """Return the migrations of a component, read from ``NNNN_what.sql`` files.

    Args:
        component: The component's name in the version table.
        package: Dotted name of the package that the folder lies in.
        folder: Its name.

    Raises:
        ValueError: There is no step, or the numbers have gaps.
    """
    migrations: list[Migration] = []
    for entry in resources.files(package).joinpath(folder).iterdir():
        match = _MIGRATION.match(entry.name)
        if match:
            script = entry.read_text(encoding="utf-8")
            migrations.append(Migration(int(match[1]), entry.name, script))
    migrations.sort()
    numbers = [migration.number for migration in migrations]
    first = numbers[0] if numbers else 0
    without_gaps = list(range(first, first + len(numbers)))
    if not numbers or numbers != without_gaps:
        raise ValueError(f"migrations of {component} must be numbered without gaps, not {numbers}")
    return Schema(component, tuple(migrations))


def pending(
    schema: Schema,
    installed: int,
    where: str,
) -> Sequence[Migration]:
    """Return the steps that a store at version ``installed`` still needs.

    Args:
        schema: What this program knows.
        installed: The version that the store stands at; 0 if the component is new to it.
        where: The store's name, for the message.

    Raises:
        StoreUnusable: The store is newer than this program, or too old for it.
    """
    # Steps of versions that no user has any more were joined into the first one: older tables
    # cannot be brought up to date.
    oldest = schema.migrations[0].number
    if installed > schema.version:
        raise StoreUnusable(
            f"{where}: {schema.component!r} is at schema version {installed}, this fc-async knows "
            f"versions up to {schema.version}. Nothing was changed. Upgrade fc-async, or give it "
            "another data folder."
        )
    if 0 < installed < oldest:
        raise StoreUnusable(
            f"{where}: {schema.component!r} is at schema version {installed}, this fc-async reads "
            f"versions from {oldest} on. Nothing was changed. Give it a new data folder or "
            "database, or use the fc-async that wrote this one."
        )
    # Each step is a migration of its own for ever: once the first one was changed instead, so that
    # a store made before lacked a table and was opened all the same.
    return [migration for migration in schema.migrations if migration.number > installed]


T = TypeVar("T")
Values = Mapping[str, Any] | Sequence[Any]
"""Of the parameters of a statement, by name or in order."""
Row = tuple[Any, ...]


class Transaction(ABC):
    """Runs the statements of a component. A statement ignores values that it does not name."""

    @abstractmethod
    async def rows(self, statement: str, values: Values) -> list[Row]:
        """Return the rows of a statement."""

    @abstractmethod
    async def do(self, statement: str, values: Values) -> None:
        """Run a statement that returns nothing."""

    @abstractmethod
    async def lock(self, statement: str, values: Values) -> None:
        """Run a statement that locks rows or keeps the view; no-op in SQLite: it has one writer."""

    @abstractmethod
    async def changed(self, statement: str, values: Values) -> int:
        """Run a statement and return how many rows it has changed."""

    @abstractmethod
    async def each(self, statement: str, values: Sequence[Values]) -> None:
        """Run a statement for each of some values."""

    @abstractmethod
    async def row_of_each(self, statement: str, values: Sequence[Values]) -> list[Row]:
        """Run a statement that returns one row for each of some values, and return the rows."""

    @abstractmethod
    async def insert_jobs(self, jobs: Sequence[Job], *, replace: bool = True) -> None:
        """Write durable jobs; one of the same key is replaced, or stays if ``replace`` is False."""

    @abstractmethod
    async def replace(self, changed: Sequence[tuple[int, Invocation]]) -> None:
        """Replace what may change of invocations, given with the numbers of their rows."""

    @abstractmethod
    async def forget(self, ended: Sequence[Holder]) -> None:
        """Delete invocations with their payloads; steps and notes, if any, went before."""

    @abstractmethod
    async def record(self, events: Sequence[Row]) -> None:
        """Record steps of tasks, given as :func:`rows.from_event` returns them."""

    @abstractmethod
    async def add(self, sums: Sequence[Row], source: str) -> None:
        """Add to the metrics.

        Args:
            sums: As :func:`rows.sums` returns them.
            source: Names what writes: transactions of different sources do not wait for each other.
        """

    async def write_back(
        self, changed: Sequence[tuple[int, Invocation, Sequence[TaskEvent]]]
    ) -> None:
        """Replace what may change of invocations; in task mode record their new steps."""
        if not changed:
            return
        await self.replace([(number, after) for number, after, _ in changed])
        recorded: list[Row] = []
        for number, after, events in changed:
            if after.task_mode:
                recorded.extend(from_event(number, event) for event in events)
        await self.record(recorded)

    async def value(self, statement: str, values: Values) -> Any:
        """Return the first value of the first row, None if there is no row."""
        result = await self.rows(statement, values)
        return result[0][0] if result else None


DoneIn = Callable[[Transaction], Coroutine[Any, Any, T]]
"""Work of one transaction."""


class Transactions(ABC):
    """Runs jobs in transactions. All methods raise ``StoreUnavailable`` if the store cannot answer.

    What a job raises is raised, and nothing of it is written.
    """

    @abstractmethod
    async def write(self, job: DoneIn[T]) -> T:
        """Run a job; return when its changes are on the disk."""

    @abstractmethod
    async def write_light(self, job: DoneIn[T]) -> T:
        """Run a quick job without a flush: a power loss may undo it."""

    @abstractmethod
    async def claim(self, job: DoneIn[T]) -> T:
        """Run a job as :meth:`write_light` does, unless the caller was cancelled before it began.

        A client that has hung up must not hide a message from others.
        """

    @abstractmethod
    async def read(self, job: DoneIn[T]) -> T:
        """Run a job that changes nothing; in SQLite it sees one consistent view."""

    @abstractmethod
    async def rows(self, statement: str, values: Values) -> list[Row]:
        """Return the rows of one statement that changes nothing."""
