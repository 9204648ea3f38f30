# SPDX-License-Identifier: MIT
"""invoke and tasks as a user types them, against the local runtime."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

import fc_async_sdk
from fc_async_plugin.cli.group import run
from fc_async_sdk import fanout
from fc_async_sdk._pacing import hop
from fc_async_sdk.payloads import DefaultStore
from fc_async_tests.commands import notes
from fc_async_tests.faults import fail
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template() + function("order-worker", "functionName: orders")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return tmp_path


@pytest.fixture
def orders(fc_local: FcLocal) -> list[bytes]:
    """A function that fails on request; what it was called with."""
    seen: list[bytes] = []

    def handler(event: bytes, _) -> dict[str, Any]:
        seen.append(event)
        if b"bad" in event:
            raise ValueError("bad order")
        return {"got": event.decode()}

    fc_local.deploy("orders", handler, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 0})
    return seen


@pytest.fixture
def lengths(fc_local: FcLocal) -> list[int]:
    """A function that takes payloads of any size; how long they were."""
    seen: list[int] = []
    read = fc_async_sdk.handler(bytes, large=DefaultStore())
    fc_local.deploy("length", read(lambda data, _: seen.append(len(data))))
    return seen


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def type_in(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        out, err = capsys.readouterr()
        return code, out, notes(err)

    return type_in


Typed = "Callable[..., tuple[int, str, str]]"


def test_an_invocation_is_accepted_under_its_task_id(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    code, out, _ = typed("invoke", "orders", '{"id": 7}', "--task-id", "order-7")
    assert code == 0
    assert out.startswith("Accepted: request ")
    assert out.endswith(", task order-7\n")
    fc_local.run_until_idle()
    assert orders == [b'{"id": 7}']


def test_a_function_may_be_named_by_its_resource(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    assert typed("invoke", "order-worker", "x")[0] == 0
    fc_local.run_until_idle()
    assert orders == [b"x"]


def test_the_payload_may_come_from_a_file_or_from_stdin(
    typed: Typed,
    fc_local: FcLocal,
    orders: list[bytes],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "event.bin").write_bytes(b"\x00\xff")
    assert typed("invoke", "orders", "-f", "event.bin")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert typed("invoke", "orders", "-f", "-")[0] == 0
    assert typed("invoke", "orders", "-e", "typed")[0] == 0
    fc_local.run_until_idle()
    assert sorted(orders) == [b"\x00\xff", b"piped", b"typed"]


def test_a_payload_may_name_a_file_or_standard_input(
    typed: Typed,
    fc_local: FcLocal,
    orders: list[bytes],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (here / "order.bin").write_bytes(b"\x00\xff")
    for arguments in (["@order.bin"], ["-e", "@order.bin"]):
        assert typed("invoke", "orders", *arguments)[0] == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    code, _, err = typed("invoke", "orders", "@-")
    assert (code, "not valid JSON" in err) == (0, False)
    fc_local.run_until_idle()
    assert sorted(orders) == [b"\x00\xff", b"\x00\xff", b"piped"]


def test_a_payload_that_names_a_file_as_aws_does_is_not_sent_as_text(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "order.json").write_bytes(b"{}")
    code, _, err = typed("invoke", "orders", "fileb://order.json")
    assert (code, "names a file: use @order.json to send its content" in err) == (1, True)
    fc_local.run_until_idle()
    assert orders == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{bad"], True),
        (["-e", '{"n": 1, '], True),
        (["hello"], True),
        (['{"n": 1}'], False),
        (["7"], False),
        ([], False),
    ],
)
def test_a_payload_that_is_not_json_is_sent_and_said(
    arguments: list[str], said: bool, typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    """A slip of the keyboard was accepted in silence, and failed three times."""
    code, out, err = typed("invoke", "orders", *arguments)
    assert (code, out.startswith("Accepted: ")) == (0, True)
    assert ("Note: the payload is not valid JSON, and is sent as text" in err) == said
    fc_local.run_until_idle()
    assert len(orders) == 1


@pytest.mark.parametrize("text", ["@nofile.json", "file://nofile.json", "@" + "a" * 300])
def test_a_payload_that_names_a_file_which_does_not_exist_is_not_sent_either(
    text: str, typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    code, out, err = typed("invoke", "orders", text)
    assert (code, out) == (1, "")
    assert f"the payload {text} names a file that does not exist: -f - sends" in err
    fc_local.run_until_idle()
    assert orders == []


def test_a_delayed_invocation_waits(typed: Typed, fc_local: FcLocal, orders: list[bytes]) -> None:
    typed("invoke", "orders", "x", "--delay", "60")
    fc_local.advance(59)
    assert orders == []
    fc_local.advance(1)
    assert orders == [b"x"]


@pytest.mark.parametrize("delay", ["0", "3600", "-1"])
def test_a_delay_out_of_range_costs_no_request(
    delay: str, typed: Typed, orders: list[bytes]
) -> None:
    code, _, err = typed("invoke", "orders", "x", "--delay", delay)
    assert code == 1
    assert "from 1 to 3599" in err


def test_a_synchronous_call_prints_the_result_and_nothing_else(
    orders: list[bytes], capfdbinary
) -> None:
    assert run(["invoke", "orders", "x", "--sync"]) == 0
    assert json.loads(capfdbinary.readouterr().out) == {"got": "x"}


def test_a_failing_synchronous_call_exits_1_and_names_the_error(
    typed: Typed, orders: list[bytes]
) -> None:
    code, out, _ = typed("invoke", "orders", "bad", "--sync", "--format", "json")
    assert code == 1
    assert json.loads(out)["errorType"] == "UnhandledInvocationError"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sync", "--delay", "5"],
        ["--sync", "--task-id", "t"],
        ["payload", "-e", "another"],
        ["--batch", "x", "--wait"],
        ["--rate", "5/s"],
        ["--batch", "x", "--rate", "5/s", "--delay", "5"],
    ],
)
def test_flags_that_contradict_each_other_are_refused(
    arguments: list[str], typed: Typed, orders: list[bytes]
) -> None:
    assert typed("invoke", "orders", *arguments)[0] == 1
    assert orders == []


def test_an_unknown_function_is_one_message(typed: Typed) -> None:
    code, out, err = typed("invoke", "nosuch")
    assert (code, out) == (1, "")
    assert "FunctionNotFound" in err


# --- many --------------------------------------------------------------------------------------


def test_a_batch_calls_once_for_every_line(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("".join(f'{{"id": {n}}}\n' for n in range(50)) + "\n")
    code, out, _ = typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "monday")
    assert (code, out) == (0, "Accepted: 50 of 50.\n")
    fc_local.run_until_idle()
    assert sorted(orders) == sorted(f'{{"id": {n}}}'.encode() for n in range(50))


def test_a_batch_that_is_sent_again_runs_nothing_twice(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("a\nb\n")
    typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "monday")
    code, out, _ = typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "monday")
    assert (code, out) == (0, "Accepted: 2 of 2, 2 of them before.\n")
    fc_local.run_until_idle()
    assert sorted(orders) == [b"a", b"b"]


def test_of_a_batch_that_was_changed_the_changed_lines_are_sent(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("a\nb\n")
    typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "monday")
    (here / "orders.jsonl").write_text("a\nB\n")
    _, out, _ = typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "monday")
    assert out == "Accepted: 2 of 2, 1 of them before.\n"
    fc_local.run_until_idle()
    assert sorted(orders) == [b"B", b"a", b"b"]


def test_a_batch_is_read_as_bytes_without_the_mark_and_the_line_ends_of_windows(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_bytes(b"\xef\xbb\xbf1\r\n\r\n\xff\xfe\r\n")
    assert typed("invoke", "orders", "--batch", "orders.jsonl")[0] == 0
    fc_local.run_until_idle()
    assert sorted(orders) == [b"1", b"\xff\xfe"]


@pytest.mark.parametrize("prefix", ["", "a b", "x" * 118])
def test_a_prefix_that_no_task_id_can_have_is_refused_before_anything_is_sent(
    prefix: str, typed: Typed, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("a\nb\n")
    code, out, err = typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", prefix)
    assert (code, out, orders) == (1, "", [])
    assert f"--task-id {prefix!r}: must be a prefix of task ids" in err


def test_that_a_batch_cannot_be_resumed_without_task_mode_is_said(
    typed: Typed, fc_local: FcLocal, here: Path
) -> None:
    fc_local.deploy("mails", lambda *_: None, async_config={"asyncTask": False})
    (here / "mails.jsonl").write_text("a\n")
    _, _, err = typed("invoke", "mails", "--batch", "mails.jsonl", "--task-id", "monday")
    assert "mails is not in task mode" in err


def test_a_payload_of_a_batch_that_can_not_be_sent_fails_alone(
    typed: Typed, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("a\n" + "x" * 200_000 + "\nb\n")
    code, out, err = typed("invoke", "orders", "--batch", "orders.jsonl")
    assert (code, out) == (1, "Accepted: 2 of 3.\n")
    assert err.startswith("payload 1: the payload has 200000 bytes")


def test_a_batch_with_a_rate_starts_its_calls_at_this_rate(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("".join(f"{n}\n" for n in range(20)))
    arguments = ("--lines", "orders.jsonl", "--task-prefix", "night", "--rate", "2/s")
    code, out, err = typed("invoke", "orders", *arguments)
    assert (code, out) == (0, "Accepted: 20 of 20.\n")
    assert err.startswith("20 calls of orders: the last one starts in 0:00:10, at ")
    fc_local.advance(5)
    assert len(orders) in {10, 11}, "the command uses the clock of this machine"
    fc_local.run_until_idle()
    assert len(orders) == 20


def test_a_batch_that_would_wait_for_too_long_is_refused_before_anything_is_sent(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("a\nb\n")
    arguments = ("invoke", "orders", "--batch", "orders.jsonl", "--rate", "1/2h")
    code, _, err = typed(*arguments)
    assert code == 1
    assert "pace orders: the last of 2 messages waits 7,200 s" in err
    assert typed(*arguments, "--max-hops", "3")[0] == 0
    fc_local.run_until_idle()
    message = hop.read(orders[0])
    assert message is not None
    assert message.payload.open() == b"a"


def test_a_batch_that_was_interrupted_says_how_it_goes_on(
    typed: Typed, orders: list[bytes], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "orders.jsonl").write_text("a\nb\n")
    arguments = ("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "night")
    with monkeypatch.context() as patch:
        fail(patch, fanout.FanOut, "__iter__", KeyboardInterrupt())
        code, _, err = typed(*arguments)
    assert code != 0
    assert "after 0 calls: run the same command again to go on; it sends nothing twice" in err
    assert typed(*arguments)[0] == 0


def test_the_lines_of_a_batch_that_were_not_accepted_are_written_to_a_file(
    typed: Typed, orders: list[bytes], here: Path
) -> None:
    (here / "orders.jsonl").write_text("a\n" + "x" * 200_000 + "\nb\n")
    arguments = ("--batch", "orders.jsonl", "--task-id", "night", "--failed", "failed.jsonl")
    _, _, err = typed("invoke", "orders", *arguments)
    assert (here / "failed.jsonl").read_text() == "x" * 200_000 + "\n"
    assert "send them with another --task-id than night" in err


def test_the_outcomes_of_a_batch_as_json(typed: Typed, orders: list[bytes], here: Path) -> None:
    (here / "orders.jsonl").write_text("a\nb\n")
    _, out, _ = typed("invoke", "orders", "--batch", "orders.jsonl", "--task-id", "t", "-o", "json")
    assert [
        (one["index"], one["taskId"], one["error"]) for one in json.loads(out)["invocations"]
    ] == [
        (0, f"t-{crc32(b'a'):08x}-0", None),
        (1, f"t-{crc32(b'b'):08x}-1", None),
    ]


# --- tasks -------------------------------------------------------------------------------------


@pytest.fixture
def ended(fc_local: FcLocal, orders: list[bytes]) -> None:
    for name, payload in (("t1", b"good"), ("t2", b"bad"), ("t3", b"bad")):
        fc_local.client.invoke_async("orders", payload, task_id=name)
        fc_local.advance(1)
    orders.clear()


def test_tasks_are_listed_for_people_and_for_programs(typed: Typed, ended: None) -> None:
    _, table, _ = typed("tasks", "list", "orders")
    assert [line.split()[:2] for line in table.splitlines()[1:]] == [
        ["t3", "Failed"],
        ["t2", "Failed"],
        ["t1", "Succeeded"],
    ]
    _, out, _ = typed("tasks", "list", "orders", "--status", "failed", "--format", "json")
    assert [task["taskId"] for task in json.loads(out)["tasks"]] == ["t3", "t2"]
    _, out, _ = typed("tasks", "list", "orders", "--limit", "1", "--format", "json")
    assert [task["taskId"] for task in json.loads(out)["tasks"]] == ["t3"]


def test_a_task_is_shown_with_its_steps(typed: Typed, ended: None) -> None:
    code, out, _ = typed("tasks", "get", "orders", "t2")
    assert code == 0
    for expected in ("status       Failed", "attempt 1 failed", "bad order", "accepted"):
        assert expected in out


def test_waiting_exits_0_for_a_task_that_succeeded_and_1_otherwise(
    typed: Typed, ended: None
) -> None:
    assert typed("tasks", "wait", "orders", "t1")[0] == 0
    assert typed("tasks", "wait", "orders", "t2")[0] == 1


def test_waiting_gives_up_when_told(typed: Typed, fc_local: FcLocal, orders: list[bytes]) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="late", delay=60)
    code, _, err = typed("tasks", "wait", "orders", "late", "--timeout", "0.05")
    assert code == 1
    assert "gave up after 0.05 s, last seen: Enqueued" in err


def test_waiting_says_that_the_clock_stands_until_it_is_moved(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="late", delay=60)
    _, _, err = typed("tasks", "wait", "orders", "late", "--timeout", "0.5")
    assert err.count("The clock of this runtime is virtual and stands still") == 1
    assert "VirtualClockStopped" not in err


def test_a_task_that_waits_can_be_stopped(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="late", delay=60)
    assert typed("tasks", "stop", "orders", "late")[:2] == (0, "Stopping: task late\n")
    fc_local.run_until_idle()
    assert fc_local.client.get_async_task("orders", "late").status == "Stopped"
    assert orders == []


def test_a_failed_task_is_replayed_with_its_payload(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], ended: None
) -> None:
    code, out, _ = typed("tasks", "replay", "orders", "t2")
    assert (code, out) == (0, "t2: accepted as t2-replay-1\n")
    fc_local.run_until_idle()
    assert orders == [b"bad"]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x89PNG\r\n\x1a\n\x00\xff",
        b"",
        b"\xef\xbb\xbf{}",
        b"iVBORw0KGgoA/w==",
        "\u20ac\r\n".encode(),
    ],
)
def test_a_payload_is_replayed_byte_for_byte(
    payload: bytes, typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", payload, task_id="first")
    fc_local.run_until_idle()
    code, out, _ = typed("tasks", "replay", "orders", "first")
    assert (code, out) == (0, "first: accepted as first-replay-1\n")
    fc_local.run_until_idle()
    assert orders == [payload, payload]


def test_a_payload_that_is_not_text_is_shown_as_base64_with_its_size(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"\x89PNG", task_id="first")
    fc_local.run_until_idle()
    _, out, _ = typed("tasks", "get", "orders", "first")
    assert "Payload\n  base64, 4 bytes: iVBORw==\n" in out


def test_replaying_twice_by_accident_is_noticed(
    typed: Typed, fc_local: FcLocal, ended: None
) -> None:
    typed("tasks", "replay", "orders", "t2")
    code, out, _ = typed("tasks", "replay", "orders", "t2")
    assert code == 1
    assert "AsyncTaskAlreadyExists" in out


def test_all_failed_tasks_can_be_replayed(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], ended: None
) -> None:
    assert typed("tasks", "replay", "orders", "--failed", "-y")[0] == 0
    fc_local.run_until_idle()
    assert orders == [b"bad", b"bad"]


def test_a_second_replay_of_all_failed_tasks_runs_nothing_again(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], ended: None
) -> None:
    typed("tasks", "replay", "orders", "--failed", "-y")
    fc_local.run_until_idle()
    orders.clear()
    code, out, err = typed("tasks", "replay", "orders", "--failed", "-y")
    fc_local.run_until_idle()
    assert orders == []
    assert code == 0
    assert sorted(out.splitlines()) == [
        "Accepted: 2 of 2 tasks, 2 of them before.",
        "t2: replayed before as t2-replay-1",
        "t3: replayed before as t3-replay-1",
    ]
    said, _, left_out = err.strip().partition(": ")
    assert said == "Left out 2 tasks with ids of replays; name them to replay them"
    assert set(left_out.split(", ")) == {"t2-replay-1", "t3-replay-1"}


def test_a_replay_that_failed_is_replayed_when_it_is_named(
    typed: Typed, fc_local: FcLocal, orders: list[bytes], ended: None
) -> None:
    typed("tasks", "replay", "orders", "t2")
    fc_local.run_until_idle()
    code, out, _ = typed("tasks", "replay", "orders", "t2-replay-1")
    assert (code, out) == (0, "t2-replay-1: accepted as t2-replay-2\n")


@pytest.fixture
def plain(fc_local: FcLocal) -> None:
    """A function without task mode, one invocation of which has failed."""

    def handler(_: bytes, __) -> None:
        raise ValueError

    fc_local.deploy("plain", handler, async_config={"maxAsyncRetryAttempts": 0})
    fc_local.client.invoke_async("plain", b"x")
    fc_local.run_until_idle()


@pytest.mark.parametrize(
    "command", [("tasks", "replay", "plain", "--failed", "-y"), ("tasks", "logs", "plain")]
)
def test_a_function_without_task_mode_is_said_to_have_no_tasks(
    typed: Typed, plain: None, command: tuple[str, ...]
) -> None:
    code, out, err = typed(*command)
    assert (code, out) == (1, "")
    assert "plain is not in task mode" in err
    assert "asyncTask: true" in err


def test_an_empty_list_of_a_function_without_task_mode_says_so(
    typed: Typed, fc_local: FcLocal
) -> None:
    fc_local.deploy("plain", lambda *_: b"", async_config={"asyncTask": False})
    code, out, err = typed("tasks", "list", "plain", "-o", "json")
    assert (code, json.loads(out)) == (0, {"tasks": []})
    assert "plain is not in task mode" in err


def test_that_no_task_failed_is_said_of_a_function_in_task_mode(
    typed: Typed, orders: list[bytes]
) -> None:
    code, _, err = typed("tasks", "replay", "orders", "--failed", "-y")
    assert (code, err) == (0, "There is no task to replay.\n")
    code, _, err = typed("tasks", "logs", "orders")
    assert (code, err) == (0, "No task has run.\n")


def test_a_task_that_still_goes_on_is_not_replayed(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="late", delay=60)
    code, out, _ = typed("tasks", "replay", "orders", "late")
    assert code == 1
    assert "it is Enqueued" in out


def test_tasks_that_cannot_be_stopped_do_not_keep_the_others_running(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    for name in ("a", "b"):
        fc_local.client.invoke_async("orders", b"x", task_id=name, delay=60)
    code, out, err = typed("tasks", "stop", "orders", "a", "nosuch", "b", "nosuch2")
    assert (code, out) == (1, "Stopping: task a\nStopping: task b\nStopping: 2 of 4 tasks.\n")
    first, second = err.splitlines()
    assert first.startswith("Error: task nosuch was not stopped: 404 AsyncTaskNotFound")
    assert second.startswith("Error: task nosuch2 was not stopped: 404 AsyncTaskNotFound")
    fc_local.run_until_idle()
    assert orders == []


@pytest.mark.parametrize("command", ["get", "stop"])
def test_an_unknown_task_is_explained_once(command: str, typed: Typed, orders: list[bytes]) -> None:
    _, _, err = typed("tasks", command, "orders", "nosuch")
    assert err.count("7 days") == 1


@pytest.mark.parametrize("config", [None, {"maxAsyncRetryAttempts": 1}, {"asyncTask": False}])
def test_waiting_without_task_mode_is_refused_before_anything_is_sent(
    config: dict[str, Any] | None, typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.delete_async_invoke_config("orders")
    if config is not None:
        fc_local.client.put_async_invoke_config(
            "orders",
            async_task=config.get("asyncTask"),
            max_async_retry_attempts=config.get("maxAsyncRetryAttempts"),
        )
    code, out, err = typed("invoke", "orders", "x", "--wait")
    assert (code, out) == (1, "")
    assert "orders has task mode off" in err
    assert "asyncInvokeConfig.asyncTask: true" in err
    fc_local.run_until_idle()
    assert orders == []


def test_attempts_count_from_1(typed: Typed, ended: None) -> None:
    _, out, _ = typed("tasks", "get", "orders", "t2")
    assert re.search(r"^attempts +1$", out, re.MULTILINE)
    assert "attempt 1 failed" in out
    _, table, _ = typed("tasks", "list", "orders")
    assert "attempts" in table.splitlines()[0].split()
    assert "retries" not in table


def test_a_task_that_never_ran_has_no_attempts(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"x", task_id="late", delay=60)
    _, out, _ = typed("tasks", "get", "orders", "late")
    assert "attempts" not in out


def test_times_of_steps_are_readable(typed: Typed, fc_local: FcLocal, orders: list[bytes]) -> None:
    fc_local.client.put_async_invoke_config("orders", async_task=True, max_async_retry_attempts=1)
    fc_local.client.invoke_async("orders", b"bad", task_id="again")
    fc_local.run_until_idle()
    _, out, _ = typed("tasks", "get", "orders", "again")
    assert re.search(
        r"attempt 1 failed, again at \d\d:\d\d:\d\d\.\d{3}: ValueError: bad order\n", out
    )
    assert not re.search(r"\b\d{13}\b", out)


def test_payloads_of_events_are_shown_as_they_were_sent(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    queue = fc_local.create_queue("ended")
    fc_local.client.put_async_invoke_config("orders", async_task=True, on_success=queue)
    fc_local.client.invoke_async("orders", '{"name": "caf\u00e9 \\"x\\""}')
    fc_local.run_until_idle()
    code, out, _ = typed("events", "tail", "ended", "--once")
    assert code == 0
    assert 'request    {"name": "caf\u00e9 \\"x\\""}' in out


def test_a_payload_of_an_event_that_is_not_text_is_base64_in_json(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    queue = fc_local.create_queue("ended")
    fc_local.deploy(
        "binary",
        lambda *_: b"\xff",
        async_config={"destinationConfig": {"onSuccess": {"destination": queue}}},
    )
    fc_local.client.invoke_async("binary", b"\xfe\xff")
    fc_local.run_until_idle()
    code, out, _ = typed("events", "tail", "ended", "--once", "-o", "json")
    event = json.loads(out)
    assert (event["requestPayload"], event["requestPayloadEncoding"]) == ("/v8=", "base64")
    fc_local.client.invoke_async("binary", b"\xfe\xff")
    fc_local.run_until_idle()
    code, out, _ = typed("events", "tail", "ended", "--once")
    assert code == 0
    assert "base64, 2 bytes: /v8=" in out


class TestSchema:
    @pytest.fixture(autouse=True)
    def schema(self, here: Path) -> None:
        document = {"type": "object", "properties": {"id": {"type": "integer"}}}
        (here / "order.schema.json").write_text(json.dumps(document))

    def test_a_payload_that_fits_is_sent(
        self, typed: Callable[..., tuple[int, str, str]], orders: list[bytes]
    ) -> None:
        code, _, said = typed(
            "invoke", "orders", "--sync", "--schema", "order.schema.json", '{"id": 7}'
        )
        assert (code, orders) == (0, [b'{"id": 7}']), said

    def test_a_payload_that_does_not_fit_is_not_sent(
        self, typed: Callable[..., tuple[int, str, str]], orders: list[bytes]
    ) -> None:
        code, _, said = typed(
            "invoke", "orders", "--sync", "--schema", "order.schema.json", '{"id": "x"}'
        )
        assert (code, orders) == (1, [])
        assert "$.id does not have type: 'integer'" in said

    def test_of_a_batch_with_a_payload_that_does_not_fit_none_is_sent(
        self, typed: Callable[..., tuple[int, str, str]], orders: list[bytes], here: Path
    ) -> None:
        (here / "batch.jsonl").write_text('{"id": 1}\n\n{"id": "x"}\n')
        code, _, said = typed(
            "invoke", "orders", "--schema", "order.schema.json", "--batch", "batch.jsonl"
        )
        assert (code, orders) == (1, [])
        assert "payload 1=" in said

    def test_a_schema_that_is_not_json_is_one_message(
        self, typed: Callable[..., tuple[int, str, str]], orders: list[bytes], here: Path
    ) -> None:
        (here / "order.schema.json").write_text("type: object")
        code, _, said = typed("invoke", "orders", "--schema", "order.schema.json", "{}")
        assert (code, orders) == (1, [])
        assert "order.schema.json is not valid JSON" in said


@pytest.fixture
def unrecorded(fc_local: FcLocal) -> str:
    """The id of an invocation without task mode."""
    fc_local.deploy("mails", lambda *_: {"sent": 1}, async_config={"asyncTask": False})
    accepted = fc_local.client.invoke_async("mails", b"{}")
    fc_local.run_until_idle()
    return accepted.request_id


def test_an_invocation_without_task_mode_is_listed_with_a_mark(unrecorded, typed) -> None:
    _, out, err = typed("tasks", "list", "mails")
    heading, _, row = out.splitlines()
    assert heading == "Not recorded in the cloud: task mode is off"
    assert unrecorded in row
    assert not err
    _, out, _ = typed("tasks", "list", "mails", "-o", "json")
    [task] = json.loads(out)["tasks"]
    assert task["taskMode"] is False


def test_an_invocation_without_task_mode_is_shown_with_a_mark(unrecorded, typed) -> None:
    code, out, err = typed("tasks", "get", "mails", unrecorded)
    assert code == 0
    assert '"sent": 1' in out
    assert err == f"{unrecorded} is not recorded in the cloud: task mode is off\n"


def test_filters_hold_for_invocations_without_task_mode(unrecorded, typed) -> None:
    assert unrecorded in typed("tasks", "list", "mails", "--prefix", unrecorded)[1]
    assert unrecorded not in typed("tasks", "list", "mails", "--prefix", "other")[1]
    assert unrecorded not in typed("tasks", "list", "mails", "--status", "Failed")[1]


def test_tasks_of_all_functions_are_one_list_with_the_newest_first(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    fc_local.deploy("mail", lambda *_: None, async_config={"asyncTask": True})
    typed("invoke", "orders", "{}", "--task-id", "order-1")
    fc_local.run_until_idle()
    fc_local.advance(60)
    typed("invoke", "mail", "{}", "--task-id", "mail-1")
    fc_local.run_until_idle()
    fc_local.advance(60)
    typed("invoke", "orders", "{}", "--task-id", "order-2", "--delay", "60")
    code, out, _ = typed("tasks", "list")
    assert code == 0
    shown = [line.split()[:2] for line in out.splitlines()]
    assert shown == [
        ["function", "task"],
        ["orders", "order-2"],
        ["mail", "mail-1"],
        ["orders", "order-1"],
    ]
    data = json.loads(typed("tasks", "list", "--limit", "2", "-o", "json")[1])
    assert [task["taskId"] for task in data["tasks"]] == ["order-2", "mail-1"]


def test_tasks_are_found_by_a_part_of_their_error(
    typed: Typed, fc_local: FcLocal, orders: list[bytes]
) -> None:
    typed("invoke", "orders", "bad", "--task-id", "order-1")
    typed("invoke", "orders", "good", "--task-id", "order-2")
    fc_local.run_until_idle()
    for name, error in (([], "BAD order"), (["orders"], "valueerror")):
        _, out, _ = typed("tasks", "list", *name, "--error-text", error)
        assert "order-1" in out
        assert "order-2" not in out
    assert "order-" not in typed("tasks", "list", "--error-text", "timeout")[1]


def test_a_mistyped_status_is_told_the_nearest_one(typed: Typed, orders: list[bytes]) -> None:
    code, _, err = typed("tasks", "list", "orders", "--status", "faild")
    assert code == 1
    assert "Did you mean Failed?" in err


def test_payloads_of_any_size_are_sent_through_the_store(
    here: Path, fc_local: FcLocal, lengths: list[int], typed: Callable[..., tuple[int, str, str]]
) -> None:
    (here / "large").write_text("x" * 1_000_000)
    (here / "lines").write_text("small\n" + "x" * 500_000 + "\n")
    code, _, said = typed("invoke", "length", "-f", "large")
    assert (code, "--large" in said) == (1, True)
    assert typed("invoke", "length", "-f", "large", "--large")[0] == 0
    assert typed("invoke", "length", "--batch", "lines", "--large")[0] == 0
    fc_local.run_until_idle()
    assert sorted(lengths) == [5, 500_000, 1_000_000]
    code, _, said = typed("invoke", "length", "-f", "large", "--large", "--sync")
    assert (code, "--async only" in said) == (1, True)
