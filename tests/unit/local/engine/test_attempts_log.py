# SPDX-License-Identifier: MIT
"""An attempt in the log has the fields of the service's request metrics."""

from __future__ import annotations

import pytest

from fc_async_local.domain import policy
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.domain.settlement import Decided
from fc_async_local.domain.states import Status
from fc_async_local.engine.attempts import log_fields
from fc_async_sdk.spec.request_log import FIELDS
from fc_async_tests.invocations import T0, an_invocation

SUCCESS = Outcome(
    kind=OutcomeKind.SUCCESS, instance_id="c-1", version_id="7", duration_ms=12, memory_mb=34
)


def fields(outcome: Outcome | None, *, task_mode: bool = True, attempts: int = 0):
    decision = policy.End(status=Status.SUCCEEDED, condition="")
    decided = Decided(decision=decision, outcome=outcome, config=None, began=T0 + 100)
    invocation = an_invocation(task_mode=task_mode, attempts=attempts, qualifier="prod")
    return log_fields(invocation, decided, ended=T0 + 130)


def test_an_execution_has_all_fields_of_its_kind() -> None:
    assert fields(SUCCESS) == {
        "functionName": "resize",
        "versionId": "7",
        "qualifier": "prod",
        "requestId": "r1",
        "operation": "InvokeFunction",
        "invocationType": "Async",
        "instanceID": "c-1",
        "memoryUsageMB": 34,
        "durationMs": 12,
        "hasFunctionError": False,
        "asyncMode": "Stateful",
        "retryCount": 0,
        "asyncAttemptStartTimestamp": T0 + 100,
        "asyncAttemptLatencyMs": 30,
    }


@pytest.mark.parametrize(
    ("outcome", "error_type"),
    [
        (Outcome(kind=OutcomeKind.FUNCTION_ERROR), "FunctionUnhandledError"),
        (Outcome(kind=OutcomeKind.FUNCTION_ERROR, timed_out=True), "FunctionTimeoutError"),
        (Outcome(kind=OutcomeKind.FUNCTION_ERROR, out_of_memory=True), "FunctionOOMError"),
    ],
)
def test_a_function_error_has_the_services_type(outcome: Outcome, error_type: str) -> None:
    found = fields(outcome)
    assert (found["hasFunctionError"], found["errorType"]) == (True, error_type)
    assert set(found) == set(FIELDS)


@pytest.mark.parametrize("outcome", [Outcome(kind=OutcomeKind.THROTTLED), None])
def test_an_attempt_without_an_execution_has_no_fields_of_one(outcome: Outcome | None) -> None:
    found = fields(outcome)
    assert not {"instanceID", "durationMs", "hasFunctionError", "errorType"} & found.keys()
    assert found["asyncAttemptLatencyMs"] == 30


def test_retries_are_counted_from_zero_and_plain_invocations_are_stateless() -> None:
    found = fields(SUCCESS, task_mode=False, attempts=2)
    assert (found["retryCount"], found["asyncMode"]) == (2, "Stateless")
