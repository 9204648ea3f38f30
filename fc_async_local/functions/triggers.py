# SPDX-License-Identifier: MIT
"""Operations on triggers: checked, kept and shown. :mod:`fc_async_local.triggers` fires them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.domain import json_input
from fc_async_local.functions import function_rules, refusals
from fc_async_local.functions.records import Settings, TriggerRecord, key_in
from fc_async_local.functions.snapshot import Resources
from fc_async_local.triggers import bindings
from fc_async_local.triggers.bindings import TriggerSettings
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import http_trigger, limits
from fc_async_sdk.spec.oss import OssTrigger, overlap
from fc_async_sdk.spec.times import rfc3339
from fc_async_sdk.spec.triggers import UnreadableTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fc_async_local.functions.snapshot import Snapshot
    from fc_async_local.store.protocol import Change
    from fc_async_sdk.admin.models import TriggerAt

TYPES: Final = frozenset(
    {
        *(http_trigger.TYPE, "timer", "oss", "log", "mns_topic", "cdn_events", "tablestore"),
        *("eventbridge", "kafka", "rocketmq", "rabbitmq", "mqtt", "dts", "mns_queue"),
    }
)
"""The values of ``triggerType`` (API)."""
_CHECKED: Final = frozenset({"timer", "oss"})
"""Types whose configuration is checked when it is written. That of others names sources that may
come later, and unknown fields."""


class _Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """CreateTriggerInput and UpdateTriggerInput."""

    description: str | None = None
    invocation_role: str | None = None
    qualifier: str | None = None
    source_arn: str | None = None
    trigger_config: str | None = None


prepare(_Input)


def has_http_trigger(snapshot: Snapshot, function: str) -> bool:
    """Return whether a function has an HTTP trigger and so is not an event function."""
    return any(record.is_http for record in snapshot.all(TriggerRecord, function))


class Triggers(Resources[TriggerRecord]):
    """Create, read, update, delete and list triggers."""

    record = TriggerRecord

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function whenever triggers may have changed."""

        def follow(changes: Sequence[Change] | None) -> None:
            if changes is None or any(change.kind == TriggerRecord.kind for change in changes):
                listener()

        self._cache.documents.listen(follow)

    def everything(self) -> list[TriggerSettings]:
        """Return the triggers of all functions, as the configuration was read last."""
        return [_settings(record) for record in self._cache.known.all(TriggerRecord)]

    async def current(self) -> list[TriggerSettings]:
        """Return the triggers of all functions as they are now.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        snapshot = await self._cache.read()
        return [_settings(record) for record in snapshot.all(TriggerRecord)]

    async def find(self, function: str, name: str) -> TriggerSettings | None:
        """Return a trigger as it is now, None if it does not exist.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        record = (await self._cache.read()).find(TriggerRecord, key_in(function, name))
        return None if record is None else _settings(record)

    async def has_http(self, function: str) -> bool:
        """Return whether a function has an HTTP trigger and so is not an event function.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        return has_http_trigger(await self._cache.read(), function)

    def _describe(self, record: TriggerRecord) -> dict[str, Any]:
        # No other keys: deploy tools show each as a change.
        return {
            **record.settings,
            "triggerName": record.name,
            "triggerId": record.trigger_id,
            "createdTime": rfc3339(record.created_at),
            "lastModifiedTime": rfc3339(record.modified_at),
        }

    async def create(self, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """CreateTrigger.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound, 409 TriggerAlreadyExists.
        """
        name = function_rules.check_name(
            body.get("triggerName"), "triggerName", limits.TRIGGER_NAME_PATTERN
        )
        kind = body.get("triggerType")
        if kind is None:
            raise refusals.required("triggerType")
        if not isinstance(kind, str) or kind not in TYPES:
            types = ", ".join(sorted(TYPES))
            raise refusals.invalid_argument(
                f"triggerType {kind!r} is invalid, only {types} are known"
            )
        settings = {
            "triggerType": kind,
            "qualifier": limits.DEFAULT_QUALIFIER,
            **_check(body),
        }
        now = self._cache.now()
        record = TriggerRecord(
            function=function,
            name=name,
            trigger_id=self._cache.new_id(),
            settings=settings,
            created_at=now,
            modified_at=now,
        )
        async with self._cache.writing:
            snapshot = await self._cache.read()
            snapshot.resolve(function, settings["qualifier"])
            _check_source(record, snapshot)
            exists = refusals.exists("trigger", function, name)
            await self._cache.write(record.stored("absent"), refused=exists)
        return self._describe(record)

    async def update(self, function: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateTrigger: fields that the body leaves out are kept.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound or TriggerNotFound.
        """
        changes = _check(body)
        async with self._cache.writing:
            before = await self._existing(function, name)
            record = msgspec.structs.replace(
                before,
                settings={**before.settings, **changes},
                modified_at=self._cache.now(),
                # What the template says was about the settings before.
                written="",
                waived=False,
            )
            _check_source(record, await self._cache.read())
            await self._cache.write(record.stored())
        return self._describe(record)

    async def say_where_written(self, locations: Iterable[TriggerAt]) -> int:
        """Remember where a template has triggers, until they are updated; return how many exist."""
        async with self._cache.writing:
            snapshot = await self._cache.read()
            existing = 0
            changes = []
            for location in locations:
                record = snapshot.find(TriggerRecord, key_in(location.function, location.trigger))
                if record is None:
                    continue
                existing += 1
                located = msgspec.structs.replace(
                    record,
                    written=location.place,
                    waived=location.waived,
                )
                if located != record:
                    changes.append(located.stored())
            if changes:
                await self._cache.write(*changes)
        return existing


def _settings(record: TriggerRecord) -> TriggerSettings:
    return TriggerSettings(
        record.function, record.name, record.settings, record.trigger_id, record.modified_at
    )


def _check_source(record: TriggerRecord, snapshot: Snapshot) -> None:
    """Refuse an HTTP trigger, a timer or an OSS trigger that the service refuses.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if record.is_http:
        _check_http(record, snapshot)
    if record.settings["triggerType"] not in _CHECKED:
        return
    try:
        binding = bindings.read(_settings(record))
    except bindings.Unreadable as error:
        raise refusals.invalid_argument(f"trigger {record.name!r}: {error}") from None
    # Only triggers of OSS exclude each other.
    if binding is None or not isinstance(binding.source, OssTrigger):
        return
    # Overlaps are refused across functions as well (docs/reference/triggers.md, OSS).
    other_records = [
        trigger for trigger in snapshot.all(TriggerRecord) if trigger.key != record.key
    ]
    triggers = [_settings(trigger) for trigger in other_records]
    oss_triggers = [trigger for trigger in triggers if trigger.kind == "oss"]
    for other in bindings.read_all(oss_triggers):
        if isinstance(other.source, OssTrigger) and overlap(binding.source, other.source):
            raise refusals.invalid_argument(
                f"trigger {record.name!r} overlaps with trigger {other.key}: an event, the prefixes"
                " and the suffixes match the same objects"
            )


def _check_http(record: TriggerRecord, snapshot: Snapshot) -> None:
    """Refuse an HTTP trigger that could not be called.

    Raises:
        Rejected: 400 InvalidArgument: its configuration cannot be used, or its version or alias has
            another HTTP trigger.
    """
    try:
        http_trigger.read_config(record.settings.get("triggerConfig"))
    except UnreadableTrigger as error:
        raise refusals.invalid_argument(str(error)) from None
    for other in snapshot.all(TriggerRecord, record.function):
        is_other = other.name != record.name
        if is_other and other.is_http and other.qualifier == record.qualifier:
            # HTTP triggers (docs/reference/sources.md): one for each version or alias.
            raise refusals.invalid_argument(
                f"function '{record.function}' already has an HTTP trigger for "
                f"{record.qualifier}, '{other.name}': update it, or delete it first"
            )


def _check(body: Mapping[str, Any]) -> Settings:
    typed = refusals.convert(refusals.without_nulls(body), _Input)
    if typed.trigger_config is not None:
        try:
            json_input.read(typed.trigger_config)
        except json_input.InvalidJson as error:
            raise refusals.invalid_argument(
                f"triggerConfig must be a string of JSON: {error}"
            ) from None
    settings: Settings = msgspec.to_builtins(typed)
    return settings
