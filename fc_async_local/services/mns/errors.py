# SPDX-License-Identifier: MIT
"""The errors of the MNS protocol: code, HTTP status and words."""

from __future__ import annotations

from typing import Final

from fc_async_local.services.common import ProtocolError
from fc_async_sdk.errors import shorten

STATUS: Final = {
    "InvalidArgument": 400,
    "InvalidQueryString": 400,
    "InvalidQueueName": 400,
    "InvalidRequestURL": 400,
    "MalformedXML": 400,
    "MissingReceiptHandle": 400,
    "MissingVisibilityTimeout": 400,
    "QueueNameLengthError": 400,
    "ReceiptHandleError": 400,
    "MessageNotExist": 404,
    "QueueNotExist": 404,
    "SubscriptionNotExist": 404,
    "TopicNotExist": 404,
    "QueueAlreadyExist": 409,
    "SubscriptionAlreadyExist": 409,
    "TopicAlreadyExist": 409,
}
"""Codes of the service with their HTTP status."""


class MnsError(ProtocolError):
    """A request that MNS refuses, with one of the codes of :data:`STATUS`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(STATUS[code], code, message)


def queue_missing(name: str) -> MnsError:
    """404: there is no such queue."""
    return MnsError("QueueNotExist", f"the queue {name!r} does not exist: create it first")


def topic_missing(name: str) -> MnsError:
    """404: there is no such topic."""
    return MnsError("TopicNotExist", f"the topic {name!r} does not exist: create it first")


def subscription_missing(topic: str, name: str) -> MnsError:
    """404: the topic has no such subscription."""
    return MnsError("SubscriptionNotExist", f"the topic {topic!r} has no subscription {name!r}")


def handle_unknown(handle: str) -> MnsError:
    """400: what was sent as a receipt handle was never given out."""
    return MnsError("ReceiptHandleError", f"ReceiptHandle {shorten(handle)} was not given out here")


def message_missing() -> MnsError:
    """404: nothing to receive, or the handle is no longer good. The normal end of a poll."""
    return MnsError("MessageNotExist", "Message not exist.")
