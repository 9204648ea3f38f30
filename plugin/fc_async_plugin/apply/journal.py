# SPDX-License-Identifier: MIT
"""What a deployment did so far, on disk while it runs, so that an end in the middle is no riddle.

One line per event, written before and after each step. When all is done, or all undone, the file
goes. What is left of an interrupted run says which steps stand, with everything that taking them
back needs. Only its owner can read it: settings of functions may be in it.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from fc_async_plugin.apply.executor import Work
from fc_async_plugin.apply.perform import UNCERTAIN, Done
from fc_async_plugin.errors import PluginError
from fc_async_plugin.plan.steps import Code, Step
from fc_async_sdk.decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

FOLDER: Final = ".fc-async"
FILE: Final = "deployment.jsonl"


class Begun(msgspec.Struct, frozen=True, kw_only=True, tag="begun"):
    """A run begins.

    Attributes:
        command: What runs: ``deploy`` or ``remove``.
        target: Which account: its endpoint, or the service's own and the account's id.
        first: Number of its first step: events number steps through all runs.
        steps: Its steps.
    """

    command: str
    target: str
    first: int
    steps: tuple[Step, ...]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag="event", omit_defaults=True):
    """Something happened to a step.

    Attributes:
        step: Its number.
        what: ``started``; ``done``; ``failed``: for sure not done; ``unknown``: it failed and may
            have been done; ``undone``.
        made: Id of the version that it published.
        kept: Where the code that it replaced was kept.
    """

    step: int
    what: Literal["started", "done", "failed", "unknown", "undone"]
    made: str = ""
    kept: Code | None = None


prepare(Begun, Event)


class Journal:
    """The journal of one project's deployments. Also the watcher that writes it.

    Args:
        folder: The project's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FOLDER / FILE
        self.standing: list[Work] = []
        """What earlier runs did and nobody took back, in the order in which it was done."""
        self.target = ""
        """The account of the earlier runs, "" if there are none."""
        self.command = ""
        """What the earlier runs were, "" if there are none."""
        self._descriptor = -1
        self._next = 0
        self._running = False

    def __enter__(self) -> Self:
        """Open it and read what earlier runs left.

        Raises:
            PluginError: Another deployment of this project is running, or the file is damaged.
        """
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read()
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise PluginError(
                f"another deployment of this project is running (it holds {self.path})"
            ) from error
        except PluginError:
            os.close(self._descriptor)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close it. It goes, unless something stands or a run was cut off."""
        if not self.standing and not self._running:
            self.path.unlink(missing_ok=True)
            if not any(self.path.parent.iterdir()):
                self.path.parent.rmdir()
        os.close(self._descriptor)

    def begin(self, command: str, target: str, steps: tuple[Step, ...]) -> int:
        """A run begins; what it does is added to what stands.

        Returns:
            The number of its first step.
        """
        self._running = True
        first = self._next
        self._next += len(steps)
        self._write(Begun(command=command, target=target, first=first, steps=steps))
        return first

    def end(self, standing: list[Work]) -> None:
        """A run ended and this is what stands."""
        self._running = False
        self.standing = standing

    # --- as a watcher

    def started(self, step: Step, index: int) -> None:
        """Before the request goes out: after a crash it may have been done."""
        del step
        self._write(Event(step=index, what="started"))

    def done(self, step: Step, index: int, left: Done) -> None:
        """It is done."""
        del step
        self._write(Event(step=index, what="done", made=left.made, kept=left.kept))

    def failed(self, step: Step, index: int, error: Exception) -> None:
        """It failed."""
        del step
        unknown = isinstance(error, UNCERTAIN)
        self._write(Event(step=index, what="unknown" if unknown else "failed"))

    def undoing(self, count: int) -> None:
        """Nothing to keep."""

    def undone(self, step: Step, index: int) -> None:
        """It was taken back."""
        del step
        self._write(Event(step=index, what="undone"))

    def stuck(self, step: Step, index: int, reason: str) -> None:
        """It stands: nothing to keep."""

    # --- the file

    def _write(self, line: Begun | Event) -> None:
        os.write(self._descriptor, msgspec.json.encode(line) + b"\n")

    def _read(self) -> None:
        steps: dict[int, Step] = {}
        standing: dict[int, Work] = {}
        for entry in self._entries():
            if isinstance(entry, Begun):
                self.target, self.command = entry.target, entry.command
                steps.update(enumerate(entry.steps, entry.first))
                self._next = entry.first + len(entry.steps)
            elif entry.what in ("failed", "undone"):
                standing.pop(entry.step, None)
            elif entry.step in steps:
                standing.pop(entry.step, None)  # to the end: it is done only now
                left = Done(entry.made, entry.kept)
                standing[entry.step] = Work(entry.step, steps[entry.step], left)
        self.standing = list(standing.values())

    def _entries(self) -> Iterator[Begun | Event]:
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            lines = file.read().splitlines()
        for number, line in enumerate(lines, 1):
            try:
                yield msgspec.json.decode(line, type=Begun | Event)
            except msgspec.DecodeError as error:  # noqa: PERF203 -- lines are few
                if number == len(lines):
                    return  # cut off while it was written; what it was about is known as started
                raise PluginError(
                    f"{self.path}:{number} is damaged: {error}. Look at the account, then delete it"
                ) from error
