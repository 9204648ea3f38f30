# SPDX-License-Identifier: MIT
"""``tasks list``, ``stop`` and ``replay`` of many tasks, against the local runtime."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

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


@pytest.fixture
def similar(fc_local: FcLocal) -> FcLocal:
    """Tasks t-0 to t-2: types of errors that contain each other, and a message with a type."""

    def handler(event: bytes, _: object) -> None:
        name, _colon, message = event.decode().partition(":")
        raise type(name, (Exception,), {})(message)

    fc_local.deploy("orders", handler, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 0})
    for number, error in enumerate(
        ["TimeoutError:late", "ReadTimeoutError:late", "ValueError:upstream said TimeoutError"]
    ):
        fc_local.client.invoke_async("orders", error, task_id=f"t-{number}")
    fc_local.run_until_idle()
    return fc_local


@pytest.mark.parametrize(
    ("filters", "chosen"),
    [
        (["--error", "TimeoutError"], {"t-0"}),
        (["--error", "timeouterror"], set()),
        (["--error", "UnhandledInvocationError"], set()),
        (["--error-text", "timeouterror"], {"t-0", "t-1", "t-2"}),
        (["--error", "ValueError", "--error-text", "timeout"], {"t-2"}),
        (["--error", "ValueError", "--error-text", "late"], set()),
    ],
)
def test_an_error_is_exactly_a_type_and_its_text_is_searched(
    filters: list[str], chosen: set[str], fc_async: Command, similar: FcLocal
) -> None:
    """Else a replay of one error sends the tasks of others, too."""
    assert set(listed(fc_async, *filters)) == chosen
    ran = fc_async("tasks", "replay", "orders", *filters, "--dry-run", "-o", "json")
    assert {task["taskId"] for task in json.loads(ran.out)["tasks"]} == chosen


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


@pytest.mark.parametrize(
    "name", ["--prefix", "--since", "--until", "--condition", "--error", "--error-text"]
)
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
    fc_async: Command, fc_local: FcLocal, failed: list[bytes], at_the_question: Callable[..., None]
) -> None:
    for number in range(3):
        fc_local.client.invoke_async(
            "orders", b"good", task_id=f"late-{number}", delay=60 + number * 60
        )
    at_the_question(lambda _: fc_local.advance(60))
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


@pytest.fixture
def many(fc_local: FcLocal, called: list[bytes]) -> int:
    """More tasks than a command shows rows for, which wait; their number."""
    run = fc_local.client.fan_out("orders", [b"bad"] * 60, task_ids="late", delay=600).run()
    assert run.failures == []
    return 60


def test_of_many_tasks_a_dry_run_shows_how_many_there_are_in_each_status(
    many: int, fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-", "--dry-run")
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()] == [
        ["status", "tasks"],
        ["Enqueued", str(many)],
    ]
    whole = fc_async("tasks", "stop", "orders", "--prefix", "late-", "--dry-run", "-o", "json")
    assert len(json.loads(whole.out)["tasks"]) == many
    fc_local.advance(600)
    assert len(called) == many


def test_of_many_tasks_a_stop_and_a_replay_print_the_number_and_no_rows(
    many: int, fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-", "-y")
    assert (done.code, done.out) == (0, f"Stopping: {many} of {many} tasks.\n")
    fc_local.advance(600)
    again = ("tasks", "replay", "orders", "--prefix", "late-", "--status", "Stopped", "-y")
    assert fc_async(*again).out == f"Accepted: {many} of {many} tasks.\n"
    assert fc_async(*again).out == f"Accepted: {many} of {many} tasks, {many} of them before.\n"


def test_of_many_tasks_that_are_refused_the_first_ones_are_named(
    fc_async: Command, called: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(f"none-{at}" for at in range(60))))
    done = fc_async("tasks", "stop", "orders", "-")
    assert done.code == 1
    assert done.out == "Stopping: 0 of 60 tasks.\n"
    errors = [line for line in done.err.splitlines() if line.startswith("Error:")]
    assert len(errors) == 51
    assert errors[-1] == "Error: and 10 more like these; -o json lists all"


def test_a_limit_is_the_only_thing_that_ends_before_the_last_task_and_it_is_said(
    many: int, fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-", "--limit", "55", "-y")
    assert done.out == "Stopping: 55 of 55 tasks.\n"
    assert "There are more: --limit 55 ends here." in done.err
    fc_local.advance(600)
    assert len(called) == many - 55


def test_a_replay_without_a_choice_names_the_usual_one_first(
    fc_async: Command, called: list[bytes]
) -> None:
    done = fc_async("tasks", "replay", "orders")
    assert "name tasks, or choose them: --failed, --status, --prefix" in done.err
    assert "--failed" not in fc_async("tasks", "stop", "orders").err


@pytest.mark.slow
def test_a_stop_goes_on_to_the_last_of_more_than_ten_thousand_tasks(
    fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    number = 10_050
    run = fc_local.client.fan_out("orders", range(number), task_ids="late", delay=600).run()
    assert run.failures == []
    done = fc_async("tasks", "stop", "orders", "--prefix", "late-", "-y")
    assert (done.code, done.out) == (0, "Stopping: 10,050 of 10,050 tasks.\n")
    assert done.err == f"Using {fc_local.endpoint} (FC_ASYNC_ENDPOINT)\n"
    fc_local.advance(600)
    assert called == []
    assert len(listed(fc_async, "--status", "Stopped", "--limit", "20000")) == number
