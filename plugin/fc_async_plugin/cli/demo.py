# SPDX-License-Identifier: MIT
"""``fc-async demo``: runs the steps of the demo and prints the result."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
import webbrowser
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, Format, terminal
from fc_async_sdk._installation import installed_from

if TYPE_CHECKING:
    from rich.console import Console


@click.command("demo")
@options.format_option
@options.flag("--keep", help="Keep the folder with the project and the queue.")
@options.flag(
    "--open", "visit", help="At the end, open the console in a browser; Ctrl-C ends the demo."
)
def command(*, keep: bool, visit: bool, output: Format) -> int:
    """Run the main job from end to end on this machine; needs no account.

    Starts the local runtime, refuses a template whose destinations form a cycle, deploys a
    correct one, invokes with delay and with failure, kills the runtime and starts it again. Exit
    code 0 means that all checks passed.

    \b
    Examples:
      fc-async demo
      fc-async demo --open
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from rich.console import Console

    from fc_async_plugin.demo import DemoFailed, play

    console = Console(highlight=False, stderr=output == "json")
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="fc-async-demo-"))
    failure = ""
    before = Path.cwd()
    os.chdir(folder)  # a .env file of the user's folder is not part of the demo
    try:
        play(console, folder, partial(_visit, console) if visit else None)
    except DemoFailed as error:
        failure = str(error)
        console.print(f"\nThe demo failed: {failure}", style="bold red")
    finally:
        os.chdir(before)
        if keep:
            console.print(f"\nThe project and the data are in {folder}", soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    took = time.monotonic() - began
    if not failure:
        console.print(f"\nAll checks passed. {took:.0f} s", style="bold green")
        console.print("\nNext, a project of your own:")
        for line in _next_commands():
            console.print(f"  {line}", soft_wrap=True, markup=False)
    if output == "json":
        terminal.print_json(
            {
                "passed": not failure,
                "error": failure or None,
                "durationMs": round(took * 1000),
                "folder": str(folder) if keep else None,
            }
        )
    return FAILED if failure else DONE


def _visit(console: Console, address: str) -> None:
    """Open the console of the runtime in a browser, and keep the runtime until Ctrl-C."""
    console.print(f"\nThe console with all this is {address}. Ctrl-C ends the demo.")
    webbrowser.open(address)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("")


def _next_commands() -> list[str]:
    """Return three commands that start a project, as they are typed where the demo was started."""
    origin = installed_from()
    typed = sys.argv[0]
    program = typed if typed.endswith("fc-async") else "fc-async"
    if origin is not None and os.environ.get("UV"):  # uvx, which leaves no command behind
        program = f"uvx --from '{origin}[all]' fc-async"
    elif shutil.which("fc-async") == typed:
        program = "fc-async"
    beside = origin == Path.cwd()  # not into the checkout
    shop = "../shop" if beside else "shop"
    return [
        f"{program} init minimal --no-input project_name=shop{' -d ..' if beside else ''}",
        f"make -C {shop} test   # deploys it to a runtime on this machine, and tests it there",
        f"make -C {shop} dev    # runs it; prints how to call it, and the address of its console",
    ]
