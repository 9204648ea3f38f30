# SPDX-License-Identifier: MIT
"""Options that name a file, and what the file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.cli._options.building import F


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
