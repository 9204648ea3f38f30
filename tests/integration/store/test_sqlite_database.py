# SPDX-License-Identifier: MIT
"""The database file by itself: group commit, isolation of jobs, refusals, clean end."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.store import sql
from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite.database import Database, FailedItem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

INSERT = "INSERT INTO note (text) VALUES (?)"
NOTES = sql.Schema(
    "notes",
    (
        sql.Migration(
            1, "0001_initial.sql", "CREATE TABLE note (text TEXT UNIQUE CHECK (text <> ''));"
        ),
    ),
)


@contextlib.asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    database = await Database.open(path, NOTES)
    try:
        yield database
    finally:
        await database.aclose()


def put(text: str) -> Any:
    return lambda connection: connection.execute(INSERT, (text,)).rowcount


def notes(connection: sqlite3.Connection) -> set[str]:
    return {text for (text,) in connection.execute("SELECT text FROM note")}


def log_of(database: Database) -> Path:
    return database.path.with_name("a.db-wal")


def commits_in(log: Path) -> int:
    """The number of commit records in a log (https://www.sqlite.org/walformat.html, 2 and 3)."""
    content = log.read_bytes()
    frame = 24 + int.from_bytes(content[8:12], "big")
    return sum(content[at + 4 : at + 8] != bytes(4) for at in range(32, len(content), frame))


def test_a_written_row_is_read_after_reopening(run, tmp_path: Path) -> None:
    async def scenario() -> set[str]:
        async with opened(tmp_path / "a.db") as database:
            await database.write(put("kept"))
        async with opened(tmp_path / "a.db") as database:
            return await database.read(notes)

    assert run(scenario()) == {"kept"}


def test_jobs_that_wait_together_share_one_commit(run, tmp_path: Path) -> None:
    async def scenario() -> int:
        async with opened(tmp_path / "a.db") as database:
            gate = threading.Event()
            held = database.write(lambda _: gate.wait(60))
            many = [database.write(put(str(n))) for n in range(100)]
            before = commits_in(log_of(database))
            gate.set()
            await asyncio.gather(held, *many)
            return commits_in(log_of(database)) - before

    assert run(scenario()) <= 3


@pytest.mark.parametrize("bad", ["", "taken"], ids=["check fails", "taken"])
def test_a_job_that_raises_fails_alone(run, tmp_path: Path, bad: str) -> None:
    def write_then_raise(connection: sqlite3.Connection) -> None:
        connection.execute(INSERT, ("half",))
        connection.execute(INSERT, (bad,))

    async def scenario() -> tuple[list[Any], set[str]]:
        async with opened(tmp_path / "a.db") as database:
            await database.write(put("taken"))
            gate = threading.Event()
            held = database.write(lambda _: gate.wait(60))
            jobs = [database.write(job) for job in (put("x"), put(bad), write_then_raise, put("y"))]
            gate.set()
            results = await asyncio.gather(held, *jobs, return_exceptions=True)
            return results[1:], await database.read(notes)

    results, kept = run(scenario())
    assert [type(result) for result in results] == [
        int,
        sqlite3.IntegrityError,
        sqlite3.IntegrityError,
        int,
    ]
    assert kept == {"taken", "x", "y"}


def test_items_of_one_kind_come_in_one_call_and_fail_by_themselves(run, tmp_path: Path) -> None:
    calls: list[int] = []

    def insert(connection: sqlite3.Connection, texts: Sequence[str]) -> Sequence[int | FailedItem]:
        calls.append(len(texts))
        results: list[int | FailedItem] = []
        for text in texts:
            if text == "refused":
                results.append(FailedItem(KeyError(text)))
            else:
                results.append(connection.execute(INSERT, (text,)).rowcount)
        return results

    async def scenario() -> tuple[list[Any], set[str]]:
        async with opened(tmp_path / "a.db") as database:
            gate = threading.Event()
            held = database.write(lambda _: gate.wait(60))
            await asyncio.sleep(0)
            items = [database.write_item(insert, text) for text in ("a", "refused", "b")]
            gate.set()
            results = await asyncio.gather(held, *items, return_exceptions=True)
            return results[1:], await database.read(notes)

    results, kept = run(scenario())
    assert [type(result) for result in results] == [int, KeyError, int]
    assert kept == {"a", "b"}
    assert max(calls) > 1


def test_a_cancelled_caller_does_not_affect_others_of_its_group(run, tmp_path: Path) -> None:
    async def scenario() -> set[str]:
        async with opened(tmp_path / "a.db") as database:
            gate = threading.Event()
            held = database.write(lambda _: gate.wait(60))
            waiting = [database.write(put(str(n))) for n in range(3)]
            waiting[1].cancel()
            gate.set()
            await asyncio.gather(held, waiting[0], waiting[2])
            return await database.read(notes)

    assert run(scenario()) >= {"0", "2"}


def test_a_closed_event_loop_does_not_affect_writes_of_other_loops(run, tmp_path: Path) -> None:
    async def scenario() -> set[str]:
        async with opened(tmp_path / "a.db") as database:
            gate = threading.Event()
            held = database.write(lambda _: gate.wait(60))

            def elsewhere() -> None:
                async def submit() -> None:
                    database.write(put("from elsewhere"))

                asyncio.run(submit())

            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            here = database.write(put("from here"))
            gate.set()
            await asyncio.gather(held, here)
            return await database.read(notes)

    assert run(scenario()) == {"from here", "from elsewhere"}


def test_the_error_of_a_second_runtime_names_the_process_that_holds_the_file(
    run, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "a.db"):
            with pytest.raises(StoreUnusable, match=r"in use by another.*process \d+.*data folder"):
                await Database.open(tmp_path / "a.db", NOTES)

    run(scenario())


def test_a_folder_that_is_missing_is_named_with_what_to_do(run, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"nowhere/a\.db can't be opened: No such file.*exists"):
        run(Database.open(tmp_path / "nowhere" / "a.db", NOTES))


def test_a_newer_file_is_refused_and_left_alone(run, tmp_path: Path) -> None:
    newer = sql.Schema("notes", (*NOTES.migrations, sql.Migration(2, "0002_more.sql", "SELECT 1;")))

    async def scenario() -> None:
        database = await Database.open(tmp_path / "a.db", newer)
        await database.aclose()
        before = (tmp_path / "a.db").read_bytes()
        with pytest.raises(StoreUnusable, match=r"version 2.*up to 1.*Upgrade"):
            await Database.open(tmp_path / "a.db", NOTES)
        assert (tmp_path / "a.db").read_bytes() == before

    run(scenario())


def test_a_failing_migration_leaves_the_older_version(run, tmp_path: Path) -> None:
    broken = sql.Schema(
        "notes",
        (
            *NOTES.migrations,
            sql.Migration(2, "0002_good.sql", "CREATE TABLE second (x);"),
            sql.Migration(3, "0003_bad.sql", "CREATE TABLE note (x);"),
        ),
    )

    async def scenario() -> set[str]:
        async with opened(tmp_path / "a.db"):
            pass
        with pytest.raises(StoreUnavailable, match="already exists"):
            await Database.open(tmp_path / "a.db", broken)
        async with opened(tmp_path / "a.db") as database:
            return await database.read(
                lambda c: {name for (name,) in c.execute("SELECT name FROM sqlite_master")}
            )

    assert "second" not in run(scenario())


@pytest.mark.parametrize(
    "damage",
    [b"not a database, however long it may be" * 200, b"SQLite format 3\x00" + b"\xff" * 9000],
    ids=["something else", "only the header is right"],
)
def test_a_damaged_file_is_refused_and_left_alone(run, tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(damage)
    with pytest.raises(StoreUnusable, match=r"damaged.*Nothing was changed"):
        run(Database.open(path, NOTES))
    assert path.read_bytes() == damage


def test_damage_inside_the_file_is_found_at_start(run, tmp_path: Path) -> None:
    path = tmp_path / "a.db"

    async def fill() -> None:
        async with opened(path) as database:
            await asyncio.gather(*[database.write(put(f"{n:0200}")) for n in range(500)])

    run(fill())
    content = bytearray(path.read_bytes())
    content[-40_000:-20_000] = b"\xaa" * 20_000
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="damaged"):
        run(Database.open(path, NOTES))
    assert path.read_bytes() == bytes(content)


def test_the_file_of_another_program_is_refused_and_left_alone(run, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match="another program"):
        run(Database.open(path, NOTES))
    assert path.read_bytes() == before


def test_a_full_disk_is_unavailable_and_recovers(run, tmp_path: Path) -> None:
    async def scenario() -> tuple[set[str], set[str]]:
        async with opened(tmp_path / "a.db") as database:
            await database.write(put("before"))

            def limit(pages: int) -> Any:
                return lambda c: c.execute(f"PRAGMA max_page_count={pages}").fetchone()

            await database.write(limit(1))  # SQLite takes the present size instead
            big = [put(f"{n}{'x' * 100_000}") for n in range(3)]
            results = await asyncio.gather(
                *[database.write(job) for job in big], return_exceptions=True
            )
            assert {type(result) for result in results} == {StoreUnavailable}
            full = await database.read(notes)
            await database.write(limit(1_000_000))
            await database.write(put("after"))
            return full, await database.read(notes)

    full, freed = run(scenario())
    assert (full, freed) == ({"before"}, {"before", "after"})


@pytest.mark.usefixtures("impatient")
def test_a_foreign_lock_is_unavailable_and_recovers(run, tmp_path: Path) -> None:
    async def scenario() -> set[str]:
        async with opened(tmp_path / "a.db") as database:
            with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as shell:
                shell.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailable, match="locked"):
                    await database.write(put("during"))
                shell.execute("ROLLBACK")
            await database.write(put("after"))
            return await database.read(notes)

    assert run(scenario()) == {"after"}


def test_reading_connections_cannot_write(run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as database:
            with pytest.raises(StoreUnavailable, match="readonly"):
                await database.read(put("never"))

    run(scenario())


def test_closing_writes_what_is_queued_and_leaves_no_thread(run, tmp_path: Path) -> None:
    before = set(threading.enumerate())

    async def scenario() -> set[threading.Thread]:
        database = await Database.open(tmp_path / "a.db", NOTES)
        await database.read(notes)
        queued = database.write(put("queued"))
        await database.aclose()
        assert await queued == 1
        await database.aclose()
        with pytest.raises(StoreUnavailable, match="closed"):
            await database.write(put("late"))
        with pytest.raises(StoreUnavailable, match="closed"):
            await database.read(notes)
        return {t for t in threading.enumerate() if t.name.startswith("fc-async")}

    assert run(scenario()) - before == set()


def test_a_closed_file_stands_alone_without_its_log(run, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "a.db") as database:
            await database.write(put("kept"))

    run(scenario())
    assert {file.name for file in tmp_path.iterdir()} == {"a.db", "a.db.lock"}


def test_the_log_is_copied_into_the_database_while_it_is_written(run, tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        async with opened(tmp_path / "a.db") as database:
            for number in range(150):
                await database.write(put(f"{number}" + "x" * 100_000))
            return log_of(database).stat().st_size, database.path.stat().st_size

    log, database = run(scenario())
    assert log < 8_000_000
    assert database > 10_000_000


def test_the_log_is_cut_after_a_reader_has_kept_it_from_being_overwritten(
    run, tmp_path: Path
) -> None:
    async def scenario() -> tuple[int, int]:
        async with opened(tmp_path / "a.db") as database:
            with contextlib.closing(sqlite3.connect(database.path)) as reader:
                reader.execute("BEGIN")
                notes(reader)
                for number in range(200):
                    await database.write(put(f"{number}" + "x" * 100_000))
            grown = log_of(database).stat().st_size
            for number in range(3):  # one makes the checkpoint, the next begins the log anew
                await database.write(put(f"after {number}"))
            return grown, log_of(database).stat().st_size

    grown, cut = run(scenario())
    assert grown > 20_000_000
    assert cut < 17_000_000
