# SPDX-License-Identifier: MIT
"""The parts of a destination event as the service spells them: fields, payloads, the envelope.

The envelope is that of EventBridge. A payload is decoded when its text, bytes or JSON is requested.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, Generic, TypeVar

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._payloads import from_json
from fc_async_sdk.errors import InvalidEvent, shorten

P = TypeVar("P", str, msgspec.Raw)
T = TypeVar("T")
_ABSENT: Final[Any] = msgspec.Raw(b"")


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
    """The document on the wire (guide, table 1), or the envelope of EventBridge around it.

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


_NULL: Final = b"null"


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
        """
        if self.encoding == "base64":
            text: str | bytes = self.bytes()
        else:
            value = self._value()
            if not isinstance(value, str):
                return value
            text = value
        try:
            return msgspec.json.decode(text)
        except JSON_ERRORS as error:
            raise InvalidEvent(f"the payload is not JSON: {error}", self.place) from error

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
