# SPDX-License-Identifier: MIT
"""The tasks of a group: their ids, what is known of each, and when the group has ended.

Tasks of the group ``batch-7`` have the ids ``batch-7-0``, ``batch-7-1`` and so on. The n-th replay
of ``batch-7-1`` is ``batch-7_r2-1`` for n = 2: one list has all tasks that were sent first, another
one all replays. Everything here is data and time in, data out; no I/O.

Invariants:

- Each task of the group is reported once, by its last replay.
- A task that the service does not list is reported as lost, after the time that a new task may
  need to appear.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from fc_async_sdk.errors import FcAsyncError, InvalidParameter, TaskLost
from fc_async_sdk.fanout.progress import Progress
from fc_async_sdk.handles.outcomes import error_of
from fc_async_sdk.models import AsyncTask
from fc_async_sdk.spec import limits

_REPLAYS: Final = re.compile(r"_r[0-9]*\Z")


class Ended(msgspec.Struct, frozen=True):
    """A task of a group that has ended.

    Attributes:
        task_id: Its id, that of the last replay.
        index: Index of its payload, or None if the id does not end with one.
        task: What the service lists, or None if it was not accepted or is lost.
        error: Why it has no result, or None.
    """

    task_id: str
    index: int | None
    task: AsyncTask | None
    error: FcAsyncError | None


class Names:
    """The ids of a group.

    Args:
        prefix: What the ids begin with, before ``-`` or ``_r``.

    Raises:
        InvalidParameter: No task id can begin so.
    """

    def __init__(self, prefix: str) -> None:
        if not limits.TASK_ID_PATTERN.fullmatch(f"{prefix}-0"):
            raise InvalidParameter(
                "task_ids",
                prefix,
                "must be a prefix of task ids: a letter or _, then letters, digits, _ and -",
            )
        if _REPLAYS.search(prefix):
            raise InvalidParameter(
                "task_ids", prefix, "must not end with _r and a number: replays of a group do"
            )
        self.prefix = prefix
        self.first = f"{prefix}-"
        self.replays = f"{prefix}_r"
        self._replay = re.compile(rf"{re.escape(self.replays)}([1-9][0-9]*)-(.+)")

    def rest(self, task_id: str) -> tuple[str, int] | None:
        """Return what follows the prefix, and the number of the replay; None for another id."""
        replay = self._replay.fullmatch(task_id)
        if replay is not None:
            return replay[2], int(replay[1])
        return (task_id[len(self.first) :], 0) if task_id.startswith(self.first) else None

    def make(self, rest: str, replay: int) -> str:
        """Return the id of a task or of one of its replays."""
        return f"{self.replays}{replay}-{rest}" if replay else self.first + rest

    def index(self, task_id: str) -> int | None:
        """Return the index of the payload that an id ends with, or None."""
        rest = (self.rest(task_id) or ("", 0))[0]
        return int(rest) if rest.isdecimal() else None


class Members:
    """The tasks of a group and what is known of them.

    Args:
        function: Name of the function.
        names: Their ids.
        size: How many there are, or None if only the service knows.

    Attributes:
        complete: Whether the number of members is known.
        replayed: Whether there may be replays of members.
    """

    def __init__(self, function: str, names: Names, size: int | None) -> None:
        self.function = function
        self.names = names
        self.size = size
        self.complete = size is not None
        self.replayed = True
        self.ended: dict[str, Ended] = {}
        self._failed = 0
        # What follows the prefix of each member, with the number of its last replay.
        self._last_replay = {str(number): 0 for number in range(size or 0)}

    def is_last(self, task_id: str) -> bool:
        """Whether it is a member, by its last replay."""
        parts = self.names.rest(task_id)
        if parts is None:
            return False
        rest, replay = parts
        return self._last_replay.get(rest, None if self.size is not None else replay) == replay

    def awaited(self, task_id: str) -> bool:
        """Whether it is a member, by its last replay, and is not known to have ended."""
        return task_id not in self.ended and self.is_last(task_id)

    def next_id(self, task_id: str) -> str:
        """Return the id that the next replay of a member gets."""
        rest, replay = self.names.rest(task_id) or (task_id, 0)
        return self.names.make(rest, max(replay, self._last_replay.get(rest, 0)) + 1)

    def waiting(self) -> set[str]:
        """Return the ids of the members that are not known to have ended."""
        make = self.names.make
        ids = {make(rest, replay) for rest, replay in self._last_replay.items()}
        return ids - self.ended.keys()

    def note(self, task_id: str) -> None:
        """Note that a task exists: a member, or a replay of one."""
        parts = self.names.rest(task_id)
        if parts is None:
            return
        rest, replay = parts
        if self.size is not None and rest not in self._last_replay:
            return
        before = self._last_replay.setdefault(rest, replay)
        self.replayed = self.replayed or replay > 0
        if replay > before:
            self._last_replay[rest] = replay
            self._forget(self.names.make(rest, before))

    def send_again(self, task_id: str) -> None:
        """Note that a member that was not accepted, or a replay, is accepted now."""
        self.note(task_id)
        self._forget(task_id)

    def refuse(self, task_id: str, error: FcAsyncError) -> None:
        """Note that a task was not accepted."""
        self.note(task_id)
        self._end(task_id, None, error)

    def end(self, task: AsyncTask) -> Ended | None:
        """Note that a task has ended; None if its end is not waited for."""
        if not self.awaited(task.task_id):
            return None
        return self._end(task.task_id, task, error_of(self.function, task))

    def lose(self, task_id: str) -> Ended:
        """Note that the service does not list a task."""
        error = TaskLost("is not listed", function=self.function, task_id=task_id)
        return self._end(task_id, None, error)

    @property
    def progress(self) -> Progress:
        """The counts; the total is known when all tasks were listed."""
        total = len(self._last_replay) if self.complete else None
        return Progress(done=len(self.ended), failed=self._failed, total=total)

    def _end(self, task_id: str, task: AsyncTask | None, error: FcAsyncError | None) -> Ended:
        self._forget(task_id)
        ended = Ended(task_id, self.names.index(task_id), task, error)
        self.ended[task_id] = ended
        self._failed += error is not None
        return ended

    def _forget(self, task_id: str) -> None:
        before = self.ended.pop(task_id, None)
        self._failed -= before is not None and before.error is not None
