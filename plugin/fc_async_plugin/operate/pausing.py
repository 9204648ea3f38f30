# SPDX-License-Identifier: MIT
"""Pauses and resumes a function: in a local runtime its dispatcher, in an account its instances.

In an account the function gets a reserved concurrency of 0, and a tag keeps the value before
(:mod:`fc_async_plugin.project.paused`).

Invariants:

- The tag is written before the reserved concurrency is changed, and removed after it was restored:
  a command that was killed in between is completed by the same command.
- If the change is refused, the tag is removed again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.account.runtime import ask
from fc_async_plugin.project import paused
from fc_async_plugin.project.paused import Pause
from fc_async_plugin.report.moments import plural, short_time
from fc_async_sdk._decoding import prepare
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import FcAsyncError, ServiceError
from fc_async_sdk.operations.call import ROOT, Call, json_call, query, read_nothing
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_plugin.account.connection import Account
    from fc_async_sdk import Client

    Ask = Callable[[str], None]

_TAGS: Final = f"{ROOT}/tags-v2"
_TYPE: Final = "function"
_NOT_FOUND: Final = 404
_HOURS: Final = limits.SYSTEM_RETRY_SPAN_MS // 3_600_000


class Paused(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A function that is paused.

    Attributes:
        function: Function name.
        since: When it was paused, in milliseconds since the epoch.
        before: Whether it was paused before this command.
        waiting: Calls that wait for the end of the pause; None: not known.
        reserved_concurrency: What its resume restores; None: no reservation.
    """

    function: str
    since: int
    before: bool
    waiting: int | None = None
    reserved_concurrency: int | None = None


class Resumed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A function that is not paused any more.

    Attributes:
        function: Function name.
        was_paused: False: there was nothing to do.
        waiting: Calls that wait and start now, or at the rate; None: not known.
        reserved_concurrency: What it has now, in an account; None: no reservation.
    """

    function: str
    was_paused: bool
    waiting: int | None = None
    reserved_concurrency: int | None = None


class _Tag(msgspec.Struct, frozen=True, rename="pascal"):
    resource_id: str = ""
    tag_key: str = ""
    tag_value: str = ""


class _Tags(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer to ListTagResources."""

    tag_resources: tuple[_Tag, ...] = ()


prepare(_Tag, _Tags)


def pause(function: str, client: Client, account: Account, confirm: Ask) -> Paused:
    """Pause a function.

    Args:
        function: Function name.
        client: A client of its region, or of the local runtime.
        account: The options.
        confirm: Asks before a change in an account; raises if the answer is no.

    Raises:
        FcAsyncError: It does not exist, or the change was refused: nothing was changed.
    """
    if not connection.is_here(account):
        return pause_in_account(function, client, confirm)
    pauses = ask(client, admin.list_pauses()).pauses
    was_paused = any(each.function == function and not each.interval_us for each in pauses)
    began = ask(client, admin.pause(function))
    return Paused(
        function=function,
        since=began.since,
        before=was_paused,
        waiting=began.waiting,
    )


def resume(
    function: str,
    client: Client,
    account: Account,
    interval_us: int = 0,
) -> Resumed:
    """Resume a function.

    Args:
        function: Function name.
        client: A client of its region, or of the local runtime.
        account: The options.
        interval_us: Microseconds between the starts of what waits; 0: at once.

    Raises:
        FcAsyncError: It does not exist, the change was refused, or a rate cannot be kept.
    """
    if not connection.is_here(account):
        return resume_in_account(function, client, interval_us)
    resumed = ask(client, admin.resume(function, interval_us))
    return Resumed(
        function=function,
        was_paused=resumed.was_paused,
        waiting=resumed.waiting,
    )


# --- in an account ------------------------------------------------------------------------------


def pause_in_account(function: str, client: Client, confirm: Ask) -> Paused:
    """Set the reserved concurrency of a function to 0, and keep what it was.

    Raises:
        FcAsyncError: As :func:`pause`.
    """
    known = paused.read(client.get_function(function).tags)
    reserved = reserved_of(function, client)
    if known is not None and reserved == 0:
        return _shown(function, known, before=True)
    if known is None and reserved == 0:
        raise PluginError(
            f"the reserved concurrency of {function} is 0 already, and no tag {paused.KEY} says "
            "what it was before\nSet or delete it, then pause the function."
        )
    confirm(_warning(function, reserved))
    # A tag without the reservation is that of a command that was killed, or the reservation was
    # set since: what the function has now is what is restored.
    began = Pause(reserved, time.time_ns() // 1_000_000)
    client.send(_tag(function, began))
    try:
        client.put_concurrency_config(function, reserved_concurrency=0)
    except FcAsyncError:
        client.send(_untag(function))
        raise
    return _shown(function, began, before=False)


def resume_in_account(function: str, client: Client, interval_us: int) -> Resumed:
    """Restore the reserved concurrency of a function.

    Raises:
        FcAsyncError: As :func:`resume`.
    """
    if interval_us:
        raise PluginError(
            "--at cannot be kept in an account: the service retries each waiting call by itself, "
            f"after waits that double up to {_HOURS} hours, as soon as an instance is free\n"
            "Resume without --at; a Pace in the handler keeps a rate (docs: how-to/pace)."
        )
    known = paused.read(client.get_function(function).tags)
    if known is None:
        if reserved_of(function, client) == 0:
            raise PluginError(
                f"the reserved concurrency of {function} is 0, and no tag {paused.KEY} says what "
                "it was before\nSet or delete it (s concurrency, or the console)."
            )
        return Resumed(function=function, was_paused=False)
    if known.reserved is None:
        _delete_reservation(function, client)
    else:
        client.put_concurrency_config(function, reserved_concurrency=known.reserved)
    client.send(_untag(function))
    return Resumed(function=function, was_paused=True, reserved_concurrency=known.reserved)


def _shown(function: str, known: Pause, *, before: bool) -> Paused:
    return Paused(
        function=function,
        since=known.since,
        before=before,
        reserved_concurrency=known.reserved,
    )


def _warning(function: str, reserved: int | None) -> str:
    was = "none" if reserved is None else str(reserved)
    return (
        f"The reserved concurrency of {function} becomes 0 (now: {was}; resume restores it).\n"
        "Its asynchronous calls are accepted, throttled and retried after 0.5 s, 1 s, 2 s … until "
        f"{_HOURS} hours or their maximum age have passed; then they end as failures.\n"
        "After the resume each starts at its next retry. Synchronous calls and HTTP triggers get "
        "429.\nPause?"
    )


def reserved_of(function: str, client: Client) -> int | None:
    """Return the reserved concurrency of a function; None: it has none.

    Raises:
        FcAsyncError: It cannot be read.
    """
    try:
        return client.get_concurrency_config(function).reserved_concurrency
    except ServiceError as error:
        if error.http_status != _NOT_FOUND:  # none is reserved
            raise
        return None


def _delete_reservation(function: str, client: Client) -> None:
    try:
        client.delete_concurrency_config(function)
    except ServiceError as error:
        if error.http_status != _NOT_FOUND:  # it was deleted before
            raise


def _tag(function: str, pause: Pause) -> Call[None]:
    document = {
        "ResourceType": _TYPE,
        "ResourceId": [function],
        "Tag": [{"Key": paused.KEY, "Value": pause.tag}],
    }
    return Call(
        operation="TagResources",
        method="POST",
        path=_TAGS,
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(document),
        read=read_nothing,
        repeat="always",
    )


def _untag(function: str) -> Call[None]:
    parameters = query(
        ResourceType=_TYPE,
        ResourceId=msgspec.json.encode([function]).decode(),
        TagKey=msgspec.json.encode([paused.KEY]).decode(),
    )
    return Call(
        operation="UntagResources",
        method="DELETE",
        path=_TAGS,
        query=parameters,
        read=read_nothing,
        repeat="always",
    )


def _list_tagged() -> Call[_Tags]:
    parameters = query(
        ResourceType=_TYPE,
        Tag=msgspec.json.encode([{"Key": paused.KEY, "Value": ""}]).decode(),
        Limit=limits.PAGE_SIZE.high,
    )
    return json_call("ListTagResources", "GET", _TAGS, _Tags, parameters=parameters)


# --- what lists say -----------------------------------------------------------------------------


def notes(client: Client, account: Account, functions: set[str] | None, now: int) -> list[str]:
    """Return a sentence for each function that is paused; none if that cannot be read.

    Args:
        client: A client of the region, or of the local runtime.
        account: The options.
        functions: Their names; None: all.
        now: Milliseconds since the epoch.
    """
    try:
        found = list(_here(client) if connection.is_here(account) else _in_account(client))
    except FcAsyncError:
        return []  # a list without the permission to read tags is still a list
    return [
        f"{name} is paused since {short_time(since, now)}{more} (fc-async resume {name})"
        for name, since, more in found
        if functions is None or name in functions
    ]


def _here(client: Client) -> Iterator[tuple[str, int, str]]:
    for each in ask(client, admin.list_pauses()).pauses:
        if each.interval_us == 0:
            yield each.function, each.since, f": {plural(each.waiting, 'call')} due"


def _in_account(client: Client) -> Iterator[tuple[str, int, str]]:
    for tag in client.send(_list_tagged()).tag_resources:
        known: Any = paused.read([{"Key": tag.tag_key, "Value": tag.tag_value}])
        if known is not None:
            yield tag.resource_id.rpartition("functions/")[2], known.since, ""
