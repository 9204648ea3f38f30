# SPDX-License-Identifier: MIT
"""MNS topics as a service: stores topics and subscriptions, and pushes what is published.

A message for a queue is in that queue before the publisher gets an answer. For other endpoints
there is a durable push job then, with retries. A message that cannot be pushed becomes a dead
event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import TOPIC_PUSH, DeadEvent, InvokeRequest, Job
from fc_async_local.domain.settlement import Settler
from fc_async_local.services import common
from fc_async_local.services.delivery import (
    Again,
    PostFailed,
    Strategy,
    function_arn,
    push_runner,
    queue_arn,
    wait_after,
)
from fc_async_local.services.mns import topic as rules
from fc_async_local.services.mns.errors import MnsError, subscription_missing, topic_missing
from fc_async_local.services.mns.model import Draft, Offer, Record
from fc_async_local.services.mns.topic import (
    Publication,
    Push,
    Subscription,
    Topic,
    TopicAttributes,
)
from fc_async_local.store.protocol import Change, ChangeRefused

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from fc_async_local.services.delivery import FunctionInvoker, Poster, Pushed, TriggerNotes
    from fc_async_local.services.mns.model import Creation
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.store.document_cache import DocumentCache
    from fc_async_local.store.job_runner import JobNode

_TOPIC: Final = "mns.topic"
_SUBSCRIPTION: Final = "mns.subscription"
_UNCHANGED: Final = TopicAttributes()
_HTTP_OK: Final = range(200, 300)

_encode: Final = msgspec.json.Encoder().encode
_topic: Final = msgspec.json.Decoder(Topic).decode
_subscription: Final = msgspec.json.Decoder(Subscription).decode
_push: Final = msgspec.json.Decoder(Push).decode


class FunctionSubscription(Record, frozen=True, kw_only=True):
    """A trigger: invokes a function with a topic's messages. Its registry stores it.

    Attributes:
        key: Function and trigger, as the trigger's history names them.
    """

    topic: str
    name: str
    key: str
    function: str
    qualifier: str
    notify_strategy: Strategy = "BACKOFF_RETRY"
    notify_content_format: rules.ContentFormat = "SIMPLIFIED"
    filter_tag: str = ""


class TopicService:
    """Topics, subscriptions and publishing. Call :meth:`start` before use.

    Args:
        queues: The queues that subscriptions feed.
        kept: Topics and subscriptions.
        poster: Pushes to HTTP endpoints.
        invoker: Invokes functions.
        jobs: Holds what is to be pushed.
        notes: Where it is noted how triggers went.
        random: Selects the waits between tries.
        functions: Returns the triggers of functions as they are now.
    """

    def __init__(
        self,
        queues: MnsService,
        kept: DocumentCache,
        poster: Poster,
        invoker: FunctionInvoker,
        jobs: JobNode,
        *,
        notes: TriggerNotes,
        random: random.Random,
        functions: Callable[[], Sequence[FunctionSubscription]] = tuple,
    ) -> None:
        self._queues = queues
        self.recent: common.Recent[Publication] = common.Recent()
        self._kept = kept
        self._poster = poster
        self._invoker = invoker
        self._notes = notes
        self._jobs = jobs.store
        self._clock = jobs.clock
        self._random = random
        settler = Settler(queues.settings.rules, queues.settings.place)
        self._pushes = push_runner(jobs, TOPIC_PUSH, self._attempt, _describe, settler)
        self.owner = queues.settings.place.account_id
        self._functions = functions

    def start(self) -> None:
        """Start to push, beginning with what an earlier run left."""
        self._pushes.start()

    async def aclose(self) -> None:
        """Stop pushing; the rest is pushed after the next start."""
        await self._pushes.aclose()

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
        """Return how many messages wait to be pushed to subscriptions of a topic."""
        return await self._jobs.jobs_pending(TOPIC_PUSH, self.topic(name).name)

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
        self.recent.add(topic, publication)
        return publication

    def _audience(self, topic: str) -> list[Subscription | FunctionSubscription]:
        users = [_subscription(raw) for _key, raw in self._subscriptions(topic)]
        return [*users, *(function for function in self._functions() if function.topic == topic)]

    async def _hand_over(
        self, audience: Sequence[Subscription | FunctionSubscription], publication: Publication
    ) -> None:
        """Write all messages and push jobs in one transaction."""
        if not audience:
            return
        offers: list[Offer] = []
        pushes: list[Job] = []
        for subscription in audience:
            push = _push_job(subscription, publication)
            queue = _queue_of(subscription)
            if queue is None:
                pushes.append(push)
            else:
                offers.append(Offer(queue, self._queue_draft(subscription, publication), push))
        await self._queues.broadcast(offers, pushes)
        self._pushes.wake()

    def _queue_draft(
        self, subscription: Subscription | FunctionSubscription, publication: Publication
    ) -> Draft:
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
            named = (
                f for f in self._functions() if (f.topic, f.name) == (topic, push.subscription)
            )
            return next(named, None)
        raw = self._kept.get(_SUBSCRIPTION, _key(topic, push.subscription))
        return None if raw is None else _subscription(raw)

    async def _attempt(self, job: Job) -> Pushed:
        push = _push(job.payload)
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
            subscription.notify_strategy, job.tries + 1, roll=self._random.random()
        )
        if seconds is None:
            return self._dead(subscription, push.publication, failure)
        return Again(failure, seconds)

    def _dead(
        self,
        subscription: Subscription | FunctionSubscription,
        publication: Publication,
        failure: str,
    ) -> DeadEvent:
        """Return the dead event of a message that could not be pushed."""
        notification = rules.notification(subscription, publication, owner=self.owner)
        if isinstance(subscription, FunctionSubscription):
            function, qualifier = subscription.function, subscription.qualifier
            destination = function_arn(function, qualifier)
        else:
            function = qualifier = ""
            queue = _queue_of(subscription)
            destination = subscription.endpoint if queue is None else queue_arn(queue)
        return DeadEvent(
            key=f"{publication.message_id}-{publication.topic}-{subscription.name}",
            destination=destination,
            document=notification.content.encode(),
            error=f"topic {publication.topic}, subscription {subscription.name}: {failure}",
            function=function,
            qualifier=qualifier,
            call_path=publication.call_path,
        )

    async def _invoke(self, subscription: FunctionSubscription, publication: Publication) -> str:
        """Invoke a function once; return why it was refused, "" if it was accepted."""
        notification = rules.notification(subscription, publication, owner=self.owner)
        try:
            taken = await self._invoker.invoke_async(
                InvokeRequest(
                    subscription.function,
                    notification.content.encode(),
                    qualifier=subscription.qualifier,
                    call_path=publication.call_path,
                )
            )
        except Rejected as error:
            self._notes.failed(subscription.key, str(error), self._clock.now())
            return str(error)
        self._notes.fired(subscription.key, taken.request_id, self._clock.now())
        return ""

    async def _push(self, subscription: Subscription, publication: Publication) -> str:
        """Push to a subscription once; return the failure, "" if there was none."""
        queue = _queue_of(subscription)
        if queue is not None:
            try:
                await self._queues.send(queue, [self._queue_draft(subscription, publication)])
            except MnsError as error:
                return str(error)
            return ""
        notification = rules.notification(subscription, publication, owner=self.owner)
        try:
            status = await self._poster.post(
                rules.url_of(subscription.endpoint),
                notification.content.encode(),
                {"x-mns-version": "2015-06-06", "x-mns-request-id": common.request_id()}
                | dict(notification.headers),
                timeout_seconds=rules.PUSH_TIMEOUT_SECONDS,
            )
        except PostFailed as error:
            return str(error)
        return "" if status in _HTTP_OK else f"{subscription.endpoint} answered {status}"


def _queue_of(subscription: Subscription | FunctionSubscription) -> str | None:
    """Return the queue that a subscription feeds, None if it feeds none."""
    if isinstance(subscription, FunctionSubscription):
        return None
    return rules.queue_of(subscription.endpoint)


def _push_job(subscription: Subscription | FunctionSubscription, publication: Publication) -> Job:
    is_function = isinstance(subscription, FunctionSubscription)
    push = Push(subscription=subscription.name, publication=publication, function=is_function)
    # No subscription of a user has a slash in its name.
    name = f"trigger/{subscription.name}" if is_function else subscription.name
    return Job(
        kind=TOPIC_PUSH,
        key=f"{publication.message_id}/{name}",
        payload=_encode(push),
        scope=publication.topic,
        created_at=publication.published_at,
        due_at=publication.published_at,
    )


def _describe(job: Job) -> str:
    push = _push(job.payload)
    publication = push.publication
    return (
        f"topic {publication.topic}, subscription {push.subscription}, "
        f"message {publication.message_id}"
    )


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
