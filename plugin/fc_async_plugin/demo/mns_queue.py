# SPDX-License-Identifier: MIT
"""The demo's look into its MNS queue, through the official client ``aliyun-mns-sdk``.

Nothing of ours stands between the client and the queue: that is the point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mns.account import Account
from mns.queue import QueueMeta

from fc_async_sdk import events

if TYPE_CHECKING:
    from fc_async_sdk.events import DestinationEvent

LONG_POLL_SECONDS = 20


class Received(NamedTuple):
    """One message and the event that it carries."""

    message_id: str
    event: DestinationEvent


class EventQueue:
    """One queue that destination events go to."""

    def __init__(self, endpoint: str, name: str) -> None:
        # Any key will do: the local runtime takes all unless told otherwise.
        self._queue = Account(endpoint, "local", "local").get_queue(name)

    def create(self) -> None:
        """Make the queue; again: no harm."""
        self._queue.create(QueueMeta())

    def receive(self) -> Received:
        """Wait for one message, read it and delete it.

        Raises:
            mns.mns_exception.MNSServerException: None came (``MessageNotExist``).
            fc_async_sdk.errors.InvalidEvent: It was not a destination event.
        """
        message = self._queue.receive_message(LONG_POLL_SECONDS)
        event = events.from_mns_message(message)
        self._queue.delete_message(message.receipt_handle)
        return Received(message.message_id, event)
