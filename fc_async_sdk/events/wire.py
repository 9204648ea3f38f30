# SPDX-License-Identifier: MIT
"""Destination events as they go over the wire: their parts, and the one place that writes them.

:class:`Document` and :class:`Envelope` are the parts as the service spells them. A :class:`Payload`
is decoded when its text, bytes or JSON is requested. The local runtime and the builders for tests
write events with :func:`document`; :mod:`fc_async_sdk.events.document` reads what it writes.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._payloads import claims
from fc_async_sdk._payloads.values import from_json
from fc_async_sdk.errors import InvalidEvent, shorten
from fc_async_sdk.spec import times

P = TypeVar("P", str, msgspec.Raw)
T = TypeVar("T")

_ABSENT: Final[Any] = msgspec.Raw(b"")
_NULL: Final = b"null"
_OK: Final = 200


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    pass


class RequestContext(_Camel, frozen=True, kw_only=True):
    """The function that was called. See :class:`DestinationEvent` for the fields' meaning."""

    request_id: str | None = None
    function_arn: str | None = None
    condition: str | None = None
    approximate_invoke_count: int | None = None


class ResponseContext(_Camel, frozen=True, kw_only=True):
    """The end of the invocation. See :class:`DestinationEvent` for the fields' meaning."""

    status_code: int | None = None
    function_error: str | None = None


class Document(_Camel, Generic[P], frozen=True, kw_only=True):
    """The document on the wire, or the envelope of EventBridge around it.

    Source: "Asynchronous invocation" of the user guide, table 1 (docs/reference/sources.md).

    Payloads are texts on the wire, so they are decoded as ``str``. A document whose payloads are
    something else is decoded with ``msgspec.Raw``, which keeps their JSON as it came. A payload
    that is absent is an empty ``Raw`` in both.
    """

    timestamp: int | float | str | None = None
    request_context: RequestContext | None = None
    request_payload: P = _ABSENT
    request_payload_encoding: str | None = None
    response_context: ResponseContext | None = None
    response_payload: P = _ABSENT
    response_payload_encoding: str | None = None
    specversion: str | None = None
    data: msgspec.Raw = _ABSENT
    data_base64: str | None = msgspec.field(default=None, name="data_base64")

    @property
    def recognised(self) -> bool:
        """True if the document has a field that only a destination event has."""
        return (
            self.request_context is not None
            or self.response_context is not None
            or self.request_payload != _ABSENT
            or self.response_payload != _ABSENT
        )


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The CloudEvents 1.0 envelope of EventBridge.

    Attributes:
        id: Unique within ``source``.
        source: ``acs:fc``.
        type: ``fc:AsyncInvoke:succeeded`` or ``fc:AsyncInvoke:failed``.
        subject: ARN of the function.
        time: RFC 3339.
        aliyunaccountid: Account of the bus.
        aliyunregionid: Region of the bus.
        aliyuneventbusname: The bus.
        aliyunpublishtime: When it was put, in the bus's spelling.
        aliyunpublishaddr: From where it was put.
    """

    id: str | None = None
    source: str | None = None
    type: str | None = None
    subject: str | None = None
    time: str | None = None
    specversion: str | None = None
    datacontenttype: str | None = None
    aliyunaccountid: str | None = None
    aliyunregionid: str | None = None
    aliyuneventbusname: str | None = None
    aliyunpublishtime: str | None = None
    aliyunpublishaddr: str | None = None


class Payload(msgspec.Struct, frozen=True):
    """A payload as it came.

    On the wire it is the text of the payload as one JSON string; bytes that are not UTF-8 come as
    base64 with a flag. A function that returned nothing leaves ``""``.

    Attributes:
        content: The string, or the JSON as it came where it is not a string.
        encoding: ``base64``, or "" for text.
        place: Where it is in the document.
    """

    content: str | msgspec.Raw
    encoding: str = ""
    place: str = "$"

    @property
    def raw(self) -> bytes:  # the builtin: the method of this name comes later
        """The string in UTF-8, or the JSON as it came where it is not a string."""
        content = self.content
        return content.encode() if isinstance(content, str) else bytes(content)

    def text(self) -> str:
        """Return the payload as text.

        Raises:
            InvalidEvent: It isn't text.
        """
        if self.encoding == "base64":
            try:
                return self.bytes().decode()
            except UnicodeDecodeError as error:
                raise InvalidEvent(f"the payload is not UTF-8: {error}", self.place) from error
        value = self._value()
        if value is None:
            return ""
        return value if isinstance(value, str) else self.raw.decode()

    def bytes(self) -> bytes:
        """Return the payload as the function got or returned it.

        Raises:
            InvalidEvent: It can't be decoded.
        """
        if self.encoding not in {"", "base64"}:
            raise InvalidEvent(f"payload encoding {shorten(self.encoding)} is unknown", self.place)
        if self.encoding == "base64":
            value = self._value()
            try:
                return base64.b64decode(value if isinstance(value, str) else b"!", validate=True)
            except (binascii.Error, ValueError) as error:
                raise InvalidEvent("the payload is flagged base64 and isn't", self.place) from error
        try:
            return self.text().encode()
        except UnicodeEncodeError as error:
            raise InvalidEvent("the payload has half a surrogate pair", self.place) from error

    def json(self) -> Any:
        """Return the payload, decoded from JSON.

        Raises:
            InvalidEvent: It is not JSON.
            UnreadableClaim: It is a claim: open the event with its store first.
        """
        # Checked on each way out: a claim that was not opened looks like the payload to a handler.
        if self.encoding == "base64":
            text: str | bytes = self.bytes()
        else:
            value = self._value()
            if not isinstance(value, str):
                return claims.check_decoded(value, "the payload")
            text = value
        try:
            decoded = msgspec.json.decode(text)
        except JSON_ERRORS as error:
            raise InvalidEvent(f"the payload is not JSON: {error}", self.place) from error
        return claims.check_decoded(decoded, "the payload")

    def decode(self, kind: type[T]) -> T:
        """Return the payload as a value of a type.

        Args:
            kind: A msgspec Struct, a dataclass, a TypedDict, a class with
                ``model_validate_json`` (pydantic), or a type made of these. bytes and str take
                the payload as it is.

        Raises:
            InvalidPayload: It does not fit the type.
            InvalidEvent: It cannot be read at all.
        """
        content = self.content
        if self.encoding or isinstance(content, str):
            return from_json(kind, self.bytes())
        # Its JSON stands in the document as it is, which only a text does not.
        value = self._value()
        return from_json(kind, value.encode() if isinstance(value, str) else bytes(content))

    def _value(self) -> Any:
        if isinstance(self.content, str):
            return self.content
        try:
            return msgspec.json.decode(self.content or _NULL)
        except JSON_ERRORS as error:
            raise InvalidEvent(f"the payload can't be read: {error}", self.place) from error

    def __bool__(self) -> bool:
        if isinstance(self.content, str):
            return bool(self.content)
        return self.raw not in {b"", b'""', _NULL}

    def __repr__(self) -> str:
        return shorten(self.raw.decode("utf-8", "replace"))


# --- writing ------------------------------------------------------------------------------------


def encode_payload(payload: bytes) -> tuple[str, Literal["", "base64"]]:
    """Return a payload as the text that an event carries, and the encoding of the text.

    Payloads are text on the wire. One that is not UTF-8 travels as base64 and is flagged.
    """
    try:
        return payload.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode("ascii"), "base64"


def payload_members(name: str, payload: bytes) -> dict[str, str]:
    """Return a payload as members of a JSON object.

    UTF-8 is text. Anything else is base64, and a second member, named with ``Encoding`` at its end,
    says so.
    """
    # The second member is left out for text, as the service leaves it out.
    text, encoding = encode_payload(payload)
    return {name: text, f"{name}Encoding": encoding} if encoding else {name: text}


def document(
    *,
    timestamp: int,
    request_id: str,
    function_arn: str,
    attempts: int,
    request_payload: bytes,
    response_payload: bytes = b"",
    condition: str = "",
    status_code: int = _OK,
    function_error: str = "",
) -> dict[str, Any]:
    """Return the document that MNS, functions and RocketMQ get, as plain JSON objects.

    Args:
        timestamp: Milliseconds since the epoch.
        request_id: Of the invocation.
        function_arn: ARN of the function that was called.
        attempts: How often it was executed: ``approximateInvokeCount``.
        request_payload: What it was called with.
        response_payload: What it returned, or its error document.
        condition: Why it failed, "" on success.
        status_code: Other than 200 is a system error.
        function_error: Error type of the function, "" on success.
    """
    return {
        "timestamp": timestamp,
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        **payload_members("requestPayload", request_payload),
        "responseContext": {"statusCode": status_code, "functionError": function_error},
        **payload_members("responsePayload", response_payload),
    }


def envelope(
    data: dict[str, Any],
    *,
    event_id: str,
    event_type: str,
    bus: str,
    account_id: str,
    region: str,
    published_at: int,
    published_from: str = "127.0.0.1",
) -> dict[str, Any]:
    """Return the CloudEvents envelope that EventBridge delivers, around a document.

    Args:
        data: What :func:`document` made.
        event_id: Unique within the source.
        event_type: ``fc:AsyncInvoke:succeeded`` or ``fc:AsyncInvoke:failed``.
        bus: The event bus.
        account_id: Account of the bus.
        region: Region of the bus.
        published_at: Milliseconds since the epoch.
        published_from: Address of who put it.
    """
    # The bus writes its own time as wall time of China, with the name of the zone and no offset.
    china = dt.datetime.fromtimestamp(published_at // 1000, dt.timezone(dt.timedelta(hours=8)))
    milliseconds = published_at % 1000
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "acs:fc",
        "type": event_type,
        "subject": data["requestContext"]["functionArn"],
        "time": times.rfc3339(published_at),
        "datacontenttype": "application/json",
        "data": data,
        "aliyunaccountid": account_id,
        "aliyunregionid": region,
        "aliyuneventbusname": bus,
        "aliyunpublishtime": f"{china:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Asia/Shanghai",
        "aliyunpublishaddr": published_from,
    }


def encode(event: dict[str, Any]) -> bytes:
    """Return a document or an envelope as bytes."""
    return msgspec.json.encode(event)
