"""Reads messages with the official clients of MNS and RocketMQ."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mns.account import Account  # type: ignore[import-untyped]
from mns.mns_exception import MNSExceptionBase  # type: ignore[import-untyped]
from mq_http_sdk.mq_client import MQClient  # type: ignore[import-untyped]
from mq_http_sdk.mq_exception import MQExceptionBase  # type: ignore[import-untyped]

from worker.settings import Settings

HIDDEN_SECONDS = 60
"""How long a received message of MNS is hidden from other workers. RocketMQ: always 5 minutes."""
_EMPTY = "MessageNotExist"
"""The answer of both services to a poll that found no message."""


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
        client = MQClient(settings.rocketmq_endpoint, *_keys(settings))
        self._consumer = client.get_consumer(
            settings.rocketmq_instance, settings.rocketmq_topic, settings.rocketmq_group
        )

    def receive(self, wait_seconds: int) -> Message | None:
        with _translated():
            try:
                [found] = self._consumer.consume_message(1, wait_seconds or -1)
            except MQExceptionBase as error:
                if error.type == _EMPTY:
                    return None
                raise
        return Message(
            found.message_id, found.message_body, found.consumed_times, found.receipt_handle
        )

    def acknowledge(self, message: Message) -> None:
        with _translated():
            self._consumer.ack_message([message.handle])


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
    except (MNSExceptionBase, MQExceptionBase) as error:
        raise Unavailable(f"{error.type}: {error.message}") from error
