# SPDX-License-Identifier: MIT
"""Triggers, and the events that fire them."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from fc_async_sdk.admin.models.functions import Encoding
from fc_async_sdk.events.triggers import EMPTY_MD5
from fc_async_sdk.models import Model
from fc_async_sdk.spec import oss


class HttpUrls(Model, frozen=True, kw_only=True):
    """The URLs of an HTTP trigger."""

    url_internet: str
    url_intranet: str


class TriggerState(Model, frozen=True, kw_only=True):
    """A trigger as it is now.

    Attributes:
        state: ``active``, ``disabled``, ``invalid``, or ``unsupported``: the runtime has no source
            of this kind, and the trigger can be fired by hand.
        source: What fires it, in words.
        asynchronous: How the function is invoked; None: the caller decides.
        next_firings: The next moments of an active timer.
        fired: How often it fired since the runtime started.
        last_error: "" after a success.
        consecutive_errors: Since the latest success.
        trigger_config: As the API keeps it, like ``qualifier``, ``source_arn`` and
            ``description``.
    """

    function: str
    trigger_name: str
    trigger_type: str
    state: str
    source: str
    asynchronous: bool | None
    next_firings: tuple[int, ...]
    fired: int
    last_fired_time: int | None
    last_request_id: str
    last_error: str
    last_error_time: int | None
    consecutive_errors: int
    qualifier: str | None = None
    source_arn: str | None = None
    trigger_config: str | None = None
    description: str | None = None
    http_trigger: HttpUrls | None = None


class Triggers(Model, frozen=True, kw_only=True):
    """The triggers of a runtime, and its time, which may be virtual."""

    triggers: list[TriggerState]
    now: int


class TriggerSamples(Model, frozen=True, kw_only=True):
    """An event of each kind of trigger."""

    samples: dict[str, Any]


class Fire(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With what a trigger is fired.

    Attributes:
        payload: What the function gets; None: the event that the trigger would make.
        payload_encoding: ``base64``, or "" for text.
    """

    payload: str | None = None
    payload_encoding: Encoding = ""


class FiredNow(Model, frozen=True, kw_only=True):
    """The request that firing a trigger has made, and what the function got."""

    request_id: str
    payload: str
    payload_encoding: Encoding = ""


_Text = Annotated[str, Meta(max_length=1_024)]


class ObjectEvent(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event of an object in OSS.

    Attributes:
        event: One of :data:`fc_async_sdk.spec.oss.NAMES`, with or without ``oss:``.
        size: Of the object, in bytes, up to 48.8 TB.
        previous_size: Of the object that was replaced or removed.
        content_type: Of the object, "" if unknown.
        user_meta: Its user metadata, by names that begin with ``x-oss-meta-``.
        request_id: Of the request to OSS, "" for any. With one, the same event again is the same
            invocation.
    """

    bucket: _Text
    key: _Text
    event: _Text = oss.CREATED
    size: Annotated[int, Meta(ge=0, le=48_800_000_000_000)] = 0
    previous_size: Annotated[int, Meta(ge=0, le=48_800_000_000_000)] = 0
    etag: _Text = EMPTY_MD5
    content_type: _Text = ""
    user_meta: dict[str, str] = field(default_factory=dict)
    request_id: _Text = ""


class FiredTrigger(Model, frozen=True, kw_only=True):
    """The result of firing one trigger with an event.

    Attributes:
        request_id: Of the invocation, "" if it was refused.
        error: Why it was refused, else ""; the event is then a dead event.
    """

    function: str
    trigger: str
    request_id: str
    error: str


class FiredTriggers(Model, frozen=True, kw_only=True):
    """The triggers that match an event."""

    fired: list[FiredTrigger]
