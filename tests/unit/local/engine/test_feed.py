# SPDX-License-Identifier: MIT
"""A reader follows what happens to invocations, step by step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fc_async_local.clock import VirtualClock
from fc_async_local.engine.feed import Feed
from fc_async_local.wakeups import Wakeups
from fc_async_sdk.admin.models import Step

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE = "acs:mns:cn-hangzhou:1234567890123456:/queues/done/messages"


def a_step(output: str = "") -> Callable[[], Step]:
    return lambda: Step(kind="started", at=0, function="f", request_id="r", output=output)


def a_feed(**changes: int) -> Feed:
    return Feed(Wakeups(VirtualClock()), **{"most_bytes": 1 << 20, **changes})


def test_a_reader_sees_each_step_of_an_invocation_that_fails_once_and_then_succeeds(play):
    async def scenario(world):
        feed = world.engine.feed
        answers = [RuntimeError("not yet"), b"done"]

        def handler(event, attempt):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        world.function("orders", handler, retries=2, success=QUEUE)
        begin = (await feed.follow(-1, wait_ms=0)).last
        accepted = await world.invoke("orders", b"{}", delay_seconds=5, task_id="one")
        await world.engine.run_until_idle()
        followed = await feed.follow(begin, wait_ms=0)
        assert {step.request_id for step in followed.steps} == {accepted.request_id}
        assert [(step.kind, step.attempt, step.status) for step in followed.steps] == [
            ("accepted", 0, "Enqueued"),
            ("started", 1, ""),
            ("ended", 1, "Retrying"),
            ("started", 2, ""),
            ("ended", 2, "Succeeded"),
            ("delivery", 1, "delivered"),
        ]
        first, _, failed, *_, delivery = followed.steps
        assert first.due_at == first.at + 5_000
        assert failed.due_at == failed.at + 1_000
        assert (failed.attempts, failed.outcome) == (3, "function error")
        assert "not yet" in failed.result
        assert (delivery.destination, delivery.event) == (QUEUE, "success")

    play(scenario)


def test_a_destination_that_fails_is_a_step_with_the_time_of_the_next_try(play):
    async def scenario(world):
        world.queue.answers = [503, 200]
        world.function("orders", lambda *_: b"", success=QUEUE)
        await world.engine.feed.follow(-1, wait_ms=0)
        await world.invoke("orders", b"{}")
        await world.engine.run_until_idle()
        steps = (await world.engine.feed.follow(0, wait_ms=0)).steps
        tries = [step for step in steps if step.kind == "delivery"]
        assert [(one.attempt, one.status) for one in tries] == [(1, "pending"), (2, "delivered")]
        assert tries[0].error.startswith("503")
        assert tries[0].due_at == tries[0].at + 500

    play(scenario)


def test_the_end_of_an_invocation_names_its_failure_destination(play):
    async def scenario(world):
        def fail(*_):
            raise RuntimeError("no stock")

        world.function("orders", fail, retries=0, failure=QUEUE)
        world.function("mailer", fail, retries=0)
        begin = (await world.engine.feed.follow(-1, wait_ms=0)).last
        for name in ("orders", "mailer"):
            await world.invoke(name, b"{}")
        await world.engine.run_until_idle()
        steps = (await world.engine.feed.follow(begin, wait_ms=0)).steps
        ends = {step.function: step.destination for step in steps if step.kind == "ended"}
        assert ends == {"orders": QUEUE, "mailer": ""}

    play(scenario)


def test_an_invocation_that_expires_ends_without_an_attempt(play):
    async def scenario(world):
        world.function("orders", lambda *_: b"", age=1)
        await world.engine.feed.follow(-1, wait_ms=0)
        await world.invoke("orders", b"{}", delay_seconds=60)
        await world.engine.run_until_idle()
        last = (await world.engine.feed.follow(0, wait_ms=0)).steps[-1]
        assert (last.kind, last.attempt, last.status) == ("ended", 0, "Expired")

    play(scenario)


def test_without_memory_nothing_is_recorded_before_the_first_reader():
    async def scenario():
        feed = a_feed(most_bytes=0)
        feed.record(lambda: 1 / 0)
        assert (await feed.follow(0, wait_ms=0)).steps == []

    asyncio.run(scenario())


def test_a_reader_that_waits_gets_the_next_step_at_once():
    async def scenario():
        feed = a_feed()
        waiting = asyncio.ensure_future(feed.follow(0, wait_ms=60_000))
        await asyncio.sleep(0)
        feed.record(a_step())
        assert [step.number for step in (await waiting).steps] == [1]

    asyncio.run(scenario())


def test_a_reader_that_is_too_slow_is_told_how_many_steps_it_missed():
    async def scenario():
        feed = a_feed(most_bytes=2_500)
        await feed.follow(-1, wait_ms=0)
        for _ in range(5):
            feed.record(a_step("x" * 600))
        followed = await feed.follow(0, wait_ms=0)
        assert [step.number for step in followed.steps] == [4, 5]
        assert (followed.last, followed.missed) == (5, 3)

    asyncio.run(scenario())


def test_a_reader_from_before_a_restart_gets_everything():
    async def scenario():
        feed = a_feed()
        await feed.follow(-1, wait_ms=0)
        feed.record(a_step())
        assert len((await feed.follow(900, wait_ms=0)).steps) == 1

    asyncio.run(scenario())


def test_functions_that_print_much_remove_only_printed_steps_and_readers_learn_how_many():
    async def scenario():
        feed = a_feed()
        await feed.follow(-1, wait_ms=0)
        feed.record(a_step())
        tell = feed.teller(a_step())
        for _ in range(40):
            assert tell(b"x" * 65_535 + b"\n", False)
        feed.record(a_step())
        followed = await feed.follow(0, wait_ms=0)
        kinds = [step.kind for step in followed.steps]
        assert (kinds[0], kinds[-1]) == ("started", "started")
        assert set(kinds[1:-1]) == {"printed"}
        assert [step.number for step in followed.steps] == [1, *range(44 - len(kinds), 43)]
        assert followed.missed == 42 - len(kinds) > 0

    asyncio.run(scenario())


def test_without_a_reader_and_without_memory_no_line_counts_as_told():
    assert not a_feed(most_bytes=0).teller(a_step())(b"line\n", False)
