# SPDX-License-Identifier: MIT
"""The journal of one deployment on disk, from which an interrupted deployment is resumed or undone.

It has one line per event, written before and after each step. It is deleted when all steps are
done, or all undone. The journal of an interrupted run has the steps that stand, with all that
undoing them needs.

Invariants:

- Each deployment target (a template and an account or endpoint) has its own lock, journal and kept
  code.
- The lock file is deleted only by its holder. A lock on a deleted file does not count as held:
  filelock opens the file again (it checks the number of links after locking).
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import filelock

from fc_async_plugin import PluginError
from fc_async_plugin.apply.executor import Watcher, Work
from fc_async_plugin.apply.journal_file import Begun, Event, JournalFile
from fc_async_plugin.apply.perform import UNCERTAIN, Done
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from fc_async_plugin.plan.model import Step

CODE: Final = "code"
WAIT_SECONDS: Final = 600
"""Longest wait for another deployment of the same target, which may take several minutes."""
_LONGEST_SLUG: Final = 60


class Recorder(Watcher):
    """The watcher that writes a journal."""

    def __init__(self, file: JournalFile) -> None:
        self._file = file

    def started(self, _step: Step, index: int) -> None:
        """Note the step before its request is sent: after a crash it may have been done."""
        self._file.write(Event(step=index, what="started"))

    def prepared(self, _step: Step, index: int, left: Done) -> None:
        """Note what undoing needs before the request is sent, from the step's own thread."""
        self._file.write(Event(step=index, what="prepared", left=left))

    def done(self, _step: Step, index: int, left: Done) -> None:
        """Note that the step is done."""
        self._file.write(Event(step=index, what="done", left=left))

    def failed(self, _step: Step, index: int, error: Exception) -> None:
        """Note that the step failed."""
        unknown = isinstance(error, UNCERTAIN)
        self._file.write(Event(step=index, what="unknown" if unknown else "failed"))

    def undone(self, _step: Step, index: int) -> None:
        """Note that the step was undone."""
        self._file.write(Event(step=index, what="undone"))


class _TargetLock:
    """Held by one deployment of a target at a time."""

    def __init__(
        self, path: Path, about: str, wait_seconds: float, waiting: Callable[[str], None]
    ) -> None:
        self._about = about
        self._wait_seconds = wait_seconds
        self._waiting = waiting
        self._lock = filelock.FileLock(path, mode=0o600)

    def take(self) -> None:
        with contextlib.suppress(filelock.Timeout):
            self._lock.acquire(timeout=0)
            return
        self._waiting(f"Another deployment of {self._about} is running: waiting until it ends.")
        try:
            self._lock.acquire(timeout=self._wait_seconds, poll_interval=0.1)
        except filelock.Timeout:
            raise PluginError(
                f"another deployment of {self._about} is running (it holds "
                f"{self._lock.lock_file}): try again when it has ended"
            ) from None

    def give_back(self, *, delete: bool) -> None:
        if delete:
            with contextlib.suppress(OSError):  # Windows deletes no file that is open
                Path(self._lock.lock_file).unlink()
        self._lock.release()


class Journal:
    """The journal of one deployment target, held from enter to exit.

    Args:
        project: The project's folder.
        template: Name of the template's file: deployments of two templates are independent.
        target: The account or endpoint, in words.
        wait_seconds: How long to wait for another deployment of this target.
        waiting: Called once, with a message, when it has to wait.

    Attributes:
        code: Folder for replaced code, deleted with the journal.
        recorder: Writes what happens in a run.
        standing: Steps of earlier runs that were not undone, in the order in which they were done.
        command: The command of the earlier runs, "" if there are none.
    """

    def __init__(
        self,
        project: Path,
        template: str,
        target: str,
        *,
        wait_seconds: float = WAIT_SECONDS,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = project / _project_folder.DEPLOY / _folder_name(template, target)
        self.code = self._folder / CODE
        self.standing: list[Work] = []
        self.command = ""
        lock_path = self._folder.with_name(f"{self._folder.name}.lock")
        self._lock = _TargetLock(lock_path, f"{template} to {target}", wait_seconds, waiting)
        self._file = JournalFile(self._folder / _project_folder.JOURNAL)
        self.recorder = Recorder(self._file)
        self._next = 0
        self._running = False

    @property
    def last_written(self) -> float:
        """Time of the last entry of earlier runs, in seconds since the epoch; 0 without entries.

        They sent no request after it.
        """
        return self._file.last_written

    def __enter__(self) -> Self:
        """Take the lock and read what earlier runs left.

        Raises:
            PluginError: Another deployment of this target does not end, or the file is damaged.
        """
        _project_folder.make_private(self._folder.parent)
        self._lock.take()
        try:
            self._read()
        except BaseException:
            self._lock.give_back(delete=False)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal, and delete it unless a step stands or a run was cut off."""
        self._file.close()
        ended = not self.standing and not self._running
        try:
            if ended:
                shutil.rmtree(self._folder, ignore_errors=True)
        finally:
            self._lock.give_back(delete=ended)

    def begin(self, command: str, steps: tuple[Step, ...]) -> int:
        """Start a run; its steps are added to those that stand.

        Returns:
            The number of its first step.
        """
        self._running = True
        first = self._next
        self._next += len(steps)
        self._file.write(Begun(command=command, first=first, steps=steps))
        return first

    def end(self, standing: list[Work]) -> None:
        """End a run, and keep what stands."""
        self._running = False
        self.standing = standing

    def _read(self) -> None:
        steps: dict[int, Step] = {}
        standing: dict[int, Work] = {}
        for entry in self._file.read():
            if isinstance(entry, Begun):
                self.command = entry.command
                steps.update(enumerate(entry.steps, entry.first))
                self._next = entry.first + len(entry.steps)
            elif entry.what in {"failed", "undone"}:
                standing.pop(entry.step, None)
            elif entry.step in steps:
                earlier = standing.pop(entry.step, None)  # to the end: it is done only now
                left = entry.left if entry.left != Done() or earlier is None else earlier.left
                standing[entry.step] = Work(
                    entry.step, steps[entry.step], left, in_doubt=entry.what != "done"
                )
        self.standing = list(standing.values())


def _folder_name(template: str, target: str) -> str:
    """Return a folder name for one target: readable, and different for different targets."""
    both = f"{template}\0{target}"
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{template}-{target.partition('://')[2] or target}")
    digest = hashlib.sha256(both.encode()).hexdigest()[:12]
    return f"{slug[:_LONGEST_SLUG].strip('.-')}-{digest}"
