# SPDX-License-Identifier: MIT
"""The errors of the MNS protocol: code, HTTP status and message."""

from __future__ import annotations

from typing import ClassVar

from fc_async_local.services.common import ProtocolError
from fc_async_sdk.errors import shorten


class MnsError(ProtocolError):
    """A request that MNS refuses, with a code of the service."""

    codes: ClassVar = {
        400: "InvalidArgument InvalidQueryString InvalidQueueName InvalidRequestURL MalformedXML "
        "MissingReceiptHandle MissingVisibilityTimeout QueueNameLengthError ReceiptHandleError",
        404: "MessageNotExist QueueNotExist SubscriptionNotExist TopicNotExist",
        409: "QueueAlreadyExist SubscriptionAlreadyExist TopicAlreadyExist",
    }


def queue_missing(name: str) -> MnsError:
    """Return the error of a queue that does not exist."""
    return MnsError("QueueNotExist", f"the queue {name!r} does not exist: create it first")


def handle_unknown(handle: str) -> MnsError:
    """Return the error of a receipt handle that does not have the form of one."""
    return MnsError("ReceiptHandleError", f"ReceiptHandle {shorten(handle)} was not given out here")


def message_missing() -> MnsError:
    """Return the error of a receipt that is not valid any more, and of a poll without messages."""
    return MnsError("MessageNotExist", "Message not exist.")
