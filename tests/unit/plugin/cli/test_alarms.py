# SPDX-License-Identifier: MIT
"""``fc-async alarms``: a table with reasons, files for other tools, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = template(web="") + function(
    "order-worker",
    """
        functionName: orders
        timeout: 60
        asyncInvokeConfig: {maxAsyncEventAgeInSeconds: 3600, maxAsyncRetryAttempts: 2}
    """,
)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s.yaml"
    path.write_text(TEMPLATE)
    return path


def test_a_table_says_each_threshold_and_why(capsys) -> None:
    assert run(["alarms"]) == 0
    out = capsys.readouterr().out
    assert "backlog" in out
    assert "1,800,000 ms" in out
    assert "1 attempt and 2 retries" in out
    assert "web" not in out


def test_a_failure_queue_is_among_the_rules(file: Path, capsys) -> None:
    queue = "acs:mns:cn-hangzhou::/queues/dead/messages"
    block = {"destinationConfig": {"onFailure": {"destination": queue}}}
    file.write_text(template(orders={"asyncInvokeConfig": block}))
    assert run(["alarms"]) == 0
    out = capsys.readouterr().out
    assert "queue dead\n  waiting 1 or more in 60 s: a failure waits" in out
    assert "oldest 172,800 s or more (alarms check alone)" in out


def test_a_queue_of_another_account_has_no_rules(file: Path, capsys) -> None:
    queue = "acs:mns:cn-hangzhou:999:/queues/dead/messages"
    block = {"destinationConfig": {"onFailure": {"destination": queue}}}
    file.write_text(template(orders={"asyncInvokeConfig": block}))
    assert run(["alarms", "--account-id", "111"]) == 0
    assert "queue dead" not in capsys.readouterr().out


def test_a_slow_function_has_no_rule_for_errors_and_that_is_said(file: Path, capsys) -> None:
    """With a timeout of a day and 8 retries, 9 errors in five minutes never come together."""
    file.write_text(template(orders={"timeout": 86_400, "asyncInvokeConfig": {}}))
    assert run(["alarms"]) == 0
    out, err = capsys.readouterr()
    assert "expired 1 or more" in out
    assert "errors " not in out.replace("destination-errors", "")
    assert "orders has no rule for errors" in err


def test_the_threshold_of_errors_follows_from_what_ran(file: Path, capsys, fc_local) -> None:
    def sometimes(event: bytes, _: object) -> None:
        if event == b"0":
            raise ValueError("no")

    file.write_text(template(orders="asyncInvokeConfig: {maxAsyncRetryAttempts: 0}"))
    fc_local.deploy("orders", sometimes, async_config={"maxAsyncRetryAttempts": 0})
    for number in range(600):
        fc_local.client.invoke_async("orders", b"%d" % (number % 60))
    fc_local.run_until_idle()
    assert run(["alarms", "--since", "7d", "--endpoint", fc_local.endpoint]) == 0
    out, err = capsys.readouterr()
    # 10 of 600 failed, 1.67 %: three times that of 50 executions in five minutes.
    assert "errors 3 or more in 300 s: 5.00% of the 50 executions in 300 s" in out
    assert "in which 1.67% failed" in out
    assert err == f"Using {fc_local.endpoint} (--endpoint)\n"


@pytest.mark.parametrize(("output", "member"), [("json", "requests"), ("ros", "Resources")])
def test_other_formats_need_a_contact_group(capsys, output: str, member: str) -> None:
    assert run(["alarms", "-o", output]) == 1
    assert "--contact-group" in capsys.readouterr().err
    assert run(["alarms", "-o", output, "--contact-group", "oncall"]) == 0
    assert member in json.loads(capsys.readouterr().out)


def test_a_function_is_named_by_its_resource_too(capsys) -> None:
    assert run(["alarms", "order-worker"]) == 0
    assert "orders" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alarms", "nosuch"], "has no function nosuch"),
        (["alarms", "web"], "asyncInvokeConfig: nothing to watch"),
    ],
)
def test_what_has_no_conditions_is_refused(capsys, arguments: list[str], said: str) -> None:
    assert run(arguments) == 1
    assert said in capsys.readouterr().err


def test_a_function_without_a_region_needs_the_option(file: Path, capsys) -> None:
    file.write_text(TEMPLATE.replace("region: cn-hangzhou", "description: x"))
    assert run(["alarms"]) == 1
    assert "no template here names the region of orders" in capsys.readouterr().err
    assert run(["alarms", "--region", "cn-shanghai"]) == 0
