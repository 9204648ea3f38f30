# SPDX-License-Identifier: MIT
"""MNS topics on virtual time: subscribers, formats and retries of pushes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from itertools import pairwise

import pytest
from defusedxml.ElementTree import fromstring

from fc_async_local.clock import VirtualClock
from fc_async_local.services.delivery import PostFailed
from fc_async_local.services.mns.model import MnsError, QueueAttributes
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.topic import Subscription, Topic
from fc_async_local.services.mns.topic_service import TopicService
from fc_async_local.settings import Settings
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments, MemoryStore
from fc_async_local.wakeups import Wakeups
from fc_async_tests import service_stores
from fc_async_tests.jobs import push_node
from fc_async_tests.posting import Poster

URL = "http://127.0.0.1:9/hook"


class Invoker:
    """Remembers calls; refuses with ``refusal``."""

    def __init__(self):
        self.calls = []
        self.refusal = None

    async def invoke_async(self, request):
        if self.refusal is not None:
            raise self.refusal
        self.calls.append((request.function, request.qualifier, request.payload, request.call_path))


class World:
    """Queues q and r, topic t, and a poster."""

    def __init__(self, answers=()):
        self.clock = VirtualClock()
        self.poster = Poster(self.clock, answers)
        self.jobs = MemoryStore()
        messages = service_stores.messages(self.jobs)
        self.settings = Settings.of(account_id="42")
        self.queues = MnsService(messages, self.clock, self.settings)
        self.documents = MemoryDocuments()
        self.invoker = Invoker()

    async def open(self):
        node = push_node(
            self.jobs, self.clock, self.settings, invoker=self.invoker, poster=self.poster
        )
        kept = DocumentCache(self.documents, Wakeups(self.clock))
        return TopicService(self.queues, kept, node)

    async def close(self):
        await self.topics.pushes.aclose()

    async def subscribe(self, endpoint=URL, name="s", **fields):
        await self.topics.documents.subscribe(
            Subscription(
                topic="t", name=name, endpoint=endpoint, created_at=0, modified_at=0, **fields
            )
        )

    async def bodies(self, queue="q"):
        return [message.body for message in await self.queues.peek(queue, limit=16)]


@pytest.fixture
def run():
    def runner(body, answers=()):
        async def main():
            world = World(answers)
            world.topics = await world.open()
            world.topics.pushes.start()
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(world.close)
                await world.queues.create_queue("q")
                await world.topics.documents.create_topic(Topic(name="t"))
                return await body(world)

        return asyncio.run(main())

    return runner


def queue(name="q"):
    return f"acs:mns:cn-hangzhou:42:queues/{name}"


def test_a_message_is_in_every_queue_before_publish_returns(run):
    async def body(world):
        await world.queues.create_queue("r")
        await world.subscribe(queue("q"), "a", notify_content_format="SIMPLIFIED")
        await world.subscribe(queue("r"), "b", notify_content_format="SIMPLIFIED")
        await world.topics.publish("t", "x")
        return await world.bodies("q"), await world.bodies("r")

    assert run(body) == (["x"], ["x"])


@pytest.mark.parametrize(("tag", "expected"), [("a", ["x"]), ("b", []), ("", [])])
def test_a_filter_tag_lets_only_its_own_through(run, tag, expected):
    async def body(world):
        await world.subscribe(queue(), filter_tag="a", notify_content_format="SIMPLIFIED")
        await world.topics.publish("t", "x", tag=tag)
        return await world.bodies()

    assert run(body) == expected


def notification(run, **fields):
    async def body(world):
        await world.subscribe(queue(), **fields)
        publication = await world.topics.publish("t", "<héllo> & 中", tag="tag")
        return publication, (await world.bodies())[0]

    return run(body)


EXPECTED = {
    "TopicOwner": "42",
    "TopicName": "t",
    "Subscriber": "42",
    "SubscriptionName": "s",
    "MessageMD5": "DA9D61E64DBEFBCFE7A31DD3A9C2D99C",
    "Message": "<héllo> & 中",
    "PublishTime": "1700000000000",
    "MessageTag": "tag",
}


def test_the_xml_format_is_well_formed_and_whole(run):
    publication, text = notification(run)
    fields = {child.tag.rpartition("}")[2]: child.text for child in fromstring(text)}
    assert fields.pop("MessageId") == publication.message_id
    assert len(fields.pop("MessageMD5")) == 32
    assert fields == {name: value for name, value in EXPECTED.items() if name != "MessageMD5"}


def test_the_json_format_has_the_same_fields(run):
    publication, text = notification(run, notify_content_format="JSON")
    fields = json.loads(text)
    assert fields.pop("MessageId") == publication.message_id
    assert set(fields) == set(EXPECTED)


@pytest.mark.parametrize("endpoint", ["http://[::1", "http://", "http://a b", "http://a:99999"])
def test_an_endpoint_that_is_no_url_is_refused(run, endpoint):
    async def body(world):
        with pytest.raises(MnsError, match=r"expected .* or an http"):
            await world.subscribe(endpoint)

    run(body)


def test_an_http_endpoint_without_a_path_gets_the_default_one(run):
    async def body(world):
        await world.subscribe("http://127.0.0.1:9", notify_content_format="SIMPLIFIED")
        publication = await world.topics.publish("t", "x", tag="tag")
        await world.clock.advance(0)
        return publication, world.poster.posts

    publication, ((_, url, text, headers),) = run(body)
    assert (url, text) == ("http://127.0.0.1:9/notifications", "x")
    assert headers["x-mns-message-id"] == publication.message_id
    assert headers["x-mns-message-tag"] == "tag"


def seconds_between(posts):
    times = [at for at, *_ in posts]
    return [(later - earlier) / 1_000 for earlier, later in pairwise(times)]


def test_backoff_retry_is_three_retries_ten_to_twenty_seconds_apart(run, caplog):
    async def body(world):
        await world.subscribe()
        await world.topics.publish("t", "x")
        await world.clock.advance(3_600_000)
        return seconds_between(world.poster.posts), await world.topics.waiting("t")

    waits, waiting = run(body, [503] * 99)
    assert len(waits) == 3
    assert all(10 <= wait <= 20 for wait in waits)
    assert waiting == 0
    assert "given up" in caplog.text


def test_exponential_decay_retry_goes_on_for_a_day(run):
    async def body(world):
        await world.subscribe(notify_strategy="EXPONENTIAL_DECAY_RETRY")
        await world.topics.publish("t", "x")
        await world.clock.advance(2 * 86_400_000)
        return seconds_between(world.poster.posts)

    waits = run(body, [PostFailed("down")] * 999)
    assert waits[:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]
    assert len(waits) == 176
    assert 86_000 < sum(waits) < 87_000


def test_a_push_that_succeeds_is_not_repeated(run):
    async def body(world):
        await world.subscribe()
        await world.topics.publish("t", "x")
        await world.clock.advance(86_400_000)
        return [status for status, *_ in world.poster.posts], await world.topics.waiting("t")

    posts, waiting = run(body, [500, PostFailed("down"), 200])
    assert len(posts) == 3
    assert waiting == 0


def test_a_missing_queue_gets_its_message_once_it_is_there(run):
    async def body(world):
        await world.subscribe(queue("late"), notify_content_format="SIMPLIFIED")
        await world.topics.publish("t", "x")
        await world.clock.advance(0)
        waiting = await world.topics.waiting("t")
        await world.queues.create_queue("late")
        await world.clock.advance(20_000)
        return waiting, await world.bodies("late")

    assert run(body) == (1, ["x"])


def test_pushes_of_a_topic_go_on_after_a_restart(run):
    async def body(world):
        await world.subscribe()
        await world.topics.publish("t", "x")
        await world.clock.advance(0)
        await world.topics.pushes.aclose()
        world.topics = await world.open()
        world.topics.pushes.start()
        await world.clock.advance(20_000)
        return len(world.poster.posts)

    assert run(body, [503]) == 2


def test_nothing_is_pushed_to_a_deleted_subscription(run):
    async def body(world):
        await world.subscribe()
        await world.topics.publish("t", "x")
        await world.clock.advance(0)
        await world.topics.documents.unsubscribe("t", "s")
        await world.clock.advance(60_000)
        return len(world.poster.posts)

    assert run(body, [503]) == 1


def test_a_message_that_fills_the_topic_fits_into_the_queue_with_its_envelope(run):
    async def body(world):
        await world.queues.create_queue("small", QueueAttributes(maximum_message_size=65_536))
        await world.subscribe(queue("small"))
        await world.topics.publish("t", "x" * 65_536)
        return len((await world.bodies("small"))[0])

    assert run(body) > 65_536


def test_deleting_a_topic_takes_its_subscriptions_along(run):
    async def body(world):
        await world.subscribe()
        await world.topics.documents.delete_topic("t")
        await world.topics.documents.create_topic(Topic(name="t"))
        return world.topics.documents.subscriptions("t", prefix="", after="", limit=9)

    assert run(body) == ([], "")


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda world: world.topics.publish("none", "x"), "TopicNotExist"),
        (lambda world: world.topics.publish("t", ""), "InvalidArgument"),
        (lambda world: world.topics.publish("t", "x" * 65_537), "InvalidArgument"),
        (lambda world: world.topics.publish("t", "x", tag="t" * 17), "InvalidArgument"),
        (lambda world: world.subscribe("mail:someone@example.com"), "InvalidArgument"),
        (lambda world: world.subscribe(notify_strategy="NEVER"), "InvalidArgument"),
        (lambda world: world.subscribe(notify_content_format="YAML"), "InvalidArgument"),
        (lambda world: world.subscribe(name="no/name"), "InvalidArgument"),
        (lambda world: world.topics.documents.unsubscribe("t", "none"), "SubscriptionNotExist"),
        (lambda world: world.topics.documents.create_topic(Topic(name="-")), "InvalidArgument"),
        (
            lambda world: world.topics.documents.create_topic(
                Topic(name="u", maximum_message_size=1)
            ),
            "InvalidArgument",
        ),
    ],
)
def test_invalid_topic_requests_are_refused_by_code(run, call, code):
    async def body(world):
        with pytest.raises(MnsError) as caught:
            await call(world)
        return caught.value.code

    assert run(body) == code
