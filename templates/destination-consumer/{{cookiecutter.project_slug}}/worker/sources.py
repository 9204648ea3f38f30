"""Reads messages: of MNS with the official client, of RocketMQ with the one of fc-async."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from fc_async_sdk import rocketmq
from fc_async_sdk.credentials import Credentials
from fc_async_sdk.errors import FcAsyncError
from mns.account import Account  # type: ignore[import-untyped]
from mns.mns_exception import MNSExceptionBase  # type: ignore[import-untyped]

from worker.settings import Settings

HIDDEN_SECONDS = 60
"""How long a received message of MNS is hidden from other workers. RocketMQ: always 5 minutes."""
_EMPTY = "MessageNotExist"
"""The answer of MNS to a poll that found no message."""


@dataclass(frozen=True)
class Message:
    """A message that was received and not acknowledged.

    Attributes:
        receives: How often it was received, this time included.
        handle: What acknowledges it.
    """

    id: str
    body: str
    receives: int
    handle: str


class Unavailable(Exception):
    """The service did not answer, or refused the call."""


class Source(Protocol):
    """A place with messages."""

    name: str

    def receive(self, wait_seconds: int) -> Message | None:
        """Return a message; None if none came in time.

        Args:
            wait_seconds: How long the service waits for a message, 0 to 30.

        Raises:
            Unavailable: The service did not answer.
        """

    def acknowledge(self, message: Message) -> None:
        """Delete a message, so that it is not received again.

        Raises:
            Unavailable: The service did not answer, or others may have received the message.
        """


class Mns:
    """A queue of MNS."""

    name = "mns"

    def __init__(self, settings: Settings) -> None:
        account = Account(settings.mns_endpoint, *_keys(settings))
        self._queue = account.get_queue(settings.mns_queue)
        # The SDK of fc-async reads the event both as base64 and as JSON.
        self._queue.set_encoding(False)

    def receive(self, wait_seconds: int) -> Message | None:
        with _translated():
            try:
                found = self._queue.receive_message_with_str_body(wait_seconds)
            except MNSExceptionBase as error:
                if error.type == _EMPTY:
                    return None
                raise
            hidden = self._queue.change_message_visibility(found.receipt_handle, HIDDEN_SECONDS)
        return Message(
            found.message_id, found.message_body, found.dequeue_count, hidden.receipt_handle
        )

    def acknowledge(self, message: Message) -> None:
        with _translated():
            self._queue.delete_message(message.handle)


class RocketMq:
    """A topic of RocketMQ 4.x, read over HTTP as one consumer group."""

    name = "rocketmq"

    def __init__(self, settings: Settings) -> None:
        key_id, secret, token = _keys(settings)
        keys = Credentials(access_key_id=key_id, access_key_secret=secret, security_token=token)
        names = settings.rocketmq_instance, settings.rocketmq_topic
        self._topic = rocketmq.Topic(settings.rocketmq_endpoint, *names, keys)
        self._group = settings.rocketmq_group

    def receive(self, wait_seconds: int) -> Message | None:
        with _translated():
            messages = self._topic.consume(self._group, limit=1, wait_seconds=wait_seconds)
        if not messages:
            return None
        [found] = messages
        return Message(
            found.message_id, found.message_body, found.consumed_times, found.receipt_handle
        )

    def acknowledge(self, message: Message) -> None:
        with _translated():
            if self._topic.acknowledge(self._group, [message.handle]):
                raise Unavailable("ReceiptHandleError: others may have received the message")


def _keys(settings: Settings) -> tuple[str, str, str]:
    return (
        settings.alibaba_cloud_access_key_id,
        settings.alibaba_cloud_access_key_secret,
        settings.alibaba_cloud_security_token,
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the errors of both clients as one class."""
    try:
        yield
    except MNSExceptionBase as error:
        raise Unavailable(f"{error.type}: {error.message}") from error
    except FcAsyncError as error:
        raise Unavailable(str(error)) from error
