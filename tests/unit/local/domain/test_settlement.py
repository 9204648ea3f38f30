# SPDX-License-Identifier: MIT
"""What is written because of a decision: state, steps, the job for a destination, metrics."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from fc_async_local.domain import policy
from fc_async_local.domain.invocation import (
    Invocation,
    Outcome,
    OutcomeKind,
    Settlement,
    delivery_of,
)
from fc_async_local.domain.rules import Account, Rules
from fc_async_local.domain.settlement import Decided, Settler
from fc_async_local.domain.states import Status
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig
from fc_async_sdk.spec import metrics

NOW = 1_700_000_005_000
QUEUE = "acs:mns:::/queues/q/messages"
RULES = Rules()
PLACE = Account(region="cn-beijing", account_id="42")

SUCCESS = Outcome(kind=OutcomeKind.SUCCESS, payload=b'{"ok":1}', log=b"hi\n", duration_ms=7)
FAILURE = Outcome(
    kind=OutcomeKind.FUNCTION_ERROR,
    error_type="UnhandledInvocationError",
    payload=b'{"errorMessage":"boom","errorType":"ValueError"}',
)
SUCCEEDED = policy.End(status=Status.SUCCEEDED, condition="")
FAILED = policy.End(status=Status.FAILED, condition="UnhandledInvocationError")
EXPIRED = policy.End(status=Status.EXPIRED, condition="AsyncEventAgeExceeded")
STOPPED = policy.End(status=Status.STOPPED, condition="AsyncTaskStopped")
INVALID = policy.End(status=Status.INVALID, condition="FunctionNotFound")


def invocation(**changes: object) -> Invocation:
    base = Invocation(
        request_id="1-aa",
        task_id="t",
        function="f",
        qualifier="LATEST",
        payload=b'{"in":1}',
        accepted_at=NOW - 5_000,
        due_at=NOW - 5_000,
        task_mode=True,
        status=Status.RUNNING,
        epoch=3,
        lease_until=NOW + 1,
        lease_owner="node",
    )
    return replace(base, **changes)


def configured(success: str | None = None, failure: str | None = None) -> AsyncConfig:
    return AsyncConfig(
        destination_config=DestinationConfig(
            on_success=Destination(destination=success) if success is not None else None,
            on_failure=Destination(destination=failure) if failure is not None else None,
        )
    )


def settle(
    decision: policy.Retry | policy.End,
    outcome: Outcome | None = SUCCESS,
    config: AsyncConfig | None = None,
    *,
    rules: Rules = RULES,
    **changes: object,
) -> Settlement:
    decided = Decided(decision=decision, outcome=outcome, config=config, began=NOW - 10)
    return Settler(rules, PLACE).settle(invocation(**changes), decided, NOW)


def document(settled: Settlement) -> dict[str, Any]:
    assert settled.delivery is not None
    decoded: dict[str, Any] = json.loads(delivery_of(settled.delivery).document)
    return decoded


def counted(settled: Settlement) -> list[str]:
    """Return the metrics, without the end of the claim and the latency, which have own tests."""
    own = {metrics.IN_PROCESS, metrics.LATENCY_AVERAGE}
    return [count.metric for count in settled.counts if count.metric not in own]


def values(settled: Settlement, metric: str) -> list[tuple[int, int]]:
    """Return when a metric was counted, and what was added."""
    return [(count.at, count.value) for count in settled.counts if count.metric == metric]


@pytest.mark.parametrize("end", [(SUCCEEDED, SUCCESS), (FAILED, FAILURE)])
@pytest.mark.parametrize("keeps", [True, False])
def test_a_task_keeps_what_it_returned_unless_turned_off(
    end: tuple[policy.End, Outcome], *, keeps: bool
) -> None:
    decision, outcome = end
    rules = replace(RULES, keep_results=keeps)
    settled = settle(decision, outcome, configured(QUEUE, QUEUE), rules=rules)
    assert settled.invocation.return_payload == (outcome.payload if keeps else None)
    assert document(settled)["responsePayload"] == outcome.payload.decode()


@pytest.mark.parametrize(("success", "failure"), list(product([None, QUEUE], repeat=2)))
def test_success_and_failure_go_to_the_destination_of_their_outcome(
    success: str | None, failure: str | None
) -> None:
    config = configured(success, failure)
    outcomes = [
        bool(settle(SUCCEEDED, SUCCESS, config).delivery),
        bool(settle(FAILED, FAILURE, config).delivery),
    ]
    assert outcomes == [success is not None, failure is not None]


@pytest.mark.parametrize("config", [None, AsyncConfig(), configured("", "")])
def test_no_destination_at_all_is_fine(config: AsyncConfig | None) -> None:
    assert settle(SUCCEEDED, SUCCESS, config).delivery is None


@pytest.mark.parametrize(
    ("end", "setting"),
    [(EXPIRED, "expiry_calls_destination"), (STOPPED, "stop_calls_destination")],
)
@pytest.mark.parametrize("calls", [True, False])
def test_expiry_and_stop_call_the_failure_destination_unless_turned_off(
    end: policy.End, setting: str, *, calls: bool
) -> None:
    rules = replace(RULES, **{setting: calls})
    settled = settle(end, None, configured(None, QUEUE), rules=rules)
    assert (settled.delivery is not None) is calls


def test_an_invalid_one_goes_to_the_failure_destination() -> None:
    settled = settle(INVALID, Outcome(kind=OutcomeKind.INVALID), configured(None, QUEUE))
    assert document(settled)["responseContext"]["statusCode"] == 404


def test_a_destination_gets_region_and_account_of_the_function() -> None:
    delivery = settle(SUCCEEDED, SUCCESS, configured(QUEUE)).delivery
    assert delivery is not None
    assert delivery_of(delivery).destination == "acs:mns:cn-beijing:42:/queues/q/messages"


def test_a_success_document_has_the_form_of_the_user_guide() -> None:
    assert document(settle(SUCCEEDED, SUCCESS, configured(QUEUE), attempts=1)) == {
        "timestamp": NOW - 10,
        "requestContext": {
            "requestId": "1-aa",
            "functionArn": "acs:fc:cn-beijing:42:functions/f",
            "condition": "",
            "approximateInvokeCount": 2,
        },
        "requestPayload": '{"in":1}',
        "responseContext": {"statusCode": 200, "functionError": ""},
        "responsePayload": '{"ok":1}',
    }


def test_a_failure_document_has_error_and_payload() -> None:
    told = document(settle(FAILED, FAILURE, configured(None, QUEUE)))
    assert told["requestContext"]["condition"] == "UnhandledInvocationError"
    assert told["responseContext"] == {
        "statusCode": 200,
        "functionError": "UnhandledInvocationError",
    }
    assert told["responsePayload"] == FAILURE.payload.decode()


def test_the_document_of_an_expired_invocation_has_no_execution() -> None:
    told = document(settle(EXPIRED, None, configured(None, QUEUE)))
    assert told["requestContext"]["condition"] == "AsyncEventAgeExceeded"
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert told["responseContext"] == {"statusCode": 200, "functionError": ""}


@pytest.mark.parametrize("kind", [OutcomeKind.THROTTLED, OutcomeKind.RESOURCE_EXHAUSTED])
def test_the_document_of_an_exhausted_resource_matches_the_user_guide(kind: OutcomeKind) -> None:
    end = policy.End(status=Status.FAILED, condition="FunctionResourceExhausted")
    settled = settle(end, Outcome(kind=kind), configured(None, QUEUE), system_retries=2)
    told = document(settled)
    assert told["requestContext"]["condition"] == "FunctionResourceExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 3
    assert told["responseContext"] == {"statusCode": 200, "functionError": ""}
    assert settled.invocation.attempts == 0


def test_a_status_other_than_200_says_that_the_system_failed() -> None:
    end = policy.End(status=Status.FAILED, condition="InternalServerError")
    outcome = Outcome(kind=OutcomeKind.SYSTEM_ERROR)
    told = document(settle(end, outcome, configured(None, QUEUE), attempts=1, system_retries=4))
    assert told["responseContext"] == {"statusCode": 500, "functionError": ""}
    assert told["requestContext"]["approximateInvokeCount"] == 6


def test_an_invocation_that_expired_after_throttling_counts_as_not_executed() -> None:
    outcome = Outcome(kind=OutcomeKind.THROTTLED)
    told = document(settle(EXPIRED, outcome, configured(None, QUEUE), system_retries=4))
    assert told["requestContext"]["approximateInvokeCount"] == 0
    assert told["responseContext"]["statusCode"] == 200


def test_bytes_that_are_no_text_survive_in_base64() -> None:
    outcome = replace(SUCCESS, payload=b"\xff\x00")
    told = document(settle(SUCCEEDED, outcome, configured(QUEUE), payload=b"\x80"))
    assert (told["requestPayload"], told["responsePayload"]) == ("gA==", "/wA=")


def test_a_final_state_gives_up_its_lease_and_keeps_its_epoch() -> None:
    after = settle(SUCCEEDED).invocation
    assert (after.status, after.ended_at) == (Status.SUCCEEDED, NOW)
    assert (after.lease_until, after.lease_owner, after.epoch) == (None, "", 3)


def test_a_success_leaves_no_error_behind() -> None:
    assert settle(SUCCEEDED, error="UnhandledInvocationError").invocation.error == ""


def test_a_retry_waits_in_retrying_with_its_due_time() -> None:
    retry = policy.Retry(at=NOW + 1_000, condition="UnhandledInvocationError")
    after = settle(retry, FAILURE).invocation
    assert (after.status, after.due_at, after.attempts) == (Status.RETRYING, NOW + 1_000, 1)


def test_a_throttled_attempt_is_no_attempt() -> None:
    retry = policy.Retry(
        at=NOW + 500,
        condition="FunctionResourceExhausted",
        system_retries=1,
        system_retry_since=NOW,
    )
    after = settle(retry, Outcome(kind=OutcomeKind.THROTTLED)).invocation
    assert (after.attempts, after.system_retries, after.system_retry_since) == (0, 1, NOW)


def test_steps_are_recorded_with_error_message_and_log() -> None:
    (event,) = settle(FAILED, replace(FAILURE, log=b"line\n")).events
    assert event.status is Status.FAILED
    assert event.detail == {
        "Error": "UnhandledInvocationError",
        "attempt": 1,
        "errorType": "ValueError",
        "errorMessage": "boom",
        "logTail": "line\n",
    }


def test_nothing_is_recorded_without_task_mode() -> None:
    settled = settle(SUCCEEDED, task_mode=False)
    assert settled.events == ()
    assert settled.invocation.return_payload is None


@pytest.mark.parametrize(
    ("decision", "outcome", "names"),
    [
        (SUCCEEDED, SUCCESS, [metrics.INVOCATIONS, metrics.DEQUEUED]),
        (FAILED, FAILURE, [metrics.INVOCATIONS, metrics.FUNCTION_ERRORS, metrics.DEQUEUED]),
        (EXPIRED, None, [metrics.DEQUEUED, metrics.EXPIRED]),
        (
            policy.Retry(at=NOW + 1, condition="x"),
            Outcome(kind=OutcomeKind.THROTTLED),
            [metrics.THROTTLES],
        ),
    ],
)
def test_metrics_count_what_happened(
    decision: policy.Retry | policy.End, outcome: Outcome | None, names: list[str]
) -> None:
    assert counted(settle(decision, outcome)) == names


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [(SUCCEEDED, SUCCESS), (EXPIRED, None), (policy.Retry(at=NOW + 1, condition="x"), FAILURE)],
)
def test_each_settlement_ends_one_claim(
    decision: policy.Retry | policy.End, outcome: Outcome | None
) -> None:
    assert values(settle(decision, outcome), metrics.IN_PROCESS) == [(NOW, -1)]


def test_the_latency_is_the_time_from_the_acceptance_to_the_first_execution() -> None:
    settled = settle(SUCCEEDED, SUCCESS, accepted_at=NOW - 1_010)
    assert values(settled, metrics.LATENCY_AVERAGE) == [(NOW - 10, 1_000)]


def test_the_latency_does_not_contain_the_delay_that_the_caller_asked_for() -> None:
    settled = settle(SUCCEEDED, SUCCESS, accepted_at=NOW - 1_010, delay_ms=900)
    assert values(settled, metrics.LATENCY_AVERAGE) == [(NOW - 10, 100)]


def test_a_clock_that_was_set_back_gives_no_negative_latency() -> None:
    settled = settle(SUCCEEDED, SUCCESS, accepted_at=NOW + 5)
    assert values(settled, metrics.LATENCY_AVERAGE) == [(NOW - 10, 0)]


@pytest.mark.parametrize(
    ("outcome", "attempts"),
    [(SUCCESS, 1), (Outcome(kind=OutcomeKind.THROTTLED), 0)],
    ids=["a retry", "an attempt in which the function did not run"],
)
def test_the_latency_is_measured_once_for_each_invocation(outcome: Outcome, attempts: int) -> None:
    settled = settle(SUCCEEDED, outcome, attempts=attempts)
    assert values(settled, metrics.LATENCY_AVERAGE) == []


def test_a_destination_that_is_no_arn_is_dead_on_arrival_and_counted() -> None:
    settled = settle(SUCCEEDED, SUCCESS, configured("nonsense"))
    assert settled.delivery is not None
    assert settled.delivery.state == "dead"
    assert settled.invocation.destination_status == "Failed"
    assert metrics.DESTINATION_ERRORS in counted(settled)


# --- the loop guard ---------------------------------------------------------------------------

A = "acs:fc:cn-beijing:42:functions/a"
LOOP = policy.End(status=Status.FAILED, condition="RecursiveInvocation")


def test_a_delivery_carries_the_path_that_led_to_it() -> None:
    delivery = settle(SUCCEEDED, SUCCESS, configured(QUEUE), call_path=(A,)).delivery
    assert delivery is not None
    assert delivery_of(delivery).call_path == (A, "acs:fc:cn-beijing:42:functions/f")


def test_the_loop_guard_sends_its_call_path_to_a_failure_queue() -> None:
    settled = settle(LOOP, None, configured(None, QUEUE), call_path=(A, A))
    assert settled.delivery is not None
    assert settled.delivery.state == "pending"
    assert settled.events[0].detail["path"] == [A, A, "acs:fc:cn-beijing:42:functions/f"]
    assert metrics.RECURSIVE_DROPPED in counted(settled)


def test_the_loop_guard_invokes_a_failure_function_below_the_limit() -> None:
    rules = replace(RULES, max_repeats=3)
    settled = settle(LOOP, None, configured(None, A), rules=rules, call_path=(A, A))
    assert settled.delivery is not None
    assert settled.delivery.state == "pending"


def test_the_loop_guard_does_not_invoke_a_failure_function_over_the_limit() -> None:
    rules = replace(RULES, max_repeats=2)
    settled = settle(LOOP, None, configured(None, A), rules=rules, call_path=(A, A))
    assert settled.delivery is not None
    assert settled.delivery.state == "dead"
    assert settled.delivery.error.startswith("RecursiveInvocation: ")
    assert settled.delivery.error.count("->") == 3


def test_a_refused_attempt_is_recorded_as_what_did_not_run() -> None:
    retry = policy.Retry(at=NOW + 500, condition="FunctionResourceExhausted", system_retries=1)
    (event,) = settle(retry, Outcome(kind=OutcomeKind.THROTTLED)).events
    assert event.detail["refused"] == "throttled"
    assert "attempt" not in event.detail
