# SPDX-License-Identifier: MIT
"""Publishing and consuming on virtual time: waiting, and what is refused."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.services.rocketmq.model import (
    ConsumeRequest,
    NewMessage,
    RocketMqError,
    handle_of,
    read_new_message,
    read_tags,
)

INSTANCE = "MQ_INST_1"


async def topic(world):
    await world.rocketmq.create_topic(INSTANCE, "t")


async def publish(world, body="x", **fields):
    return await world.rocketmq.publish(INSTANCE, "t", NewMessage(body=body, **fields))


def consume(world, group="g", **fields):
    return asyncio.ensure_future(
        world.rocketmq.consume(INSTANCE, "t", group, ConsumeRequest(**fields))
    )


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_message_wakes_a_consumer_of_every_group(play):
    async def scene(world):
        await topic(world)
        waiting = [consume(world, group, wait_seconds=30) for group in ("g", "h")]
        await settle()
        await publish(world)
        return [len(await found) for found in waiting]

    assert play(scene) == [1, 1]


def test_a_poll_ends_empty_when_its_time_is_over(play):
    async def scene(world):
        await topic(world)
        waiting = consume(world, wait_seconds=30)
        await settle()
        world.clock.set(world.clock.now() + 29_999)
        await settle()
        early = waiting.done()
        world.clock.set(world.clock.now() + 1)
        return early, await waiting

    assert play(scene) == (False, ())


def test_a_poll_sees_a_delayed_message_when_it_is_due(play):
    async def scene(world):
        await topic(world)
        await publish(world, deliver_at=world.clock.now() + 5_000)
        waiting = consume(world, wait_seconds=30)
        await settle()
        world.clock.set(world.clock.now() + 5_000)
        return len(await waiting)

    assert play(scene) == 1


def test_an_acknowledgement_lets_an_ordered_consumer_go_on(play):
    async def scene(world):
        await topic(world)
        for body in "ab":
            await publish(world, body, sharding_key="s")
        (first,) = await consume(world, ordered=True)
        waiting = consume(world, ordered=True, wait_seconds=30)
        await settle()
        blocked = not waiting.done()
        await world.rocketmq.acknowledge(INSTANCE, "t", "g", [handle_of(first)])
        return blocked, (await waiting)[0].message.body

    assert play(scene) == (True, "b")


@pytest.mark.parametrize(("ordered", "after"), [(False, 300_000), (True, 60_000)])
def test_an_unacknowledged_message_returns_after_five_minutes_or_one_if_ordered(
    play, ordered, after
):
    async def scene(world):
        await topic(world)
        await publish(world)
        (found,) = await consume(world, ordered=ordered)
        return found.next_at - world.clock.now()

    assert play(scene) == after


def test_redelivery_can_be_set_down(play):
    async def scene(world):
        await topic(world)
        await publish(world)
        (found,) = await consume(world)
        return found.next_at - world.clock.now()

    assert play(scene, rocketmq_redelivery_ms=500) == 500


def test_a_message_that_is_never_acknowledged_ends_in_the_dead_letter_topic(play, caplog):
    async def scene(world):
        await topic(world)
        await publish(world, "poison")
        for _ in range(289):
            assert len(await consume(world)) == 1
            world.clock.set(world.clock.now() + 1)
        assert await consume(world) == ()
        (found,) = await world.rocketmq.consume(INSTANCE, "%DLQ%g", "GID_operators")
        return found.message.body

    assert play(scene, rocketmq_redelivery_ms=1) == "poison"
    assert "was handed out 289 times, it is in %DLQ%g now" in caplog.text


def test_ending_the_polls_of_a_runtime_ends_those_of_topics(play):
    async def scene(world):
        await topic(world)
        waiting = consume(world, wait_seconds=30)
        await settle()
        world.wakeups.end_polls()
        return await waiting

    assert play(scene) == ()


def test_a_topic_is_made_once(play):
    async def scene(world):
        made = [await world.rocketmq.create_topic(INSTANCE, "t") for _ in range(2)]
        return made, [topic.name for topic in world.rocketmq.topics()]

    assert play(scene) == ([True, False], ["t"])


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda w: w.rocketmq.create_topic("rmq-cn-5xx", "u"), "InvalidArgument"),
        (lambda w: w.rocketmq.create_topic("no/id", "u"), "InvalidArgument"),
        (lambda w: w.rocketmq.create_topic(INSTANCE, "no/name"), "InvalidArgument"),
        (lambda w: w.rocketmq.publish(INSTANCE, "none", NewMessage(body="x")), "TopicNotExist"),
        (lambda w: w.rocketmq.publish("other", "t", NewMessage(body="x")), "TopicNotExist"),
        (lambda w: w.rocketmq.delete_topic(INSTANCE, "none"), "TopicNotExist"),
        (lambda w: publish(w, ""), "InvalidArgument"),
        (lambda w: publish(w, "x" * (4 * 1024 * 1024 + 1)), "InvalidArgument"),
        (lambda w: publish(w, "\x00"), "InvalidArgument"),
        (lambda w: publish(w, properties={"arn": "acs:fc"}), "InvalidArgument"),
        (lambda w: publish(w, deliver_at=w.clock.now() + 41 * 86_400_000), "InvalidArgument"),
        (lambda w: consume(w, limit=17), "InvalidArgument"),
        (lambda w: consume(w, "no group"), "InvalidArgument"),
        (lambda w: consume(w, wait_seconds=31), "InvalidArgument"),
    ],
)
def test_invalid_rocketmq_requests_are_refused_by_code(play, call, code):
    async def scene(world):
        await topic(world)
        with pytest.raises(RocketMqError) as caught:
            await call(world)
        return caught.value.code

    assert play(scene) == code


@pytest.mark.parametrize(
    ("text", "tags"),
    [("", None), ("*", None), ("a", {"a"}), ("a||b", {"a", "b"}), (" a || b ", {"a", "b"})],
)
def test_tags_are_read(text, tags):
    assert read_tags(text) == tags


def test_properties_are_read():
    text = "KEYS:k|__STARTDELIVERTIME:5|__SHARDINGKEY:s|a:1|"
    assert read_new_message("x", "t", text) == NewMessage(
        body="x", tag="t", keys="k", deliver_at=5, sharding_key="s", properties={"a": "1"}
    )


@pytest.mark.parametrize("text", ["__TransCheckT:10|", "__STARTDELIVERTIME:soon|"])
def test_properties_that_are_not_served_are_refused(text):
    with pytest.raises(RocketMqError, match="InvalidArgument"):
        read_new_message("x", "", text)
