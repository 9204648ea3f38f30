# SPDX-License-Identifier: MIT
"""Triggers: list with the next firings, fire now, send an event of an object in OSS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fc_async_local.api import admin
from fc_async_local.api.admin.functions import payload_of
from fc_async_local.api.operation import read_body
from fc_async_sdk.admin import models
from fc_async_sdk.events import triggers as events
from fc_async_sdk.events.wire import encode_payload
from fc_async_sdk.spec import http_trigger

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.clock import Clock
    from fc_async_local.triggers.control import Shown, TriggerControl


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

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return admin.routes(
            [
                ("GET", "/triggers", self.triggers),
                ("GET", "/triggers/samples", self.trigger_samples),
                ("POST", "/triggers/{function}/{trigger}/fire", self.fire_trigger),
                ("POST", "/events/oss", self.object_event),
            ]
        )

    async def triggers(self, request: Request) -> models.Triggers:
        """List the triggers of all functions, or of ``function``, with their next firings."""
        function = request.query_params.get("function", "")
        shown = await self._control.shown(function)
        return models.Triggers(
            triggers=[self._describe(one) for one in shown], now=self._clock.now()
        )

    def _describe(self, shown: Shown) -> models.TriggerState:
        trigger, health = shown.trigger, shown.health
        urls = None
        if trigger.kind == http_trigger.TYPE:
            found = self._urls.of(trigger.function, trigger.name, trigger.trigger_id)
            urls = msgspec.convert(found, models.HttpUrls)
        return models.TriggerState(
            function=trigger.function,
            trigger_name=trigger.name,
            trigger_type=trigger.kind,
            qualifier=trigger.settings.get("qualifier"),
            source_arn=trigger.settings.get("sourceArn"),
            trigger_config=trigger.settings.get("triggerConfig"),
            description=trigger.settings.get("description"),
            state=shown.state,
            source=shown.source if urls is None else urls.url_internet,
            asynchronous=shown.asynchronous,
            next_firings=shown.next_firings,
            fired=health.fired,
            last_fired_time=health.fired_at,
            last_request_id=health.request_id,
            last_error=health.error,
            last_error_time=health.error_at,
            consecutive_errors=health.failures,
            http_trigger=urls,
        )

    async def trigger_samples(self, _: Request) -> models.TriggerSamples:
        """Return an event document of each kind of trigger, to try a function with."""
        return models.TriggerSamples(samples=dict(events.samples(self._clock.now())))

    async def fire_trigger(self, request: Request, function: str, trigger: str) -> models.FiredNow:
        """Fire a trigger now.

        Body: ``payload`` (text, or base64 with ``payloadEncoding: base64``); without it, the event
        that the trigger would make.
        """
        wanted = await read_body(request, models.Fire)
        given = (
            None
            if wanted.payload is None
            else payload_of(wanted.payload, encoding=wanted.payload_encoding)
        )
        request_id, payload = await self._control.fire(function, trigger, given)
        text, is_base64 = encode_payload(payload)
        return models.FiredNow(
            request_id=request_id, payload=text, payload_encoding="base64" if is_base64 else ""
        )

    async def object_event(self, request: Request) -> models.FiredTriggers:
        """Fire the OSS triggers that match an event of an object.

        Body: ``bucket``, ``key``, and optionally ``event`` (``ObjectCreated:PutObject``), ``size``,
        ``etag`` and ``contentType``.
        """
        event = await read_body(request, models.ObjectEvent)
        return models.FiredTriggers(fired=await self._control.object_event(event))
