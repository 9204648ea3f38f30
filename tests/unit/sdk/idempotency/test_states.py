# SPDX-License-Identifier: MIT
"""Laws of the state machine of a key, for several machines whose clocks differ."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fc_async_sdk import errors
from fc_async_sdk.idempotency import MemoryStore, states
from fc_async_sdk.idempotency.runs import Claims, Run
from fc_async_sdk.idempotency.states import Record

TIMEOUT_MS = 60_000
SKEW_MS = 60_000
RULES = states.Rules()


class MachineClock:
    """The clock of one machine: true time and a constant error."""

    def __init__(self, error_ms: int) -> None:
        self.true = 1_790_000_000_000
        self.error_ms = error_ms

    def now(self) -> int:
        return self.true + self.error_ms

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"no wait of {seconds} was expected")


class OneKey(RuleBasedStateMachine):
    """Executions of one event on two machines; the platform ends each at its timeout."""

    def __init__(self) -> None:
        super().__init__()
        store = MemoryStore()
        self.clocks = [MachineClock(0), MachineClock(SKEW_MS)]
        self.claims = [Claims(store, RULES, clock) for clock in self.clocks]
        self.alive: list[tuple[Run, int]] = []
        self.attempt = 0
        self.effects_begun = 0
        self.results: set[int] = set()

    def end_at_the_timeout(self) -> None:
        now = self.clocks[0].true
        self.alive = [(run, ends) for run, ends in self.alive if now < ends]

    @rule(machine=st.sampled_from([0, 1]))
    def deliver(self, machine: int) -> None:
        request = states.Request(
            key="k", request_id="r", attempt=self.attempt, timeout_ms=TIMEOUT_MS
        )
        try:
            standing = self.claims[machine].claim(request)
        except errors.EffectInDoubt:
            assert self.effects_begun == 1
            return
        if isinstance(standing, Run):
            self.alive.append((standing, self.clocks[0].true + TIMEOUT_MS))

    @rule(seconds=st.sampled_from([1, 29, 60, 91, 151]))
    def pass_time(self, seconds: int) -> None:
        for clock in self.clocks:
            clock.true += seconds * 1000
        self.end_at_the_timeout()

    @precondition(lambda self: self.alive)
    @rule()
    def perform_the_effect(self) -> None:
        run, _ = self.alive[0]
        try:
            known = run.begin_effect("charge")
        except (errors.ClaimLost, errors.InvalidParameter):
            return
        if known is None:
            self.effects_begun += 1

    @precondition(lambda self: self.alive and self.effects_begun)
    @rule()
    def end_the_effect(self) -> None:
        self.alive[0][0].end_effect("charge", "receipt")

    @precondition(lambda self: self.alive)
    @rule()
    def kill_and_retry(self) -> None:
        self.alive.pop(0)
        self.attempt += 1

    @precondition(lambda self: self.alive)
    @rule()
    def fail_and_retry(self) -> None:
        self.alive.pop(0)[0].fail(ValueError("no"))
        self.attempt += 1

    @precondition(lambda self: self.alive)
    @rule()
    def complete(self) -> None:
        self.alive.pop(0)[0].complete("done")

    @invariant()
    def one_run_is_alive_at_most(self) -> None:
        assert len(self.alive) <= 1

    @invariant()
    def the_effect_begins_once_at_most(self) -> None:
        assert self.effects_begun <= 1


TestOneKey = OneKey.TestCase
TestOneKey.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


@given(
    st.sampled_from(["running", "free", "done", "failed"]),
    st.integers(0, 3),
    st.integers(-200_000, 200_000),
    st.booleans(),
)
def test_a_record_of_a_live_run_is_never_replaced(
    state: str, attempt: int, now: int, begun: bool
) -> None:
    found = Record(
        key="k",
        token="t",
        state=state,  # type: ignore[arg-type]
        written=0,
        until=100_000,
        expires=500_000,
        request_id="r",
        attempt=attempt,
        begun=("charge",) if begun else (),
    )
    request = states.Request(key="k", request_id="r", attempt=1, timeout_ms=TIMEOUT_MS)
    try:
        standing: object = states.decide(found, request, RULES, now)
    except errors.IdempotencyError as error:
        standing = error
    alive = state == "running" and now < 100_000 and attempt >= 1
    assert isinstance(standing, states.Running) == alive
    takes_over = not alive and state in {"running", "free"} and not begun
    assert (standing is None) == takes_over
