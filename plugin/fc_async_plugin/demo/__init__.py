# SPDX-License-Identifier: MIT
"""``fc-async demo``: runs the main functions of the product from end to end on one machine.

It uses only the interfaces that users have: command line, HTTP API, SDK, official MNS client. Every
step checks what it shows, and raises :class:`DemoFailed` if a check fails.
"""

from __future__ import annotations

import shutil
from importlib import resources
from typing import TYPE_CHECKING

from fc_async_plugin.demo import steps
from fc_async_plugin.demo.runtime import RuntimeFailed, RuntimeProcess
from fc_async_plugin.demo.steps import DemoFailed
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

__all__ = ["DemoFailed", "play"]


def play(console: Console, folder: Path) -> None:
    """Run all steps in a temporary folder.

    Raises:
        DemoFailed: A check failed.
    """
    source = resources.files("fc_async_plugin.demo")
    for name in ("project", "cyclic"):
        with resources.as_file(source / name) as path:
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    process = RuntimeProcess(folder / "data")
    try:
        _play(console, folder, process)
    except (FcAsyncError, RuntimeFailed) as error:
        raise DemoFailed(str(error)) from error
    finally:
        process.stop()


def _play(console: Console, folder: Path, process: RuntimeProcess) -> None:
    _heading(console, 1, "a local runtime with a durable queue")
    ready = process.start()
    stage = steps.Stage(console, process, folder, ready, steps.connect(ready))
    try:
        steps.show_runtime(stage)
        _heading(console, 2, "a destination cycle is refused before it costs anything")
        steps.refuse_cycle(stage)
        _heading(console, 3, "three functions are planned and deployed")
        steps.deploy(stage)
        _heading(console, 4, "an invocation with a delay")
        steps.invoke_with_delay(stage)
        _heading(console, 5, "a function that always raises")
        steps.invoke_failing(stage)
        _heading(console, 6, "kill -9 while accepted work waits")
        stage = steps.survive_kill(stage)
        _heading(console, 7, "what there was to do, and what was delivered")
        steps.show_tables(stage)
    finally:
        stage.client.close()


def _heading(console: Console, number: int, title: str) -> None:
    """Print the heading of a step."""
    console.print(f"\n{number}/7  {title}", style="bold cyan")
