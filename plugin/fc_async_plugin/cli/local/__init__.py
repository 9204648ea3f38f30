# SPDX-License-Identifier: MIT
"""``fc-async local``: runs the local runtime; saves, replaces or clears its data."""

from __future__ import annotations

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.local import access, start, state, trust


@click.group("local", cls=options.Group)
def command() -> None:
    """Run Function Compute's asynchronous invocation on this machine, with no account.

    \b
    Examples:
      fc-async local start
      fc-async local start --port 0 --format json
      fc-async local export state.db
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


for part in (
    start.command,
    access.console_command,
    access.env_command,
    state.export_command,
    state.import_command,
    state.clear_command,
    trust.command,
):
    command.add_command(part)
