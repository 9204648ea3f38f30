# SPDX-License-Identifier: MIT
"""Topics and subscriptions: records, rules and XML documents (pure).

Sources of numbers and formats: the MNS pages on topics, subscriptions and notifications
(docs/reference/sources.md).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, get_args

from msgspec.structs import replace

from fc_async_local.domain.invocation import Record
from fc_async_local.services import markup
from fc_async_local.services.common import body_digest, check_body, check_range, is_http_url
from fc_async_local.services.delivery import STRATEGIES, Strategy
from fc_async_local.services.mns import wire
from fc_async_local.services.mns.model import MESSAGE_BYTES, MnsError, check_name
from fc_async_local.services.mns.wire import DIALECT
from fc_async_sdk.errors import InvalidArn, shorten
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from collections.abc import Mapping

RETENTION_SECONDS: Final = 86_400
"""Seconds that a topic keeps a message that could not be pushed; a constant of the service."""
TAG_CHARACTERS: Final = 16

ContentFormat = Literal["XML", "JSON", "SIMPLIFIED"]
_FORMATS: Final = get_args(ContentFormat)
_WITHOUT_PATH: Final = re.compile(r"https?://[^/?#]+")


class Topic(Record, frozen=True, kw_only=True):
    """A topic."""

    name: str
    maximum_message_size: int = MESSAGE_BYTES.default
    logging_enabled: bool = False
    created_at: int = 0
    modified_at: int = 0


class Subscription(Record, frozen=True, kw_only=True):
    """A subscription of a user, or a trigger, which its registry stores.

    Attributes:
        endpoint: ``acs:mns:…:queues/{queue}`` or an http(s) URL; of a trigger the function's ARN.
        filter_tag: Tag of the messages to push; "" for all.
        trigger: Function and trigger, as the trigger's history names them; "" for one of a user.
        function: That the trigger invokes.
        qualifier: Of the function.
    """

    topic: str
    name: str
    endpoint: str
    notify_strategy: Strategy = "BACKOFF_RETRY"
    notify_content_format: ContentFormat = "XML"
    filter_tag: str = ""
    trigger: str = ""
    function: str = ""
    qualifier: str = ""
    created_at: int
    modified_at: int


class Publication(Record, frozen=True, kw_only=True):
    """A message published to a topic."""

    topic: str
    message_id: str
    body: str
    tag: str = ""
    call_path: tuple[str, ...] = ()
    published_at: int


class Push(Record, frozen=True, kw_only=True):
    """A job that pushes a publication to a subscription, or to a trigger if ``function`` is set.

    Attributes:
        subscription: Name of the subscription; of a trigger function and trigger.
    """

    subscription: str
    publication: Publication
    function: bool = False


class Notification(NamedTuple):
    """The text that is pushed, and its headers over HTTP."""

    content: str
    headers: Mapping[str, str]


def check_topic(topic: Topic) -> None:
    """Check a topic.

    Raises:
        MnsError: InvalidArgument.
    """
    check_name(topic.name, kind="Topic")
    check_range("MaximumMessageSize", topic.maximum_message_size, MESSAGE_BYTES, MnsError)


def check_subscription(subscription: Subscription) -> None:
    """Check a subscription.

    Raises:
        MnsError: InvalidArgument, naming the value and what is expected.
    """
    check_name(subscription.name, kind="Subscription")
    _check_tag("FilterTag", subscription.filter_tag)
    _check_choice("NotifyStrategy", subscription.notify_strategy, sorted(STRATEGIES))
    _check_choice("NotifyContentFormat", subscription.notify_content_format, _FORMATS)
    if queue_of(subscription.endpoint) is None and not is_http_url(subscription.endpoint):
        raise MnsError(
            "InvalidArgument",
            f"Endpoint={shorten(subscription.endpoint)}: expected "
            "acs:mns:{region}:{account}:queues/{queue} or an http(s) URL",
        )


def check_publication(topic: Topic, publication: Publication) -> None:
    """Check a message for a topic.

    Raises:
        MnsError: InvalidArgument.
    """
    check_body(publication.body, topic.maximum_message_size, MnsError)
    _check_tag("MessageTag", publication.tag)


def _check_tag(what: str, tag: str) -> None:
    if len(tag) > TAG_CHARACTERS:
        raise MnsError(
            "InvalidArgument", f"{what}={shorten(tag)}: at most {TAG_CHARACTERS} characters"
        )


def _check_choice(what: str, value: str, allowed: list[str] | tuple[str, ...]) -> None:
    if value not in allowed:
        raise MnsError("InvalidArgument", f"{what}={value!r}: one of {', '.join(allowed)}")


def queue_of(endpoint: str) -> str | None:
    """Return the queue of an endpoint; None if it is not a queue."""
    try:
        target = arn.parse(endpoint)
    except InvalidArn:
        return None
    return target.queue if isinstance(target, arn.MnsQueueArn) else None


def url_of(endpoint: str) -> str:
    """Return the URL of an HTTP endpoint, with the service's default path if it has none."""
    return f"{endpoint}/notifications" if _WITHOUT_PATH.fullmatch(endpoint) else endpoint


def wants(subscription: Subscription, publication: Publication) -> bool:
    """Return whether a message passes the filter."""
    return subscription.filter_tag in ("", publication.tag)


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


def read_topic(body: bytes, base: Topic) -> Topic:
    """Read the request of CreateTopic or SetTopicAttributes; ``base`` has the absent attributes."""
    if not body.strip():
        return base
    element = DIALECT.read(body, "Topic")
    size, logs = (
        wire.integer(element, "MaximumMessageSize"),
        wire.boolean(element, "LoggingEnabled"),
    )
    return replace(
        base,
        maximum_message_size=base.maximum_message_size if size is None else size,
        logging_enabled=base.logging_enabled if logs is None else logs,
    )


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
