# SPDX-License-Identifier: MIT
"""How commands print: tables for people, JSON for programs, notes beside it.

stdout carries the result and nothing else, stderr everything else. Colours and lines are left out
when the stream is not a terminal or NO_COLOR is set (rich and click see to that).

Invariants:
    Text is made safe here (:mod:`fc_async_plugin.report.safe_text`), also in a pipe: a pager or the
    viewer of a log obeys escape sequences, too. Only what ``--raw`` asks for goes out as it is.
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
"""Columns to assume where there is no terminal: a program that reads must see whole values."""


def console(*, err: bool = False) -> Console:
    """A rich console on stdout or stderr that never cuts a value in a pipe."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, pretty for a terminal and for people who diff it."""
    click.echo(safe_json(json.dumps(value, ensure_ascii=False, indent=2)))


def print_json_line(value: Any) -> None:
    """Write one JSON document as one line to stdout."""
    click.echo(safe_json(json.dumps(value, ensure_ascii=False)))


def tell(text: str, *, fg: str | None = None, bold: bool = False) -> None:
    """Write text to stdout."""
    shown = safe(text)
    click.echo(click.style(shown, fg=fg, bold=bold) if fg or bold else shown)


def print_text(text: str, *, raw: bool) -> None:
    """Write text from outside to stdout: safe for a terminal, or exactly as it is."""
    if raw:
        click.echo(text, color=True)  # without it, click removes escape sequences in a pipe
    else:
        tell(text)


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Write names and values in two columns to stdout; what has no value is left out."""
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
    """Tell people something on stderr."""
    click.echo(safe(message), err=True)


def error(message: object) -> None:
    """Tell people on stderr what went wrong."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {safe(str(message))}", err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something changes.

    Args:
        question: Ends in a question mark.
        yes: The answer was given on the command line.

    Raises:
        click.ClickException: Nobody can be asked, or the answer was no. Never a silent 0.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.ClickException("cannot prompt: stdin is not a terminal (use -y)")
    if not click.confirm(safe(question), err=True):
        raise click.ClickException("nothing was changed")
