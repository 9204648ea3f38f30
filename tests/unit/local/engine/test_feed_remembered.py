# SPDX-License-Identifier: MIT
"""Invocations without task mode are shown as their twins in task mode, within a bound."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fc_async_local.store.protocol import TaskQuery

QUEUE = "acs:mns:cn-hangzhou:1234567890123456:/queues/done/messages"


def fails(event, attempt):
    raise ValueError("no items")


def seldom(event, attempt):
    if attempt.number == 0:
        raise ValueError("not yet")
    return b"done"


async def invoked(world, function: str, payload: bytes = b"{}", **options):
    accepted = await world.invoke(function, payload, **options)
    return accepted.task_id


@pytest.mark.parametrize(
    "handler", [fails, seldom, lambda *_: b"done"], ids=["fails", "retried", "succeeds"]
)
def test_an_invocation_looks_like_its_twin_in_task_mode(play, handler):
    async def scenario(world):
        for name, mode in (("twin", True), ("orders", False)):
            world.function(name, handler, retries=1, success=QUEUE, failure=QUEUE, task_mode=mode)
        ids = {name: await invoked(world, name, delay_seconds=5) for name in ("twin", "orders")}
        await world.engine.run_until_idle()
        twin = await world.store.get("twin", ids["twin"])
        found = world.engine.remembered.find("orders", ids["orders"])
        assert await world.store.get("orders", ids["orders"]) is None
        kept = {"function": "twin", "request_id": ids["twin"], "task_id": ids["twin"]}
        # Claims, and what the claim was under, are the store's own.
        ours = ("config", "epoch", "instance_id")
        kept |= {name: getattr(twin.invocation, name) for name in ours}
        assert replace(found.invocation, **kept) == twin.invocation
        shown = [one for one in twin.events if one.status.value != "Dequeued"]
        assert [(one.status, one.at) for one in found.events] == [
            (one.status, one.at) for one in shown
        ]
        assert found.events[-1].detail == shown[-1].detail

    play(scenario)


def test_tasks_are_in_the_store_alone(play):
    async def scenario(world):
        world.function("orders", lambda *_: b"", task_mode=True)
        task = await invoked(world, "orders")
        await world.engine.run_until_idle()
        assert world.engine.remembered.find("orders", task) is None

    play(scenario)


def test_the_oldest_are_forgotten_when_the_memory_is_full(play):
    async def scenario(world):
        world.function("orders", lambda *_: b"", task_mode=False)
        ids = [await invoked(world, "orders", b"x" * 10_000) for _ in range(20)]
        await world.engine.run_until_idle()
        known = [one for one in ids if world.engine.remembered.find("orders", one)]
        assert 0 < len(known) < 20
        assert known == ids[-len(known) :]

    play(scenario, remembered_bytes=100_000)


def test_nothing_is_remembered_without_memory(play):
    async def scenario(world):
        world.function("orders", lambda *_: b"", task_mode=False)
        task = await invoked(world, "orders")
        await world.engine.run_until_idle()
        assert world.engine.remembered.find("orders", task) is None

    play(scenario, remembered_bytes=0)


def test_an_id_that_was_used_again_is_that_of_the_latest(play):
    async def scenario(world):
        world.function("orders", lambda *_: b"", task_mode=False)
        for payload in (b"first", b"second"):
            await invoked(world, "orders", payload, task_id="one")
            await world.engine.run_until_idle()
        assert world.engine.remembered.find("orders", "one").invocation.payload == b"second"
        store = await world.engine.remembered.store()
        [listed] = (await store.query(TaskQuery("orders"))).invocations
        assert listed.payload == b"second"

    play(scenario)
