# SPDX-License-Identifier: MIT
"""The triggers of a local runtime: deploys those of a template, shows them, fires them.

In an account ``s deploy`` makes triggers; nothing here is called for one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account.lists import triggers as existing
from fc_async_plugin.template.desired import is_function, is_unresolved
from fc_async_sdk import _endpoint, _signing
from fc_async_sdk._decoding import prepare
from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.operations.call import json_call
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fc_async_plugin.account import Regions
    from fc_async_plugin.template import Project
    from fc_async_plugin.template.model import Resource
    from fc_async_sdk import Client
    from fc_async_sdk.models import Trigger as Existing

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


def deploy(regions: Regions, project: Project, only: Collection[str] | None = None) -> list[str]:
    """Create the triggers of a template in a local runtime, or change them to what it says.

    A trigger that the template no longer has stays. One with a ``${…}`` that only ``s`` resolves is
    left out.

    Args:
        regions: The runtime.
        project: The template.
        only: Names of resources; None: all.

    Returns:
        Why a trigger could not be made, one text for each.
    """
    tried = (
        _tried(regions[resource.region], resource.function_name, wanted)
        for resource in project.resources
        if is_function(resource) and (only is None or resource.name in only)
        for wanted in _wanted(resource)
    )
    return [failure for failure in tried if failure]


class _Wanted(NamedTuple):
    """A trigger as a template has it."""

    name: str
    kind: str
    source_arn: str | None
    config: Mapping[str, Any]
    qualifier: str
    description: str | None


def _wanted(resource: Resource) -> list[_Wanted]:
    """Return the triggers of a function that can be made now."""
    listed = resource.props.get("triggers")
    return [
        _Wanted(
            str(one["triggerName"]),
            str(one.get("triggerType")),
            one.get("sourceArn"),
            one.get("triggerConfig") or {},
            str(one.get("qualifier") or limits.DEFAULT_QUALIFIER),
            one.get("description"),
        )
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("triggerName") and not _is_unresolved(one)
    ]


def _is_unresolved(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_is_unresolved, value.values()))
    if isinstance(value, list):
        return any(map(_is_unresolved, value))
    return is_unresolved(value)


def _tried(client: Client, function: str, wanted: _Wanted) -> str:
    """Make a trigger what the template says; return why that is impossible, "" if it is not."""
    try:
        _make(client, function, wanted)
    except FcAsyncError as error:
        return f"trigger {function}/{wanted.name}: {error}"
    return ""


def _make(client: Client, function: str, wanted: _Wanted) -> None:
    have = next(
        (one for one in existing(client, function) if one.trigger_name == wanted.name), None
    )
    fixed = wanted.kind, wanted.source_arn
    if have is not None and (have.trigger_type, have.source_arn) != fixed:
        client.delete_trigger(function, wanted.name)  # the API changes neither type nor source
        have = None
    if have is None:
        client.create_trigger(
            function,
            wanted.name,
            trigger_type=wanted.kind,
            source_arn=wanted.source_arn,
            trigger_config=wanted.config,
            qualifier=wanted.qualifier,
            description=wanted.description,
        )
    elif _changeable(have) != (wanted.config, wanted.qualifier, wanted.description):
        # Only then: the interval of a timer begins with its last change.
        client.update_trigger(
            function,
            wanted.name,
            trigger_config=wanted.config,
            qualifier=wanted.qualifier,
            description=wanted.description,
        )


def _changeable(have: Existing) -> tuple[Any, str | None, str | None]:
    return json.loads(have.trigger_config or "{}"), have.qualifier, have.description


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
