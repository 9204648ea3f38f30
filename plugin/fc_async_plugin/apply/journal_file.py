# SPDX-License-Identifier: MIT
"""The file of a deployment's journal: encrypted lines, each of one event.

Values of environment variables may be in it. The key is per user and outside all projects, in the
user's state folder (``$XDG_STATE_HOME``, https://specifications.freedesktop.org/basedir-spec/latest/;
``%LOCALAPPDATA%`` on Windows), so that neither git nor an archive of a project holds both the
journal and its key.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import filelock
import msgspec
from cryptography.fernet import Fernet, InvalidToken

from fc_async_plugin import PluginError
from fc_async_plugin.apply.perform import Done
from fc_async_plugin.plan.model import Step
from fc_async_sdk import _project_folder
from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator


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


class JournalFile:
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
        return Fernet(key())

    def write(self, line: Begun | Event) -> None:
        """Add a line.

        Raises:
            PluginError: The key cannot be kept.
        """
        token = self._cipher.encrypt(msgspec.json.encode(line)) + b"\n"
        with self._writing:
            if self._descriptor < 0:
                self._path.parent.mkdir(mode=0o700, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
                self._descriptor = os.open(self._path, flags, 0o600)
                # A line that was cut off goes: the next one would be glued to it.
                os.ftruncate(self._descriptor, self._length)
            os.write(self._descriptor, token)
            # By this machine's clock, with which it is compared: a network disk has another one.
            os.utime(self._path, times=(now := time.time(), now))

    def read(self) -> Iterator[Begun | Event]:
        """Iterate over the lines that are there, once and before the first one is written.

        Raises:
            PluginError: The file is damaged, or the key cannot be read.
        """
        lines: list[bytes] = []
        if self._path.exists():
            self.last_written = self._path.stat().st_mtime
            lines = self._path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            try:
                plain = self._cipher.decrypt(line.rstrip())
                entry = msgspec.json.decode(plain, type=Begun | Event)
            except (InvalidToken, msgspec.DecodeError):
                if number == len(lines):
                    return  # cut off while it was written; its step is noted as started
                raise PluginError(
                    f"line {number} of {self._path} is damaged, or was written with another key "
                    f"than {key_path()}: look at the account, then delete the file"
                ) from None
            self._length += len(line)
            yield entry

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


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
        # Another process made it while this one waited for the lock.
        if path.exists():
            return
        with _project_folder.replacing(path) as file:
            file.write_bytes(Fernet.generate_key())
