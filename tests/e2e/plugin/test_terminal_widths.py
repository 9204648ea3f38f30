# SPDX-License-Identifier: MIT
"""What commands print on a real terminal of 80 and of 120 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.report.tables import cell_width

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

LONG_ID = "tuesday-with-a-much-longer-name-than-others-2026-11-26-batch-0001"
TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: python3.10
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        asyncTask: true
        maxAsyncRetryAttempts: 1
        destinationConfig:
          onFailure: {destination: "acs:mns:cn-hangzhou::/queues/failures/messages"}
"""
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


def on_a_terminal(columns: int, folder: Path, endpoint: str, *arguments: str) -> str:
    """Run a command on a pseudo-terminal and return what it shows, without colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"FC_ASYNC_ENDPOINT": endpoint, "TERM": "xterm-256color", "COLUMNS": ""}
    with subprocess.Popen(
        [sys.executable, "-m", "fc_async_plugin", *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        printed = b"".join(iter(lambda: _read(master), b""))
        process.wait()
    os.close(master)
    links = re.sub(r"\x1b\]8;;[^\x1b]*\x1b\\", "", printed.decode())
    return re.sub(r"\x1b\[[0-9;]*m", "", links).replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # Linux: the last writer has closed its end
        return b""


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_and_excerpts_fit_the_terminal(
    columns: int, project: Path, fc_local: FcLocal
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
        shown = on_a_terminal(columns, project, fc_local.endpoint, *command)
        assert shown, command
        assert [one for one in shown.splitlines() if cell_width(one) > columns] == [], command


@pytest.mark.parametrize("columns", [80, 120])
def test_ids_are_whole_and_payloads_decoded(columns: int, project: Path, fc_local: FcLocal) -> None:
    def shown(*arguments: str) -> str:
        return on_a_terminal(columns, project, fc_local.endpoint, *arguments)

    assert LONG_ID in shown("tasks", "list", "orders").splitlines()
    assert "due in 3 min" in shown("tasks", "list", "orders")
    task = shown("tasks", "get", "orders", LONG_ID)
    assert '\n    "order": 7,\n' in task
    assert "\n  ValueError: the card of customer 7 was declined\n" in task
    assert re.search(r"attempt 2 failed( after .*)?, Failed: the card", task)
    event = shown("events", "tail", "failures", "--once")
    assert "✘ orders UnhandledInvocationError, 2 attempts\n" in event
    assert 'File "/code/index.py", line 5, in handler\n' in event
    heads = [one for one in shown("tasks", "logs", "orders").splitlines() if one.startswith("--- ")]
    assert heads == [f"--- {LONG_ID} Failed"]


def test_a_command_on_several_lines_is_one_for_a_shell(project: Path, fc_local: FcLocal) -> None:
    shown = on_a_terminal(80, project, fc_local.endpoint, "failures")
    joined = re.sub(r" \\\n +", " ", shown)
    command = "fc-async events replay failures --function orders --condition"
    assert f"{command} UnhandledInvocationError\n" in joined
