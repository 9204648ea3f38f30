# SPDX-License-Identifier: MIT
"""Timer triggers: their configuration, the grammar of ``cronExpression``, when they fire. Pure.

The documented grammar is checked here; ``cronsim`` (extras ``cli`` and ``local``) finds the minutes
that match. A firing is a moment whose wall time in the zone matches: a wall time that a change to
daylight saving leaves out does not fire, one that comes twice fires twice (user guide: a run
may repeat or be left out).

Source: the pages "Timer triggers" of the user guide, 3.0 and 2.0 (docs/reference/sources.md).
"""

from __future__ import annotations

import functools
import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from fc_async_sdk import _decoding
from fc_async_sdk._installation import needed_for
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZONE_PREFIX: Final = "CRON_TZ="
_EVERY: Final = re.compile(
    r"@every\s+(?=[0-9])(?:(?P<hours>[0-9]{1,6})h)?(?:(?P<minutes>[0-9]{1,6})m)?"
)
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_LONGEST: Final = 1_024
"""Ours: characters of an expression; lists of all minutes have fewer."""
_MINUTE_MS: Final = 60_000
_SECOND: Final = timedelta(seconds=1)
_DAY: Final = timedelta(days=1)


class InvalidSchedule(ValueError):
    """A ``cronExpression`` is outside of the documented grammar, or never fires."""


class InvalidTimer(ValueError):
    """The configuration of a timer trigger is invalid.

    Attributes:
        field: The field of ``triggerConfig`` that is invalid, "" if it is the whole.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TimerConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``triggerConfig`` of a timer trigger.

    Attributes:
        cron_expression: See :func:`parse`.
        enable: Whether it fires.
        payload: Text that its events contain.
    """

    cron_expression: str
    enable: bool = True
    payload: str = ""


_decoding.prepare(TimerConfig)


class Schedule(NamedTuple):
    """Firing times of a timer, read from a ``cronExpression``.

    Attributes:
        every_ms: The interval of ``@every``; 0 if it has cron fields.
        second: The second of the minute.
        fields: Minutes to day of week, as cron spells them.
        zone: IANA name of the time zone.
        both_days: Whether day of month and day of week are both restricted. Which days match then
            is not documented; here it is either.
    """

    every_ms: int = 0
    second: int = 0
    fields: str = ""
    zone: str = "UTC"
    both_days: bool = False


class _Field(NamedTuple):
    """One field: its name, range and signs (user guide of FC 2.0, "Timer triggers")."""

    name: str
    low: int
    high: int
    signs: str
    words: tuple[str, ...] = ()


_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_DAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_FIELDS: Final = (
    _Field("Seconds", 0, 59, ""),
    _Field("Minutes", 0, 59, ",-*/"),
    _Field("Hours", 0, 23, ",-*/"),
    _Field("Day-of-month", 1, 31, ",-*?/"),
    _Field("Month", 1, 12, ",-*/", _MONTHS),
    # 0 is Sunday too: the service's engine is not known, and cron has both.
    _Field("Day-of-week", 0, 7, ",-*?", _DAYS),
)


def read(config: object) -> TimerConfig:
    """Return the configuration of a timer whose expression and payload are valid.

    Args:
        config: ``triggerConfig``, as a mapping or as JSON text.

    Raises:
        InvalidTimer: A field is missing, has another type, or an invalid value.
    """
    try:
        timer = _decoding.read(config, TimerConfig)
        size = len(timer.payload.encode())
    except _decoding.JSON_ERRORS as error:
        raise InvalidTimer("", f"triggerConfig: {error}") from None
    if size > limits.ASYNC_PAYLOAD_BYTES:
        raise InvalidTimer(
            "payload",
            f"payload must have at most {limits.ASYNC_PAYLOAD_BYTES} bytes, got {size}",
        )
    try:
        parse(timer.cron_expression)
    except InvalidSchedule as error:
        raise InvalidTimer("cronExpression", f"cronExpression: {error}") from None
    return timer


def parse(expression: str) -> Schedule:
    """Read a ``cronExpression``.

    ``@every 5m`` has hours and minutes. Otherwise there are six fields: Seconds Minutes Hours
    Day-of-month Month Day-of-week. ``CRON_TZ=Asia/Shanghai`` before them sets the time zone.

    Raises:
        InvalidSchedule: It is outside of the grammar; the message names the field and the value.
        ConfigurationError: ``cronsim`` is not installed.
    """
    if len(expression) > _LONGEST:
        raise InvalidSchedule(f"it has {len(expression)} characters, at most {_LONGEST} are read")
    return _parse(expression)


@functools.lru_cache(maxsize=1_024)
def _parse(expression: str) -> Schedule:
    zone = "UTC"
    fields = expression.strip()
    if fields.startswith(_ZONE_PREFIX):
        zone, _, fields = fields.removeprefix(_ZONE_PREFIX).partition(" ")
        _zone(zone)
        fields = fields.strip()
    if fields.startswith("@"):
        return Schedule(every_ms=_every(fields), zone=zone)
    return _cron(fields.split(), zone)


def _every(text: str) -> int:
    hours = 0
    minutes = 0
    match = _EVERY.fullmatch(text)
    if match:
        hours = int(match["hours"] or 0)
        minutes = int(match["minutes"] or 0)
    if not hours and not minutes:
        raise InvalidSchedule(
            f"{shorten(text)} is invalid: write @every and whole minutes or hours, such as"
            " @every 5m"
        )
    return (60 * hours + minutes) * _MINUTE_MS


def _cron(parts: list[str], zone: str) -> Schedule:
    if len(parts) != len(_FIELDS):
        names = " ".join(field.name for field in _FIELDS)
        raise InvalidSchedule(f"it has {len(parts)} fields, expected {len(_FIELDS)}: {names}")
    texts = [_normal(field, part.upper()) for field, part in zip(_FIELDS, parts, strict=True)]
    second, minutes, hours, day_of_month, month, day_of_week = texts
    schedule = Schedule(
        second=int(second),
        fields=f"{minutes} {hours} {day_of_month} {month} {day_of_week}",
        zone=zone,
        both_days=day_of_month != "*" and day_of_week != "*",
    )
    if _next_wall_time(schedule, datetime(2024, 1, 1)) is None:  # noqa: DTZ001 -- a wall time
        raise InvalidSchedule("it never fires: no month has such a day")
    return schedule


def _normal(field: _Field, text: str) -> str:
    """Return a field with numbers for names and ``*`` for ``?``.

    Raises:
        InvalidSchedule: It is outside of the grammar.
    """
    if text == "*" and "*" in field.signs:
        return text
    if text == "?" and "?" in field.signs:
        return "*"
    if "," in text and "," not in field.signs:
        raise _refused(field, text, "a list is not allowed")
    return ",".join(_term(field, term) for term in text.split(","))


def _term(field: _Field, text: str) -> str:
    base, slash, step = text.partition("/")
    if slash and "/" not in field.signs:
        raise _refused(field, text)
    if slash and (not _NUMBER.fullmatch(step) or not int(step)):
        raise _refused(field, text, "a step is n/m with m from 1")
    if "-" in base:
        base = _range(field, base, text)
    elif base != "*" or "*" not in field.signs:
        base = str(_value(field, base, text))
    return f"{base}/{int(step)}" if slash else base


def _range(field: _Field, base: str, text: str) -> str:
    first, _, last = base.partition("-")
    low = _value(field, first, text)
    high = _value(field, last, text)
    if field.words is _DAYS:
        low %= 7  # SUN-WED begins with 0
    if low > high:
        raise _refused(field, text, "the range is reversed")
    if "-" not in field.signs:
        raise _refused(field, text)
    return f"{low}-{high}"


def _value(field: _Field, word: str, text: str) -> int:
    if word in field.words:
        return field.words.index(word) + 1
    if not _NUMBER.fullmatch(word) or not field.low <= int(word) <= field.high:
        raise _refused(field, text)
    return int(word)


def _refused(field: _Field, text: str, why: str = "") -> InvalidSchedule:
    low = 1 if field.words is _DAYS else field.low
    words = f" or {field.words[0]}-{field.words[-1]}" if field.words else ""
    signs = f", with {' '.join(field.signs)}" if field.signs else ", one number"
    reason = f"; {why}" if why else ""
    return InvalidSchedule(
        f"{field.name} {shorten(text)} is invalid: {low}-{field.high}{words}{signs}{reason}"
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise InvalidSchedule(
            f"time zone {shorten(name)} does not exist: write an IANA name, such as Asia/Shanghai"
        ) from None


def firings(schedule: Schedule, after: int, *, since: int) -> Iterator[int]:
    """Yield the moments at which a timer fires, in order.

    Args:
        schedule: When it fires.
        after: The first one is after this moment. Milliseconds since the epoch, as the results.
        since: When the timer was created or changed last; the intervals of ``@every`` begin there.
    """
    moment = next_firing(schedule, after, since=since)
    while moment is not None:
        yield moment
        moment = next_firing(schedule, moment, since=since)


def next_firing(schedule: Schedule, after: int, *, since: int) -> int | None:
    """Return the first moment after another at which a timer fires; see :func:`firings`.

    Returns:
        Milliseconds since the epoch, None if there is no such moment in 50 years.
    """
    if schedule.every_ms:
        start = since // 1_000 * 1_000  # events name whole seconds
        passed = (after - start) // schedule.every_ms
        return start + max(passed + 1, 1) * schedule.every_ms
    moment = _next_moment(schedule, datetime.fromtimestamp(after // 1_000, timezone.utc))
    return None if moment is None else round(moment.timestamp()) * 1_000


def _next_moment(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first moment after another whose wall time in the zone matches.

    Between two changes of the zone's offset the wall time runs evenly: a match is valid if no
    change comes before it. Otherwise the search goes on at the change, with the offset after it.
    """
    zone = _zone(schedule.zone)
    offset = _offset(zone, after)
    while True:
        wall = _next_wall_time(schedule, (after + offset).replace(tzinfo=None))
        if wall is None:
            return None
        moment = wall.replace(tzinfo=timezone.utc) - offset
        change = _first_change(zone, offset, after, moment)
        if change is None:
            return moment
        # The second of the change itself may match by the wall time after it.
        after = change - _SECOND
        offset = _offset(zone, change)


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _first_change(
    zone: tzinfo,
    offset: timedelta,
    after: datetime,
    until: datetime,
) -> datetime | None:
    """Return the first moment in (after, until] at which a zone has another offset, to a second."""
    low = after
    # Day by day, because a longer step could jump over two changes that undo each other.
    while low < until:
        high = min(low + _DAY, until)
        if _offset(zone, high) != offset:
            break
        low = high
    else:
        return None
    while high - low > _SECOND:
        seconds = (high - low) // _SECOND
        middle = low + seconds // 2 * _SECOND
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _next_wall_time(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first wall time after another that matches, None if there is none in 50 years."""
    with needed_for("a timer's schedule", "cli"):
        import cronsim  # noqa: PLC0415 -- an extra
    second = timedelta(seconds=schedule.second)
    try:
        # The fields are those from minutes on: what matches is a whole minute.
        minute: datetime = next(cronsim.CronSim(schedule.fields, after - second))
    except (StopIteration, cronsim.CronSimError):
        return None
    return minute + second
