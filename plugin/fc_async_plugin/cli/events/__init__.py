# SPDX-License-Identifier: MIT
"""``fc-async events``: shows destination events, and replays failed ones."""

from __future__ import annotations

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.events import replay, tail


@click.group(cls=options.Group, moved={"send": "triggers fire --oss-object oss://BUCKET/KEY"})
def command() -> None:
    """Watch destination events, and replay failed ones.

    \b
    Examples:
      fc-async events tail failed-orders
      fc-async events replay failed-orders --dry-run
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


command.add_command(tail.command)
command.add_command(replay.command)
