# SPDX-License-Identifier: MIT
"""Destination events as typed objects, from whatever form they come in.

Unknown fields are kept, missing ones don't raise, and garbage raises
:class:`~fc_async_sdk.errors.InvalidEvent` with the place and nothing else. What is in a payload is
looked at when it is asked for.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk._payloads import claims, envelopes
from fc_async_sdk._payloads.claims import PayloadStore
from fc_async_sdk._payloads.values import split_place
from fc_async_sdk.errors import InvalidArn, InvalidEvent, shorten
from fc_async_sdk.events.wire import Document, Envelope, Payload, encode_payload
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    import datetime as dt

T = TypeVar("T")
AnyDocument = Document[str] | Document[msgspec.Raw]

_OK: Final = 200
_OMITTED: Final = b'"requestPayloadOmitted":true'
# msgspec leaves numbers in strings alone unless told not to be strict: one version of a sister
# library sent the status code as text.
_TEXTS: Final = msgspec.json.Decoder(Document[str], strict=False)
_RAWS: Final = msgspec.json.Decoder(Document[msgspec.Raw], strict=False)
_ENVELOPE: Final = msgspec.json.Decoder(Envelope, strict=False)
_OBJECT: Final = msgspec.json.Decoder(dict[str, Any])
_TEXT: Final = msgspec.json.Decoder(str)


class DestinationEvent(msgspec.Struct, frozen=True, gc=False):
    """The end of an asynchronous invocation, as a destination gets it.

    Attributes:
        document: The document as it came, typed.
        source: The bytes it was read from: envelope and all.
        store: Store from which payloads are read that came as claims, or None; see :meth:`open`.
    """

    document: AnyDocument
    source: bytes
    store: PayloadStore | None = None

    def open(self, store: PayloadStore) -> DestinationEvent:
        """Return the same event, whose ``request`` and ``response`` are read from a store.

        Each use of ``request`` or ``response`` reads the store if it is a claim, and may raise a
        :class:`~fc_async_sdk.errors.LargePayloadError`.

        Args:
            store: See :mod:`fc_async_sdk.payloads`.
        """
        return msgspec.structs.replace(self, store=store)

    @property
    def timestamp(self) -> int | None:
        """``timestamp``: milliseconds since the epoch, or None."""
        value = self.document.timestamp
        if isinstance(value, str):
            return _iso_to_ms(value)
        return int(value) if value is not None and abs(value) < 1e18 else None  # noqa: PLR2004 -- not a time

    @property
    def time(self) -> dt.datetime | None:
        """:attr:`timestamp` as an aware datetime in UTC, or None."""
        import datetime  # noqa: ICN001, PLC0415 -- importing the SDK stays cheap

        if self.timestamp is None:
            return None
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        try:
            return epoch + datetime.timedelta(milliseconds=self.timestamp)
        except OverflowError:
            return None

    @property
    def request_id(self) -> str:
        """``requestContext.requestId``: of the invocation; the same over all its attempts."""
        context = self.document.request_context
        return (context and context.request_id) or ""

    @property
    def function_arn(self) -> str:
        """``requestContext.functionArn``: ARN of the function that was called."""
        context = self.document.request_context
        return (context and context.function_arn) or ""

    @property
    def function(self) -> str:
        """Name of the function that was called, "" if its ARN doesn't say."""
        parsed = self.arn
        return parsed.function if parsed else ""

    @property
    def arn(self) -> arn.FunctionArn | None:
        """:attr:`function_arn`, parsed; None if it is not a function's ARN."""
        try:
            parsed = arn.parse(self.function_arn)
        except InvalidArn:
            return None
        return parsed if isinstance(parsed, arn.FunctionArn) else None

    @property
    def condition(self) -> str:
        """``requestContext.condition``: why it failed, "" on success."""
        context = self.document.request_context
        return (context and context.condition) or ""

    @property
    def attempts(self) -> int:
        """``requestContext.approximateInvokeCount``: how often the function was executed."""
        context = self.document.request_context
        return (context and context.approximate_invoke_count) or 0

    @property
    def retried(self) -> bool:
        """True when the function was executed more than once."""
        return self.attempts > 1

    @property
    def status_code(self) -> int:
        """``responseContext.statusCode``: other than 200 is a system error."""
        context = self.document.response_context
        code = context.status_code if context else None
        return _OK if code is None else code

    @property
    def function_error(self) -> str:
        """``responseContext.functionError``: error type of the function, "" on success."""
        context = self.document.response_context
        return (context and context.function_error) or ""

    @property
    def succeeded(self) -> bool:
        """True when the function returned."""
        return not self.condition and not self.function_error and self.status_code == _OK

    @property
    def deferred(self) -> str:
        """Id of the task that goes on with the message; "" if this one has ended it.

        Such a task has sent its message again, because its slot of a pace had not come or because
        the handler asked for it (:mod:`fc_async_sdk.pacing`). Its end is an event of its own.
        """
        if not self.succeeded:
            return ""
        try:
            return envelopes.next_task(self.response.bytes())
        except InvalidEvent:
            return ""

    @property
    def request(self) -> Payload:
        """``requestPayload``: what the function was called with."""
        document = self.document
        encoding = document.request_payload_encoding or ""
        return self._opened(Payload(document.request_payload, encoding, "$.requestPayload"))

    @property
    def complete(self) -> bool:
        """False when the local runtime has left out a part of :attr:`request` that was too long."""
        # Within a payload that is an event itself, quotes are escaped.
        return _OMITTED not in self.source.replace(b"\\", b"")

    @property
    def response(self) -> Payload:
        """``responsePayload``: what the function returned, or its error document."""
        document = self.document
        encoding = document.response_payload_encoding or ""
        return self._opened(Payload(document.response_payload, encoding, "$.responsePayload"))

    def _opened(self, payload: Payload) -> Payload:
        claim = claims.find(payload.raw) if self.store is not None else None
        if self.store is None or claim is None:
            return payload
        # As if it had come in the event, so that readers of the payload need not know of stores.
        text, encoding = encode_payload(claims.fetch(self.store, claim))
        return Payload(text, encoding, payload.place)

    @property
    def envelope(self) -> Envelope | None:
        """The envelope of EventBridge, or None when there was none."""
        # Most events have none: it is not decoded a second time to find that out.
        if b'"specversion"' not in self.source:
            return None
        envelope = _decode(_ENVELOPE.decode, self.source)
        return envelope if envelope.specversion is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Return the whole event as plain JSON objects, with unknown fields and the envelope."""
        return _decode(_OBJECT.decode, self.source)

    def __repr__(self) -> str:
        outcome = "succeeded" if self.succeeded else f"failed ({self.condition or 'system error'})"
        return (
            f"<DestinationEvent {self.function or self.function_arn} {outcome} "
            f"after {self.attempts} attempts, request {self.request_id}>"
        )


class CloudEvent(Protocol):
    """An event object of the ``cloudevents`` package, 1.x or 2.x."""

    def get_attributes(self) -> Mapping[str, Any]:
        """Return the attributes of the envelope."""
        ...

    def get_data(self) -> Any:
        """Return the document inside the envelope."""
        ...


Source = bytes | bytearray | memoryview | str | Mapping[str, Any] | CloudEvent
"""Forms of an event that :func:`parse` reads."""


def parse(event: Source) -> DestinationEvent:
    """Read a destination event in any of its forms.

    Args:
        event: The document (MNS, function, RocketMQ), base64 of it, or the CloudEvents envelope
            of EventBridge around it; as bytes, text, a decoded JSON object, or an event object
            of the ``cloudevents`` package.

    Raises:
        InvalidEvent: It is none of these. ``.place`` says where it went wrong.
    """
    # The usual event is bytes and begins with a brace: then nothing is copied.
    source = event if type(event) is bytes else to_bytes(event)
    if not source.startswith(b"{"):
        source = _strip(source)
    document = _decode(_read, source)
    if document.specversion is not None or not document.recognised:
        document = _unwrap(document)
    return DestinationEvent(document, source)


def _read(source: bytes) -> AnyDocument:
    """Decode a document.

    Raises:
        DecodeError, UnicodeError, RecursionError: It is not JSON, or a field has another type.
    """
    try:
        return _TEXTS.decode(source)
    except JSON_ERRORS:
        # A payload is not a text, or not a valid one. That counts only when it is read.
        return _RAWS.decode(source)


def _unwrap(envelope: AnyDocument) -> AnyDocument:
    """Return the document inside an envelope."""
    inner = bytes(envelope.data)
    if envelope.data_base64 is not None:
        inner = _from_base64(envelope.data_base64.encode("utf-8", "replace"), "$.data_base64")
    elif inner[:1] == b'"':
        inner = _decode(_TEXT.decode, inner, "$.data").encode("utf-8", "replace")
    if not inner:
        raise InvalidEvent("none of the fields of a destination event is there")
    document = _decode(_read, inner, "$.data")
    if not document.recognised:
        raise InvalidEvent("none of the fields of a destination event is there", "$.data")
    return document


def to_bytes(event: Any) -> bytes:
    """Return an event that :func:`parse` reads as bytes.

    Raises:
        InvalidEvent: It is nothing of the kind.
    """
    if isinstance(event, (bytes, bytearray, memoryview)):
        return bytes(event)
    try:
        if isinstance(event, str):
            return event.encode()
        if isinstance(event, Mapping):
            return msgspec.json.encode(dict(event))
        if hasattr(event, "get_attributes") and hasattr(event, "get_data"):
            data = event.get_data()
            text = bytes(data).decode() if isinstance(data, (bytes, bytearray)) else data
            return msgspec.json.encode({**event.get_attributes(), "data": text})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidEvent(f"it can't be made into JSON: {error}") from error
    raise InvalidEvent(f"expected bytes, text or a JSON object, got {type(event).__name__}")


def _strip(source: bytes) -> bytes:
    """Return the JSON object behind white space, a byte order mark or base64."""
    text = source.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] == b"{":
        return text
    if not text:
        raise InvalidEvent("it is empty")
    decoded = _from_base64(text, "$").strip()
    if decoded[:1] != b"{":
        raise InvalidEvent("it is base64, but not of a JSON object")
    return decoded


def _from_base64(text: bytes, path: str) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidEvent(
            f"neither a JSON object nor base64 of one: {shorten(text[:80])}", path
        ) from None


def _decode(decode: Callable[[bytes], T], source: bytes, root: str = "$") -> T:
    try:
        return decode(source)
    except JSON_ERRORS as error:
        reason, path = split_place(error)
        raise InvalidEvent(reason, root + path.removeprefix("$")) from error


def _iso_to_ms(text: str) -> int | None:
    import datetime  # noqa: ICN001, PLC0415 -- importing the SDK stays cheap

    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000)
