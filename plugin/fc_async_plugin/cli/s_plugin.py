# SPDX-License-Identifier: MIT
"""``fc-async s-plugin``: prints the folder of the plugin for Serverless Devs."""

from __future__ import annotations

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal
from fc_async_plugin.serverless_devs import folder


@click.group(hidden=True)
def command() -> None:
    """Use fc-async from Serverless Devs (s).

    \b
    Examples:
      export FC_ASYNC_PLUGIN=$(fc-async s-plugin path)
    """  # noqa: D301 -- click reads the \\b as "keep these lines"


@command.command("path")
@options.format_option
def path_command(output: Format) -> None:
    """Print the folder to name after plugin: or component: in s.yaml."""
    terminal.print_json_or_text(output, {"folder": str(folder())}, str(folder()))


@command.command("show")
@options.format_option
def show_command(output: Format) -> None:
    """Print the lines to put into s.yaml."""
    if output == "json":
        plugin = {"plugin": str(folder())}
        terminal.print_json({"actions": {"pre-deploy": [plugin]}})
        return
    click.echo(
        "# Before every deployment of a resource (beside component: and props:):\n"
        "actions:\n"
        "  pre-deploy:\n"
        f"    - plugin: {folder()}\n"
    )
