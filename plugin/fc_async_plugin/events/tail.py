# SPDX-License-Identifier: MIT
"""Destination events out of an MNS queue as they come, through the official client.

A queue is not a log: whoever receives a message hides it from everybody else for a while. So by
default nothing is deleted and a message that was shown once isn't shown again when it comes back;
only ``consume`` takes messages away. A message that is no destination event is told, not dropped.

Importing this module takes ``aliyun-mns-sdk``, the extra ``events``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

import requests
from mns.account import Account
from mns.mns_exception import MNSExceptionBase

from fc_async_plugin import PluginError
from fc_async_sdk import endpoint, events
from fc_async_sdk.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from fc_async_sdk.credentials import Credentials
    from fc_async_sdk.events import DestinationEvent

BATCH: Final = 16
"""The most messages that one request may bring (MNS)."""
WAIT_SECONDS: Final = 10
_EMPTY: Final = "MessageNotExist"
_TIMEOUT: Final = 5.0


class Shown(NamedTuple):
    """One message.

    Attributes:
        message_id: Of MNS.
        event: What it carries, or None if it is no destination event.
        problem: Why it is none, else "".
    """

    message_id: str
    event: DestinationEvent | None
    problem: str = ""


def mns_endpoint(fc_endpoint: str | None, *, account_id: str, region: str) -> str:
    """Where MNS is.

    Args:
        fc_endpoint: The endpoint of the FC API, None for the service's own.
        account_id: Of the queue.
        region: Of the queue.

    Raises:
        PluginError: It can't be known.
    """
    if fc_endpoint is None:
        if not account_id or not region:
            raise PluginError("MNS's address takes an account and a region: name the queue's ARN")
        return f"https://{account_id}.mns.{region}.aliyuncs.com"
    if not endpoint.is_loopback(urlsplit(fc_endpoint).hostname or ""):
        raise PluginError(f"where MNS is beside {fc_endpoint} isn't known: pass --mns-endpoint")
    try:
        answer = requests.get(f"{fc_endpoint.rstrip('/')}/_local/health", timeout=_TIMEOUT)
        return str(answer.json()["mns"])
    except (requests.RequestException, ValueError, KeyError) as error:
        raise PluginError(
            f"{fc_endpoint} doesn't say where its MNS is ({error}): pass --mns-endpoint"
        ) from error


class QueueTail:
    """Reads one queue.

    Args:
        address: URL of MNS.
        queue: Name of the queue.
        credentials: Who reads.
        consume: Delete what was shown.
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
        """Nothing is connected before the first message is asked for."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections that the official client keeps: one of its own, one per queue."""
        for client in (self._account.mns_client, self._queue.mns_client):
            client.close_connection()

    def messages(self, *, follow: bool) -> Iterator[Shown]:
        """The messages of the queue.

        Args:
            follow: Go on for ever; otherwise end when the queue is empty.

        Raises:
            PluginError: The queue can't be read.
        """
        while True:
            found = self._receive(WAIT_SECONDS if follow else 0)
            if not found and not follow:
                return
            yield from self._show(found)

    def _receive(self, wait_seconds: int) -> list[Any]:
        try:
            found: list[Any] = self._queue.batch_receive_message_with_str_body(BATCH, wait_seconds)
        except MNSExceptionBase as error:
            if getattr(error, "type", "") == _EMPTY:
                return []
            raise PluginError(f"the queue can't be read: {error}") from error
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
                    raise PluginError(f"a message can't be deleted: {error}") from error


def _read(message: Any) -> Shown:
    try:
        return Shown(message.message_id, events.from_mns_message(message))
    except InvalidEvent as error:
        return Shown(message.message_id, None, str(error))
