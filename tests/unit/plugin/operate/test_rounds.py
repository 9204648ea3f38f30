# SPDX-License-Identifier: MIT
"""Rounds over the conditions of alarms: what they look at, and what they tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin import PluginError
from fc_async_plugin.check import conditions
from fc_async_plugin.check.conditions import CONDITIONS, QUEUE_AGE, QUEUE_DEPTH, Rule
from fc_async_plugin.operate import rounds
from fc_async_plugin.operate.rounds import Known, QueueState, RecentMetrics, Round
from fc_async_sdk.admin.models import MetricPoint
from fc_async_sdk.errors import ConnectFailed
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from fc_async_plugin.operate.webhooks import AlarmChange

MINUTE = 60_000
HOUR = 60 * MINUTE
END = 100_000 * MINUTE
DAY = 86_400
BY_NAME = {condition.name: condition for condition in (*CONDITIONS, QUEUE_DEPTH, QUEUE_AGE)}


def rule(name: str, threshold: int = 1, subject: str = "orders") -> Rule:
    return Rule(BY_NAME[name], subject, "cn-hangzhou", threshold, "because")


class World(rounds.Reader):
    """An account, and rounds that a scheduler starts in it.

    Attributes:
        seen: Values by function, metric, and end of the minute.
        queues: States of queues.
        fails: Functions and queues that cannot be read.
        refuses: Whether the webhook refuses.
        now: End of the newest minute.
    """

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self.known = Known()
        self.seen: dict[tuple[str, str], dict[int, float]] = {}
        self.queues: dict[str, QueueState] = {}
        self.fails: set[str] = set()
        self.refuses = False
        self.now = END
        self.notes: list[str] = []
        self.round: Round

    def function(self, region: str, function: str, begin: int | None) -> RecentMetrics:
        if function in self.fails or f"{region}/{function}" in self.fails:
            raise ConnectFailed("no answer")
        begin = self.now - HOUR if begin is None else begin
        begin = min(max(begin, self.now - 7 * 24 * HOUR), self.now)
        points = {
            metric: [MetricPoint(end - MINUTE, value) for end, value in values.items()]
            for (name, metric), values in self.seen.items()
            if name == function
        }
        return RecentMetrics(begin, self.now, points)

    def queue(self, region: str, queue: str) -> QueueState:
        if queue in self.fails:
            raise ModuleNotFoundError("No module named 'mns'")
        return self.queues[queue]

    def count(self, metric: str, value: float, end: int | None = None, of: str = "orders") -> None:
        self.seen.setdefault((of, metric), {})[self.now if end is None else end] = value

    def look(self, since: int | None = None) -> list[tuple[str, bool]]:
        """Make a round; return what was told in it."""
        self.round = Round(self.rules, self.known, self, since)
        self.round.look()
        told = rounds.tell(self.known, self.round.changes, self._send, self.notes.append)
        return [(change.function or f"queue {change.queue}", change.alarm) for change in told]

    def _send(self, _: AlarmChange) -> None:
        if self.refuses:
            raise PluginError("the webhook at example.com answered 500")


def test_a_condition_is_told_when_it_begins_and_when_it_ends() -> None:
    world = World(rule("expired"))
    assert world.look() == []
    world.now += MINUTE
    world.count(metrics.EXPIRED, 3)
    assert world.look() == [("orders", True)]
    assert world.look() == []
    assert world.round.holding == ["cn-hangzhou/fc-async-orders-expired"]
    world.now += MINUTE
    assert world.look() == [("orders", False)]
    assert world.look() == []


@given(
    waits=st.lists(st.integers(1, 3 * 24 * 60), min_size=1, max_size=4),
    lost=st.integers(0, 10**6),
)
def test_nothing_between_two_rounds_is_missed(waits: list[int], lost: int) -> None:
    """A destination error was seen only by a round in the next minute."""
    world = World(rule("destination-errors"))
    world.look()
    last = END + sum(waits) * MINUTE
    world.count(metrics.DESTINATION_ERRORS, 1, END + (lost % sum(waits) + 1) * MINUTE)
    told: list[tuple[str, bool]] = []
    for wait in waits:
        world.now += wait * MINUTE
        told += world.look()
    assert world.now == last
    assert told[0] == ("orders", True)
    assert told.count(("orders", True)) == 1


def test_a_round_begins_where_the_last_one_ended_that_could_read_the_metrics() -> None:
    world = World(rule("expired"))
    world.look()
    world.fails.add("orders")
    world.now += MINUTE
    world.count(metrics.EXPIRED, 1)
    for _ in range(3):
        assert world.look() == []
        assert world.round.unread == [
            "orders (cn-hangzhou): it cannot be read, and its alarms stay: no answer"
        ]
        world.now += 5 * MINUTE
    world.fails.clear()
    assert world.look() == [("orders", True)]


def test_a_function_that_cannot_be_read_hides_none_of_its_name_in_another_region() -> None:
    here = rule("expired")
    world = World(here, here._replace(region="cn-shanghai"))
    world.fails.add("cn-hangzhou/orders")
    world.count(metrics.EXPIRED, 1)
    assert world.look() == [("orders", True)]
    assert world.round.holding == ["cn-shanghai/fc-async-orders-expired"]


def test_what_a_round_of_a_month_ago_has_not_seen_is_said_beyond_a_week() -> None:
    world = World(rule("expired"))
    world.look()
    world.now += 30 * 24 * HOUR
    world.look()
    assert world.round.skipped == ["orders"]
    assert world.round.end - world.round.begin == 7 * 24 * HOUR


def test_a_round_may_begin_where_a_person_says() -> None:
    world = World(rule("expired"))
    world.look()
    world.count(metrics.EXPIRED, 1, END - 3 * HOUR)
    world.now += MINUTE
    assert world.look() == []
    assert world.look(END - 4 * HOUR) == [("orders", True)]


def test_a_change_that_was_not_taken_is_told_again_even_if_it_is_over() -> None:
    world = World(rule("expired"))
    world.count(metrics.EXPIRED, 1)
    world.refuses = True
    assert world.look() == []
    assert "answered 500, which was not told: orders" in world.notes[0]
    world.refuses, world.now = False, END + 5 * MINUTE
    assert world.look() == [("orders", True), ("orders", False)]


def test_a_round_tells_twenty_changes_and_each_is_told_once() -> None:
    names = [f"f{number}" for number in range(50)]
    world = World(*(rule("expired", 1, name) for name in names))
    for name in names:
        world.count(metrics.EXPIRED, 1, of=name)
    told = [world.look() for _ in range(4)]
    assert [len(changes) for changes in told] == [20, 20, 10, 0]
    assert len({change for changes in told for change in changes}) == 50
    assert len(world.round.holding) == 50


def test_what_is_lost_is_told_before_the_rest() -> None:
    world = World(rule("backlog", 0), rule("expired"))
    world.count(metrics.EXPIRED, 1)
    world.look()
    assert [change.condition for change in world.round.changes] == ["backlog", "expired"]
    world.known = Known()
    told: list[str] = []
    rounds.tell(world.known, world.round.changes, lambda one: told.append(one.condition), print)
    assert told == ["expired", "backlog"]


def test_a_condition_of_a_function_that_left_the_template_does_not_hold_for_ever() -> None:
    world = World(rule("expired"))
    world.count(metrics.EXPIRED, 1)
    world.look()
    world.rules = (rule("expired", 1, "mails"),)
    assert world.look() == []
    assert world.round.holding == []


@pytest.mark.parametrize(
    ("name", "metric", "values", "expected"),
    [
        ("errors", metrics.FUNCTION_ERRORS, (9, 1, 0, 1, 0, 1), [3]),
        ("age", metrics.LATENCY_MAXIMUM, (900, 500), [500]),
        ("backlog", metrics.BACKLOG, (9, 1, 2, 3), [1, 2, 3]),
        ("backlog", metrics.BACKLOG, (), [0, 0, 0]),
    ],
)
def test_the_periods_of_a_condition_are_made_of_minutes(
    name: str, metric: str, values: tuple[float, ...], expected: list[float]
) -> None:
    assert BY_NAME[name].metric == metric
    first = END // MINUTE - len(values)
    by_minute = {first + at: value for at, value in enumerate(values)}
    assert rounds.values_of(rule(name), by_minute, END) == expected


def test_a_backlog_must_last() -> None:
    assert not rule("backlog", 2).broken_by([1, 2, 3])
    assert rule("backlog", 2).broken_by([2, 2, 3])


@pytest.mark.parametrize(
    ("executions", "errors", "told"),
    [
        (34_000, 34, []),  # 0.1 %, as always
        (34_000, 2_000, [("orders", True)]),
        (100, 100, [("orders", True)]),  # a quiet night, in which everything fails
        (100, 2, []),  # fewer than one invocation makes
        (100, 5, [("orders", True)]),
    ],
)
def test_errors_are_judged_by_their_share_of_executions(
    executions: int, errors: int, told: list[tuple[str, bool]]
) -> None:
    shared = rule("errors", 340)._replace(share=0.01, least=4)
    world = World(shared)
    world.count(metrics.INVOCATIONS, executions)
    world.count(metrics.FUNCTION_ERRORS, errors)
    assert world.look() == told


def test_a_failure_queue_is_told_while_something_waits_in_it() -> None:
    world = World(*conditions.queue_rules("cn-hangzhou", "dead"))
    world.queues["dead"] = QueueState(0, 0, 7 * DAY, END)
    assert world.look() == []
    world.queues["dead"] = QueueState(3, 60, 7 * DAY, END)
    assert world.look() == [("queue dead", True)]
    assert world.look() == []
    world.queues["dead"] = QueueState(0, 0, 7 * DAY, END)
    assert world.look() == [("queue dead", False)]


@pytest.mark.parametrize(
    ("retention", "age", "old"),
    [(4 * DAY, 2.1 * DAY, True), (7 * DAY, 2.1 * DAY, False), (7 * DAY, 3.6 * DAY, True)],
)
def test_the_oldest_failure_is_told_at_half_of_the_time_that_its_queue_keeps_it(
    retention: int, age: float, old: bool
) -> None:
    world = World(*conditions.queue_rules("cn-hangzhou", "dead"))
    world.queues["dead"] = QueueState(1, age, retention, END)
    world.look()
    assert ("oldest" in [change.condition for change in world.round.changes]) == old


def test_a_queue_that_cannot_be_read_is_said_and_the_functions_are_checked() -> None:
    world = World(*conditions.queue_rules("cn-hangzhou", "dead"), rule("expired"))
    world.fails.add("dead")
    world.count(metrics.EXPIRED, 1)
    assert world.look() == [("orders", True)]
    [sentence] = world.round.unread
    assert sentence.startswith("queue dead (cn-hangzhou): it cannot be read")
