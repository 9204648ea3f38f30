# SPDX-License-Identifier: MIT
"""Transactions for components that keep their rows in SQLite and in PostgreSQL.

Such a component is written once, as jobs that run statements by name; a file for each dialect has
the statements.

Invariants:
    * A job waits for nothing but its transaction: in SQLite it runs in a thread without an event
      loop.
    * PostgreSQL may run a job again, so it changes nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_local.store.rows import from_event

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation, Job, TaskEvent
    from fc_async_local.store.rows import Holder

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
        if changed:
            await self.replace([(number, after) for number, after, _ in changed])
            await self.record(
                [
                    from_event(number, event)
                    for number, after, events in changed
                    if after.task_mode
                    for event in events
                ]
            )

    async def value(self, statement: str, values: Values) -> Any:
        """Return the first value of the first row, None if there is no row."""
        found = await self.rows(statement, values)
        return found[0][0] if found else None


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
