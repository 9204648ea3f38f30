# SPDX-License-Identifier: MIT
"""Prints the output of commands: text and tables, JSON, notes and errors.

Invariants:

- stdout has the result only; notes and errors go to stderr.
- Colours and lines are left out if the stream is not a terminal or NO_COLOR is set (by rich and
  click).
- Control characters are escaped here (:mod:`fc_async_plugin.report.safe_text`), also in a pipe,
  because a pager or a viewer of logs obeys escape sequences, too. ``--raw`` is the exception.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.report.safe_text import safe, safe_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

_PIPE_WIDTH: Final = 10_000
"""Columns without a terminal: a program that reads the output must see whole values."""


def console(*, err: bool = False) -> Console:
    """Return a rich console on stdout or stderr; in a pipe it does not cut values."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, indented."""
    click.echo(safe_json(json.dumps(value, ensure_ascii=False, indent=2)))


def print_json_line(value: Any) -> None:
    """Write one JSON document as one line to stdout."""
    click.echo(safe_json(json.dumps(value, ensure_ascii=False)))


def tell(text: str, *, fg: str | None = None, bold: bool = False) -> None:
    """Write text to stdout."""
    shown = safe(text)
    click.echo(click.style(shown, fg=fg, bold=bold) if fg or bold else shown)


def print_text(text: str, *, raw: bool) -> None:
    """Write text from outside to stdout, with control characters escaped unless ``raw``."""
    if raw:
        click.echo(text, color=True)  # without it, click removes escape sequences in a pipe
    else:
        tell(text)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Write names and values in two columns to stdout, without fields that have no value."""
    for name, value in fields:
        if value not in (None, ""):
            first, *others = safe(str(value)).split("\n")
            click.echo(f"{name:<12} {first}")
            for other in others:
                click.echo(f"{'':<12} {other}")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to stdout; a missing value is a dash."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console().print(table)


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else safe(str(value), line=True)


_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red"}


def print_marked(lines: Iterable[tuple[str, str]]) -> None:
    """Write lines to stdout in the colour of their mark: ``+``, ``~``, ``-`` or none."""
    for mark, line in lines:
        tell(line, fg=_COLOURS.get(mark))


def note(message: str) -> None:
    """Write a note to stderr."""
    click.echo(safe(message), err=True)


def error(message: object) -> None:
    """Write an error message to stderr."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {safe(str(message))}", err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change.

    Args:
        question: The question, with its question mark.
        yes: Whether the answer was given on the command line.

    Raises:
        click.ClickException: The answer was no, or stdin is not a terminal.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException("cannot prompt: stdin is not a terminal (use -y)")
    if not click.confirm(safe(question), err=True):
        raise click.ClickException("nothing was changed")
