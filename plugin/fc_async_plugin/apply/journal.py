# SPDX-License-Identifier: MIT
"""The journal of one deployment on disk, from which an interrupted deployment is resumed or undone.

It has one line per event, written before and after each step. It is deleted when all steps are
done, or all undone. The journal of an interrupted run has the steps that stand, with all that
undoing them needs.

Invariants:

- Each deployment target (a template and an account or endpoint) has its own lock, journal and kept
  code.
- A journal is encrypted, because values of environment variables may be in it. The key is per user
  and outside all projects, in the user's state folder (``$XDG_STATE_HOME``,
  https://specifications.freedesktop.org/basedir-spec/latest/; ``%LOCALAPPDATA%`` on Windows), so
  that neither git nor an archive of a project holds both the journal and its key.
- The lock file is deleted only by its holder. A lock on a deleted file does not count as held:
  filelock opens the file again (it checks the number of links after locking).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import filelock
import msgspec
from cryptography.fernet import Fernet, InvalidToken

from fc_async_plugin import PluginError
from fc_async_plugin.apply.executor import Work
from fc_async_plugin.apply.perform import UNCERTAIN, Done
from fc_async_plugin.plan.steps import Step
from fc_async_sdk import _project_folder
from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

CODE: Final = "code"
WAIT_SECONDS: Final = 600
"""Longest wait for another deployment of the same target, which may take several minutes."""
_LONGEST_SLUG: Final = 60


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """The start of a run.

    Attributes:
        command: ``deploy`` or ``remove``.
        first: Number of its first step: events number steps through all runs.
        steps: Its steps.
    """

    command: str
    first: int
    steps: tuple[Step, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag="event", omit_defaults=True):
    """An event of a step.

    Attributes:
        step: Its number.
        what: ``started``: its request may go out. ``prepared``: what undoing needs was looked up,
            before the request. ``done``. ``failed``: certainly not done. ``unknown``: it failed
            and may have been done. ``undone``.
        left: What undoing it needs.
    """

    step: int
    what: Literal["started", "prepared", "done", "failed", "unknown", "undone"]
    left: Done = Done()


prepare(Begun, Event)


class Journal:
    """The journal of one deployment target. Also the watcher that writes it.

    Args:
        project: The project's folder.
        template: Name of the template's file: deployments of two templates are independent.
        target: The account or endpoint, in words.
        wait_seconds: How long to wait for another deployment of this target.
        waiting: Called once, with a message, when it has to wait.

    Attributes:
        standing: Steps of earlier runs that were not undone, in the order in which they were done.
        command: The command of the earlier runs, "" if there are none.
        last_written: Time of the last entry of the earlier runs, in seconds since the epoch; 0 if
            there are none. They sent no request after it.
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
        self.folder = project / _project_folder.DEPLOY / _folder_name(template, target)
        self.path = self.folder / _project_folder.JOURNAL
        self.code = self.folder / CODE
        self.standing: list[Work] = []
        self.command = ""
        self.last_written = 0.0
        self._about = f"{template} to {target}"
        self._wait_seconds = wait_seconds
        self._waiting = waiting
        self._lock_path = self.folder.with_name(f"{self.folder.name}.lock")
        self._lock = filelock.FileLock(self._lock_path, mode=0o600)
        self._cipher: Fernet | None = None
        self._descriptor = -1
        self._writing = threading.Lock()
        self._length = 0
        self._next = 0
        self._running = False

    def __enter__(self) -> Self:
        """Take the lock and read what earlier runs left.

        Raises:
            PluginError: Another deployment of this target does not end, or the file is damaged.
        """
        _project_folder.make_private(self.folder.parent)
        self._take_lock()
        try:
            self._read()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal, and delete it unless a step stands or a run was cut off."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        try:
            if not self.standing and not self._running:
                shutil.rmtree(self.folder, ignore_errors=True)
                with contextlib.suppress(OSError):  # Windows deletes no file that is open
                    self._lock_path.unlink()
        finally:
            self._lock.release()

    def begin(self, command: str, steps: tuple[Step, ...]) -> int:
        """Start a run; its steps are added to those that stand.

        Returns:
            The number of its first step.
        """
        self._running = True
        first = self._next
        self._next += len(steps)
        self._write(Begun(command=command, first=first, steps=steps))
        return first

    def end(self, standing: list[Work]) -> None:
        """End a run, and keep what stands."""
        self._running = False
        self.standing = standing

    # --- as a watcher

    def started(self, step: Step, index: int) -> None:
        """Note the step before its request is sent: after a crash it may have been done."""
        del step
        self._write(Event(step=index, what="started"))

    def prepared(self, step: Step, index: int, left: Done) -> None:
        """Note what undoing needs before the request is sent, from the step's own thread."""
        del step
        self._write(Event(step=index, what="prepared", left=left))

    def done(self, step: Step, index: int, left: Done) -> None:
        """Note that the step is done."""
        del step
        self._write(Event(step=index, what="done", left=left))

    def failed(self, step: Step, index: int, error: Exception) -> None:
        """Note that the step failed."""
        del step
        unknown = isinstance(error, UNCERTAIN)
        self._write(Event(step=index, what="unknown" if unknown else "failed"))

    def undoing(self, count: int) -> None:
        """Do nothing."""

    def undone(self, step: Step, index: int) -> None:
        """Note that the step was undone."""
        del step
        self._write(Event(step=index, what="undone"))

    def stuck(self, step: Step, index: int, reason: str) -> None:
        """Do nothing: the step stands."""

    # --- the lock

    def _take_lock(self) -> None:
        with contextlib.suppress(filelock.Timeout):
            self._lock.acquire(timeout=0)
            return
        self._waiting(f"Another deployment of {self._about} is running: waiting until it ends.")
        try:
            self._lock.acquire(timeout=self._wait_seconds, poll_interval=0.1)
        except filelock.Timeout:
            raise PluginError(
                f"another deployment of {self._about} is running (it holds "
                f"{self._lock_path}): try again when it has ended"
            ) from None

    # --- the file

    def _write(self, line: Begun | Event) -> None:
        if self._cipher is None:
            self._cipher = Fernet(key())
        token = self._cipher.encrypt(msgspec.json.encode(line)) + b"\n"
        with self._writing:
            if self._descriptor < 0:
                self.folder.mkdir(mode=0o700, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptor = os.open(self.path, flags, 0o600)
                os.ftruncate(self._descriptor, self._length)  # without a line that was cut off
            os.write(self._descriptor, token)

    def _read(self) -> None:
        steps: dict[int, Step] = {}
        standing: dict[int, Work] = {}
        for entry in self._entries():
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

    def _entries(self) -> Iterator[Begun | Event]:
        lines: list[bytes] = []
        if self.path.exists():
            self.last_written = self.path.stat().st_mtime
            lines = self.path.read_bytes().splitlines(keepends=True)
        cipher = Fernet(key()) if lines else None
        for number, line in enumerate(lines, 1):
            try:
                assert cipher is not None
                plain = cipher.decrypt(line.rstrip())
                entry = msgspec.json.decode(plain, type=Begun | Event)
            except (InvalidToken, msgspec.DecodeError):
                if number == len(lines):
                    return  # cut off while it was written; its step is noted as started
                raise PluginError(
                    f"line {number} of {self.path} is damaged, or was written with another key "
                    f"than {key_path()}: look at the account, then delete the file"
                ) from None
            self._length += len(line)
            yield entry


def _folder_name(template: str, target: str) -> str:
    """Return a folder name for one target: readable, and different for different targets."""
    both = f"{template}\0{target}"
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{template}-{target.partition('://')[2] or target}")
    digest = hashlib.sha256(both.encode()).hexdigest()[:12]
    return f"{slug[:_LONGEST_SLUG].strip('.-')}-{digest}"


def key_path() -> Path:
    """Return the path of the key, whether it exists or not."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME", "") or str(Path.home() / ".local" / "state")
    return Path(base) / "fc-async" / "journal.key"


def key() -> bytes:
    """Return the key, which is made when it is first needed.

    Raises:
        PluginError: It cannot be read or written.
    """
    path = key_path()
    try:
        if not path.exists():
            _make(path)
        return path.read_bytes()
    except OSError as error:
        raise PluginError(
            f"the key of deployment journals cannot be kept in {path}: {error.strerror}. "
            "Set XDG_STATE_HOME to a folder that can be written"
        ) from error


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with filelock.FileLock(path.with_suffix(".lock"), mode=0o600):
        if path.exists():
            return
        with _project_folder.replacing(path) as file:
            file.write_bytes(Fernet.generate_key())
