# SPDX-License-Identifier: MIT
"""The errors of the MNS protocol: code, HTTP status and message."""

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

    statuses = STATUS


def queue_missing(name: str) -> MnsError:
    """Return the error of a queue that does not exist."""
    return MnsError("QueueNotExist", f"the queue {name!r} does not exist: create it first")


def handle_unknown(handle: str) -> MnsError:
    """Return the error of a receipt handle that does not have the form of one."""
    return MnsError("ReceiptHandleError", f"ReceiptHandle {shorten(handle)} was not given out here")


def message_missing() -> MnsError:
    """Return the error of a receipt that is not valid any more, and of a poll without messages."""
    return MnsError("MessageNotExist", "Message not exist.")
