# SPDX-License-Identifier: MIT
"""The operations of the admin API, one function each: ``client.send(operations.get_health())``.

Each returns a :class:`~fc_async_sdk.operations.Call`; none does I/O.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec.structs import replace

from fc_async_sdk import _signing
from fc_async_sdk.admin import models
from fc_async_sdk.operations.call import (
    OCTETS,
    Call,
    Repeat,
    delete_call,
    json_call,
    query,
    read_nothing,
)
from fc_async_sdk.spec import backlog

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

SECONDS: Final = 10.0
"""Time limit of a whole call: the runtime is on this machine."""
STATE_SECONDS: Final = 60.0
"""Time limit for the answer of a call about the whole state, which a restarting runtime delays."""
LONG_SECONDS: Final = 86_400.0
"""Time limit for the answer of a call that lasts until something happens, such as a long poll on a
virtual clock that stands still."""


def get_health() -> Call[models.Health]:
    """Return the addresses of a runtime whose store answers."""
    return _get("GetHealth", models.Health, "health")


def get_open_settings() -> Call[models.OpenSettings]:
    """Return the settings that say which programs may use a runtime, and what it reaches."""
    return _get("GetSettings", models.OpenSettings, "settings")


def get_stats() -> Call[models.Stats]:
    """Count invocations by status, and deliveries."""
    return _get("GetStats", models.Stats, "stats")


def get_clock() -> Call[models.Clock]:
    """Return the time of the runtime, which may be virtual."""
    return _get("GetClock", models.Clock, "clock")


def get_backlog(function: str) -> Call[backlog.Explanation]:
    """Explain why calls of a function wait, what limits them and when they will have run."""
    return _get("GetBacklog", backlog.Explanation, "functions", function, "backlog")


def list_pauses() -> Call[models.Pauses]:
    """List the functions that are paused, and those whose waiting calls start at a rate."""
    return _get("ListPauses", models.Pauses, "pauses")


def pause(function: str) -> Call[models.Pause]:
    """Let no asynchronous attempt of a function begin, until it is resumed."""
    return _put("Pause", models.Pause, None, "functions", function, "pause")


def resume(function: str, interval_us: int = 0) -> Call[models.Resumed]:
    """End the pause of a function.

    Args:
        function: Function name.
        interval_us: Microseconds between the starts of the calls that wait; 0: at once.
    """
    body = models.Resume(interval_us=interval_us)
    return _post("Resume", models.Resumed, body, "functions", function, "resume")


def get_metrics(
    function: str | None = None,
    *,
    names: Iterable[str] = (),
    start: int | None = None,
    end: int | None = None,
    period: int | None = None,
) -> Call[models.Metrics]:
    """Return metrics by function: one value each, and with a period a series of points.

    Args:
        function: Name of the function; None: all.
        names: Names of metrics; empty: all.
        start: Milliseconds since the epoch; None: all that is kept, or with a period the last
            hour or day.
        end: Milliseconds since the epoch; None: now.
        period: 60 or 3600 seconds, or None.
    """
    optional = {
        "function": function,
        "start": start,
        "end": end,
        "period": period,
    }
    pairs = [(name, str(value)) for name, value in optional.items() if value is not None]
    parameters = _signing.canonical_query([*pairs, *(("metric", name) for name in names)])
    return _get("GetMetrics", models.Metrics, "metrics", parameters=parameters)


def get_graph() -> Call[models.Graph]:
    """Return where results go, with the numbers of events."""
    return _get("GetGraph", models.Graph, "graph")


def put_places(places: models.Places) -> Call[models.KnownPlaces]:
    """Tell where a template has the destinations and triggers that were deployed."""
    return _put("PutAsyncConfigPlaces", models.KnownPlaces, places, "async-config-places")


# --- state ------------------------------------------------------------------------------------


def get_run() -> Call[models.Run]:
    """Return the name of this run of the runtime; a restart has another name."""
    return _state("GetRun", "GET", "state", "run")


def put_state(snapshot: bytes) -> Call[models.Run]:
    """Restart with a snapshot in place of everything, after the answer."""
    call = _state("PutState", "PUT", "state")
    return replace(call, body=snapshot, headers={"content-type": OCTETS})


def delete_state() -> Call[models.Run]:
    """Restart with nothing, after the answer."""
    return _state("DeleteState", "DELETE", "state")


def _state(operation: str, method: str, *segments: str) -> Call[models.Run]:
    repeat: Repeat = "always" if method == "GET" else "never"
    call = json_call(operation, method, _path(*segments), models.Run, repeat=repeat)
    return replace(call, timeout=STATE_SECONDS)


# --- invocations and debuggers ----------------------------------------------------------------


def advance_clock(seconds: float) -> Call[models.Clock]:
    """Let virtual time pass; the answer comes when everything that fell due is done."""
    body = models.Advance(seconds=seconds)
    return _long(_post("AdvanceClock", models.Clock, body, "clock", "advance"))


def invoke(function: str, body: models.Invoke) -> Call[models.Invoked]:
    """Invoke a function, asynchronously unless the body says otherwise."""
    return _post("Invoke", models.Invoked, body, "functions", function, "invoke")


def get_steps(after: int | None = None, *, wait: int = 0) -> Call[models.Steps]:
    """Return the steps of invocations after a number, or wait for the first: a long poll.

    Args:
        after: Number of the last step that is known; None: return the newest number, and what runs
            has printed so far.
        wait: Seconds on the runtime's clock. Virtual time may stand still meanwhile.
    """
    parameters = query(after=after, wait=wait or None)
    return _long(_get("GetSteps", models.Steps, "steps", parameters=parameters))


def create_destinations() -> Call[None]:
    """Make the queues, topics and buses that configurations name, unless they exist."""
    call = Call(
        operation="CreateDestinations",
        method="POST",
        path=_path("destinations"),
        read=read_nothing,
    )
    return _long(call)


def start_debugger(function: str, body: models.Debug) -> Call[models.Debugger]:
    """Run a function with a debugger."""
    return _long(_put("StartDebugger", models.Debugger, body, "debug", function))


def stop_debugger(function: str) -> Call[None]:
    """Run a function without a debugger again."""
    return delete_call("StopDebugger", _path("debug", function)).within(SECONDS)


# --- tasks ------------------------------------------------------------------------------------


def list_tasks(
    function: str | None = None,
    *,
    status: str | None = None,
    limit: int | None = None,
    next_token: str | None = None,
    started_time_begin: int | None = None,
    include_payload: bool | None = None,
) -> Call[models.Tasks]:
    """List the tasks of all functions, or of one, one page.

    Args:
        function: Name of the function.
        status: Statuses, separated by commas; None: any.
        limit: Tasks per page, 1-100; 20 when None.
        next_token: Where the page before ended.
        started_time_begin: Earliest start, or acceptance of a task that waits; milliseconds since
            the epoch.
        include_payload: True to get what each was called with.
    """
    parameters = query(
        function=function,
        status=status,
        limit=limit,
        nextToken=next_token,
        startedTimeBegin=started_time_begin,
        includePayload=include_payload,
    )
    return _get("ListTasks", models.Tasks, "tasks", parameters=parameters)


def get_task(function: str, task_id: str) -> Call[models.WholeTask]:
    """Return one task with its steps, its payloads and its due time."""
    return _get("GetTask", models.WholeTask, "tasks", function, task_id)


# --- dead events ------------------------------------------------------------------------------


def list_dead_events(*, next_token: str | None = None) -> Call[models.DeadEvents]:
    """List deliveries that were given up, newest first, one page.

    Args:
        limit: Events per page, 1-1000; 1000 when None.
        next_token: Where the page before ended.
    """
    parameters = query(nextToken=next_token)
    return _get("ListDeadEvents", models.DeadEvents, "deliveries", "dead", parameters=parameters)


def discard_dead_event(request_id: str) -> Call[None]:
    """Delete a dead event for good."""
    path = _path("deliveries", "dead", request_id)
    return delete_call("DiscardDeadEvent", path).within(SECONDS)


# --- triggers ---------------------------------------------------------------------------------


def list_triggers(function: str | None = None) -> Call[models.Triggers]:
    """List the triggers of all functions, or of one, with the next firings of timers."""
    parameters = query(function=function)
    return _get("ListTriggers", models.Triggers, "triggers", parameters=parameters)


def fire_trigger(
    function: str, trigger: str, payload: bytes | None = None
) -> Call[models.FiredNow]:
    """Fire a trigger now.

    Args:
        function: Name of the function.
        trigger: Name of the trigger.
        payload: What the function gets; None: the event that the trigger would make.
    """
    text = None if payload is None else base64.b64encode(payload).decode()
    body = models.Fire(payload=text, payload_encoding="" if text is None else "base64")
    return _post("FireTrigger", models.FiredNow, body, "triggers", function, trigger, "fire")


def send_object_event(event: models.ObjectEvent) -> Call[models.FiredTriggers]:
    """Fire the OSS triggers that match an event of an object."""
    return _post("SendObjectEvent", models.FiredTriggers, event, "events", "oss")


# --- building ---------------------------------------------------------------------------------


def _get(operation: str, cls: type[T], *segments: str, parameters: str = "") -> Call[T]:
    at = _path(*segments)
    return json_call(operation, "GET", at, cls, parameters=parameters).within(SECONDS)


def _post(operation: str, cls: type[T], body: object, *segments: str) -> Call[T]:
    call = json_call(operation, "POST", _path(*segments), cls, document=body, repeat="never")
    return call.within(SECONDS)


def _put(operation: str, cls: type[T], body: object, *segments: str) -> Call[T]:
    return json_call(operation, "PUT", _path(*segments), cls, document=body).within(SECONDS)


def _long(call: Call[T]) -> Call[T]:
    """Return a call whose answer comes when something has happened."""
    return replace(call, timeout=LONG_SECONDS, total_timeout=None)


def _path(*segments: str) -> str:
    return "/".join([models.PREFIX, *map(_signing.encode, segments)])
