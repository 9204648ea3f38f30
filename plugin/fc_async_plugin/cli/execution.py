# SPDX-License-Identifier: MIT
"""Carries out a plan on the command line: ask, show progress, report how it ended."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from fc_async_plugin import apply
from fc_async_plugin.apply import Report
from fc_async_plugin.apply.journal import Journal
from fc_async_plugin.apply.kept_code import CodeKeeper
from fc_async_plugin.apply.perform import Performer
from fc_async_plugin.cli import terminal
from fc_async_plugin.cli.group import DONE, FAILED, INTERRUPTED
from fc_async_plugin.cli.progress import Progress
from fc_async_plugin.errors import PluginError
from fc_async_plugin.plan import report as plan_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

    from fc_async_plugin.account import Regions
    from fc_async_plugin.cli.options import Format
    from fc_async_plugin.plan import Plan


@dataclass(kw_only=True)
class Execution:
    """Carries out a plan. A context manager: it holds the lock of the deployment's target.

    Enter it before the account is read, so that another deployment cannot change the account
    between the plan and its execution.

    Attributes:
        regions: The account.
        folder: The project's folder; the journal is kept there.
        template: Name of the template's file.
        target: Which account, in words: each has a journal of its own.
        command: ``deploy`` or ``remove``: an interrupted one is resumed by the same.
        yes: The answer to all questions is yes.
        output: How to report.
    """

    regions: Regions
    folder: Path
    template: str
    target: str
    command: str
    yes: bool
    output: Format

    def __enter__(self) -> Self:
        """Take the lock, after any other deployment of this target.

        Raises:
            PluginError: The other one does not end, or the journal is damaged.
        """
        self._journal = Journal(self.folder, self.template, self.target, waiting=terminal.note)
        self._journal.__enter__()
        self._performer = Performer(
            self.regions, sleep=time.sleep, keep_code=CodeKeeper(self._journal.code)
        )
        return self

    def __exit__(self, *details: object) -> None:
        """Release the lock."""
        self._journal.__exit__(*details)

    def begin(self, *, resume: bool) -> None:
        """Look at what an interrupted run left, before the account is read.

        Raises:
            PluginError: An earlier run was interrupted and ``resume`` is not set, or another
                command was interrupted.
        """
        journal = self._journal
        if not journal.standing:
            return
        if not resume or self.command != journal.command:
            raise PluginError(
                f"an earlier {journal.command} was interrupted; {len(journal.standing)} of its "
                f"steps stand: {_ways_out(journal.command)}"
            )
        standing = apply.drop_unused_versions(journal.standing, self._performer, [journal])
        journal.end(standing)

    def carry_out(self, plan: Plan, *, question: str) -> int:
        """Carry out a plan and report how it ended.

        What an interrupted run did before (see :meth:`begin`) is undone too if this one fails.

        Args:
            plan: Without obstacles, shown already. Nothing is asked or done if it is empty.
            question: Asked before anything changes.

        Returns:
            The exit code.
        """
        journal = self._journal
        if not plan.changes:
            journal.end([])
            return self._tell(Report("done"), 0)
        terminal.confirm(question, yes=self.yes)
        first = journal.begin(self.command, plan.steps)
        with interruptible() as stop, Progress(len(plan.steps)) as progress:
            report = apply.apply(
                plan,
                self._performer,
                [journal, progress],
                stop=stop.is_set,
                before=journal.standing,
                first=first,
            )
        journal.end(list(report.standing))
        return self._tell(report, len(plan.steps))

    def take_back(self) -> int:
        """Undo what an interrupted deployment did, and report how it ended."""
        journal = self._journal
        count = len(journal.standing)
        if not count:
            raise PluginError(
                f"there is no interrupted deployment of {self.template} to {self.target} to undo"
            )
        terminal.confirm(f"Undo {count} steps?", yes=self.yes)
        with Progress(count) as progress:
            report = apply.undo(journal.standing, self._performer, [journal, progress])
        journal.end(list(report.standing))
        if report.outcome == "undone" and self.output == "text":
            click.echo(f"Undone: {count} of {count} steps.")
            return DONE
        code = self._tell(report, count)
        return DONE if report.outcome == "undone" else code

    def _tell(self, report: Report, total: int) -> int:
        if self.output == "json":
            terminal.print_json(_as_data(report))
        elif total or report.outcome != "done":
            tell(report, total, self.command)
        return {"done": DONE, "interrupted": INTERRUPTED}.get(report.outcome, FAILED)


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C (or SIGTERM) into an event, so that what runs can end.

    The second one takes its usual course.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    usual = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def interrupted(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, usual[signal.Signals(number)])
        terminal.note("\nStopping after the steps that are running; once more cuts them off.")

    for one in usual:
        signal.signal(one, interrupted)
    try:
        yield stop
    finally:
        for one, handler in usual.items():
            signal.signal(one, handler)


def _ways_out(command: str) -> str:
    return f"fc-async {command} --resume goes on, fc-async deploy --undo takes them back"


def tell(report: Report, total: int, command: str) -> None:
    """Print how it ended."""
    if report.outcome == "done":
        click.echo(f"Done: {total} of {total} steps.")
        return
    if report.outcome == "interrupted":
        terminal.note(
            f"Interrupted: {len(report.done)} of {total} steps are done and stand: "
            f"{_ways_out(command)}."
        )
        return
    for failure in report.failures:
        terminal.error(failure)
    if report.outcome == "undone":
        terminal.note(f"Nothing was changed: {len(report.undone)} steps were undone.")
        return
    terminal.note(
        f"{len(report.undone)} steps were undone. These could not be; they stand. "
        "fc-async deploy --undo tries again:"
    )
    for failure in report.stuck:
        terminal.note(f"  {failure}")


def _as_data(report: Report) -> dict[str, Any]:
    return {
        "outcome": report.outcome,
        "done": [plan_report.step_data(step) for step in report.done],
        "failures": [
            {**plan_report.step_data(one.step), "reason": one.reason} for one in report.failures
        ],
        "undone": [plan_report.step_data(step) for step in report.undone],
        "stuck": [
            {**plan_report.step_data(one.step), "reason": one.reason} for one in report.stuck
        ],
    }
