# SPDX-License-Identifier: MIT
"""events tail and logs, against the local runtime."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from queue import Queue
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError
from fc_async_plugin.account.runtime import service_url
from fc_async_plugin.cli.group import run
from fc_async_sdk import payloads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_tests.commands import Ran


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> str:
    """A queue with the events of one good and one bad invocation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    destination = {"destination": fc_local.create_queue("results")}

    def handler(event: bytes, _) -> str:
        if event == b"bad":
            raise ValueError("no good")
        return "fine"

    fc_local.deploy(
        "orders",
        handler,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 1,
            "destinationConfig": {"onSuccess": destination, "onFailure": destination},
        },
    )
    for payload in ("good", "bad"):
        fc_local.client.invoke_async("orders", payload, task_id=payload)
        fc_local.advance(60)
    return destination["destination"]


def test_events_are_shown_typed(queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "tail", "results", "--once"]) == 0
    good, bad = capsys.readouterr().out.split("✘")
    assert "✔ orders" in good
    fields = dict(line.split(None, 1) for line in good.splitlines() if line.startswith("  re"))
    assert (fields["request"], fields["response"]) == ("good", "fine")
    assert "orders UnhandledInvocationError, 2 attempts" in bad
    assert "no good" in bad


def test_events_are_shown_as_one_json_document_per_line(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["events", "tail", queue, "--limit", "2", "--format", "json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["succeeded"], one["requestPayload"]) for one in shown] == [
        (True, "good"),
        (False, "bad"),
    ]


def test_a_payload_that_is_not_text_is_shown_as_base64(
    queue: str, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    fc_local.client.invoke_async("orders", b"\x89PNG", task_id="binary")
    fc_local.advance(60)
    assert run(["events", "tail", queue, "--limit", "3", "--format", "json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["requestPayload"], last["requestPayloadEncoding"]) == ("iVBORw==", "base64")
    assert (last["responsePayload"], "responsePayloadEncoding" in last) == ("fine", False)


def test_looking_takes_nothing_away(
    queue: str, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["events", "tail", "results", "--once"])
    fc_local.advance(60)  # the queue's visibility timeout is over
    capsys.readouterr()
    run(["events", "tail", "results", "--once", "--consume"])
    assert "✔ orders" in capsys.readouterr().out
    fc_local.advance(60)
    run(["events", "tail", "results", "--once"])
    assert capsys.readouterr().out == ""


def test_after_a_look_to_the_end_others_have_the_messages_a_second_later(
    queue: str, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["events", "tail", "results", "--once"])
    capsys.readouterr()
    fc_local.advance(1)
    run(["events", "tail", "results", "--once"])
    assert "✔ orders" in capsys.readouterr().out


def test_a_message_that_is_no_event_is_told(
    queue: str, fc_local: FcLocal, capsys: pytest.CaptureFixture[str]
) -> None:
    from mns.account import Account
    from mns.queue import Message

    theirs = Account(fc_local.mns_endpoint, "k", "s").get_queue("results")
    theirs.send_message(Message("hello"))
    theirs.mns_client.close_connection()
    run(["events", "tail", "results", "--once"])
    assert "not a destination event" in capsys.readouterr().out


def test_a_queue_that_is_not_there_is_one_message(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["events", "tail", "nowhere", "--once"]) == 1
    assert capsys.readouterr().err.split("\n", 1)[1] == (
        "Error: the messages cannot be read: "
        "QueueNotExist: the queue 'nowhere' does not exist: create it first\nThere are: results.\n"
    )


def test_only_queues_have_a_tail(queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["events", "tail", "acs:fc:r:1:functions/f"]) == 1
    assert "is not an MNS queue" in capsys.readouterr().err


def test_the_address_of_mns_is_made_from_account_and_region() -> None:
    at = {"region": "cn-hangzhou", "otherwise": "pass --mns-endpoint"}
    found = service_url("mns", None, account_id="123", **at)
    assert found == "https://123.mns.cn-hangzhou.aliyuncs.com"
    with pytest.raises(PluginError, match="name an ARN with both"):
        service_url("mns", None, account_id="", **at)


def test_logs_are_shown_oldest_task_first(queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tasks", "logs", "orders"]) == 0
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line.startswith("---")]
    assert heads == ["--- good Succeeded", "--- bad Failed"]


def test_logs_of_one_task(queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tasks", "logs", "orders", "bad"]) == 0
    assert capsys.readouterr().out.startswith("--- bad Failed\n")
    assert run(["tasks", "logs", "orders", "bad", "-f"]) == 0
    assert capsys.readouterr().out.startswith("--- bad Failed\n")


def test_tasks_and_events_show_payloads_in_a_store_until_they_are_gone(
    fc_local: FcLocal,
    queue: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = payloads.DefaultStore()
    fc_local.client.invoke_async("orders", "large" * 30_000, task_id="large", large=store)
    fc_local.run_until_idle()

    assert run(["tasks", "get", "orders", "large"]) == 0
    assert "150,000 bytes in file://" in capsys.readouterr().out
    assert run(["events", "tail", "results", "--once"]) == 0
    assert "  request    150,000 bytes in file://" in capsys.readouterr().out
    assert run(["tasks", "replay", "orders", "large"]) == 0
    fc_local.run_until_idle()

    for file in (tmp_path / "fc-async" / "payloads").rglob("*.gz"):
        file.unlink()
    assert run(["tasks", "get", "orders", "large-replay-1"]) == 0
    assert "(not found any more)" in capsys.readouterr().out
    assert run(["tasks", "replay", "orders", "large-replay-1"]) == 1
    assert "its payload is gone: 150,000 bytes in" in capsys.readouterr().out


def test_logs_of_all_functions_are_followed_as_they_end(fc_local: FcLocal) -> None:
    """Of functions that are not in task mode, too."""
    fc_local.deploy("mail", lambda event, _: event)
    command = [sys.executable, "-m", "fc_async_plugin", "tasks", "logs", "-f"]
    lines: Queue[str] = Queue()
    with subprocess.Popen(
        [*command, "-o", "json", "--endpoint", fc_local.endpoint], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        threading.Thread(target=lambda: [lines.put(one) for one in process.stdout]).start()
        while lines.empty():  # it may not follow yet
            fc_local.client.invoke_async("mail", b"order 7")
            fc_local.run_until_idle()
            threading.Event().wait(0.05)
        process.terminate()
    shown = json.loads(lines.get())
    assert (shown["function"], shown["status"], shown["attempt"]) == ("mail", "Succeeded", 1)


WAITS = """
import os, time

def handler(event, context):
    print("\\x1b[1mbegan")
    open(event.decode() + ".began", "w").close()
    while not os.path.exists(event):
        time.sleep(0.01)
    print("went on")
"""


@pytest.mark.parametrize("task_mode", [True, False])
def test_a_task_is_followed_through_its_attempts_until_it_has_ended(
    fc_local: FcLocal, tmp_path: Path, capsys: pytest.CaptureFixture[str], task_mode: bool
) -> None:
    code, gate = tmp_path / "code", tmp_path / "gate"
    code.mkdir()
    (code / "index.py").write_text(WAITS)
    fc_local.deploy("orders", code, timeout=60, async_config={"asyncTask": task_mode})
    fc_local.client.invoke_async("orders", str(tmp_path / "other").encode(), task_id="T0")
    fc_local.client.invoke_async("orders", str(gate).encode(), task_id="T1")
    while not (tmp_path / "gate.began").exists():
        threading.Event().wait(0.01)
    endpoint = ["--endpoint", fc_local.endpoint]
    command = [sys.executable, "-m", "fc_async_plugin", "tasks", "logs", "orders", "T1", "-f"]
    with subprocess.Popen([*command, *endpoint], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "--- T1 Running\n"
        assert process.stdout.readline().endswith("  orders  T1  │ \\x1b[1mbegan\n")
        assert run(["tasks", "get", "orders", "T1", *endpoint]) == 0
        log = capsys.readouterr().out.partition("\n\nLog\n")[2]
        assert log.splitlines()[1:] == ["  \\x1b[1mbegan"]
        if task_mode:
            assert run(["tasks", "logs", "orders", *endpoint]) == 0
            shown = capsys.readouterr().out.splitlines()
            assert shown[shown.index("--- T1 Running") :][-1] == "\\x1b[1mbegan"
            assert run(["tasks", "logs", "orders", "T1", "-o", "json", *endpoint]) == 0
            line = json.loads(capsys.readouterr().out)
            assert line["attempt"] == 1
            assert line["log"].endswith("\x1b[1mbegan\n")
        gate.touch()
        rest = process.stdout.readlines()  # it ends with the task, though T0 runs
    assert process.returncode == 0
    assert [line[-10:] for line in rest if "│" in line] == ["│ went on\n"]
    assert not any("T0" in line or "began" in line for line in rest)
    (tmp_path / "other").touch()


def test_lines_of_a_task_that_runs_are_followed_once_as_text_as_json_and_raw(
    fc_local: FcLocal, tmp_path: Path
) -> None:
    code, gate = tmp_path / "code", tmp_path / "gate"
    code.mkdir()
    (code / "index.py").write_text(WAITS)
    fc_local.deploy("orders", code, timeout=60, async_config={"asyncTask": True})
    fc_local.client.invoke_async("orders", str(gate).encode(), task_id="T1")
    command = [sys.executable, "-m", "fc_async_plugin", "tasks", "logs", "orders", "-f"]
    command += ["--endpoint", fc_local.endpoint]
    with contextlib.ExitStack() as closing:
        text, lines, raw = (
            closing.enter_context(
                subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
            )
            for options in ((), ("-o", "json"), ("--raw",))
        )
        for process in (text, lines, raw):
            closing.callback(process.terminate)

        def until(process: subprocess.Popen[str], part: str) -> list[str]:
            """The lines that a command prints, up to one with a text."""
            seen: list[str] = []
            while not seen or part not in seen[-1]:
                seen.append(process.stdout.readline())  # type: ignore[union-attr] # a pipe
                assert seen[-1], seen
            return seen

        assert until(text, "began")[-1].endswith("  orders  T1  │ \\x1b[1mbegan\n")
        assert until(raw, "began")[-1] == "\x1b[1mbegan\n"
        shown = json.loads(until(lines, "began")[-1])
        assert (shown["taskId"], shown["status"], shown["attempt"]) == ("T1", "Running", 1)
        assert shown["log"].endswith("\x1b[1mbegan\n")
        gate.touch()
        assert until(text, "went on")[-1].endswith("│ went on\n")
        assert until(raw, "went on") == ["went on\n"]
        assert json.loads(until(lines, "went on")[-1])["log"].startswith("went on\n")


def test_logs_of_all_functions_need_a_runtime_to_follow(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tasks", "logs"]) == 1
    assert "name a function; all are shown with -f" in capsys.readouterr().err


def test_a_queue_that_does_not_exist_is_told_with_the_nearest_and_all_others(
    fc_async: Callable[..., Ran], fc_local: FcLocal
) -> None:
    for name in ("orders-failures", "mails-failures"):
        fc_local.create_queue(name)
    near = fc_async("events", "tail", "order-failures", "--once")
    assert near.code == 1
    assert "the queue 'order-failures' does not exist" in near.err
    assert "Did you mean orders-failures? There are: mails-failures, orders-failures." in near.err
    far = fc_async("events", "replay", "no-queue", "-y")
    assert "\nThere are: mails-failures, orders-failures." in far.err


def test_a_queue_that_does_not_exist_where_there_are_none_says_so(
    fc_async: Callable[..., Ran], fc_local: FcLocal
) -> None:
    assert "There is no queue." in fc_async("events", "tail", "no-queue", "--once").err
