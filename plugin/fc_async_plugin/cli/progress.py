# SPDX-License-Identifier: MIT
"""Shows the progress of a deployment: a bar on a terminal, a line per step in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import progress as rich_progress

from fc_async_plugin.cli import terminal

if TYPE_CHECKING:
    from typing_extensions import Self

    from fc_async_plugin.apply.perform import Done
    from fc_async_plugin.plan.steps import Step


class Progress:
    """Shows the progress of a deployment on stderr.

    Args:
        total: Number of steps.
    """

    def __init__(self, total: int) -> None:
        console = terminal.console(err=True)
        self._seen = console.is_terminal
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not self._seen,
        )
        self._task = self._bar.add_task("deploying", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        self._bar.stop()

    def started(self, step: Step, index: int) -> None:
        """Do nothing: most steps end at once."""

    def prepared(self, step: Step, index: int, left: Done) -> None:
        """Do nothing."""

    def done(self, step: Step, index: int, left: Done) -> None:
        """Advance the bar."""
        del index, left
        self._advance(f"done: {step.title}")

    def failed(self, step: Step, index: int, error: Exception) -> None:
        """Do nothing: the report at the end names it."""

    def undoing(self, count: int) -> None:
        """Start the bar anew."""
        self._bar.update(self._task, description="undoing", total=count, completed=0)

    def undone(self, step: Step, index: int) -> None:
        """Advance the bar."""
        del index
        self._advance(f"undone: {step.title}")

    def stuck(self, step: Step, index: int, reason: str) -> None:
        """Do nothing: the report at the end names it."""
        del step, index, reason
        self._bar.advance(self._task)

    def _advance(self, line: str) -> None:
        self._bar.advance(self._task)
        if not self._seen:
            terminal.note(line)
