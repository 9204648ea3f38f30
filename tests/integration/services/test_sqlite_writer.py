# SPDX-License-Identifier: MIT
"""Light writes of the SQLite writer: done at once if no other job writes, else queued."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading

import pytest

from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.store.sqlite.database import Database


def put(number):
    return lambda connection: connection.execute("INSERT INTO n VALUES (?)", (number,)).rowcount


def numbers(connection):
    return [number for (number,) in connection.execute("SELECT number FROM n ORDER BY number")]


@pytest.fixture
def play(tmp_path):
    def player(scene):
        async def main():
            database = await Database.open(tmp_path / "test.db")
            await database.write(lambda c: c.execute("CREATE TABLE n (number INTEGER)"))
            try:
                return await scene(database)
            finally:
                await database.aclose()

        return asyncio.run(main())

    return player


def test_a_light_job_is_committed_when_the_call_returns(play):
    async def scene(database):
        future = database.write_light(put(1))
        assert future.done()
        assert await future == 1
        assert await database.read(numbers) == [1]

    play(scene)


def test_a_light_job_that_fails_leaves_nothing_behind(play):
    def job(connection):
        put(1)(connection)
        raise ValueError("no")

    async def scene(database):
        with pytest.raises(ValueError, match="no"):
            await database.write_light(job)
        return await database.read(numbers)

    assert play(scene) == []


def test_an_error_in_sql_names_the_missing_table(play):
    async def scene(database):
        with pytest.raises(StoreUnavailable, match="no such table"):
            await database.write_light(lambda c: c.execute("INSERT INTO none VALUES (1)"))

    play(scene)


def test_a_light_job_is_queued_while_another_job_writes(play):
    gate = threading.Event()

    def slow(connection):
        gate.wait(60)
        return put(1)(connection)

    async def scene(database):
        first = database.write(slow)
        await asyncio.sleep(0.05)
        second = database.write_light(put(2))
        pending = second.done()
        gate.set()
        await asyncio.gather(first, second)
        return pending, await database.read(numbers)

    assert play(scene) == (False, [1, 2])


def test_a_foreign_lock_does_not_hold_up_the_caller(play, tmp_path):
    async def scene(database):
        with contextlib.closing(sqlite3.connect(tmp_path / "test.db")) as foreign:
            foreign.execute("BEGIN IMMEDIATE")
            future = database.write_light(put(1))
            pending = future.done()
            foreign.rollback()
            return pending, await future

    assert play(scene) == (False, 1)


def test_light_and_heavy_jobs_of_many_callers_are_all_kept(play):
    async def scene(database):
        async def caller(start):
            for number in range(start, start + 50):
                write = database.write if number % 3 else database.write_light
                await write(put(number))

        await asyncio.gather(*(caller(start) for start in range(0, 500, 50)))
        return await database.read(numbers)

    assert play(scene) == list(range(500))


def test_the_log_stays_small_though_only_light_jobs_are_written(play, tmp_path):
    async def scene(database):
        for number in range(4_000):
            await database.write_light(put(number))
        return (tmp_path / "test.db-wal").stat().st_size

    assert play(scene) < 9_000_000  # 4,000 commits of a page each are 16 MB


def test_a_closed_database_refuses(play):
    async def scene(database):
        await database.aclose()
        with pytest.raises(StoreUnavailable, match="closed"):
            await database.write_light(put(1))

    play(scene)
