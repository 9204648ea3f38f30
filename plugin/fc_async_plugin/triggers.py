# SPDX-License-Identifier: MIT
"""Shows and fires the triggers of a local runtime. Nothing here is called for an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from fc_async_plugin import PluginError
from fc_async_sdk import _endpoint, _signing
from fc_async_sdk._decoding import prepare
from fc_async_sdk.operations.call import json_call

if TYPE_CHECKING:
    from fc_async_sdk import Client

_TIMEOUT = 10
"""Seconds: it is on this machine."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A trigger, as ``GET /_local/triggers`` has it. Times are milliseconds since the epoch.

    Attributes:
        state: ``active``, ``disabled``, ``invalid`` or ``unsupported``.
        source: What fires it, in words.
        asynchronous: How the function is invoked; None: the caller decides.
        next_firings: Of a timer.
        fired: How often it fired since the runtime started.
        last_error: "" after a success.
    """

    function: str
    trigger_name: str
    trigger_type: str
    state: str
    source: str
    qualifier: str = ""
    asynchronous: bool | None = None
    next_firings: tuple[int, ...] = ()
    fired: int = 0
    last_fired_time: int | None = None
    last_request_id: str = ""
    last_error: str = ""
    last_error_time: int | None = None


class Triggers(msgspec.Struct, frozen=True):
    """The triggers of a runtime, and its time, which may be virtual."""

    triggers: list[Trigger]
    now: int


class Fired(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of firing one trigger.

    Attributes:
        request_id: Of the invocation, "" if it was refused.
        error: Why it was refused; the event is then a dead event.
    """

    request_id: str
    function: str = ""
    trigger: str = ""
    error: str = ""


class _AllFired(msgspec.Struct, frozen=True):
    fired: list[Fired]


prepare(Trigger, Triggers, Fired, _AllFired)


def local_endpoint(endpoint: str | None) -> str:
    """Return the endpoint if it is a local runtime's.

    Raises:
        PluginError: There is none, or it is not on this machine.
    """
    if endpoint and _endpoint.parse(endpoint).loopback:
        return endpoint
    raise PluginError(
        "only a local runtime shows and fires triggers: name it with --endpoint URL or"
        " FC_ASYNC_ENDPOINT, and start one with: fc-async local start"
    )


def shown(client: Client, function: str | None = None) -> Triggers:
    """Return the triggers of the runtime, or of one function.

    Raises:
        FcAsyncError: The runtime does not answer.
    """
    query = _signing.canonical_query([("function", function)] if function else [])
    call = json_call("ListTriggers", "GET", "/_local/triggers", Triggers, parameters=query)
    return client.send(call, total_timeout=_TIMEOUT)


def fire(client: Client, function: str, trigger: str, body: dict[str, Any]) -> Fired:
    """Fire a trigger now.

    Args:
        client: Of the runtime.
        function: Name of the function.
        trigger: Name of the trigger.
        body: ``payload`` and ``payloadEncoding``, or nothing for the event that it would make.

    Raises:
        FcAsyncError: There is no such trigger, it cannot be fired, or the runtime does not answer.
    """
    path = f"/_local/triggers/{quote(function, safe='')}/{quote(trigger, safe='')}/fire"
    call = json_call("FireTrigger", "POST", path, Fired, document=body, repeat="never")
    return client.send(call, total_timeout=_TIMEOUT)


def send_object_event(client: Client, body: dict[str, Any]) -> list[Fired]:
    """Fire the OSS triggers that match an event of an object.

    Args:
        client: Of the runtime.
        body: ``bucket``, ``key``, ``event``, ``size`` and so on.

    Raises:
        FcAsyncError: OSS has no such key or event, or the runtime does not answer.
    """
    call = json_call(
        "SendObjectEvent", "POST", "/_local/events/oss", _AllFired, document=body, repeat="never"
    )
    return client.send(call, total_timeout=_TIMEOUT).fired
