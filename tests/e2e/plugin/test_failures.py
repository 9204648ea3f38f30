# SPDX-License-Identifier: MIT
"""``fc-async failures``: what failed, where it went, and what keeps its payload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.account.connection import Account
from fc_async_plugin.operate import failures, metrics
from fc_async_sdk.admin import operations as admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

QUEUE = "acs:mns:cn-hangzhou::/queues/failures/messages"
Row = dict[str, Any]


def fails(event: bytes, context: object) -> None:
    raise ValueError("the card was declined")


def lacks_a_key(event: bytes, context: object) -> None:
    {}["items"]


def to(queue: str) -> Row:
    return {"onFailure": {"destination": queue}}


@pytest.fixture
def after_a_bad_night(fc_local: FcLocal) -> FcLocal:
    """Three functions that fail: with tasks and a queue, with a queue alone, with nothing."""
    fc_local.create_queue("failures")
    once = {"maxAsyncRetryAttempts": 0}
    kept = {"asyncTask": True, **once, "destinationConfig": to(QUEUE)}
    fc_local.deploy("orders", fails, async_config=kept)
    fc_local.deploy("mails", lacks_a_key, async_config={**once, "destinationConfig": to(QUEUE)})
    fc_local.deploy("reports", fails, async_config={"asyncTask": True, **once})
    for name, times in (("orders", 3), ("mails", 2), ("reports", 1)):
        for number in range(times):
            fc_local.client.invoke_async(name, b"%d" % number)
    fc_local.run_until_idle()
    return fc_local


@pytest.fixture
def rows(fc_async: Callable[..., Any]) -> Callable[..., dict[str, Row]]:
    """Returns the failures that the command prints, by function."""

    def read(*arguments: str) -> dict[str, Row]:
        document = json.loads(fc_async("failures", *arguments, "-o", "json").out)
        return {one["function"]: one for one in document["failures"]}

    return read


def test_failures_are_counted_by_function_error_and_condition(after_a_bad_night, rows) -> None:
    found = rows("orders", "mails", "reports")
    assert {
        name: (one["count"], one["error"], one["condition"]) for name, one in found.items()
    } == {
        "orders": (3, "ValueError", "UnhandledInvocationError"),
        "mails": (2, "KeyError", "UnhandledInvocationError"),
        "reports": (1, "ValueError", "UnhandledInvocationError"),
    }


def test_a_failure_in_task_mode_and_in_a_queue_counts_once(after_a_bad_night, rows) -> None:
    assert rows("orders")["orders"]["count"] == 3


def test_each_failure_has_the_place_that_it_went_to(after_a_bad_night, fc_async, rows) -> None:
    found = rows("orders", "mails", "reports")
    assert found["orders"]["destination"] == QUEUE
    assert found["orders"]["waiting"] == 5
    assert found["reports"]["destination"] is None
    shown = fc_async("failures", "orders", "reports").out
    assert "queue failures (5 waiting)" in shown
    assert "nowhere" in shown


def test_each_failure_has_its_ids_and_what_keeps_its_payload(after_a_bad_night, rows) -> None:
    found = rows("orders", "mails", "reports")
    assert {name: (one["source"], len(set(one["ids"]))) for name, one in found.items()} == {
        "orders": (QUEUE, 3),
        "mails": (QUEUE, 2),
        "reports": ("tasks", 1),
    }
    assert found["reports"]["ids"] == [found["reports"]["newest"]["taskId"]]
    assert found["mails"]["newest"]["requestId"] in found["mails"]["ids"]


def test_each_failure_says_until_when_its_queue_keeps_it(after_a_bad_night, fc_async, rows) -> None:
    group = rows("orders")["orders"]
    seven_days = 7 * 86_400
    assert group["retention"] == seven_days
    now = after_a_bad_night.client.send(admin.get_clock()).now
    kept_for = group["keptUntil"] - now
    assert seven_days * 1_000 - 60_000 < kept_for <= seven_days * 1_000
    assert (
        "kept        for 7 d in the queue, the oldest until" in fc_async("failures", "orders").out
    )
    reports = rows("reports")["reports"]
    assert (reports["retention"], reports["keptUntil"]) == (None, None)


def test_failures_whose_messages_were_received_have_no_source(
    after_a_bad_night, fc_async, rows
) -> None:
    """The tasks are still there: replayed, they would run once more."""
    fc_async("events", "tail", QUEUE, "--once", "--consume")
    found = rows("orders")["orders"]
    assert (found["waiting"], found["source"]) == (0, None)
    assert "no message waits in the queue: it was sent again" in fc_async("failures", "orders").out


def test_older_failures_are_not_among_the_ids(fc_local: FcLocal, rows) -> None:
    fc_local.deploy("orders", fails, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 0})
    for task_id, hours in (("old", 2), ("new", 0)):
        fc_local.client.invoke_async("orders", b"", task_id=task_id)
        fc_local.run_until_idle()
        fc_local.advance(hours * 3600)
    assert rows("orders", "--since", "1h")["orders"]["ids"] == ["new"]


@pytest.mark.parametrize("function", ["orders", "mails"])
def test_the_newest_example_has_its_traceback(after_a_bad_night, rows, function: str) -> None:
    trace = rows(function)[function]["newest"]["trace"]
    assert trace[0] == "Traceback (most recent call last):"
    assert trace[-1] in {"ValueError: the card was declined", "KeyError: 'items'"}


def test_looking_takes_no_message_from_the_queue(after_a_bad_night, rows) -> None:
    for _ in range(3):
        assert rows("mails")["mails"]["waiting"] == 5


def test_an_event_that_was_given_up_is_shown_with_the_reason(fc_local, rows) -> None:
    config = {"asyncTask": True, "maxAsyncRetryAttempts": 0, "destinationConfig": to(QUEUE)}
    fc_local.deploy("orders", fails, async_config=config)
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    [one] = rows("orders").values()
    assert "QueueNotExist" in one["notDelivered"]
    assert one["count"] == 1
    assert one["condition"] == "UnhandledInvocationError"


def test_a_result_that_was_not_delivered_is_no_call_to_make_again(fc_local, fc_async) -> None:
    config = {"destinationConfig": {"onSuccess": {"destination": QUEUE}}}
    fc_local.deploy("orders", lambda *_: b"done", async_config=config)
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    shown = fc_async("failures", "orders").out
    assert "not delivered to queue failures" in shown
    assert "deliver the event again, in the console" in shown
    assert "fc-async replay" not in shown


def test_older_failures_are_left_out(after_a_bad_night, rows) -> None:
    after_a_bad_night.advance(7200)
    assert rows("orders", "mails", "--since", "1h") == {}
    assert set(rows("orders", "mails", "--since", "3h")) == {"orders", "mails"}


def test_what_cannot_be_looked_at_is_said(fc_local, fc_async) -> None:
    topic = "acs:mns:cn-hangzhou::/topics/bad-news/messages"
    fc_local.deploy("orders", fails, async_config={"destinationConfig": to(topic)})
    assert "Not looked at: topic bad-news" in fc_async("failures", "orders").err
    assert "tasks of nosuch" in fc_async("failures", "nosuch").err


def test_no_failure_is_said_of_what_was_looked_at_only(fc_local, fc_async) -> None:
    fc_local.deploy("orders", fails)
    assert "No failure was found since 1d.\n" in fc_async("failures", "orders").out
    assert "since 1d in what was looked at." in fc_async("failures", "nosuch").out


def test_without_credentials_nothing_is_said_to_be_well(fc_local, fc_async, monkeypatch) -> None:
    monkeypatch.delenv("FC_ASYNC_ENDPOINT")
    ran = fc_async("failures", "orders", "--region", "cn-hangzhou")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("no credentials found") == 1


@pytest.mark.parametrize("command", ["failures", "metrics", "tasks list", "triggers list"])
def test_an_empty_name_is_not_every_function(fc_async, command: str) -> None:
    ran = fc_async(*command.split(), "")
    assert ran.code == 1
    assert "must not be empty" in ran.err


def test_without_names_all_functions_are_looked_at(after_a_bad_night, rows) -> None:
    assert set(rows()) == {"orders", "mails", "reports"}


def test_metrics_say_how_much_failed_where_nothing_kept_it(fc_local, fc_async) -> None:
    fc_local.deploy("orders", fails, async_config={"maxAsyncRetryAttempts": 1})
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    shown = fc_async("failures", "orders").out
    assert "orders  function errors: 2" in shown
    assert "not possible: nothing kept the payload" in shown


def test_the_account_is_read_through_the_api_of_the_service(
    after_a_bad_night, httpserver, monkeypatch
) -> None:
    for name, value in (("ID", "madeup"), ("SECRET", "madeup")):
        monkeypatch.setenv(f"ALIBABA_CLOUD_ACCESS_KEY_{name}", value)
    monkeypatch.setattr(failures, "service_url", lambda *_, **__: after_a_bad_night.mns_endpoint)
    monkeypatch.setattr(metrics, "cloud_endpoint", lambda _: httpserver.url_for(""))
    httpserver.expect_request("/").respond_with_json({"Code": "403", "Message": "no permission"})
    now = after_a_bad_night.client.send(admin.get_clock()).now
    extent = failures.Extent(now - 60_000, now)
    reader = failures.FailureReader(after_a_bad_night.client, Account(), extent)
    found = reader.read(["orders", "mails"])
    assert {one.function: one.count for one in found.failures} == {"orders": 3, "mails": 2}
    assert all(one.newest.trace for one in found.failures)
    assert "invocations of mails: task mode is off" in found.omitted
    assert any("no permission" in sentence for sentence in found.omitted)
