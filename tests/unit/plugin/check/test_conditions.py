# SPDX-License-Identifier: MIT
"""Thresholds of errors by what metrics say of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin import s_yaml
from fc_async_plugin.check.conditions import History, Rule, rules_of
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.s_yaml.model import Resource

SLOW = {"timeout": 86_400, "asyncInvokeConfig": {"maxAsyncRetryAttempts": 8}}
QUICK = {"timeout": 60, "asyncInvokeConfig": {"maxAsyncRetryAttempts": 3}}


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Resource]:
    """A function whose attempts take minutes at most, and one whose attempts may take days."""
    file: Path = tmp_path_factory.mktemp("shop") / "s.yaml"
    file.write_text(template(quick=QUICK, slow=SLOW))
    return {each.name: each for each in s_yaml.load(str(file)).resources}


def errors(function: Resource, history: History | None) -> list[Rule]:
    place = (function.region, function.function_name)
    rules = rules_of([function], None if history is None else {place: history})
    return [rule for rule in rules if rule.condition.name == "errors"]


def test_a_function_with_a_large_traffic_is_judged_by_a_share(functions) -> None:
    """At 34,000 calls in five minutes, 4 errors are 0.01 %: the alarm never ended."""
    busy = History(executions=60_000_000, errors=6_000, busiest=408_000, span="7d")
    [rule] = errors(functions["quick"], busy)
    assert (rule.threshold, rule.least, rule.share) == (340, 4, 0.01)
    assert rule.reason == (
        "1.00% of the 34,000 executions in 300 s of the busiest hour since 7d, in which 0.01%"
        " failed"
    )


def test_a_function_with_little_traffic_keeps_the_number_of_one_invocation(functions) -> None:
    [rule] = errors(functions["quick"], History(1_000, 10, 120, "7d"))
    assert rule.threshold == 4
    assert rule.reason.startswith("1 attempt and 3 retries: one invocation that fails for good; ")


@pytest.mark.parametrize("history", [None, History(0, 0, 0, "7d"), History(900, 0, 60, "7d")])
def test_a_slow_function_without_much_traffic_has_no_rule(functions, history) -> None:
    assert errors(functions["slow"], history) == []


def test_a_function_whose_timeout_is_long_and_whose_traffic_is_large_has_one(functions) -> None:
    [rule] = errors(functions["slow"], History(60_000_000, 0, 408_000, "7d"))
    assert rule.threshold == 340


@given(
    executions=st.integers(1, 10**9),
    failing=st.floats(0, 1),
    peak=st.floats(0.006, 1),
)
def test_what_is_usual_is_no_alarm_unless_it_is_half_and_half_always_is_one(
    functions, executions: int, failing: float, peak: float
) -> None:
    busiest = executions * peak
    history = History(executions, executions * failing, busiest, "7d")
    [rule] = errors(functions["quick"], history)
    in_period = busiest / 12
    usual = in_period * history.share
    if history.share < 0.5:
        assert not rule.broken_by([usual], [in_period])
    if in_period / 2 >= rule.least:
        assert rule.broken_by([in_period / 2], [in_period])
