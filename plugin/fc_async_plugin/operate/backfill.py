# SPDX-License-Identifier: MIT
"""Makes up for what a timer that was stopped has missed, in an account and locally.

Invariant: the task id of a firing is made of the trigger and the moment, so that in task mode the
service fires the same moment once.
"""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin import PluginError
from fc_async_sdk.events import encode
from fc_async_sdk.events import triggers as events
from fc_async_sdk.spec import timers

if TYPE_CHECKING:
    from fc_async_sdk import Client, Outcome
    from fc_async_sdk.pacing import Pace

_TIMER = "timer"


class Missed(NamedTuple):
    """The firings of a timer in a span of time.

    Attributes:
        function: Name of the function.
        trigger: Name of the trigger.
        qualifier: Version or alias that the trigger calls.
        payload: Text that its events contain.
        firings: Moments in milliseconds since the epoch, by the task ids of their invocations.
    """

    function: str
    trigger: str
    qualifier: str | None
    payload: str
    firings: dict[str, int]


def missed(
    client: Client, function: str, trigger: str, span: tuple[int, int], *, limit: int
) -> Missed:
    """Return when a timer fires in a span of time, whether it is enabled or not.

    Args:
        client: A client of the function's region.
        function: Name of the function.
        trigger: Name of the trigger.
        span: First and last moment, milliseconds since the epoch.
        limit: The largest number of firings.

    Raises:
        TriggerNotFound: There is no such trigger.
        PluginError: It is not a timer, its configuration is invalid, or it fires too often.
    """
    timer = client.get_trigger(function, trigger)
    if timer.trigger_type != _TIMER:
        raise PluginError(f"{trigger} is not a timer, but a trigger of type {timer.trigger_type}")
    try:
        config = timers.read(timer.trigger_config or "{}")
    except timers.InvalidTimer as error:
        raise PluginError(f"timer {trigger}: {error}") from error
    schedule = timers.parse(config.cron_expression)
    begin, end = span
    # begin - 1: the first moment of the span is part of it, and firings() yields later ones only.
    moments = timers.firings(schedule, begin - 1, since=_changed(timer.last_modified_time))
    firings = list(islice(takewhile(lambda at: at <= end, moments), limit + 1))
    if len(firings) > limit:
        raise PluginError(f"these are more than {limit} firings: choose a shorter time or --limit")
    # The id recognises a firing in a second backfill of the same span.
    ids = {f"{trigger}-{_utc(at):%Y%m%dT%H%M%SZ}": at for at in firings}
    return Missed(function, trigger, timer.qualifier, config.payload, ids)


def fire(client: Client, timer: Missed, pace: Pace | None = None) -> list[Outcome]:
    """Invoke the function for each moment, with the event that the timer would have made."""
    ids = list(timer.firings)
    payloads = [
        encode(events.timer(timer.trigger, at, payload=timer.payload))
        for at in timer.firings.values()
    ]
    run = client.fan_out(
        timer.function,
        payloads,
        task_ids=lambda at, _: ids[at],
        qualifier=timer.qualifier,
        pace=pace,
    )
    # By moment; the answers come in any order.
    return sorted(run, key=lambda outcome: outcome.index)


def _changed(text: str | None) -> int:
    """Return when a trigger was changed last: the intervals of ``@every`` begin there."""
    moment = datetime.fromisoformat((text or "1970-01-01T00:00:00Z").replace("Z", "+00:00"))
    return round(moment.timestamp() * 1_000)


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000, timezone.utc)
