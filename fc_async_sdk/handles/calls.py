# SPDX-License-Identifier: MIT
"""Arguments of the operations that handles of both kinds send. No I/O."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Generic, TypedDict, TypeVar

from fc_async_sdk._payloads import claims, values
from fc_async_sdk.errors import AsyncInvocationStopped, AsyncTaskNotFound, TaskLost
from fc_async_sdk.handles.scan import LIVE_STATUSES, Listing
from fc_async_sdk.operations import checks
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

    from fc_async_sdk._ordering import BaseConcurrency, BaseDebounce
    from fc_async_sdk._pacing import BasePace
    from fc_async_sdk._payloads.claims import PayloadStore
    from fc_async_sdk._payloads.schema import Schema
    from fc_async_sdk.handles.members import Members
    from fc_async_sdk.models import AsyncTaskPage, TaskStatus

_NAME: Final = 96

R = TypeVar("R")

ENDED_ALREADY = (AsyncTaskNotFound, AsyncInvocationStopped)
"""Errors that a request to stop a task gets if the task has ended."""


class HandleOptions(TypedDict, total=False):
    """Options of a handle that do not decide its types; see ``client.function``."""

    qualifier: str | None
    schema: Schema | None
    pace: BasePace | None
    concurrency: BaseConcurrency | None
    debounce: BaseDebounce | None
    large: PayloadStore | None


class Target(Generic[R]):
    """The function that is called, and what it returns.

    Args:
        function: Its name.
        qualifier: Version or alias, or None.
        result: What its results are read as.
        large: Store of large payloads and results, or None.

    Raises:
        InvalidParameter: One of them is wrong.
    """

    def __init__(
        self,
        function: str,
        qualifier: str | None,
        result: type[R],
        large: PayloadStore | None = None,
    ) -> None:
        self.function = checks.segment("function", function)
        self.qualifier = checks.qualifier(qualifier)
        self.result = result
        self.large = claims.check(large)
        values.check_type("result", result)

    def new_id(self) -> str:
        """Return an id that no other task has."""
        # A function's name begins as a task id does, and has the same characters.
        return f"{self.function[:_NAME]}-{os.urandom(8).hex()}"

    def read(self, payload: bytes, subject: str) -> R:
        """Return a result, read as its type.

        Raises:
            InvalidPayload: It does not fit.
            LargePayloadError: It is a claim that cannot be read.
        """
        return values.from_json(self.result, claims.opened(self.large, payload), subject=subject)

    def listing(self, listing: Listing, *, payload: bool, page_size: int) -> dict[str, Any]:
        """Return the arguments of ``list_async_tasks`` that read a page of a group."""
        return {
            "qualifier": self.qualifier,
            "prefix": listing.prefix,
            "status": listing.status,
            "sort_order_by_time": "asc",
            "include_payload": payload or None,
            "limit": page_size,
            "next_token": listing.token,
        }

    def __str__(self) -> str:
        return f"{self.function}:{self.qualifier}" if self.qualifier else self.function


def payload_of(target: Target[Any], task_id: str, page: AsyncTaskPage) -> bytes | None:
    """Return the payload of a task from a page that lists it, or None if the page does not.

    Raises:
        TaskLost: The service lists the task without its payload.
    """
    task = next((task for task in page.tasks if task.task_id == task_id), None)
    if task is None:
        return None
    payload = task.task_payload_bytes
    if payload is None:
        raise TaskLost(
            "cannot be replayed: the service does not say what it was called with",
            function=target.function,
            task_id=task_id,
            status=str(task.status),
        )
    return payload


def survey(group: Members) -> Iterator[Listing]:
    """Yield the lists that a change of a group reads first: replays, and all if it has no size."""
    yield Listing(group.names.replays, None)
    if group.size is None:
        yield Listing(group.names.first, None)


def live(group: Members) -> Iterator[Listing]:
    """Yield the lists of tasks that can be stopped."""
    for prefix in (group.names.first, group.names.replays):
        for status in LIVE_STATUSES:
            if status != "Stopping":
                yield Listing(prefix, None, status)


def failures(group: Members, statuses: Sequence[TaskStatus]) -> Iterator[Listing]:
    """Yield the lists of tasks that a replay of a group is made from, replays first."""
    for prefix in (group.names.replays, group.names.first):
        for status in statuses:
            yield Listing(prefix, None, status)


def repeats(
    group: Members, page: AsyncTaskPage, target: Target[Any], earlier: Container[str]
) -> Iterator[tuple[str, bytes]]:
    """Yield id and payload for every task of a page that is to be replayed.

    Args:
        group: The group.
        page: Tasks that failed, with their payloads.
        target: The function.
        earlier: Replays that were made before: those that this call makes are not replayed again.
    """
    for task in page.tasks:
        is_replay = task.task_id.startswith(group.names.replays)
        # Without this a task that fails at once is replayed without end: its replay is listed
        # while the call goes on.
        if is_replay and task.task_id not in earlier:
            continue
        if group.is_last(task.task_id):
            payload = payload_of(target, task.task_id, page)
            assert payload is not None
            yield group.next_id(task.task_id), payload


def page_size(value: object) -> int:
    """Return the tasks per page.

    Raises:
        InvalidParameter: It is out of range.
    """
    size = checks.integer("page_size", value, limits.PAGE_SIZE)
    return limits.PAGE_SIZE.high if size is None else size
