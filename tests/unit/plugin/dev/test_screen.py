# SPDX-License-Identifier: MIT
"""What is printed fits the terminal, and a program can read it."""

from __future__ import annotations

import io
import json
import time

import pytest
from rich.console import Console

from fc_async_plugin.dev.screen import JsonScreen, TextScreen
from fc_async_plugin.project.lack import Lack
from fc_async_sdk.admin.models import Step

AT = 1_700_000_000_000
REQUEST = "1-670648a1-15197d0b-d07710222f9d"


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def printed(*steps: Step, width: int | None = None, quiet: bool = False) -> list[str]:
    file = io.StringIO()
    console = Console(
        file=file, width=width or 10_000, force_terminal=width is not None, color_system=None
    )
    screen = TextScreen(console, quiet=quiet, now=lambda: AT)
    screen.functions(["orders", "mailer"], lambda _: None)
    for step in steps:
        screen.step(step)
    return file.getvalue().splitlines()


def succeeded(output: str) -> Step:
    return Step(
        kind="ended",
        at=AT,
        function="orders",
        request_id=REQUEST,
        attempt=1,
        attempts=4,
        status="Succeeded",
        outcome="success",
        duration_ms=3,
        output=output,
    )


def test_output_stands_below_its_attempt():
    assert printed(succeeded("one\ntwo")) == [
        "22:13:20.000  orders  10222f9d  attempt 1 of 4 succeeded in 3 ms",
        "              │ one",
        "              │ two",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(width: int):
    shown = printed(succeeded("many words " * 40 + "\n" + "x" * 300), width=width)
    assert max(map(len, shown)) <= width
    assert all(line.startswith("              │ ") for line in shown[1:])


def test_wide_characters_are_counted_with_their_width():
    shown = printed(succeeded("订单" * 60), width=80)
    assert sum(line.count("订单") for line in shown) >= 55
    assert max(len(line) for line in shown[1:]) <= 16 + 32


def test_a_pipe_gets_whole_lines():
    text = "many words " * 40
    assert printed(succeeded(text))[1].strip() == f"│ {text.strip()}"


def test_escape_sequences_of_a_function_do_not_reach_the_terminal():
    [_, line] = printed(succeeded("\x1b[2Jgone"))
    assert line.endswith("│ \\x1b[2Jgone")


def test_quiet_leaves_out_what_went_well():
    assert printed(succeeded("fine"), quiet=True) == []


def test_a_program_gets_one_object_a_line():
    lines: list[str] = []
    screen = JsonScreen(lines.append)
    screen.step(succeeded("one\ntwo"))
    screen.say("saved", "saved index.py", ms=12)
    step, saved = map(json.loads, lines)
    assert (step["type"], step["kind"], step["output"]) == ("step", "ended", "one\ntwo")
    assert step["requestId"] == REQUEST
    assert saved == {"type": "saved", "message": "saved index.py", "ms": 12}


def test_a_message_of_several_lines_stands_below_its_first():
    file = io.StringIO()
    TextScreen(Console(file=file, width=10_000), now=lambda: AT).say(
        "x", "a:1: bad\n  def (", style="bad"
    )
    assert file.getvalue().splitlines() == ["22:13:20.000  a:1: bad", "                  def ("]


@pytest.mark.parametrize(("style", "colour"), [("note", "33"), ("bad", "31")])
def test_a_warning_is_yellow_and_an_error_red_and_both_are_shown_with_quiet(
    style: str, colour: str
) -> None:
    """That python3.12 functions run on Python 3.11 looked like a failure."""
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system="standard")
    TextScreen(console, quiet=True, now=lambda: AT).say("warning", "look", style=style)
    assert f"\x1b[{colour}mlook" in file.getvalue()


def test_a_program_reads_what_this_machine_lacks_as_of_doctor_and_validate() -> None:
    lines: list[str] = []
    lack = Lack("program", "dotnet", "net starts with", "s.yaml:1:2", "install it")
    JsonScreen(lines.append).say("lack", str(lack), **lack._asdict())
    assert json.loads(lines[0]) == {
        "type": "lack",
        "message": "s.yaml:1:2: net starts with dotnet, which is not on this machine: install it",
        **lack._asdict(),
    }
