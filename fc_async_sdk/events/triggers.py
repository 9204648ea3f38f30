# SPDX-License-Identifier: MIT
"""Inputs of functions behind triggers: one builder for the event of each kind.

Documents are JSON values. :func:`encode` makes the payload of them, and :func:`samples` returns one
of each kind, also of those that only the service has. Times are milliseconds since the epoch.

Source: the page "Event formats of triggers" of the user guide (docs/reference/sources.md).
"""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_sdk.events import http
from fc_async_sdk.spec import oss as oss_spec
from fc_async_sdk.spec import times

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

EMPTY_MD5: Final = "D41D8CD98F00B204E9800998ECF8427E"
"""``eTag`` of an empty object: the MD5 of its content."""

MNS_QUEUE_MESSAGE: Final = "mns:Queue:SendMessage"
ROCKETMQ_MESSAGE: Final = "mq:Topic:SendMessage"
_SAMPLES: Final = Path(__file__).with_name("trigger_samples.json")
"""Events of the kinds that the local runtime has no source of."""


class Origin(NamedTuple):
    """The region and account of a source, in ARNs and attributes of events."""

    region: str = "cn-hangzhou"
    account_id: str = "1234567890123456"


ORIGIN: Final = Origin()
"""The region and account of the local runtime, if nothing else is set."""


class Occurred(NamedTuple):
    """An event of EventBridge: its name and times, as the attributes of CloudEvents.

    Attributes:
        event_id: Unique.
        at: When it happened.
        published_at: When EventBridge passed it on.
        bus: ``source`` and the name of the bus.
    """

    event_id: str
    at: int
    published_at: int
    bus: str


def bus_of(kind: str, trigger: str) -> str:
    """Return the bus and ``source`` of the events of a trigger: ``MNS-Function-orders``.

    Args:
        kind: ``eventSourceType`` of the trigger.
        trigger: Name of the trigger.
    """
    return f"{kind}-Function-{trigger}"


def encode(document: object) -> bytes:
    """Return the payload of an event document."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def timer(trigger: str, at: int, *, payload: str = "") -> Document:
    """Return the event of a timer.

    Args:
        trigger: Name of the trigger.
        at: When it was due.
        payload: Text from its configuration.
    """
    return {
        "triggerTime": times.rfc3339(at),
        "triggerName": trigger,
        "payload": payload,
    }


def oss(  # noqa: PLR0913 -- the fields of the document
    bucket: str,
    key: str,
    *,
    event: str = oss_spec.CREATED,
    at: int,
    size: int = 0,
    previous_size: int = 0,
    etag: str = EMPTY_MD5,
    content_type: str = "",
    user_meta: Mapping[str, str] | None = None,
    request_id: str = "58F9FF2D3DF792092E12044C",
    origin: Origin = ORIGIN,
) -> Document:
    """Return the event of an object in OSS.

    Args:
        bucket: Name of the bucket.
        key: Key of the object.
        event: One of :data:`fc_async_sdk.spec.oss.NAMES`.
        at: When it happened.
        size: Of the object, in bytes.
        previous_size: Of the object that was replaced.
        etag: Of the object: the MD5 of its content.
        content_type: "" leaves ``objectMeta`` out.
        user_meta: Metadata of the user; None: none.
        request_id: Of the request to OSS.
        origin: Region and account of the bucket.
    """
    region, account_id = origin
    described: Document = {
        "deltaSize": size - previous_size,
        "eTag": etag,
        "key": key,
        "size": size,
    }
    if content_type:
        described["objectMeta"] = {"mimeType": content_type, "userMeta": dict(user_meta or {})}
    bucket_described = {
        "arn": f"acs:oss:{region}:{account_id}:{bucket}",
        "name": bucket,
        "ownerIdentity": account_id,
    }
    element = {
        "eventName": event,
        "eventSource": "acs:oss",
        "eventTime": times.rfc3339_millis(at),
        "eventVersion": "1.0",
        "oss": {
            "bucket": bucket_described,
            "object": described,
            "ossSchemaVersion": "1.0",
            "ruleId": "9adac8e253828f4f7c0466d941fa3db811610000",
        },
        "region": region,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": request_id},
        "userIdentity": {"principalId": account_id},
    }
    return {"events": [element]}


def oss_on_bus(document: Document, at: int, origin: Origin = ORIGIN) -> Document:
    """Return the event of an object as the default bus of EventBridge has it.

    Args:
        document: As :func:`oss` returns it.
        at: When it happened.
        origin: Region and account of the bucket.
    """
    (element,) = document["events"]
    name = f"{oss_spec.PREFIX}{element['eventName']}"
    bucket = element["oss"]["bucket"]
    subject = f"{bucket['arn']}/{element['oss']['object']['key']}"
    request_id = element["responseElements"]["requestId"]
    # The id is the same if the event is put again after a crash.
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{request_id} {name} {subject}"))
    return cloud_event(name, subject, element, Occurred(event_id, at, at, "acs.oss"), origin)


def mns_queue(
    queue: str,
    body: str,
    occurred: Occurred,
    origin: Origin = ORIGIN,
) -> Document:
    """Return the event of a message in an MNS queue.

    Args:
        queue: Name of the queue.
        body: Of the message, decoded if the trigger decodes base64.
        occurred: Id and times.
        origin: Region and account of the queue.
    """
    message_id = occurred.event_id
    return cloud_event(
        MNS_QUEUE_MESSAGE,
        f"acs:mns:{origin.region}:{origin.account_id}:queues/{queue}",
        {
            "requestId": message_id,
            "messageId": message_id,
            "messageBody": body,
        },
        occurred,
        origin,
    )


def rocketmq(
    instance_id: str,
    topic: str,
    body: str,
    occurred: Occurred,
    origin: Origin = ORIGIN,
    *,
    tag: str = "",
    keys: str = "",
    properties: Mapping[str, str] | None = None,
) -> Document:
    """Return the event of a message in a RocketMQ topic.

    Args:
        instance_id: Of the instance.
        topic: Name of the topic.
        body: Of the message.
        occurred: Id and times.
        origin: Region and account of the instance.
        tag: Of the message.
        keys: Of the message.
        properties: Of the user.
    """
    system = {
        "UNIQ_KEY": occurred.event_id,
        "KEYS": keys,
        "TAGS": tag,
        "MSG_REGION": origin.region,
        "INSTANCE_ID": instance_id,
        "CONSUME_START_TIME": str(occurred.published_at),
    }
    data = {
        "topic": topic,
        "body": body,
        "systemProperties": {name: value for name, value in system.items() if value},
        "userProperties": dict(properties or {}),
    }
    subject = f"acs:mq:{origin.region}:{origin.account_id}:{instance_id}%{topic}"
    return cloud_event(ROCKETMQ_MESSAGE, subject, data, occurred, origin)


def cloud_event(
    kind: str,
    subject: str,
    data: Document,
    occurred: Occurred,
    origin: Origin = ORIGIN,
) -> Document:
    """Return an event of EventBridge.

    Args:
        kind: ``type``.
        subject: ARN of what it is about.
        data: The event itself.
        occurred: Id and times.
        origin: Region and account.
    """
    return {
        "id": occurred.event_id,
        "source": occurred.bus,
        "specversion": "1.0",
        "type": kind,
        "datacontenttype": "application/json; charset=utf-8",
        "subject": subject,
        "time": times.rfc3339_millis(occurred.at),
        "aliyunaccountid": origin.account_id,
        "aliyunpublishtime": times.rfc3339_millis(occurred.published_at),
        "aliyuneventbusname": occurred.bus,
        "aliyunregionid": origin.region,
        "aliyunpublishaddr": "127.0.0.1",
        "data": data,
    }


def mns_topic(
    topic: str,
    message: str,
    *,
    at: int,
    trigger: str = "trigger",
    message_id: str = "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
    tag: str = "",
    origin: Origin = ORIGIN,
) -> Document:
    """Return the event of a message of an MNS topic whose trigger has the format JSON.

    With the format STREAM the payload is the text of the message alone.

    Args:
        topic: Name of the topic.
        message: Its text.
        at: When it was published.
        trigger: Name of the subscription.
        message_id: Unique.
        tag: Of the message, "" if it has none.
        origin: Region and account of the topic.
    """
    event = {
        "TopicOwner": origin.account_id,
        "Message": message,
        "Subscriber": origin.account_id,
        "PublishTime": at,
        "SubscriptionName": trigger,
        "MessageMD5": hashlib.md5(message.encode(), usedforsecurity=False).hexdigest().upper(),
        "TopicName": topic,
        "MessageId": message_id,
    }
    return event | ({"MessageTag": tag} if tag else {})


def samples(at: int) -> dict[str, Document | list[Document]]:
    """Return an event of each kind of trigger, by kind: to try a function with.

    Args:
        at: The time in those of the kinds that the local runtime has a source of.
    """
    occurred = Occurred("0A1B2C3D4E5F60718293A4B5C6D7E8F9", at, at, bus_of("MNS", "trigger"))
    streaming = occurred._replace(bus=bus_of("RocketMQ", "trigger"))
    headers = (("accept", "*/*"), ("content-type", "application/json"))
    # Kinds that only the service has are data: builders of them had arguments that nothing passed.
    foreign: dict[str, Document | list[Document]] = json.loads(_SAMPLES.read_text(encoding="utf-8"))
    return {
        "http": http.request(
            "/orders?dry=1",
            http.Circumstances(at),
            method="POST",
            headers=headers,
            body=b'{"order": "A-17"}',
        ),
        "timer": timer("nightly", at, payload="text"),
        "oss": oss(
            "pictures",
            "in/a.png",
            at=at,
            size=1_024,
            content_type="image/png",
        ),
        "mns_topic": mns_topic("topic", "text", at=at),
        "mns_queue": mns_queue("queue", "text", occurred),
        "rocketmq": [rocketmq("MQ_INST_1", "topic", "text", streaming, tag="tag")],
        **foreign,
    }
