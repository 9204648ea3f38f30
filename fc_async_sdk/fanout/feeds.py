# SPDX-License-Identifier: MIT
"""The run of a fan-out that a feed sends: writes the batch, and asks the function to begin.

Invariants:

- Nothing is sent before the whole batch is in the store: a sender that is killed has sent nothing.
- A call that is repeated writes the same batch, and the function goes on with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_sdk._feeding import BatchWriter, FeedStatus, messages
from fc_async_sdk._feeding.batch import feeding
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.fanout.plan import Outcome
from fc_async_sdk.operations import AcceptedInvocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_sdk._feeding import Feeding
    from fc_async_sdk._payloads.claims import PayloadStore
    from fc_async_sdk.fanout.plan import Job, TaskIds
    from fc_async_sdk.operations import InvokeResult


class Fed:
    """A run whose messages a feed sends.

    Args:
        feed: Where the batch is written.
        function: The function that it is for.
        start: Calls the function with a payload; a coroutine function for an asynchronous run.
        task_ids: As of the run.
        pace: Name of the pace of the sender, which that of the handler must have; "": it has none.
        limit: Bytes of the largest payload that the account takes.

    Attributes:
        start: As given.

    Raises:
        InvalidParameter: The feed has no name, or is none.
    """

    def __init__(
        self,
        feed: PayloadStore | Feeding,
        function: str,
        start: Callable[[bytes], Any],
        *,
        task_ids: TaskIds | None,
        pace: str,
        limit: int,
    ) -> None:
        if task_ids is None:
            raise InvalidParameter("task_ids", None, "must be given: a feed sends nothing twice")
        self.start = start
        self._feeding = feeding(feed)
        self._name = self._feeding.named(task_ids)
        self._function = function
        self._pace = pace
        self._limit = limit
        in_turn = self._feeding.key is not None
        self._writer = BatchWriter(self._feeding.store, function, in_turn=in_turn)
        self._stored: list[tuple[int, str]] = []

    @property
    def is_nearly_full(self) -> bool:
        """True if :meth:`add` may write to the store."""
        return self._writer.is_nearly_full

    def add(self, job: Job) -> None:
        """Write a message, perhaps with those before it.

        Raises:
            InvalidRequest: The service would refuse it.
            LargePayloadError: The store denied or failed.
        """
        job.call.check_size(self._limit)
        task_id: str = job.arguments["task_id"]
        key_of = self._feeding.key
        key = None if key_of is None else key_of(job.payload)
        self._writer.add(task_id, job.call.body, key)
        self._stored.append((job.index, task_id))

    def request(self) -> bytes:
        """Write what is left; return the payload that begins the feed.

        Raises:
            LargePayloadError: The store denied or failed.
        """
        batch = self._writer.close(self._pace, self._feeding.priority)
        return messages.Request(verb="start", name=self._name, batch=batch).encode()

    def outcomes(self, result: InvokeResult) -> Iterator[Outcome]:
        """Yield the outcomes of the messages that were written.

        Args:
            result: What the function has answered.

        Raises:
            FunctionError: The function failed.
            FeedError: The function has not begun the feed.
        """
        status_of(result, self._name, self._function)
        for index, task_id in self._stored:
            accepted = AcceptedInvocation(request_id=result.request_id, task_id=task_id)
            yield Outcome(index=index, payload=None, task_id=task_id, accepted=accepted)


def check_fed(delay: object, resume: object) -> None:
    """Check that a run has no arguments that say when it is sent, or which messages are.

    Raises:
        InvalidParameter: It has.
    """
    if delay is not None:
        raise InvalidParameter("delay", delay, "is decided by the pace of a feed: leave it out")
    if resume is not None:
        raise InvalidParameter("resume", "…", "goes without feed: the same call goes on by itself")


def status_of(result: InvokeResult, name: str, function: str) -> FeedStatus:
    """Return what a function has answered about a feed.

    Raises:
        FunctionError: The function failed.
        FeedError: It has refused the request, or does not know feeds.
    """
    result.raise_for_function_error()
    return messages.answered(result.payload, name, function)
