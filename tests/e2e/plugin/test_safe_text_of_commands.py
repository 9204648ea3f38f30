# SPDX-License-Identifier: MIT
"""What functions print and return never reaches a terminal as commands to it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_tests.commands import on_a_terminal, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_httpserver import HTTPServer

    from fc_async_local.testing import FcLocal

HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202egood\x1b[8m\nstatus       Succeeded"
"""Sets the window's title, clears the screen, reverses the text, hides what follows."""

CODE = f"""\
TEXT = {HOSTILE!r}

def handler(event, context):
    print(TEXT)
    if b"fail" in event:
        raise ValueError(TEXT)
    return TEXT
"""
OURS = re.compile(r"\x1b\[[0-9;]*m")
"""Colours, which the command line writes itself."""


@pytest.fixture
def hostile(fc_local: FcLocal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FcLocal:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    monkeypatch.setenv("TERM", "xterm")
    folder = tmp_path / "hostile"
    folder.mkdir()
    (folder / "index.py").write_text(CODE, "utf-8")
    queue = fc_local.create_queue("ended")
    fc_local.deploy(
        "f",
        folder,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 0,
            "destinationConfig": {
                "onSuccess": {"destination": queue},
                "onFailure": {"destination": queue},
            },
        },
    )
    fc_local.client.invoke_async("f", HOSTILE, task_id="good")
    fc_local.client.invoke_async("f", f"fail {HOSTILE}", task_id="bad")
    fc_local.run_until_idle()
    return fc_local


def in_a_pipe(*arguments: str) -> str:
    return run(*arguments).said


def obeyed(shown: str) -> list[str]:
    """Every character that a terminal or a pager would obey."""
    plain = OURS.sub("", shown.replace("\r\n", "\n"))
    return [one for one in plain if not (one.isprintable() or one in "\n\t")]


COMMANDS = [
    ("tasks", "list", "f"),
    ("tasks", "get", "f", "bad"),
    ("tasks", "get", "f", "good"),
    ("tasks", "get", "f", "bad", "-o", "json"),
    ("tasks", "wait", "f", "bad"),
    ("tasks", "logs", "f"),
    ("tasks", "logs", "f", "bad"),
    ("events", "tail", "ended", "--once"),
    ("events", "tail", "ended", "--once", "-o", "json"),
    ("invoke", "f", "fail", "--sync", "-o", "json"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("look", [on_a_terminal, in_a_pipe])
def test_nothing_of_a_function_is_obeyed(
    look: Callable[..., str], command: tuple[str, ...], hostile: FcLocal
) -> None:
    shown = look(*command)
    assert obeyed(shown) == []
    assert not shown.startswith("Error:")
    if command[:2] != ("tasks", "list"):
        assert "owned" in shown


def test_a_result_is_not_obeyed_on_a_terminal(hostile: FcLocal) -> None:
    shown = on_a_terminal("invoke", "f", "x", "--sync")
    assert obeyed(shown) == []
    assert r"\x1b]0;owned\x07" in shown


def test_a_result_in_a_pipe_is_what_the_function_returned(
    hostile: FcLocal, clean_environment: Callable[..., dict[str, str]]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fc_async_plugin", "invoke", "f", "x", "--sync"],
        env=clean_environment(FC_ASYNC_ENDPOINT=hostile.endpoint),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == HOSTILE


@pytest.mark.parametrize(
    "command", [("tasks", "logs", "f", "good"), ("invoke", "f", "x", "--sync")]
)
def test_raw_output_is_given_when_it_is_asked_for(
    command: tuple[str, ...], hostile: FcLocal
) -> None:
    shown = on_a_terminal(*command, "--raw")
    assert HOSTILE.splitlines()[0] in shown


def test_a_function_cannot_add_a_line_to_the_facts_about_its_task(hostile: FcLocal) -> None:
    shown = in_a_pipe("tasks", "get", "f", "bad")
    facts = [line for line in shown.splitlines() if line.startswith("status")]
    assert facts == ["status       Failed"]


def test_the_message_of_a_service_is_not_obeyed(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"Code": "FunctionNotFound", "Message": HOSTILE, "RequestId": "r"})
    path = "/2023-03-30/functions/f/async-tasks/t"
    httpserver.expect_request(path).respond_with_data(body, status=404)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", httpserver.url_for(""))
    shown = on_a_terminal("tasks", "get", "f", "t")
    assert obeyed(shown) == []
    assert "owned" in shown
