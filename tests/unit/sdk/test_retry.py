# SPDX-License-Identifier: MIT
"""Laws of repetition, whatever the service does."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fc_async_sdk import errors, operations
from fc_async_sdk.config import Config
from fc_async_sdk.operations import Answer, Call
from fc_async_sdk.transport.retry import Budget, Failure, Rate, Tries

CALLS: dict[str, Call[Any]] = {
    "accept": operations.invoke_async("f"),
    "accept with a task id": operations.invoke_async("f", task_id="t"),
    "synchronous": operations.invoke("f"),
    "creation": operations.create_function("f", runtime="python3.10"),
    "read": operations.get_function("f"),
    "deletion": operations.delete_function("f"),
}
FAILURES = st.builds(Failure, st.just("x"), sent=st.booleans(), timed_out=st.booleans())
ANSWERS = st.builds(
    Answer,
    st.sampled_from([400, 403, 404, 409, 412, 429, 500, 502, 503, 504]),
    st.sampled_from([{}, {"x-acs-retry-after": "500"}, {"x-acs-retry-after": "90000"}]),
    st.sampled_from([b"{}", b'{"Code":"C","Message":"m"}']),
)
OUTCOMES = st.lists(FAILURES | ANSWERS, min_size=12, max_size=12)
CONFIG = Config(max_attempts=8, retry_base=0.5, retry_cap=4.0)


def arrived(outcome: Answer | Failure) -> bool:
    """Whether the service may have seen the request."""
    return isinstance(outcome, Answer) or outcome.sent


class Played(NamedTuple):
    """The outcomes that came, the waits between them, and what the caller gets."""

    came: list[Answer | Failure]
    waits: list[float]
    result: Any


def play(call: Call[Any], outcomes: list[Answer | Failure], chance: float = 0.999) -> Played:
    """Send a call whose tries have these outcomes."""
    tries = Tries(call, CONFIG, Budget(), lambda: chance)
    came: list[Answer | Failure] = []
    waits: list[float] = []
    for outcome in outcomes:
        came.append(outcome)
        wait = tries.wait_after(outcome, None)
        if wait is None:
            try:
                return Played(came, waits, tries.conclude(outcome))
            except errors.FcAsyncError as error:
                return Played(came, waits, error)
        waits.append(wait)
    raise AssertionError("it never ended")


@given(name=st.sampled_from(["accept", "synchronous"]), outcomes=OUTCOMES)
def test_a_call_without_a_task_id_arrives_at_most_once(
    name: str, outcomes: list[Answer | Failure]
) -> None:
    came = play(CALLS[name], outcomes).came
    assert sum(map(arrived, came)) <= 1


@given(outcomes=OUTCOMES)
def test_a_creation_is_repeated_only_when_it_was_refused(
    outcomes: list[Answer | Failure],
) -> None:
    came = play(CALLS["creation"], outcomes).came
    for outcome in came[:-1]:
        assert not arrived(outcome) or (isinstance(outcome, Answer) and outcome.status == 429)


@settings(max_examples=200)
@given(st.sampled_from(list(CALLS)), OUTCOMES, st.floats(0, 1, exclude_max=True))
def test_every_call_ends_and_its_waits_are_bounded(
    name: str, outcomes: list[Answer | Failure], chance: float
) -> None:
    came, waits, _ = play(CALLS[name], outcomes, chance)
    assert len(came) <= CONFIG.max_attempts
    for number, (wait, outcome) in enumerate(zip(waits, came, strict=False)):
        asked = isinstance(outcome, Answer) and outcome.headers
        assert 0 <= wait <= (0.5 if asked else min(4.0, 0.5 * 2**number))


@given(outcomes=OUTCOMES)
def test_a_duplicate_is_success_only_after_a_try_that_may_have_worked(
    outcomes: list[Answer | Failure],
) -> None:
    call = CALLS["accept with a task id"]
    came, _, result = play(call, outcomes)
    last = came[-1]
    if not isinstance(last, Answer) or last.status != 409:
        return
    unclear = any(
        (isinstance(o, Failure) and o.sent) or (isinstance(o, Answer) and o.status != 429)
        for o in came[:-1]
    )
    if last.body == b"{}":  # not an answer of the service
        assert isinstance(result, errors.Conflict)
    elif unclear:
        assert result.duplicate
    else:
        assert isinstance(result, errors.AsyncTaskAlreadyExists)


@pytest.mark.parametrize(
    ("name", "failure", "kind"),
    [
        ("accept", Failure("x", sent=False), errors.ConnectFailed),
        ("accept", Failure("x", sent=True), errors.OutcomeUnknown),
        ("accept", Failure("x", sent=True, timed_out=True), errors.OutcomeUnknown),
        ("creation", Failure("x", sent=True), errors.OutcomeUnknown),
        ("read", Failure("x", sent=True, timed_out=True), errors.TimedOut),
        ("read", Failure("x", sent=True), errors.TransportError),
        ("accept with a task id", Failure("x", sent=True, timed_out=True), errors.TimedOut),
    ],
)
def test_a_failure_becomes_the_error_of_its_call(
    name: str, failure: Failure, kind: type[errors.TransportError]
) -> None:
    error = failure.to_error(CALLS[name])
    assert type(error) is kind
    assert error.operation == CALLS[name].operation


def test_only_an_asynchronous_call_is_told_to_take_a_task_id() -> None:
    advised = {
        name: "task_id" in str(Failure("x", sent=True).to_error(CALLS[name]))
        for name in ("accept", "synchronous", "creation")
    }
    assert advised == {"accept": True, "synchronous": False, "creation": False}


def test_no_wait_is_longer_than_what_is_left() -> None:
    tries = Tries(CALLS["read"], CONFIG, Budget(), lambda: 0.9)
    assert tries.wait_after(Failure("x", sent=True), 0.4) is None
    tries = Tries(CALLS["read"], CONFIG, Budget(), lambda: 0.9)
    assert tries.wait_after(Failure("x", sent=True), 0.5) == pytest.approx(0.45)


class TestBudget:
    def test_runs_out_and_fills_up_again(self) -> None:
        budget = Budget(10)
        assert [budget.spend(5), budget.spend(5), budget.spend(5)] == [True, True, False]
        for _ in range(5):
            budget.refund()
        assert budget.spend(5)

    def test_never_holds_more_than_it_did(self) -> None:
        budget = Budget(5)
        budget.refund()
        assert [budget.spend(5), budget.spend(1)] == [True, False]

    def test_timeouts_cost_more(self) -> None:
        budget = Budget(10)
        tries = Tries(CALLS["read"], CONFIG, budget, lambda: 0.0)
        with contextlib.suppress(errors.FcAsyncError):
            tries.wait_after(Failure("x", sent=True, timed_out=True), None)
        assert not budget.spend(1)


# --- the rate of the mode adaptive ------------------------------------------------------------


def send(rate: Rate, count: int, every: float, begin: float = 0.0) -> float:
    """Send some requests; return the time after the last one."""
    now = begin
    for _ in range(count):
        now += rate.wait(now) + every
    return now


def test_a_client_that_was_never_throttled_does_not_wait() -> None:
    rate = Rate()
    assert send(rate, 1_000, 0.0) == 0.0
    rate.told(throttled=False, now=0.0)
    assert rate.limit is None


def test_a_throttled_client_sends_seven_tenths_of_what_it_sent() -> None:
    rate = Rate()
    now = send(rate, 100, 0.01)
    rate.told(throttled=True, now=now)
    assert rate.limit == pytest.approx(70, abs=1)
    assert send(rate, 70, 0.0, now) - now == pytest.approx(1, abs=0.05)


def test_refusals_of_one_second_count_once_and_answers_let_the_rate_grow() -> None:
    rate = Rate()
    now = send(rate, 100, 0.01)
    for _ in range(20):
        rate.told(throttled=True, now=now)
    before = rate.limit
    assert before is not None
    for _ in range(int(before)):
        rate.told(throttled=False, now=now)
    assert rate.limit == pytest.approx(before + 1, abs=0.1)


def test_a_throttled_client_is_never_stopped() -> None:
    rate = Rate()
    for second in range(100):
        rate.told(throttled=True, now=second * 2.0)
    assert rate.limit == 0.5
