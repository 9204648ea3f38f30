# SPDX-License-Identifier: MIT
"""Triggers as a user operates them: looks at them, fires one now, sends an event of an object.

A trigger that is fired by hand gets the event that it would make of a sample message.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.domain.errors import Rejected
from fc_async_local.triggers import bindings
from fc_async_local.triggers.bindings import (
    Binding,
    BusSource,
    QueueSource,
    RocketMqSource,
    Source,
    TimerSource,
    TopicSource,
    TriggerSettings,
    Unreadable,
)
from fc_async_sdk.admin import models
from fc_async_sdk.events import triggers as events
from fc_async_sdk.spec import http_trigger, oss, timers
from fc_async_sdk.spec.oss import OssTrigger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.domain.rules import Account
    from fc_async_local.services.delivery import PushNode
    from fc_async_local.triggers.bindings import TriggerSource
    from fc_async_local.triggers.firing import Firing

_SHOWN_FIRINGS: Final = 3


class TriggerControl:
    """Shows triggers and fires them.

    Args:
        triggers: The triggers as they are now.
        firing: Invokes functions.
        node: Has the history of each trigger, and the time.
        account: Region and account in the events.
        publish: Puts an event on the default bus.
    """

    def __init__(
        self,
        triggers: TriggerSource,
        firing: Firing,
        node: PushNode,
        account: Account,
        publish: Callable[[events.Document], Awaitable[None]],
    ) -> None:
        self._publish = publish
        self._triggers = triggers
        self._firing = firing
        self._log = node.log
        self._clock = node.clock
        self._origin = bindings.origin(account)

    async def states(
        self, urls: Callable[[TriggerSettings], models.HttpUrls], function: str = ""
    ) -> list[models.TriggerState]:
        """Return all triggers as they are now, or those of one function, by function and name.

        Args:
            urls: Returns the URLs of an HTTP trigger.
            function: Name of the function; "" for all.

        Raises:
            StoreUnavailable: The configuration cannot be read.
        """
        triggers = await self._triggers.current()
        if function:
            triggers = [trigger for trigger in triggers if trigger.function == function]
        return [self._state(trigger, urls) for trigger in triggers]

    def _state(
        self, trigger: TriggerSettings, urls: Callable[[TriggerSettings], models.HttpUrls]
    ) -> models.TriggerState:
        state = models.TriggerState(
            function=trigger.function,
            trigger_name=trigger.name,
            trigger_type=trigger.kind,
            qualifier=trigger.settings.get("qualifier"),
            source_arn=trigger.settings.get("sourceArn"),
            trigger_config=trigger.settings.get("triggerConfig"),
            description=trigger.settings.get("description"),
            state="unsupported",
            source=trigger.kind,
            asynchronous=None,
            next_firings=(),
            **self._log.of(f"{trigger.function}/{trigger.name}")._asdict(),
        )
        if trigger.kind == http_trigger.TYPE:
            http = urls(trigger)
            return replace(
                state,
                state="active",
                source=http.url_internet,
                http_trigger=http,
            )
        try:
            binding = bindings.read(trigger)
        except Unreadable as error:
            return replace(
                state,
                state="invalid",
                last_error=str(error),
            )
        if binding is None:
            return state
        source = binding.source
        next_firings: tuple[int, ...] = ()
        if isinstance(source, TimerSource) and binding.enabled:
            moments = timers.firings(source.schedule, self._clock.now(), since=source.since)
            next_firings = tuple(islice(moments, _SHOWN_FIRINGS))
        return replace(
            state,
            state="active" if binding.enabled else "disabled",
            source=_described(source),
            asynchronous=binding.asynchronous,
            next_firings=next_firings,
        )

    def note_request(self, function: str, name: str, request_id: str) -> None:
        """Note that a request has called a function through its HTTP trigger."""
        self._log.fired(f"{function}/{name}", request_id, self._clock.now())

    async def fire(
        self, function: str, name: str, payload: bytes | None = None
    ) -> tuple[str, bytes]:
        """Fire a trigger now, also one that is disabled.

        Args:
            function: Name of the function.
            name: Of the trigger.
            payload: What the function gets; None: the event that the trigger would make, of a
                sample message if it is fed by messages.

        Returns:
            The request id, and what the function got.

        Raises:
            Rejected: 400 for an HTTP trigger or an invalid one, 404 TriggerNotFound, or as the
                invocation is refused.
        """
        now = self._clock.now()
        trigger = await self._triggers.find(function, name)
        if trigger is None:
            raise Rejected(
                404, "TriggerNotFound", f"trigger '{name}' of function '{function}' does not exist"
            )
        if trigger.kind == http_trigger.TYPE:
            message = "an HTTP trigger is fired by a request to its URL"
            raise Rejected(400, "InvalidArgument", message)
        try:
            binding = bindings.read(trigger)
        except Unreadable as error:
            raise Rejected(400, "InvalidArgument", f"trigger '{name}': {error}") from None
        if binding is None:  # a kind that has no source here
            binding = Binding(
                function=function,
                trigger=name,
                qualifier=trigger.qualifier,
                source=BusSource(bus="", pattern="{}"),
            )
            sample = events.encode(events.samples(now).get(trigger.kind, {}))
        else:
            sample = _sample(binding, self._origin, now)
        body = sample if payload is None else payload
        if binding.asynchronous:
            return await self._firing.accept(binding, body), body
        request_id, _ = await self._firing.run(binding, body)
        return request_id, body

    async def object_event(
        self, event: models.ObjectEvent, at: int | None = None
    ) -> list[models.FiredTrigger]:
        """Fire the OSS triggers that match an event of an object, and put it on the default bus.

        Args:
            event: The event.
            at: When it happened; None: now.

        Returns:
            What became of each OSS trigger.

        Raises:
            Rejected: 400 InvalidArgument: OSS has no such key or event.
            StoreUnavailable: The triggers cannot be read, or an event cannot be kept.
        """
        try:
            name = event.event.removeprefix(oss.PREFIX)
            oss.check_object(name, event.key)
        except oss.InvalidObject as error:
            raise Rejected(400, "InvalidArgument", str(error)) from None
        triggers = await self._triggers.current()
        matching: list[Binding] = []
        for binding in bindings.read_all(triggers):
            source = binding.source
            if not isinstance(source, OssTrigger) or source.bucket != event.bucket:
                continue
            if source.matches(name, event.key):
                matching.append(binding)
        now = self._clock.now() if at is None else at
        document = events.oss(
            event.bucket,
            event.key,
            event=name,
            at=now,
            size=event.size,
            previous_size=event.previous_size,
            etag=event.etag,
            content_type=event.content_type,
            user_meta=event.user_meta,
            request_id=event.request_id or self._firing.request_id(now),
            origin=self._origin,
        )
        payload = events.encode(document)
        # The invocations are accepted before the change of the object is acknowledged.
        fired = [await self._fire_object(binding, payload, event, now) for binding in matching]
        await self._publish(events.oss_on_bus(document, now, self._origin))
        return fired

    async def _fire_object(
        self,
        binding: Binding,
        payload: bytes,
        event: models.ObjectEvent,
        now: int,
    ) -> models.FiredTrigger:
        # The event of a change may be fired again after a crash: the same request id makes that
        # the same invocation.
        seed = f"{event.request_id} {event.key} {binding.key}" if event.request_id else ""
        request_id = self._firing.request_id(now, seed)
        error = ""
        try:
            await self._firing.accept(binding, payload, request_id=request_id)
        except Rejected as refusal:
            error = str(refusal)
            await self._firing.give_up(binding, payload, error, key=request_id)
        return models.FiredTrigger(
            function=binding.function,
            trigger=binding.trigger,
            request_id="" if error else request_id,
            error=error,
        )


_BODY: Final = "sample"
_MESSAGE_ID: Final = "0A1B2C3D4E5F60718293A4B5C6D7E8F9"
_SIZE: Final = 1_024


def _sample(binding: Binding, origin: events.Origin, now: int) -> bytes:
    """Return the payload for a made-up message, or for the moment of a timer.

    Args:
        binding: The trigger.
        origin: Region and account of its source.
        now: The time in the event.
    """
    source = binding.source
    if isinstance(source, TopicSource) and source.notify_content_format == "STREAM":
        return _BODY.encode()
    document = _document(source, binding.trigger, origin, now)
    return events.encode(document if binding.batch is None else [document])


def _document(
    source: Source,
    trigger: str,
    origin: events.Origin,
    now: int,
) -> events.Document:
    def occurred(bus: str) -> events.Occurred:
        return events.Occurred(_MESSAGE_ID, now, now, bus)

    match source:
        case TimerSource():
            return events.timer(trigger, now, payload=source.payload)
        case OssTrigger():
            key = f"{source.prefix}{_BODY}{source.suffix}"
            name = source.events[0].partition(":")[2].replace("*", "PutObject")
            return events.oss(
                source.bucket,
                key,
                event=name,
                at=now,
                size=_SIZE,
                origin=origin,
            )
        case TopicSource():
            tag = source.filter_tag
            return events.mns_topic(
                source.topic,
                _BODY,
                at=now,
                origin=origin,
                tag=tag,
            )
        case QueueSource():
            bus = events.bus_of("MNS", trigger)
            return events.mns_queue(source.queue_name, _BODY, occurred(bus), origin)
        case RocketMqSource():
            occurrence = occurred(events.bus_of("RocketMQ", trigger))
            return events.rocketmq(
                source.instance_id, source.topic, _BODY, occurrence, origin, tag=source.tag
            )
        case BusSource():
            subject = f"acs:eventbridge:{origin.region}:{origin.account_id}"
            return events.cloud_event("sample:Event", subject, {}, occurred(source.bus), origin)


def _described(source: Source) -> str:
    """Return in words what fires a trigger."""
    match source:
        case TimerSource():
            return source.expression
        case OssTrigger():
            return f"bucket {source.bucket}, {source.prefix}*{source.suffix}"
        case QueueSource():
            return f"queue {source.queue_name}"
        case RocketMqSource():
            return f"RocketMQ topic {source.instance_id}/{source.topic}"
        case TopicSource():
            return f"topic {source.topic}"
        case BusSource():
            return f"bus {source.bus}"
