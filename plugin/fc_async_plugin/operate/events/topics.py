# SPDX-License-Identifier: MIT
"""Reads destination events from a topic of RocketMQ 4.x, as a group, over its HTTP protocol.

A topic keeps its messages: what is removed is removed for the group. What the group has received
and not removed comes again after five minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.operate.events.sources import BATCH, Receiver
from fc_async_sdk import rocketmq
from fc_async_sdk.config import Config
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from fc_async_sdk.credentials import Credentials
    from fc_async_sdk.rocketmq import Message
    from fc_async_sdk.spec.arn import RocketMqTopicArn


class Topic(Receiver):
    """The messages of a topic that a group has not consumed, for a replay.

    Args:
        address: URL of RocketMQ.
        topic: The topic.
        group: Name of the group, such as ``GID_replay``.
        credentials: The keys.
    """

    errors = FcAsyncError

    def __init__(
        self, address: str, topic: RocketMqTopicArn, group: str, credentials: Credentials
    ) -> None:
        super().__init__()
        # The user may have typed http:// with --source-endpoint; the default is https://.
        config = Config(allow_plain_http=True, max_response_bytes=rocketmq.LONGEST_ANSWER)
        names = topic.instance_id, topic.topic
        self._topic = rocketmq.Topic(address, *names, credentials, config=config)
        self._group = group
        self.notes = (
            f"what group {group} has received and not removed comes again after five minutes",
        )

    def receive(self) -> list[Message]:
        """Consume messages as the group."""
        return self._topic.consume(self._group, limit=BATCH)

    def delete(self, receipts: list[str]) -> set[str]:
        """Remove messages for the group."""
        return set(self._topic.acknowledge(self._group, receipts))

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        self._topic.close()
