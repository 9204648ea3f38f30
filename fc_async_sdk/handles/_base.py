# SPDX-License-Identifier: MIT
"""State and text that handles of both kinds share, and the same work with many items."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fc_async_sdk._ordering import NO_POLICIES, Policies
from fc_async_sdk._pacing import hop
from fc_async_sdk._payloads import values
from fc_async_sdk._payloads.schema import PayloadSchema
from fc_async_sdk.errors import Deferred
from fc_async_sdk.handles import snapshot
from fc_async_sdk.handles.members import Members, payload_of
from fc_async_sdk.operations import checks
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from fc_async_sdk._payloads.schema import Schema
    from fc_async_sdk.errors import FcAsyncError
    from fc_async_sdk.fanout import Progress
    from fc_async_sdk.handles.calls import Target
    from fc_async_sdk.handles.members import Ended
    from fc_async_sdk.models import AsyncTask
    from fc_async_sdk.operations import InvokeResult

P = TypeVar("P")
R = TypeVar("R")


class _CheckedSequence(Sequence[P]):
    """Payloads of a known number; each is checked when it is taken."""

    def __init__(self, payloads: Sequence[P], check: Callable[[P, str], P]) -> None:
        self._payloads = payloads
        self._check = check

    def __len__(self) -> int:
        return len(self._payloads)

    def __getitem__(self, index: Any) -> Any:
        return self._check(self._payloads[index], f"payloads[{index}]")


class BaseFunction(Generic[P, R]):
    """A function that is called with ``P`` and returns ``R``."""

    def __init__(
        self,
        port: Any,
        target: Target[R],
        payload: type[P],
        schema: Schema | None = None,
        policies: Policies = NO_POLICIES,
    ) -> None:
        # A type that JSON cannot be read as is an error where the handle is made, not at the first
        # call.
        values.check_type("payload", payload)
        self._port = port
        self.name = target.function
        self.qualifier = target.qualifier
        self._target = target
        self._payload = payload
        self._schema = None if schema is None else PayloadSchema(schema)
        self._policies = policies.check()

    def _check(self, payload: P, name: str = "payload") -> P:
        """Return a payload.

        Raises:
            InvalidParameter: It is of another type, or does not fit the schema.
            ConfigurationError: There is a schema, and ``jsonschema`` is not installed.
        """
        values.conform(name, self._payload, payload)
        if self._schema is not None:
            # The schema is checked against the bytes that are sent, not against the object: what
            # JSON makes of it counts.
            limit = limits.SYNC_PAYLOAD_BYTES if self._target.large is None else sys.maxsize
            sent = checks.payload(payload, limit)
            self._schema.check(name, sent)
        return payload

    def _returned(self, result: InvokeResult) -> R:
        """Return the result of a synchronous call.

        Raises:
            FunctionError: The function failed.
            Deferred: The function goes on later, as a task.
            InvalidPayload: What it returned does not fit the type.
            LargePayloadError: What it returned is a claim that cannot be read.
        """
        result.raise_for_function_error()
        next_message = hop.sent(result.payload)
        if next_message is not None:
            raise Deferred(self.name, next_message.next, next_message.reason)
        return self._target.read(result.payload, f"the result of {self.name}")

    def _checked(self, payloads: Iterable[P] | AsyncIterable[P]) -> Any:
        """Return the payloads, of which each is checked when it is taken."""
        if isinstance(payloads, AsyncIterable):
            return self._checked_later(payloads)
        if isinstance(payloads, Sequence):
            return _CheckedSequence(payloads, self._check)
        # A generator is checked as it is read: its end may be hours away, or never come.
        return (self._check(each, f"payloads[{index}]") for index, each in enumerate(payloads))

    async def _checked_later(self, payloads: AsyncIterable[P]) -> AsyncIterator[P]:
        index = 0
        async for payload in payloads:
            yield self._check(payload, f"payloads[{index}]")
            index += 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._target}>"


class BaseTask(Generic[R]):
    """One task, which returns ``R``."""

    def __init__(
        self,
        port: Any,
        target: Target[R],
        task_id: str,
        *,
        request_id: str = "",
        ended: Ended | None = None,
        group: Members | None = None,
        chained: bool = False,
    ) -> None:
        self._port = port
        self.id = task_id
        self.index = ended.index if ended else None
        self._target = target
        self._group = group
        self._chained = chained
        self._snapshot = snapshot.first(task_id, request_id, ended)

    @property
    def function(self) -> str:
        """Name of the function."""
        return self._target.function

    @property
    def qualifier(self) -> str | None:
        """Version or alias; None is LATEST."""
        return self._target.qualifier

    @property
    def request_id(self) -> str:
        """Id of the invocation's request, "" if it is not known."""
        return self._snapshot.request_id

    @property
    def task(self) -> AsyncTask | None:
        """The task as it was read last, or None."""
        return self._snapshot.task

    @property
    def error(self) -> FcAsyncError | None:
        """The reason why it has no result; None if it has one, or is not known to have ended."""
        return self._snapshot.error

    def _seen(self, task: AsyncTask) -> AsyncTask:
        """Keep what the service says about the task, and return it."""
        self._snapshot = self._snapshot.after(self.function, task)
        return task

    def _go_on(self, task: AsyncTask, payload: bytes | None) -> bool:
        """Go on to the message that a delivery has sent instead of running the handler.

        Returns:
            Whether the task that was read was such a delivery.
        """
        following = self._snapshot.following(task, payload)
        if following is None:
            return False
        self._snapshot = following
        return True

    def _result(self, task: AsyncTask) -> R:
        """Return the result of a task that has ended.

        Raises:
            TaskError: It has none.
            InvalidPayload: It does not fit the type.
            LargePayloadError: It is a claim that cannot be read.
        """
        if self.error is not None:
            raise self.error
        payload = payload_of(self.function, task)
        return self._target.read(payload, f"the result of task {task.task_id}")

    def _replay_id(self, task_id: str | None) -> str:
        if task_id is not None:
            return task_id
        return (self._group and self._group.next_id(self.id)) or self._target.new_id()

    def __repr__(self) -> str:
        status = self.task.status if self.task else "not read"
        return f"<{type(self).__name__} {self.id} of {self._target}: {status}>"


class BaseGroup(Generic[R]):
    """Many tasks of one function, whose ids begin alike."""

    def __init__(
        self,
        port: Any,
        target: Target[R],
        prefix: str,
        size: int | None,
        *,
        chained: bool = False,
    ) -> None:
        self._port = port
        self.prefix = prefix
        self.size = size
        self._target = target
        self._members = Members(target.function, prefix, size)
        self._chained = chained  # what a task returned tells whether another message follows it
        self._refused: dict[str, object] = {}
        self._feed: Any = None

    @property
    def function(self) -> str:
        """Name of the function."""
        return self._target.function

    @property
    def qualifier(self) -> str | None:
        """Version or alias; None is LATEST."""
        return self._target.qualifier

    @property
    def progress(self) -> Progress:
        """The counts of what is known so far."""
        return self._members.progress

    def fed(self, feed: Any) -> None:
        """Note which feed sends the tasks: those that it has not sent are not lost."""
        self._feed = feed
        self._chained = True  # the pace of the handler may send a message again

    def fresh(self) -> None:
        """Note that no task of this prefix existed before, so that there are no replays."""
        self._members.fresh()

    def refuse(self, task_id: str, error: FcAsyncError, payload: object) -> None:
        """Note that a task was not accepted, with its payload for another try."""
        self._members.refuse(task_id, error)
        self._refused[task_id] = payload

    def _accept(self, task_id: str) -> None:
        """Note that a task that was sent again was accepted."""
        self._members.send_again(task_id)
        self._refused.pop(task_id, None)

    def __repr__(self) -> str:
        seen = self.progress
        total = "?" if seen.total is None else seen.total
        return (
            f"<{type(self).__name__} {self.prefix} of {self._target}: {seen.done} of {total} have "
            f"ended, {seen.failed} without a result>"
        )


def each(work: Callable[[str], None], items: Sequence[str], concurrency: int) -> None:
    """Call a function with every item, on at most ``concurrency`` threads."""
    from concurrent import futures  # noqa: PLC0415 -- few programs need it

    with futures.ThreadPoolExecutor(concurrency, thread_name_prefix="stop") as pool:
        for _ in pool.map(work, items):
            pass


async def async_each(
    work: Callable[[str], Awaitable[None]], items: Sequence[str], concurrency: int
) -> None:
    """Call a coroutine function with every item, with at most ``concurrency`` at a time."""
    import asyncio  # noqa: PLC0415 -- synchronous programs do without it

    room = asyncio.Semaphore(concurrency)

    async def one(item: str) -> None:
        async with room:
            await work(item)

    await asyncio.gather(*[one(item) for item in items])
