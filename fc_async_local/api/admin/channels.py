# SPDX-License-Identifier: MIT
"""Queues, topics and buses with their messages: look, send, purge.

A queue and a topic of RocketMQ keep messages. A topic of MNS and a bus hand theirs on: the latest
ones since the start are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.api.operation import Query, local
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.functions import refusals
from fc_async_sdk import events
from fc_async_sdk.admin import models
from fc_async_sdk.errors import FcAsyncError, InvalidEvent
from fc_async_sdk.fanout.origin import sends_failures_to
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_local.destinations.adapter import ChannelAdapter, ShownMessage
    from fc_async_local.functions.async_configs import AsyncConfigs
    from fc_async_local.services.delivery import FunctionInvoker
    from fc_async_sdk.spec.arn import DestinationArn

_DUPLICATE: Final = 409


class ChannelQuery(Query, frozen=True, kw_only=True):
    """The name of a channel, and for RocketMQ of its instance."""

    name: str = ""
    instance: str = ""


class ChannelAdmin:
    """Queues, topics and buses, as the console shows them.

    Args:
        channels: The kinds of destinations that have messages.
        invoker: Runs functions.
        configs: Says whose failed events a channel gets.
    """

    def __init__(
        self,
        channels: Iterable[ChannelAdapter[Any, Any]],
        invoker: FunctionInvoker,
        configs: AsyncConfigs,
    ) -> None:
        self._invoker = invoker
        self._configs = configs
        self._channels = {channel.channel: channel for channel in channels}

    @local("GET", "/channels")
    async def channels(self) -> models.Channels:
        """List all queues, topics and buses with the numbers of their messages."""
        return models.Channels(
            channels=[
                models.Channel(kind=kind, label=KINDS[channel.kind].label, **entry._asdict())
                for kind, channel in self._channels.items()
                for entry in await channel.entries()
            ]
        )

    @local("PUT", "/channels/{kind}")
    async def create(self, kind: str, query: ChannelQuery) -> None:
        """Create a queue, topic or bus, unless it exists."""
        channel, target = self._find(kind, query)
        await channel.create(target)

    @local("GET", "/channels/{kind}/messages")
    async def messages(self, kind: str, query: ChannelQuery) -> models.Messages:
        """Return messages without receiving them."""
        channel, target = self._find(kind, query)
        return models.Messages(
            messages=[_described(message) for message in await channel.peek(target)]
        )

    @local("POST", "/channels/{kind}/messages")
    async def send(self, kind: str, query: ChannelQuery, body: models.SendMessage) -> models.Sent:
        """Send a message."""
        channel, target = self._find(kind, query)
        sent = await channel.send(target, body.body, tag=body.tag, keys=body.keys)
        return models.Sent(message_id=sent)

    @local("DELETE", "/channels/{kind}/messages")
    async def purge(self, kind: str, query: ChannelQuery) -> models.Purged:
        """Delete all messages for good."""
        channel, target = self._find(kind, query)
        return models.Purged(purged=await channel.purge(target))

    @local("POST", "/channels/{kind}/messages/replay")
    async def replay(
        self, kind: str, query: ChannelQuery, body: models.ReplayMessages
    ) -> models.MessagesReplayed:
        """Call the functions again whose failed events are in messages, and delete these messages.

        Task ids are those of ``fc-async events replay``. A message says which function it is of:
        one whose failure destination is another one is refused.
        """
        channel, target = self._find(kind, query)
        accepted: dict[str, bool] = {}
        refused: dict[str, str] = {}
        for message in await channel.peek(target):
            if message.id in body.ids:
                try:
                    accepted[message.id] = await self._replay(message, target)
                except (FcAsyncError, Rejected) as error:
                    refused[message.id] = str(error)
        # After they were accepted: what a crash in between leaves has the same id when it is sent
        # again, and is recognised.
        if accepted:
            await channel.remove(target, accepted)
        return models.MessagesReplayed(
            accepted=len(accepted),
            before=sum(accepted.values()),
            refused=refused,
        )

    async def _replay(self, message: ShownMessage, target: DestinationArn) -> bool:
        """Send a failed event again; return whether an earlier replay had sent it.

        Args:
            message: The message.
            target: The channel that has it.
        """
        from fc_async_sdk import fanout  # noqa: PLC0415 -- few runtimes need it

        event = events.parse(message.body)
        task_id = fanout.replay_id(event)
        named = event.arn
        if named is None:
            raise InvalidEvent(f"the event names no function: {event.function_arn!r}")
        # What a message says is not believed: who may send to the queue could have any function
        # called.
        configs = await self._configs.of(named.function)
        if not sends_failures_to(configs, target):
            raise InvalidEvent(
                f"the failure destination of {named.function} is another one: to call it all the "
                f"same, use fc-async events replay --function {named.function}"
            )
        request = InvokeRequest(
            named.function, event.request.bytes(), qualifier=named.qualifier, task_id=task_id
        )
        try:
            await self._invoker.invoke_async(request)
        except Rejected as error:
            if error.status != _DUPLICATE:
                raise
            return True
        return False

    def _find(self, kind: str, query: ChannelQuery) -> tuple[ChannelAdapter[Any, Any], Any]:
        channel = self._channels.get(kind)
        if channel is None:
            raise refusals.invalid_argument(
                f"the kind must be one of {', '.join(self._channels)}, got {kind!r}"
            )
        return channel, channel.named(query.name, query.instance)


def _described(message: ShownMessage) -> models.Message:
    """Return a message as it is, and as the destination event that it carries, if it does."""
    summary, document = _event(message.body)
    return models.Message(
        id=message.id,
        at=message.at,
        body=message.body,
        attributes={name: value for name, value in message.attributes.items() if value != ""},
        summary=summary or dict(message.summary) or None,
        event=document,
    )


def _event(body: str) -> tuple[dict[str, str | int] | None, str | None]:
    """Return facts of the destination event in a body, and its document if the body differs."""
    try:
        event = events.parse(body)
    except InvalidEvent:
        return None, None
    if not event.function_arn:
        return None, None
    summary = {
        "function": event.function,
        "outcome": "success" if event.succeeded else "failure",
        "condition": event.condition,
        "attempts": event.attempts,
        "request": event.request_id,
    }
    document = event.source.decode(errors="replace")
    return (
        {name: value for name, value in summary.items() if value},
        document if document != body else None,
    )
