# SPDX-License-Identifier: MIT
"""What one node tells is heard by the others, also after the server has cut their line."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest

from fc_async_local.services.postgres_hints import PostgresHints
from fc_async_local.store.postgres import database
from fc_async_local.store.postgres.database import PostgresDatabase

PATIENCE = 60


class Ear:
    """Remembers what a node has heard."""

    def __init__(self, hints):
        self.heard = []
        self._more = asyncio.Event()
        hints.listen("queue", self._hear)

    def _hear(self, name, count):
        self.heard.append((name, count))
        self._more.set()

    async def until(self, *expected):
        async def wait():
            while not set(expected) <= set(self.heard):
                self._more.clear()
                await self._more.wait()

        await asyncio.wait_for(wait(), PATIENCE)


@contextlib.asynccontextmanager
async def nodes(url):
    async with contextlib.AsyncExitStack() as closing:
        ears = []
        for _ in range(2):
            database = await PostgresDatabase.open(url)
            closing.push_async_callback(database.aclose)
            hints = PostgresHints(database)
            ears.append((hints, Ear(hints)))
            hints.start()
            closing.push_async_callback(hints.aclose)
        await listening(url)
        yield ears


async def listening(url):
    """Wait until both do: before that, hints are lost, as they may be."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        for _ in range(PATIENCE * 100):
            if len(await listeners(connection)) == 2:
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody listens")


async def listeners(connection):
    cursor = await connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN fc_async_services%'"
    )
    return await cursor.fetchall()


@pytest.mark.real_time
def test_what_is_told_is_heard_by_others_and_not_by_the_teller(empty_postgres):
    async def main():
        async with nodes(empty_postgres()) as ((a, of_a), (b, of_b)):
            a.tell("queue", "q", 1)
            await of_b.until(("q", 1))
            b.tell("queue", "r", 0)
            await of_a.until(("r", 0))
            return of_a.heard, of_b.heard

    assert asyncio.run(main()) == ([("r", 0)], [("q", 1)])


@pytest.mark.real_time
@pytest.mark.parametrize(("counts", "told"), [((1, 2), 3), ((1, 0), 0), ((0, 1), 0)])
def test_what_is_told_at_about_the_same_time_is_heard_as_one(empty_postgres, counts, told):
    async def main():
        async with nodes(empty_postgres()) as ((a, _), (_, of_b)):
            for count in counts:
                a.tell("queue", "q", count)
            await of_b.until(("q", told))
            return of_b.heard

    assert asyncio.run(main()) == [("q", told)]


@pytest.mark.real_time
def test_a_node_whose_line_was_cut_listens_again(empty_postgres, monkeypatch):
    monkeypatch.setattr(database, "_RECONNECT_SECONDS", 0.0)

    async def main():
        url = empty_postgres()
        async with nodes(url) as ((a, _), (_, of_b)):
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                for (pid,) in await listeners(connection):
                    await connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            await listening(url)
            a.tell("queue", "q", 1)
            await of_b.until(("q", 1))

    asyncio.run(main())


@pytest.mark.real_time
def test_a_node_listens_on_after_an_unforeseen_error(empty_postgres, monkeypatch, caplog):
    monkeypatch.setattr(database, "_RECONNECT_SECONDS", 0.0)

    async def main():
        url = empty_postgres()
        async with nodes(url) as ((a, _), (b, of_b)):
            failed = asyncio.Event()

            def fails(name, count):
                failed.set()
                raise KeyError("a fault of ours")

            b.listen("broken", fails)
            a.tell("broken", "q", 1)
            await asyncio.wait_for(failed.wait(), PATIENCE)
            while ("q", 1) not in of_b.heard:  # it may be on its way back
                a.tell("queue", "q", 1)
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(main(), PATIENCE * 3))
    assert "KeyError: 'a fault of ours'" in caplog.text
