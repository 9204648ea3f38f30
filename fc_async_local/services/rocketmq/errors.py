# SPDX-License-Identifier: MIT
"""The errors of RocketMQ's HTTP protocol: code, HTTP status and message."""

from __future__ import annotations

from typing import Final

from fc_async_local.services.common import ProtocolError

STATUS: Final = {
    "InvalidArgument": 400,
    "InvalidRequestURL": 400,
    "MalformedXML": 400,
    "MessageNotExist": 404,
    "ReceiptHandleError": 404,
    "TopicNotExist": 404,
    "TopicAlreadyExist": 409,
}


class RocketMqError(ProtocolError):
    """A request that RocketMQ refuses, with one of the codes of :data:`STATUS`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(STATUS[code], code, message)


def topic_missing(instance_id: str, topic: str) -> RocketMqError:
    """Return the error of a topic that does not exist."""
    return RocketMqError(
        "TopicNotExist",
        f"the topic {topic!r} of instance {instance_id!r} does not exist: create it",
    )


def message_missing() -> RocketMqError:
    """Return the answer to a poll that found no message."""
    return RocketMqError("MessageNotExist", "Message not exist.")
