# SPDX-License-Identifier: MIT
"""Shows times, durations and counts as a person says them, in this machine's time zone. Pure."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_UNITS: Final = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s"))


def plural(number: int, noun: str) -> str:
    """Return a count with its noun, such as ``2 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summary(total: int | str, accepted: int, before: int, failed: int = 0) -> str:
    """Return the sentence at the end of many calls, of which some were accepted before."""
    whole = total if isinstance(total, str) else f"{total:,}"
    text = f"Accepted: {accepted:,} of {whole}"
    if before:
        text += f", {before:,} of them before"
    if failed:
        text += f"; {failed:,} failed"
    return f"{text}."


def full_time(milliseconds: int | None) -> str | None:
    """Return a moment with its date, milliseconds and zone; None if it is unknown (None or 0)."""
    if not milliseconds:
        return None
    return _local(milliseconds).isoformat(sep=" ", timespec="milliseconds")


def clock_time(milliseconds: int, *, near: int | None = None) -> str:
    """Return the time of day of a moment, with its date unless that is the day of ``near``."""
    moment = _local(milliseconds)
    form = "%H:%M:%S.%f"
    if near is not None and _local(near).date() != moment.date():
        form = f"%Y-%m-%d {form}"
    # %f are microseconds: the last three digits are 0.
    return moment.strftime(form)[:-3]


def short_time(milliseconds: int | None, now: int) -> str | None:
    """Return a moment as short as it can be understood, or None if it is unknown (None or 0).

    Args:
        milliseconds: Time since the epoch.
        now: The present; today's times have no date, this year's dates no year.
    """
    if not milliseconds:
        return None
    moment = _local(milliseconds)
    present = _local(now)
    if moment.date() == present.date():
        return f"{moment:%H:%M:%S}"
    if moment.year == present.year:
        return f"{moment:%b %d %H:%M}"
    return f"{moment:%Y-%m-%d}"


def sent_again(milliseconds: int, status: str, now: int) -> str:
    """Return when a failure was sent again and what became of it: ``19:22:05 → Succeeded``."""
    return f"{short_time(milliseconds, now) or 'not begun'} → {status}"


def due(milliseconds: int | None, now: int) -> str | None:
    """Return when something will happen, such as ``due in 3 min``; None if that is unknown."""
    if not milliseconds:
        return None
    remaining = milliseconds - now
    if remaining <= 0:
        return "due now"
    return f"due in {duration(_rounded(remaining))}"


def _rounded(milliseconds: int) -> int:
    """Return whole seconds, or whole minutes where these are many."""
    unit = _SECOND
    if milliseconds >= 2 * _MINUTE:
        unit = _MINUTE
    units = round(milliseconds / unit)
    return max(units, 1) * unit


def duration(milliseconds: int) -> str:
    """Return a duration such as ``83 ms``, ``12.3 s`` or ``2 h 5 min``: at most two units."""
    if milliseconds < _SECOND:
        return f"{milliseconds} ms"
    if milliseconds < _MINUTE:
        seconds = milliseconds / _SECOND
        digits = 0 if milliseconds % _SECOND == 0 else 1
        return f"{seconds:.{digits}f} s"
    remaining = milliseconds
    parts: list[str] = []
    largest: int | None = None
    for position, (size, name) in enumerate(_UNITS):
        count, remaining = divmod(remaining, size)
        if count == 0:
            continue
        if largest is None:
            largest = position
        # Two neighbouring units: "2 d 5 min" would be more exact than "2 d 3 h" is.
        if position <= largest + 1:
            parts.append(f"{count} {name}")
    return " ".join(parts)


def _local(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).astimezone()
