# SPDX-License-Identifier: MIT
"""Waiting for messages, on virtual time and with the store in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.services.mns.model import Draft, MnsError, QueueAttributes, handle_of
from fc_async_local.services.mns.service import MnsService
from fc_async_local.settings import Settings
from fc_async_local.wakeups import Wakeups
from fc_async_tests import service_stores


@pytest.fixture
def run() -> Any:
    def runner(body, **attributes) -> Any:
        async def main() -> Any:
            clock = VirtualClock()
            service = MnsService(service_stores.messages(), clock, Settings())
            await service.create_queue("q", QueueAttributes(**attributes))
            return await body(service, clock)

        return asyncio.run(main())

    return runner


def draft(body="x", delay=None) -> Any:
    return Draft(message_id="A", body=body, delay_seconds=delay)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def poll(service, seconds=30, limit=1) -> Any:
    return asyncio.ensure_future(service.receive("q", limit=limit, wait_seconds=seconds))


def test_a_poll_without_wait_returns_at_once(run) -> None:
    assert run(lambda service, _: service.receive("q", wait_seconds=0)) == ()


def test_a_poll_waits_as_long_as_it_was_asked_to_and_no_longer(run) -> None:
    async def body(service, clock) -> Any:
        waiting = poll(service, 30)
        await settle()
        clock.set(clock.now() + 29_999)
        await settle()
        before = waiting.done()
        clock.set(clock.now() + 1)
        return before, await waiting

    assert run(body) == (False, ())


def test_the_queue_says_how_long_when_the_caller_does_not(run) -> None:
    async def body(service, clock) -> Any:
        waiting = asyncio.ensure_future(service.receive("q"))
        await settle()
        clock.set(clock.now() + 7_000)
        return await waiting

    assert run(body, polling_wait_seconds=7) == ()


def test_a_message_wakes_one_poll_and_leaves_the_other(run) -> None:
    async def body(service, _clock) -> Any:
        first, second = poll(service), poll(service)
        await settle()
        await service.send("q", [draft("one")])
        await settle()
        state = first.done(), second.done()
        await service.send("q", [draft("two")])
        return state, [(await first)[0].body, (await second)[0].body]

    assert run(body) == ((True, False), ["one", "two"])


def test_a_poll_sees_a_delayed_message_when_it_becomes_visible(run) -> None:
    async def body(service, clock) -> Any:
        await service.send("q", [draft(delay=5)])
        waiting = poll(service)
        await settle()
        clock.set(clock.now() + 4_999)
        await settle()
        early = waiting.done()
        clock.set(clock.now() + 1)
        return early, len(await waiting)

    assert run(body) == (False, 1)


def test_a_poll_receives_a_message_that_was_not_deleted_again(run) -> None:
    async def body(service, clock) -> Any:
        await service.send("q", [draft()])
        await service.receive("q")
        waiting = poll(service)
        await settle()
        clock.set(clock.now() + 30_000)
        return (await waiting)[0].dequeue_count

    assert run(body) == 2


def test_the_wake_up_of_a_cancelled_poll_goes_to_the_next_poll(run) -> None:
    async def body(service, _clock) -> Any:
        leaving, staying = poll(service), poll(service)
        await settle()
        sending = asyncio.ensure_future(service.send("q", [draft()]))
        await asyncio.sleep(0)
        leaving.cancel()
        await sending
        return len(await staying)

    assert run(body) == 1


def test_hiding_a_message_for_less_time_wakes_the_poll_then(run) -> None:
    async def body(service, clock) -> Any:
        await service.send("q", [draft()])
        (message,) = await service.receive("q")
        waiting = poll(service)
        await settle()
        await service.change_visibility("q", handle_of(message), 1)
        await settle()
        clock.set(clock.now() + 1_000)
        return len(await waiting)

    assert run(body) == 1


def test_deleting_the_queue_ends_the_poll(run) -> None:
    async def body(service, _clock) -> None:
        waiting = poll(service)
        await settle()
        await service.delete_queue("q")
        with pytest.raises(MnsError, match="QueueNotExist"):
            await waiting

    run(body)


def test_ending_the_polls_of_a_runtime_ends_those_of_queues() -> None:
    async def main() -> Any:
        clock = VirtualClock()
        wakeups = Wakeups(clock)
        service = MnsService(service_stores.messages(), clock, Settings(), wakeups)
        await service.create_queue("q", QueueAttributes())
        waiting = [poll(service) for _ in range(5)]
        await settle()
        wakeups.end_polls()
        return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == [()] * 5


@pytest.mark.parametrize(
    "call",
    [
        lambda service: service.receive("q", limit=0),
        lambda service: service.receive("q", limit=17),
        lambda service: service.receive("q", wait_seconds=31),
        lambda service: service.receive("q", wait_seconds=-1),
        lambda service: service.peek("q", limit=17),
        lambda service: service.change_visibility("q", "1-1-A", 0),
        lambda service: service.change_visibility("q", "1-1-A", 43_201),
        lambda service: service.create_queue("r", QueueAttributes(delay_seconds=604_801)),
        lambda service: service.create_queue("r", QueueAttributes(maximum_message_size=65_537)),
        lambda service: service.send("q", [draft(delay=-1)]),
        lambda service: service.send("q", [draft("\x00")]),
        lambda service: service.send("q", [draft("")]),
    ],
)
def test_mns_parameters_out_of_range_are_refused(run, call) -> None:
    async def body(service, _clock) -> None:
        with pytest.raises(MnsError, match="InvalidArgument"):
            await call(service)

    run(body)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "InvalidQueueName"),
        ("-a", "InvalidQueueName"),
        ("a/b", "InvalidQueueName"),
        ("ä", "InvalidQueueName"),
        ("a" * 257, "QueueNameLengthError"),
    ],
)
def test_a_bad_name_is_refused(run, name, code) -> None:
    async def body(service, _clock) -> None:
        with pytest.raises(MnsError, match=code):
            await service.create_queue(name)

    run(body)


def test_an_invalid_receipt_handle_does_not_hide_other_errors(run) -> None:
    async def body(service, _clock) -> Any:
        errors = await service.delete("q", ["8-abc", "1-1-A"])
        return [error.code for error in errors]

    assert run(body) == ["ReceiptHandleError", "MessageNotExist"]
