# SPDX-License-Identifier: MIT
"""``fc-async local export``, ``import`` and ``clear``: the state of a runtime as a whole.

The state of a runtime that runs is replaced through its admin API, that of another one in its file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli._options.runtime import data_option
from fc_async_plugin.cli.local.errors import store_errors_shown
from fc_async_plugin.report import terminal
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from fc_async_plugin.report import Format


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@data_option
@options.format_option
@store_errors_shown()
def export_command(*, file: Path, data: Path, output: Format) -> None:
    """Save functions, tasks, messages and metrics of a runtime to FILE.

    The runtime may run meanwhile: the file has the state of one moment. Objects of OSS and large
    payloads are not in it: they are the folders oss and payloads of the data folder.
    """
    from fc_async_local.bootstrap.state import export_file

    export_file(data, file)
    size = file.stat().st_size
    facts = {"file": str(file), "bytes": size}
    terminal.print_json_or_text(output, facts, f"Exported {size:,} bytes to {file}.")
    for name in ("oss", _project_folder.PAYLOADS):
        folder = data / name
        if folder.exists():
            terminal.note(f"not in it: the files below {folder}")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@data_option
@options.yes_option
@options.format_option
@store_errors_shown()
def import_command(*, file: Path, data: Path, yes: bool, output: Format) -> None:
    """Put FILE, an exported state, in the place of what a runtime keeps but objects of OSS."""
    from fc_async_local.bootstrap.state import check_file

    # Before the question: a file that was cut or is of another version would take the place of
    # the state, and the next start would refuse it.
    check_file(file)
    terminal.confirm(f"Replace everything in {data} with {file}?", yes=yes)
    _replace(data, file.read_bytes(), file.name)
    terminal.print_json_or_text(output, {"file": str(file), "data": str(data)}, f"Imported {file}.")


@click.command("clear")
@data_option
@options.yes_option
@options.format_option
@store_errors_shown()
def clear_command(*, data: Path, yes: bool, output: Format) -> None:
    """Delete everything that a runtime keeps: functions, tasks, objects and so on."""
    from fc_async_local.bootstrap.state import check_exists

    check_exists(data)
    terminal.confirm(f"Delete everything in {data}?", yes=yes)
    _replace(data, None, "")
    terminal.print_json_or_text(output, {"data": str(data)}, f"Cleared {data}.")


def _replace(data: Path, snapshot: bytes | None, name: str) -> None:
    from fc_async_plugin.account import runtime
    from fc_async_plugin.dev.runtime import find

    running = find(data)
    if running is not None:
        runtime.replace_state(running.fc, snapshot)
        return
    from fc_async_local.bootstrap.state import replace_file

    replace_file(data, snapshot, name)
