# SPDX-License-Identifier: MIT
"""Conditions that begin to hold and end, and what a webhook is told of them."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Response

from fc_async_plugin import PluginError
from fc_async_plugin.check.conditions import CONDITIONS, Rule
from fc_async_plugin.operate import watching
from fc_async_plugin.operate.watching import AlarmChange, RecentMetrics, RuleWatch, Webhook
from fc_async_sdk.admin.models import MetricPoint
from fc_async_sdk.errors import ConnectFailed
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 60_000
END = 100 * MINUTE
BY_NAME = {one.name: one for one in CONDITIONS}


def rule(name: str, threshold: int, function: str = "orders") -> Rule:
    return Rule(BY_NAME[name], function, "cn-hangzhou", threshold, "because")


def points(*values: float) -> list[MetricPoint]:
    """The metric of the minutes before the end."""
    first = END - len(values) * MINUTE
    return [MetricPoint(first + at * MINUTE, value) for at, value in enumerate(values)]


class World:
    """A watch, the metrics that it reads, and what it has told.

    Attributes:
        seen: Metrics by function and name.
        fails: Functions whose metrics cannot be read.
        refuses: Whether the webhook refuses.
        end: End of the minute that is read.
    """

    def __init__(self, *rules: Rule) -> None:
        self.seen: dict[str, dict[str, list[MetricPoint]]] = {}
        self.fails: set[str] = set()
        self.refuses = False
        self.end = END
        self.told: list[AlarmChange] = []
        self.notes: list[str] = []
        self.watch = RuleWatch(rules, self._read, self._tell, self.notes.append)

    def _read(self, region: str, function: str, minutes: int) -> RecentMetrics:
        if function in self.fails:
            raise ConnectFailed("no answer")
        return RecentMetrics(self.end, self.seen.get(function, {}))

    def _tell(self, change: AlarmChange) -> None:
        if self.refuses:
            raise PluginError("the webhook at example.com answered 500")
        self.told.append(change)

    def errors(self, number: float, function: str = "orders") -> None:
        self.seen[function] = {metrics.FUNCTION_ERRORS: points(number)}

    def look(self) -> list[tuple[str, bool]]:
        """Make a round; return what was told in it."""
        self.told.clear()
        self.watch.look()
        return [(one.rule.function, one.broken) for one in self.told]


def test_a_condition_is_told_when_it_begins_and_when_it_ends() -> None:
    world = World(rule("errors", 3))
    assert world.look() == []
    world.errors(3)
    assert world.look() == [("orders", True)]
    assert world.look() == []
    world.errors(2)
    assert world.look() == [("orders", False)]
    assert world.look() == []


def test_a_function_that_can_be_read_hides_none_of_its_name_in_another_region() -> None:
    def read(region: str, _function: str, _minutes: int) -> RecentMetrics:
        if region == "cn-hangzhou":
            raise ConnectFailed("no answer")
        return RecentMetrics(END, {})

    notes: list[str] = []
    here = rule("errors", 1)
    watch = RuleWatch(
        [here, here._replace(region="cn-shanghai")], read, lambda _: None, notes.append
    )
    watch.look()
    watch.look()
    assert watch.unread
    (note,) = notes
    assert note.startswith("orders (cn-hangzhou): its metrics cannot be read")


def test_a_change_that_was_not_taken_is_told_again() -> None:
    world = World(rule("errors", 1))
    world.errors(1)
    world.refuses = True
    assert world.look() == []
    assert "answered 500, which was not told: orders" in world.notes[0]
    world.refuses = False
    assert world.look() == [("orders", True)]


def test_a_change_that_was_not_taken_is_told_even_if_it_is_over() -> None:
    world = World(rule("errors", 1))
    world.errors(1)
    world.refuses = True
    world.look()
    world.refuses, world.end = False, END + 5 * MINUTE
    assert world.look() == [("orders", True)]
    world.end += MINUTE
    assert world.look() == [("orders", False)]


def test_a_condition_that_cannot_be_read_stays_as_it_was() -> None:
    world = World(rule("errors", 1))
    world.errors(1)
    world.look()
    world.fails.add("orders")
    assert world.look() == []
    assert world.look() == []
    assert len(world.notes) == 1
    world.fails.clear()
    assert world.look() == []


def test_a_round_that_is_late_looks_at_every_minute_since_the_one_before() -> None:
    world = World(rule("expired", 1))
    world.end = END - 5 * MINUTE
    assert world.look() == []
    world.end = END
    world.seen["orders"] = {metrics.EXPIRED: points(7, 0, 0)}
    assert world.look() == [("orders", True)]
    assert world.told[0].value == 7
    world.end = END + MINUTE
    assert world.look() == [("orders", False)]


def test_a_round_tells_twenty_changes_and_each_is_told_once() -> None:
    names = [f"f{number}" for number in range(50)]
    world = World(*(rule("errors", 1, name) for name in names))
    for name in names:
        world.errors(1, name)
    rounds = [world.look() for _ in range(4)]
    assert [len(told) for told in rounds] == [20, 20, 10, 0]
    assert len({one for told in rounds for one in told}) == 50
    assert len(world.watch.broken) == 50


def test_what_is_lost_is_told_before_the_rest() -> None:
    world = World(rule("errors", 1), rule("expired", 1))
    world.seen["orders"] = {metrics.FUNCTION_ERRORS: points(1), metrics.EXPIRED: points(1)}
    world.look()
    assert [one.rule.condition.name for one in world.told] == ["expired", "errors"]


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
    assert watching.values_of(rule(name, 1), points(*values), END) == expected


def test_a_backlog_must_last() -> None:
    assert not rule("backlog", 2).broken_by([1, 2, 3])
    assert rule("backlog", 2).broken_by([2, 2, 3])


CHANGE = AlarmChange(rule("errors", 1), broken=True, value=4, at=END)


@pytest.fixture
def hook(httpserver) -> Callable[..., Any]:
    """Sends a change to a server that gives an answer; returns what the server got."""

    def send(answer: Response, form: str | None = None) -> Any:
        httpserver.clear()
        httpserver.expect_request("/hook", method="POST").respond_with_response(answer)
        Webhook(httpserver.url_for("/hook?key=secret"), form)(CHANGE)
        [(request, _)] = httpserver.log
        return json.loads(request.get_data())

    return send


def test_a_webhook_gets_the_facts_and_a_sentence(hook) -> None:
    body = hook(Response(status=204))
    assert (body["function"], body["alarm"], body["threshold"]) == ("orders", True, 1)
    assert body["text"] == (
        "orders (cn-hangzhou): errors: FunctionFunctionErrors 4, alarm at 1: because"
    )


@pytest.mark.parametrize(
    ("form", "path"), [("dingtalk", ("text", "content")), ("feishu", ("content", "text"))]
)
def test_chat_robots_get_their_form(hook, form: str, path: tuple[str, str]) -> None:
    body = hook(Response('{"errcode": 0, "code": 0}'), form)
    assert body[path[0]][path[1]] == CHANGE.text


@pytest.mark.parametrize(
    "answer",
    [Response(status=500), Response(status=302), Response('{"errcode": 310000}')],
    ids=["500", "redirect", "a code in the body"],
)
def test_a_refusal_is_an_error_without_the_key_of_the_url(hook, answer: Response) -> None:
    with pytest.raises(PluginError, match="the webhook at localhost answered") as failed:
        hook(answer)
    assert "secret" not in str(failed.value)


def test_a_webhook_that_does_not_answer_is_an_error_without_the_key() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/hook?key=secret"
        with pytest.raises(PluginError, match="ConnectionError") as failed:
            Webhook(url)(CHANGE)
    assert "secret" not in str(failed.value)


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com/hook", "https://"])
def test_a_webhook_is_a_url_of_http(url: str) -> None:
    with pytest.raises(PluginError, match="begins with https://"):
        Webhook(url)
