# SPDX-License-Identifier: MIT
"""The retry table: every row, every boundary, and the laws that hold for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fc_async_local.domain import (
    policy,
)
from fc_async_local.domain.errors import condition_of
from fc_async_local.domain.invocation import DELIVERY, Invocation, Job, Outcome, OutcomeKind
from fc_async_local.domain.policy import nearest_to_limit
from fc_async_local.domain.rules import Rules
from fc_async_local.domain.states import Status
from fc_async_sdk.models import AsyncConfig

NOW = 1_700_000_000_000
HOUR = 3_600_000
RULES = Rules()

FAILED = Outcome(kind=OutcomeKind.FUNCTION_ERROR, error_type="UnhandledInvocationError")
UNCOUNTED = [OutcomeKind.THROTTLED, OutcomeKind.SYSTEM_ERROR, OutcomeKind.RESOURCE_EXHAUSTED]


def invocation(**changes: object) -> Invocation:
    base = Invocation(
        request_id="1-aa",
        task_id="t",
        function="f",
        qualifier="LATEST",
        payload=b"{}",
        accepted_at=NOW,
        due_at=NOW,
        task_mode=True,
        status=Status.RUNNING,
    )
    return replace(base, **changes)


def config(retries: int | None = None, age: int | None = None) -> AsyncConfig:
    return AsyncConfig(max_async_retry_attempts=retries, max_async_event_age_in_seconds=age)


def attempts_until_the_end(retries: AsyncConfig | None) -> int:
    current, now = invocation(), NOW
    while True:
        decision = policy.decide(current, FAILED, retries, now, RULES)
        current = replace(current, attempts=current.attempts + 1)
        if isinstance(decision, policy.End):
            assert decision == policy.End(
                status=Status.FAILED, condition="UnhandledInvocationError"
            )
            return current.attempts
        now = decision.at


@pytest.mark.parametrize("retries", range(9))
def test_a_failing_function_runs_once_more_than_its_retries(retries: int) -> None:
    assert attempts_until_the_end(config(retries)) == retries + 1


@pytest.mark.parametrize("unset", [None, config()])
def test_unset_retries_are_three_and_not_zero(unset: AsyncConfig | None) -> None:
    assert attempts_until_the_end(unset) == 4


def test_waits_between_function_errors_double_from_a_second_to_a_minute() -> None:
    waits = [policy.function_retry_wait(n, RULES) for n in range(1, 9)]
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]


def system_retry_times(kind: OutcomeKind) -> tuple[list[int], policy.End]:
    current, now, times = invocation(), NOW, []
    week = config(age=604_800)
    while True:
        decision = policy.decide(current, Outcome(kind=kind), week, now, RULES)
        if isinstance(decision, policy.End):
            return times, decision
        times.append(decision.at - now)
        now = decision.at
        current = replace(
            current,
            system_retries=decision.system_retries,
            system_retry_since=decision.system_retry_since,
        )


@pytest.mark.parametrize("kind", UNCOUNTED)
def test_uncounted_waits_double_from_half_a_second(kind: OutcomeKind) -> None:
    times, _ = system_retry_times(kind)
    assert times[:-1] == [500 * 2**n for n in range(len(times) - 1)]


@pytest.mark.parametrize("kind", UNCOUNTED)
def test_the_last_uncounted_retry_falls_on_the_end_of_five_hours(kind: OutcomeKind) -> None:
    times, end = system_retry_times(kind)
    assert sum(times) == 5 * HOUR
    assert end == policy.End(status=Status.FAILED, condition=condition_of(Outcome(kind=kind)))


@pytest.mark.parametrize("kind", UNCOUNTED)
def test_uncounted_retries_leave_the_configured_ones_alone(kind: OutcomeKind) -> None:
    decision = policy.decide(invocation(), Outcome(kind=kind), config(retries=0), NOW, RULES)
    assert isinstance(decision, policy.Retry)


def test_a_function_error_ends_the_uncounted_series() -> None:
    throttled = invocation(system_retries=5, system_retry_since=NOW)
    decision = policy.decide(throttled, FAILED, None, NOW, RULES)
    assert decision == policy.Retry(at=NOW + 1_000, condition="UnhandledInvocationError")


@pytest.mark.parametrize(
    ("outcome", "status", "condition"),
    [
        (Outcome(kind=OutcomeKind.SUCCESS), Status.SUCCEEDED, ""),
        (Outcome(kind=OutcomeKind.INTERRUPTED), Status.STOPPED, "AsyncTaskStopped"),
        (Outcome(kind=OutcomeKind.INVALID), Status.INVALID, "FunctionNotFound"),
        (
            Outcome(kind=OutcomeKind.INVALID, error_type="AliasNotFound"),
            Status.INVALID,
            "AliasNotFound",
        ),
    ],
)
def test_success_interruption_and_invalid_outcomes_end_the_invocation(
    outcome: Outcome, status: Status, condition: str
) -> None:
    end = policy.End(status=status, condition=condition)
    assert policy.decide(invocation(), outcome, None, NOW, RULES) == end


@pytest.mark.parametrize(
    ("outcome", "condition"),
    [
        (Outcome(kind=OutcomeKind.THROTTLED), "FunctionResourceExhausted"),
        (Outcome(kind=OutcomeKind.RESOURCE_EXHAUSTED), "FunctionResourceExhausted"),
        (Outcome(kind=OutcomeKind.SYSTEM_ERROR), "InternalServerError"),
        (Outcome(kind=OutcomeKind.FUNCTION_ERROR), "UnhandledInvocationError"),
        (
            Outcome(kind=OutcomeKind.FUNCTION_ERROR, error_type="InvocationError", timed_out=True),
            "InvocationError",
        ),
        (
            Outcome(kind=OutcomeKind.FUNCTION_ERROR, error_type="HandledInvocationError"),
            "HandledInvocationError",
        ),
    ],
)
def test_the_condition_names_what_happened(outcome: Outcome, condition: str) -> None:
    assert condition_of(outcome) == condition


# --- age --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("age_ms", "admitted"), [(59_999, True), (60_000, False), (60_001, False)])
def test_age_is_over_at_the_deadline_itself(age_ms: int, *, admitted: bool) -> None:
    decision = policy.admit(invocation(), config(age=60), NOW + age_ms, RULES)
    expired = policy.End(status=Status.EXPIRED, condition="AsyncEventAgeExceeded")
    assert decision == (None if admitted else expired)


def test_unset_age_is_a_day() -> None:
    assert policy.deadline(invocation(), None, RULES) == NOW + 86_400_000


@pytest.mark.parametrize(("counts", "deadline"), [(True, 60_000), (False, 90_000)])
def test_a_delay_counts_towards_the_age_unless_turned_off(deadline: int, *, counts: bool) -> None:
    rules = Rules(delay_counts_towards_age=counts)
    delayed = invocation(delay_ms=30_000)
    assert policy.deadline(delayed, config(age=60), rules) == NOW + deadline


def test_a_function_error_that_would_be_retried_too_late_fails_now_with_its_error() -> None:
    decision = policy.decide(invocation(), FAILED, config(age=1), NOW, RULES)
    assert decision == policy.End(status=Status.FAILED, condition="UnhandledInvocationError")


@pytest.mark.parametrize("kind", UNCOUNTED)
def test_an_invocation_that_never_ran_expires_if_its_retry_would_be_too_late(
    kind: OutcomeKind,
) -> None:
    decision = policy.decide(
        invocation(system_retries=1), Outcome(kind=kind), config(age=1), NOW, RULES
    )
    assert decision == policy.End(status=Status.EXPIRED, condition="AsyncEventAgeExceeded")


@pytest.mark.parametrize("kind", UNCOUNTED)
def test_an_invocation_that_ran_fails_instead_of_expiring(kind: OutcomeKind) -> None:
    tried = invocation(attempts=1, system_retries=1)
    decision = policy.decide(tried, Outcome(kind=kind), config(age=1), NOW, RULES)
    assert isinstance(decision, policy.End)
    assert decision.status is Status.FAILED


def test_a_retry_that_comes_too_late_to_be_admitted_fails_with_its_last_error() -> None:
    late = invocation(attempts=1, error="UnhandledInvocationError", status=Status.DEQUEUED)
    decision = policy.admit(late, config(age=1), NOW + 1_000, RULES)
    assert decision == policy.End(status=Status.FAILED, condition="UnhandledInvocationError")


# --- stop and loops ---------------------------------------------------------------------------


def test_a_claim_with_a_stop_asked_for_is_stopped_unseen() -> None:
    decision = policy.admit(invocation(status=Status.STOPPING), None, NOW, RULES)
    assert decision == policy.End(status=Status.STOPPED, condition="AsyncTaskStopped")


@pytest.mark.parametrize(
    ("repeats", "limit", "ended"), [(2, 3, False), (3, 3, True), (500, 0, False), (1, 1, True)]
)
def test_the_loop_guard_ends_a_function_that_ran_too_often_on_the_call_path(
    repeats: int, limit: int, *, ended: bool
) -> None:
    path = ("acs:fc:::functions/f", "acs:fc:::functions/other/prod") * repeats
    decision = policy.admit(invocation(call_path=path), None, NOW, Rules(max_repeats=limit))
    loop = policy.End(status=Status.FAILED, condition="RecursiveInvocation")
    assert decision == (loop if ended else None)


def test_the_loop_guard_lets_a_long_path_of_distinct_functions_pass() -> None:
    path = tuple(f"acs:fc:::functions/f{n}" for n in range(500))
    assert policy.admit(invocation(call_path=path), None, NOW, RULES) is None


def test_of_several_messages_the_path_that_is_nearest_to_the_limit_counts() -> None:
    f, g = "acs:fc:::functions/f", "acs:fc:::functions/g"
    assert nearest_to_limit([(g, g, g), (f, g), ()], "f") == (f, g)


# --- deliveries -------------------------------------------------------------------------------


def delivery(tries: int = 0) -> Job:
    return Job(kind=DELIVERY, key="1-aa", payload=b"", created_at=NOW, due_at=NOW, tries=tries)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_2xx_answer_of_a_destination_is_a_delivery(status: int) -> None:
    assert policy.is_delivered(status)


@pytest.mark.parametrize("status", [400, 403, 404, 408, 413, 499, 302])
def test_4xx_is_given_up_at_once(status: int) -> None:
    assert not policy.is_delivered(status)
    assert policy.delivery_again_at(delivery(), status, NOW) is None


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_throttling_and_5xx_are_tried_again_until_half_an_hour_has_passed(status: int) -> None:
    waits, tries = [], 0
    while (again_at := policy.delivery_again_at(delivery(tries), status, NOW)) is not None:
        waits.append(again_at - NOW)
        tries += 1
    assert waits[:-1] == [500 * 2**n for n in range(len(waits) - 1)]
    assert sum(waits) == HOUR / 2


# --- laws -------------------------------------------------------------------------------------

OUTCOMES = st.builds(Outcome, kind=st.sampled_from(OutcomeKind))
CONFIGS = st.none() | st.builds(
    AsyncConfig,
    max_async_retry_attempts=st.none() | st.integers(0, 8),
    max_async_event_age_in_seconds=st.none() | st.integers(1, 604_800),
)


@given(n=st.integers(1, 200))
def test_function_error_waits_follow_the_table_for_every_n(n: int) -> None:
    assert policy.function_retry_wait(n, RULES) == min(1_000 * 2 ** (n - 1), 60_000)


@given(n=st.integers(1, 200))
def test_uncounted_waits_follow_the_table_for_every_n(n: int) -> None:
    assert policy.system_retry_wait(n) == policy.delivery_retry_wait(n) == 500 * 2 ** (n - 1)


@given(first=st.integers(1, 10_000), longest=st.integers(1, 100_000), n=st.integers(1, 1_000))
def test_waits_never_shrink_and_never_pass_their_limit(first: int, longest: int, n: int) -> None:
    rules = Rules(function_retry_first_ms=first, function_retry_max_ms=longest)
    waits = policy.function_retry_wait(n, rules), policy.function_retry_wait(n + 1, rules)
    assert waits[0] <= waits[1] <= longest


@given(
    outcome=OUTCOMES,
    configured=CONFIGS,
    attempts=st.integers(0, 9),
    system_retries=st.integers(0, 16),
    late=st.integers(0, 700_000_000),
    delay=st.sampled_from([0, 1_000, 3_599_000]),
    counts=st.booleans(),
)
def test_nothing_is_queued_again_that_would_be_too_old(
    outcome: Outcome,
    configured: AsyncConfig | None,
    attempts: int,
    system_retries: int,
    late: int,
    delay: int,
    *,
    counts: bool,
) -> None:
    rules = Rules(delay_counts_towards_age=counts)
    before = invocation(
        attempts=attempts,
        system_retries=system_retries,
        system_retry_since=NOW if system_retries else None,
        delay_ms=delay,
    )
    now = NOW + late
    decision = policy.decide(before, outcome, configured, now, rules)
    if isinstance(decision, policy.Retry):
        assert now < decision.at < policy.deadline(before, configured, rules)
    else:
        assert decision.status.final


@given(outcomes=st.lists(OUTCOMES, min_size=1, max_size=40), configured=CONFIGS)
def test_an_invocation_has_exactly_one_end_and_few_enough_attempts(
    outcomes: list[Outcome], configured: AsyncConfig | None
) -> None:
    current, now, ends = invocation(), NOW, 0
    for outcome in outcomes:
        if policy.admit(current, configured, now, RULES) is not None:
            ends += 1
            break
        decision = policy.decide(current, outcome, configured, now, RULES)
        executed = outcome.kind in policy.EXECUTED
        current = replace(current, attempts=current.attempts + executed)
        if isinstance(decision, policy.End):
            ends += 1
            break
        current = replace(
            current,
            system_retries=decision.system_retries,
            system_retry_since=decision.system_retry_since,
        )
        now = decision.at
    assert ends <= 1
    assert current.attempts <= policy.retries(configured) + 1
