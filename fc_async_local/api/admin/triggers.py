# SPDX-License-Identifier: MIT
"""Triggers: list with the next firings, fire now, send an event of an object in OSS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fc_async_local.api.admin.functions import payload_of
from fc_async_local.api.operation import Query, local
from fc_async_sdk.admin import models
from fc_async_sdk.events import triggers as events
from fc_async_sdk.events.wire import encode_payload

if TYPE_CHECKING:
    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.clock import Clock
    from fc_async_local.triggers.bindings import TriggerSettings
    from fc_async_local.triggers.control import TriggerControl


class TriggersQuery(Query, frozen=True, kw_only=True):
    """The function that the triggers invoke; "" for all functions."""

    function: str = ""


class TriggerAdmin:
    """Triggers, as the console shows and fires them.

    Args:
        control: Shows and fires triggers.
        clock: The time of the samples.
        urls: Where HTTP triggers are found.
    """

    def __init__(self, control: TriggerControl, clock: Clock, urls: TriggerUrls) -> None:
        self._control = control
        self._clock = clock
        self._urls = urls

    @local("GET", "/triggers")
    async def triggers(self, query: TriggersQuery) -> models.Triggers:
        """List triggers with their next firings."""
        states = await self._control.states(self._http_urls, query.function)
        return models.Triggers(triggers=states, now=self._clock.now())

    def _http_urls(self, trigger: TriggerSettings) -> models.HttpUrls:
        urls = self._urls.of(trigger.function, trigger.name, trigger.trigger_id)
        return msgspec.convert(urls, models.HttpUrls)

    @local("GET", "/triggers/samples")
    async def trigger_samples(self) -> models.TriggerSamples:
        """Return an event document of each kind of trigger, to try a function with."""
        return models.TriggerSamples(samples=dict(events.samples(self._clock.now())))

    @local("POST", "/triggers/{function}/{trigger}/fire")
    async def fire_trigger(self, function: str, trigger: str, body: models.Fire) -> models.FiredNow:
        """Fire a trigger now."""
        event = (
            None
            if body.payload is None
            else payload_of(body.payload, encoding=body.payload_encoding)
        )
        request_id, payload = await self._control.fire(function, trigger, event)
        text, encoding = encode_payload(payload)
        return models.FiredNow(
            request_id=request_id,
            payload=text,
            payload_encoding=encoding,
        )

    @local("POST", "/events/oss")
    async def object_event(self, body: models.ObjectEvent) -> models.FiredTriggers:
        """Fire the OSS triggers that match an event of an object."""
        return models.FiredTriggers(fired=await self._control.object_event(body))
