# SPDX-License-Identifier: MIT
"""``fc-async replay``: sends the failures that ``fc-async failures`` showed, and no others."""

from __future__ import annotations

import itertools
import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fc_async_plugin.operate.redrives import reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal

    Command = Callable[..., Any]

QUEUE: Final = "acs:mns:cn-hangzhou::/queues/failures/messages"
SINK: Final = "acs:fc:cn-hangzhou::functions/sink"
MISSING: Final = "acs:mns:cn-hangzhou::/queues/missing/messages"
TYPES: Final = ("TimeoutError", "ReadTimeoutError", "Timeout", "Error", "", "KeyError", "Öl: x")
"""Types of errors that contain each other, one that is empty, and one that no client knows."""


class Shop:
    """Functions that fail as their payloads say, and what they were called with.

    Attributes:
        payloads: What each function was invoked with, by task id and by request id.
        called: What functions were called with since the last look.
    """

    def __init__(self, runtime: FcLocal) -> None:
        self.runtime = runtime
        self.payloads: dict[str, bytes] = {}
        self.called: list[bytes] = []

    def fail(self, event: bytes, _: object) -> None:
        """Raise the error that a payload names."""
        self.called.append(event)
        name, message = json.loads(event)[1:]
        raise type(name, (Exception,), {})(message)

    def deploy(self, name: str, destination: str = "", *, tasks: bool = True) -> None:
        config: AsyncConfigFields = {"asyncTask": tasks, "maxAsyncRetryAttempts": 0}
        if destination:
            config["destinationConfig"] = {"onFailure": {"destination": destination}}
        self.runtime.deploy(name, self.fail, async_config=config)

    def invoke(self, name: str, *errors: tuple[str, str]) -> list[bytes]:
        for error in errors:
            payload = json.dumps([len(self.payloads), *error]).encode()
            accepted = self.runtime.client.invoke_async(name, payload)
            self.payloads[accepted.request_id] = payload
            self.payloads[accepted.task_id] = payload
        return self.sent()

    def sent(self) -> list[bytes]:
        """Return what functions were called with since the last time."""
        self.runtime.run_until_idle()
        self.runtime.advance(2)  # the messages of a queue can be received again
        called = sorted(self.called)
        self.called.clear()
        return called


@pytest.fixture
def shop(fc_local: FcLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    fc_local.create_queue("failures")
    return Shop(fc_local)


@pytest.fixture
def shown(fc_async: Command) -> Callable[..., list[dict[str, Any]]]:
    """Returns the groups of a report, which is report.json afterwards."""

    def report(*arguments: str) -> list[dict[str, Any]]:
        printed = fc_async("failures", *arguments, "-o", "json").out
        Path("report.json").write_text(printed)
        groups: list[dict[str, Any]] = json.loads(printed)["failures"]
        return groups

    return report


def printed_command(screen: str) -> list[str]:
    """Return the arguments of the command that a screen shows for its first group."""
    line = next(line for line in screen.splitlines() if line.startswith("  send again"))
    return line.split()[3:]


errors = st.lists(
    st.tuples(st.sampled_from(TYPES), st.sampled_from(("", *TYPES, "KeyError: upstream"))),
    min_size=1,
    max_size=8,
)
numbers = itertools.count()


@pytest.mark.parametrize(
    ("destination", "tasks"),
    [("", True), (QUEUE, True), (MISSING, True), (SINK, False)],
    ids=["tasks", "queue", "dead events", "function"],
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(failed=errors)
def test_the_failures_that_are_sent_are_those_that_were_shown(
    shop: Shop,
    fc_async: Command,
    shown: Any,
    destination: str,
    tasks: bool,
    failed: list[tuple[str, str]],
) -> None:
    """Else a redrive of one error sends others: in three of three tried layouts it did."""
    name = f"orders-{next(numbers)}"
    shop.runtime.deploy("sink", lambda *_: None, async_config={"asyncTask": True})
    shop.deploy(name, destination, tasks=tasks)
    called = shop.invoke(name, *failed)
    groups = shown(name)
    sent: list[bytes] = []
    for group in groups:
        ran = fc_async("replay", "report.json", "--group", str(group["group"]), "-y", "-o", "json")
        result = json.loads(ran.out)
        assert ran.code == 0, (ran.err, result)
        assert result["chosen"] == result["accepted"] == group["count"] == len(group["ids"])
        payloads = shop.sent()
        assert payloads == sorted(shop.payloads[failure] for failure in group["ids"])
        sent += payloads
    assert sorted(sent) == called


def test_the_group_of_a_screen_is_that_of_the_report_that_was_kept(
    shop: Shop, fc_async: Command
) -> None:
    """A failure that comes after the screen was shown is not sent with it."""
    shop.deploy("orders")
    first = shop.invoke("orders", ("KeyError", "items"))
    command = printed_command(fc_async("failures", "orders").out)
    shop.invoke("orders", ("KeyError", "items"))
    assert fc_async(*command, "-y").code == 0
    assert shop.sent() == first


def test_a_second_report_does_not_change_what_the_command_of_the_first_sends(
    shop: Shop, fc_async: Command
) -> None:
    """Two people look at one project in two terminals: group 1 is another one for each of them."""
    shop.deploy("mails")
    shop.deploy("orders")
    shop.invoke("mails", ("KeyError", "to"))
    orders = shop.invoke("orders", ("KeyError", "items"))
    command = printed_command(fc_async("failures", "orders").out)
    fc_async("failures", "mails")
    assert fc_async(*command, "-y").code == 0
    assert shop.sent() == orders


def test_a_report_that_was_removed_is_named_with_those_that_are_there(
    shop: Shop, fc_async: Command
) -> None:
    shop.deploy("orders")
    shop.invoke("orders", ("KeyError", "items"))
    command = printed_command(fc_async("failures", "orders").out)
    ran = fc_async("replay", "--report", "../../etc", "-y")
    assert (ran.code, shop.sent()) == (1, [])
    assert f"there is no report ../../etc in this folder; the newest first: {command[2]}" in ran.err


def test_a_report_that_was_kept_is_for_its_user_alone(shop: Shop, fc_async: Command) -> None:
    shop.deploy("orders")
    shop.invoke("orders", ("KeyError", "a secret"))
    fc_async("failures", "orders")
    (report,) = reports.KEPT.glob("*.json")
    for path in (report, reports.KEPT):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_second_replay_of_a_group_sends_nothing_again(
    shop: Shop, fc_async: Command, shown: Any
) -> None:
    shop.deploy("orders")
    shop.invoke("orders", ("KeyError", "items"), ("KeyError", "items"))
    shown("orders")
    assert "Accepted: 2 of 2." in fc_async("replay", "report.json", "-y").out
    shop.sent()
    ran = fc_async("replay", "report.json", "-y")
    assert (ran.code, shop.sent()) == (0, [])
    assert "Accepted: 2 of 2, 2 of them before." in ran.out


def test_failures_that_are_not_there_any_more_are_counted(
    shop: Shop, fc_async: Command, shown: Any
) -> None:
    shop.deploy("orders", QUEUE)
    shop.invoke("orders", ("KeyError", "1"))
    fc_async("events", "tail", "failures", "--once", "--consume")
    shop.runtime.advance(2)
    second = shop.invoke("orders", ("KeyError", "2"))
    assert [group["count"] for group in shown("orders")] == [2]
    ran = fc_async("replay", "report.json", "-y", "-o", "json")
    assert ran.code == 3
    assert "Left: 1 failure, sent again or removed before" in ran.err
    result = json.loads(ran.out)
    assert (result["chosen"], result["accepted"], result["left"]) == (2, 1, 1)
    assert shop.sent() == second


def test_a_function_whose_failures_go_elsewhere_is_not_called(
    shop: Shop, fc_async: Command, shown: Any
) -> None:
    """A message names the function and its payload: any program may have sent it."""
    shop.deploy("orders", QUEUE)
    shop.invoke("orders", ("KeyError", "items"))
    shown("orders")
    shop.deploy("orders")
    ran = fc_async("replay", "report.json", "-y", "-o", "json")
    assert (ran.code, shop.sent()) == (1, [])
    assert "1 event of orders not sent: its failure destination is not failures" in ran.err
    result = json.loads(ran.out)
    assert (result["chosen"], result["refused"], result["left"]) == (1, 1, 0)


def test_a_queue_of_several_functions_is_read_once(
    shop: Shop, fc_async: Command, shown: Any
) -> None:
    """Reading hides the messages: a second look would find none of the other function."""
    shop.deploy("mails", QUEUE)
    shop.deploy("orders", QUEUE)
    shop.deploy("stock", QUEUE)
    called = shop.invoke("mails", ("KeyError", "a")) + shop.invoke("orders", ("KeyError", "b"))
    shop.invoke("stock", ("KeyError", "c"))
    shown("orders", "mails")
    ran = fc_async("replay", "report.json", "-y")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "Accepted: 2 of 2.")
    assert shop.sent() == sorted(called)


def test_failures_without_a_payload_are_counted(shop: Shop, fc_async: Command, shown: Any) -> None:
    shop.deploy("orders", tasks=False)
    shop.invoke("orders", ("KeyError", "items"))
    shown("orders")
    ran = fc_async("replay", "report.json", "-y", "-o", "json")
    assert "Not possible: 1 failure without a payload." in ran.err
    assert json.loads(ran.out)["notKept"] == 1
    assert shop.sent() == []


def test_all_failures_of_a_function_are_sent_without_a_report(
    shop: Shop, fc_async: Command
) -> None:
    shop.deploy("mails", QUEUE)
    shop.deploy("orders", QUEUE)
    shop.invoke("mails", ("KeyError", "items"))
    called = shop.invoke("orders", ("KeyError", "items"), ("ValueError", "KeyError"))
    assert fc_async("replay", "--failed", "orders", "-y").code == 0
    assert shop.sent() == called


def test_a_report_of_another_place_is_refused(shop: Shop, fc_async: Command, shown: Any) -> None:
    """A file may come from anywhere; ids and keys belong to one account."""
    shop.deploy("orders")
    shop.invoke("orders", ("KeyError", "items"))
    shown("orders")
    report = json.loads(Path("report.json").read_text())
    Path("report.json").write_text(json.dumps({**report, "target": "account 111"}))
    ran = fc_async("replay", "report.json", "-y")
    assert (ran.code, shop.sent()) == (1, [])
    assert "the report is of account 111, and this command goes to http://127.0.0.1:" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name a report: FILE, --report ID, --group N of the last one, or --failed"),
        (["--group", "1"], "no report of failures was kept in this folder"),
        (["--failed", "orders", "--group", "1"], "leave out FILE, --report and --group"),
        (["report.json", "--report", "0123abcd"], "FILE is a report: leave out --report"),
        (["report.json", "--group", "7"], "the report has no group 7; its groups: 1"),
        (["lines.json"], "lines.json is not a report of fc-async failures -o json"),
    ],
)
def test_a_report_that_cannot_be_used_is_named(
    shop: Shop, fc_async: Command, shown: Any, arguments: list[str], said: str
) -> None:
    shop.deploy("orders")
    shop.invoke("orders", ("KeyError", "items"))
    shown("orders")
    Path("lines.json").write_text('{"taskId": "t-1"}')
    ran = fc_async("replay", *arguments, "-y")
    assert (ran.code, shop.sent()) == (1, [])
    assert said in ran.err


@pytest.mark.parametrize("destination", ["", QUEUE], ids=["tasks", "queue"])
def test_a_rate_is_kept_by_tasks_and_by_messages(
    shop: Shop, fc_async: Command, shown: Any, destination: str
) -> None:
    shop.deploy("orders", destination)
    called = shop.invoke("orders", *[("KeyError", "items")] * 4)
    shown("orders")
    assert fc_async("replay", "report.json", "--rate", "1/10s", "-y").code == 0
    shop.runtime.advance(15)
    assert len(shop.called) == 2
    shop.runtime.advance(20)
    assert shop.sent() == called


def test_a_dry_run_and_a_script_without_a_yes_send_nothing(
    shop: Shop, fc_async: Command, shown: Any
) -> None:
    shop.deploy("orders", QUEUE)
    shop.deploy("mails")
    shop.invoke("orders", ("KeyError", "items"))
    shop.invoke("mails", ("KeyError", "items"))
    shown("orders", "mails")
    for arguments in (["--dry-run", "-y"], []):
        ran = fc_async("replay", "report.json", *arguments)
        assert (ran.code, shop.sent()) == (0, [])
        assert "Nothing was sent: this was a dry run." in ran.err
