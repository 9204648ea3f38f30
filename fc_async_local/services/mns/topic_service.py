# SPDX-License-Identifier: MIT
"""MNS topics as a service: stores topics and subscriptions, and pushes what is published.

A message for a queue is in that queue before the publisher gets an answer. For other endpoints
there is a durable push job then, with retries. A message that cannot be pushed becomes a dead
event.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.domain.invocation import DeadEvent, InvokeRequest
from fc_async_local.domain.rejection import Rejected
from fc_async_local.services import common
from fc_async_local.services.delivery import (
    PostFailed,
    Strategy,
    function_arn,
    queue_arn,
    wait_after,
)
from fc_async_local.services.mns import topic as rules
from fc_async_local.services.mns.errors import MnsError, subscription_missing, topic_missing
from fc_async_local.services.mns.model import Draft, Record
from fc_async_local.services.mns.topic import (
    Publication,
    Push,
    Subscription,
    Topic,
    TopicAttributes,
)
from fc_async_local.services.pushing import Pusher
from fc_async_local.store.protocol import Change, ChangeRefused

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.services.delivery import FunctionInvoker, Poster
    from fc_async_local.services.mns.model import Creation, Message
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.store import MessageStore
    from fc_async_local.store.document_cache import DocumentCache

_LOG: Final = logging.getLogger(__name__)
_TOPIC: Final = "mns.topic"
_SUBSCRIPTION: Final = "mns.subscription"
_UNCHANGED: Final = TopicAttributes()
_HTTP_OK: Final = range(200, 300)

_encode: Final = msgspec.json.Encoder().encode
_topic: Final = msgspec.json.Decoder(Topic).decode
_subscription: Final = msgspec.json.Decoder(Subscription).decode
_push: Final = msgspec.json.Decoder(Push).decode


class FunctionSubscription(Record, frozen=True, kw_only=True):
    """A trigger: invokes a function with a topic's messages. Its registry stores it."""

    topic: str
    name: str
    function: str
    qualifier: str
    notify_strategy: Strategy = "BACKOFF_RETRY"
    notify_content_format: rules.ContentFormat = "SIMPLIFIED"
    filter_tag: str = ""


class TopicService:
    """Topics, subscriptions and publishing. Call :meth:`start` before use."""

    def __init__(
        self,
        queues: MnsService,
        store: MessageStore,
        kept: DocumentCache,
        poster: Poster,
        invoker: FunctionInvoker,
        *,
        clock: Clock,
        random: random.Random,
        survey_ms: int | None = None,
    ) -> None:
        self._queues = queues
        self._store = store
        self._kept = kept
        self._poster = poster
        self._invoker = invoker
        self._clock = clock
        self._random = random
        self._pusher = Pusher(store, clock, "topics", self._attempt, survey_ms)
        self.owner = queues.settings.place.account_id
        self.functions: Sequence[FunctionSubscription] = ()
        """Triggers of functions; stored by their registry."""

    async def start(self) -> None:
        """Start to push, beginning with what an earlier run left."""
        await self._pusher.start()

    async def aclose(self) -> None:
        """Stop pushing; the rest is pushed after the next start."""
        await self._pusher.aclose()

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
            raise topic_missing(name)
        return _topic(body)

    async def waiting(self, name: str) -> int:
        """Return how many messages of a topic wait to be pushed."""
        counts = await self._store.counts(
            self._pusher.queue, now=self._clock.now(), group_id=self.topic(name).name
        )
        return sum(counts)

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
        body = self._kept.get(_SUBSCRIPTION, _key(topic, name))
        if body is None:
            raise subscription_missing(topic, name)
        return _subscription(body)

    def subscriptions(
        self, topic: str, *, prefix: str, after: str, limit: int
    ) -> tuple[Sequence[str], str]:
        """Return a page of names of subscriptions, and the marker of the next page."""
        self.topic(topic)
        names = (_subscription(body).name for _key, body in self._subscriptions(topic))
        return common.page(names, prefix=prefix, after=after, limit=limit)

    async def unsubscribe(self, topic: str, name: str) -> None:
        """Delete a subscription; messages that wait to be pushed to it are dropped."""
        self.subscription(topic, name)
        await self._kept.write(Change(_SUBSCRIPTION, _key(topic, name), None))

    async def publish(
        self, topic: str, body: str, *, tag: str = "", call_path: tuple[str, ...] = ()
    ) -> Publication:
        """Publish a message; return when it is durable for every subscription.

        Raises:
            MnsError: TopicNotExist, InvalidArgument.
        """
        await self.refresh()
        publication = Publication(
            topic=topic,
            message_id=common.message_id(),
            body=body,
            tag=tag,
            call_path=call_path,
            published_at=self._clock.now(),
        )
        rules.check_publication(self.topic(topic), publication)
        audience = [
            subscription
            for subscription in self._audience(topic)
            if rules.wants(subscription, publication)
        ]
        await self._hand_over(audience, publication)
        return publication

    def _audience(self, topic: str) -> list[Subscription | FunctionSubscription]:
        users = [_subscription(raw) for _key, raw in self._subscriptions(topic)]
        return [*users, *(function for function in self.functions if function.topic == topic)]

    async def _hand_over(
        self, audience: Sequence[Subscription | FunctionSubscription], publication: Publication
    ) -> None:
        """Write all messages in one transaction; then push jobs for those that queues refused."""
        if not audience:
            return
        first = [self._first(subscription, publication) for subscription in audience]
        refusals = await self._queues.broadcast(first)
        again = [
            self._duty(subscription, publication)
            for subscription, refusal in zip(audience, refusals, strict=True)
            if refusal is not None
        ]
        if again:
            await self._queues.broadcast(again)
        self._pusher.wake()

    def _first(
        self, subscription: Subscription | FunctionSubscription, publication: Publication
    ) -> tuple[str, Draft]:
        if isinstance(subscription, Subscription):
            queue = rules.queue_of(subscription.endpoint)
            if queue is not None:
                return queue, self._queue_draft(subscription, publication)
        return self._duty(subscription, publication)

    def _duty(
        self, subscription: Subscription | FunctionSubscription, publication: Publication
    ) -> tuple[str, Draft]:
        push = Push(
            subscription=subscription.name,
            publication=publication,
            function=isinstance(subscription, FunctionSubscription),
        )
        return self._pusher.duty(
            publication.message_id, _encode(push).decode(), owner=publication.topic
        )

    def _queue_draft(self, subscription: Subscription, publication: Publication) -> Draft:
        content = rules.notification(subscription, publication, owner=self.owner).content
        wrapped = len(content.encode()) - len(publication.body.encode())
        return Draft(
            message_id=common.message_id(),
            body=content,
            envelope_bytes=max(wrapped, 0),
            call_path=publication.call_path,
        )

    def _subscriptions(self, topic: str) -> list[tuple[str, bytes]]:
        return self._kept.items(_SUBSCRIPTION, _key(topic, ""))

    def _find(self, push: Push) -> Subscription | FunctionSubscription | None:
        topic = push.publication.topic
        if push.function:
            named = (f for f in self.functions if (f.topic, f.name) == (topic, push.subscription))
            return next(named, None)
        raw = self._kept.get(_SUBSCRIPTION, _key(topic, push.subscription))
        return None if raw is None else _subscription(raw)

    async def _attempt(self, message: Message) -> float | None:
        push = _push(message.body)
        await self.refresh()
        subscription = self._find(push)
        if subscription is None:
            return None  # the subscription was deleted
        if isinstance(subscription, FunctionSubscription):
            failure = await self._invoke(subscription, push.publication)
        else:
            failure = await self._push(subscription, push.publication)
        if not failure:
            return None
        seconds = wait_after(
            subscription.notify_strategy, message.dequeue_count, roll=self._random.random()
        )
        _LOG.log(
            logging.WARNING if seconds is None else logging.INFO,
            "topic %s, subscription %s, message %s: %s; %s",
            push.publication.topic,
            subscription.name,
            push.publication.message_id,
            failure,
            "given up" if seconds is None else f"next try in {seconds:.0f} s",
        )
        if seconds is None:
            await self._invoker.keep_dead(self._dead(subscription, push.publication, failure))
        return seconds

    def _dead(
        self,
        subscription: Subscription | FunctionSubscription,
        publication: Publication,
        failure: str,
    ) -> DeadEvent:
        """Return the dead event of a message that could not be pushed."""
        told = rules.notification(subscription, publication, owner=self.owner)
        if isinstance(subscription, FunctionSubscription):
            function, qualifier = subscription.function, subscription.qualifier
            destination = function_arn(function, qualifier)
        else:
            function = qualifier = ""
            queue = rules.queue_of(subscription.endpoint)
            destination = subscription.endpoint if queue is None else queue_arn(queue)
        return DeadEvent(
            key=f"{publication.message_id}-{publication.topic}-{subscription.name}",
            destination=destination,
            document=told.content.encode(),
            error=f"topic {publication.topic}, subscription {subscription.name}: {failure}",
            function=function,
            qualifier=qualifier,
            call_path=publication.call_path,
        )

    async def _invoke(self, subscription: FunctionSubscription, publication: Publication) -> str:
        """Invoke a function once; return why it was refused, "" if it was accepted."""
        told = rules.notification(subscription, publication, owner=self.owner)
        try:
            await self._invoker.invoke_async(
                InvokeRequest(
                    subscription.function,
                    told.content.encode(),
                    qualifier=subscription.qualifier,
                    call_path=publication.call_path,
                )
            )
        except Rejected as error:
            return str(error)
        return ""

    async def _push(self, subscription: Subscription, publication: Publication) -> str:
        """Push to a subscription once; return the failure, "" if there was none."""
        queue = rules.queue_of(subscription.endpoint)
        if queue is not None:
            try:
                await self._queues.send(queue, [self._queue_draft(subscription, publication)])
            except MnsError as error:
                return str(error)
            return ""
        told = rules.notification(subscription, publication, owner=self.owner)
        try:
            status = await self._poster.post(
                rules.url_of(subscription.endpoint),
                told.content.encode(),
                {"x-mns-version": "2015-06-06", "x-mns-request-id": common.request_id()}
                | dict(told.headers),
                timeout_seconds=rules.PUSH_TIMEOUT_SECONDS,
            )
        except PostFailed as error:
            return str(error)
        return "" if status in _HTTP_OK else f"{subscription.endpoint} answered {status}"


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
