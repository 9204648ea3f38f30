# SPDX-License-Identifier: MIT
"""MNS topics as a service: pushes what is published to subscriptions.

A message for a queue is in that queue before the publisher gets an answer. For other endpoints
there is a durable push job then, with retries. A message that cannot be pushed becomes a dead
event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import TOPIC_PUSH, DeadEvent, InvokeRequest, Job
from fc_async_local.services import common
from fc_async_local.services.delivery import (
    HTTP_OK,
    PostFailed,
    queue_arn,
)
from fc_async_local.services.mns import wire
from fc_async_local.services.mns.model import Draft, MnsError, Offer
from fc_async_local.services.mns.topic import (
    Publication,
    TopicDocuments,
    TopicPush,
    check_publication,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_local.services.delivery import Pushed, PushNode
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.topic import Subscription
    from fc_async_local.services.mns.wire import Notification
    from fc_async_local.store.document_cache import DocumentCache

_encode: Final = msgspec.json.Encoder().encode
read_push: Final = msgspec.json.Decoder(TopicPush).decode


class TopicService:
    """Publishes to topics. Start :attr:`pushes` before use.

    Args:
        queues: The queues that subscriptions feed.
        documents: Topics and subscriptions.
        node: Pushes to functions and HTTP endpoints.
        bound: Returns the triggers of functions as they are now.

    Attributes:
        documents: Topics and subscriptions.
        recent: The newest messages of each topic.
        owner: The account.
        pushes: Pushes messages to subscriptions, also those of an earlier run.
    """

    def __init__(
        self,
        queues: MnsService,
        documents: DocumentCache,
        node: PushNode,
        *,
        bound: Callable[[], Sequence[Subscription]] = tuple,
    ) -> None:
        self._queues = queues
        self.recent: common.Recent[Publication] = common.Recent()
        self.documents = TopicDocuments(documents, node.clock)
        self._node = node
        self._clock = node.clock
        self.pushes = node.runner(TOPIC_PUSH, self._attempt, _describe)
        self.owner = queues.settings.account.account_id
        self._bound = bound

    async def waiting(self, name: str) -> int:
        """Return how many messages wait to be pushed to subscriptions of a topic."""
        return await self._node.store.jobs_pending(TOPIC_PUSH, self.documents.topic(name).name)

    async def publish(
        self,
        topic: str,
        body: str,
        *,
        tag: str = "",
        call_path: tuple[str, ...] = (),
    ) -> Publication:
        """Publish a message; return when it is durable for every subscription.

        Raises:
            MnsError: TopicNotExist, InvalidArgument.
        """
        await self.documents.refresh()
        publication = Publication(
            topic=topic,
            message_id=common.message_id(),
            body=body,
            tag=tag,
            call_path=call_path,
            published_at=self._clock.now(),
        )
        check_publication(self.documents.topic(topic), publication)
        everyone = self._audience(topic)
        audience = [receiver for receiver in everyone if receiver.filter_tag in ("", tag)]
        # Before it is acknowledged, so that no subscription misses a message that its publisher
        # believes sent.
        await self._hand_over(audience, publication)
        self.recent.add(topic, publication)
        return publication

    def _audience(self, topic: str) -> list[Subscription]:
        users = self.documents.all_subscriptions(topic)
        triggers = [trigger for trigger in self._bound() if trigger.topic == topic]
        return [*users, *triggers]

    async def _hand_over(self, audience: Sequence[Subscription], publication: Publication) -> None:
        """Write all messages and push jobs in one transaction."""
        # A transaction without rows would cost a flush all the same.
        if not audience:
            return
        offers: list[Offer] = []
        pushes: list[Job] = []
        for subscription in audience:
            push = _push_job(subscription, publication)
            queue = subscription.queue
            if queue is None:
                pushes.append(push)
            else:
                offers.append(Offer(queue, self._queue_draft(subscription, publication), push))
        await self._queues.broadcast(offers, pushes)
        self.pushes.wake()

    def _notification(self, subscription: Subscription, publication: Publication) -> Notification:
        return wire.notification(subscription, publication, owner=self.owner)

    def _queue_draft(self, subscription: Subscription, publication: Publication) -> Draft:
        content = self._notification(subscription, publication).content
        # The limit is one of the publisher's message: what the topic adds must not make a queue
        # refuse it.
        wrapped = len(content.encode()) - len(publication.body.encode())
        return Draft(
            message_id=common.message_id(),
            body=content,
            envelope_bytes=max(wrapped, 0),
            call_path=publication.call_path,
        )

    def _find(self, push: TopicPush) -> Subscription | None:
        topic = push.publication.topic
        if not push.function:
            return self.documents.find_subscription(topic, push.subscription)
        for trigger in self._bound():
            # Jobs of earlier versions have the name of the subscription. Two triggers can have the
            # same one: function a-b with trigger c, and function a with trigger b-c.
            names = (trigger.trigger, trigger.name)
            if trigger.topic == topic and push.subscription in names:
                return trigger
        return None

    async def _attempt(self, job: Job) -> Pushed:
        push = read_push(job.payload)
        await self.documents.refresh()
        subscription = self._find(push)
        if subscription is None:
            return None  # the subscription was deleted
        if subscription.trigger:
            failure = await self._invoke(subscription, push.publication)
        else:
            failure = await self._push(subscription, push.publication)
        if not failure:
            return None
        again = self._node.again(subscription.notify_strategy, job.tries + 1, failure)
        return again or self._dead(job, subscription, failure)

    def _dead(self, job: Job, subscription: Subscription, failure: str) -> DeadEvent:
        """Return the dead event of a message that could not be pushed."""
        publication = read_push(job.payload).publication
        notification = self._notification(subscription, publication)
        queue = subscription.queue
        return DeadEvent(
            key=job.key.replace("/", "."),  # it is part of a URL when the event is redriven
            destination=subscription.endpoint if queue is None else queue_arn(queue),
            document=notification.content.encode(),
            error=f"topic {publication.topic}, subscription {subscription.name}: {failure}",
            function=subscription.function,
            qualifier=subscription.qualifier,
            call_path=publication.call_path,
        )

    async def _invoke(self, subscription: Subscription, publication: Publication) -> str:
        """Invoke a function once; return why it was refused, "" if it was accepted."""
        notification = self._notification(subscription, publication)
        try:
            taken = await self._node.invoker.invoke_async(
                InvokeRequest(
                    subscription.function,
                    notification.content.encode(),
                    qualifier=subscription.qualifier,
                    call_path=publication.call_path,
                )
            )
        except Rejected as error:
            self._node.log.failed(subscription.trigger, str(error), self._clock.now())
            return str(error)
        self._node.log.fired(subscription.trigger, taken.request_id, self._clock.now())
        return ""

    async def _push(self, subscription: Subscription, publication: Publication) -> str:
        """TopicPush to a subscription once; return the failure, "" if there was none."""
        queue = subscription.queue
        if queue is not None:
            try:
                await self._queues.send(queue, [self._queue_draft(subscription, publication)])
            except MnsError as error:
                return str(error)
            return ""
        notification = self._notification(subscription, publication)
        headers = {
            "x-mns-version": "2015-06-06",
            "x-mns-request-id": common.request_id(),
            **notification.headers,
        }
        try:
            status = await self._node.poster.post(
                subscription.url, notification.content.encode(), headers
            )
        except PostFailed as error:
            return str(error)
        if status in HTTP_OK:
            return ""
        return f"{subscription.endpoint} answered {status}"


def _push_job(subscription: Subscription, publication: Publication) -> Job:
    # A trigger has a slash in its name; subscriptions of users have none.
    name = subscription.trigger or subscription.name
    push = TopicPush(
        subscription=name,
        publication=publication,
        function=bool(subscription.trigger),
    )
    return Job(
        kind=TOPIC_PUSH,
        key=f"{publication.message_id}/{name}",
        payload=_encode(push),
        scope=publication.topic,
        created_at=publication.published_at,
        due_at=publication.published_at,
    )


def _describe(job: Job) -> str:
    push = read_push(job.payload)
    publication = push.publication
    return (
        f"topic {publication.topic}, subscription {push.subscription}, "
        f"message {publication.message_id}"
    )
