# SPDX-License-Identifier: MIT
"""The process that copies a busy log: that it copies, how it steps back, how it ends."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from fc_async_local.store.sqlite import checkpoint, copy_log
from fc_async_local.store.sqlite.checkpoint import Checkpointer
from fc_async_local.store.sqlite.copier import Copier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database in ``a.db`` whose only row is in its log."""
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA wal_autocheckpoint=0",
        "CREATE TABLE note (text TEXT)",
        "INSERT INTO note (text) VALUES (hex(randomblob(50000)))",
    ):
        connection.execute(statement).fetchall()
    yield connection
    connection.close()


@pytest.fixture
def copier(logged: sqlite3.Connection, tmp_path: Path) -> Iterator[Copier]:
    del logged
    made = Copier(tmp_path / "a.db")
    yield made
    made.close()


def process_of(copier: Copier) -> psutil.Process:
    assert copier._process is not None
    return psutil.Process(copier._process.pid)


def test_a_copy_brings_the_log_into_the_database(copier: Copier, tmp_path: Path) -> None:
    before = (tmp_path / "a.db").stat().st_size
    assert copier.copy() > 20
    assert before < 100_000 < (tmp_path / "a.db").stat().st_size


def test_its_process_has_the_least_priority(copier: Copier) -> None:
    copier.copy()
    assert process_of(copier).nice() == copy_log.LEAST_PRIORITY


def test_its_process_serves_more_than_once_and_ends_with_it(copier: Copier) -> None:
    copier.copy()
    process = process_of(copier)
    copier.copy()
    assert process_of(copier) == process
    copier.close()
    assert not process.is_running()
    copier.close()


def test_a_process_that_was_killed_is_told(copier: Copier) -> None:
    copier.copy()
    process_of(copier).kill()
    with pytest.raises(OSError, match=r"ended|[Pp]ipe"):
        copier.copy()


def test_it_ends_by_itself_when_nobody_can_ask_any_more(
    logged: sqlite3.Connection, tmp_path: Path
) -> None:
    del logged
    command = [sys.executable, "-I", "-S", copy_log.__file__, str(tmp_path / "a.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.close()  # as the kernel does it when the runtime is killed
        assert process.wait(60) == 0


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every log counts as a busy one and is copied at once."""
    monkeypatch.setattr(checkpoint, "_BUSY_BYTES", 0)
    monkeypatch.setattr(checkpoint, "_REST_SECONDS", 0.0)


def copied_by(database: Path) -> tuple[bool, int]:
    """Whether a process copied the log, and how many bytes the database has then."""
    connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    checkpointer = Checkpointer(connection, database)
    checkpointer.noted()
    while database.stat().st_size < 100_000 and checkpointer._thread.is_alive():
        checkpointer._thread.join(0.01)
    by_process = checkpointer._copier._process is not None
    checkpointer.close()
    return by_process, database.stat().st_size


@pytest.mark.usefixtures("busy", "logged")
def test_a_busy_log_is_copied_by_the_process_which_is_gone_at_the_end(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    by_process, size = copied_by(tmp_path / "a.db")
    assert (by_process, size > 100_000) == (True, True)
    assert set(psutil.Process().children()) == before


@pytest.mark.usefixtures("busy", "logged")
def test_where_no_process_can_be_had_the_thread_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    by_process, size = copied_by(tmp_path / "a.db")
    assert (by_process, size > 100_000) == (False, True)
    assert "copied by a thread from now on" in caplog.text
