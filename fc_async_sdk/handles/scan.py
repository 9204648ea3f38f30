# SPDX-License-Identifier: MIT
"""The list of all tasks whose ids begin alike, read again and again with few requests.

Invariants:

- A page on which all tasks have ended is not read again.
- Tasks are known by their ids. The order of the list only decides which page is read next, so that
  a list in another order costs requests and loses nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from fc_async_sdk.errors import InvalidArgument
from fc_async_sdk.models import TERMINAL_STATUSES, AsyncTaskPage, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_sdk.models import AsyncTask

LIVE_STATUSES: Final[tuple[TaskStatus, ...]] = tuple(
    status for status in get_args(TaskStatus) if status not in TERMINAL_STATUSES
)
"""Statuses of tasks that have not ended."""

_LOOK_AHEAD: Final = 2
"""Pages without a new end after which a round stops: the tasks after them have not begun."""
_BEHIND: Final = 4
"""Pages with stragglers that a round reads."""


class Listing(NamedTuple):
    """A page to read: ListAsyncTasks in ascending order."""

    prefix: str
    token: str | None
    status: TaskStatus | None = None


class Mark:
    """A page of the list.

    Attributes:
        token: Where it begins.
        read: Whether it was read.
        live: Ids of its tasks that have not ended.
        last: Whether no page follows.
    """

    def __init__(self, token: str | None) -> None:
        self.token = token
        self.read = False
        self.live: set[str] = set()
        self.last = False

    @property
    def open(self) -> bool:
        """True if reading the page again can bring something new."""
        return not self.read or bool(self.live)


Reading = Generator[Listing, AsyncTaskPage, None]


class Scan:
    """The pages of one list.

    Args:
        prefix: What the ids begin with.
        page_size: Tasks of a full page.
        awaited: Whether the end of the task of an id is waited for.

    Attributes:
        stale: Whether the pages are no longer what they were, so that all must be read again.
    """

    def __init__(self, prefix: str, page_size: int, awaited: Callable[[str], bool]) -> None:
        self.prefix = prefix
        self._ended: list[AsyncTask] = []
        self._page_size = page_size
        self._awaited = awaited
        self._turn = 0
        self.restart()

    def restart(self) -> None:
        """Forget the pages."""
        self.marks = [Mark(None)]
        self.stale = False
        self._front_page = 0

    @property
    def complete(self) -> bool:
        """True if the last page has been read."""
        return self.marks[-1].last

    def take_ended(self) -> list[AsyncTask]:
        """Return the tasks that pages read since the last call show as ended."""
        ended = self._ended
        self._ended = []
        return ended

    @property
    def live(self) -> set[str]:
        """Ids of all tasks that were listed last as not ended."""
        return set().union(*(mark.live for mark in self.marks))

    def round(self, *, whole: bool, expecting: bool) -> Reading:
        """Read the pages that are likely to have news.

        Args:
            whole: Read all open pages.
            expecting: Whether tasks are missing that the last page may get.
        """
        if expecting and self.complete:
            self.marks[-1].read = False
        live = sum(len(mark.live) for mark in self.marks)
        # A hundred pages may be open for one slow task each. A list of each status that is not
        # final then costs fewer requests.
        pages_by_status = len(LIVE_STATUSES) + live // self._page_size
        if self.complete and pages_by_status < len(self._open()):
            yield from self._stragglers()
            return
        begin = self._front_page
        end = yield from self._front(begin, whole=whole)
        for index in self._others(begin, end):
            yield from self._read(index)

    def last_page(self) -> Reading:
        """Read the last page once more."""
        yield from self._read(len(self.marks) - 1)

    def _front(self, begin: int, *, whole: bool) -> Generator[Listing, AsyncTaskPage, int]:
        """Read on from where ends were seen last, while pages bring ends.

        Returns:
            The page before which it stopped.
        """
        is_first = True
        pages_without_ends = 0
        following = begin
        index = self._next_open(begin)
        while index is not None and (whole or pages_without_ends < _LOOK_AHEAD):
            ends = yield from self._read(index)
            if ends:
                pages_without_ends = 0
                if is_first:
                    self._front_page = index
                    is_first = False
            else:
                pages_without_ends += 1
            following = index + 1
            index = self._next_open(following)
        if index is None and is_first:
            self._front_page = 0  # the rest has ended: what is open is behind
        return following

    def _others(self, begin: int, end: int) -> list[int]:
        """Choose open pages before ``begin`` (stragglers) and after ``end``, in turn."""
        pages = self._open()
        behind = [index for index in pages if index < begin]
        ahead = [index for index in pages if index >= end]
        self._turn += 1
        return self._in_turn(behind, _BEHIND) + self._in_turn(ahead, 1)

    def _in_turn(self, pages: Sequence[int], count: int) -> list[int]:
        """Choose the next of some pages, so that each of them is read after some rounds."""
        size = min(count, len(pages))
        begin = self._turn * size
        return [pages[(begin + step) % len(pages)] for step in range(size)]

    def _stragglers(self) -> Reading:
        """List by status what has not ended; read only the pages of what is not listed so."""
        listed: set[str] = set()
        for status in LIVE_STATUSES:
            listing = Listing(self.prefix, None, status)
            while True:
                page = yield listing
                listed |= {task.task_id for task in page.tasks}
                if not page.next_token:
                    break
                listing = listing._replace(token=page.next_token)
        for index in self._open():
            # What is not listed as live has ended, and its page tells how.
            if not self._live_on(index) <= listed:
                yield from self._read(index)

    def _open(self) -> list[int]:
        return [index for index, mark in enumerate(self.marks) if mark.open]

    def _next_open(self, begin: int) -> int | None:
        for index in range(begin, len(self.marks)):
            if self.marks[index].open:
                return index
        return None

    def _live_on(self, index: int) -> set[str]:
        return self.marks[index].live if index < len(self.marks) else set()

    def _read(self, index: int) -> Generator[Listing, AsyncTaskPage, int]:
        """Read a page.

        Returns:
            How many awaited tasks on it have ended.
        """
        if index >= len(self.marks):
            return 0  # the list became shorter
        mark = self.marks[index]
        try:
            page = yield Listing(self.prefix, mark.token)
        except InvalidArgument:
            if mark.token is None:
                raise
            self.stale = True  # the service does not know the token any more
            return 0
        if not mark.live <= {task.task_id for task in page.tasks}:
            # A task that was on this page is on another one now: what is known of pages is void.
            self.stale = True
        awaited = [task for task in page.tasks if self._awaited(task.task_id)]
        ended = [task for task in awaited if task.finished]
        mark.read = True
        mark.live = {task.task_id for task in awaited if not task.finished}
        mark.last = not page.next_token
        following = index + 1
        if mark.last:
            del self.marks[following:]
        elif following == len(self.marks):
            self.marks.append(Mark(page.next_token))
        self._ended += ended
        return len(ended)
