# SPDX-License-Identifier: MIT
"""How far a fan-out is: counts, failures, progress callback, progress bar."""

from __future__ import annotations

from typing import Any

from fc_async_sdk.fanout.plan import Outcome, Plan, Progress


class Tally:
    """Counts outcomes, keeps failures, tells the progress."""

    def __init__(self, plan: Plan) -> None:
        self.failures: list[Outcome] = []
        self.done = 0
        self.duplicates = 0
        self._plan = plan
        self._bar: Any = None

    def add(self, outcome: Outcome) -> Outcome:
        """Count an outcome and hand it on."""
        self.done += 1
        if outcome.error is not None:
            self.failures.append(outcome)
        elif outcome.accepted is not None and outcome.accepted.duplicate:
            self.duplicates += 1
        report = self._plan.progress
        if report is True:
            self._bar = self._bar or _Bar(self._plan)
            self._bar(self.progress)
        elif callable(report):
            report(self.progress)
        return outcome

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(done=self.done, failed=len(self.failures), total=self._plan.total)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


class _Bar:
    """A progress bar of rich on standard error."""

    def __init__(self, plan: Plan) -> None:
        from rich.console import Console  # noqa: PLC0415 -- an extra; the plan has checked it
        from rich.progress import Progress as RichProgress  # noqa: PLC0415 -- same

        self._progress = RichProgress(console=Console(stderr=True))
        self._progress.start()
        self._task = self._progress.add_task(f"invoking {plan.function}", total=plan.total)

    def __call__(self, progress: Progress) -> None:
        failed = f", {progress.failed} failed" if progress.failed else ""
        self._progress.update(self._task, completed=progress.done)
        if failed:
            self._progress.update(self._task, description=f"invoking{failed}")

    def close(self) -> None:
        self._progress.stop()
