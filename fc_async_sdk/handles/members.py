# SPDX-License-Identifier: MIT
"""The tasks of a group: their ids, what is known of each, how each and when the group has ended.

Tasks of the group ``batch-7`` have the ids ``batch-7-0``, ``batch-7-1`` and so on. The n-th replay
of ``batch-7-1`` is ``batch-7_r2-1`` for n = 2: one list has all tasks that were sent first, another
one all replays. Everything here is data and time in, data out; no I/O.

Invariants:

- An id that begins like those of the group and ends otherwise, such as ``batch-7-retry-0``, is not
  of the group. If the size is known, an index beyond it is not either.
- Each task of the group is reported once, by its last replay.
- A task that the service does not list is reported as lost, after the time that a new task may
  need to appear.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from fc_async_sdk._pacing import hop
from fc_async_sdk.errors import (
    FcAsyncError,
    InvalidParameter,
    ResultNotKept,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskInvalid,
    TaskLost,
    TaskStopped,
)
from fc_async_sdk.fanout.plan import check_prefix
from fc_async_sdk.fanout.progress import Progress
from fc_async_sdk.models import AsyncTask

if TYPE_CHECKING:
    from collections.abc import Mapping

_GAP: Final = 64
"""Missing ids in a row that are usual: requests on the wire, and payloads that were refused."""
_LARGEST: Final = 10_000_000
"""Members of which a process can remember what became of each: they take one gigabyte."""
_SHOWN: Final = 3
"""Ids that a message names."""
_ERRORS: Final[Mapping[str, tuple[type[TaskError], str]]] = {
    "Failed": (TaskFailed, "failed"),
    "Stopped": (TaskStopped, "was stopped"),
    "Expired": (TaskExpired, "expired before it was executed"),
    "Invalid": (TaskInvalid, "was not executed"),
}


class Ended(msgspec.Struct, frozen=True):
    """A task of a group that has ended.

    Attributes:
        task_id: Its id, that of the last replay.
        index: Index of its payload.
        task: What the service lists, or None if it was not accepted or is lost.
        error: Why it has no result, or None.
    """

    task_id: str
    index: int
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
        check_prefix("prefix", prefix)
        self.first = f"{prefix}-"
        self.replays = f"{prefix}_r"
        self.prefix = prefix
        # Numbers have no zeros in front: f-07 is the task of another, not a second name of f-7.
        self._id = re.compile(
            rf"{re.escape(prefix)}(?:_r(?P<replay>[1-9][0-9]*))?-(?P<index>0|[1-9][0-9]*)"
        )

    def parts(self, task_id: str) -> tuple[int, int] | None:
        """Return the index and the number of the replay; None for an id of no such group."""
        match = self._id.fullmatch(task_id)
        if match is None:
            return None
        return int(match["index"]), int(match["replay"] or 0)

    def make(self, index: int, replay: int) -> str:
        """Return the id of a task or of one of its replays."""
        return f"{self.replays}{replay}-{index}" if replay else f"{self.first}{index}"


class Members:
    """The tasks of a group and what is known of them.

    Args:
        function: Name of the function.
        prefix: What their ids begin with.
        size: How many there are, or None if only the service knows.

    Attributes:
        complete: Whether the number of members is known.
        replayed: Whether there may be replays of members.
        alike: Some ids that were listed, begin like those of the members, and are others'.

    Raises:
        InvalidParameter: The prefix or the size is wrong.
    """

    def __init__(self, function: str, prefix: str, size: int | None) -> None:
        if size is not None and (type(size) is not int or not 0 <= size <= _LARGEST):
            raise InvalidParameter("size", size, f"must be a whole number from 0 to {_LARGEST:,}")
        self.function = function
        self.names = Names(prefix)
        self.size = size
        self.complete = size is not None
        self.replayed = True
        self.ended: dict[str, Ended] = {}
        self.alike: list[str] = []
        self._failed = 0
        self.elsewhere: dict[str, str] = {}  # members by the ids of messages that follow them
        self._last_replay = dict.fromkeys(range(size or 0), 0)  # by index
        self._firsts: set[int] = set()  # indexes of the members that were listed themselves

    def all_listed(self) -> None:
        """Note that all members were listed, so that their number is known."""
        self.complete = True

    def fresh(self) -> None:
        """Note that no task of these ids existed before, so that there are no replays."""
        self.replayed = False

    def own(self, task_ids: set[str]) -> set[str]:
        """Return those of the ids that are of a member or of a replay of one."""
        return {task_id for task_id in task_ids if self._parts(task_id) is not None}

    def is_last(self, task_id: str) -> bool:
        """Return whether the id is that of a member, by its last replay."""
        parts = self._parts(task_id)
        if parts is None:
            return False
        index, replay = parts
        return self._last_replay.get(index, replay) == replay

    def awaited(self, task_id: str) -> bool:
        """Tell whether an id, or its latest replay, is of the group and may not have ended."""
        has_ended = task_id in self.ended
        is_followed = task_id in self.elsewhere.values()
        return not has_ended and not is_followed and self.is_last(task_id)

    def next_id(self, task_id: str) -> str:
        """Return the id that the next replay of a member gets; "" for the id of another task."""
        parts = self.names.parts(task_id)
        if parts is None:
            return ""
        index, replay = parts
        last = max(replay, self._last_replay.get(index, 0))
        return self.names.make(index, last + 1)

    def waiting(self) -> set[str]:
        """Return the ids of the members that are not known to have ended."""
        make = self.names.make
        ids = {make(index, replay) for index, replay in self._last_replay.items()}
        return ids - self.ended.keys()

    def note(self, task_id: str) -> None:
        """Note that a task exists: a member, or a replay of one."""
        parts = self._parts(task_id)
        if parts is None:
            is_new = task_id not in self.alike
            if is_new and len(self.alike) < _SHOWN:
                self.alike.append(task_id)
            return
        index, replay = parts
        if replay:
            self.replayed = True
        else:
            self._firsts.add(index)
        last = self._last_replay.setdefault(index, replay)
        if replay > last:
            # A replay stands for its task: how the task itself ended counts no longer.
            self._last_replay[index] = replay
            self._forget(self.names.make(index, last))

    @property
    def empty(self) -> bool:
        """True if neither a member nor the number of members is known."""
        return self.size is None and not self._last_replay

    def survey(self, task_ids: set[str]) -> None:
        """Note which tasks exist, and :meth:`check` them."""
        for task_id in task_ids:
            self.note(task_id)
        self.check()

    def check(self) -> None:
        """Check that the tasks that were listed can be those of one group.

        Raises:
            InvalidParameter: Some look like members and cannot be: replays of tasks that are not
                listed, or ids with numbers of their own, which are not counted from 0.
        """
        if self.size is not None:
            return
        strangers = self._strangers()
        if not strangers:
            return
        shown = ", ".join(strangers[:_SHOWN])
        if len(strangers) > _SHOWN:
            shown += f" and {len(strangers) - _SHOWN} others"
        raise InvalidParameter(
            "prefix",
            self.names.prefix,
            f"is ambiguous: {shown} may be tasks of others, because tasks that such a group has "
            "are not listed\nGive size, the number of its tasks.",
        )

    def _strangers(self) -> list[str]:
        """Return ids that look like members and cannot be, if there are some."""
        make = self.names.make
        orphans = sorted(self._last_replay.keys() - self._firsts)
        if orphans:
            return [make(index, self._last_replay[index]) for index in orphans]
        firsts = sorted(self._firsts)
        next_index = 0
        for listed, index in enumerate(firsts):
            gap = index - next_index
            # Payloads that were refused leave gaps, and more of them in a larger group. A gap that
            # is wider than all that was listed before it parts two numberings: job-1, job-20261130.
            if gap > max(_GAP, listed):
                return [make(stranger, 0) for stranger in firsts[listed:]]
            next_index = index + 1
        return []

    def _parts(self, task_id: str) -> tuple[int, int] | None:
        parts = self.names.parts(task_id)
        if parts is None or self.size is None:
            return parts
        index, _ = parts
        return parts if index < self.size else None

    def send_again(self, task_id: str) -> None:
        """Note that a member that was not accepted, or a replay, is accepted now."""
        self.note(task_id)
        self._forget(task_id)

    def refuse(self, task_id: str, error: FcAsyncError) -> None:
        """Note that a task was not accepted."""
        self.note(task_id)
        self._end(task_id, None, error)

    def end(self, task: AsyncTask) -> Ended | None:
        """Note that a task has ended; None if its end is not waited for, or others follow it."""
        if not self.awaited(task.task_id):
            return None
        return self._end_or_follow(task.task_id, task)

    def end_elsewhere(self, task: AsyncTask) -> Ended | None:
        """Note that a message that follows a member has ended; None if others follow it."""
        member = self.elsewhere.pop(task.task_id)
        return self._end_or_follow(member, task)

    def _end_or_follow(self, member: str, task: AsyncTask) -> Ended | None:
        following = hop.following(task, task.task_payload_bytes)
        if not following:
            return self._end(member, task, error_of(self.function, task))
        if self._parts(following) is not None:
            self.note(following)
        else:
            # The delivery did not know the id of its task, so the next one has another name.
            self.elsewhere[following] = member
        return None

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
        parts = self.names.parts(task_id)
        assert parts is not None, "only members are noted"
        index, _ = parts
        shown_id = task_id if task is None else task.task_id
        ended = Ended(shown_id, index, task, error)
        self.ended[task_id] = ended
        if error is not None:
            self._failed += 1
        return ended

    def _forget(self, task_id: str) -> None:
        ended = self.ended.pop(task_id, None)
        if ended is not None and ended.error is not None:
            self._failed -= 1


# --- the meaning of a task that has ended -------------------------------------------------------


def error_of(function: str, task: AsyncTask) -> TaskError | None:
    """Return why a task has no result; None if it succeeded or has not ended."""
    if task.succeeded or not task.finished:
        return None
    kind, message = _ERRORS.get(task.status, (TaskError, f"ended as {task.status}"))
    retries = task.already_retried_times or 0
    if kind is TaskFailed and retries:
        message += f" after {retries + 1} attempts"
    return kind(message, **_known(function, task))


def payload_of(function: str, task: AsyncTask) -> bytes:
    """Return what a task that succeeded returned.

    Raises:
        ResultNotKept: The service does not keep results.
    """
    data = task.return_payload_bytes
    if data is None:
        raise ResultNotKept(
            "succeeded, and the service does not say what it returned", **_known(function, task)
        )
    return data


def _known(function: str, task: AsyncTask) -> dict[str, Any]:
    return {
        "function": function,
        "task_id": task.task_id,
        "status": cast("str", task.status),
        "reason": task.task_error_message or "",
        "request_id": task.request_id or "",
    }
