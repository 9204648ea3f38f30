# SPDX-License-Identifier: MIT
"""Progress of a long run: counts, a callback for them, or a bar on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from fc_async_sdk._installation import needed_for
from fc_async_sdk.errors import InvalidParameter


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a run so far.

    Attributes:
        done: Payloads with an outcome; in a group: tasks that have ended.
        failed: Those among them that were not accepted or did not succeed.
        total: All of them, or None while their number is not known.
    """

    done: int
    failed: int
    total: int | None


Report = Callable[[Progress], None] | bool | None
"""A callback, True for a bar, or nothing."""


def check(report: Report) -> None:
    """Check how progress is reported, before anything is sent.

    Raises:
        InvalidParameter: It is neither a callback nor True.
        ConfigurationError: A bar is asked for and ``rich`` is not installed.
    """
    if not isinstance(report, bool | None) and not callable(report):
        raise InvalidParameter("progress", report, "must be a function, or True for a bar")
    if report is True:
        with needed_for("a progress bar", "cli", ", or give a callable"):
            import rich.progress  # noqa: F401, PLC0415 -- an extra, needed for a bar only


class Reporter:
    """Reports progress in the way that was asked for.

    Args:
        report: A callback, True for a bar, or nothing.
        title: What the bar says.
    """

    def __init__(self, report: Report, title: str) -> None:
        self._report = report
        self._title = title
        self._bar: _Bar | None = None

    def begin(self, progress: Progress) -> None:
        """Draw the bar, if one was asked for, before there is news."""
        if self._report is True:
            self(progress)

    def __call__(self, progress: Progress) -> None:
        """Report the counts."""
        if self._report is True:
            self._bar = self._bar or _Bar(self._title)
            self._bar(progress)
        elif callable(self._report):
            self._report(progress)

    def close(self) -> None:
        """Leave the bar as it is and stop drawing."""
        if self._bar is not None:
            self._bar.close()


class _Bar:
    """A progress bar of rich with the counts and the rate, which do not need a total."""

    def __init__(self, title: str) -> None:
        from rich import progress  # noqa: PLC0415 -- an extra; check() has looked for it
        from rich.console import Console  # noqa: PLC0415 -- same

        self._title = title
        self._began = time.monotonic()
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(bar_width=20),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
        )
        self._progress = progress.Progress(*columns, console=Console(stderr=True))
        self._progress.start()
        self._task: Any = self._progress.add_task(title, total=None, rate="")

    def __call__(self, progress: Progress) -> None:
        elapsed = time.monotonic() - self._began
        failed = f", {progress.failed:,} failed" if progress.failed else ""
        self._progress.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            description=self._title + failed,
            rate=f"{progress.done / elapsed:,.0f}/s" if elapsed > 0 else "",
        )

    def close(self) -> None:
        self._progress.stop()
