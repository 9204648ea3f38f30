# SPDX-License-Identifier: MIT
"""Reads destination events from an MNS queue, through the official client.

Receiving a message hides it from other readers until its visibility timeout ends.

Importing this module needs ``aliyun-mns-sdk``, the extra ``events``.
"""

from __future__ import annotations

import functools
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mns.account import Account
from mns.mns_exception import MNSExceptionBase

from fc_async_plugin.account import suggestions
from fc_async_plugin.operate.events import lines
from fc_async_plugin.operate.events.lines import Shown  # noqa: TC001 -- NamedTuple fields
from fc_async_plugin.operate.events.sources import BATCH, Receiver
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk.credentials import Credentials

_WAIT_SECONDS: Final = 10
_LISTED: Final = 1_000
"""Queues that are compared with a name that none has: the largest page of MNS."""
_SHOWN: Final = 10
_WORKERS: Final = 8
"""Connections that make messages visible again, one request each."""


class Peek(NamedTuple):
    """Messages that stay visible, and facts of their queue.

    Attributes:
        messages: Up to :data:`BATCH` of them.
        depth: Number of all visible messages.
        retention: For how many seconds the queue keeps a message; None if MNS does not say it.
    """

    messages: list[Shown]
    depth: int
    retention: int | None


class Queue(Receiver):
    """The messages of a queue.

    Args:
        address: URL of MNS.
        queue: Name of the queue.
        credentials: The keys.
    """

    errors = MNSExceptionBase

    def __init__(self, address: str, queue: str, credentials: Credentials) -> None:
        super().__init__()
        self._name = queue
        self._list_names = functools.partial(_names, address, credentials)
        self._connect = functools.partial(_connected, address, queue, credentials)
        self._connection = self._connect()
        self._queue = self._connection.__enter__()
        self._wait_seconds = 0

    def look(self) -> Iterator[Shown]:
        """Receive the messages that are visible; note how many are not."""
        yield from super().look()
        with warnings.catch_warnings():
            # The client marks the counts of queues as going away; 0 then.
            warnings.simplefilter("ignore", DeprecationWarning)
            counts = self._queue.get_attributes()
            hidden = getattr(counts, "inactive_messages", 0)
            visible = getattr(counts, "active_messages", 0)
        if self.left:
            remaining = hidden + visible - len(self._receipts)
            self.left = remaining > 0
            self.notes = (*self.notes, f"not read: {plural(max(remaining, 0), 'message')}")
        elif hidden > len(self._receipts):
            held = plural(hidden - len(self._receipts), "message")
            sentence = f"not shown: {held} that another reader has received"
            self.notes = (*self.notes, f"{sentence}, until the visibility timeout ends")

    def follow(self) -> Iterator[Shown]:
        """Yield the messages and wait for more, without an end."""
        self._wait_seconds = _WAIT_SECONDS
        seen: set[str] = set()
        while True:
            for message in self._received():
                self._receipts[message.message_id] = message.receipt_handle
                # A message comes again when its visibility timeout ends.
                if message.message_id not in seen:
                    seen.add(message.message_id)
                    yield lines.read(message.message_id, message)

    def peek(self) -> Peek:
        """Look at messages without receiving them.

        Raises:
            PluginError: The queue cannot be read.
        """
        with warnings.catch_warnings():
            # The client warns of the number of messages, which MNS may not answer some day.
            warnings.simplefilter("ignore", DeprecationWarning)
            attributes: Any = self._asked(self._queue.get_attributes, None)
            depth = int(attributes.active_messages)
        peek = functools.partial(self._queue.batch_peek_message_with_str_body, BATCH)
        # Also with a depth of 0, which MNS announces to answer for every queue.
        messages: list[Any] = self._asked(peek, [])
        shown = [lines.read(message.message_id, message) for message in messages]
        retention = getattr(attributes, "message_retention_period", None)
        return Peek(shown, max(depth, len(shown)), retention and int(retention))

    def receive(self) -> list[Any]:
        """Receive messages."""
        messages: list[Any] = self._queue.batch_receive_message_with_str_body(
            BATCH, self._wait_seconds
        )
        return messages

    def delete(self, receipts: list[str]) -> set[str]:
        """Delete messages; return the receipts that have ended."""
        try:
            self._queue.batch_delete_message(receipts)
        except MNSExceptionBase as error:
            # A part of the batch may be deleted: the error names the rest.
            failures: list[dict[str, str]] = getattr(error, "sub_errors", None) or []
            if not failures:
                raise
            return {failure["ReceiptHandle"] for failure in failures}
        return set()

    def show_again(self, receipts: list[str]) -> None:
        """Make messages visible in a second, the least that MNS allows."""

        def show(part: list[str]) -> None:
            with self._connect() as queue:
                for receipt in part:
                    with suppress(MNSExceptionBase):  # it is visible, or becomes so at its time
                        queue.change_message_visibility(receipt, 1)

        parts = [part for at in range(_WORKERS) if (part := receipts[at::_WORKERS])]
        with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
            list(pool.map(show, parts))

    def advice(self, error: Exception) -> str:
        """Return which queue may be meant in place of one that does not exist."""
        # A mistyped queue is the usual cause, so the names of the others are the answer to it.
        if getattr(error, "type", "") != "QueueNotExist":
            return ""
        try:
            names = self._list_names()
        except MNSExceptionBase:
            return ""  # keys that may not list
        if not names:
            return "\nThere is no queue."
        near = suggestions.nearest(self._name, names)
        shown = ", ".join(names[:_SHOWN])
        more = len(names) - _SHOWN
        ending = f" and {more:,} others" if more > 0 else ""
        hint = f"Did you mean {near}? " if near else ""
        return f"\n{hint}There are: {shown}{ending}."

    def __exit__(self, *error: object) -> None:
        if not self._wait_seconds:
            super().__exit__()
        self._connection.__exit__(None, None, None)


def _names(address: str, credentials: Credentials) -> list[str]:
    """Return the names of the queues of an account: those of the first page."""
    with _opened(address, credentials) as account:
        urls, _ = account.list_queue(ret_number=_LISTED)
    return sorted(url.rpartition("/")[2] for url in urls)


@contextmanager
def _opened(address: str, credentials: Credentials) -> Iterator[Any]:
    """Yield an account of the official client; close its connections."""
    account: Any = Account(
        address,
        credentials.access_key_id,
        credentials.access_key_secret,
        credentials.security_token,
    )
    try:
        yield account
    finally:
        account.mns_client.close_connection()


@contextmanager
def _connected(address: str, name: str, credentials: Credentials) -> Iterator[Any]:
    """Yield a queue of the official client; close its connections: its own and the account's."""
    with _opened(address, credentials) as account:
        queue: Any = account.get_queue(name)
        try:
            yield queue
        finally:
            queue.mns_client.close_connection()
