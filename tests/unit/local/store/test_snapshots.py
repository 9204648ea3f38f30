# SPDX-License-Identifier: MIT
"""A database that takes the place of another one, in a process that is killed at any step."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from fc_async_local.store.sqlite import snapshots
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA

SCHEMAS = (SCHEMA,)
STEPS = 8
"""More than a replacement has."""


class Killed(BaseException):
    """The process ends here."""


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
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT body FROM document").fetchone()[0], "ascii")


def kill_at(step: int, patch: pytest.MonkeyPatch) -> None:
    """End the process in place of the given change of a folder, counted from 0."""
    left = [step]

    def counted(change: str) -> None:
        original = getattr(Path, change)

        def changed(path: Path, *arguments: object, **options: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(path, *arguments, **options)

        patch.setattr(Path, change, changed)

    counted("replace")
    counted("unlink")


@pytest.mark.parametrize("step", range(STEPS))
def test_a_kill_while_a_state_is_replaced_loses_neither_the_old_nor_the_new_one(
    tmp_path: Path, step: int
) -> None:
    path, new = database(tmp_path / "a", "old"), database(tmp_path / "b", "new")
    exported = tmp_path / "exported.db"
    snapshots.take(new, exported)
    snapshots.prepare(path, exported.read_bytes(), SCHEMAS, "it")
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        kill_at(step, patch)
        snapshots.apply(path)
    snapshots.apply(path)  # the next start
    assert name(path) == "new"
    assert snapshots.restore(path)
    assert name(path) == "old"


@pytest.mark.parametrize("step", range(STEPS))
def test_a_kill_while_the_old_state_is_brought_back_does_not_lose_it(
    tmp_path: Path, step: int
) -> None:
    path = database(tmp_path / "a", "old")
    snapshots.prepare(path, None, SCHEMAS, "it")
    snapshots.apply(path)
    path.write_bytes(b"a database that cannot be opened")
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
        kill_at(step, patch)
        snapshots.restore(path)
    snapshots.restore(path)  # the next start
    assert name(path) == "old"
    assert not snapshots.restore(path)


def test_the_old_state_is_gone_after_the_new_one_was_opened(tmp_path: Path) -> None:
    path = database(tmp_path / "a", "old")
    snapshots.prepare(path, None, SCHEMAS, "it")
    snapshots.apply(path)
    snapshots.confirm(path)
    assert not snapshots.restore(path)
    assert [file.name for file in path.parent.iterdir()] == ["state.db.lock"]
