# SPDX-License-Identifier: MIT
"""``fc-async demo``: runs the steps of the demo and prints the result."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import DONE, FAILED, Format, terminal


@click.command("demo")
@options.format_option
@click.option("--keep", is_flag=True, help="Keep the folder with the project and the queue.")
def command(*, keep: bool, output: Format) -> int:
    """Run the main job from end to end on this machine; needs no account.

    Starts the local runtime, refuses a template whose destinations form a cycle, deploys a
    correct one, invokes with delay and with failure, kills the runtime and starts it again. Exit
    code 0 means that all checks passed.

    \b
    Example:
      fc-async demo
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
        play(console, folder)
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
