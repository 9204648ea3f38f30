# SPDX-License-Identifier: MIT
"""``fc-async clean``: removes what ``fc-async dev`` has left; see :mod:`..prepare.leftovers`."""

from __future__ import annotations

from pathlib import Path

import click

from fc_async_plugin import PluginError
from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, Format, terminal
from fc_async_sdk import _project_folder

_MEBIBYTE = 1024 * 1024


@click.command()
@options.flag(
    "--data",
    help="Also remove the local runtime's data: what waits in the queue, results, tasks, and files "
    "that functions wrote into what they mount. This cannot be undone.",
)
@options.yes_option
@options.format_option
def command(*, data: bool, yes: bool, output: Format) -> int:
    """Remove what fc-async dev has left in this folder's .fc-async.

    Removes installed packages, outputs of builds and copies of code, after it has shown them and
    asked. The next start of dev makes again what it needs. Answers, journals of deployments and
    events that a replay could not send stay, and so does the data of the local runtime without
    --data.

    \b
    Examples:
      fc-async clean
      fc-async clean --data -y
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.dev import runtime
    from fc_async_plugin.prepare import leftovers

    folder = Path()
    if running := runtime.find(folder / _project_folder.RUNTIME):
        raise PluginError(f"the local runtime of process {running.pid} uses these files: end it")
    removable = leftovers.leftovers(folder, data=data)
    if not removable:
        terminal.print_json_or_text(output, {"removed": []}, "Nothing to remove.")
        return DONE
    for leftover in removable:
        size = leftover.size / _MEBIBYTE
        terminal.note(f"  {leftover.path}  {size:.1f} MB  {leftover.content}")
    terminal.confirm("Remove this?", yes=yes)
    leftovers.remove(removable)
    removed = [{"path": str(leftover.path), "bytes": leftover.size} for leftover in removable]
    megabytes = sum(leftover.size for leftover in removable) / _MEBIBYTE
    terminal.print_json_or_text(output, {"removed": removed}, f"Removed {megabytes:.1f} MB.")
    return DONE
