# SPDX-License-Identifier: MIT
"""``fc-async doctor``: checks this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options
from fc_async_plugin.cli.group import DONE, FAILED

if TYPE_CHECKING:
    from fc_async_plugin.cli.options import Account, Format


@click.command()
@options.account_options
@options.format_option
def command(account: Account, output: Format) -> int:
    """Check this machine, and print what is missing and how to fix it.

    Prints nothing if nothing is missing. The account is checked only with --endpoint or --region.
    Exits 1 if there are errors.

    \b
    Examples:
      fc-async doctor
      fc-async doctor --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.cli import connection, terminal
    from fc_async_plugin.report import doctor
    from fc_async_plugin.report.safe_text import safe

    asked = account.endpoint or account.region
    machine = doctor.Machine(
        Path.cwd(),
        Path.home(),
        os.environ,
        (lambda: connection.client(account, account.region or "")) if asked else None,
    )
    complaints = doctor.examine(machine)
    if output == "json":
        terminal.print_json([one._asdict() for one in complaints])
    else:
        for one in complaints:
            colour = "red" if one.level == "error" else "yellow"
            click.echo(f"{click.style(one.level, fg=colour, bold=True)}: {safe(one.what)}")
            terminal.tell(f"  fix: {one.fix}")
    return FAILED if any(one.level == "error" for one in complaints) else DONE
