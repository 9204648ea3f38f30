# SPDX-License-Identifier: MIT
"""Carries out a plan on the command line: asks, shows progress, reports the result.

The service may carry out a request of an interrupted run after the account was read.

Invariants:

- Creations and deletions that are carried out late do not fail a resumed run.
- For all other requests the command waits until :data:`UNDER_WAY_SECONDS` have passed since the
  last entry of the interrupted run in the journal.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path
from time import sleep, time
from typing import TYPE_CHECKING, Any, Final

import click
from rich import progress as rich_progress

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.deploy.apply import executor, operations
from fc_async_plugin.deploy.apply.executor import FailedStep, Report, Watcher
from fc_async_plugin.deploy.apply.journal import Journal
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_plugin.deploy.plan import report as plan_report
from fc_async_plugin.report import DONE, FAILED, INTERRUPTED, terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.deploy.apply.perform import Done
    from fc_async_plugin.deploy.plan import Plan
    from fc_async_plugin.deploy.plan.model import Step
    from fc_async_plugin.report import Format
    from fc_async_plugin.s_yaml import Project


UNDER_WAY_SECONDS: Final = 5.0
"""Time after an interruption in which the service may still carry out a request. The service
documents no limit. A request in a queue of the service cannot be recalled."""


@dataclass
class Execution:
    """Carries out a plan. A context manager: it holds the lock of the deployment's target.

    Enter it before the account is read, so that another deployment cannot change the account
    between the plan and its execution.

    Attributes:
        file: The template. The journal is kept in the folder of the file that a link leads to, and
            in the working folder if there is no such folder: a plan may be applied elsewhere.
        account: The options; each account has its own journal.
        regions: The account.
        command: ``deploy`` or ``remove``. The same command resumes an interrupted run.
        yes: Answer all questions with yes.
        output: Format of the report.
        project: The template, if it was read.
    """

    file: Path
    account: Account
    regions: Regions
    _: KW_ONLY
    command: str
    yes: bool
    output: Format
    project: Project | None = None

    def __enter__(self) -> Self:
        """Take the lock, after any other deployment of this target.

        Raises:
            PluginError: The other deployment does not end, or the journal is damaged.
        """
        folder = self.file.resolve().parent
        self._target = connection.target_of(self.account, self.project)
        self._journal = Journal(
            folder if folder.is_dir() else Path.cwd(),
            self.file.name,
            self._target,
            waiting=terminal.note,
        )
        self._journal.__enter__()
        self._performer = Performer(
            self.regions,
            sleep=sleep,
            keep_code=partial(operations.keep_code, self._journal.code),
            channels=connection.channels(self.account, self.project),
        )
        return self

    def __exit__(self, *details: object) -> None:
        """Release the lock."""
        self._journal.__exit__(*details)

    def begin(self, *, resume: bool) -> None:
        """Check what an interrupted run left, before the account is read.

        Raises:
            PluginError: An earlier run was interrupted and ``resume`` is not set, or another
                command was interrupted.
        """
        journal = self._journal
        if not journal.standing:
            return
        # An interrupted removal is resumed by removing: deploy would create again what it deleted.
        if not resume or self.command != journal.command:
            raise PluginError(
                f"an earlier {journal.command} was interrupted; {len(journal.standing)} of its "
                f"steps stand: {_ways_out(journal.command)}"
            )
        self._wait_for_requests_under_way()

    def carry_out(
        self, make_plan: Callable[[], Plan], show: Callable[[Plan], object], *, question: str
    ) -> int:
        """Plan, carry out the plan, and report the result.

        The steps of an interrupted run (see :meth:`begin`) are undone, too, if this run fails.

        Args:
            make_plan: Reads the account and plans. Called again when a request of the interrupted
                run was carried out after the account had been read.
            show: Prints a plan.
            question: Asked before the first change, with the target at its end. It is not asked if
                the plan is empty.

        Returns:
            The exit code.
        """
        done: tuple[Step, ...] = ()
        while True:  # every further plan has one step fewer in doubt
            plan = make_plan()
            # After the checks: a plan in front of them said that nothing is to do, and a cycle
            # error followed.
            if plan.obstacles or self.output == "text":
                show(plan)
            if plan.obstacles:
                return FAILED
            report = self._execute(plan, question)
            total = len(done) + len(plan.steps)
            if report.outcome not in {"undone", "stuck"}:
                done += report.done
                report = report._replace(done=done)
            if report.outcome != "outdated":
                return self._tell(report, total)
            terminal.note(
                f"The service carried out a request of the interrupted {self.command} after the "
                "account was read: planning again."
            )

    def _execute(self, plan: Plan, question: str) -> Report:
        journal = self._journal
        # A resumed run without steps is done: what stood of it stands, and its journal goes.
        if not plan.changes:
            self._end(Report("done"))
            return Report("done")
        terminal.confirm(f"{question} {self._target}?", yes=self.yes)
        first = journal.begin(self.command, plan.steps)
        with interruptible() as stop, Progress(len(plan.steps)) as progress:
            report = executor.apply(
                plan,
                self._performer,
                [journal.recorder, progress],
                stop=stop.is_set,
                before=journal.standing,
                first=first,
            )
        self._end(report)
        return report

    def _end(self, report: Report) -> None:
        if report.outcome == "done":
            # The resumed run published again what its aliases needed. The version of the killed run
            # is left, and no alias leads to it.
            for failure in executor.drop_unused_versions(self._journal.standing, self._performer):
                terminal.note(f"A version without an alias may be left. {failure}")
        self._journal.end(list(report.standing))

    def _wait_for_requests_under_way(self) -> None:
        if not any(work.in_doubt for work in self._journal.standing):
            return
        # A killed process cannot recall what it sent, and the service may carry it out after the
        # account was read. A clock that was set back must not make this wait longer.
        passed = max(0.0, time() - self._journal.last_written)
        if passed < UNDER_WAY_SECONDS:
            terminal.note(
                f"Waiting {UNDER_WAY_SECONDS - passed:.0f} s: a request of the interrupted "
                f"{self._journal.command} may still be under way."
            )
            sleep(UNDER_WAY_SECONDS - passed)

    def take_back(self) -> int:
        """Undo what an interrupted deployment did, and report the result."""
        journal = self._journal
        count = len(journal.standing)
        if not count:
            raise PluginError(
                f"there is no interrupted deployment of {self.file.name} to {self._target} to undo"
            )
        terminal.confirm(f"Undo {count} steps at {self._target}?", yes=self.yes)
        self._wait_for_requests_under_way()
        with Progress(count) as progress:
            report = executor.undo(journal.standing, self._performer, [journal.recorder, progress])
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
    """Turn the first Ctrl-C (or SIGTERM) into an event, so that running steps can end.

    The second one has its usual effect.
    """
    stop = threading.Event()

    def interrupted(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, usual[number])
        terminal.note("\nStopping after the steps that are running; once more cuts them off.")

    with terminal.handling_signals(interrupted) as usual:
        yield stop


def _ways_out(command: str) -> str:
    return f"fc-async {command} --resume goes on, fc-async deploy --undo takes them back"


def tell(report: Report, total: int, command: str) -> None:
    """Print the result."""
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
    def failed(failure: FailedStep) -> dict[str, Any]:
        return {**plan_report.step_data(failure.step), "reason": failure.reason}

    return {
        "outcome": report.outcome,
        "done": [*map(plan_report.step_data, report.done)],
        "failures": [*map(failed, report.failures)],
        "undone": [*map(plan_report.step_data, report.undone)],
        "stuck": [*map(failed, report.stuck)],
    }


class Progress(Watcher):
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

    def done(self, step: Step, _index: int, _effect: Done) -> None:
        """Advance the bar."""
        self._advance(f"done: {step.title}")

    def undoing(self, count: int) -> None:
        """Start the bar anew."""
        self._bar.update(self._task, description="undoing", total=count, completed=0)

    def undone(self, step: Step, _index: int) -> None:
        """Advance the bar."""
        self._advance(f"undone: {step.title}")

    def stuck(self, _step: Step, _index: int, _reason: str) -> None:
        """Advance the bar without a line: the report at the end names the step."""
        self._bar.advance(self._task)

    def _advance(self, line: str) -> None:
        self._bar.advance(self._task)
        if not self._seen:
            terminal.note(line)
