# SPDX-License-Identifier: MIT
"""``fc-async demo``: runs the steps of the demo and prints the result."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click


@click.command("demo")
@click.option("--keep", is_flag=True, help="Keep the folder with the project and the queue.")
def command(*, keep: bool) -> None:
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

    console = Console(highlight=False)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="fc-async-demo-"))
    try:
        play(console, folder)
    except DemoFailed as failure:
        console.print(f"\nThe demo failed: {failure}", style="bold red")
        sys.exit(1)
    finally:
        if keep:
            console.print(f"\nThe project and the data are in {folder}", soft_wrap=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(f"\nAll checks passed. {time.monotonic() - began:.0f} s", style="bold green")
