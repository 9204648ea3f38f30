# SPDX-License-Identifier: MIT
"""``fc-async demo`` leads on: to its console, and to a project of the user's own."""

from __future__ import annotations

import sys
import threading
import webbrowser
from pathlib import Path

import pytest

from fc_async_plugin import demo
from fc_async_plugin.cli.group import run
from fc_async_tests import installation

CONSOLE = "http://127.0.0.1:9/console"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands for the steps and for a browser; returns what was opened until Ctrl-C."""
    addresses: list[str] = []

    def play(console, folder, visit) -> None:
        if visit is not None:
            visit(CONSOLE)

    def interrupted(_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "play", play)
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    return addresses


def test_the_demo_ends_with_three_commands_that_start_a_project(
    opened: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bin/fc-async", "demo"])
    assert run(["demo"]) == 0
    commands = capsys.readouterr().out.partition("a project of your own:\n")[2].splitlines()
    assert [one.split("  # ")[0].split() for one in commands] == [
        ["bin/fc-async", "init", "minimal", "--no-input", "project_name=shop"],
        ["make", "-C", "shop", "test"],
        ["make", "-C", "shop", "dev"],
    ]
    assert not opened


def test_in_a_checkout_the_project_is_made_beside_it(
    opened: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    installation.install(monkeypatch, tmp_path / "site", {"url": Path.cwd().as_uri()})
    assert run(["demo"]) == 0
    out = capsys.readouterr().out
    assert "project_name=shop -d ..\n" in out
    assert "make -C ../shop test" in out


def test_what_uvx_started_is_started_by_uvx_again(
    opened: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("UV", "/usr/bin/uv")
    wheel = "/x/fc_async-0.2.0-py3-none-any.whl"
    installation.install(monkeypatch, tmp_path / "site", {"url": f"file://{wheel}"})
    assert run(["demo"]) == 0
    assert f"uvx --from '{wheel}[all]' fc-async init minimal" in capsys.readouterr().out


def test_the_console_is_opened_and_stays_until_it_is_interrupted(
    opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--open"]) == 0
    out = capsys.readouterr().out
    assert opened == [CONSOLE]
    assert out.index(f"The console with all this is {CONSOLE}") < out.index("All checks passed")
