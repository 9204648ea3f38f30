# SPDX-License-Identifier: MIT
"""Publish, consume and acknowledge over the HTTP protocol of RocketMQ 4.x: calls and signatures.

Pure: the time is an argument.

Invariants:
    * A document type, the only way to entities, is refused before anything of it is read.
    * No secret is part of an error.
"""

from __future__ import annotations

import base64
import hmac
import re
from html import escape
from typing import TYPE_CHECKING, Final, TypeVar
from xml.etree.ElementTree import TreeBuilder
from xml.parsers import expat

import msgspec

from fc_async_sdk._signing import encode
from fc_async_sdk.errors import (
    InvalidParameter,
    InvalidResponse,
    ServiceError,
    service_error_class,
    shorten,
)
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import Answer, Call, excerpt, retry_after
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.destinations import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

    from fc_async_sdk.credentials import Credentials

T = TypeVar("T")

VERSION: Final = "2015-06-06"
NAMESPACE: Final = "http://mq.aliyuncs.com/doc/v1/"
EMPTY: Final = "MessageNotExist"
"""Code of the service for a topic that has no message for a group."""
_XML: Final = "text/xml;charset=UTF-8"
_OWN_HEADERS: Final = "x-mq-"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_PROPERTIES: Final = re.compile("[:|\"'&<>]")
_ERROR_STATUS: Final = 400
_NOT_FOUND: Final = 404
_LONGEST_NUMBER: Final = 19
_READ_SECONDS: Final = 30.0
"""Time for an answer behind the time for which the service waits for a message."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a group has received and not acknowledged.

    Attributes:
        message_id: Its id.
        message_body: Its text.
        receipt_handle: Acknowledges it, until ``next_consume_time``.
        consumed_times: How often the group has received it, this time included.
        publish_time: Milliseconds since the epoch.
        first_consume_time: The same, of the first time that the group received it.
        next_consume_time: The same, of the time at which the group may receive it again.
        message_tag: Its tag, "" if it has none.
        properties: As published; ``KEYS`` is the message key.
    """

    message_id: str
    message_body: str
    receipt_handle: str
    consumed_times: int
    publish_time: int
    first_consume_time: int
    next_consume_time: int
    message_tag: str = ""
    properties: dict[str, str] = {}


class MqCall(Call[T], frozen=True, kw_only=True, gc=False):
    """A call to RocketMQ, whose answers are XML.

    Attributes:
        empty: What is returned if the service has no message; None: that is an error.
    """

    empty: T | None = None

    def result(self, answer: Answer, *, repeated: bool = False) -> T:
        """Read an answer.

        Raises:
            ServiceError: The service refused or failed.
            InvalidResponse: The answer is not RocketMQ's.
        """
        if answer.status >= _ERROR_STATUS and self.empty is not None:
            refusal = self.refusal(answer)
            if refusal.code == EMPTY:
                return self.empty
        return super().result(answer, repeated=repeated)

    def refusal(self, answer: Answer) -> ServiceError:
        """Return the error for an answer of status 400 and above."""
        code = f"Http{answer.status}"
        message = ""
        request_id = ""
        try:
            root = _parsed(answer, self.operation)
        except InvalidResponse as error:
            message = str(error)
        else:
            code = root.findtext("Code") or code
            message = root.findtext("Message") or "no message"
            request_id = root.findtext("RequestId") or ""
        return service_error_class(code, answer.status)(
            code,
            message,
            http_status=answer.status,
            request_id=request_id or answer.headers.get("x-mq-request-id") or "",
            operation=self.operation,
            retry_after=retry_after(answer),
        )


class _Acknowledgement(MqCall[list[str]], frozen=True, kw_only=True, gc=False):
    def result(self, answer: Answer, *, repeated: bool = False) -> list[str]:
        """Return the handles that were not valid any more."""
        if answer.status == _NOT_FOUND:
            root = _parsed(answer, self.operation)
            if root.tag == "Errors":
                # After a repetition they may be those that the first request has acknowledged.
                ended = [_text(element, "ReceiptHandle", self.operation) for element in root]
                return [] if repeated else ended
        return super().result(answer, repeated=repeated)


def publish(
    instance_id: str,
    topic: str,
    body: str,
    *,
    tag: str = "",
    properties: Mapping[str, str] | None = None,
) -> MqCall[str]:
    """Return the call that publishes a message; its result is the id of the message.

    Raises:
        InvalidParameter: A name, the body or a property cannot be sent.
    """
    text = checks.text("body", body)
    most = KINDS["rocketmq"].payload_bytes
    if not 0 < len(text.encode()) <= most:
        raise InvalidParameter("body", shorten(text), f"must have 1 to {most} bytes")
    invalid = _NOT_IN_XML.search(text)
    if invalid is not None:
        expected = f"contains {invalid[0]!r}, which XML cannot carry: send base64"
        raise InvalidParameter("body", shorten(text), expected)
    elements = [("MessageBody", text)]
    if properties:
        elements.append(("Properties", _joined(properties)))
    if tag:
        elements.append(("MessageTag", checks.text("tag", tag)))
    return MqCall(
        operation="PublishMessage",
        method="POST",
        path=_path(topic),
        query=_query(ns=instance_id),
        headers={"content-type": _XML},
        body=_document("Message", elements),
        # If only the answer was lost, the message is in the topic, and consumers would get two.
        repeat="refused",
        read=_read_published,
    )


def consume(
    instance_id: str,
    topic: str,
    group: str,
    *,
    limit: int = limits.ROCKETMQ_BATCH.high,
    wait_seconds: int = 0,
    tag: str = "",
) -> MqCall[list[Message]]:
    """Return the call that receives messages as a group; none is an empty list.

    Args:
        instance_id: Of the topic; "" for one of the default instance.
        topic: Its name.
        group: Name of the group.
        limit: Most messages, 1 to 16.
        wait_seconds: How long the service waits for a message, 0 to 30.
        tag: Such as ``A||B``; "": all.

    Raises:
        InvalidParameter: A name or a number is not valid.
    """
    checks.integer("limit", limit, limits.ROCKETMQ_BATCH)
    checks.integer("wait_seconds", wait_seconds, limits.ROCKETMQ_POLLING_SECONDS)
    query = _query(
        consumer=checks.segment("group", group),
        numOfMessages=str(limit),
        ns=instance_id,
        waitseconds=str(wait_seconds) if wait_seconds else "",
        tag=tag,
    )
    return MqCall(
        operation="ConsumeMessage",
        method="GET",
        path=_path(topic),
        query=query,
        timeout=wait_seconds + _READ_SECONDS,
        empty=[],
        read=_read_messages,
    )


def acknowledge(
    instance_id: str,
    topic: str,
    group: str,
    handles: Sequence[str],
) -> MqCall[list[str]]:
    """Return the call that removes messages for a group.

    Its result are the handles that were not valid any more: their messages come again.

    Raises:
        InvalidParameter: A name is not valid, or there are not 1 to 16 handles.
    """
    if len(handles) not in limits.ROCKETMQ_BATCH:
        raise InvalidParameter("handles", len(handles), "must be 1 to 16 receipt handles")
    elements = [("ReceiptHandle", checks.text("handles", handle)) for handle in handles]
    return _Acknowledgement(
        operation="AckMessage",
        method="DELETE",
        path=_path(topic),
        query=_query(consumer=checks.segment("group", group), ns=instance_id),
        headers={"content-type": _XML},
        body=_document("ReceiptHandles", elements),
        read=lambda _: [],
    )


def signed(
    call: Call[T],
    host: str,
    credentials: Credentials,
    date: str,
) -> dict[str, str]:
    """Return the headers of a request.

    Args:
        call: What is sent.
        host: The host header.
        credentials: The keys.
        date: The time as HTTP writes it, such as ``Tue, 24 Nov 2026 13:34:52 GMT``.
    """
    headers = {
        **call.headers,
        "date": date,
        "host": host,
        "x-mq-version": VERSION,
    }
    signed_names = sorted(name for name in headers if name.startswith(_OWN_HEADERS))
    target = f"{call.path}?{call.query}" if call.query else call.path
    lines = [
        call.method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        date,
        *(f"{name}:{headers[name]}" for name in signed_names),
        target,
    ]
    digest = hmac.digest(credentials.access_key_secret.encode(), "\n".join(lines).encode(), "sha1")
    signature = base64.b64encode(digest).decode()
    headers["authorization"] = f"MQ {credentials.access_key_id}:{signature}"
    if credentials.security_token:
        headers["security-token"] = credentials.security_token  # which is not signed
    return headers


def _path(topic: str) -> str:
    return f"/topics/{encode(checks.segment('topic', topic))}/messages"


def _query(**parameters: str) -> str:
    """Return a query of those that are set, in this order: the service signs it as it is sent."""
    pairs = [(name, value) for name, value in parameters.items() if value]
    return "&".join(f"{name}={encode(value)}" for name, value in pairs)


def _document(root: str, elements: Sequence[tuple[str, str]]) -> bytes:
    # A reader of XML takes a carriage return for a line feed, unless it is written as a number.
    content = "".join(
        f"<{name}>{escape(text, quote=False)}</{name}>".replace("\r", "&#13;")
        for name, text in elements
    )
    head = f'<?xml version="1.0" encoding="utf-8"?><{root} xmlns="{NAMESPACE}">'
    return f"{head}{content}</{root}>".encode()


def _joined(properties: Mapping[str, str]) -> str:
    for name, value in properties.items():
        for text in (name, value):
            if not checks.text("properties", text) or _NOT_IN_PROPERTIES.search(text):
                expected = "must not be empty nor contain : | \" ' & < >"
                raise InvalidParameter("properties", text, expected)
    return "".join(f"{name}:{value}|" for name, value in properties.items())


def _parsed(answer: Answer, operation: str) -> Element:
    """Return the root of an answer, without namespaces.

    Raises:
        InvalidResponse: It is not XML, or declares a document type.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True  # one call for a text, not one for each of its lines
    parser.StartElementHandler = lambda tag, _: builder.start(tag.rpartition("}")[2], {})
    parser.EndElementHandler = lambda tag: builder.end(tag.rpartition("}")[2])
    parser.CharacterDataHandler = builder.data
    # A document type is the only way to entities, which can grow to gigabytes or read files.
    parser.StartDoctypeDeclHandler = _refuse_document_type
    try:
        parser.Parse(answer.body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InvalidResponse(
            f"the answer is not RocketMQ's, it says {excerpt(answer.body[:200])}: {error}",
            operation=operation,
        ) from None
    return builder.close()


def _refuse_document_type(*_: object) -> None:
    raise ValueError("it declares a document type")


def _read_published(answer: Answer) -> str:
    return _text(_parsed(answer, "PublishMessage"), "MessageId", "PublishMessage")


def _read_messages(answer: Answer) -> list[Message]:
    return [
        _read_message(element) for element in _parsed(answer, "ConsumeMessage").findall("Message")
    ]


def _read_message(element: Element) -> Message:
    def number(name: str) -> int:
        text = _text(element, name, "ConsumeMessage")
        if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_NUMBER:
            raise InvalidResponse(f"<{name}> is {shorten(text)}", operation="ConsumeMessage")
        return int(text)

    properties: dict[str, str] = {}
    for pair in (element.findtext("Properties") or "").split("|"):
        name, _, value = pair.partition(":")
        if name:
            properties[name] = value
    return Message(
        message_id=_text(element, "MessageId", "ConsumeMessage"),
        message_body=_text(element, "MessageBody", "ConsumeMessage"),
        receipt_handle=_text(element, "ReceiptHandle", "ConsumeMessage"),
        consumed_times=number("ConsumedTimes"),
        publish_time=number("PublishTime"),
        first_consume_time=number("FirstConsumeTime"),
        next_consume_time=number("NextConsumeTime"),
        message_tag=element.findtext("MessageTag") or "",
        properties=properties,
    )


def _text(element: Element, name: str, operation: str) -> str:
    text = element.findtext(name)
    if text is None:
        raise InvalidResponse(f"the answer has no <{name}>", operation=operation)
    return text
