# SPDX-License-Identifier: MIT
"""Topics and their subscriptions, as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services import common
from fc_async_local.services.mns import topic as rules
from fc_async_local.services.mns.model import MnsError
from fc_async_local.services.mns.topic import Subscription, Topic
from fc_async_local.store.protocol import Change, ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.services.mns.model import Creation
    from fc_async_local.store.document_cache import DocumentCache

_TOPIC: Final = "mns.topic"
_SUBSCRIPTION: Final = "mns.subscription"

_encode: Final = msgspec.json.Encoder().encode
_topic: Final = msgspec.json.Decoder(Topic).decode
_subscription: Final = msgspec.json.Decoder(Subscription).decode


class TopicDocuments:
    """Create, read, change, delete and list topics and subscriptions."""

    def __init__(self, kept: DocumentCache, clock: Clock) -> None:
        self._kept = kept
        self._clock = clock

    async def refresh(self) -> None:
        """Read the changes of other nodes."""
        await self._kept.refresh()

    async def create_topic(self, topic: Topic) -> Creation:
        """Create a topic; an existing one is not changed.

        Raises:
            MnsError: InvalidArgument.
        """
        rules.check_topic(topic)
        now = self._clock.now()
        fresh = msgspec.structs.replace(topic, created_at=now, modified_at=now)
        try:
            await self._kept.write(Change(_TOPIC, topic.name, _encode(fresh), "absent"))
        except ChangeRefused:
            return _compare(self.topic(topic.name), fresh)
        return "created"

    async def ensure_topic(self, name: str) -> None:
        """Create a topic unless it exists; another node may do so at the same time.

        Raises:
            MnsError: InvalidArgument.
        """
        await self.refresh()
        if self._kept.get(_TOPIC, name) is None:
            await self.create_topic(Topic(name=name))

    async def change_topic(self, topic: Topic) -> None:
        """Replace the attributes of a topic."""
        rules.check_topic(topic)
        changed = msgspec.structs.replace(topic, modified_at=self._clock.now())
        await self._kept.write(Change(_TOPIC, topic.name, _encode(changed)))

    def topic(self, name: str) -> Topic:
        """Return a topic.

        Raises:
            MnsError: TopicNotExist.
        """
        body = self._kept.get(_TOPIC, name)
        if body is None:
            message = f"the topic {name!r} does not exist: create it first"
            raise MnsError("TopicNotExist", message)
        return _topic(body)

    def topics(self, *, prefix: str, after: str, limit: int) -> tuple[Sequence[str], str]:
        """Return a page of the names of topics, and the marker of the next page."""
        names = (key for key, _body in self._kept.items(_TOPIC))
        return common.page(names, prefix=prefix, after=after, limit=limit)

    async def delete_topic(self, name: str) -> None:
        """Delete a topic and its subscriptions."""
        self.topic(name)
        gone = [Change(_SUBSCRIPTION, key, None) for key, _ in self._subscriptions(name)]
        await self._kept.write(Change(_TOPIC, name, None), *gone)

    async def subscribe(self, subscription: Subscription) -> Creation:
        """Create a subscription; an existing one is not changed.

        Raises:
            MnsError: TopicNotExist, InvalidArgument.
        """
        self.topic(subscription.topic)
        rules.check_subscription(subscription)
        key = _key(subscription.topic, subscription.name)
        now = self._clock.now()
        fresh = msgspec.structs.replace(subscription, created_at=now, modified_at=now)
        try:
            await self._kept.write(Change(_SUBSCRIPTION, key, _encode(fresh), "absent"))
        except ChangeRefused:
            return _compare(self.subscription(subscription.topic, subscription.name), fresh)
        return "created"

    async def change_subscription(self, topic: str, name: str, strategy: str) -> None:
        """Change the retry strategy, the only attribute that can be changed."""
        changed = msgspec.structs.replace(
            self.subscription(topic, name),
            notify_strategy=strategy,
            modified_at=self._clock.now(),
        )
        rules.check_subscription(changed)
        await self._kept.write(Change(_SUBSCRIPTION, _key(topic, name), _encode(changed)))

    def subscription(self, topic: str, name: str) -> Subscription:
        """Return a subscription.

        Raises:
            MnsError: TopicNotExist, SubscriptionNotExist.
        """
        self.topic(topic)
        found = self.find_subscription(topic, name)
        if found is None:
            message = f"the topic {topic!r} has no subscription {name!r}"
            raise MnsError("SubscriptionNotExist", message)
        return found

    def subscriptions(
        self, topic: str, *, prefix: str, after: str, limit: int
    ) -> tuple[Sequence[str], str]:
        """Return a page of names of subscriptions, and the marker of the next page."""
        self.topic(topic)
        names = (subscription.name for subscription in self.all_subscriptions(topic))
        return common.page(names, prefix=prefix, after=after, limit=limit)

    async def unsubscribe(self, topic: str, name: str) -> None:
        """Delete a subscription; messages that wait to be pushed to it are dropped."""
        self.subscription(topic, name)
        await self._kept.write(Change(_SUBSCRIPTION, _key(topic, name), None))

    def _subscriptions(self, topic: str) -> list[tuple[str, bytes]]:
        return self._kept.items(_SUBSCRIPTION, _key(topic, ""))

    def find_subscription(self, topic: str, name: str) -> Subscription | None:
        """Return a subscription, None if it does not exist."""
        body = self._kept.get(_SUBSCRIPTION, _key(topic, name))
        return None if body is None else _subscription(body)

    def all_subscriptions(self, topic: str) -> list[Subscription]:
        """Return all subscriptions to a topic."""
        return [_subscription(body) for _key, body in self._subscriptions(topic)]


def _key(topic: str, name: str) -> str:
    return f"{topic}/{name}"


def _compare(existing: Topic | Subscription, fresh: Topic | Subscription) -> Creation:
    """Return the result of creating what exists: whether they differ in more than their times."""
    times = {"created_at": existing.created_at, "modified_at": existing.modified_at}
    return "same" if msgspec.structs.replace(fresh, **times) == existing else "different"
