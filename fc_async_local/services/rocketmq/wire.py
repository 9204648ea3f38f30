# SPDX-License-Identifier: MIT
"""The XML documents of RocketMQ's HTTP protocol (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.services import markup
from fc_async_local.services.common import body_digest
from fc_async_local.services.markup import leaf, tag
from fc_async_local.services.rocketmq import model
from fc_async_local.services.rocketmq.errors import RocketMqError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from xml.etree.ElementTree import Element

    from fc_async_local.services.rocketmq.model import Message, NewMessage, Pending

NAMESPACE: Final = "http://mq.aliyuncs.com/doc/v1/"


def _read(body: bytes, root: str) -> Element:
    try:
        return markup.read(body, root)
    except markup.MalformedMarkup as error:
        raise RocketMqError("MalformedXML", str(error)) from error


def _document(root: str, content: str) -> bytes:
    return markup.document(NAMESPACE, root, content)


def read_message(body: bytes) -> NewMessage:
    """Read the request of PublishMessage.

    Raises:
        RocketMqError: MalformedXML, InvalidArgument.
    """
    element = _read(body, "Message")
    text = markup.text(element, "MessageBody")
    if text is None:
        raise RocketMqError("MalformedXML", "<Message> has no <MessageBody>")
    return model.read_new_message(
        text,
        markup.text(element, "MessageTag") or "",
        markup.text(element, "Properties") or "",
    )


def published(message: Message) -> bytes:
    """Write the answer to PublishMessage."""
    return _document(
        "Message",
        leaf("MessageId", message.message_id) + leaf("MessageBodyMD5", body_digest(message.body)),
    )


def consumed(messages: Sequence[Pending]) -> bytes:
    """Write the answer to ConsumeMessage."""
    return _document("Messages", "".join(tag("Message", _shown(item)) for item in messages))


def _shown(pending: Pending) -> str:
    message = pending.message
    return "".join(
        (
            leaf("MessageId", message.message_id),
            leaf("MessageBodyMD5", body_digest(message.body)),
            leaf("MessageBody", message.body),
            leaf("ReceiptHandle", model.handle_of(pending)),
            leaf("PublishTime", message.published_at),
            leaf("FirstConsumeTime", pending.first_at),
            leaf("NextConsumeTime", pending.next_at),
            leaf("ConsumedTimes", pending.consumed),
            leaf("MessageTag", message.tag) if message.tag else "",
            leaf("Properties", message.properties) if message.properties else "",
        )
    )


def read_handles(body: bytes) -> list[str]:
    """Read the request of AckMessage.

    Raises:
        RocketMqError: MalformedXML, InvalidArgument.
    """
    root = _read(body, "ReceiptHandles")
    handles = [element.text or "" for element in root.findall("ReceiptHandle")]
    if len(handles) not in model.BATCH:
        raise RocketMqError(
            "InvalidArgument", f"{len(handles)} receipt handles: 1 to {model.BATCH.high}"
        )
    return handles


def unacknowledged(handles: Sequence[str]) -> bytes:
    """Write the handles that AckMessage did not accept; clients require three elements each."""
    return _document(
        "Errors",
        "".join(
            tag(
                "Error",
                leaf("ErrorCode", "ReceiptHandleError")
                + leaf("ErrorMessage", "The receipt handle you provided is not valid.")
                + leaf("ReceiptHandle", handle),
            )
            for handle in handles
        ),
    )
