# SPDX-License-Identifier: MIT
"""Waits for the tasks of a group: which page to read next, when to pause, what has ended.

A :class:`Watch` does no I/O. It asks for a page or a pause, and is told what came of it; the
synchronous and the asyncio group carry it out.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from fc_async_sdk.errors import InvalidArgument, TaskLost, TransportError, WaiterError
from fc_async_sdk.handles.members import Ended
from fc_async_sdk.handles.scan import Listing, Reading, Scan
from fc_async_sdk.models import AsyncTaskPage
from fc_async_sdk.waiters import REGISTRATION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_sdk.fanout import Progress
    from fc_async_sdk.handles.members import Members
    from fc_async_sdk.waiters import Polling


class Pause(NamedTuple):
    """Seconds to wait before the next page is read."""

    seconds: float


_FOLLOWED: Final = 32
"""Single tasks that a round reads."""

A = TypeVar("A")
S = TypeVar("S")

Step = Listing | Pause | Ended
_Steps = Generator[Step, AsyncTaskPage | None, None]


class Watch:
    """One wait for all tasks of a group.

    Args:
        members: The tasks; their ends are noted there.
        polling: How long to wait.
        page_size: Tasks per page.
        now: The clock, in seconds.

    Attributes:
        polling: As given.
        page_size: As given.
    """

    def __init__(
        self, members: Members, polling: Polling, *, page_size: int, now: Callable[[], float]
    ) -> None:
        self._members = members
        self.polling = polling
        self.page_size = page_size
        self._now = now
        names = members.names
        self._firsts = Scan(names.first, page_size, members.awaited)
        self._replays = Scan(names.replays, page_size, members.awaited)
        # The replays are read first: a task that was replayed is not reported itself.
        self._scans = [self._replays, self._firsts] if members.replayed else [self._firsts]
        self._confirmed = False
        self._steps = self._run()

    @property
    def progress(self) -> Progress:
        """The counts so far."""
        if self._complete:
            self._members.all_listed()
        return self._members.progress

    def proceed(self, page: AsyncTaskPage | None = None) -> Step | None:
        """Return the next step, after the one before was carried out; None at the end.

        Args:
            page: The page, if one was asked for.

        Raises:
            WaiterError: The time is over, or there is no such group. ``last`` is the progress.
            InvalidParameter: What is listed cannot be one group.
        """
        return _after(self._steps.send, page)

    def fail(self, error: InvalidArgument | TransportError) -> Step | None:
        """Return the next step, after a page could not be read.

        Raises:
            InvalidArgument: The service has refused it, and there is no other way to list it.
            TransportError: The service could not be asked.
        """
        return _after(self._steps.throw, error)

    @property
    def _complete(self) -> bool:
        return all(scan.complete for scan in self._scans)

    @property
    def _is_open(self) -> bool:
        """True if the end of a task is awaited, or tasks may exist that were not listed yet."""
        members = self._members
        return bool(members.waiting()) or members.empty or not self._complete

    def _run(self) -> _Steps:
        yield from list(self._members.ended.values())
        missing: set[str] = set()
        while not (yield from self._over()):
            for scan in self._scans:
                yield from self._round(scan, missing)
            yield from self._read_elsewhere()
            missing = self._missing()
            waited = self._now() - self.polling.began
            # A task that was just accepted is not listed for some seconds: until then, nothing
            # that is missing says anything.
            is_late = waited >= REGISTRATION_SECONDS
            if is_late and self._complete:
                self._check()
            if is_late and missing:
                yield from self._doubt(missing)
                continue
            if any(scan.stale for scan in self._scans):
                self._restart()
            if self._is_open:
                yield Pause(self._wait())

    def _round(self, scan: Scan, missing: Iterable[str]) -> _Steps:
        """Read the pages of a list that are likely to have news.

        Args:
            scan: The list.
            missing: Tasks that should be listed and are not.
        """
        # Replays, and the members of a group without a size, are known only when all are listed.
        # With a size, what was not listed yet is awaited in any case.
        must_be_whole = scan is self._replays or self._members.size is None or self._confirmed
        whole = must_be_whole and not scan.complete
        expecting = any(task_id.startswith(scan.prefix) for task_id in missing)
        yield from self._read(scan, scan.round(whole=whole, expecting=expecting))

    def _doubt(self, missing: Iterable[str]) -> _Steps:
        """Read all lists once more for tasks that are missing; then count them as lost."""
        if self._confirmed:
            yield from [self._members.lose(task_id) for task_id in sorted(missing)]
            return
        # Pages shift while others send: a task may have moved to a page that was read before.
        self._confirmed = True
        self._restart()

    def _over(self) -> Generator[Step, AsyncTaskPage | None, bool]:
        members = self._members
        if members.waiting():
            return False
        if members.size is not None:
            return True
        if not self._complete:
            return False
        # Others may still send tasks of this group: what was the last page may have another now.
        yield from self._read(self._firsts, self._firsts.last_page())
        if self._is_open:
            return False
        self._check()
        return True

    def _check(self) -> None:
        """Check what was listed, when all of it was.

        Raises:
            InvalidParameter: It cannot be one group.
            WaiterError: Nothing of the group is listed.
        """
        members = self._members
        members.check()
        if members.empty:
            alike = ", ".join(members.alike)
            # Nothing is there, or something is whose name is almost the same: a user who has
            # mistyped the prefix sees it in the second case.
            listed = f"; listed are {alike}" if alike else ""
            raise WaiterError(
                f"no task of {members.function} has the id {members.names.first}0, "
                f"{members.names.first}1 or the like{listed}\n{TaskLost.advice}",
                last=self.progress,
            )

    def _read(self, scan: Scan, reading: Reading) -> _Steps:
        """Read what a scan asks for; note all tasks and yield those that have ended."""
        listing = next(reading, None)
        while listing is not None:
            try:
                page = yield listing
            except InvalidArgument as error:
                listing = _after(reading.throw, error)
                continue
            except TransportError as error:
                self.polling.tolerate(error, self._now())
                yield Pause(self._wait())
                continue
            assert page is not None
            for task in page.tasks:
                self._members.note(task.task_id)
            listing = _after(reading.send, page)
            for task in scan.take_ended():
                ended = self._members.end(task)
                if ended is not None:
                    yield ended

    def _read_elsewhere(self) -> _Steps:
        """Read some of the messages that follow members under names of their own, in turn."""
        members = self._members
        for task_id in list(members.elsewhere)[:_FOLLOWED]:
            try:
                page = yield Listing(task_id, None)
            except TransportError as error:
                self.polling.tolerate(error, self._now())
                return
            assert page is not None
            # The list is by prefix: another task may stand before this one.
            exact = [task for task in page.tasks if task.task_id == task_id]
            if not exact or not exact[0].finished:
                # To the end of the line, so that each message has its turn.
                members.elsewhere[task_id] = members.elsewhere.pop(task_id)
                continue
            ended = members.end_elsewhere(exact[0])
            if ended is not None:
                yield ended

    def _missing(self) -> set[str]:
        """Return the tasks that should be listed and are not; nothing before all were listed."""
        if not self._complete:
            return set()
        members = self._members
        listed = self._firsts.live | self._replays.live | {*members.elsewhere.values()}
        return members.waiting() - listed

    def _restart(self) -> None:
        for scan in self._scans:
            scan.restart()

    def _wait(self) -> float:
        wait = self.polling.wait(self._now())
        if wait is None:
            progress = self.progress
            names = self._members.names
            total = "?" if progress.total is None else progress.total
            raise WaiterError(
                f"gave up after {self.polling.timeout:g} s: {progress.done} of {total} tasks of "
                f"{names.prefix} have ended, {progress.failed} of them without a result",
                last=progress,
            ) from self.polling.silence
        return wait


def _after(proceed: Callable[[A], S], answer: A) -> S | None:
    """Return what a generator asks for after an answer; None at its end."""
    try:
        return proceed(answer)
    except StopIteration:
        return None
