# SPDX-License-Identifier: MIT
"""Reads destination events from an MNS queue, through the official client.

Receiving a message hides it from other readers until its visibility timeout ends.

Invariants:

- Messages are deleted only with ``consume``, or after their event was accepted. Otherwise they
  become visible again, and a message that was returned once is not returned a second time.
- A message that is not a destination event is returned with the reason.

Importing this module needs ``aliyun-mns-sdk``, the extra ``events``.
"""

from __future__ import annotations

import functools
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mns.account import Account
from mns.mns_exception import MNSExceptionBase

from fc_async_plugin import PluginError
from fc_async_plugin.events import lines
from fc_async_plugin.events.sources import BATCH, MISSING, Receiver, ended
from fc_async_plugin.report.findings import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Self

    from fc_async_plugin.events.lines import Shown
    from fc_async_sdk.credentials import Credentials

WAIT_SECONDS: Final = 10
_WORKERS: Final = 8
"""Connections that make messages visible again, one request each."""


class _Queue:
    """A queue with connections of its own."""

    def __init__(self, address: str, name: str, credentials: Credentials) -> None:
        self._account: Any = Account(
            address,
            credentials.access_key_id,
            credentials.access_key_secret,
            credentials.security_token,
        )
        self.client: Any = self._account.get_queue(name)

    def close(self) -> None:
        """Close the connections that the official client keeps: one of its own, one per queue."""
        for client in (self._account.mns_client, self.client.mns_client):
            client.close_connection()

    def receive(self, wait_seconds: int) -> list[Any]:
        """Return messages; none if there are none in this time.

        Raises:
            PluginError: The queue cannot be read.
        """
        try:
            found: list[Any] = self.client.batch_receive_message_with_str_body(BATCH, wait_seconds)
        except MNSExceptionBase as error:
            if getattr(error, "type", "") == MISSING:
                return []
            raise PluginError(f"the queue cannot be read: {_reason(error)}") from error
        return found

    def delete(self, receipts: list[str]) -> set[str]:
        """Delete messages; return the receipts that have ended.

        Raises:
            PluginError: The queue cannot be written.
        """
        try:
            self.client.batch_delete_message(receipts)
        except MNSExceptionBase as error:
            refused = ended(error, receipts)
            if not refused:
                raise PluginError(f"a message cannot be deleted: {_reason(error)}") from error
            return refused
        return set()

    def peek(self) -> tuple[list[Shown], int]:
        """Return up to :data:`BATCH` messages, which stay visible, and the number of all."""
        try:
            with warnings.catch_warnings():
                # The client warns of the number of messages, which MNS may not answer some day.
                warnings.simplefilter("ignore", DeprecationWarning)
                depth = int(self.client.get_attributes().active_messages)
            found = self.client.batch_peek_message_with_str_body(BATCH) if depth else []
        except MNSExceptionBase as error:
            if getattr(error, "type", "") == MISSING:
                return [], 0
            raise PluginError(f"the queue cannot be read: {_reason(error)}") from error
        return [lines.read(one.message_id, one) for one in found], depth

    def hidden(self) -> int:
        """Return the number of messages that a reader has received and not deleted."""
        with warnings.catch_warnings():
            # The client marks the counts of queues as going away; 0 then.
            warnings.simplefilter("ignore", DeprecationWarning)
            return getattr(self.client.get_attributes(), "inactive_messages", 0)


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
        self._open = functools.partial(_Queue, address, queue, credentials)
        self._queue = self._open()
        self._consume = consume
        self._seen: set[str] = set()
        self._held: list[str] = []  # receipts

    def __enter__(self) -> Self:
        """Connect at the first request, not here."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let other readers have what was read to the end of the queue; close the connections."""
        _show_again(self._open, self._held)
        self._queue.close()

    def messages(self, *, follow: bool) -> Iterator[Shown]:
        """Yield the messages of the queue.

        Args:
            follow: Wait for further messages; otherwise end when the queue is empty.

        Raises:
            PluginError: The queue cannot be read.
        """
        while True:
            found = self._queue.receive(WAIT_SECONDS if follow else 0)
            if not found and not follow:
                return
            if not follow and not self._consume:
                self._held += [message.receipt_handle for message in found]
            yield from self._show(found)

    def peek(self) -> tuple[list[Shown], int]:
        """Return up to :data:`BATCH` messages, which stay visible, and the number of all.

        Raises:
            PluginError: The queue cannot be read.
        """
        return self._queue.peek()

    def _show(self, messages: list[Any]) -> Iterator[Shown]:
        for message in messages:
            if message.message_id not in self._seen:
                self._seen.add(message.message_id)
                yield lines.read(message.message_id, message)
            if self._consume and self._queue.delete([message.receipt_handle]):
                raise PluginError(f"message {message.message_id} cannot be deleted any more")


class QueueSource(Receiver):
    """The messages of a queue, for a replay.

    Args:
        address: URL of MNS.
        queue: Name of the queue.
        credentials: The keys.
    """

    def __init__(self, address: str, queue: str, credentials: Credentials) -> None:
        super().__init__()
        self._open = functools.partial(_Queue, address, queue, credentials)
        self._queue = self._open()

    def look(self) -> Iterator[Shown]:
        """Receive the messages that are visible; note how many are not."""
        yield from super().look()
        hidden = self._queue.hidden() - len(self._receipts)
        if hidden > 0:
            sentence = f"not shown: {plural(hidden, 'message')} that another reader has received"
            self.notes = (*self.notes, f"{sentence}, until the visibility timeout ends")

    def receive(self) -> list[Any]:
        """Receive messages; do not wait for any."""
        return self._queue.receive(0)

    def delete(self, receipts: list[str]) -> set[str]:
        """Delete messages."""
        return self._queue.delete(receipts)

    def show_again(self, receipts: list[str]) -> None:
        """Make messages visible in a second, the least that MNS allows."""
        _show_again(self._open, receipts)

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._queue.close()


def _show_again(connect: Callable[[], _Queue], receipts: list[str]) -> None:
    def show(part: list[str]) -> None:
        queue = connect()
        for receipt in part:
            with suppress(MNSExceptionBase):  # it is visible already, or becomes so at its time
                queue.client.change_message_visibility(receipt, 1)
        queue.close()

    parts = [part for at in range(_WORKERS) if (part := receipts[at::_WORKERS])]
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        list(pool.map(show, parts))


def _reason(error: MNSExceptionBase) -> str:
    # str(error) of the official client ends with a line break and has two spaces in a row.
    return f"{error.type}: {error.message}"
