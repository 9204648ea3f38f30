# SPDX-License-Identifier: MIT
"""``fc-async demo``: runs the main functions of the product from end to end on one machine.

The local runtime runs in this process, except for the step that kills it. Commands run in processes
of their own; functions are called with the SDK, queues with the official MNS client. Every step
checks what it shows, and raises :class:`DemoFailed` if a check fails.
"""

from __future__ import annotations

import logging
import shutil
from contextlib import contextmanager
from importlib import resources
from typing import TYPE_CHECKING

from fc_async_plugin.account.runtime import console_of
from fc_async_plugin.demo import steps
from fc_async_plugin.demo.steps import DemoFailed
from fc_async_plugin.dev import runtime
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import Console

__all__ = ["DemoFailed", "play"]


def play(console: Console, folder: Path, visit: Callable[[str], None] | None = None) -> None:
    """Run all steps in a temporary folder.

    Args:
        console: Where they print.
        folder: The folder.
        visit: Gets the address of the runtime's console after the last step; the runtime ends when
            it returns.

    Raises:
        DemoFailed: A check failed.
    """
    source = resources.files("fc_async_plugin.demo")
    for name in ("project", "cyclic"):
        with resources.as_file(source / name) as path:
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        _play(console, folder, visit or (lambda _: None))
    except FcAsyncError as error:
        raise DemoFailed(str(error)) from error


def _play(console: Console, folder: Path, visit: Callable[[str], None]) -> None:
    _heading(console, 1, "a local runtime with a durable queue")
    with _stage(console, folder) as stage:
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
    steps.kill_at_work(console, folder)
    with _stage(console, folder) as stage:
        steps.finish_after_kill(stage)
        _heading(console, 7, "what there was to do, and what was delivered")
        steps.show_outcome(stage)
        visit(console_of(stage.ready))


@contextmanager
def _stage(console: Console, folder: Path) -> Iterator[steps.Stage]:
    """Run the local runtime on free ports, with its data in the folder."""
    choices = runtime.Choices(port=0, data=folder / steps.DATA, clock="real")
    log = logging.getLogger(__name__)
    with (
        runtime.opened(choices, lambda text, _: log.info("%s", text)) as running,
        steps.connect(running.addresses) as client,
    ):
        yield steps.Stage(console, folder, running.addresses, client)


def _heading(console: Console, number: int, title: str) -> None:
    console.print(f"\n{number}/7  {title}", style="bold cyan")
