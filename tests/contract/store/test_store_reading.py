# SPDX-License-Identifier: MIT
"""What every store promises of looking: tasks, counts, the next due time, what is forgotten."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_local.domain.invocation import DELIVERY, JobSettlement, Note
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import TaskQuery, WaitingCount
from fc_async_tests.invocations import (
    HOLD,
    T0,
    a_job,
    an_invocation,
    claim_one,
    ended,
    finished,
    steps_of,
)

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store, TaskCounts, TaskPage


class TestNextDue:
    async def test_is_nothing_when_nothing_waits(self, store: Store) -> None:
        assert await store.next_due() is None

    async def test_is_the_earliest_of_due_times_and_leases(self, store: Store) -> None:
        await store.accept(an_invocation(1))
        await store.accept(an_invocation(2, due_at=T0 + 3_000_000))
        await claim_one(store)
        assert await store.next_due() == T0 + 30_000


class TestUpcoming:
    async def test_is_what_can_be_claimed_next_the_earliest_first(self, store: Store) -> None:
        await store.accept(an_invocation(1, due_at=T0 + 900))
        await store.accept(an_invocation(2, due_at=T0 + 300, task_mode=False))
        await finished(store, 3, Status.SUCCEEDED)
        await store.accept(an_invocation(4, due_at=T0 + 600))
        assert [i.request_id for i in await store.upcoming(2)] == ["r2", "r4"]


class TestWaiting:
    async def test_counts_what_each_call_of_a_function_waits_for(self, store: Store) -> None:
        now = T0 + 500
        hop = b'{"$fc-async.hop":{"payload":{"json":1}}}'
        await finished(store, 8, Status.SUCCEEDED)
        await store.accept(an_invocation(1))
        await store.accept(an_invocation(2, due_at=T0 + 600))
        await store.accept(an_invocation(3, due_at=T0 + 900, task_mode=False))
        await store.accept(an_invocation(4, due_at=T0 + 800, payload=hop))
        await store.accept(an_invocation(5, due_at=T0 + 700, attempts=1, status=Status.RETRYING))
        await store.accept(an_invocation(6, system_retries=2))
        await store.accept(an_invocation(7, function="other"))
        assert await store.waiting("resize", now=now, most=100) == {
            "due": WaitingCount(1, T0 + 1),
            "delayed": WaitingCount(2, T0 + 900),
            "hops": WaitingCount(1, T0 + 800),
            "errors": WaitingCount(1, T0 + 700),
            "throttled": WaitingCount(1, T0 + 6),
        }

    async def test_leaves_out_what_is_held_and_counts_no_more_than_asked(
        self, store: Store
    ) -> None:
        for number in range(1, 6):
            await store.accept(an_invocation(number))
        await claim_one(store)
        counted = await store.waiting("resize", now=T0 + 500, most=3)
        assert counted == {"due": WaitingCount(3, T0 + 4)}


class TestStats:
    async def test_count_what_there_is(self, store: Store) -> None:
        await finished(store, 1, Status.FAILED, delivery=a_job(1))
        await store.accept(an_invocation(2))
        await claim_one(store)
        await store.accept(an_invocation(3, due_at=T0 + 700))
        await store.accept(an_invocation(4, due_at=T0 + 600))
        stats = await store.stats()
        assert {status: n for status, n in stats.by_status.items() if n} == {
            Status.FAILED: 1,
            Status.DEQUEUED: 1,
            Status.ENQUEUED: 2,
        }
        assert stats[1:] == (T0 + 600, 1, 0)


class TestNotes:
    def a_note(self, **fields: object) -> Note:
        facts: dict[str, object] = {"reason": "a\u0000 b"}
        given = {"request_id": "r1", "at": T0, "kind": "action", "detail": facts, **fields}
        return msgspec.convert(given, Note)

    async def test_come_back_in_their_order_byte_for_byte(self, store: Store) -> None:
        await store.accept(an_invocation())
        first, second = self.a_note(), Note(request_id="r1", at=T0, kind="delivery", body=b"\0\xff")
        await store.add_notes([first, second])
        assert list(await store.notes("r1")) == [first, second]

    async def test_of_what_is_not_kept_are_dropped(self, store: Store) -> None:
        await store.accept(an_invocation(task_mode=False))
        await store.add_notes([self.a_note(), self.a_note(request_id="unknown")])
        assert list(await store.notes("r1")) == []

    async def test_of_a_try_are_written_with_its_settlement(self, store: Store) -> None:
        await finished(store, 1, Status.FAILED, delivery=a_job(1))
        hold = {"now": T0 + 90, "until": T0 + 100, "owner": "node"}
        (claimed,) = await store.claim_jobs(DELIVERY, 1, **hold)
        settlement = JobSettlement(job=None, notes=(self.a_note(),))
        await store.settle_job(claimed.lease, settlement)
        await store.settle_job(claimed.lease, settlement)
        assert list(await store.notes("r1")) == [self.a_note()]

    async def test_logs_are_written_with_the_settlement_and_read_alone(self, store: Store) -> None:
        log = self.a_note(kind="log", body=b"line\n" * 2_000)
        await finished(store, 1, Status.FAILED, notes=(log,))
        await store.add_notes([self.a_note()])
        assert list(await store.notes("r1")) == [self.a_note()]
        assert list(await store.notes("r1", logs=True)) == [log]

    async def test_of_a_settlement_that_is_refused_are_not_written(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        lost = msgspec.structs.replace(claimed.lease, epoch=claimed.epoch + 1)
        await store.settle(lost, ended(claimed, Status.FAILED, notes=(self.a_note(),)))
        assert list(await store.notes("r1")) == []

    async def test_are_forgotten_with_their_task(self, store: Store) -> None:
        await finished(store, 1, Status.SUCCEEDED, at=T0 + 100)
        await store.add_notes([self.a_note()])
        await store.prune(ended_before=T0 + 101)
        await store.accept(an_invocation())
        assert list(await store.notes("r1")) == []


class TestPrune:
    async def test_forgets_tasks_that_ended_before(self, store: Store) -> None:
        for number, at in ((1, T0 + 100), (2, T0 + 200), (3, T0 + 300)):
            await finished(store, number, Status.SUCCEEDED, at=at)
        await store.accept(an_invocation(4))
        assert await store.prune(ended_before=T0 + 200) == 1
        assert await store.get("resize", "t1") is None
        assert await steps_of(store, 2) != []

    @pytest.mark.usefixtures("pruned_in_twos")
    async def test_forgets_any_number_of_them(self, store: Store) -> None:
        for number in range(5):
            await finished(store, number, Status.SUCCEEDED, at=T0 + 100)
        assert await store.prune(ended_before=T0 + 101) == 5
        assert not any((await store.stats()).by_status.values())

    async def test_frees_the_task_id(self, store: Store) -> None:
        await finished(store, 1, Status.SUCCEEDED, at=T0 + 100)
        await store.prune(ended_before=T0 + 101)
        await store.accept(an_invocation())
        assert await steps_of(store) == [Status.ENQUEUED]


def numbers(page: TaskPage) -> list[int]:
    """Return the numbers in the request ids of a page."""
    return [int(invocation.request_id[1:]) for invocation in page.invocations]


def nonzero(counts: TaskCounts) -> dict[Status, int]:
    """Return the counts of statuses that some task has."""
    return {status: n for status, n in counts.by_status.items() if n}


class TestQuery:
    async def fill(self, store: Store) -> None:
        for number in range(1, 8):
            await store.accept(
                an_invocation(
                    number,
                    task_id=f"{'even' if number % 2 == 0 else 'odd'}-{number}",
                    qualifier="prod" if number > 4 else "LATEST",
                    function="other" if number == 7 else "resize",
                )
            )
        await store.accept(an_invocation(8, task_mode=False))
        for claimed in await store.claim(2, now=T0 + 2, **HOLD):
            await store.start(claimed.lease, now=T0 + 100)

    QUERIES = (
        (TaskQuery(None), [7, 6, 5, 4, 3, 2, 1]),
        (TaskQuery("resize"), [6, 5, 4, 3, 2, 1]),
        (TaskQuery("resize", descending=False), [1, 2, 3, 4, 5, 6]),
        (TaskQuery("nothing"), []),
        (TaskQuery("resize", qualifier="prod"), [6, 5]),
        (TaskQuery("resize", prefix="even-"), [6, 4, 2]),
        (TaskQuery("resize", prefix="even_"), []),
        (TaskQuery("resize", statuses=[Status.RUNNING]), [2, 1]),
        (TaskQuery("resize", statuses=[Status.RUNNING, Status.ENQUEUED]), [6, 5, 4, 3, 2, 1]),
        (TaskQuery("resize", statuses=[]), []),
        (TaskQuery(None, statuses={Status.ENQUEUED}, limit=2), [7, 6]),
        (TaskQuery("resize", started_from=T0 + 5), [6, 5, 2, 1]),
        (TaskQuery("resize", started_to=T0 + 5), [5, 4, 3]),
        (TaskQuery("resize", started_from=T0 + 100, started_to=T0 + 100), [2, 1]),
        (TaskQuery("resize", statuses=[Status.RUNNING], prefix="odd", descending=False), [1]),
        (TaskQuery(None, prefix="odd", qualifier="prod"), [7, 5]),
        (TaskQuery(None, qualifier="prod", statuses=[Status.ENQUEUED]), [7, 6, 5]),
        (TaskQuery(None, qualifier="LATEST", limit=2), [4, 3]),
        (TaskQuery(None, accepted_from=T0 + 3, accepted_to=T0 + 5), [5, 4, 3]),
        (TaskQuery(None, error="ValueError"), []),
    )

    async def test_finds_what_is_asked_for(self, store: Store) -> None:
        await self.fill(store)
        found = [(query, numbers(await store.query(query))) for query, _ in self.QUERIES]
        assert found == list(self.QUERIES)

    async def test_finds_tasks_by_their_latest_error(self, store: Store) -> None:
        for number, error in ((1, "ValueError"), (2, "KeyError"), (3, "ValueError")):
            await store.accept(an_invocation(number, error=error))
        page = await store.query(TaskQuery(None, error="ValueError"))
        assert [i.request_id for i in page.invocations] == ["r3", "r1"]

    ERRORS = (
        (TaskQuery(None, error="ValueError"), [4, 1]),
        (TaskQuery(None, error="UnhandledInvocationError"), [4, 2, 1]),
        (TaskQuery(None, error="Value"), []),
        (TaskQuery(None, text="no items"), [4, 1]),
        (TaskQuery(None, text="NO ITEMS"), [4, 1]),
        (TaskQuery(None, text="KeyErr"), [2]),
        (TaskQuery(None, text="100%"), [4]),
        (TaskQuery(None, text="n_ i"), []),
        (TaskQuery(None, text="t3"), [3]),
        (TaskQuery(None, text="t"), [5, 4, 3, 2, 1]),
        (TaskQuery(None, text="t", limit=2), [5, 4]),
        (TaskQuery(None, text="no items", prefix="t1"), [1]),
        (TaskQuery("resize", text="items", statuses=[Status.ENQUEUED]), [4, 1]),
        (TaskQuery(None, text="items", descending=False, limit=1), [1]),
        (TaskQuery(None, text="nothing"), []),
    )

    async def test_finds_and_counts_tasks_by_type_and_message_of_the_error(
        self, store: Store
    ) -> None:
        failures = {
            1: "ValueError: no items",
            2: "KeyError: 'total'",
            4: "ValueError: no items in 100%, \u4e2d t",
        }
        for number in range(1, 6):
            failure = failures.get(number, "")
            error = "UnhandledInvocationError" if failure else ""
            await store.accept(an_invocation(number, error=error, failure=failure))
        for query, expected in self.ERRORS:
            page = await store.query(query)
            assert (query, numbers(page)) == (query, expected)
            assert [i.failure for i in page.invocations] == [failures.get(n, "") for n in expected]
            counts = await store.count_tasks(query._replace(limit=100), most=100)
            everything = await store.query(query._replace(limit=100))
            assert sum(counts.by_status.values()) == len(everything.invocations), query

    COUNTED = (
        TaskQuery(None),
        TaskQuery("resize"),
        TaskQuery("resize", statuses=[Status.RUNNING]),
        TaskQuery(None, prefix="even-"),
        TaskQuery(None, qualifier="prod"),
        TaskQuery(None, error="ValueError"),
        TaskQuery(None, accepted_from=T0 + 3, accepted_to=T0 + 5),
        TaskQuery(None, started_from=T0 + 5),
    )

    async def test_counts_what_it_finds(self, store: Store) -> None:
        await self.fill(store)
        for query in self.COUNTED:
            expected: dict[Status, int] = {}
            for found in (await store.query(query)).invocations:
                expected[found.status] = expected.get(found.status, 0) + 1
            counts = await store.count_tasks(query, most=100)
            assert (query, nonzero(counts)) == (query, expected)
            assert not counts.at_least

    MANY = (
        TaskQuery("resize", prefix="odd-"),
        TaskQuery(None, qualifier="LATEST"),
        TaskQuery("resize", accepted_from=T0),
        TaskQuery("resize", started_from=T0),
    )

    async def test_says_that_it_stopped_counting(self, store: Store) -> None:
        await self.fill(store)
        for query in self.MANY:
            counts = await store.count_tasks(query, most=1)
            assert Status.ENQUEUED in counts.at_least, query

    TOTALS = (
        (TaskQuery(None), {Status.ENQUEUED: 5, Status.RUNNING: 2}),
        (TaskQuery("resize"), {Status.ENQUEUED: 4, Status.RUNNING: 2}),
        (TaskQuery("other", statuses=[Status.ENQUEUED]), {Status.ENQUEUED: 1}),
        (TaskQuery(None, statuses=[Status.RUNNING]), {Status.RUNNING: 2}),
        (TaskQuery("nothing"), {}),
    )

    async def test_knows_the_totals_of_states_however_many_tasks_there_are(
        self, store: Store
    ) -> None:
        await self.fill(store)
        for query, expected in self.TOTALS:
            counts = await store.count_tasks(query, most=1)
            assert (query, nonzero(counts)) == (query, expected)
            assert not counts.at_least

    async def test_takes_forgotten_tasks_from_the_totals(self, store: Store) -> None:
        await finished(store, 1, Status.FAILED)
        await store.accept(an_invocation(2))
        before = await store.count_tasks(TaskQuery("resize"), most=1)
        await store.prune(ended_before=T0 + 1_000)
        after = await store.count_tasks(TaskQuery("resize"), most=1)
        assert before.by_status[Status.FAILED] == 1
        assert nonzero(after) == {Status.ENQUEUED: 1}

    @pytest.mark.parametrize("with_payload", [True, False])
    async def test_leaves_the_payload_out_on_request(
        self, store: Store, with_payload: bool
    ) -> None:
        await store.accept(an_invocation(return_payload=b"returned"))
        page = await store.query(TaskQuery("resize", with_payload=with_payload))
        (task,) = page.invocations
        expected = (b"\x00\xff payload", b"returned") if with_payload else (b"", None)
        assert (task.payload, task.return_payload) == expected

    @pytest.mark.parametrize("size", [1, 7, 100])
    @pytest.mark.parametrize("descending", [True, False])
    async def test_pages_are_stable_while_tasks_come_and_go(
        self, store: Store, size: int, descending: bool
    ) -> None:
        # Equal times: the request id decides. Accepted at once, they share a commit.
        accepted = (an_invocation(number, accepted_at=T0 + number // 3) for number in range(45))
        await asyncio.gather(*map(store.accept, accepted))
        before = {f"r{n}" for n in range(45)}
        seen: list[str] = []
        query = TaskQuery(
            "resize", statuses=[Status.ENQUEUED, Status.RETRYING], descending=descending, limit=size
        )
        newcomer = 100
        while True:
            page = await store.query(query)
            seen += [invocation.request_id for invocation in page.invocations]
            assert len(page.invocations) <= size
            if page.after is None:
                break
            query = query._replace(after=page.after)
            if newcomer < 110:
                await store.accept(an_invocation(newcomer))
                newcomer += 1
        known = [request_id for request_id in seen if request_id in before]
        assert len(known) == 45
        assert len(seen) == len(set(seen))
