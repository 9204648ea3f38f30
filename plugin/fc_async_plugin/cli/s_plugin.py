# SPDX-License-Identifier: MIT
"""``fc-async s-plugin``: prints the folder of the plugin for Serverless Devs."""

from __future__ import annotations

import click


@click.group()
def command() -> None:
    """Use fc-async from Serverless Devs (s).

    \b
    Examples:
      export FC_ASYNC_PLUGIN=$(fc-async s-plugin path)
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command("path")
def path_command() -> None:
    """Print the folder to name after plugin: or component: in s.yaml."""
    from fc_async_plugin.serverless_devs import folder

    click.echo(folder())


@command.command("show")
def show_command() -> None:
    """Print the lines to put into s.yaml."""
    from fc_async_plugin.serverless_devs import folder

    click.echo(
        "# Before every deployment of a resource (beside component: and props:):\n"
        "actions:\n"
        "  pre-deploy:\n"
        f"    - plugin: {folder()}\n"
    )
