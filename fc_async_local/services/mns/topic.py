# SPDX-License-Identifier: MIT
"""Topics and subscriptions: records, rules, and how they are stored.

Sources of numbers: the MNS pages on topics and subscriptions (docs/reference/sources.md).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from fc_async_local.domain.invocation import Record
from fc_async_local.services import common
from fc_async_local.services.common import check_body, check_range, is_http_url
from fc_async_local.services.mns.model import MESSAGE_BYTES, MnsError, check_name
from fc_async_local.store.protocol import Change, ChangeRefused
from fc_async_sdk.errors import InvalidArn, shorten
from fc_async_sdk.spec import arn
from fc_async_sdk.spec.triggers import Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.services.mns.model import Creation
    from fc_async_local.store.document_cache import DocumentCache

RETENTION_SECONDS: Final = 86_400
"""Seconds that a topic keeps a message that could not be pushed; a constant of the service."""
TAG_CHARACTERS: Final = 16

ContentFormat = Literal["XML", "JSON", "SIMPLIFIED"]
_FORMATS: Final = get_args(ContentFormat)
_STRATEGIES: Final = get_args(Strategy)
_WITHOUT_PATH: Final = re.compile(r"https?://[^/?#]+")


class Topic(Record, frozen=True, kw_only=True):
    """A topic."""

    name: str
    maximum_message_size: int = MESSAGE_BYTES.default
    logging_enabled: bool = False
    created_at: int = 0
    modified_at: int = 0


class Subscription(Record, frozen=True, kw_only=True):
    """A subscription of a user, or a trigger, which its registry stores.

    Attributes:
        endpoint: ``acs:mns:…:queues/{queue}`` or an http(s) URL; of a trigger the function's ARN.
        filter_tag: Tag of the messages to push; "" for all.
        trigger: Function and trigger, as the trigger's history names them; "" for one of a user.
        function: That the trigger invokes.
        qualifier: Of the function.
    """

    topic: str
    name: str
    endpoint: str
    notify_strategy: Strategy = "BACKOFF_RETRY"
    notify_content_format: ContentFormat = "XML"
    filter_tag: str = ""
    trigger: str = ""
    function: str = ""
    qualifier: str = ""
    created_at: int
    modified_at: int

    @property
    def queue(self) -> str | None:
        """The queue that is its endpoint, None for another endpoint."""
        try:
            target = arn.parse(self.endpoint)
        except InvalidArn:
            return None
        return target.queue if isinstance(target, arn.MnsQueueArn) else None

    @property
    def url(self) -> str:
        """The URL of an HTTP endpoint, with the service's default path if it has none."""
        # The service adds this path to an endpoint that has none.
        plain = _WITHOUT_PATH.fullmatch(self.endpoint)
        return f"{self.endpoint}/notifications" if plain else self.endpoint


class Publication(Record, frozen=True, kw_only=True):
    """A message published to a topic."""

    topic: str
    message_id: str
    body: str
    tag: str = ""
    call_path: tuple[str, ...] = ()
    published_at: int


class TopicPush(Record, frozen=True, kw_only=True):
    """A job that pushes a publication to a subscription, or to a trigger if ``function`` is set.

    Attributes:
        subscription: Name of the subscription; of a trigger function and trigger.
    """

    subscription: str
    publication: Publication
    function: bool = False


def check_topic(topic: Topic) -> None:
    """Check a topic.

    Raises:
        MnsError: InvalidArgument.
    """
    check_name(topic.name, kind="Topic")
    check_range("MaximumMessageSize", topic.maximum_message_size, MESSAGE_BYTES, MnsError)


def check_subscription(subscription: Subscription) -> None:
    """Check a subscription.

    Raises:
        MnsError: InvalidArgument, naming the value and what is expected.
    """
    check_name(subscription.name, kind="Subscription")
    _check_tag("FilterTag", subscription.filter_tag)
    _check_choice("NotifyStrategy", subscription.notify_strategy, _STRATEGIES)
    _check_choice("NotifyContentFormat", subscription.notify_content_format, _FORMATS)
    # Refused when it is made: no push to any other endpoint can succeed.
    if subscription.queue is None and not is_http_url(subscription.endpoint):
        raise MnsError(
            "InvalidArgument",
            f"Endpoint={shorten(subscription.endpoint)}: expected "
            "acs:mns:{region}:{account}:queues/{queue} or an http(s) URL",
        )


def check_publication(topic: Topic, publication: Publication) -> None:
    """Check a message for a topic.

    Raises:
        MnsError: InvalidArgument.
    """
    check_body(publication.body, topic.maximum_message_size, MnsError)
    _check_tag("MessageTag", publication.tag)


def _check_tag(field: str, tag: str) -> None:
    if len(tag) > TAG_CHARACTERS:
        raise MnsError(
            "InvalidArgument", f"{field}={shorten(tag)}: at most {TAG_CHARACTERS} characters"
        )


def _check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise MnsError("InvalidArgument", f"{field}={value!r}: one of {', '.join(allowed)}")


_TOPIC: Final = "mns.topic"
_SUBSCRIPTION: Final = "mns.subscription"

_encode: Final = msgspec.json.Encoder().encode
_topic: Final = msgspec.json.Decoder(Topic).decode
_subscription: Final = msgspec.json.Decoder(Subscription).decode
READERS: Final = {_TOPIC: _topic, _SUBSCRIPTION: _subscription}
"""Decoders of documents by kind."""


class TopicDocuments:
    """Create, read, change, delete and list topics and subscriptions."""

    def __init__(self, documents: DocumentCache, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def refresh(self) -> None:
        """Read the changes of other nodes."""
        await self._documents.refresh()

    async def create_topic(self, topic: Topic) -> Creation:
        """Create a topic; an existing one is not changed.

        Raises:
            MnsError: InvalidArgument.
        """
        check_topic(topic)
        now = self._clock.now()
        fresh = msgspec.structs.replace(
            topic,
            created_at=now,
            modified_at=now,
        )
        try:
            await self._documents.write(Change(_TOPIC, topic.name, _encode(fresh), "absent"))
        except ChangeRefused:
            # Creating what exists with equal attributes is a success (MNS, CreateTopic).
            return _compare(self.topic(topic.name), fresh)
        return "created"

    async def ensure_topic(self, name: str) -> None:
        """Create a topic unless it exists; another node may do so at the same time.

        Raises:
            MnsError: InvalidArgument.
        """
        await self.refresh()
        if self._documents.get(_TOPIC, name) is None:
            await self.create_topic(Topic(name=name))

    async def change_topic(self, topic: Topic) -> None:
        """Replace the attributes of a topic."""
        check_topic(topic)
        changed = msgspec.structs.replace(topic, modified_at=self._clock.now())
        await self._documents.write(Change(_TOPIC, topic.name, _encode(changed)))

    def topic(self, name: str) -> Topic:
        """Return a topic.

        Raises:
            MnsError: TopicNotExist.
        """
        body = self._documents.get(_TOPIC, name)
        if body is None:
            message = f"the topic {name!r} does not exist: create it first"
            raise MnsError("TopicNotExist", message)
        return _topic(body)

    def topics(self, *, prefix: str, after: str, limit: int) -> tuple[Sequence[str], str]:
        """Return a page of the names of topics, and the marker of the next page."""
        names = (key for key, _body in self._documents.items(_TOPIC))
        return common.page(
            names,
            prefix=prefix,
            after=after,
            limit=limit,
        )

    async def delete_topic(self, name: str) -> None:
        """Delete a topic and its subscriptions."""
        self.topic(name)
        keys = [key for key, _body in self._subscriptions(name)]
        deletions = [Change(_SUBSCRIPTION, key, None) for key in keys]
        # In one write: a topic of this name that is made later must not find them.
        await self._documents.write(Change(_TOPIC, name, None), *deletions)

    async def subscribe(self, subscription: Subscription) -> Creation:
        """Create a subscription; an existing one is not changed.

        Raises:
            MnsError: TopicNotExist, InvalidArgument.
        """
        self.topic(subscription.topic)
        check_subscription(subscription)
        key = _key(subscription.topic, subscription.name)
        now = self._clock.now()
        fresh = msgspec.structs.replace(
            subscription,
            created_at=now,
            modified_at=now,
        )
        try:
            await self._documents.write(Change(_SUBSCRIPTION, key, _encode(fresh), "absent"))
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
        check_subscription(changed)
        await self._documents.write(Change(_SUBSCRIPTION, _key(topic, name), _encode(changed)))

    def subscription(self, topic: str, name: str) -> Subscription:
        """Return a subscription.

        Raises:
            MnsError: TopicNotExist, SubscriptionNotExist.
        """
        self.topic(topic)
        subscription = self.find_subscription(topic, name)
        if subscription is None:
            message = f"the topic {topic!r} has no subscription {name!r}"
            raise MnsError("SubscriptionNotExist", message)
        return subscription

    def subscriptions(
        self,
        topic: str,
        *,
        prefix: str,
        after: str,
        limit: int,
    ) -> tuple[Sequence[str], str]:
        """Return a page of names of subscriptions, and the marker of the next page."""
        self.topic(topic)
        names = (subscription.name for subscription in self.all_subscriptions(topic))
        return common.page(
            names,
            prefix=prefix,
            after=after,
            limit=limit,
        )

    async def unsubscribe(self, topic: str, name: str) -> None:
        """Delete a subscription; messages that wait to be pushed to it are dropped."""
        self.subscription(topic, name)
        await self._documents.write(Change(_SUBSCRIPTION, _key(topic, name), None))

    def _subscriptions(self, topic: str) -> list[tuple[str, bytes]]:
        return self._documents.items(_SUBSCRIPTION, _key(topic, ""))

    def find_subscription(self, topic: str, name: str) -> Subscription | None:
        """Return a subscription, None if it does not exist."""
        body = self._documents.get(_SUBSCRIPTION, _key(topic, name))
        return None if body is None else _subscription(body)

    def all_subscriptions(self, topic: str) -> list[Subscription]:
        """Return all subscriptions to a topic."""
        return [_subscription(body) for _key, body in self._subscriptions(topic)]


def _key(topic: str, name: str) -> str:
    # No name holds a slash: with name "" this begins the keys of one topic only.
    return f"{topic}/{name}"


def _compare(existing: Topic | Subscription, fresh: Topic | Subscription) -> Creation:
    """Return the result of creating what exists: whether they differ in more than their times."""
    times = {"created_at": existing.created_at, "modified_at": existing.modified_at}
    is_same = msgspec.structs.replace(fresh, **times) == existing
    return "same" if is_same else "different"
