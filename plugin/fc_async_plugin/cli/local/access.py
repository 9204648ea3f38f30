# SPDX-License-Identifier: MIT
"""``fc-async local console`` and ``env``: what lets a browser and other programs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli._options.runtime import data_option
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.report import Format
    from fc_async_sdk.admin.models import Addresses


def _running(data: Path) -> Addresses:
    """Return the addresses of the runtime on a data folder.

    Raises:
        click.ClickException: None runs there, or another user's does.
    """
    from fc_async_plugin.account import runtime
    from fc_async_plugin.dev.runtime import find

    addresses = find(data)
    if addresses is None:
        raise click.ClickException(f"no local runtime of yours runs on {data}; {runtime.START}")
    return addresses


@click.command("console")
@data_option
@options.format_option
def console_command(*, data: Path, output: Format) -> None:
    """Print the address that lets a browser into the console.

    It has the token of the runtime, which leaves the address bar at once: a cookie follows. A
    runtime that was started again has another token.
    """
    from fc_async_plugin.account import runtime

    address = runtime.console_of(_running(data))
    terminal.print_json_or_text(output, {"console": address}, address)


@click.command("env")
@data_option
@options.format_option
def env_command(*, data: Path, output: Format) -> None:
    """Print the variables by which programs elsewhere use the runtime, as lines for a shell.

    \b
    Examples:
      eval "$(fc-async local env)"
      curl -H "Authorization: Bearer $FC_ASYNC_TOKEN" $FC_ASYNC_ENDPOINT/metrics

    Programs of the same user need FC_ASYNC_ENDPOINT only. FC_ASYNC_TOKEN is for other users,
    containers and machines. A runtime with --strict-auth has an access key, too.
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    import shlex

    from fc_async_plugin.account import runtime

    variables = runtime.environment_of(_running(data))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    terminal.print_json_or_text(output, variables, "\n".join(lines))
