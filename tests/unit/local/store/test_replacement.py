# SPDX-License-Identifier: MIT
"""A database that takes the place of another one, in a process that is killed at any step."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite import replacement, snapshots
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.replacement import State
from fc_async_local.store.sqlite.store import SCHEMA

SCHEMAS = (SCHEMA,)
STEPS = 24
"""More than a replacement has."""


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database."""
    return database(tmp_path_factory.mktemp("old"), "old").parent


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An exported database."""
    folder = tmp_path_factory.mktemp("new")
    target = folder / "exported.db"
    snapshots.take(database(folder / "b", "new"), target)
    return target.read_bytes()


@pytest.fixture
def state(old: Path, tmp_path: Path) -> State:
    """The old database, with a folder that has a file."""
    shutil.copytree(old, tmp_path / "a")
    folder = tmp_path / "a" / "objects"
    folder.mkdir()
    (folder / "object").touch()
    return State(tmp_path / "a" / "state.db", (folder,))


def database(folder: Path, name: str) -> Path:
    """Make a database with a document, whose last commit is still in its write-ahead log."""
    path, copy = folder / "used" / "state.db", folder / "copy"
    path.parent.mkdir(parents=True)

    async def write() -> None:
        opened = await Database.open(path, *SCHEMAS)
        row = ("name", "name", name.encode())
        await opened.write(lambda c: c.execute("INSERT INTO document VALUES (?, ?, ?)", row))
        shutil.copytree(path.parent, copy)
        await opened.aclose()

    asyncio.run(write())
    return copy / "state.db"


def name(path: Path) -> str:
    """Return what the database keeps; "" for an empty one."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
        if not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return ""
        return str(connection.execute("SELECT body FROM document").fetchone()[0], "ascii")


def objects(state: State) -> bool:
    return (state.folders[0] / "object").exists()


def kill_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """End the process in place of the given change of a folder, counted from 0."""
    left = [step]

    def counted(owner: object, change: str) -> None:
        original = getattr(owner, change)

        def changed(*arguments: object, **options: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(*arguments, **options)

        patch.setattr(owner, change, changed)

    counted(Path, "replace")
    counted(Path, "unlink")
    counted(shutil, "rmtree")


def prepare(state: State, snapshot: bytes | None) -> None:
    snapshots.prepare(state, snapshot, SCHEMAS, "it", lambda _: None)


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("clears", [False, True], ids=["import", "clear"])
def test_a_kill_while_a_state_is_replaced_loses_neither_the_old_nor_the_new_one(
    state: State, new: bytes, step: int, *, clears: bool
) -> None:
    prepare(state, None if clears else new)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        kill_at(step, patch)
        replacement.settle(state)
    replacement.settle(state)  # the next start
    expected = ("", False) if clears else ("new", True)
    assert (name(state.database), objects(state)) == expected
    assert replacement.restore(state)
    assert (name(state.database), objects(state)) == ("old", True)


@pytest.mark.parametrize("step", range(STEPS))
@pytest.mark.parametrize("clears", [False, True], ids=["import", "clear"])
def test_a_kill_while_the_old_state_is_brought_back_does_not_lose_it(
    state: State, new: bytes, step: int, *, clears: bool
) -> None:
    prepare(state, None if clears else new)
    replacement.settle(state)
    for suffix in ("", "-wal", "-shm", "-journal"):  # a start that failed leaves such files
        Path(f"{state.database}{suffix}").write_bytes(b"of a database that cannot be opened")
    killed = False
    with pytest.MonkeyPatch.context() as patch:
        kill_at(step, patch)
        try:
            replacement.restore(state)
        except Killed:
            killed = True
    begun = not state.database.exists() or not killed
    replacement.settle(state)  # the next start
    if not begun:
        replacement.restore(state)  # it fails once more
    assert (name(state.database), objects(state)) == ("old", True)
    assert not replacement.restore(state)


@pytest.mark.parametrize("step", range(STEPS))
def test_a_kill_while_the_old_state_is_deleted_does_not_damage_the_new_one(
    state: State, step: int
) -> None:
    prepare(state, None)
    replacement.settle(state)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        kill_at(step, patch)
        replacement.confirm(state)
    replacement.settle(state)
    replacement.confirm(state)
    assert (name(state.database), objects(state)) == ("", False)
    left = sorted(file.name for file in state.database.parent.iterdir())
    assert left == ["state.db", "state.db.lock"]


def test_a_state_that_was_kept_alone_is_back_at_the_next_start(state: State) -> None:
    for suffix in ("-wal", ""):
        Path(f"{state.database}{suffix}").replace(f"{state.kept}{suffix}")
    Path(f"{state.database}-shm").unlink()
    replacement.settle(state)
    assert name(state.database) == "old"


def test_the_state_that_worked_is_kept_over_two_imports_that_were_never_opened(
    state: State, new: bytes
) -> None:
    prepare(state, new)
    replacement.settle(state)
    prepare(state, None)
    replacement.settle(state)
    assert name(state.database) == ""
    assert replacement.restore(state)
    assert name(state.database) == "old"


@pytest.mark.parametrize("step", range(STEPS))
def test_a_state_that_cannot_be_put_in_its_place_is_withdrawn(state: State, step: int) -> None:
    prepare(state, None)
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        kill_at(step, patch)  # here: the disk fails, and the process goes on
        replacement.settle(state)
    assert replacement.restore(state)
    replacement.settle(state)
    assert (name(state.database), objects(state)) == ("old", True)


def test_a_full_disk_is_not_called_a_damaged_file(state: State, new: bytes) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StoreUnavailable, match="cannot be written: database or disk is full"):
        snapshots.prepare(state, new, SCHEMAS, "it", fail)
    assert not state.waiting.exists()


def test_a_prepared_state_needs_no_rollback_journal_when_it_is_opened(
    state: State, new: bytes
) -> None:
    """A kill would leave that journal beside the database, where it destroys the one before."""
    prepare(state, new)
    replacement.settle(state)
    seen: list[str] = []

    def watch(_: object) -> None:
        seen.extend(file.name for file in state.database.parent.glob("*-journal"))

    async def open_it() -> None:
        opened = await Database.open(state.database, *SCHEMAS)
        await opened.write(watch)
        await opened.aclose()

    with state.database.open("rb") as file:
        assert file.read(20)[18:] == b"\2\2"  # in WAL mode already
    asyncio.run(open_it())
    assert seen == []


def with_a_hot_journal(folder: Path) -> Path:
    """Return a database whose last transaction is to be undone, as a killed program leaves it."""
    source = database(folder, "old")
    target = folder / "killed" / source.name
    with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE document SET body = 'new'")
        rows = [("filler", str(number), bytes(3_000)) for number in range(100)]
        connection.executemany("INSERT INTO document VALUES (?, ?, ?)", rows)
        shutil.copytree(source.parent, target.parent)
    assert Path(f"{target}-journal").stat().st_size
    return target


async def opened_and_closed(path: Path) -> None:
    await (await Database.open(path, *SCHEMAS)).aclose()


def test_a_transaction_that_a_killed_program_left_in_a_journal_is_undone(tmp_path: Path) -> None:
    path = with_a_hot_journal(tmp_path)
    asyncio.run(opened_and_closed(path))
    assert name(path) == "old"
    assert not Path(f"{path}-journal").exists()


def test_a_journal_of_another_database_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path, other = database(tmp_path / "a", "mine"), with_a_hot_journal(tmp_path / "b")
    with contextlib.closing(sqlite3.connect(path)) as connection:  # more pages than the other one
        connection.execute("CREATE TABLE more (body)")
        connection.executemany("INSERT INTO more VALUES (?)", [(bytes(4_000),)] * 300)
        connection.commit()
    shutil.copy(f"{other}-journal", f"{path}-journal")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"state\.db-journal is not its own rollback journal"):
        asyncio.run(opened_and_closed(path))
    assert path.read_bytes() == before
    Path(f"{path}-journal").unlink()  # as the message says
    assert name(path) == "mine"
