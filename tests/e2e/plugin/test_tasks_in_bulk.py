# SPDX-License-Identifier: MIT
"""``tasks list``, ``stop`` and ``replay`` of many tasks, against the local runtime."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

    Command = Callable[..., Any]


@pytest.fixture
def called(fc_local: FcLocal) -> list[bytes]:
    """A function that refuses every payload with "bad"; what it was called with."""
    seen: list[bytes] = []

    def handler(event: bytes, _: object) -> None:
        seen.append(event)
        if b"bad" in event:
            raise ValueError("bad order")

    fc_local.deploy("orders", handler, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 0})
    return seen


@pytest.fixture
def failed(fc_local: FcLocal, called: list[bytes]) -> list[bytes]:
    """Tasks a-0, b-0, a-1 and b-1 that failed, a minute apart, and one that succeeded."""
    for number in range(2):
        for prefix in "ab":
            payload = f"bad {prefix}{number}"
            fc_local.client.invoke_async("orders", payload, task_id=f"{prefix}-{number}")
            fc_local.run_until_idle()
            fc_local.advance(60)
    fc_local.client.invoke_async("orders", b"good", task_id="a-2")
    fc_local.run_until_idle()
    called.clear()
    return called


def listed(fc_async: Command, *filters: str) -> list[str]:
    done = fc_async("tasks", "list", "orders", *filters, "-o", "json")
    return [task["taskId"] for task in json.loads(done.out)["tasks"]]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--since", "150s"], ["a-2", "b-1", "a-1"]),
        (["--until", "150s"], ["b-0", "a-0"]),
        (["--since", "200s", "--until", "100s", "--prefix", "a"], ["a-1"]),
        (["--condition", "UnhandledInvocationError", "--limit", "3"], ["b-1", "a-1", "b-0"]),
        (["--condition", "Unhandled"], []),
    ],
)
def test_tasks_are_listed_by_time_and_condition(
    filters: list[str], found: list[str], fc_async: Command, failed: list[bytes]
) -> None:
    assert listed(fc_async, *filters) == found


@pytest.mark.parametrize("command", ["list", "stop", "replay"])
@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["--since", "1m", "--until", "5m"], "--since 1m is later than --until 5m: use an earlier"),
        (["--since", "2100-01-01"], "--since 2100-01-01 is later than now: use an earlier --since"),
    ],
)
def test_a_time_that_ends_before_it_begins_is_refused(
    command: str, times: list[str], said: str, fc_async: Command, called: list[bytes]
) -> None:
    done = fc_async("tasks", command, "orders", *times)
    assert (done.code, done.out) == (1, "")
    assert said in done.err


@pytest.mark.parametrize(
    ("filters", "replayed"),
    [
        (["--failed"], ["a0", "a1", "b0", "b1"]),
        (["--prefix", "a-"], ["a0", "a1"]),
        (["--since", "150s"], ["a1", "b1"]),
        (["--condition", "UnhandledInvocationError", "--until", "150s"], ["a0", "b0"]),
        (["--status", "failed", "--limit", "1"], ["b1"]),
        (["--status", "expired"], []),
    ],
)
def test_only_the_chosen_tasks_are_replayed(
    filters: list[str],
    replayed: list[str],
    fc_async: Command,
    fc_local: FcLocal,
    failed: list[bytes],
) -> None:
    assert fc_async("tasks", "replay", "orders", *filters, "-y").code == 0
    fc_local.run_until_idle()
    assert sorted(failed) == [f"bad {one}".encode() for one in replayed]


def test_a_task_that_succeeded_is_replayed_only_if_its_status_is_named(
    fc_async: Command, fc_local: FcLocal, failed: list[bytes]
) -> None:
    fc_async("tasks", "replay", "orders", "--prefix", "a-2", "-y")
    fc_local.run_until_idle()
    assert failed == []
    fc_async("tasks", "replay", "orders", "--prefix", "a-2", "--status", "Succeeded", "-y")
    fc_local.run_until_idle()
    assert failed == [b"good"]


def test_a_replay_of_a_failed_group_and_of_events_is_not_replayed_unasked(
    fc_async: Command, fc_local: FcLocal, failed: list[bytes]
) -> None:
    for task_id in ("a_r1-0", "t-1-abc-replay-1"):
        fc_local.client.invoke_async("orders", b"bad again", task_id=task_id)
    fc_local.run_until_idle()
    failed.clear()
    done = fc_async("tasks", "replay", "orders", "--failed", "-y")
    fc_local.run_until_idle()
    assert "Left out 2 tasks with ids of replays" in done.err
    assert b"bad again" not in failed


@pytest.mark.parametrize("command", ["stop", "replay"])
def test_a_dry_run_shows_the_tasks_and_changes_nothing(
    command: str, fc_async: Command, fc_local: FcLocal, failed: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="a-late", delay=60)
    done = fc_async("tasks", command, "orders", "--prefix", "a-", "--dry-run")
    assert done.code == 0
    shown = [line.split()[0] for line in done.out.splitlines()[1:]]
    assert shown == (["a-late"] if command == "stop" else ["a-1", "a-0"])
    assert "this was a dry run" in done.err
    fc_local.advance(60)
    assert failed == [b"x"]


@pytest.mark.parametrize("command", ["stop", "replay"])
@pytest.mark.parametrize("arguments", [[], ["t-1", "--prefix", "a"], ["t-1", "--dry-run"]])
def test_tasks_are_either_named_or_chosen(
    command: str, arguments: list[str], fc_async: Command, called: list[bytes]
) -> None:
    done = fc_async("tasks", command, "orders", *arguments, "-y")
    assert done.code == 1
    assert "name tasks, or choose them" in done.err


@pytest.mark.parametrize("name", ["--prefix", "--since", "--until", "--condition", "--error"])
def test_an_empty_filter_chooses_nothing(name: str, fc_async: Command, failed: list[bytes]) -> None:
    ran = fc_async("tasks", "replay", "orders", name, "", "-y")
    assert ran.code == 1
    assert f"{name} must not be empty" in ran.err
    assert not failed


@pytest.mark.parametrize("command", ["stop", "replay"])
def test_a_choice_is_not_made_without_a_yes(
    command: str, fc_async: Command, fc_local: FcLocal, failed: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="a-late", delay=60)
    done = fc_async("tasks", command, "orders", "--prefix", "a-")
    assert done.code == 1
    assert "cannot prompt" in done.err
    fc_local.advance(60)
    assert failed == [b"x"]


def test_tasks_that_wait_are_stopped_by_their_prefix(
    fc_async: Command, fc_local: FcLocal, failed: list[bytes]
) -> None:
    for number in range(3):
        fc_local.client.invoke_async("orders", b"x", task_id=f"late-{number}", delay=60)
    fc_local.client.invoke_async("orders", b"stays", task_id="other", delay=60)
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-", "-y")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "Stopping: 3 of 3 tasks."
    fc_local.advance(60)
    assert failed == [b"stays"]


def test_a_chosen_task_that_ends_before_it_is_stopped_is_counted_and_not_an_error(
    fc_async: Command, fc_local: FcLocal, failed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        fc_local.client.invoke_async(
            "orders", b"good", task_id=f"late-{number}", delay=60 + number * 60
        )
    monkeypatch.setattr(terminal, "confirm", lambda *_, **__: fc_local.advance(60))
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-")
    assert (done.code, done.notes) == (0, "")
    assert done.out.splitlines()[-1] == "Stopping: 2 of 3 tasks; 1 had ended."


def test_ids_come_from_standard_input_and_an_error_ends_nothing(
    fc_async: Command,
    fc_local: FcLocal,
    failed: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a-0\nmissing\n\nb-0\n"))
    done = fc_async("tasks", "replay", "orders", "-")
    assert done.code == 1
    assert done.out.splitlines()[-1] == "Accepted: 2 of 3 tasks."
    fc_local.run_until_idle()
    assert sorted(failed) == [b"bad a0", b"bad b0"]


@pytest.mark.parametrize("command", ["stop", "replay"])
def test_nothing_to_do_is_said(command: str, fc_async: Command, failed: list[bytes]) -> None:
    done = fc_async("tasks", command, "orders", "--prefix", "zzz", "-y")
    assert (done.code, done.notes) == (0, f"There is no task to {command}.\n")
    for option in ("-y", "--dry-run"):
        done = fc_async("tasks", command, "orders", "--prefix", "zzz", option, "-o", "json")
        assert json.loads(done.out)["tasks"] == []


@pytest.mark.slow
def test_many_pages_of_tasks_that_wait_are_stopped(
    fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    run = fc_local.client.fan_out("orders", range(10_000), task_ids="late", delay=600).run()
    assert run.failures == []
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-", "-y")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Stopping: 10000 of 10000 tasks.")
    fc_local.advance(600)
    assert called == []
    assert len(listed(fc_async, "--status", "Stopped", "--limit", "20000")) == 10_000
