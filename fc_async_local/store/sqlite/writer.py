# SPDX-License-Identifier: MIT
"""The one connection that writes to the SQLite file, and its thread.

A commit costs a disk flush whatever it contains, so the thread takes all queued jobs, commits them
in one transaction (group commit) and then resolves their futures. Light jobs run in the calling
thread while the writer's thread is idle.

SQLite copies the write-ahead log into the database file itself (automatic checkpoint), inside the
COMMIT with which the log reaches :data:`_LOG_PAGES`.

Invariants:
    A job is answered only after its COMMIT has returned.
    A job that fails, or a caller that was cancelled, does not affect the other jobs of its group.
    A commit in the event loop's thread makes no checkpoint and does not flush what it wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.store.sqlite import files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Batch = Callable[[sqlite3.Connection, Sequence[Any]], Sequence[Any]]

_GROUP: Final = 512
"""Jobs in one transaction at most: bounds memory and the time that a reader of the log lags."""

_LOG_PAGES: Final = 1_000
"""Pages of log, 4 MB, from which a commit makes a checkpoint. SQLite's own default."""

_LOG_BYTES: Final = 16 * 1024 * 1024
"""A log that grew larger while a reader kept it from being overwritten is cut to this size."""

_LIGHT_COMMITS: Final = 1_000
"""After so many light commits in sequence the next one goes through the thread, which makes a
checkpoint: without other writes the log would grow without limit."""

_LOCKED: Final = object()


class FailedItem(NamedTuple):
    """Result of an item that failed without having written anything."""

    error: Exception


class _Pending(msgspec.Struct, frozen=True):
    batch: Batch
    item: object
    future: asyncio.Future[Any]
    flush: bool


def run_jobs(
    connection: sqlite3.Connection, jobs: Sequence[Callable[[sqlite3.Connection], Any]]
) -> Sequence[Any]:
    """Run each job by itself: the batch of ``Database.write``.

    A job that raises before it wrote anything fails alone. If it raises later, the writer rolls the
    transaction back and repeats it job by job.
    """
    results: list[Any] = []
    for job in jobs:
        before = connection.total_changes
        try:
            results.append(job(connection))
        except Exception as error:
            if connection.total_changes != before or not connection.in_transaction:
                raise
            results.append(FailedItem(error))
    return results


class Writer:
    """Owns the writing connection and the thread that uses it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Start the thread.

        Args:
            connection: Used by the writer alone from now on; the thread closes it.
            path: The file, for errors.
        """
        self._connection = connection
        self._path = path
        self._mode = _CommitMode(connection)
        self._light_commits = 0
        self._using = threading.Lock()
        """Held during each transaction of the connection."""
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(
            target=self._run,
            name="fc-async-writer",
            daemon=True,
        )
        self._thread.start()

    def submit(
        self,
        batch: Batch,
        item: object,
        *,
        flush: bool = True,
    ) -> asyncio.Future[Any]:
        """Queue an item; return a future that is resolved after its commit.

        Args:
            batch: Writes items; see ``Database.write_item``.
            item: What the batch needs to know.
            flush: Wait until the commit is on disk. Without it the commit survives the end of the
                process; it survives a power loss only after a later commit that was flushed.
        """
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(StoreUnavailable("the store is closed"))
        else:
            self._queue.put(_Pending(batch, item, future, flush))
        return future

    def submit_light(self, batch: Batch, item: object) -> asyncio.Future[Any]:
        """Do as :meth:`submit` without ``flush``, in the calling thread if the writer is idle.

        A hand-over to the thread and back costs more than a quick job. While this process or
        another one writes, the item is queued: the event loop never waits for a lock.
        """
        queued = self._light_commits >= _LIGHT_COMMITS or not self._queue.empty()
        if queued or not self._using.acquire(blocking=False):
            return self.submit(batch, item, flush=False)
        try:
            # Read under the lock: the thread closes the connection under it.
            closed = self._closed
            self._light_commits += 1
            result = _LOCKED if closed else _commit_at_once(self._mode, batch, item)
        finally:
            self._using.release()
        if result is _LOCKED:
            return self.submit(batch, item, flush=False)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        _resolve([(future, result)], self._path)
        return future

    def close(self) -> None:
        """Write what is queued, then end the thread; blocks until then."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (first := self._queue.get()) is not None:
                group = self._gather(first)
                with self._using:
                    results = _commit(self._mode, group)
                    self._light_commits = 0
                answer(group, results, self._path)
        finally:
            # A light job may be using the connection in the thread of an event loop.
            with self._using:
                self._connection.close()

    def _gather(self, first: _Pending) -> list[_Pending]:
        group = [first]
        with contextlib.suppress(queue.Empty):
            while len(group) < _GROUP:
                pending = self._queue.get_nowait()
                if pending is None:
                    # The end: put back, so that the thread takes it after this group. When it was
                    # taken here and remembered only, a stop waited for ever.
                    self._queue.put(None)
                    break
                group.append(pending)
        return group


class _CommitMode:
    """Durability of commits of the connection. A change costs statements, so it is made once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        (self._busy_timeout,) = connection.execute("PRAGMA busy_timeout").fetchone()
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES:d}")
        connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES:d}")
        self._flush = True
        self._may_wait = True

    def choose(self, *, flush: bool, may_wait: bool) -> None:
        """Choose what the next transaction may wait for.

        Args:
            flush: Its commit waits until the log is on disk.
            may_wait: It waits for locks of other processes, and its commit may make a checkpoint.
        """
        if flush is not self._flush:
            self.connection.execute(f"PRAGMA synchronous={'FULL' if flush else 'NORMAL'}")
            self._flush = flush
        if may_wait is not self._may_wait:
            busy_timeout = self._busy_timeout if may_wait else 0
            self.connection.execute(f"PRAGMA busy_timeout={busy_timeout:d}")
            pages = _LOG_PAGES if may_wait else 0
            self.connection.execute(f"PRAGMA wal_autocheckpoint={pages:d}")
            self._may_wait = may_wait


def _commit(mode: _CommitMode, group: Sequence[_Pending]) -> Sequence[Any]:
    """Run and commit a group; return a result, or a :class:`FailedItem`, for each of its jobs."""
    connection = mode.connection
    flush = any(pending.flush for pending in group)
    # One bad job fails the whole transaction. It is repeated with a savepoint for each job, so that
    # only this one fails.
    for attempt in (_together, _one_by_one):
        try:
            mode.choose(flush=flush, may_wait=True)
            connection.execute("BEGIN IMMEDIATE")
            results = attempt(connection, group)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- belongs to the callers that wait
            _roll_back(connection)
            results = [FailedItem(error)] * len(group)
        else:
            return results
        if len(group) == 1:
            break
    return results


def _commit_at_once(
    mode: _CommitMode,
    batch: Batch,
    item: object,
) -> Any:
    """Run and commit one job without waiting for a lock.

    Returns:
        Its result, a :class:`FailedItem`, or ``_LOCKED``.
    """
    connection = mode.connection
    try:
        mode.choose(flush=False, may_wait=False)
        connection.execute("BEGIN IMMEDIATE")
        (result,) = batch(connection, [item])
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        _roll_back(connection)
        return _LOCKED  # or another error, which shows when the thread runs the job
    except Exception as error:  # noqa: BLE001 -- belongs to the caller
        _roll_back(connection)
        return FailedItem(error)
    return result


def _together(connection: sqlite3.Connection, group: Sequence[_Pending]) -> Sequence[Any]:
    positions: dict[Batch, list[int]] = {}
    for position, pending in enumerate(group):
        positions.setdefault(pending.batch, []).append(position)
    results: list[Any] = [None] * len(group)
    for batch, its_positions in positions.items():
        items = [group[position].item for position in its_positions]
        batch_results = batch(connection, items)
        for position, result in zip(its_positions, batch_results, strict=True):
            results[position] = result
    return results


def _one_by_one(connection: sqlite3.Connection, group: Sequence[_Pending]) -> Sequence[Any]:
    results: list[Any] = []
    for pending in group:
        connection.execute("SAVEPOINT job")
        try:
            results.extend(pending.batch(connection, [pending.item]))
        except Exception as error:
            if not connection.in_transaction:
                # SQLite rolled the whole transaction back (disk full, I/O error).
                raise
            connection.execute("ROLLBACK TO job")
            results.append(FailedItem(error))
        connection.execute("RELEASE job")
    return results


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):  # the error that led here says more
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def answer(
    group: Sequence[_Pending],
    results: Sequence[Any],
    path: Path,
) -> None:
    """Hand each result to the event loop that waits for it, with one call per loop."""
    # A call for each result would wake a loop as many times as there are jobs.
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for pending, result in zip(group, results, strict=True):
        loops.setdefault(pending.future.get_loop(), []).append((pending.future, result))
    for loop, answers in loops.items():
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(_resolve, answers, path)


def _resolve(answers: Sequence[tuple[asyncio.Future[Any], Any]], path: Path) -> None:
    for future, result in answers:
        if future.done():  # its caller was cancelled
            continue
        if isinstance(result, FailedItem):
            future.set_exception(as_unavailable(result.error, path))
        else:
            future.set_result(result)


def as_unavailable(error: Exception, path: Path) -> Exception:
    """Return :class:`StoreUnavailable` for errors of disk, locks and damage, others as they are.

    Args:
        error: What SQLite raised.
        path: The file, which is named.
    """
    # DatabaseError itself means a damaged file. Its other subclasses, such as IntegrityError, are
    # faults of a statement.
    outage = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    if not outage:
        return error
    why = files.reason(error, path)
    unavailable = StoreUnavailable(f"the database {path} can't do it now: {why}")
    unavailable.__cause__ = error
    return unavailable
