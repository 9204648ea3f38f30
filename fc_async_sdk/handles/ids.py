# SPDX-License-Identifier: MIT
"""The ids of the tasks of a group, and which of them are known to exist. Pure.

Tasks of the group ``batch-7`` have the ids ``batch-7-0``, ``batch-7-1`` and so on. The n-th replay
of ``batch-7-1`` is ``batch-7_r2-1`` for n = 2: one list has all tasks that were sent first, another
one all replays.

Invariants:

- An id that begins like those of the group and ends otherwise, such as ``batch-7-retry-0``, is not
  of the group. If the size is known, an index beyond it is not either.
- Each member has one id at a time, that of its last replay.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from fc_async_sdk.fanout.plan import check_prefix

_GAP: Final = 64
"""Missing ids in a row that are usual: requests on the wire, and payloads that were refused."""


class Member(msgspec.Struct, frozen=True):
    """The numbers in the id of a member or of a replay of it.

    Attributes:
        index: Of its payload.
        replay: Which replay of the member it is; 0: the member itself.
    """

    index: int
    replay: int


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
        replay = r"(?:_r(?P<replay>[1-9][0-9]*))?"
        index = r"-(?P<index>0|[1-9][0-9]*)"
        self._id = re.compile(re.escape(prefix) + replay + index)

    def read(self, task_id: str) -> Member | None:
        """Return the numbers in an id; None for an id of no such group."""
        match = self._id.fullmatch(task_id)
        if match is None:
            return None
        index = int(match["index"])
        replay = int(match["replay"] or 0)
        return Member(index, replay)

    def make(self, index: int, replay: int) -> str:
        """Return the id of a task or of one of its replays."""
        if not replay:
            return f"{self.first}{index}"
        return f"{self.replays}{replay}-{index}"


class KnownIds:
    """The members of a group that are known, each by its last replay.

    Args:
        prefix: What their ids begin with.
        size: How many there are: then all of them are known. None if only the service knows.

    Attributes:
        names: The form of the ids.
        size: As given.

    Raises:
        InvalidParameter: No task id can begin so.
    """

    def __init__(self, prefix: str, size: int | None) -> None:
        self.names = Names(prefix)
        self.size = size
        self._last_replay = dict.fromkeys(range(size or 0), 0)  # by index
        self._firsts: set[int] = set()  # indexes of the members that were listed themselves

    def __len__(self) -> int:
        return len(self._last_replay)

    def read(self, task_id: str) -> Member | None:
        """Return the numbers in an id; None if it is not of a member."""
        member = self.names.read(task_id)
        if member is None or self.size is None:
            return member
        if member.index >= self.size:
            return None
        return member

    def add(self, member: Member) -> str:
        """Note that a task is listed.

        Returns:
            The id of the earlier task for which the replay stands from now on; "" if none.
        """
        index = member.index
        if not member.replay:
            self._firsts.add(index)
        last = self._last_replay.setdefault(index, member.replay)
        if member.replay <= last:
            return ""
        self._last_replay[index] = member.replay
        return self.names.make(index, last)

    def is_last(self, task_id: str) -> bool:
        """Return whether the id is that of a member, by its last replay."""
        member = self.read(task_id)
        if member is None:
            return False
        last = self._last_replay.get(member.index)
        return last is None or last == member.replay

    def next_id(self, task_id: str) -> str:
        """Return the id that the next replay of a member gets; "" for the id of another task."""
        member = self.names.read(task_id)
        if member is None:
            return ""
        last = self._last_replay.get(member.index, 0)
        following = max(member.replay, last) + 1
        return self.names.make(member.index, following)

    def last_ids(self) -> set[str]:
        """Return the id of each member, by its last replay."""
        return {self._last_id(index) for index in self._last_replay}

    def strangers(self) -> list[str]:
        """Return ids that look like members and cannot be, if there are some."""
        orphans = self._orphans()
        if orphans:
            return orphans
        return self._other_numbering()

    def _orphans(self) -> list[str]:
        """Return the replays of members that were not listed themselves."""
        indexes = self._last_replay.keys() - self._firsts
        return [self._last_id(index) for index in sorted(indexes)]

    def _other_numbering(self) -> list[str]:
        """Return the members behind a gap that is too wide for one numbering."""
        indexes = sorted(self._firsts)
        next_index = 0
        for listed, index in enumerate(indexes):
            gap = index - next_index
            # Payloads that were refused leave gaps, and more of them in a larger group. A gap that
            # is wider than all that was listed before it parts two numberings: job-1, job-20261130.
            usual_gap = max(_GAP, listed)
            if gap > usual_gap:
                return [self.names.make(stranger, 0) for stranger in indexes[listed:]]
            next_index = index + 1
        return []

    def _last_id(self, index: int) -> str:
        return self.names.make(index, self._last_replay[index])
