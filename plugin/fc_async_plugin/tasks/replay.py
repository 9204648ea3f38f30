# SPDX-License-Identifier: MIT
"""Invoking a function again with the payload of a task that has ended, byte for byte.

The new task's id is made from the old one, so that the service itself refuses a second replay of
the same number.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_sdk import Client

_SUFFIX: Final = re.compile(r"-replay-([0-9]+)\Z")
_LONGEST_ID: Final = 128


class Replayed(NamedTuple):
    """What became of one task.

    Attributes:
        task_id: The old one.
        replayed_as: The new one, "" if it wasn't accepted.
        error: Why not, "" if it was.
    """

    task_id: str
    replayed_as: str = ""
    error: str = ""


def next_id(task_id: str) -> str:
    """The id of a replay: ``order-7`` becomes ``order-7-replay-1``, that one ``order-7-replay-2``.

    An id that was made by the service may begin with a digit, which no id of ours may: it gets a
    ``t-`` in front.
    """
    found = _SUFFIX.search(task_id)
    number = int(found[1]) + 1 if found else 1
    stem = task_id[: found.start()] if found else task_id
    suffix = f"-replay-{number}"
    if not limits.TASK_ID_PATTERN.fullmatch(stem):
        stem = f"t-{stem}"
    return stem[: _LONGEST_ID - len(suffix)] + suffix


def failed(client: Client, function: str, qualifier: str | None, limit: int) -> tuple[str, ...]:
    """Ids of the newest tasks that failed."""
    tasks = client.get_paginator("list_async_tasks").paginate(
        function,
        qualifier=qualifier,
        status="Failed",
        sort_order_by_time="desc",
        limit=limits.PAGE_SIZE.high,
    )
    return tuple(task.task_id for task in islice(tasks.items(), limit))


def again(client: Client, function: str, task_id: str, qualifier: str | None) -> Replayed:
    """Invoke the function with a task's payload.

    Args:
        client: Of the function's region.
        function: Name of the function.
        task_id: The task that has ended.
        qualifier: Version or alias it was called by, and will be again.
    """
    try:
        task = client.get_async_task(function, task_id, qualifier=qualifier)
        if not task.finished:
            return Replayed(task_id, error=f"it is {task.status}: wait for its end, or stop it")
        payload = task.task_payload_bytes
        if payload is None:
            return Replayed(task_id, error="the service did not keep its payload")
        accepted = client.invoke_async(
            function, payload, task_id=next_id(task_id), qualifier=qualifier
        )
    except FcAsyncError as error:
        return Replayed(task_id, error=str(error))
    return Replayed(task_id, replayed_as=accepted.task_id)
