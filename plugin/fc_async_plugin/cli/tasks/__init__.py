# SPDX-License-Identifier: MIT
"""``fc-async tasks``: lists, shows, stops, awaits and replays tasks."""

from __future__ import annotations

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.tasks import listing, logs, replay, stop


@click.group(cls=options.Group)
def command() -> None:
    """List, show, stop, await and replay tasks (asynchronous invocations in task mode).

    \b
    Examples:
      fc-async tasks list orders --status Failed
      fc-async tasks get orders T1
      fc-async tasks wait orders T1 --timeout 60
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


for part in (
    listing.list_command,
    listing.get_command,
    stop.command,
    listing.wait_command,
    replay.command,
    logs.command,
):
    command.add_command(part)
