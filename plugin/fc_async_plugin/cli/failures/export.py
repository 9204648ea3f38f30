# SPDX-License-Identifier: MIT
"""``fc-async failures export``: keeps failed invocations with their payloads in a file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, PARTLY, Format, terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Where


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1, callback=options.refuse_empty_names)
@click.option("--since", metavar="TIME", default="7d", help="Since when.")
@options.place_options
@options.format_option
def command(
    *, file: str, functions: tuple[str, ...], since: str, where: Where, output: Format
) -> int:
    """Add failed invocations to FILE, with payloads, errors and results, one line of JSON for each.

    Reads the failure queues and functions that get failures, dead events of a local runtime, and
    tasks. A failure that FILE has is not added again, and nothing is removed anywhere: run it every
    day. While it reads, messages are hidden from other readers. FILE is replaced as a whole, for
    you alone; fc-async events replay FILE sends its failures again, byte for byte.

    Exit code 3 means that something was not read to its end.

    \b
    Examples:
      fc-async failures export kept.jsonl
      fc-async failures export kept.jsonl orders --since 3h
      fc-async events replay kept.jsonl --dry-run
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.operate import export

    begins = functools.partial(options.beginning, "--since", since)
    exported = export.export(Path(file), functions, where, begins)
    if output == "json":
        terminal.print_json(
            {
                "file": file,
                "added": exported.added,
                "before": exported.before,
                "claims": exported.claims,
                "omitted": exported.omitted,
            }
        )
    else:
        added = plural(exported.added, "failure")
        terminal.print_text(f"Added {added} to {file}, which had {exported.before:,}.")
    if exported.claims:
        claims = plural(exported.claims, "payload")
        terminal.note(f"Note: of {claims} the content is in a store, and stays there alone.")
    for sentence in exported.omitted:
        terminal.note(f"Not read: {sentence}")
    return PARTLY if exported.unread else DONE
