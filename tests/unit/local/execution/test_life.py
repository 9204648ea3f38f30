# SPDX-License-Identifier: MIT
"""The life cycle of an instance: one start, one end, and frozen only while it can run calls."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fc_async_local.execution.instances.life import TRANSITIONS, IllegalTransition, Life, State


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("following", State)
def test_a_step_that_the_table_lacks_is_refused(state: State, following: State) -> None:
    life = Life()
    life.state = state
    if following in TRANSITIONS[state]:
        life.move(following)
        assert life.state is following
    else:
        with pytest.raises(IllegalTransition, match=f"{state.name} is not {following.name}"):
            life.move(following)
        assert life.state is state


def test_an_instance_that_is_killed_while_it_starts_never_gets_ready() -> None:
    life = Life()
    assert life.end()
    life.started()
    assert not life.is_ready
    assert life.has_ended


def test_an_instance_that_was_spoiled_while_it_started_gets_no_hook() -> None:
    life = Life()
    life.spoil()
    life.started()
    assert life.is_ready  # the calls of others go on in it
    assert not life.can_run_hook


class LifeMachine(RuleBasedStateMachine):
    """Any order of what happens to an instance, compared with what its processes were told."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()
        self.are_stopped = False
        self.was_started = False
        self.was_spoiled = False
        self.ends = 0

    @rule()
    def start(self) -> None:
        if self.life.state in {State.STARTING, State.FAILED, State.ENDED}:
            self.was_started |= not self.life.has_ended
            self.life.started()

    @rule()
    def freeze(self) -> None:
        if self.life.freeze():
            assert not self.are_stopped
            self.are_stopped = True

    @rule()
    def thaw(self) -> None:
        if self.life.thaw():
            assert self.are_stopped
            self.are_stopped = False

    @rule()
    def spoil(self) -> None:
        self.life.spoil()
        self.was_spoiled = True

    @rule(times=st.integers(1, 3))
    def end(self, times: int) -> None:
        for _ in range(times):
            self.ends += self.life.end()

    @invariant()
    def it_is_ready_if_its_start_came_before_its_end(self) -> None:
        assert self.life.is_ready == self.was_started

    @invariant()
    def its_hook_runs_only_where_no_call_is_left_and_calls_could_run(self) -> None:
        alive = self.was_started and not self.ends
        assert self.life.can_run_hook == (alive and not self.was_spoiled)

    @invariant()
    def it_ends_once_and_is_not_frozen_again(self) -> None:
        assert self.ends == self.life.has_ended
        if self.life.has_ended:
            assert not self.life.freeze()
            assert not self.life.thaw()


TestLife = LifeMachine.TestCase
