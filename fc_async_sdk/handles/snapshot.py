# SPDX-License-Identifier: MIT
"""The known state of one task: the answer that was read last, and the message that it is now.

A message whose slot has not come is delivered only to send the next one, so a paced task is a chain
of messages (:mod:`fc_async_sdk._pacing.hop`). The first one that runs the handler is its end.
Everything here is pure: each step returns the next snapshot.

Invariants:

- A snapshot has a task only of the message that it names.
- The error is None, or the reason why the task has no result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fc_async_sdk._pacing import hop
from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.handles.members import error_of
from fc_async_sdk.models import AsyncTask

if TYPE_CHECKING:
    from fc_async_sdk.handles.members import Ended


class Snapshot(msgspec.Struct, frozen=True):
    """The known state of a task.

    Attributes:
        message_id: The message of a chain that the task is now; at first its own id.
        request_id: Of the invocation, "" if it is not known.
        task: What was read of the message last, or None.
        error: Why it has no result, or None if it has, or is not known to have ended.
        from_list: Whether it comes from a list, which does not hold what was returned.
    """

    message_id: str
    request_id: str = ""
    task: AsyncTask | None = None
    error: FcAsyncError | None = None
    from_list: bool = False

    @property
    def incomplete(self) -> bool:
        """True if reading the task again may bring its return value."""
        task = self.task
        return (
            self.from_list and task is not None and task.succeeded and task.return_payload is None
        )

    def after(self, function: str, task: AsyncTask) -> Snapshot:
        """Return what is known after a task of a function was read by itself."""
        return replace(
            self,
            task=task,
            from_list=False,
            request_id=task.request_id or self.request_id,
            error=error_of(function, task),
        )

    def following(self, task: AsyncTask, payload: bytes | None) -> Snapshot | None:
        """Return what is known of the message that a delivery has sent in place of its handler.

        Args:
            task: The delivery, as it was read last.
            payload: Its payload, or None if that is not known.

        Returns:
            None if the task that was read was not such a delivery.
        """
        message_id = hop.following(task, payload)
        if not message_id:
            return None
        # What was read is the task before: nothing is known of this one.
        return replace(self, message_id=message_id, task=None)


def first(task_id: str, request_id: str, ended: Ended | None) -> Snapshot:
    """Return what is known of a task before it is read.

    Args:
        task_id: Its id.
        request_id: Of the invocation, "" if it is not known.
        ended: Its end, if a list of its group has told it.
    """
    if ended is None:
        return Snapshot(task_id, request_id)
    listed_id = "" if ended.task is None else ended.task.request_id
    return Snapshot(task_id, request_id or listed_id or "", ended.task, ended.error, from_list=True)
