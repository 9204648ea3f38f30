# SPDX-License-Identifier: MIT
"""Reads destination events from an MNS queue, through the official client.

Receiving a message hides it from other readers until its visibility timeout ends.

Invariants:

- Messages are deleted only with ``consume``. Otherwise they become visible again, and a message
  that was returned once is not returned a second time.
- A message that is not a destination event is returned with the reason.

Importing this module needs ``aliyun-mns-sdk``, the extra ``events``.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mns.account import Account
from mns.mns_exception import MNSExceptionBase

from fc_async_plugin import PluginError
from fc_async_sdk import events
from fc_async_sdk.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from fc_async_sdk.credentials import Credentials
    from fc_async_sdk.events import DestinationEvent

BATCH: Final = 16
"""Largest number of messages that one request to MNS returns."""
WAIT_SECONDS: Final = 10
_EMPTY: Final = "MessageNotExist"


class Shown(NamedTuple):
    """A message of a queue, with the destination event in it.

    Attributes:
        message_id: Its id in MNS.
        event: The event in it; None if it is not a destination event.
        problem: Why it is not a destination event, else "".
    """

    message_id: str
    event: DestinationEvent | None
    problem: str = ""


class QueueTail:
    """Reads one queue.

    Args:
        address: URL of MNS.
        queue: Name of the queue.
        credentials: The keys.
        consume: Delete each message after it was returned.
    """

    def __init__(
        self, address: str, queue: str, credentials: Credentials, *, consume: bool
    ) -> None:
        self._account: Any = Account(
            address,
            credentials.access_key_id,
            credentials.access_key_secret,
            credentials.security_token,
        )
        self._queue: Any = self._account.get_queue(queue)
        self._consume = consume
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        """Connect at the first request, not here."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections that the official client keeps: one of its own, one per queue."""
        for client in (self._account.mns_client, self._queue.mns_client):
            client.close_connection()

    def messages(self, *, follow: bool) -> Iterator[Shown]:
        """Yield the messages of the queue.

        Args:
            follow: Wait for further messages; otherwise end when the queue is empty.

        Raises:
            PluginError: The queue cannot be read.
        """
        while True:
            found = self._receive(WAIT_SECONDS if follow else 0)
            if not found and not follow:
                return
            yield from self._show(found)

    def peek(self) -> tuple[list[Shown], int]:
        """Return up to :data:`BATCH` messages, which stay visible, and the number of all.

        Raises:
            PluginError: The queue cannot be read.
        """
        try:
            with warnings.catch_warnings():
                # The client warns of the number of messages, which MNS may not answer some day.
                warnings.simplefilter("ignore", DeprecationWarning)
                depth = int(self._queue.get_attributes().active_messages)
            found = self._queue.batch_peek_message_with_str_body(BATCH) if depth else []
        except MNSExceptionBase as error:
            if getattr(error, "type", "") == _EMPTY:
                return [], 0
            raise PluginError(f"the queue cannot be read: {_reason(error)}") from error
        return [_read(one) for one in found], depth

    def _receive(self, wait_seconds: int) -> list[Any]:
        try:
            found: list[Any] = self._queue.batch_receive_message_with_str_body(BATCH, wait_seconds)
        except MNSExceptionBase as error:
            if getattr(error, "type", "") == _EMPTY:
                return []
            raise PluginError(f"the queue cannot be read: {_reason(error)}") from error
        return found

    def _show(self, messages: list[Any]) -> Iterator[Shown]:
        for message in messages:
            if message.message_id not in self._seen:
                self._seen.add(message.message_id)
                yield _read(message)
            if self._consume:
                try:
                    self._queue.delete_message(message.receipt_handle)
                except MNSExceptionBase as error:
                    raise PluginError(f"a message cannot be deleted: {_reason(error)}") from error


def _reason(error: MNSExceptionBase) -> str:
    # str(error) of the official client ends with a line break and has two spaces in a row.
    return f"{error.type}: {error.message}"


def _read(message: Any) -> Shown:
    try:
        return Shown(message.message_id, events.from_mns_message(message))
    except InvalidEvent as error:
        return Shown(message.message_id, None, str(error))
