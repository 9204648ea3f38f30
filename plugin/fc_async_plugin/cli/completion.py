# SPDX-License-Identifier: MIT
"""``fc-async completion``: prints what makes a shell complete commands, options and names."""

from __future__ import annotations

import os
from pathlib import PurePath

import click
from click.shell_completion import get_completion_class

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal

_VARIABLE = "_FC_ASYNC_COMPLETE"


@click.command()
@click.argument("shell", required=False, type=options.Choice(["bash", "zsh", "fish"]))
@options.format_option
@click.pass_context
def command(context: click.Context, shell: str | None, output: Format) -> None:
    """Print the completion of commands, options and names for SHELL (bash, zsh or fish).

    Without SHELL it is that of the variable SHELL. Put the first example into ~/.bashrc or
    ~/.zshrc.

    \b
    Examples:
      eval "$(fc-async completion bash)"
      fc-async completion fish > fc-async.fish
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    name = shell or PurePath(os.environ.get("SHELL", "")).name
    completion = get_completion_class(name)
    if completion is None:
        raise click.UsageError(
            f"the variable SHELL names {name or 'no shell'}: name bash, zsh or fish"
        )
    script = completion(context.find_root().command, {}, "fc-async", _VARIABLE).source()
    if output == "json":
        terminal.print_json({"shell": name, "script": script})
    else:
        click.echo(script)
