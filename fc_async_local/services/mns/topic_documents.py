# SPDX-License-Identifier: MIT
"""Topics and their subscriptions, as they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services import common
from fc_async_local.services.mns import topic as rules
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.topic import Subscription, Topic, TopicAttributes
from fc_async_local.store.protocol import Change, ChangeRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.services.mns.model import Creation
    from fc_async_local.store.document_cache import DocumentCache

_TOPIC: Final = "mns.topic"
_SUBSCRIPTION: Final = "mns.subscription"
_UNCHANGED: Final = TopicAttributes()

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

    async def create_topic(self, name: str, attributes: TopicAttributes = _UNCHANGED) -> Creation:
        """Create a topic; an existing one is not changed.

        Raises:
            MnsError: InvalidArgument.
        """
        now = self._clock.now()
        topic = Topic(name=name, created_at=now, modified_at=now)
        topic = _changed(topic, attributes, now)
        rules.check_topic(topic)
        try:
            await self._kept.write(Change(_TOPIC, name, _encode(topic), "absent"))
        except ChangeRefused:
            existing = self.topic(name)
            alike = _attributes(existing) == _attributes(topic)
            return "same" if alike else "different"
        return "created"

    async def ensure_topic(self, name: str) -> None:
        """Create a topic unless it exists; another node may do so at the same time.

        Raises:
            MnsError: InvalidArgument.
        """
        await self.refresh()
        if self._kept.get(_TOPIC, name) is None:
            await self.create_topic(name)

    async def change_topic(self, name: str, attributes: TopicAttributes) -> None:
        """Change the attributes of a topic that are not None."""
        now = self._clock.now()
        topic = _changed(self.topic(name), attributes, now)
        rules.check_topic(topic)
        await self._kept.write(Change(_TOPIC, name, _encode(topic)))

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
            existing = self.subscription(subscription.topic, subscription.name)
            same = msgspec.structs.replace(
                fresh, created_at=existing.created_at, modified_at=existing.modified_at
            )
            return "same" if same == existing else "different"
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


def _attributes(topic: Topic) -> tuple[int, bool]:
    return topic.maximum_message_size, topic.logging_enabled


def _changed(topic: Topic, attributes: TopicAttributes, now: int) -> Topic:
    size, logs = attributes
    return msgspec.structs.replace(
        topic,
        maximum_message_size=topic.maximum_message_size if size is None else size,
        logging_enabled=topic.logging_enabled if logs is None else logs,
        modified_at=now,
    )
