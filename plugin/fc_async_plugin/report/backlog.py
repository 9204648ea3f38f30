# SPDX-License-Identifier: MIT
"""Shows why calls of a function wait, as lines of names and values. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.report.moments import duration, plural, short_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk.spec.backlog import Explanation, Held

Row = tuple[str, str]
"""A name, "" if it continues the row before, and a value."""
_WHOLE_FROM: Final = 100


def title(explanation: Explanation) -> str:
    """Return the sentence that everything else explains."""
    waiting = explanation.waiting
    running = explanation.running
    waits = "unknown waiting" if waiting is None else f"{waiting:,} waiting"
    runs = "unknown running" if running is None else f"{running:,} running"
    return f"{explanation.function}: {waits}, {runs}"


def rows(explanation: Explanation, now: int) -> Iterator[Row]:
    """Yield what is known, what holds the calls with the setting to change, what is not known.

    Args:
        explanation: What to show.
        now: Milliseconds since the epoch.
    """
    since = short_time(explanation.paused_since, now)
    if since is not None:
        yield "paused", f"since {since}"
    yield from _rates(explanation)
    yield from _durations(explanation)
    yield from _capacity(explanation)
    yield "drains", drain(explanation)
    for held in explanation.held_by:
        yield "held by", _held(held)
        if held.detail:
            yield "", f"given as reason: {held.detail}"
        yield "", f"change: {held.setting.replace('FUNCTION', explanation.function)}"
    for text in explanation.unknown:
        yield "not known", text


def _rates(explanation: Explanation) -> Iterator[Row]:
    if explanation.arrivals_per_minute is None or explanation.ends_per_minute is None:
        return
    text = (
        f"{_rate(explanation.arrivals_per_minute)} arrive a minute, "
        f"{_rate(explanation.ends_per_minute)} end"
    )
    if explanation.hops_per_minute:
        text += f"; not counted: {_rate(explanation.hops_per_minute)} that were only sent on"
    yield "rates", text


def _durations(explanation: Explanation) -> Iterator[Row]:
    if explanation.mean_ms is None:
        return
    parts = [f"mean {duration(round(explanation.mean_ms))}"]
    if explanation.median_ms is not None:
        parts.append(f"median {duration(round(explanation.median_ms))}")
    if explanation.p90_ms is not None:
        parts.append(f"90 % within {duration(round(explanation.p90_ms))}")
    yield "durations", ", ".join(parts)


def _capacity(explanation: Explanation) -> Iterator[Row]:
    if explanation.capacity_per_minute is not None:
        yield "capacity", f"{_rate(explanation.capacity_per_minute)} a minute"
    if explanation.instances_needed is not None:
        yield "needed", f"{plural(explanation.instances_needed, 'instance')} for these arrivals"


def drain(explanation: Explanation) -> str:
    """Return when what waits will have begun, in words."""
    if explanation.waiting == 0:
        return "nothing waits"
    if explanation.grows:
        return "never: more calls arrive than its limits allow"
    if explanation.drain_seconds is not None:
        return f"in {duration(explanation.drain_seconds * 1_000)}, if nothing changes"
    stopped = [held.what for held in explanation.held_by if held.cause in ("paused", "blocked")]
    return f"not now: {stopped[0]}" if stopped else "not known"


def _held(held: Held) -> str:
    parts = []
    if held.calls is not None:
        parts.append(plural(held.calls, "call"))
    if held.limit is not None:
        parts.append(f"limit {held.limit:,}")
    return f"{held.what} ({', '.join(parts)})" if parts else held.what


def _rate(per_minute: float) -> str:
    """Return a rate with three digits, or as a whole number from 100 on."""
    return f"{per_minute:,.0f}" if per_minute >= _WHOLE_FROM else f"{per_minute:.3g}"
