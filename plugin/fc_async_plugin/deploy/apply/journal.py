# SPDX-License-Identifier: MIT
"""The journal of one deployment on disk, from which an interrupted deployment is resumed or undone.

It has one line per event, written before and after each step. It is deleted when all steps are
done, or all undone. The journal of an interrupted run has the steps that stand, with all that
undoing them needs.

Its lines are encrypted, because values of environment variables may be in them, with the key of the
user (:mod:`fc_async_sdk._user_key`).

Invariants:

- Each deployment target (a template and an account or endpoint) has its own lock, journal and kept
  code.
- The lock file is deleted only by its holder. A lock on a deleted file does not count as held:
  filelock opens the file again (it checks the number of links after locking).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import filelock
import msgspec
from cryptography.fernet import Fernet, InvalidToken

from fc_async_plugin import PluginError
from fc_async_plugin.deploy.apply.executor import Watcher, Work
from fc_async_plugin.deploy.apply.perform import UNCERTAIN, Done
from fc_async_plugin.deploy.plan.model import Step
from fc_async_sdk import _project_folder, _user_key
from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self


class _Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """The start of a run.

    Attributes:
        command: ``deploy`` or ``remove``.
        first: Number of its first step: events number steps through all runs.
        steps: Its steps.
    """

    command: str
    first: int
    steps: tuple[Step, ...]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag="event", omit_defaults=True):
    """An event of a step.

    Attributes:
        step: Its number.
        kind: ``started``: its request may go out. ``prepared``: what undoing needs was looked up,
            before the request. ``done``. ``failed``: certainly not done. ``unknown``: it failed
            and may have been done. ``undone``.
        effect: What undoing it needs.
    """

    # The names in the file stay: an interrupted run of an earlier release has to be resumed.
    step: int
    kind: Literal["started", "prepared", "done", "failed", "unknown", "undone"] = msgspec.field(
        name="what"
    )
    effect: Done = msgspec.field(default=Done(), name="left")


prepare(_Begun, _Event)


class _File:
    """The lines of a journal. Several threads may write them.

    Args:
        path: Where it is; its folder is made with the first line.

    Attributes:
        last_written: When the last line that was read was written, in seconds since the epoch; 0
            if there is none.
    """

    def __init__(self, path: Path) -> None:
        self.last_written = 0.0
        self._path = path
        self._descriptor = -1
        self._length = 0  # of what was read, without a line that was cut off
        self._writing = threading.Lock()

    @functools.cached_property
    def _cipher(self) -> Fernet:
        return Fernet(_user_key.key())

    def write(self, line: _Begun | _Event) -> None:
        """Add a line.

        Raises:
            ConfigurationError: The key cannot be kept.
        """
        token = self._cipher.encrypt(msgspec.json.encode(line)) + b"\n"
        with self._writing:
            if self._descriptor < 0:
                self._path.parent.mkdir(mode=0o700, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptor = _project_folder.open_private(self._path, flags)
                # A line that was cut off goes: the next one would be glued to it.
                os.ftruncate(self._descriptor, self._length)
            os.write(self._descriptor, token)
            # By this machine's clock, with which it is compared: a network disk has another one.
            now = time.time()
            os.utime(self._path, times=(now, now))

    def read(self) -> Iterator[_Begun | _Event]:
        """Iterate over the lines that are there, once and before the first one is written.

        Raises:
            PluginError: The file is damaged.
            ConfigurationError: The key cannot be read.
        """
        lines: list[bytes] = []
        if self._path.exists():
            self.last_written = self._path.stat().st_mtime
            lines = _project_folder.read_private(self._path).splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            try:
                plain = self._cipher.decrypt(line.rstrip())
                entry = msgspec.json.decode(plain, type=_Begun | _Event)
            except (InvalidToken, msgspec.DecodeError):
                if number == len(lines):
                    return  # cut off while it was written; its step is noted as started
                raise PluginError(
                    f"line {number} of {self._path} is damaged, or was written with another key "
                    f"than {_user_key.key_path()}: look at the account, then delete the file"
                ) from None
            self._length += len(line)
            yield entry

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


WAIT_SECONDS: Final = 600
"""Longest wait for another deployment of the same target, which may take several minutes."""
_LONGEST_SLUG: Final = 60


class _Recorder(Watcher):
    """The watcher that writes a journal."""

    def __init__(self, file: _File) -> None:
        self._file = file

    def started(self, _step: Step, index: int) -> None:
        """Note the step before its request is sent: after a crash it may have been done."""
        self._file.write(_Event(step=index, kind="started"))

    def prepared(self, _step: Step, index: int, effect: Done) -> None:
        """Note what undoing needs before the request is sent, from the step's own thread."""
        self._file.write(_Event(step=index, kind="prepared", effect=effect))

    def done(self, _step: Step, index: int, effect: Done) -> None:
        """Note that the step is done."""
        self._file.write(_Event(step=index, kind="done", effect=effect))

    def failed(self, _step: Step, index: int, error: Exception) -> None:
        """Note that the step failed."""
        # A request without an answer may have been carried out: undoing has to include its step.
        unknown = isinstance(error, UNCERTAIN)
        self._file.write(_Event(step=index, kind="unknown" if unknown else "failed"))

    def undone(self, _step: Step, index: int) -> None:
        """Note that the step was undone."""
        self._file.write(_Event(step=index, kind="undone"))


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
        # Tried without a wait first, so that only a deployment that has to wait says so.
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
        self.code = self._folder / "code"
        self.standing: list[Work] = []
        self.command = ""
        lock_path = self._folder.with_name(f"{self._folder.name}.lock")
        self._lock = _TargetLock(lock_path, f"{template} to {target}", wait_seconds, waiting)
        self._file = _File(self._folder / _project_folder.JOURNAL)
        self.recorder = _Recorder(self._file)
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
            # Python calls no exit for an enter that failed, by Ctrl-C while it reads either.
            self._lock.give_back(delete=False)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal, and delete it unless a step stands or a run was cut off."""
        self._file.close()
        # The journal is the only record of what an interrupted run changed.
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
        # Stays true after a crash, so that :meth:`__exit__` does not delete what undoing needs.
        self._running = True
        first = self._next
        self._next += len(steps)
        self._file.write(_Begun(command=command, first=first, steps=steps))
        return first

    def end(self, standing: list[Work]) -> None:
        """End a run, and keep what stands."""
        self._running = False
        self.standing = standing

    def _read(self) -> None:
        steps: dict[int, Step] = {}
        standing: dict[int, Work] = {}
        for entry in self._file.read():
            if isinstance(entry, _Begun):
                self.command = entry.command
                steps.update(enumerate(entry.steps, entry.first))
                self._next = entry.first + len(entry.steps)
            elif entry.kind in {"failed", "undone"}:
                standing.pop(entry.step, None)
            elif entry.step in steps:
                earlier = standing.pop(entry.step, None)  # to the end: it is done only now
                effect = entry.effect
                # "unknown" has no effect of its own: the last one that "prepared" noted holds.
                if effect == Done() and earlier is not None:
                    effect = earlier.effect
                in_doubt = entry.kind != "done"
                standing[entry.step] = Work(entry.step, steps[entry.step], effect, in_doubt)
        self.standing = list(standing.values())


def _folder_name(template: str, target: str) -> str:
    """Return a folder name for one target: readable, and different for different targets."""
    host = target.partition("://")[2] or target
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", f"{template}-{host}")
    # The slug alone is not enough: "a-b" to "c" and "a" to "b-c" have the same.
    digest = hashlib.sha256(f"{template}\0{target}".encode()).hexdigest()[:12]
    return f"{slug[:_LONGEST_SLUG].strip('.-')}-{digest}"
