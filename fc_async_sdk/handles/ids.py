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

from fc_async_sdk.fanout.plan import check_prefix

_GAP: Final = 64
"""Missing ids in a row that are usual: requests on the wire, and payloads that were refused."""


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

    def parts(self, task_id: str) -> tuple[int, int] | None:
        """Return index and replay of an id; None if it is not of a member."""
        parts = self.names.parts(task_id)
        if parts is None or self.size is None:
            return parts
        index, _ = parts
        return parts if index < self.size else None

    def add(self, index: int, replay: int) -> str:
        """Note that a task is listed.

        Args:
            index: Of the member.
            replay: Which replay of it the task is; 0: the member itself.

        Returns:
            The id of the earlier task for which the replay stands from now on; "" if none.
        """
        if not replay:
            self._firsts.add(index)
        last = self._last_replay.setdefault(index, replay)
        if replay <= last:
            return ""
        self._last_replay[index] = replay
        return self.names.make(index, last)

    def is_last(self, task_id: str) -> bool:
        """Return whether the id is that of a member, by its last replay."""
        parts = self.parts(task_id)
        if parts is None:
            return False
        index, replay = parts
        return self._last_replay.get(index, replay) == replay

    def next_id(self, task_id: str) -> str:
        """Return the id that the next replay of a member gets; "" for the id of another task."""
        parts = self.names.parts(task_id)
        if parts is None:
            return ""
        index, replay = parts
        last = max(replay, self._last_replay.get(index, 0))
        return self.names.make(index, last + 1)

    def last_ids(self) -> set[str]:
        """Return the id of each member, by its last replay."""
        make = self.names.make
        return {make(index, replay) for index, replay in self._last_replay.items()}

    def strangers(self) -> list[str]:
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
