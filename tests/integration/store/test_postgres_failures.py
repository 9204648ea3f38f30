# SPDX-License-Identifier: MIT
"""PostgreSQL away, cut off, restarted, shared by nodes: no data is lost, errors are reported."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from msgspec.structs import replace

from fc_async_local.domain.invocation import Count, Invocation, Settlement, TaskEvent
from fc_async_local.domain.states import Status
from fc_async_local.store import sql
from fc_async_local.store.factory import Stores, open_stores
from fc_async_local.store.postgres.database import PostgresDatabase
from fc_async_local.store.postgres.store import SCHEMA
from fc_async_local.store.protocol import Change, Settled, StoreUnavailable, StoreUnusable
from fc_async_tests import invocations
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture
def url(empty_postgres: Callable[[], str]) -> Iterator[str]:
    yield empty_postgres()
    empty_postgres()  # a test may have left a newer schema


@contextlib.asynccontextmanager
async def node(url: str) -> AsyncIterator[Stores]:
    stores = await open_stores(url)
    try:
        yield stores
    finally:
        await stores.aclose()


def an_invocation(number: int = 1, **fields) -> Invocation:
    """One of many: ids are in order as texts, too."""
    ids = {"request_id": f"r{number:05}", "task_id": f"t{number:05}"}
    times = {"accepted_at": number, "due_at": number}
    return invocations.an_invocation(number, **(ids | times | fields))


def cut_all_lines(url: str) -> None:
    """Ends every other connection to the database, from the server's side."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def until_available(verb: Callable[[], Any]) -> Any:
    """Ask until the store is back, as the engine does; each failure drops a dead connection."""
    for _ in range(50):
        with contextlib.suppress(StoreUnavailable):
            return await verb()
    raise AssertionError("the store never came back")


class TestOpening:
    def test_a_server_that_is_away_is_named_without_the_password(self) -> None:
        async def scenario() -> None:
            with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1/queue") as caught:
                await open_stores("postgresql://me:secret-word@127.0.0.1:1/queue")
            assert "secret-word" not in str(caught.value)

        asyncio.run(scenario())

    def test_a_url_that_can_not_be_read_is_not_shown(self) -> None:
        with pytest.raises(StoreUnusable, match="URL can't be read") as caught:
            asyncio.run(open_stores("postgresql://me:secret word@[::1/queue"))
        assert "secret" not in str(caught.value)

    def test_nodes_that_start_together_migrate_once(self, url: str) -> None:
        async def scenario() -> None:
            nodes = await asyncio.gather(*[open_stores(url) for _ in range(4)])
            await nodes[0].store.accept(an_invocation())
            assert (await nodes[3].store.stats()).by_status == {Status.ENQUEUED: 1}
            for each in nodes:
                await each.aclose()

        asyncio.run(scenario())

    def test_a_newer_schema_is_refused(self, url: str) -> None:
        newer = sql.Schema(
            "store",
            (*SCHEMA.migrations, sql.Migration(SCHEMA.version + 1, "0099_more.sql", "SELECT 1")),
        )

        async def scenario() -> None:
            await (await PostgresDatabase.open(url, newer)).aclose()
            with pytest.raises(StoreUnusable, match=r"schema version \d+.*Upgrade fc-async"):
                await open_stores(url)

        asyncio.run(scenario())

    def test_commits_wait_for_the_disk_whatever_the_server_says(self, url: str) -> None:
        async def scenario() -> Any:
            async with node(f"{url}&options=-c%20synchronous_commit%3Doff") as stores:
                assert isinstance(stores.database, PostgresDatabase)
                return await stores.database.run(_synchronous_commit)

        async def _synchronous_commit(connection) -> Any:
            return await (await connection.execute("SHOW synchronous_commit")).fetchone()

        assert asyncio.run(scenario()) == ("on",)


class TestSeveralNodes:
    def test_claim_each_invocation_once(self, url: str) -> None:
        async def work(stores: Stores, owner: str) -> list[str]:
            mine: list[str] = []
            while claimed := await stores.store.claim(7, now=10**6, until=10**7, owner=owner):
                mine += [invocation.request_id for invocation in claimed]
                await asyncio.gather(*[finish(stores, invocation) for invocation in claimed])
            return mine

        async def finish(stores: Stores, invocation: Invocation) -> None:
            assert await stores.store.start(invocation.lease, now=10**6)
            settlement = Settlement(
                invocation=replace(invocation, status=Status.SUCCEEDED, ended_at=10**6),
                events=(TaskEvent(status=Status.SUCCEEDED, at=10**6),),
                counts=(Count(metric="finished", function="resize", at=0),),
            )
            assert await stores.store.settle(invocation.lease, settlement) is Settled.DONE

        async def scenario() -> None:
            async with node(url) as one, node(url) as two, node(url) as three:
                nodes = [one, two, three]
                await asyncio.gather(
                    *[nodes[n % 3].store.accept(an_invocation(n)) for n in range(300)]
                )
                worked = await asyncio.gather(
                    *[work(each, f"node-{n}") for n, each in enumerate(nodes)]
                )
                done = [request_id for mine in worked for request_id in mine]
                assert sorted(done) == [f"r{n:05}" for n in range(300)]
                assert (await one.store.stats()).by_status == {Status.SUCCEEDED: 300}
                assert await sums(two.store) == {("finished", "resize"): 300}

        asyncio.run(scenario())

    def test_see_a_changed_configuration_at_once(self, url: str) -> None:
        async def scenario() -> None:
            async with node(url) as here, node(url) as there:
                before = await there.documents.revision()
                written = await here.documents.write([Change("function", "a", b"{}")])
                assert await there.documents.revision() == written > before

        asyncio.run(scenario())

    def test_find_each_others_code(self, url: str) -> None:
        async def scenario() -> bytes | None:
            async with node(url) as here, node(url) as there:
                await here.blobs.put_blob("sum", b"zip", now=1)
                return await there.blobs.get_blob("sum")

        assert asyncio.run(scenario()) == b"zip"


class TestLosingTheConnection:
    def test_acknowledged_invocations_survive_a_lost_connection(self, url: str) -> None:
        acknowledged: set[str] = set()

        async def caller(stores: Stores, first: int) -> None:
            for number in range(first, first + 100):
                invocation = an_invocation(number)
                with contextlib.suppress(StoreUnavailable):
                    await stores.store.accept(invocation)
                    acknowledged.add(invocation.request_id)

        async def cut() -> None:
            for _ in range(5):
                await asyncio.to_thread(cut_all_lines, url)

        async def scenario() -> None:
            async with node(url) as stores:
                await asyncio.gather(cut(), *[caller(stores, n * 100) for n in range(8)])
                last = an_invocation(9_999)
                await until_available(lambda: stores.store.accept(last))
                acknowledged.add(last.request_id)
                claimed = await until_available(
                    lambda: stores.store.claim(10**4, now=10**6, until=10**7, owner="me")
                )
                assert acknowledged <= {invocation.request_id for invocation in claimed}

        asyncio.run(scenario())

    def test_a_server_that_was_restarted_is_found_again(self, url: str, postgres_server) -> None:
        async def scenario() -> None:
            async with node(url) as stores:
                await stores.store.accept(an_invocation(1))
                await asyncio.to_thread(postgres_server.stop)
                try:
                    with pytest.raises(StoreUnavailable):
                        await stores.store.accept(an_invocation(2))
                finally:
                    await asyncio.to_thread(postgres_server.ensure_postgres_running)
                await until_available(lambda: stores.store.accept(an_invocation(3)))
                claimed = await stores.store.claim(9, now=10**6, until=10**7, owner="me")
                assert [invocation.request_id for invocation in claimed] == ["r00001", "r00003"]

        asyncio.run(scenario())


class TestOneGroup:
    def test_cancelled_callers_do_not_affect_others_of_their_group(self, url: str) -> None:
        async def scenario() -> None:
            async with node(url) as stores:
                callers = [
                    asyncio.ensure_future(stores.store.accept(an_invocation(n))) for n in range(60)
                ]
                await asyncio.sleep(0)
                for gone in callers[::3]:
                    gone.cancel()
                answers = await asyncio.gather(*callers, return_exceptions=True)
                stayed = {f"r{n:05}" for n, answer in enumerate(answers) if answer is None}
                assert len(stayed) == 40
                claimed = await stores.store.claim(99, now=10**6, until=10**7, owner="me")
                assert stayed <= {invocation.request_id for invocation in claimed}

        asyncio.run(scenario())

    def test_a_value_that_the_server_refuses_fails_its_caller_alone(self, url: str) -> None:
        async def scenario() -> list[Any]:
            async with node(url) as stores:
                return await asyncio.gather(
                    stores.store.accept(an_invocation(1)),
                    stores.store.accept(an_invocation(2, attempts=2**40)),
                    stores.store.accept(an_invocation(3)),
                    return_exceptions=True,
                )

        first, second, third = asyncio.run(scenario())
        assert (first, third) == (None, None)
        assert isinstance(second, psycopg.DataError)

    def test_the_same_settlement_twice_in_a_group_is_done_once(self, url: str) -> None:
        async def scenario() -> list[Settled]:
            async with node(url) as stores:
                await stores.store.accept(an_invocation())
                (held,) = await stores.store.claim(1, now=10**6, until=10**7, owner="me")
                settlement = Settlement(invocation=replace(held, status=Status.RETRYING))
                return await asyncio.gather(
                    *[stores.store.settle(held.lease, settlement) for _ in range(3)]
                )

        assert asyncio.run(scenario()) == [Settled.DONE, Settled.STALE, Settled.STALE]

    def test_waiting_writes_are_committed_before_the_store_closes(self, url: str) -> None:
        async def scenario() -> None:
            async with node(url) as stores:
                waiting = [
                    asyncio.ensure_future(stores.store.accept(an_invocation(n))) for n in range(5)
                ]
                await asyncio.sleep(0)
            assert await asyncio.gather(*waiting) == [None] * 5
            with pytest.raises(StoreUnavailable, match="closed"):
                await stores.store.accept(an_invocation(9))

        asyncio.run(scenario())

    def test_text_that_the_server_can_not_keep_is_made_keepable(self, url: str) -> None:
        async def scenario() -> str:
            async with node(url) as stores:
                await stores.store.accept(an_invocation(error="a\0b"))
                task = await stores.store.get("resize", "t00001")
                assert task is not None
                return task.invocation.error

        assert asyncio.run(scenario()) == "a\ufffdb"
