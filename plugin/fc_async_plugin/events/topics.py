# SPDX-License-Identifier: MIT
"""Reads destination events from a topic of RocketMQ 4.x, as a group, through the official client.

A topic keeps its messages: what is removed is removed for the group. What the group has received
and not removed comes again after five minutes.

Importing this module needs ``mq_http_sdk``, the extra ``events``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_exception import MQExceptionBase

from fc_async_plugin.events.sources import BATCH, Receiver

if TYPE_CHECKING:
    from fc_async_sdk.credentials import Credentials
    from fc_async_sdk.spec.arn import RocketMqTopicArn


class Topic(Receiver):
    """The messages of a topic that a group has not consumed, for a replay.

    Args:
        address: URL of RocketMQ.
        topic: The topic.
        group: Name of the group, such as ``GID_replay``.
        credentials: The keys.
    """

    errors = MQExceptionBase

    def __init__(
        self, address: str, topic: RocketMqTopicArn, group: str, credentials: Credentials
    ) -> None:
        super().__init__()
        self._client: Any = MQClient(
            address,
            credentials.access_key_id,
            credentials.access_key_secret,
            credentials.security_token or "",
        )
        self._consumer: Any = self._client.get_consumer(topic.instance_id, topic.topic, group)
        self.notes = (
            f"what group {group} has received and not removed comes again after five minutes",
        )

    def receive(self) -> list[Any]:
        """Consume messages as the group."""
        found: list[Any] = self._consumer.consume_message(BATCH)
        return found

    def delete(self, receipts: list[str]) -> None:
        """Remove messages for the group."""
        self._consumer.ack_message(receipts)

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._client.close_connection()
