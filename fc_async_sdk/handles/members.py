# SPDX-License-Identifier: MIT
"""The tasks of a group: what is known of each, how each and when the group has ended.

Everything here is data and time in, data out; no I/O. :mod:`.ids` has the ids.

Invariants:

- Each task of the group is reported once, by its last replay.
- A task that the service does not list is reported as lost, after the time that a new task may
  need to appear.
"""

from __future__ import annotations

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
from fc_async_sdk.fanout.progress import Progress
from fc_async_sdk.handles.ids import KnownIds
from fc_async_sdk.handles.reasons import reason_of
from fc_async_sdk.models import AsyncTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_sdk.handles.ids import Names

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


class Ends:
    """The ends of members by their ids, with the number of those that have no result.

    Attributes:
        by_id: The members that have ended.
        failed: How many of them have no result.
    """

    def __init__(self) -> None:
        self.by_id: dict[str, Ended] = {}
        # Counted along: a progress bar asks after every end, and a group has millions of members.
        self.failed = 0

    def add(self, member: str, ended: Ended) -> None:
        """Note the end of a member, instead of an earlier one."""
        self.forget(member)
        self.by_id[member] = ended
        if ended.error is not None:
            self.failed += 1

    def forget(self, member: str) -> None:
        """Count a member as one that has not ended; no-op if its end is not known."""
        ended = self.by_id.pop(member, None)
        if ended is not None and ended.error is not None:
            self.failed -= 1


class Members:
    """The tasks of a group and what is known of them.

    Args:
        function: Name of the function.
        prefix: What their ids begin with.
        size: How many there are, or None if only the service knows.

    Attributes:
        function: As given.
        complete: Whether the number of members is known.
        replayed: Whether there may be replays of members.
        alike: Some ids that were listed, begin like those of the members, and are others'.
        elsewhere: Members by the ids of messages that follow them under names of their own.

    Raises:
        InvalidParameter: The prefix or the size is wrong.
    """

    def __init__(self, function: str, prefix: str, size: int | None) -> None:
        if size is not None and (type(size) is not int or not 0 <= size <= _LARGEST):
            raise InvalidParameter("size", size, f"must be a whole number from 0 to {_LARGEST:,}")
        self.function = function
        self.complete = size is not None
        self.replayed = True
        self.alike: list[str] = []
        self.elsewhere: dict[str, str] = {}
        self._known = KnownIds(prefix, size)
        self._ends = Ends()

    @property
    def names(self) -> Names:
        """The form of their ids."""
        return self._known.names

    @property
    def size(self) -> int | None:
        """Number of members, or None if only the service knows."""
        return self._known.size

    @property
    def ended(self) -> Mapping[str, Ended]:
        """The members that have ended, by their ids."""
        return self._ends.by_id

    @property
    def empty(self) -> bool:
        """True if neither a member nor the number of members is known."""
        return self.size is None and not len(self._known)

    @property
    def progress(self) -> Progress:
        """The counts; the total is known when all tasks were listed."""
        total = len(self._known) if self.complete else None
        return Progress(done=len(self.ended), failed=self._ends.failed, total=total)

    def all_listed(self) -> None:
        """Note that all members were listed, so that their number is known."""
        self.complete = True

    def fresh(self) -> None:
        """Note that no task of these ids existed before, so that there are no replays."""
        self.replayed = False

    def own(self, task_ids: set[str]) -> set[str]:
        """Return those of the ids that are of a member or of a replay of one."""
        return {task_id for task_id in task_ids if self._known.read(task_id) is not None}

    def is_last(self, task_id: str) -> bool:
        """Return whether the id is that of a member, by its last replay."""
        return self._known.is_last(task_id)

    def awaited(self, task_id: str) -> bool:
        """Tell whether an id, or its latest replay, is of the group and may not have ended."""
        has_ended = task_id in self.ended
        is_followed = task_id in self.elsewhere.values()
        return not has_ended and not is_followed and self.is_last(task_id)

    def next_id(self, task_id: str) -> str:
        """Return the id that the next replay of a member gets; "" for the id of another task."""
        return self._known.next_id(task_id)

    def waiting(self) -> set[str]:
        """Return the ids of the members that are not known to have ended."""
        return self._known.last_ids() - self.ended.keys()

    # --- what exists ---

    def note(self, task_id: str) -> None:
        """Note that a task exists: a member, or a replay of one."""
        member = self._known.read(task_id)
        if member is None:
            is_new = task_id not in self.alike
            if is_new and len(self.alike) < _SHOWN:
                self.alike.append(task_id)
            return
        if member.replay:
            self.replayed = True
        superseded = self._known.add(member)
        # A replay stands for its task: how the task itself ended counts no longer.
        if superseded:
            self._ends.forget(superseded)

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
        strangers = self._known.strangers()
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

    # --- what has ended ---

    def send_again(self, task_id: str) -> None:
        """Note that a member that was not accepted, or a replay, is accepted now."""
        self.note(task_id)
        self._ends.forget(task_id)

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
        if self._known.read(following) is not None:
            self.note(following)
        else:
            # The delivery did not know the id of its task, so the next one has another name.
            self.elsewhere[following] = member
        return None

    def lose(self, task_id: str) -> Ended:
        """Note that the service does not list a task."""
        error = TaskLost("is not listed", function=self.function, task_id=task_id)
        return self._end(task_id, None, error)

    def _end(self, task_id: str, task: AsyncTask | None, error: FcAsyncError | None) -> Ended:
        member = self.names.read(task_id)
        assert member is not None, "only members are noted"
        shown_id = task_id if task is None else task.task_id
        ended = Ended(shown_id, member.index, task, error)
        self._ends.add(task_id, ended)
        return ended


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
        "reason": reason_of(task),
        "request_id": task.request_id or "",
    }
