# SPDX-License-Identifier: MIT
"""Makes up for what a timer that was stopped has missed, in an account and locally.

Invariants:

- The task id of a firing is made of the trigger and the moment, so that in task mode the service
  fires the same moment once.
- A moment for which the function has a task with the timer's own event has fired, and is left out.
"""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import lists
from fc_async_plugin.operate.tasks import FunctionTasks
from fc_async_sdk import _endpoint
from fc_async_sdk._decoding import prepare
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.events import encode
from fc_async_sdk.events import triggers as events
from fc_async_sdk.spec import limits, timers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk import AsyncTask, Client, Outcome
    from fc_async_sdk.admin.models import Task
    from fc_async_sdk.pacing import Pace

_TIMER = "timer"
_MOST: Final = 10_000
"""Tasks of a function that are read to see what fired, the newest."""


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


class Known(NamedTuple):
    """The firings of a span that the function's tasks show.

    Attributes:
        task_ids: Keys of :attr:`Missed.firings` that have fired: by the timer, or in a backfill.
        unknown: Why others may have fired as well, a sentence; "" if none has.
    """

    task_ids: frozenset[str]
    unknown: str = ""


class _TimerEvent(msgspec.Struct, rename="camel"):
    """The fields of a timer's event that tell the firing."""

    trigger_time: str
    trigger_name: str


prepare(_TimerEvent)


def fired(client: Client, timer: Missed, *, now: int) -> Known:
    """Return which moments of a span have fired already.

    Args:
        client: A client of the function's region.
        timer: The firings.
        now: Milliseconds since the epoch.
    """
    begin = min(timer.firings.values())
    tasks: list[AsyncTask | Task]
    try:
        # A local runtime remembers its invocations without task mode, too.
        if _endpoint.parse(client.endpoint_url).loopback:
            tasks = list(islice(_of_runtime(client, timer, begin), _MOST))
        elif lists.in_task_mode(client, timer.function, timer.qualifier):
            tasks = list(islice(_of_account(client, timer, begin), _MOST))
        else:
            return Known(frozenset(), f"{timer.function} is not in task mode")
    except FcAsyncError as error:
        # Keys that may call a function need not be allowed to list its tasks.
        return Known(frozenset(), str(error))
    ids = {
        events.timer(timer.trigger, at)["triggerTime"]: task_id
        for task_id, at in timer.firings.items()
    }
    known: set[str] = set()
    for task in tasks:
        event = _event_of(task)
        if event is not None and event.trigger_name == timer.trigger:
            known.add(ids.get(event.trigger_time, ""))
    unknown = ""
    if begin < now - limits.TASK_RETENTION_SECONDS * 1_000:
        unknown = "tasks are kept for seven days"
    elif len(tasks) == _MOST:
        unknown = f"only the newest {_MOST:,} tasks were read"
    return Known(frozenset(known - {""}), unknown)


def _of_runtime(client: Client, timer: Missed, begin: int) -> Iterator[Task]:
    """Yield the invocations that a local runtime has accepted since a moment."""
    token = None
    while True:
        page = client.send(
            admin.list_tasks(
                timer.function,
                limit=limits.PAGE_SIZE.high,
                next_token=token,
                started_time_begin=begin,
                include_payload=True,
            )
        )
        yield from page.tasks
        token = page.next_token
        if not token:
            return


def _of_account(client: Client, timer: Missed, begin: int) -> Iterator[AsyncTask]:
    """Yield the tasks that have started since a moment, after those that wait for their start."""
    tasks = FunctionTasks(client, timer.function, timer.qualifier)
    yield from tasks.all(status="Enqueued", include_payload=True)
    yield from tasks.all(started_time_begin=begin, include_payload=True)


def _event_of(task: AsyncTask | Task) -> _TimerEvent | None:
    """Return the event of a timer with which a task was called; None if it was another one."""
    if task.task_payload is None or task.task_payload_encoding:
        return None
    try:
        return msgspec.json.decode(task.task_payload, type=_TimerEvent)
    except (msgspec.DecodeError, RecursionError):
        return None


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
