# SPDX-License-Identifier: MIT
"""The operations of the admin API: one row for each route below ``/_local/``, and ``/metrics``.

A new route needs a row here: its parameters, its body, its answer and how it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.api.openapi.document import (
    ANY,
    FLAG,
    INTEGER,
    OBJECT,
    TEXT,
    Operation,
    Parameter,
    Schema,
    between,
    build,
    having,
    listed,
    words,
)
from fc_async_local.settings import GROUPS
from fc_async_sdk.admin import models
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from fc_async_local.api.openapi.document import Schema

_TIME: Final[Schema] = {"type": "integer", "minimum": 0}
_PAGE: Final = (Parameter("limit", between(1, 100)), Parameter("nextToken"))
_CHANNEL: Final = (Parameter("name"), Parameter("instance"))
_QUALIFIER: Final = Parameter("qualifier")
_FUNCTION: Final = Parameter("function")
_DEAD: Final = (_FUNCTION, Parameter("text"), Parameter("error"))
_TASKS: Final = (
    _FUNCTION,
    Parameter("qualifier"),
    Parameter("status"),
    Parameter("prefix"),
    Parameter("startedTimeBegin", INTEGER),
    Parameter("startedTimeEnd", INTEGER),
    Parameter("acceptedFrom", INTEGER),
    Parameter("acceptedTo", INTEGER),
    Parameter("error"),
    Parameter("text"),
)

_SETTINGS: Final[Schema] = {
    "type": "object",
    "properties": {
        name: schema
        for group in GROUPS.values()
        for name, schema in msgspec.json.schema(group)["$defs"][group.__name__][
            "properties"
        ].items()
    }
    | {"access_keys": listed(TEXT)},
}
"""Each setting as its group has it, but of access keys only the ids are shown."""

OPERATIONS: Final = (
    # --- the runtime ---
    Operation("GET", "/_local/health", "Answer if the store answers", answer=models.Health),
    Operation("GET", "/_local/settings", "Return all settings without secrets", answer=_SETTINGS),
    Operation(
        "GET",
        "/_local/stats",
        "Count invocations by status, and deliveries",
        answer=models.Stats,
    ),
    Operation(
        "GET",
        "/_local/metrics",
        "Return metrics by function, and with a period as series",
        (
            _FUNCTION,
            Parameter("metric", listed(words(*metrics.ALL, *metrics.ALIASES))),
            Parameter("start", _TIME),
            Parameter("end", _TIME),
            Parameter("period", {"type": "integer", "enum": list(metrics.PERIODS)}),
        ),
        answer=models.Metrics,
    ),
    Operation(
        "GET",
        "/metrics",
        "Return the metrics for Prometheus",
        answer=TEXT,
        media="text/plain",
    ),
    Operation("GET", "/_local/openapi.json", "Return the description of the admin API"),
    Operation("GET", "/_local/openapi/fc.json", "Return the description of the FC operations"),
    Operation(
        "GET",
        "/_local/payloads",
        "Return the payload in a folder that a claim stands for",
        parameters=(Parameter("claim"),),
        answer=ANY,
        refused=(404,),
        media="application/octet-stream",
    ),
    # --- state ---
    Operation(
        "GET",
        "/_local/state/run",
        "Name this run of the runtime; a restart has another name",
        answer=models.Run,
    ),
    Operation(
        "GET",
        "/_local/state",
        "Return a snapshot of everything that the runtime keeps",
        answer=ANY,
        refused=(409,),
        media="application/octet-stream",
    ),
    Operation(
        "PUT",
        "/_local/state",
        "Restart with a snapshot in place of everything",
        body=ANY,
        answer=models.Run,
        refused=(409,),
        accepts="application/octet-stream",
    ),
    Operation("DELETE", "/_local/state", "Restart with nothing", answer=models.Run, refused=(409,)),
    # --- time ---
    Operation("GET", "/_local/clock", "Return the time", answer=models.Clock),
    Operation(
        "POST",
        "/_local/clock/advance",
        "Let virtual time pass; answer when everything that fell due is done",
        body=having(
            "seconds", seconds={"type": "number", "minimum": 0, "maximum": 10 * 365 * 86_400}
        ),
        answer=models.Clock,
        refused=(409,),
    ),
    Operation(
        "POST",
        "/_local/clock/run-until-idle",
        "Let virtual time pass until nothing waits and nothing runs",
        answer=models.Idle,
        refused=(409,),
    ),
    # --- tasks ---
    Operation(
        "GET",
        "/_local/tasks",
        "List tasks of all functions",
        (
            *_TASKS,
            *_PAGE,
            Parameter("sortOrderByTime", words("asc", "desc")),
            Parameter("includePayload", FLAG),
        ),
        answer=models.Tasks,
    ),
    Operation(
        "GET",
        "/_local/tasks/counts",
        "Count the tasks of a list by status",
        _TASKS,
        answer=models.TaskCounts,
    ),
    Operation(
        "POST",
        "/_local/tasks/actions",
        "Stop, replay or run many tasks",
        body=models.TaskActions,
        answer=models.TasksActedOn,
    ),
    Operation(
        "GET",
        "/_local/due",
        "List what runs next, the earliest first",
        _PAGE,
        answer=models.Tasks,
    ),
    Operation(
        "GET", "/_local/tasks/{function}/{task_id}", "Return one task", answer=models.WholeTask
    ),
    Operation(
        "GET",
        "/_local/tasks/{function}/{task_id}/log",
        "Return the log of an attempt",
        (Parameter("attempt", {"type": "integer", "minimum": 1}),),
        answer=TEXT,
        media="text/plain",
    ),
    Operation(
        "POST",
        "/_local/tasks/{function}/{task_id}/run-now",
        "Let a waiting task run now",
        answer=None,
        refused=(409,),
    ),
    Operation(
        "POST",
        "/_local/tasks/{function}/{task_id}/stop",
        "Stop a task",
        answer=None,
        refused=(412,),
    ),
    # --- functions ---
    Operation(
        "GET",
        "/_local/functions",
        "List all functions with what is configured on them",
        answer=models.Functions,
    ),
    Operation(
        "GET",
        "/_local/functions/activity",
        "Count the tasks of each function, and name the latest one",
        answer=models.Activities,
    ),
    Operation(
        "GET",
        "/_local/graph",
        "Return the graph of destinations and triggers; edges on a cycle are marked",
        answer=models.Graph,
    ),
    Operation(
        "POST",
        "/_local/functions/{function}/invoke",
        "Invoke a function",
        body=models.Invoke,
        answer=models.Invoked,
        refused=(409, 429, 500),
    ),
    Operation(
        "GET",
        "/_local/limits",
        "Return the ranges of configurations and destinations",
        answer=models.Limits,
    ),
    Operation(
        "POST",
        "/_local/functions/{function}/async-config/check",
        "Check an asynchronous configuration without storing it",
        (_QUALIFIER,),
        body=OBJECT,
        answer=models.Cycle,
    ),
    Operation(
        "PUT",
        "/_local/functions/{function}/async-config",
        "Store an asynchronous configuration",
        (_QUALIFIER,),
        body=OBJECT,
        answer=AsyncConfig,
    ),
    Operation(
        "DELETE",
        "/_local/functions/{function}/async-config",
        "Delete an asynchronous configuration",
        (_QUALIFIER,),
        answer=None,
    ),
    Operation(
        "PUT",
        "/_local/functions/{function}/concurrency",
        "Set the reserved concurrency and the concurrency of an instance",
        body=models.SetConcurrency,
        answer=models.Concurrency,
    ),
    Operation(
        "PUT",
        "/_local/async-config-places",
        "Remember where a template has the destinations and triggers that were deployed",
        body=models.Places,
        answer=models.KnownPlaces,
    ),
    Operation(
        "GET",
        "/_local/code/{name}/{qualifier}",
        "Return the archive with the code of a function",
        answer={"type": "string", "contentMediaType": "application/zip"},
        media="application/zip",
    ),
    # --- triggers ---
    Operation(
        "GET",
        "/_local/triggers",
        "List triggers with their next firings",
        (_FUNCTION,),
        answer=models.Triggers,
    ),
    Operation(
        "GET",
        "/_local/triggers/samples",
        "Return an event of each kind of trigger",
        answer=models.TriggerSamples,
    ),
    Operation(
        "POST",
        "/_local/triggers/{function}/{trigger}/fire",
        "Fire a trigger now",
        body=models.Fire,
        answer=models.FiredNow,
        refused=(409, 429),
    ),
    Operation(
        "POST",
        "/_local/events/oss",
        "Fire the OSS triggers that match an event of an object",
        body=models.ObjectEvent,
        answer=models.FiredTriggers,
    ),
    # --- objects ---
    Operation("GET", "/_local/buckets", "List the buckets of OSS", answer=models.Buckets),
    Operation(
        "GET",
        "/_local/buckets/{bucket}/objects",
        "List objects and common prefixes, by key",
        (Parameter("prefix"), Parameter("nextToken")),
        answer=models.Objects,
        refused=(404,),
    ),
    Operation(
        "GET",
        "/_local/buckets/{bucket}/content",
        "Return the content of an object",
        (Parameter("key"),),
        answer=ANY,
        refused=(404,),
        media="application/octet-stream",
    ),
    # --- deliveries ---
    Operation(
        "GET",
        "/_local/deliveries/dead",
        "List dead events, newest first",
        (
            *_DEAD,
            Parameter("limit", between(1, 1_000)),
            Parameter("nextToken"),
            Parameter("withoutTotal", FLAG),
        ),
        answer=models.DeadEvents,
    ),
    Operation(
        "GET",
        "/_local/deliveries/dead/counts",
        "Count the dead events of a list, by error",
        _DEAD,
        answer=models.DeadCounts,
    ),
    Operation(
        "DELETE",
        "/_local/deliveries/dead",
        "Discard all dead events of a filter",
        _DEAD,
        answer=models.Purged,
    ),
    Operation(
        "POST",
        "/_local/deliveries/dead/redrive",
        "Deliver all dead events of a filter again",
        _DEAD,
        answer=models.Redriven,
    ),
    Operation(
        "POST",
        "/_local/deliveries/dead/{request_id}/redrive",
        "Deliver a dead event again",
        answer=None,
    ),
    Operation(
        "DELETE", "/_local/deliveries/dead/{request_id}", "Discard a dead event", answer=None
    ),
    # --- queues, topics and buses ---
    Operation(
        "GET",
        "/_local/channels",
        "List queues, topics and buses with the numbers of their messages",
        answer=models.Channels,
    ),
    Operation(
        "GET",
        "/_local/channels/{kind}/messages",
        "Return messages without receiving them",
        _CHANNEL,
        answer=models.Messages,
    ),
    Operation(
        "POST",
        "/_local/channels/{kind}/messages",
        "Send a message",
        _CHANNEL,
        body=models.SendMessage,
        answer=models.Sent,
    ),
    Operation(
        "DELETE",
        "/_local/channels/{kind}/messages",
        "Delete all messages",
        _CHANNEL,
        answer=models.Purged,
    ),
    Operation(
        "POST",
        "/_local/channels/{kind}/messages/replay",
        "Call functions again with the failed events in messages",
        _CHANNEL,
        body=models.ReplayMessages,
        answer=models.MessagesReplayed,
    ),
    # --- faults ---
    Operation(
        "GET",
        "/_local/faults",
        "List the faults in force",
        answer=models.Faults,
    ),
    Operation(
        "POST",
        "/_local/faults",
        "Let a destination or a function fail",
        body=models.SetFault,
        answer=models.FaultSet,
    ),
    Operation("DELETE", "/_local/faults", "Remove all faults", answer=None),
    Operation("DELETE", "/_local/faults/{fault_id:number}", "Remove a fault", answer=None),
    # --- development ---
    Operation(
        "GET",
        "/_local/steps",
        "Return the steps of invocations after a number, or wait for the first",
        (Parameter("after", INTEGER), Parameter("wait", between(0, 60))),
        answer=models.Steps,
    ),
    Operation(
        "POST",
        "/_local/destinations",
        "Make the queues, topics and buses that configurations name",
        answer=None,
    ),
    Operation(
        "GET",
        "/_local/debug",
        "List the functions that run with a debugger",
        answer=models.Debuggers,
    ),
    Operation(
        "PUT",
        "/_local/debug/{function}",
        "Run a function with a debugger",
        body=models.Debug,
        answer=models.Debugger,
        refused=(409,),
    ),
    Operation(
        "DELETE", "/_local/debug/{function}", "Run a function without a debugger", answer=None
    ),
)


_QUERIES: Final = {
    (one.method, one.path): tuple(each.name for each in one.parameters if each.place == "query")
    for one in OPERATIONS
}


def query_of(method: str, path: str) -> tuple[str, ...]:
    """Return the names of the query parameters of an operation."""
    return _QUERIES[method, path]


def document() -> dict[str, Any]:
    """Return the description of the admin API."""
    return build("fc-async: admin API of the local runtime", OPERATIONS)
