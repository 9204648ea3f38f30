# SPDX-License-Identifier: MIT
"""``fc-async import``: writes the configuration of the account into the template."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import options

if TYPE_CHECKING:
    from fc_async_plugin.cli.options import Account


@click.command("import")
@options.resources_argument
@options.template_option
@options.env_option
@options.account_options
@click.option("--dry-run", is_flag=True, help="Show the change and write nothing.")
@options.yes_option
def command(
    resources: tuple[str, ...],
    template: str | None,
    environment: str | None,
    account: Account,
    dry_run: bool,
    yes: bool,
) -> None:
    """Write the configuration of the account into the template.

    Only values that differ are changed; comments, variables and formatting stay. Imports for the
    named RESOURCEs, or for all functions of the template.

    \b
    Examples:
      fc-async import
      fc-async import orders -y
      fc-async import --dry-run
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.cli import connection, terminal
    from fc_async_plugin.plan.importing import import_configs
    from fc_async_plugin.plan.wanted import wanted

    project = connection.load(template, account, environment)
    wants = wanted(project, only=resources)
    with connection.regions(account, project) as regions:
        remote = read(regions, wants)
    path = Path(project.file)
    text = path.read_bytes().decode("utf-8")
    imported = import_configs(project, text, remote, only=resources)
    for note in imported.notes:
        terminal.note(f"Note: {note}.")
    if imported.text == text:
        click.echo("Nothing to do: the template says what the account has.")
        return
    _show(str(path), text, imported.text)
    if dry_run:
        return
    terminal.confirm(f"Write {path}?", yes=yes)
    # newline="": the file keeps the line ends that it has.
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(imported.text)
    click.echo(f"Wrote {path}: {', '.join(imported.resources)}.")


def _show(name: str, before: str, after: str) -> None:
    from fc_async_plugin.cli import terminal

    difference = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, lineterm=""
    )
    terminal.print_marked(
        (line[0] if line[:1] in "+-" and not line.startswith(("+++", "---")) else "", line)
        for line in difference
    )
