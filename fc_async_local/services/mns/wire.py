# SPDX-License-Identifier: MIT
"""The XML documents of MNS queues (pure).

The official clients were tried: each element that is written here is required, and not empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.services import markup
from fc_async_local.services.common import body_digest
from fc_async_local.services.markup import Markup
from fc_async_local.services.mns import model
from fc_async_local.services.mns.model import Draft, MnsError, Property, QueueAttributes, handle_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from xml.etree.ElementTree import Element

    from fc_async_local.services.markup import Members
    from fc_async_local.services.mns.model import Counts, Message, Queue

DIALECT: Final = markup.Dialect("http://mns.aliyuncs.com/doc/v1/", MnsError)
_ATTRIBUTES: Final = {name.title().replace("_", ""): name for name in model.ATTRIBUTES}
_PROPERTY_ITEMS: Final = {
    "UserProperties": "PropertyValue",
    "SystemProperties": "SystemPropertyValue",
}


def integer(element: Element, name: str) -> int | None:
    """Return the number in a child; None if the child is absent or empty.

    Raises:
        MnsError: InvalidArgument.
    """
    value = markup.text(element, name)
    if not value:
        return None
    try:
        return int(value)
    except ValueError:
        raise MnsError("InvalidArgument", f"{name}={value!r} is not an integer") from None


def boolean(element: Element, name: str) -> bool | None:
    """Return True or False from a child; None if the child is absent or empty.

    Raises:
        MnsError: InvalidArgument.
    """
    value = (markup.text(element, name) or "").lower()
    if value not in ("", "true", "false"):
        raise MnsError("InvalidArgument", f"{name}={value!r} is neither True nor False")
    return value == "true" if value else None


def read_attributes(body: bytes, base: QueueAttributes) -> QueueAttributes:
    """Read the request of CreateQueue or SetQueueAttributes; ``base`` has the absent attributes."""
    if not body.strip():
        return base
    element = DIALECT.read(body, "Queue")
    given = {field: integer(element, name) for name, field in _ATTRIBUTES.items()}
    logging = boolean(element, "LoggingEnabled")
    changes: dict[str, int | bool | None] = given | {"logging_enabled": logging}
    return replace(base, **{name: value for name, value in changes.items() if value is not None})


def queue_attributes(queue: Queue, counts: Counts) -> bytes:
    """Write the answer to GetQueueAttributes."""
    content = {
        "QueueName": queue.name,
        # Seconds, as on the service; times of messages are in milliseconds.
        "CreateTime": queue.created_at // 1_000,
        "LastModifyTime": queue.modified_at // 1_000,
        **{name: getattr(queue.attributes, field) for name, field in _ATTRIBUTES.items()},
        "ActiveMessages": counts.active,
        "InactiveMessages": counts.inactive,
        "DelayMessages": counts.delayed,
        "LoggingEnabled": str(queue.attributes.logging_enabled),
    }
    return DIALECT.document("Queue", content)


def read_drafts(body: bytes, new_id: Callable[[], str]) -> tuple[bool, list[Draft]]:
    """Read the request of SendMessage or BatchSendMessage.

    Args:
        body: The request.
        new_id: Makes ids of messages.

    Returns:
        Whether it is a batch, and the messages.

    Raises:
        MnsError: MalformedXML, InvalidArgument.
    """
    root = DIALECT.read(body, "Message", "Messages")
    if root.tag == "Message":
        return False, [_read_draft(root, new_id())]
    items = root.findall("Message")
    if len(items) not in model.BATCH:
        raise MnsError(
            "InvalidArgument", f"{len(items)} messages: 1 to {model.BATCH.high} in a batch"
        )
    return True, [_read_draft(item, new_id()) for item in items]


def _read_draft(element: Element, message_id: str) -> Draft:
    priority = integer(element, "Priority")
    return Draft(
        message_id=message_id,
        body=DIALECT.read_body(element),
        delay_seconds=integer(element, "DelaySeconds"),
        priority=model.PRIORITY.default if priority is None else priority,
        group_id=markup.text(element, "MessageGroupId") or "",
        user_properties=read_properties(element, "UserProperties"),
        system_properties=read_properties(element, "SystemProperties"),
    )


def read_properties(element: Element, name: str) -> tuple[Property, ...]:
    """Read the ``UserProperties`` or ``SystemProperties`` of a message."""
    parent = element.find(name)
    if parent is None:
        return ()
    return tuple(
        Property(
            name=markup.text(item, "Name") or "",
            value=markup.text(item, "Value") or "",
            type=markup.text(item, "Type") or "STRING",
        )
        for item in parent.findall(_PROPERTY_ITEMS[name])
    )


def _properties(name: str, properties: tuple[Property, ...]) -> Members | None:
    items = [{"Name": one.name, "Value": one.value, "Type": one.type} for one in properties]
    return {_PROPERTY_ITEMS[name]: items} if items else None


def sent(messages: Sequence[Message], *, batch: bool) -> bytes:
    """Write the answer to SendMessage and BatchSendMessage."""
    contents = [markup.stored(message.message_id, message.body) for message in messages]
    return _messages(contents, batch=batch)


def received(messages: Sequence[Message], *, batch: bool) -> bytes:
    """Write the answer to ReceiveMessage and BatchReceiveMessage."""
    return _messages(
        [
            Markup(
                f"{_shown(message)}<ReceiptHandle>{handle_of(message)}</ReceiptHandle>"
                f"<NextVisibleTime>{message.visible_at}</NextVisibleTime>"
            )
            for message in messages
        ],
        batch=batch,
    )


def peeked(messages: Sequence[Message], *, batch: bool) -> bytes:
    """Write the answer to PeekMessage and BatchPeekMessage."""
    return _messages([_shown(message) for message in messages], batch=batch)


def _shown(message: Message) -> Markup:
    # One string instead of many, because each received message is written here.
    first = message.first_dequeued_at
    # The clients require it, also for messages that were not dequeued yet.
    dequeued = message.enqueued_at if first is None else first
    shown = (
        f"<MessageId>{message.message_id}</MessageId>"
        f"<MessageBodyMD5>{body_digest(message.body)}</MessageBodyMD5>"
        f"<MessageBody>{markup.quote(message.body)}</MessageBody>"
        f"<EnqueueTime>{message.enqueued_at}</EnqueueTime>"
        f"<FirstDequeueTime>{dequeued}</FirstDequeueTime>"
        f"<DequeueCount>{message.dequeue_count}</DequeueCount>"
        f"<Priority>{message.priority}</Priority>"
    )
    if message.group_id or message.user_properties or message.system_properties:
        shown += markup.members(
            {
                "MessageGroupId": message.group_id or None,
                "UserProperties": _properties("UserProperties", message.user_properties),
                "SystemProperties": _properties("SystemProperties", message.system_properties),
            }
        )
    return Markup(shown)


def _messages(contents: Sequence[Members | Markup], *, batch: bool) -> bytes:
    if batch:
        return DIALECT.document("Messages", {"Message": contents})
    return DIALECT.document("Message", contents[0])


def hidden(message: Message) -> bytes:
    """Write the answer to ChangeMessageVisibility."""
    return DIALECT.document(
        "ChangeVisibility",
        {"ReceiptHandle": handle_of(message), "NextVisibleTime": message.visible_at},
    )
