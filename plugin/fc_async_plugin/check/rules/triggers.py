# SPDX-License-Identifier: MIT
"""Rules about triggers: their configuration, what they may start, where errors of invocations go.

Values with a ``${…}`` that only ``s`` resolves are not looked at.
"""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from fc_async_plugin.check.graph.build import source_node
from fc_async_plugin.check.rules.rule import Found, Related, rule
from fc_async_plugin.s_yaml.model import BLOCK, is_unresolved, unresolved_in, value_at
from fc_async_sdk.spec import limits, oss, ram, timers, triggers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_plugin.s_yaml.problems import Position
    from fc_async_sdk.spec.graph import Node


_ALWAYS_ASYNCHRONOUS: Final = frozenset({"timer", "oss", "mns_topic"})
"""Types whose invocations are asynchronous (user guide, "Triggers")."""
_SHOWN: Final = 3


class WrittenTrigger(NamedTuple):
    """A trigger as it is written."""

    resource: Resource
    number: int
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Function and trigger, for messages."""
        return f"{self.resource.function_name}/{self.settings.get('triggerName')}"

    @property
    def kind(self) -> str:
        """``triggerType``; "" if it is not a text."""
        # A triggerType that was a mapping ended all rules with a traceback.
        kind = self.settings.get("triggerType")
        return kind if isinstance(kind, str) else ""

    @property
    def config(self) -> Any:
        """``triggerConfig``; an empty mapping if it is left out."""
        config = self.settings.get("triggerConfig")
        return {} if config is None else config

    @property
    def target(self) -> Node:
        """The function that it calls, by a version or alias."""
        qualifier = str(self.settings.get("qualifier") or limits.DEFAULT_QUALIFIER)
        return source_node(self.resource)._replace(qualifier=qualifier)

    @property
    def asynchronous(self) -> bool:
        """True if it invokes its function asynchronously."""
        if self.kind in _ALWAYS_ASYNCHRONOUS:
            return True
        chosen = value_at(self.config, "asyncInvocationType")
        return self.kind == "eventbridge" and chosen is True

    def where(self, *path: str) -> Position:
        """Return where a value of it is written, or its nearest parent."""
        return self.resource.where("triggers", self.number, *path)

    def has_unresolved(self) -> bool:
        """Return whether a part of it is known only after ``s`` has resolved it."""
        return any(unresolved_in(self.settings))


def written_triggers(context: Context, *kinds: str) -> Iterator[WrittenTrigger]:
    """Yield the triggers of all functions, of some types if they are named."""
    for resource in context.functions:
        for index, settings in resource.each("triggers"):
            trigger = WrittenTrigger(resource, index, settings)
            if not kinds or trigger.kind in kinds:
                yield trigger


@rule("FCA070", "invalid-timer", "error")
def invalid_timer(context: Context) -> Iterator[Found]:
    """A timer that the service cannot read.

    The six fields of cronExpression or @every, the time zone, and the size of the payload.
    """
    for trigger in written_triggers(context, "timer"):
        if trigger.has_unresolved():
            continue
        try:
            timers.read(trigger.config)
        except timers.InvalidTimer as error:
            yield Found(
                f"timer {trigger.name}: {error}",
                trigger.where("triggerConfig", *filter(None, [error.field])),
                "such as 0 0 4 * * *, or CRON_TZ=Asia/Shanghai 0 0 4 * * *, or @every 5m",
            )


def _timers(context: Context) -> Iterator[tuple[WrittenTrigger, timers.TimerConfig]]:
    """Yield the timers that can be read."""
    for trigger in written_triggers(context, "timer"):
        if not trigger.has_unresolved():
            try:
                config = timers.read(trigger.config)
            except timers.InvalidTimer:
                continue
            yield trigger, config


@rule("FCA071", "next-firings", "note")
def next_firings(context: Context) -> Iterator[Found]:
    """The next firing times of a timer.

    Times are UTC unless CRON_TZ is set; @every counts from the deployment.
    """
    for trigger, config in _timers(context):
        if not config.enable:
            continue
        schedule = timers.parse(config.cron_expression)
        zone = ZoneInfo(schedule.zone)
        moments = timers.firings(schedule, context.now, since=context.now)
        shown = ", ".join(_shown(moment, zone) for moment in islice(moments, _SHOWN))
        since = "; the interval begins with the deployment" if schedule.every_ms else ""
        utc = schedule.zone == "UTC" and not schedule.every_ms
        yield Found(
            f"timer {trigger.name} fires next at {shown}{since}",
            trigger.where("triggerConfig", "cronExpression"),
            "write CRON_TZ=Asia/Shanghai in front for another time zone than UTC" if utc else "",
        )


def _shown(moment: int, zone: ZoneInfo) -> str:
    local_time = datetime.fromtimestamp(moment / 1_000, timezone.utc).astimezone(zone)
    return f"{local_time:%a %Y-%m-%d %H:%M:%S %Z}"


@rule("FCA072", "ambiguous-days", "warning")
def ambiguous_days(context: Context) -> Iterator[Found]:
    """A timer that restricts both kinds of days.

    The service does not document whether days must match both fields, or either.
    """
    for trigger, config in _timers(context):
        if timers.parse(config.cron_expression).both_days:
            yield Found(
                f"timer {trigger.name} restricts day of month and day of week: whether both or"
                " either must match is not documented",
                trigger.where("triggerConfig", "cronExpression"),
                "write ? for one of the two, and use two timers if both are needed",
            )


def _failure_destinations(context: Context) -> dict[Node, bool]:
    """Return whether each function and qualifier with a block has a failure destination."""
    return {
        source_node(resource): is_unresolved(block.get("destinationConfig"))
        or bool(resource.at(BLOCK, "destinationConfig", "onFailure"))
        for resource, block in context.blocks
        if block
    }


@rule("FCA075", "async-trigger-without-failure-destination", "warning")
def async_trigger(context: Context) -> Iterator[Found]:
    """A trigger whose failed invocations are dropped silently.

    Its invocations are asynchronous, and the qualifier that it calls has no configuration.
    """
    written = list(written_triggers(context))
    configured = _failure_destinations(context) if written else {}
    for trigger in written:
        target = trigger.target
        if not trigger.asynchronous or is_unresolved(target.qualifier) or target in configured:
            continue  # FCA050 finds a block without a failure destination
        yield Found(
            f"trigger {trigger.name} invokes {target.name}/{target.qualifier} asynchronously, which"
            f" has no {BLOCK}: an invocation that fails for good is dropped",
            trigger.where("triggerName"),
            f"add {BLOCK} with destinationConfig.onFailure for this qualifier",
        )


@rule("FCA076", "dead-letters-of-async-trigger", "warning")
def dead_letters(context: Context) -> Iterator[Found]:
    """A dead-letter queue of a trigger that gets no failed invocations.

    Of an asynchronous trigger it gets only what could not be queued, and only with ALL.
    """
    written = list(written_triggers(context, "eventbridge"))
    configured = _failure_destinations(context) if written else {}
    for trigger in written:
        options = _mapping(trigger.config).get("runOptions")
        if not isinstance(options, dict):
            continue
        queue = options.get("deadLetterQueue")
        if not is_unresolved(queue) and not _mapping(queue).get("Arn"):
            continue
        position = trigger.where("triggerConfig", "runOptions", "deadLetterQueue")
        tolerance = options.get("errorsTolerance", triggers.ERRORS_TOLERANCE)
        if tolerance != "ALL" and not is_unresolved(tolerance):
            yield Found(
                f"the dead-letter queue of trigger {trigger.name} is never used: errorsTolerance is"
                f" {tolerance}, so nothing is given up",
                position,
                "write errorsTolerance: ALL",
            )
        target = trigger.target
        # By node, with its region: by name alone, a failure destination of a function of this name
        # in another region hid that this one has none.
        if trigger.asynchronous and not configured.get(target, False):
            yield Found(
                f"the dead-letter queue of trigger {trigger.name} gets no errors of"
                f" {target.name}/{target.qualifier}: they belong to the asynchronous invocation",
                position,
                f"add the queue as destinationConfig.onFailure of {BLOCK}, too",
            )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_TRIGGER: Final = "triggerConfig"


_OSS_FIXES: Final = {
    "sourceArn": "name the bucket: 3 to 63 lower-case letters, digits and -, as in"
    " acs:oss:cn-hangzhou:1234567890123456:my-bucket",
    "triggerConfig": "write events, and filter.key with prefix and suffix",
    "events": "events are such as oss:ObjectCreated:PutObject",
    "filter": "prefix and suffix are plain text, such as in/ and .zip",
}
"""Advice about an invalid OSS trigger, by the field that is wrong."""


@rule("FCA073", "invalid-oss-trigger", "error")
def invalid_oss_trigger(context: Context) -> Iterator[Found]:
    """An OSS trigger that the service refuses.

    The bucket, the events, and prefix and suffix.
    """
    for trigger in written_triggers(context, "oss"):
        if trigger.has_unresolved():
            continue
        try:
            _read(trigger)
        except oss.InvalidOssTrigger as error:
            yield Found(
                f"OSS trigger {trigger.name}: {error}",
                trigger.where(*error.path),
                # The path is sourceArn, triggerConfig, or triggerConfig and a field in it.
                _OSS_FIXES[error.path[:2][-1]],
            )


def _read(trigger: WrittenTrigger) -> oss.OssTrigger:
    source_arn = trigger.settings.get("sourceArn")
    return oss.read(source_arn if isinstance(source_arn, str) else "", trigger.config)


def _readable(context: Context) -> Iterator[tuple[WrittenTrigger, oss.OssTrigger]]:
    """Yield the OSS triggers that can be read."""
    for trigger in written_triggers(context, "oss"):
        if not trigger.has_unresolved():
            try:
                oss_trigger = _read(trigger)
            except oss.InvalidOssTrigger:
                continue
            yield trigger, oss_trigger


@rule("FCA074", "overlapping-oss-triggers", "error")
def overlapping_oss_triggers(context: Context) -> Iterator[Found]:
    """Two OSS triggers for the same objects.

    OSS refuses a trigger if event, prefix and suffix overlap with those of another.
    """
    seen: list[tuple[WrittenTrigger, oss.OssTrigger]] = []
    for trigger, oss_trigger in _readable(context):
        for other, before in seen:
            same_region = trigger.resource.region == other.resource.region
            if same_region and oss.overlap(before, oss_trigger):
                yield Found(
                    f"OSS trigger {trigger.name} overlaps with {other.name}: bucket"
                    f" {oss_trigger.bucket}, an event, the prefixes and the suffixes match the same"
                    " objects",
                    trigger.where(_TRIGGER),
                    "make the prefixes or the suffixes differ, or call the second function as a"
                    " destination of the first",
                    (Related(other.where(_TRIGGER), f"{other.name} is here"),),
                )
                # One finding a trigger: after the first one is mended, the next run names another.
                break
        seen.append((trigger, oss_trigger))


@rule("FCA079", "several-events-per-upload", "warning")
def several_events_per_upload(context: Context) -> Iterator[Found]:
    """An OSS trigger that fires several times for one upload.

    A multipart upload has an event for its begin, for each part, and for its end.
    """
    for trigger, oss_trigger in _readable(context):
        parts = oss.events_of_parts(oss_trigger.events)
        if parts:
            names = ", ".join(event.rpartition(":")[2] for event in parts)
            yield Found(
                f"OSS trigger {trigger.name} fires several times for one multipart upload: its"
                f" events include {names}",
                trigger.where(_TRIGGER, "events"),
                f"write events: [{', '.join(oss.events_of_objects(oss_trigger.events))}]",
            )


@rule("FCA080", "oss-trigger-may-repeat", "warning")
def oss_trigger_may_repeat(context: Context) -> Iterator[Found]:
    """A function that may write the objects that trigger it.

    Each object that it writes there invokes it again, without end.
    """
    for trigger, oss_trigger in _readable(context):
        if not oss_trigger.fires_for_new_objects():
            continue
        why = _may_write(context, trigger, oss_trigger)
        if not why:
            continue
        name = trigger.resource.function_name
        yield Found(
            f"{name} may write into {_objects(oss_trigger)}, which invokes it by trigger"
            f" {trigger.settings.get('triggerName')}: {why}",
            trigger.where(_TRIGGER),
            "write into another bucket, or under a prefix that the trigger does not have",
        )


def _objects(oss_trigger: oss.OssTrigger) -> str:
    prefix = f", prefix {oss_trigger.prefix}" if oss_trigger.prefix else ""
    suffix = f", suffix {oss_trigger.suffix}" if oss_trigger.suffix else ""
    return f"bucket {oss_trigger.bucket}{prefix}{suffix}"


def _may_write(context: Context, trigger: WrittenTrigger, oss_trigger: oss.OssTrigger) -> str:
    """Return why a function may write the objects of its trigger, "" if it cannot."""
    if _mounts(trigger.resource, oss_trigger):
        return "it mounts the bucket for writing"
    role = str(trigger.resource.props.get("role") or "")
    granted = context.roles.get(role)
    if granted is not None:
        return "its role allows oss:PutObject there" if ram.may_put(granted, oss_trigger) else ""
    # Prefix and suffix keep what the function writes apart from what it reads: if its role was not
    # read, they are taken as the answer.
    apart = oss_trigger.prefix or oss_trigger.suffix
    return "what its role allows is not known (--roles reads it)" if role and not apart else ""


def _mounts(resource: Resource, oss_trigger: oss.OssTrigger) -> bool:
    """Return whether a function can write objects of a trigger through a mounted bucket."""
    for _, point in resource.each("ossMountConfig", "mountPoints"):
        if point.get("bucketName") != oss_trigger.bucket:
            continue
        folder = point.get("bucketPath") or ""
        if point.get("readOnly") is True or not isinstance(folder, str):
            continue
        inner = folder.strip("/")
        path = f"{inner}/" if inner else ""
        # The mounted folder may contain the prefix, or be below it.
        overlaps = path.startswith(oss_trigger.prefix) or oss_trigger.prefix.startswith(path)
        if overlaps or is_unresolved(folder):
            return True
    return False
