# SPDX-License-Identifier: MIT
"""``fc-async local trust``: takes a folder of fc-async as the user's own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import terminal
from fc_async_plugin.report.safe_text import safe
from fc_async_sdk import _project_folder
from fc_async_sdk.spec.times import rfc3339_millis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.report import Format

_USES: Final = {
    "runtime/fc-async.db": "functions, and invocations that the next start runs",
    f"runtime/{_project_folder.ADDRESSES}": "where a local runtime listens",
    "runtime/code": "code of functions",
    "runtime/tls": "a certificate authority: its maker can read what its users send",
    "builds/allowed": "answers of fc-async dev",
    "deploy": "deployments that were interrupted",
    "layers": "packages that functions load",
    "events": "events that a replay could not send",
}
"""Uses of the folders and files below ``.fc-async``, for the user who is asked."""


@click.command("trust")
@click.argument(
    "folder", type=click.Path(path_type=Path), default=_project_folder.NAME, required=False
)
@options.yes_option
@options.format_option
def command(*, folder: Path, yes: bool, output: Format) -> None:
    """Take FOLDER, by default .fc-async, as yours: it was moved, or is of an earlier version.

    Shows what is in it and asks. Until then, nothing in a folder that was not made here is read or
    run. Do not trust a folder that came with a repository: remove it.
    """
    top = _project_folder.top_of(folder)
    if top.name != _project_folder.NAME or not os.path.lexists(top):
        raise click.UsageError(
            f"{folder} is not a folder {_project_folder.NAME}: only such a folder has a mark"
        )
    with contextlib.suppress(_project_folder.ForeignFolder):
        _project_folder.check(top)
        terminal.print_json_or_text(
            output, {"folder": str(top), "changed": False}, f"{folder} is yours already."
        )
        return
    for line in _content(top):
        terminal.note(line)
    terminal.confirm(f"Read and run what is in {folder}?", yes=yes)
    _project_folder.trust(top)
    terminal.print_json_or_text(
        output, {"folder": str(top), "changed": True}, f"{folder} is yours."
    )


def _content(top: Path) -> Iterator[str]:
    """Yield what a folder has, two levels of it, without reading a file."""
    for path in sorted([*top.glob("*"), *top.glob("*/*")]):
        status = path.lstat()
        name = path.relative_to(top).as_posix()
        time = rfc3339_millis(int(status.st_mtime * 1_000))
        size = "" if path.is_dir() else f"  {status.st_size:,} bytes"
        use = f"  {_USES[name]}" if name in _USES else ""
        yield f"  {time}  {safe(name, line=True)}{size}{use}"
