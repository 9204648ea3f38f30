# SPDX-License-Identifier: MIT
"""Hints reach the other nodes, also after the server has cut their connections."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest

from fc_async_local.store.postgres import database
from fc_async_local.store.postgres.channel import PostgresChannel
from fc_async_local.store.postgres.database import PostgresDatabase

PATIENCE = 60


class Ear:
    """Remembers what a node has heard."""

    def __init__(self, channel):
        self.heard = []
        self.missed = asyncio.Event()
        self._more = asyncio.Event()
        channel.receive(self.hear, self.missed.set)

    def hear(self, topic, count):
        self.heard.append((topic, count))
        self._more.set()

    async def until(self, *expected):
        async def wait():
            while not set(expected) <= set(self.heard):
                self._more.clear()
                await self._more.wait()

        await asyncio.wait_for(wait(), PATIENCE)


@contextlib.asynccontextmanager
async def nodes(url, ear_of=Ear):
    async with contextlib.AsyncExitStack() as closing:
        found = []
        for _ in range(2):
            database = await PostgresDatabase.open(url)
            closing.push_async_callback(database.aclose)
            channel = PostgresChannel(database)
            ear = ear_of(channel)
            closing.push_async_callback(channel.aclose)
            # What is sent before a node listens is lost, as it may be.
            await asyncio.wait_for(ear.missed.wait(), PATIENCE)
            found.append((channel, ear))
        yield found


def cut_listeners(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN %'"
        )


@pytest.mark.real_time
def test_a_hint_reaches_other_nodes_and_not_its_sender(empty_postgres):
    async def main():
        async with nodes(empty_postgres()) as ((a, of_a), (b, of_b)):
            a.send("q", 1)
            await of_b.until(("q", 1))
            b.send("r", None)
            await of_a.until(("r", None))
            return of_a.heard, of_b.heard

    assert asyncio.run(main()) == ([("r", None)], [("q", 1)])


@pytest.mark.real_time
@pytest.mark.parametrize(("counts", "told"), [((1, 2), 3), ((1, None), None), ((None, 1), None)])
def test_hints_at_about_the_same_time_are_merged(empty_postgres, counts, told):
    async def main():
        async with nodes(empty_postgres()) as ((a, _), (_, of_b)):
            for count in counts:
                a.send("q", count)
            await of_b.until(("q", told))
            return of_b.heard

    assert asyncio.run(main()) == [("q", told)]


@pytest.fixture
def reconnecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a node whose connection was lost connect again at once."""
    monkeypatch.setattr(database, "_RECONNECT_SECONDS", 0.0)


@pytest.mark.usefixtures("reconnecting")
@pytest.mark.real_time
def test_a_node_whose_connection_was_cut_listens_again_and_knows_that_it_missed_hints(
    empty_postgres,
):
    async def main():
        url = empty_postgres()
        async with nodes(url) as ((a, _), (_, of_b)):
            of_b.missed.clear()
            await asyncio.to_thread(cut_listeners, url)
            await asyncio.wait_for(of_b.missed.wait(), PATIENCE)
            a.send("q", 1)
            await of_b.until(("q", 1))

    asyncio.run(main())


@pytest.mark.usefixtures("reconnecting")
@pytest.mark.real_time
def test_a_node_listens_on_after_an_unforeseen_error(empty_postgres, caplog):
    class Broken(Ear):
        def hear(self, topic, count):
            if topic == "broken":
                raise KeyError("a fault of ours")
            super().hear(topic, count)

    async def main():
        async with nodes(empty_postgres(), Broken) as ((a, _), (_, of_b)):
            of_b.missed.clear()
            a.send("broken", 1)
            await asyncio.wait_for(of_b.missed.wait(), PATIENCE)
            a.send("q", 1)
            await of_b.until(("q", 1))

    asyncio.run(main())
    assert "KeyError: 'a fault of ours'" in caplog.text
