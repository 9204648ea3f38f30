# SPDX-License-Identifier: MIT
"""What commands print on a real terminal of 80 and of 120 columns."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.report.tables import cell_width
from fc_async_tests.commands import COMMANDS, on_a_terminal, run
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal

LONG_ID = "tuesday-with-a-much-longer-name-than-others-2026-11-26-batch-0001"
TEMPLATE = template(
    orders="""
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 1
          destinationConfig:
            onFailure: {destination: "acs:mns:cn-hangzhou::/queues/failures/messages"}
    """,
)
CODE = """\
import json


def handler(event, context):
    raise ValueError("the card of customer 7 was declined")
"""
PAYLOAD = '{"order": 7, "items": [' + ", ".join(['{"price": 3, "count": 2}'] * 6) + "]}"


@pytest.fixture
def project(tmp_path: Path, fc_local: FcLocal) -> Path:
    """A project with a task that failed and one that waits."""
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(CODE)
    fc_local.deploy_template(tmp_path / "s.yaml")
    fc_local.client.invoke_async("orders", PAYLOAD, task_id=LONG_ID)
    fc_local.run_until_idle()
    fc_local.client.invoke_async("orders", PAYLOAD, delay=180)
    return tmp_path


@pytest.fixture
def shown(project: Path, fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command on a pseudo-terminal and returns what it shows, without colours."""
    monkeypatch.chdir(project)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "")

    def run(columns: int, *arguments: str) -> str:
        printed = on_a_terminal(*arguments, columns=columns)
        links = re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\", "", printed)
        return re.sub(r"\x1b\[[0-9;]*m", "", links).replace("\r\n", "\n")

    return run


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_and_excerpts_fit_the_terminal(
    columns: int, project: Path, shown: Callable[..., str]
) -> None:
    bad = project / "bad.yaml"
    bad.write_text(TEMPLATE.replace("Attempts: 1", "Attempts: 9"))
    for command in (
        [],
        ["tasks", "list", "orders"],
        ["validate", "--explain"],
        ["doctor", "-v"],
        ["failures"],
        ["validate", "--cost"],
        ["alarms"],
        ["triggers", "list"],
        ["validate", "-t", "bad.yaml"],
        ["init", "--list"],
    ):
        text = shown(columns, *command)
        assert text, command
        assert [one for one in text.splitlines() if cell_width(one) > columns] == [], command
    assert "…" not in text  # the last words of what a template makes


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_fits_80_columns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = run(*name.split(), "--help").out
    assert text.startswith(f"Usage: fc-async {name} ")
    assert [one for one in text.splitlines() if cell_width(one) > 80] == []


@pytest.mark.parametrize("command", [[], ["tasks"], ["events"], ["triggers"], ["local"]])
def test_what_a_command_does_is_said_to_the_end_on_80_columns(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "...\n" not in run(*command, "--help").out.partition("\nCommands:\n")[2]


@pytest.mark.parametrize("columns", [80, 120])
def test_ids_are_whole_and_payloads_decoded(columns: int, shown: Callable[..., str]) -> None:
    assert LONG_ID in shown(columns, "tasks", "list", "orders").splitlines()
    assert "due in 3 min" in shown(columns, "tasks", "list", "orders")
    task = shown(columns, "tasks", "get", "orders", LONG_ID)
    assert '\n    "order": 7,\n' in task
    assert "\n  ValueError: the card of customer 7 was declined\n" in task
    assert re.search(r"attempt 2 failed( after .*)?, Failed: ValueError: the card", task)
    event = shown(columns, "events", "tail", "failures", "--once")
    assert "✘ orders UnhandledInvocationError, 2 attempts\n" in event
    assert 'File "/code/index.py", line 5, in handler\n' in event
    heads = [
        one
        for one in shown(columns, "tasks", "logs", "orders").splitlines()
        if one.startswith("--- ")
    ]
    assert heads == [f"--- {LONG_ID} Failed"]


def test_a_command_on_several_lines_is_one_for_a_shell(shown: Callable[..., str]) -> None:
    place = f"--endpoint {os.environ['FC_ASYNC_ENDPOINT']} --region cn-hangzhou --account-id 123456"
    printed = shown(80, "failures", *place.split())
    assert " \\\n" in printed
    joined = re.sub(r" \\\n +", " ", printed)
    command = rf"send again  fc-async replay {re.escape(place)} --report [0-9a-f]+ --group 1\n"
    assert re.search(command, joined)
