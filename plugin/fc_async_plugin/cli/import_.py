# SPDX-License-Identifier: MIT
"""``fc-async import``: writes the configuration of the account into the template."""

from __future__ import annotations

import difflib
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.account.connection import Where


@click.command("import")
@options.resources_argument
@options.place_options
@options.flag("--dry-run", help="Show the change and write nothing.")
@options.yes_option
@options.format_option
def command(
    resources: tuple[str, ...],
    where: Where,
    dry_run: bool,
    yes: bool,
    output: Format,
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
    from fc_async_plugin.account import connection
    from fc_async_plugin.account.remote import read
    from fc_async_plugin.deploy.plan.importing import import_configs
    from fc_async_plugin.project.wanted import wanted

    project = connection.load_resources(where)
    wants = wanted(project, only=resources)
    with connection.regions(where.account, project) as regions:
        remote = read(regions, wants)
    path = Path(project.file)
    text = path.read_bytes().decode("utf-8")
    imported = import_configs(project, text, remote, only=resources)
    changed = imported.text != text
    if output == "text":
        for note in imported.notes:
            terminal.note(f"Note: {note}.")
        if changed:
            terminal.print_changes(_difference(str(path), text, imported.text))
        else:
            holder = connection.holder_of(where.account)
            click.echo(f"Nothing to do: the template says what {holder} has.")
    written = changed and not dry_run
    if written:
        terminal.confirm(f"Write {path}?", yes=yes)
        # A link is followed, so that it stays a link.
        file = path.resolve()
        mode = stat.S_IMODE(path.stat().st_mode)
        with _project_folder.replacing(file, mode) as new:
            new.write_bytes(imported.text.encode())  # as bytes: the line ends stay
    if output == "json":
        document = {
            "file": str(path),
            "resources": list(imported.resources),
            "notes": list(imported.notes),
            "difference": [line for _, line in _difference(str(path), text, imported.text)],
            "written": written,
        }
        terminal.print_json(document)
    elif written:
        click.echo(f"Wrote {path}: {', '.join(imported.resources)}.")


def _difference(name: str, before: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of the difference with their marks."""
    difference = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, name, lineterm=""
    )
    for line in difference:
        marked = line[:1] in "+-" and not line.startswith(("+++", "---"))
        yield (line[0] if marked else ""), line
