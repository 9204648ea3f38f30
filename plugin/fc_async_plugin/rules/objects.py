# SPDX-License-Identifier: MIT
"""Rules about OSS triggers: their configuration, how often they fire, and what they may start.

Values with a ``${…}`` that only ``s`` resolves are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.rules.rule import Found, Related, rule
from fc_async_plugin.rules.triggers import written_triggers
from fc_async_plugin.template.desired import is_unresolved
from fc_async_sdk.spec import oss, ram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context
    from fc_async_plugin.rules.triggers import WrittenTrigger

_TRIGGER: Final = "triggerConfig"


@rule("FCA073", "invalid-oss-trigger", "error", "An OSS trigger that the service refuses.")
def invalid_oss_trigger(context: Context) -> Iterator[Found]:
    """The bucket, the events, and prefix and suffix."""
    for trigger in written_triggers(context, "oss"):
        if trigger.has_unresolved():
            continue
        try:
            _read(trigger)
        except oss.InvalidOssTrigger as error:
            yield Found(
                f"OSS trigger {trigger.name}: {error}",
                trigger.where(*error.path),
                "prefix and suffix are plain text; events are such as oss:ObjectCreated:PutObject",
            )


def _read(trigger: WrittenTrigger) -> oss.OssTrigger:
    source_arn = trigger.settings.get("sourceArn")
    return oss.read(source_arn if isinstance(source_arn, str) else "", trigger.config)


def _readable(context: Context) -> Iterator[tuple[WrittenTrigger, oss.OssTrigger]]:
    """Yield the OSS triggers that can be read."""
    for trigger in written_triggers(context, "oss"):
        if not trigger.has_unresolved():
            try:
                found = _read(trigger)
            except oss.InvalidOssTrigger:
                continue
            yield trigger, found


@rule("FCA074", "overlapping-oss-triggers", "error", "Two OSS triggers for the same objects.")
def overlapping_oss_triggers(context: Context) -> Iterator[Found]:
    """OSS refuses a trigger if event, prefix and suffix overlap with those of another."""
    seen: list[tuple[WrittenTrigger, oss.OssTrigger]] = []
    for trigger, found in _readable(context):
        for other, before in seen:
            if trigger.resource.region == other.resource.region and oss.overlap(before, found):
                yield Found(
                    f"OSS trigger {trigger.name} overlaps with {other.name}: bucket"
                    f" {found.bucket}, an event, the prefixes and the suffixes match the same"
                    " objects",
                    trigger.where(_TRIGGER),
                    "make the prefixes or the suffixes differ, or call the second function as a"
                    " destination of the first",
                    (Related(other.where(_TRIGGER), f"{other.name} is here"),),
                )
                break
        seen.append((trigger, found))


@rule(
    "FCA079",
    "several-events-per-upload",
    "warning",
    "An OSS trigger that fires several times for one upload.",
)
def several_events_per_upload(context: Context) -> Iterator[Found]:
    """A multipart upload has an event for its begin, for each part, and for its end."""
    for trigger, found in _readable(context):
        parts = oss.events_of_parts(found.events)
        if parts:
            names = ", ".join(event.rpartition(":")[2] for event in parts)
            yield Found(
                f"OSS trigger {trigger.name} fires several times for one multipart upload: its"
                f" events include {names}",
                trigger.where(_TRIGGER, "events"),
                f"write events: [{', '.join(oss.events_of_objects(found.events))}]",
            )


@rule(
    "FCA080",
    "oss-trigger-may-repeat",
    "warning",
    "A function that may write the objects that trigger it.",
)
def oss_trigger_may_repeat(context: Context) -> Iterator[Found]:
    """Each object that it writes there invokes it again, without end."""
    for trigger, found in _readable(context):
        why = _may_write(context, trigger, found) if found.fires_for_new_objects() else ""
        if not why:
            continue
        place = f"bucket {found.bucket}" + "".join(
            f", {name} {value}"
            for name, value in (("prefix", found.prefix), ("suffix", found.suffix))
            if value
        )
        yield Found(
            f"{trigger.resource.function_name} may write into {place}, which invokes it by trigger"
            f" {trigger.settings.get('triggerName')}: {why}",
            trigger.where(_TRIGGER),
            "write into another bucket, or under a prefix that the trigger does not have",
        )


def _may_write(context: Context, trigger: WrittenTrigger, found: oss.OssTrigger) -> str:
    """Return why a function may write the objects of its trigger, "" if it cannot."""
    props = trigger.resource.props
    if _mounts(props.get("ossMountConfig"), found):
        return "it mounts the bucket for writing"
    role = str(props.get("role") or "")
    granted = context.roles.get(role)
    if granted is not None:
        return "its role allows oss:PutObject there" if ram.may_put(granted, found) else ""
    # Prefix and suffix keep what the function writes apart from what it reads: if its role was not
    # read, they are taken as the answer.
    apart = found.prefix or found.suffix
    return "what its role allows is not known (--roles reads it)" if role and not apart else ""


def _mounts(config: object, found: oss.OssTrigger) -> bool:
    """Return whether a function can write objects of a trigger through a mounted bucket."""
    points = config.get("mountPoints") if isinstance(config, dict) else None
    for point in points if isinstance(points, list) else ():
        if not isinstance(point, dict) or point.get("bucketName") != found.bucket:
            continue
        folder = point.get("bucketPath") or ""
        if point.get("readOnly") is True or not isinstance(folder, str):
            continue
        path = folder.strip("/") + "/" if folder.strip("/") else ""
        if is_unresolved(folder) or path.startswith(found.prefix) or found.prefix.startswith(path):
            return True
    return False
