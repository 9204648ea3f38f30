# SPDX-License-Identifier: MIT
"""HTTP triggers: what one must be like, where it is found, and its URLs on this machine.

The public URL is a path of the runtime's own address: every program can use it. The internal URL is
a host name, as on the service: the function gets the whole path. Browsers and curl resolve names
under ``localhost`` themselves; many programs do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from fc_async_local.functions import refusals
from fc_async_local.functions.records import TriggerRecord, key_in
from fc_async_sdk.spec import http_trigger, limits
from fc_async_sdk.spec.triggers import UnreadableTrigger

if TYPE_CHECKING:
    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.snapshot import Snapshot, SnapshotCache
    from fc_async_sdk.spec.http_trigger import HttpTriggerConfig

PATH: Final = "/_http/"
"""A path of the runtime's address that leads to a trigger: ``/_http/{function}/{trigger}/…``."""
_DOMAIN: Final = "fcapp.localhost"
"""Stands for the service's ``fcapp.run``."""


class HttpTrigger(NamedTuple):
    """A trigger that can be called.

    Attributes:
        name: Of the trigger.
        prefix: The first label of its host name.
    """

    function: str
    name: str
    qualifier: str
    config: HttpTriggerConfig
    prefix: str


def check(snapshot: Snapshot, record: TriggerRecord) -> None:
    """Refuse an HTTP trigger that could not be called; other triggers are not looked at.

    Raises:
        Rejected: 400 InvalidArgument: its configuration cannot be used, or its version or alias has
            another HTTP trigger.
    """
    if record.settings.get("triggerType") != http_trigger.TYPE:
        return
    try:
        trigger = _read(record)
    except UnreadableTrigger as error:
        raise refusals.invalid_argument(str(error)) from None
    for other in snapshot.all(TriggerRecord, record.function):
        same = _qualifier(other) == trigger.qualifier and other.name != record.name
        if same and other.settings.get("triggerType") == http_trigger.TYPE:
            # HTTP triggers (docs/reference/sources.md): one for each version or alias.
            raise refusals.invalid_argument(
                f"function '{record.function}' already has an HTTP trigger for "
                f"{trigger.qualifier}, '{other.name}': update it, or delete it first"
            )


class HttpTriggers:
    """Finds the HTTP triggers of all functions.

    Args:
        cache: The configuration.
    """

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    async def named(self, function: str, name: str) -> HttpTrigger:
        """Return a trigger of a function.

        Raises:
            Rejected: 404 FunctionNotFound or TriggerNotFound.
        """
        snapshot = await self._cache.read()
        snapshot.function(function)
        record = snapshot.find(TriggerRecord, key_in(function, name))
        found = None if record is None else _usable(record)
        if found is None:
            raise refusals.trigger_not_found(function, name)
        return found

    async def at(self, prefix: str) -> HttpTrigger | None:
        """Return the trigger whose host name begins with a label, None if there is none."""
        snapshot = await self._cache.read()
        key = ("http-triggers",)
        known: dict[str, HttpTrigger] | None = snapshot.derived.get(key)
        if known is None:
            usable = [_usable(record) for record in snapshot.all(TriggerRecord)]
            known = {one.prefix: one for one in usable if one is not None}
            snapshot.derived[key] = known
        return known.get(prefix)


class TriggerUrls:
    """The URLs of HTTP triggers on this machine.

    Args:
        base: The URL of the FC API.
        place: The region in host names.
    """

    def __init__(self, base: str, place: Place) -> None:
        self._base = base.rstrip("/")
        self._port = urlsplit(base).port
        self._suffix = f".{place.region}.{_DOMAIN}"

    def domain(self, prefix: str) -> str:
        """Return the host name of a trigger."""
        return prefix + self._suffix

    def authority(self, prefix: str) -> str:
        """Return the host name of a trigger, with the port."""
        return f"{self.domain(prefix)}:{self._port}"

    def prefix(self, host: str) -> str:
        """Return the first label of a Host that names a trigger, "" if it names none."""
        name = host.partition(":")[0].lower()
        return name[: -len(self._suffix)] if name.endswith(self._suffix) else ""

    def of(self, function: str, name: str, trigger_id: str) -> dict[str, str]:
        """Return ``httpTrigger`` of the API."""
        authority = self.authority(http_trigger.domain_prefix(function, trigger_id))
        return {
            "urlInternet": f"{self._base}{PATH}{function}/{name}",
            "urlIntranet": f"http://{authority}",
        }

    def shown(self, function: str, trigger: dict[str, Any]) -> dict[str, Any]:
        """Return a trigger of the API with its URLs, if it is an HTTP trigger."""
        if trigger["triggerType"] != http_trigger.TYPE:
            return trigger
        urls = self.of(function, trigger["triggerName"], trigger["triggerId"])
        return {**trigger, "httpTrigger": urls}


def _usable(record: TriggerRecord) -> HttpTrigger | None:
    """Return a record that is an HTTP trigger, None for any other."""
    if record.settings.get("triggerType") != http_trigger.TYPE:
        return None
    try:
        return _read(record)
    except UnreadableTrigger:  # written before such triggers were refused
        return None


def _read(record: TriggerRecord) -> HttpTrigger:
    return HttpTrigger(
        record.function,
        record.name,
        _qualifier(record),
        http_trigger.read_config(record.settings.get("triggerConfig")),
        http_trigger.domain_prefix(record.function, record.trigger_id),
    )


def _qualifier(record: TriggerRecord) -> str:
    return str(record.settings.get("qualifier") or limits.DEFAULT_QUALIFIER)
