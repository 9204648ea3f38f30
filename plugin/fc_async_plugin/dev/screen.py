# SPDX-License-Identifier: MIT
"""Prints what happens, for a person or for a program.

Invariants:
    Text from outside is printed with its control characters escaped.
    In a terminal no line is wider than it: texts are wrapped below their own column. In a pipe no
    text is broken.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from rich.text import Text

from fc_async_plugin.dev.feed import as_json
from fc_async_plugin.dev.lines import Line, failed, lines_of
from fc_async_plugin.report import moments
from fc_async_plugin.report.safe_text import safe, safe_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from fc_async_sdk.admin.models import Step

_STYLES: Final = {
    "good": "green",
    "bad": "red",
    "wait": "yellow",
    "note": "yellow",
    "output": "",
    "frame": "dim",
    "own": "bold",
}
_COLOURS: Final = ("cyan", "magenta", "blue", "bright_green", "bright_yellow", "bright_magenta")
_BELOW: Final = {"output": "│ ", "bad": "  ", "note": "  ", "frame": "    "}
_LONGEST_NAME: Final = 20
_LEAST_TEXT: Final = 24
"""Columns for the text at least; a terminal that is too narrow for that gets longer lines."""


class Screen(Protocol):
    """Output of the loop: a terminal, a pipe or JSON lines."""

    def functions(self, names: Sequence[str], folder_of: Callable[[str], str | None]) -> None:
        """Set the functions that are shown, and where their code is."""

    def step(self, step: Step) -> None:
        """Print a step of an invocation."""

    def say(self, kind: str, text: str, /, *, style: str = "own", **facts: object) -> None:
        """Print something about the loop itself.

        Args:
            kind: What happened, in one word, for programs.
            text: The same for people; "" prints nothing for them. Lines after the first stand
                below it.
            style: As of :class:`~fc_async_plugin.dev.lines.Line`.
            facts: The details, for programs.
        """


class TextScreen:
    """Lines for people.

    Args:
        console: The terminal, or a pipe.
        quiet: Print failures, and messages that need attention.
        now: Returns the time of lines about the loop, in milliseconds.
    """

    def __init__(
        self,
        console: Console,
        *,
        quiet: bool = False,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._now = now
        self._width = 0
        self._colours: dict[str, str] = {}
        self._folder_of: Callable[[str], str | None] = lambda _: None

    def functions(self, names: Sequence[str], folder_of: Callable[[str], str | None]) -> None:
        """Set the functions that are shown, and where their code is."""
        for name in names:
            self._colour(name)
        lengths = [len(name) for name in names]
        longest = max(lengths, default=0)
        self._width = min(longest, _LONGEST_NAME)
        self._folder_of = folder_of

    def step(self, step: Step) -> None:
        """Print a step of an invocation."""
        if self._quiet and not failed(step):
            return
        for line in lines_of(step, self._folder_of, follows=not self._quiet):
            self._print(line)

    def say(self, kind: str, text: str, /, *, style: str = "own", **facts: object) -> None:
        """Print something about the loop itself."""
        del kind, facts
        if not text or (self._quiet and style == "wait"):
            return
        first, *below = text.split("\n")
        self._print(Line(first, style, self._now()))
        style_below = style if style in {"bad", "note"} else "output"
        for line in below:
            self._print(Line(line, style_below))

    def _print(self, line: Line) -> None:
        head = self._head(line)
        # Lines below a step may have tabs and ends of lines; a step is one line whatever it has.
        has_own_time = line.at is not None
        text = safe(line.text, line=has_own_time)
        body = Text(text, style=_STYLES[line.style or "output"])
        columns = self._console.width - head.cell_len
        # In a pipe no text is broken: another program may search for it.
        if self._console.is_terminal and columns >= _LEAST_TEXT:
            parts = body.wrap(self._console, columns, overflow="fold")
        else:
            parts = body.split("\n")
        mark = "  "
        if line.style == "output":
            mark = _BELOW["output"]
        indent = " " * (head.cell_len - len(mark))
        start = head
        for part in parts:
            part.rstrip()
            self._console.print(Text.assemble(start, part), soft_wrap=True)
            start = Text(f"{indent}{mark}", style="dim")

    def _head(self, line: Line) -> Text:
        if line.at is None:
            below = _BELOW.get(line.style, "  ")
            indent = " " * len("00:00:00.000  ")
            return Text(f"{indent}{below}", style="dim")
        time_of_day = Text(f"{moments.clock_time(line.at)}  ", style="dim")
        if not line.function:
            return time_of_day
        name = line.function
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME - 1]}…"
        # A name comes from a template or a caller: escapes in it could rewrite the terminal.
        name = safe(name, line=True)
        step_name = safe(line.name, line=True)
        mark = ""
        if line.style == "output":
            mark = _BELOW["output"]
        return Text.assemble(
            time_of_day,
            (f"{name:<{self._width}}  ", self._colour(line.function)),
            (f"{step_name}  ", "dim"),
            (mark, "dim"),
        )

    def _colour(self, function: str) -> str:
        """Return the colour of a function, which it keeps as long as the loop runs."""
        following = _COLOURS[len(self._colours) % len(_COLOURS)]
        return self._colours.setdefault(function, following)


class JsonScreen:
    """One JSON object a line, for programs.

    Args:
        write: Writes one line.
        quiet: Print failures, and messages that need attention.
    """

    def __init__(self, write: Callable[[str], object], *, quiet: bool = False) -> None:
        self._write = write
        self._quiet = quiet

    def functions(self, names: Sequence[str], folder_of: Callable[[str], str | None]) -> None:
        """Do nothing: a program gets names and ids as they are."""

    def step(self, step: Step) -> None:
        """Print a step of an invocation."""
        if not self._quiet or failed(step):
            self._write(safe_json(as_json(step)))

    def say(self, kind: str, text: str, /, *, style: str = "own", **facts: Any) -> None:
        """Print something about the loop itself."""
        if self._quiet and style == "wait":
            return
        document = {"type": kind, "message": text, **facts}
        self._write(safe_json(json.dumps(document, ensure_ascii=False)))
