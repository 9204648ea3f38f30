# SPDX-License-Identifier: MIT
"""The fields of a destination event and of the envelope around it, as the service spells them."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

P = TypeVar("P", str, msgspec.Raw)
_ABSENT: Final[Any] = msgspec.Raw(b"")


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    pass


class RequestContext(_Camel, frozen=True, kw_only=True):
    """What was called. See :class:`DestinationEvent` for the fields' meaning."""

    request_id: str | None = None
    function_arn: str | None = None
    condition: str | None = None
    approximate_invoke_count: int | None = None


class ResponseContext(_Camel, frozen=True, kw_only=True):
    """How it ended. See :class:`DestinationEvent` for the fields' meaning."""

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
        """Whether it has any field that only a destination event has."""
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
