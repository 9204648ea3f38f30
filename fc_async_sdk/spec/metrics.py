# SPDX-License-Identifier: MIT
"""The names of the metrics of a function, as CloudMonitor shows them.

The two destination metrics are those of the user guide (*guide*), the others those of the metric
reference of CloudMonitor (*monitor*, namespace ``acs_fc``). Two are ours: the service does not have
what they count. No other module spells the name of a metric.
"""

from __future__ import annotations

from typing import Final

ENQUEUED: Final = "FunctionEnqueueCount"
"""monitor: asynchronous invocations that were accepted."""

DEQUEUED: Final = "FunctionDequeueCount"
"""monitor: asynchronous invocations that ended, with whatever status."""

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

DESTINATION_SUCCEEDED: Final = "FunctionDestinationSucceed"
"""guide: events that reached their destination."""

DESTINATION_ERRORS: Final = "FunctionDestinationErrors"
"""guide: events that did not reach their destination, counted when they are given up."""

EVENTS_DEAD: Final = "FunctionEventsDead"
"""ours: events of triggers, rules and subscriptions that were given up."""

RECURSIVE_DROPPED: Final = "FunctionRecursiveInvocationsDropped"
"""ours: invocations and deliveries that the loop guard ended."""

ALL: Final = (
    ENQUEUED,
    DEQUEUED,
    INVOCATIONS,
    FUNCTION_ERRORS,
    SERVER_ERRORS,
    THROTTLES,
    RESOURCE_THROTTLES,
    EXPIRED,
    DESTINATION_SUCCEEDED,
    DESTINATION_ERRORS,
    EVENTS_DEAD,
    RECURSIVE_DROPPED,
)
