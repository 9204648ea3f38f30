# SPDX-License-Identifier: MIT
# Written by .ci/unasync.py from _async_functions.py: change that module.
"""Handles of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_sdk import _ordering, operations
from fc_async_sdk._feeding.batch import feeding
from fc_async_sdk._payloads import claims
from fc_async_sdk.errors import AsyncTaskAlreadyExists, ServiceError
from fc_async_sdk.handles._base import BaseFunction
from fc_async_sdk.handles._feeds import Feed
from fc_async_sdk.handles._groups import TaskGroup
from fc_async_sdk.handles._tasks import TaskHandle

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from fc_async_sdk._feeding import Feeding
    from fc_async_sdk._payloads.claims import PayloadStore
    from fc_async_sdk.fanout.progress import Report
    from fc_async_sdk.waiters import Port

P = TypeVar("P")
R = TypeVar("R")


class FunctionHandle(BaseFunction[P, R]):
    """A function that is called with ``P`` and returns ``R``. Made by ``client.function``.

    Attributes:
        name: Name of the function.
        qualifier: Version or alias; None is LATEST.
    """

    _port: Port

    def spawn(
        self,
        payload: P,
        *,
        delay: int | timedelta | None = None,
        task_id: str | None = None,
        total_timeout: float | None = None,
    ) -> TaskHandle[R]:
        """Call the function asynchronously, and return a handle of the task.

        The task always has an id, so that the SDK repeats the request when no answer comes.

        Args:
            payload: What the function is called with.
            delay: Whole seconds, or a timedelta of them, 0 < delay < 3600; None is none.
            task_id: Unique within the function; None makes one.
            total_timeout: Seconds for the whole request, repetitions included.

        Raises:
            InvalidParameter: An argument is wrong or of another type; nothing was sent.
            PayloadTooLarge: Over the limit; nothing was sent.
            LargePayloadError: The store denied or failed; nothing was sent.
            AsyncTaskAlreadyExists: This task id was taken before this call.
            PaceError: The pace has no slot; nothing was sent.
            OrderingStoreFailed: The store of the order cannot be reached; nothing was sent.
        """
        self._check(payload)
        self._policies.check_message(task_id, delay)
        # With an id the service refuses a second one, so a request without an answer can be
        # repeated.
        chosen = self._target.new_id() if task_id is None else task_id
        arguments: dict[str, Any] = {
            "function": self.name,
            "payload": payload,
            "delay": delay,
            "task_id": chosen,
            "qualifier": self.qualifier,
            "large": self._target.large,
            "total_timeout": total_timeout,
        }
        decision = _ordering.Decision(arguments)
        if self._policies.chained:
            call = operations.invoke_async(**arguments)
            decision = _ordering.decided(self._policies, arguments, call.body)
        return self._send(decision)

    def _send(self, decision: _ordering.Decision) -> TaskHandle[R]:
        """Send what was decided, if anything is to be sent, and return the handle of its task."""
        arguments = decision.arguments
        request_id = ""
        if decision.sends:
            try:
                accepted = self._port.perform(operations.invoke_async, (), arguments)
                request_id = accepted.request_id
            except ServiceError as error:
                _ordering.give_back(self._policies, decision)
                # Another caller of the window has sent it at the same time.
                is_sent = isinstance(error, AsyncTaskAlreadyExists)
                if decision.window is None or not is_sent:
                    raise
            _ordering.confirm(self._policies, decision)
        return TaskHandle(
            self._port,
            self._target,
            arguments["task_id"],
            request_id=request_id,
            chained=self._policies.chained,
        )

    def call(
        self, payload: P, *, timeout: float | None = None, total_timeout: float | None = None
    ) -> R:
        """Call the function, wait, and return its result.

        Args:
            payload: What the function is called with.
            timeout: Seconds to wait for the answer; None takes ``Config.read_timeout``.
            total_timeout: Seconds for the whole call; None takes ``Config.total_timeout``.

        Raises:
            FunctionError: The function failed.
            Deferred: The function has a pace, or asked for a later time: it goes on as a task.
            InvalidPayload: What it returned does not fit the type.
            LargePayloadError: What it returned is a claim that cannot be read.
            InvalidParameter: The payload is of another type; nothing was sent.
            OutcomeUnknown: It was sent and no answer came.
        """
        self._check(payload)
        arguments = {"qualifier": self.qualifier, "timeout": timeout}
        result = self._port.perform(
            operations.invoke, (self.name, payload), arguments, total_timeout=total_timeout
        )
        return claims.call(self._target.large, self._returned, result)

    def map(
        self,
        payloads: Iterable[P],
        *,
        task_ids: str | None = None,
        concurrency: int = 32,
        delay: int | timedelta | None = None,
        progress: Report = None,
        feed: PayloadStore | Feeding | None = None,
    ) -> TaskGroup[R]:
        """Call the function asynchronously for every payload, and return the group of the tasks.

        Returns when all are accepted or refused. What was refused is in the group, as a task that
        has ended with this error. Called again with the same ``task_ids``, a call that broke off
        goes on: what was accepted is recognised.

        Args:
            payloads: What the function is called with; taken as needed.
            task_ids: Prefix of the ids, which are ``{prefix}-{index}``; None makes one.
            concurrency: How many requests are on the wire at a time, 1-1000.
            delay: As in :meth:`spawn`.
            progress: Called after every request; or True for a progress bar (needs ``rich``).
            feed: Store that all payloads are written to, from which the function sends them to
                itself at the pace of its handler; see :mod:`fc_async_sdk.feeding`. The group then
                waits until all are sent.

        Raises:
            ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
            InvalidParameter: An argument or a payload is wrong. Payloads before it were sent; none
                with ``feed``, or if the function has an order or a debounce.
            PaceError: The pace has no slots. If ``payloads`` is a sequence, nothing was sent.
            FeedError: The function has not begun the feed; nothing was sent.
            LargePayloadError: The store denied or failed; with ``feed``, nothing was sent.
        """
        self._policies.check_many()
        prefix = self._target.new_id() if task_ids is None else task_ids
        run = self._port.fan_out(
            self.name,
            self._checked(payloads),
            task_ids=prefix,
            concurrency=concurrency,
            delay=delay,
            qualifier=self.qualifier,
            progress=progress,
            pace=self._policies.pace,
            large=self._target.large,
            feed=feed,
        ).run()
        group = self.group(prefix, size=run.progress.done)
        if feed is not None:
            name = feeding(feed).named(prefix)
            group.fed(self.feed(name))
        elif not run.duplicates and not self._policies.chained:
            group.fresh()
        for outcome in run.failures:
            group.refuse(outcome.task_id, outcome.error, outcome.payload)
        return group

    def feed(self, name: str) -> Feed:
        """Return the handle of a feed of this function; nothing is sent.

        Args:
            name: The ``task_ids`` that :meth:`map` was given, or the name of its ``Feeding``.
        """
        return Feed(self._port, self._target, name)

    def task(self, task_id: str) -> TaskHandle[R]:
        """Return the handle of a task of this function; nothing is sent."""
        return TaskHandle(self._port, self._target, task_id, chained=self._policies.chained)

    def group(self, prefix: str, *, size: int | None = None) -> TaskGroup[R]:
        """Return a group of tasks of this function; nothing is sent.

        Args:
            prefix: The ``task_ids`` that :meth:`map` was given.
            size: How many tasks it has. None: as many as the service lists; then a task that was
                accepted some seconds ago may not be listed yet, and if tasks are listed whose
                ids look like those of this group and cannot be, its methods raise
                InvalidParameter, which names them.

        Raises:
            InvalidParameter: No task id can begin so, or the size is wrong.
        """
        return TaskGroup(self._port, self._target, prefix, size, chained=self._policies.chained)
