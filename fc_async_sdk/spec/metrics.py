# SPDX-License-Identifier: MIT
"""The metrics of a function, as CloudMonitor names and aggregates them.

The names are those of the metric reference of CloudMonitor (*monitor*, namespace ``acs_fc``), which
"Monitoring data" (*data*) and "Statistics of metrics" (*statistics*) of docs/reference/sources.md
complete; those of queues are in "Metrics of queues" (*queues*). Two metrics are ours: the service
does not have what they count. No other module spells the name of a metric.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Statistic = Literal["Sum", "Average", "Maximum", "Value"]
"""Aggregate of the values of one period. ``Value`` is a level at the end of the period."""


class Metric(NamedTuple):
    """A metric as CloudMonitor shows it.

    Attributes:
        unit: ``count`` or ``ms``.
        statistic: The aggregate that the metric reference names.
        meaning: What it measures, in a few words.
    """

    unit: Literal["count", "ms"]
    statistic: Statistic
    meaning: str


NAMESPACE: Final = "acs_fc"
"""The namespace of Function Compute in CloudMonitor."""

ALARM_STATISTIC: Final = "Value"
"""The statistic of all metrics of the namespace (*statistics*): alarm rules with another one are
refused (PutResourceMetricRule, note on statistics)."""

PERIODS: Final = (60, 3_600)
"""Lengths of the periods of a series, in seconds."""

POINTS: Final = 1_440
"""The most points of a series in one answer (DescribeMetricList: ``Length``)."""

ENQUEUED: Final = "FunctionEnqueueCount"
"""monitor: asynchronous invocations that were accepted."""

DEQUEUED: Final = "FunctionDequeueCount"
"""monitor: asynchronous invocations that ended, with whatever status."""

LATENCY_AVERAGE: Final = "FunctionAsyncMessageLatencyAvg"
"""monitor: average time from the enqueuing to the start of the processing, in milliseconds."""

LATENCY_MAXIMUM: Final = "FunctionAsyncMessageLatencyMax"
"""monitor: the longest such time."""

BACKLOG: Final = "FunctionAsyncMessagesBacklogV2"
"""monitor: asynchronous invocations that wait."""

IN_PROCESS: Final = "FunctionAsyncMessagesInProcess"
"""monitor: asynchronous invocations that are being processed."""

INVOCATIONS: Final = "FunctionTotalInvocations"
"""monitor: executions; an asynchronous invocation counts once for each of its attempts."""

FUNCTION_ERRORS: Final = "FunctionFunctionErrors"
"""monitor: executions that ended in a function error."""

SERVER_ERRORS: Final = "FunctionServerErrors"
"""monitor: attempts that ended in a system error."""

THROTTLES: Final = "FunctionConcurrencyThrottles"
"""monitor: attempts over a concurrency limit."""

RESOURCE_THROTTLES: Final = "FunctionResourceThrottles"
"""monitor: attempts for which there were no resources."""

EXPIRED: Final = "FunctionAsyncEventExpiredDropped"
"""monitor: invocations that became too old before a function ran."""

DESTINATION_SUCCEEDED: Final = "FunctionDestinationSucceeded"
"""monitor: events that reached their destination."""

DESTINATION_ERRORS: Final = "FunctionDestinationErrors"
"""monitor: events that did not reach their destination, counted when they are given up."""

DURATION_AVERAGE: Final = "FunctionAvgDuration"
"""monitor: mean duration of executions."""

DURATION_P90: Final = "FunctionP90Duration"
"""monitor: duration that nine of ten executions do not exceed."""

EVENTS_DEAD: Final = "FunctionEventsDead"
"""ours: events of triggers, rules and subscriptions that were given up."""

RECURSIVE_DROPPED: Final = "FunctionRecursiveInvocationsDropped"
"""ours: invocations and deliveries that the loop guard ended."""

METRICS: Final = {
    ENQUEUED: Metric("count", "Sum", "accepted"),
    DEQUEUED: Metric("count", "Sum", "ended"),
    BACKLOG: Metric("count", "Value", "waiting"),
    IN_PROCESS: Metric("count", "Value", "being processed"),
    LATENCY_AVERAGE: Metric("ms", "Average", "wait before the first attempt"),
    LATENCY_MAXIMUM: Metric("ms", "Maximum", "longest wait before the first attempt"),
    EXPIRED: Metric("count", "Sum", "too old to run"),
    DESTINATION_SUCCEEDED: Metric("count", "Sum", "delivered to a destination"),
    DESTINATION_ERRORS: Metric("count", "Sum", "not delivered"),
    INVOCATIONS: Metric("count", "Sum", "executions"),
    FUNCTION_ERRORS: Metric("count", "Sum", "function errors"),
    SERVER_ERRORS: Metric("count", "Sum", "system errors"),
    THROTTLES: Metric("count", "Sum", "over the concurrency limit"),
    RESOURCE_THROTTLES: Metric("count", "Sum", "without resources"),
    EVENTS_DEAD: Metric("count", "Sum", "events given up"),
    RECURSIVE_DROPPED: Metric("count", "Sum", "ended by the loop guard"),
}
"""All metrics, the asynchronous ones of the metric reference first."""

ALL: Final = tuple(METRICS)

NOT_HERE: Final = {
    DURATION_AVERAGE: Metric("ms", "Average", "mean duration"),
    DURATION_P90: Metric("ms", "Maximum", "nine of ten executions took no longer"),
}
"""Metrics of CloudMonitor that a local runtime does not count; it has the durations themselves."""

OURS: Final = frozenset({EVENTS_DEAD, RECURSIVE_DROPPED})
"""Metrics that CloudMonitor does not have."""

ALIASES: Final = {"FunctionDestinationSucceed": DESTINATION_SUCCEEDED}
"""Other spellings that the service's documents use: the user guide leaves out the last letters."""


def statistic_of(name: str) -> Statistic:
    """Return the statistic of a metric of CloudMonitor, whichever way it is spelled."""
    metric = ALIASES.get(name, name)
    return (METRICS | NOT_HERE)[metric].statistic


QUEUE_NAMESPACE: Final = "acs_mns_new"
"""The namespace of the queues of MNS (*queues*)."""

QUEUE_VISIBLE: Final = "ActiveMessages"
"""*queues*: messages of a queue that can be received."""

QUEUE_ALARM_STATISTIC: Final = "Maximum"
"""*queues*: one of the statistics in the sample of an alarm; which ones rules take is not said."""


def queue_dimensions(region: str, queue: str) -> list[dict[str, str]]:
    """Return the dimensions of a queue (*queues*)."""
    return [{"region": region, "queue": queue}]


def dimensions(region: str, function: str) -> list[dict[str, str]]:
    """Return the dimensions of a function of 3.0, whose service has no name (*data*)."""
    return [
        {
            "region": region,
            "serviceName": "",
            "functionName": function,
        }
    ]


def named(name: str) -> str:
    """Return the metric that a name or an alias stands for.

    Raises:
        ValueError: There is no such metric; the message lists those that there are.
    """
    metric = ALIASES.get(name, name)
    if metric not in METRICS:
        raise ValueError(f"there is no metric {name!r}; the metrics are {', '.join(ALL)}")
    return metric
