# SPDX-License-Identifier: MIT
"""``triggers backfill`` against the local runtime: what a stopped timer missed is fired."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.operate import backfill
from fc_async_sdk.admin import operations as admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from fc_async_sdk import Client

    Command = Callable[..., Any]

SPAN = ("--since", "2026-11-20T00:00+08:00", "--until", "2026-11-22T12:00+08:00")


@pytest.fixture
def seen(fc_local: FcLocal) -> list[dict[str, Any]]:
    """The events of ``report``, whose timer is switched off."""
    got: list[dict[str, Any]] = []
    fc_local.deploy(
        "report", lambda event, _: got.append(json.loads(event)), async_config={"asyncTask": True}
    )
    fc_local.client.create_trigger(
        "report",
        "nightly",
        trigger_type="timer",
        trigger_config={
            "cronExpression": "CRON_TZ=Asia/Shanghai 0 0 4 * * *",
            "enable": False,
            "payload": "go",
        },
    )
    return got


def times(seen: list[dict[str, Any]]) -> list[str]:
    return sorted(one["triggerTime"] for one in seen)


def test_each_firing_of_the_span_is_made_up_for_with_the_event_of_the_timer(
    fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]]
) -> None:
    done = fc_async("triggers", "backfill", "report", "nightly", *SPAN, "-y")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "Accepted: 3 of 3."
    fc_local.run_until_idle()
    assert times(seen) == ["2026-11-19T20:00:00Z", "2026-11-20T20:00:00Z", "2026-11-21T20:00:00Z"]
    assert {(one["triggerName"], one["payload"]) for one in seen} == {("nightly", "go")}


def test_a_second_backfill_fires_nothing_again(
    fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]]
) -> None:
    fc_async("triggers", "backfill", "report", "nightly", *SPAN, "-y")
    done = fc_async("triggers", "backfill", "report", "nightly", *SPAN, "-y")
    fc_local.run_until_idle()
    assert (done.code, done.out) == (0, "")
    assert "Left out: 3 firings that the timer or an earlier backfill has made." in done.err
    assert len(seen) == 3


@pytest.mark.parametrize("task_mode", [True, False])
def test_what_the_timer_has_fired_itself_is_left_out(
    fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]], task_mode: bool
) -> None:
    """Two of five moments were missed: three reports of these would be made twice."""
    fc_local.client.put_async_invoke_config("report", async_task=task_mode)
    config = {"cronExpression": "0 0 * * * *", "enable": True}
    fc_local.client.create_trigger("report", "hourly", trigger_type="timer", trigger_config=config)
    fc_local.client.invoke_async("report", b'{"triggerName": "hourly", "triggerTime": "now"}')
    fc_local.client.invoke_async("report", b'{"triggerTime": "now"}')
    fc_local.advance(3 * 3_600)
    fired = [event for event in seen if event["triggerTime"] != "now"]
    fc_local.client.update_trigger("report", "hourly", trigger_config={**config, "enable": False})
    fc_local.advance(2 * 3_600)
    seen.clear()
    done = fc_async("triggers", "backfill", "report", "hourly", "--since", "5h", "-y", "-o", "json")
    fc_local.run_until_idle()
    result = json.loads(done.out)
    assert len(fired) == len(result["alreadyFired"]) == 3
    assert len(result["firings"]) == len(seen) == 2
    assert not set(times(seen)) & set(times(fired))
    assert "Left out: 3 firings" in done.err


@pytest.mark.parametrize("option", ["--dry-run", "-o"])
def test_the_firings_are_shown_first_and_nothing_is_fired_without_a_yes(
    option: str, fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]]
) -> None:
    extra = ["-o", "json"] if option == "-o" else [option]
    done = fc_async("triggers", "backfill", "report", "nightly", *SPAN, *extra)
    assert done.code == 0
    assert "this was a dry run" in done.err
    if option == "-o":
        said = json.loads(done.out)
        assert (said["dryRun"], len(said["firings"])) == (True, 3)
        assert said["firings"][0]["taskId"] == "nightly-20261119T200000Z"
    else:
        assert [line.split()[-1] for line in done.out.splitlines()] == [
            "task",
            "nightly-20261119T200000Z",
            "nightly-20261120T200000Z",
            "nightly-20261121T200000Z",
        ]
    fc_local.run_until_idle()
    assert seen == []


def test_the_qualifier_of_the_trigger_is_called(
    fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]]
) -> None:
    fc_local.client.publish_function_version("report")
    fc_local.client.create_alias("report", "prod", version_id="1")
    fc_local.client.put_async_invoke_config("report", qualifier="prod", async_task=True)
    fc_local.client.create_trigger(
        "report",
        "hourly",
        trigger_type="timer",
        qualifier="prod",
        trigger_config={"cronExpression": "0 0 * * * *", "enable": False},
    )
    fc_local.advance(2 * 3_600)
    seen.clear()
    done = fc_async("triggers", "backfill", "report", "hourly", "--since", "3h", "-y")
    assert done.out.splitlines()[-1] == "Accepted: 3 of 3."
    page = fc_local.client.list_async_tasks("report", prefix="hourly-", qualifier="prod")
    assert len(page.tasks) == 3


@pytest.mark.parametrize(
    ("trigger", "arguments", "said"),
    [
        ("nightly", ["--since", "2026-11-22", "--until", "2026-11-21"], "is later than --until"),
        ("nightly", ["--since", "400d", "--limit", "3"], "more than 3 firings"),
        ("nightly", ["--since", "1s"], "does not fire"),
        ("missing", ["--since", "1d"], "TriggerNotFound"),
        ("upload", ["--since", "1d"], "upload is not a timer"),
    ],
)
def test_what_cannot_be_made_up_for_is_one_message(
    trigger: str,
    arguments: list[str],
    said: str,
    fc_async: Command,
    fc_local: FcLocal,
    seen: list[dict[str, Any]],
) -> None:
    fc_local.client.create_trigger(
        "report",
        "upload",
        trigger_type="oss",
        source_arn="acs:oss:cn-hangzhou:123:uploads",
        trigger_config={
            "events": ["oss:ObjectCreated:*"],
            "filter": {"key": {"prefix": "in/", "suffix": ".zip"}},
        },
    )
    done = fc_async("triggers", "backfill", "report", trigger, *arguments, "-y")
    assert said in done.err
    assert done.code == (0 if said == "does not fire" else 1)
    assert seen == []


def test_a_function_without_task_mode_is_named(
    fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]]
) -> None:
    fc_local.client.put_async_invoke_config("report", async_task=False)
    done = fc_async("triggers", "backfill", "report", "nightly", *SPAN, "-y")
    assert "report is not in task mode" in done.err


def test_of_many_firings_the_number_and_the_ends_are_shown(
    fc_async: Command, fc_local: FcLocal, seen: list[dict[str, Any]]
) -> None:
    span = ("--since", "2026-09-01T00:00+08:00", "--until", "2026-11-09T12:00+08:00")
    done = fc_async("triggers", "backfill", "report", "nightly", *span, "--dry-run")
    heading, row = done.out.splitlines()
    assert heading.split() == ["firings", "first", "was", "due", "last", "was", "due"]
    assert row.split()[0] == "70"


class InAccount:
    """A client of the local runtime that says of itself that it is one of the service."""

    endpoint_url = "https://123456789.cn-hangzhou.fc.aliyuncs.com"

    def __init__(self, client: Client) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.mark.parametrize("task_mode", [True, False])
def test_in_an_account_tasks_show_what_has_fired(
    fc_local: FcLocal, seen: list[dict[str, Any]], task_mode: bool
) -> None:
    """Without task mode the service has no tasks: the command must not say that none fired."""
    fc_local.client.put_async_invoke_config("report", async_task=task_mode)
    config = {"cronExpression": "0 0 * * * *", "enable": True}
    fc_local.client.create_trigger("report", "hourly", trigger_type="timer", trigger_config=config)
    fc_local.advance(3 * 3_600)
    now = fc_local.client.send(admin.get_clock()).now
    client: Any = InAccount(fc_local.client)
    span = now - 5 * 3_600_000, now
    timer = backfill.missed(client, "report", "hourly", span, limit=10)
    known = backfill.fired(client, timer, now=now)
    assert len(seen) == 3
    if task_mode:
        assert {timer.firings[task_id] for task_id in known.task_ids} == set(
            sorted(timer.firings.values())[-3:]
        )
        assert known.unknown == ""
    else:
        assert known == (frozenset(), "report is not in task mode")
