# SPDX-License-Identifier: MIT
"""``fc-async local export``, ``import`` and ``clear``: what a runtime keeps, as one file.

A runtime that runs is asked through its admin API. One that does not run has its file replaced.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import Format, terminal
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable


_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_project_folder.RUNTIME,
    help="Data folder of the runtime.",
)
_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def _words(function: Callable[..., None]) -> Callable[..., None]:
    """Show errors of the store as those of a command."""

    @functools.wraps(function)
    def wrapped(**options: Any) -> None:
        from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable

        try:
            function(**options)
        except (StoreUnavailable, StoreUnusable) as error:
            raise click.ClickException(str(error)) from None

    return wrapped


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_data
@options.format_option
@_words
def export(*, file: Path, data: Path, output: Format) -> None:
    """Save functions, tasks, messages and metrics of a runtime to FILE.

    The runtime may run meanwhile: the file has the state of one moment. Objects of OSS are not in
    it: they are the folder oss of the data folder.
    """
    from fc_async_local.bootstrap.state import export_file

    export_file(data, file)
    size = file.stat().st_size
    if output == "json":
        terminal.print_json({"file": str(file), "bytes": size})
    else:
        click.echo(f"Exported {size:,} bytes to {file}.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_data
@_yes
@options.format_option
@_words
def import_(*, file: Path, data: Path, yes: bool, output: Format) -> None:
    """Put FILE, an exported state, in the place of what a runtime keeps but objects of OSS."""
    from fc_async_local.bootstrap.state import check_file

    check_file(file)
    terminal.confirm(f"Replace everything in {data} with {file}?", yes=yes)
    _replace(data, file.read_bytes(), file.name)
    if output == "json":
        terminal.print_json({"file": str(file), "data": str(data)})
    else:
        click.echo(f"Imported {file}.")


@click.command("clear")
@_data
@_yes
@options.format_option
@_words
def clear(*, data: Path, yes: bool, output: Format) -> None:
    """Delete everything that a runtime keeps: functions, tasks, messages, metrics, objects."""
    terminal.confirm(f"Delete everything in {data}?", yes=yes)
    _replace(data, None, "")
    if output == "json":
        terminal.print_json({"data": str(data)})
    else:
        click.echo(f"Cleared {data}.")


def _replace(data: Path, snapshot: bytes | None, name: str) -> None:
    from fc_async_plugin.account import runtime

    addresses = data / _project_folder.ADDRESSES
    if addresses.exists():
        endpoint = json.loads(addresses.read_text(encoding="utf-8"))["fc"]
        runtime.replace_state(endpoint, snapshot)
        return
    from fc_async_local.bootstrap.state import replace_file

    replace_file(data, snapshot, name)
