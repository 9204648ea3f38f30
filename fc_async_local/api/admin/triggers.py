# SPDX-License-Identifier: MIT
"""Triggers: list with the next firings, fire now, send an event of an object in OSS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from fc_async_local.api import admin
from fc_async_local.api.admin.functions import payload_of
from fc_async_local.api.operation import body_of
from fc_async_local.api.tasks import shown_payload
from fc_async_local.functions import refusals
from fc_async_local.triggers.control import ObjectEvent
from fc_async_sdk._decoding import prepare
from fc_async_sdk.events import triggers as events
from fc_async_sdk.spec import http_trigger, oss

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.clock import Clock
    from fc_async_local.functions.http_triggers import TriggerUrls
    from fc_async_local.triggers.control import Shown, TriggerControl

_Body = TypeVar("_Body", bound=msgspec.Struct)
_Text = Annotated[str, Meta(max_length=1_024)]
_LARGEST: Final = 48_800_000_000_000
"""OSS: the largest object, 48.8 TB."""
_KEPT: Final = ("qualifier", "triggerType", "sourceArn", "triggerConfig", "description")
"""The fields of a trigger that are shown as the API keeps them."""


class _Fire(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    payload: str | None = None
    payload_encoding: Literal["", "base64"] = ""


class _Object(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True
):
    bucket: _Text
    key: _Text
    event: _Text = oss.CREATED
    size: Annotated[int, Meta(ge=0, le=_LARGEST)] = 0
    etag: _Text = events.EMPTY_MD5
    content_type: _Text = ""


prepare(_Fire, _Object)


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

    async def triggers(self, request: Request) -> dict[str, Any]:
        """List the triggers of all functions, or of ``function``, with their next firings."""
        function = request.query_params.get("function", "")
        shown = await self._control.shown(function)
        return {
            "triggers": [self._describe(one) for one in shown],
            "now": self._clock.now(),
        }

    def _describe(self, shown: Shown) -> dict[str, Any]:
        trigger = shown.trigger
        if trigger.kind != http_trigger.TYPE:
            return _describe(shown)
        urls = self._urls.of(trigger.function, trigger.name, trigger.trigger_id)
        return {**_describe(shown), "source": urls["urlInternet"], "httpTrigger": urls}

    async def trigger_samples(self, _: Request) -> dict[str, Any]:
        """Return an event document of each kind of trigger, to try a function with."""
        return {"samples": events.samples(self._clock.now())}

    async def fire_trigger(self, request: Request, function: str, trigger: str) -> dict[str, Any]:
        """Fire a trigger now.

        Body: ``payload`` (text, or base64 with ``payloadEncoding: base64``); without it, the event
        that the trigger would make.
        """
        wanted = await _body(request, _Fire)
        given = (
            None
            if wanted.payload is None
            else payload_of(wanted.payload, encoding=wanted.payload_encoding)
        )
        request_id, payload = await self._control.fire(function, trigger, given)
        return {"requestId": request_id, **shown_payload("payload", payload)}

    async def object_event(self, request: Request) -> dict[str, Any]:
        """Fire the OSS triggers that match an event of an object.

        Body: ``bucket``, ``key``, and optionally ``event`` (``ObjectCreated:PutObject``), ``size``,
        ``etag`` and ``contentType``.
        """
        wanted = await _body(request, _Object)
        event = ObjectEvent(
            bucket=wanted.bucket,
            key=wanted.key,
            name=wanted.event.removeprefix(oss.PREFIX),
            size=wanted.size,
            etag=wanted.etag,
            content_type=wanted.content_type,
        )
        fired = await self._control.object_event(event)
        return {
            "fired": [
                {
                    "function": one.function,
                    "trigger": one.trigger,
                    "requestId": one.request_id,
                    "error": one.error,
                }
                for one in fired
            ]
        }


async def _body(request: Request, kind: type[_Body]) -> _Body:
    try:
        return msgspec.convert(await body_of(request), kind)
    except msgspec.ValidationError as error:
        raise refusals.invalid_argument(str(error)) from None


def _describe(shown: Shown) -> dict[str, Any]:
    trigger, health = shown.trigger, shown.health
    return {
        "function": trigger.function,
        "triggerName": trigger.name,
        **{name: trigger.settings[name] for name in _KEPT if name in trigger.settings},
        "state": shown.state,
        "source": shown.source,
        "asynchronous": shown.asynchronous,
        "nextFirings": shown.next_firings,
        "fired": health.fired,
        "lastFiredTime": health.fired_at,
        "lastRequestId": health.request_id,
        "lastError": health.error,
        "lastErrorTime": health.error_at,
        "consecutiveErrors": health.failures,
    }
