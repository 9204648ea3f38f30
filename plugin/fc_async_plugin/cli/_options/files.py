# SPDX-License-Identifier: MIT
"""Options that name a file, and what the file says."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.cli._options.building import F

_LONGEST_LINE: Final = 8 * 1024


def existing_file(*names: str, **more: Any) -> Callable[[F], F]:
    """Add an option with the name of a file that exists; ``more`` as for :func:`flag`."""
    kind = click.Path(exists=True, dir_okay=False)
    return click.option(*names, metavar="FILE", type=kind, **more)


def read_json(file: str | Path) -> Any:
    """Return the JSON in a file.

    Raises:
        click.ClickException: The file is not valid JSON.
    """
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file} is not valid JSON: {error}") from error


def read_private_line(file: Path) -> str:
    """Return the text of a file that only its user can read, such as a URL with a password.

    Raises:
        click.UsageError: Others can read the file, or it is not UTF-8.
    """
    with file.open("rb") as stream:
        if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
            raise click.UsageError(f"others can read {file}: chmod 600 {file}")
        content = stream.read(_LONGEST_LINE)
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8") from None
