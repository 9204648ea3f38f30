# SPDX-License-Identifier: MIT
"""The XML documents of MNS, and the notifications of its topics (pure).

The official clients were tried: each element that is written here is required, and not empty.
Source of the notifications: the MNS page on them (docs/reference/sources.md).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from msgspec.structs import replace

from fc_async_local.services import markup
from fc_async_local.services.common import body_digest
from fc_async_local.services.markup import Markup
from fc_async_local.services.mns import model
from fc_async_local.services.mns.model import Draft, MnsError, Property, QueueAttributes, handle_of
from fc_async_local.services.mns.topic import RETENTION_SECONDS, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from fc_async_local.services.markup import Members
    from fc_async_local.services.mns.model import Counts, MnsMessage, Queue
    from fc_async_local.services.mns.topic import Publication, Topic

T = TypeVar("T", "QueueAttributes", "Topic")

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


def read_attributes(body: bytes, base: QueueAttributes) -> QueueAttributes:
    """Read the request of CreateQueue or SetQueueAttributes; ``base`` has the absent attributes."""
    return _changed(body, "Queue", base, _ATTRIBUTES)


def _changed(
    body: bytes,
    root: str,
    base: T,
    numbers: Mapping[str, str],
) -> T:
    """Return attributes with those that a body names; without a body they are as they were."""
    if not body.strip():
        return base
    element = DIALECT.read(body, root)
    changes = {field: integer(element, name) for name, field in numbers.items()}
    logging = (markup.text(element, "LoggingEnabled") or "").lower()
    if logging not in ("", "true", "false"):
        raise MnsError("InvalidArgument", f"LoggingEnabled={logging!r} is neither True nor False")
    if logging:
        changes["logging_enabled"] = logging == "true"
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
    items = [
        {
            "Name": property_.name,
            "Value": property_.value,
            "Type": property_.type,
        }
        for property_ in properties
    ]
    if not items:
        return None
    return {_PROPERTY_ITEMS[name]: items}


def sent(messages: Sequence[MnsMessage], *, batch: bool) -> bytes:
    """Write the answer to SendMessage and BatchSendMessage."""
    contents = [markup.stored(message.message_id, message.body) for message in messages]
    return _messages(contents, batch=batch)


def received(messages: Sequence[MnsMessage], *, batch: bool) -> bytes:
    """Write the answer to ReceiveMessage and BatchReceiveMessage."""
    contents = []
    for message in messages:
        receipt = (
            f"<ReceiptHandle>{handle_of(message)}</ReceiptHandle>"
            f"<NextVisibleTime>{message.visible_at}</NextVisibleTime>"
        )
        contents.append(Markup(_shown(message) + receipt))
    return _messages(contents, batch=batch)


def peeked(messages: Sequence[MnsMessage], *, batch: bool) -> bytes:
    """Write the answer to PeekMessage and BatchPeekMessage."""
    return _messages([_shown(message) for message in messages], batch=batch)


def _shown(message: MnsMessage) -> Markup:
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


def hidden(message: MnsMessage) -> bytes:
    """Write the answer to ChangeMessageVisibility."""
    return DIALECT.document(
        "ChangeVisibility",
        {"ReceiptHandle": handle_of(message), "NextVisibleTime": message.visible_at},
    )


def read_topic(body: bytes, base: Topic) -> Topic:
    """Read the request of CreateTopic or SetTopicAttributes; ``base`` has the absent attributes."""
    return _changed(body, "Topic", base, {"MaximumMessageSize": "maximum_message_size"})


def write_topic(topic: Topic, waiting: int) -> bytes:
    """Write the answer to GetTopicAttributes."""
    content = {
        "TopicName": topic.name,
        "CreateTime": topic.created_at // 1_000,
        "LastModifyTime": topic.modified_at // 1_000,
        "MaximumMessageSize": topic.maximum_message_size,
        "MessageRetentionPeriod": RETENTION_SECONDS,
        "MessageCount": waiting,
        "LoggingEnabled": str(topic.logging_enabled),
    }
    return DIALECT.document("Topic", content)


def read_subscription(body: bytes, topic: str, name: str) -> Subscription:
    """Read the request of Subscribe.

    Raises:
        MnsError: MalformedXML, InvalidArgument.
    """
    element = DIALECT.read(body, "Subscription")
    endpoint = markup.text(element, "Endpoint")
    if not endpoint:
        raise MnsError("InvalidArgument", "<Subscription> has no <Endpoint>")
    return Subscription(
        topic=topic,
        name=name,
        endpoint=endpoint,
        # Other values are refused by check_subscription.
        notify_strategy=markup.text(element, "NotifyStrategy") or "BACKOFF_RETRY",  # type: ignore[arg-type]
        notify_content_format=markup.text(element, "NotifyContentFormat") or "XML",  # type: ignore[arg-type]
        filter_tag=markup.text(element, "FilterTag") or "",
        created_at=0,
        modified_at=0,
    )


def read_strategy(body: bytes) -> str | None:
    """Read the request of SetSubscriptionAttributes; return None if it changes nothing."""
    return markup.text(DIALECT.read(body, "Subscription"), "NotifyStrategy") or None


def write_subscription(subscription: Subscription, owner: str) -> bytes:
    """Write the answer to GetSubscriptionAttributes."""
    content = {
        "TopicOwner": owner,
        "TopicName": subscription.topic,
        "SubscriptionName": subscription.name,
        "Endpoint": subscription.endpoint,
        "NotifyStrategy": subscription.notify_strategy,
        "NotifyContentFormat": subscription.notify_content_format,
        "CreateTime": subscription.created_at // 1_000,
        "LastModifyTime": subscription.modified_at // 1_000,
        "FilterTag": subscription.filter_tag or None,
    }
    return DIALECT.document("Subscription", content)


def read_publication(body: bytes) -> tuple[str, str]:
    """Read the request of PublishMessage; return body and tag.

    Raises:
        MnsError: MalformedXML.
    """
    element = DIALECT.read(body, "Message")
    return DIALECT.read_body(element), markup.text(element, "MessageTag") or ""


def write_published(publication: Publication) -> bytes:
    """Write the answer to PublishMessage."""
    return DIALECT.document("Message", markup.stored(publication.message_id, publication.body))


class Notification(NamedTuple):
    """The text that is pushed, and its headers over HTTP."""

    content: str
    headers: Mapping[str, str]


def notification(
    subscription: Subscription, publication: Publication, *, owner: str
) -> Notification:
    """Return the notification of a publication in the format of a subscription.

    Args:
        subscription: The receiver.
        publication: The message.
        owner: Account id.
    """
    if subscription.notify_content_format == "SIMPLIFIED":
        headers = {
            "Content-Type": "text/plain;charset=utf-8",
            "x-mns-message-id": publication.message_id,
        }
        if publication.tag:
            headers["x-mns-message-tag"] = publication.tag
        return Notification(publication.body, headers)
    fields = _fields(subscription, publication, owner)
    if subscription.notify_content_format == "JSON":
        text = json.dumps(fields, ensure_ascii=False)
        return Notification(text, {"Content-Type": "text/json;charset=utf-8"})
    xml = DIALECT.document("Notification", fields).decode()
    return Notification(xml, {"Content-Type": "text/xml;charset=utf-8"})


def _fields(subscription: Subscription, publication: Publication, owner: str) -> dict[str, str]:
    fields = {
        "TopicOwner": owner,
        "TopicName": publication.topic,
        "Subscriber": owner,
        "SubscriptionName": subscription.name,
        "MessageId": publication.message_id,
        "MessageMD5": body_digest(publication.body),
        "Message": publication.body,
        "PublishTime": str(publication.published_at),
    }
    if publication.tag:
        fields["MessageTag"] = publication.tag
    return fields
