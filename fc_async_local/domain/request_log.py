# SPDX-License-Identifier: MIT
"""The fields of one attempt in the log, as the service's request metrics name them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.domain import policy
from fc_async_local.domain.invocation import OutcomeKind
from fc_async_sdk.spec import request_log

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation, Outcome
    from fc_async_local.domain.settlement import Decided


def fields(invocation: Invocation, decided: Decided, *, ended: int) -> dict[str, object]:
    """Return the fields of an attempt, or of an end without one.

    What belongs to an execution is left out if the function did not run.

    Args:
        invocation: As it was when the attempt began.
        decided: The outcome, and when the attempt began.
        ended: When the outcome was known, in milliseconds since the epoch.
    """
    outcome = decided.outcome
    ran = outcome is not None and outcome.kind in policy.EXECUTED
    return {
        "functionName": invocation.function,
        "versionId": outcome.version_id if outcome else "",
        "qualifier": invocation.qualifier,
        "requestId": invocation.request_id,
        "operation": request_log.OPERATION,
        "invocationType": request_log.ASYNC,
        **(_execution(outcome) if outcome and ran else {}),
        "asyncMode": request_log.MODES[invocation.task_mode],
        "retryCount": invocation.retry_count,
        "asyncAttemptStartTimestamp": decided.began,
        "asyncAttemptLatencyMs": max(0, ended - decided.began),
    }


def _execution(outcome: Outcome) -> dict[str, object]:
    failed = outcome.kind is OutcomeKind.FUNCTION_ERROR
    return {
        "instanceID": outcome.instance_id,
        "memoryUsageMB": outcome.memory_mb,
        "durationMs": outcome.duration_ms,
        "hasFunctionError": failed,
        **({"errorType": _error_type(outcome)} if failed else {}),
    }


def _error_type(outcome: Outcome) -> str:
    if outcome.timed_out:
        return request_log.TIMEOUT
    return request_log.OUT_OF_MEMORY if outcome.out_of_memory else request_log.UNHANDLED
