# SPDX-License-Identifier: MIT
"""Prints the output of commands: text and tables, JSON, notes and errors; asks; handles Ctrl-C.

What ``print_…`` writes is the result of a command, and goes to stdout: ``print_json`` (one object),
``print_json_line`` (one of several), ``print_text``, ``print_json_or_text`` (as ``-o`` says),
``print_styled`` (parts with names of styles), ``print_changes`` (lines with ``+``, ``~`` or ``-``),
``print_table`` (cells) and ``print_table_lines`` (a table that is laid out). ``note`` and ``error``
write a message to stderr.

Invariants:

- stdout has the result only; notes and errors go to stderr. So does ``print_styled`` with ``err``:
  findings that stop a command are a message.
- Colours and lines are left out if the stream is not a terminal or NO_COLOR is set (by rich and
  click).
- Control characters are escaped here (:mod:`fc_async_plugin.report.safe_text`), also in a pipe,
  because a pager or a viewer of logs obeys escape sequences, too. ``--raw`` is the exception.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from fc_async_plugin.report.safe_text import safe, safe_json, visible
from fc_async_plugin.report.tables import Column, lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from fc_async_plugin.report import Format

_PIPE_WIDTH: Final = 10_000
"""Columns without a terminal: a program that reads the output must see whole values."""


def _stream(*, err: bool) -> TextIO:
    # Looked up at each call: a test replaces both.
    return sys.stderr if err else sys.stdout


def console(*, err: bool = False) -> Console:
    """Return a rich console on stdout or stderr; in a pipe it does not cut values."""
    from rich.console import Console  # noqa: PLC0415 -- most commands print without it

    stream = _stream(err=err)
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=not stream.isatty())


def print_json(value: Mapping[str, Any]) -> None:
    """Write the JSON object of a command to stdout, indented; see docs/reference/json-output.md.

    A command writes one such object at most. The list that ``run`` gave to click notes it.
    """
    context = click.get_current_context(silent=True)
    if context is not None and isinstance(context.obj, list):
        context.obj.append(True)
    click.echo(safe_json(json.dumps(value, ensure_ascii=False, indent=2)))


def print_json_or_text(output: Format, value: Mapping[str, Any], text: str) -> None:
    """Write what a command did to stdout: its JSON object, or one line of text."""
    if output == "json":
        print_json(value)
    else:
        print_text(text)


def print_json_line(value: Mapping[str, Any]) -> None:
    """Write one of several JSON objects as one line to stdout."""
    click.echo(safe_json(json.dumps(value, ensure_ascii=False)))


def print_text(
    text: str,
    *,
    colour: str | None = None,
    bold: bool = False,
    raw: bool = False,
) -> None:
    """Write text to stdout.

    Args:
        text: Any text; with ``raw`` it is written as it is.
        colour: Name of a colour for click.
        bold: Whether the text is bold.
        raw: Whether control characters stay, which a terminal obeys: a user asked for ``--raw``.
    """
    if raw:
        click.echo(text, color=True)  # without it, click removes escape sequences in a pipe
        return
    shown = safe(text)
    if colour or bold:
        shown = click.style(shown, fg=colour, bold=bold or None)
    click.echo(shown)


_STYLES: Final[dict[str, dict[str, Any]]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "note": {"fg": "cyan", "bold": True},
    "good": {"fg": "green"},
    "frame": {"fg": "blue"},
    "bold": {"bold": True},
}


def print_styled(lines: Iterable[Sequence[tuple[str, str]]], *, err: bool = False) -> None:
    """Write lines of parts, each a safe text with the name of a style or "".

    Args:
        lines: The lines. The texts are not escaped here: their widths are known already.
        err: Write to stderr.
    """
    stream = _stream(err=err)
    is_dumb = os.environ.get("TERM") == "dumb"
    links = stream.isatty() and colours() and not is_dumb
    for parts in lines:
        line = "".join(_styled(text, style, links=links) for text, style in parts)
        # Given a file, click writes UTF-8 to a stream that is ASCII; without one it would fail.
        click.echo(line, file=stream)


def _styled(text: str, style: str, *, links: bool) -> str:
    name, _, url = style.partition(" ")
    shown = click.style(text, **_STYLES[name]) if name else text
    if not url or not links:
        return shown
    # https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
    return f"\x1b]8;;{url}\x1b\\{shown}\x1b]8;;\x1b\\"


def width(*, err: bool = False) -> int | None:
    """Return the columns of the terminal on stdout (or stderr); None for a pipe: no limit."""
    stream = _stream(err=err)
    if not stream.isatty():
        return None
    return shutil.get_terminal_size().columns


def print_table(columns: Sequence[str | Column], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to stdout, as wide as the terminal; a missing value is a dash.

    Args:
        columns: Headings, or columns with more about them.
        rows: The values.
    """
    typed = [Column(column) if isinstance(column, str) else column for column in columns]
    print_table_lines(lay_out(typed, rows, width()))


def print_table_lines(lines: Sequence[str]) -> None:
    """Write the lines of a table to stdout; the first one has the headings."""
    for number, line in enumerate(lines):
        is_heading = number == 0
        print_text(line, bold=is_heading)


_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red"}


def print_changes(lines: Iterable[tuple[str, str]]) -> None:
    """Write lines to stdout in the colour of their mark: ``+``, ``~``, ``-`` or none."""
    for mark, line in lines:
        print_text(line, colour=_COLOURS.get(mark))


def colours() -> bool:
    """Return whether colours are wanted: NO_COLOR (https://no-color.org) is not set."""
    return not os.environ.get("NO_COLOR")


_CLEAR: Final = "\r\x1b[2K"
"""Returns to the begin of the line and clears it (ECMA-48, EL)."""


def note(message: str) -> None:
    """Write a note to stderr."""
    click.echo(safe(message), err=True)


@contextmanager
def progress() -> Iterator[Callable[[float, str], None]]:
    """Show in one line of a terminal on stderr how long a program runs, and what it printed last.

    Yields:
        Takes the seconds and the line; shows nothing in a pipe or a job of a CI.
    """
    columns = None if os.environ.get("CI") else width(err=True)
    shown = False

    def show(seconds: float, line: str) -> None:
        nonlocal shown
        if columns:
            text = f"  {seconds:.0f} s  {safe(visible(line))}"
            click.echo(f"{_CLEAR}{text[: columns - 1]}", nl=False, err=True)
            shown = True

    try:
        yield show
    finally:
        if shown:
            click.echo(_CLEAR, nl=False, err=True)


def error(message: object) -> None:
    """Write an error message to stderr."""
    head = click.style("Error:", fg="red", bold=True)
    text = safe(str(message))
    click.echo(f"{head} {text}", err=True)


def can_ask() -> bool:
    """Return whether a question would be seen and answered: by a user, not by a job of a CI."""
    # Some jobs of a CI have a terminal, but no user.
    if os.environ.get("CI"):
        return False
    return sys.stdin.isatty() and sys.stderr.isatty()


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


@contextmanager
def handling_signals(handler: Callable[[int, object], object]) -> Iterator[Mapping[int, Any]]:
    """Give SIGINT and SIGTERM a handler, if this is the main thread; yield those before."""
    former_handlers: dict[int, Any] = {}
    # Python lets only the main thread set handlers.
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            former_handlers[int(number)] = signal.signal(number, handler)
    try:
        yield former_handlers
    finally:
        for signal_number, former in former_handlers.items():
            signal.signal(signal_number, former)
