# SPDX-License-Identifier: MIT
# Written by .ci/unasync.py from _async_groups.py: change that module.
"""Groups of tasks."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, TypeVar

from fc_async_sdk import operations, waiters
from fc_async_sdk.errors import InvalidArgument, InvalidRequest, TransportError
from fc_async_sdk.fanout import progress as _progress
from fc_async_sdk.fanout.plan import check_concurrency
from fc_async_sdk.handles import calls
from fc_async_sdk.handles._base import BaseGroup, each
from fc_async_sdk.handles._tasks import TaskHandle, pages
from fc_async_sdk.handles.members import Ended
from fc_async_sdk.handles.watch import Pause, Watch
from fc_async_sdk.models import FAILED_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fc_async_sdk.fanout.progress import Report
    from fc_async_sdk.handles.scan import Listing
    from fc_async_sdk.models import TaskStatus
    from fc_async_sdk.waiters import Port

R = TypeVar("R")


class TaskGroup(BaseGroup[R]):
    """Many tasks of one function, whose ids begin alike. Made by ``map`` and ``client.group``.

    Attributes:
        prefix: What the ids begin with: ``{prefix}-{index}``.
        size: How many tasks there are, or None if only the service knows.
    """

    _port: Port

    @property
    def failures(self) -> list[TaskHandle[R]]:
        """The tasks that are known to have ended without a result."""
        ended = self._members.ended.values()
        return [self._handle(member) for member in ended if member.error is not None]

    def __iter__(self) -> Iterator[TaskHandle[R]]:
        """Iterate over the tasks as they end; see :meth:`ends`."""
        return self.ends()

    def ends(
        self,
        *,
        timeout: float | None = None,
        interval: float | None = None,
        results: bool = False,
        progress: Report = None,
        page_size: int | None = None,
    ) -> Iterator[TaskHandle[R]]:
        """Iterate over all tasks as they end, those without a result included.

        Reads lists of tasks, not single tasks. A task that was replayed is returned once, as its
        last replay. Iterating again begins with what is known already.

        Args:
            timeout: Seconds after which to give up; None never does.
            interval: Seconds between two rounds; None asks often first, then every 5 s.
            results: Read what the functions returned with the lists, so that ``.result()`` needs
                no request. Pages then are as large as the payloads in them.
            progress: Called with the counts after every end; or True for a progress bar.
            page_size: Tasks per page, 1-100; None is 100.

        Yields:
            Tasks that have ended: ``.error`` is None or the reason, ``.result()`` returns or
            raises.

        Raises:
            WaiterError: It took too long, or the group has no size and no task of it was listed
                within some seconds; ``.last`` is the progress.
            ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
            InvalidParameter: An argument is wrong, or the group has no size and its prefix is
                ambiguous.
            TransportError: The service could not be asked.
        """
        _progress.check(progress)
        now = self._port.monotonic
        polling = waiters.Polling(timeout, interval, now())
        watch = Watch(self._members, polling, page_size=calls.page_size(page_size), now=now)
        return self._ends(watch, results=results or self._chained, progress=progress)

    def wait(
        self,
        timeout: float | None = None,
        *,
        interval: float | None = None,
        progress: Report = None,
    ) -> TaskGroup[R]:
        """Wait until all tasks have ended, and return the group, for ``failures``.

        Args:
            timeout: Seconds after which to give up; None never does.
            interval: Seconds between two rounds; None asks often first, then every 5 s.
            progress: Called with the counts after every end; or True for a progress bar.

        Raises:
            WaiterError: As :meth:`ends`, with the other errors.
        """
        for _ in self.ends(timeout=timeout, interval=interval, progress=progress):
            pass
        return self

    def stop(self, *, concurrency: int = 16) -> int:
        """Stop all tasks that have not ended, and return how many the service has stopped.

        A task that ends by itself before the service has the request is not counted.

        Args:
            concurrency: How many requests are on the wire at a time, 1-1000.

        Raises:
            InvalidParameter: The concurrency is out of its range, or the group has no size and its
                prefix is ambiguous; nothing was stopped.
        """
        check_concurrency(concurrency)
        self._survey()
        asked: set[str] = set()
        stopped: set[str] = set()
        stop = functools.partial(self._stop, stopped)
        # Again and again, because others may send tasks of the group while these are stopped.
        while True:
            listed = self._listed(calls.live(self._members))
            task_ids = self._members.own(listed) - asked
            if not task_ids:
                return len(stopped)
            each(stop, sorted(task_ids), concurrency)
            asked |= task_ids

    def replay_failed(
        self,
        *,
        statuses: Sequence[TaskStatus] = FAILED_STATUSES,
        concurrency: int = 32,
        progress: Report = None,
    ) -> int:
        """Call the function again for every task that failed, and return how many this call sent.

        The group then waits for the replays instead. Payloads are read from the service. What was
        refused when it was sent is sent again, unless no service can take it. Replays that another
        process has sent meanwhile, and those that the service refuses, are not counted: the latter
        are among ``failures``.

        Args:
            statuses: The final statuses that are replayed.
            concurrency: How many requests are on the wire at a time, 1-1000.
            progress: Called after every request; or True for a progress bar.

        Raises:
            TaskLost: The service does not say what a task was called with.
            InvalidParameter: The group has no size, and its prefix is ambiguous; nothing was sent.
        """
        # The ids are known one by one, as the payloads are read: fan_out asks for the id of a
        # payload right after it has taken it.
        ids: list[str] = []
        run = self._port.fan_out(
            self.function,
            self._failed(ids, statuses),
            task_ids=lambda index, _: ids[index],
            concurrency=concurrency,
            qualifier=self.qualifier,
            progress=progress,
            large=self._target.large,
        )
        sent = 0
        for outcome in run:
            if outcome.accepted is None:
                assert outcome.error is not None
                self.refuse(outcome.task_id, outcome.error, outcome.payload)
                continue
            self._accept(outcome.task_id)
            # A replay that another process has sent meanwhile is not one of this call.
            if not outcome.accepted.duplicate:
                sent += 1
        return sent

    def _ends(self, watch: Watch, *, results: bool, progress: Report) -> Iterator[TaskHandle[R]]:
        polling = watch.polling
        report = _progress.Reporter(progress, f"waiting for {self.prefix}")
        report.begin(watch.progress)
        try:
            if self._feed is not None:
                self._feed.wait(timeout=polling.timeout)
                # What was sent just now is not listed for some seconds.
                self._port.sleep(waiters.REGISTRATION_SECONDS)
            step = watch.proceed()
            while step is not None:
                if isinstance(step, Ended):
                    report(watch.progress)
                    yield self._handle(step)
                    step = watch.proceed()
                elif isinstance(step, Pause):
                    self._port.sleep(step.seconds)
                    step = watch.proceed()
                else:
                    arguments = self._target.listing(
                        step, payload=results, page_size=watch.page_size
                    )
                    # Without a limit of its own, one request that hangs would hold the wait beyond
                    # its timeout.
                    limit = polling.request_timeout(self._port.monotonic())
                    try:
                        page = self._port.perform(
                            polling.noting(operations.list_async_tasks),
                            (self.function,),
                            arguments,
                            total_timeout=limit,
                        )
                    except (InvalidArgument, TransportError) as error:
                        step = watch.fail(error)
                    else:
                        step = watch.proceed(page)
        finally:
            report.close()

    def _handle(self, ended: Ended) -> TaskHandle[R]:
        return TaskHandle(self._port, self._target, ended.task_id, ended=ended, group=self._members)

    def _survey(self) -> set[str]:
        """List which tasks exist, before some of them are changed."""
        listed = self._listed(calls.survey(self._members))
        self._members.survey(listed)
        return listed

    def _listed(self, listings: Iterable[Listing]) -> set[str]:
        task_ids: set[str] = set()
        for listing in listings:
            for page in pages(self._port, self._target, listing):
                task_ids.update(task.task_id for task in page.tasks)
        return task_ids

    def _stop(self, stopped: set[str], task_id: str) -> None:
        """Stop a task; add its id to ``stopped`` unless it had ended."""
        with contextlib.suppress(*calls.ENDED_ALREADY):
            TaskHandle(self._port, self._target, task_id).stop()
            stopped.add(task_id)

    def _failed(self, ids: list[str], statuses: Sequence[TaskStatus]) -> Iterator[object]:
        """Yield what is sent again; write the id of each into ``ids`` before."""
        # Before anything is sent: replays that this call makes appear in the lists that follow.
        earlier = self._survey()
        for listing in calls.failures(self._members, statuses):
            for page in pages(self._port, self._target, listing, payload=True):
                for task_id, payload in calls.repeats(self._members, page, self._target, earlier):
                    ids.append(task_id)
                    yield payload
        # What was never accepted is not listed: the payload is known to this process alone.
        for task_id, refused in list(self._refused.items()):
            ended = self._members.ended.get(task_id)
            if ended is not None and not isinstance(ended.error, InvalidRequest):
                ids.append(task_id)
                yield refused
