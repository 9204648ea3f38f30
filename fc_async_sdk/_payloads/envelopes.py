# SPDX-License-Identifier: MIT
"""Payloads of this SDK's own: a JSON object with one name, which begins with ``$fc-async.``.

``{"$fc-async.hop": {…}}`` is a message that waits on (:mod:`fc_async_sdk.pacing`), and
``{"$fc-async.claim": {…}}`` stands for a payload in a store (:mod:`fc_async_sdk.payloads`), and
``{"$fc-async.feed": {…}}`` is a request about a feed (:mod:`fc_async_sdk.feeding`).

Invariants:

- Whatever is not such an object is a payload of the user, byte for byte.
- A payload inside an envelope is taken out byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, Final, NamedTuple

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk.errors import InvalidPayload

PREFIX: Final = "$fc-async."
HOP: Final = f"{PREFIX}hop"
FEED: Final = f"{PREFIX}feed"
SKIPPED: Final = f"{PREFIX}skipped"
"""Name in the result of a delivery that ended without a run, see :mod:`fc_async_sdk.ordering`."""

_BEGIN: Final = re.compile(rb'\s*\{\s*"\$fc-async\.')
_DECODER: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SENT: Final = msgspec.json.Decoder(dict[str, Any])
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)


class Envelope(NamedTuple):
    """An envelope.

    Attributes:
        name: Such as ``$fc-async.hop``.
        body: The JSON value under this name.
    """

    name: str
    body: bytes


def read(payload: bytes) -> Envelope | None:
    """Return the envelope that a payload is, or None if it is a payload of the user."""
    if not _BEGIN.match(payload):
        return None
    try:
        members = _DECODER.decode(payload)
    except JSON_ERRORS:
        return None
    if len(members) != 1:
        return None
    ((name, body),) = members.items()
    return Envelope(name, bytes(body))


def next_task(result: bytes) -> str:
    """Return the id of the task that goes on with a message, or "" for a result of a handler."""
    envelope = read(result)
    if envelope is None or envelope.name != HOP:
        return ""
    try:
        sent = _SENT.decode(envelope.body)
    except JSON_ERRORS:
        return ""
    return str(sent.get("next", ""))


def write(name: str, body: bytes) -> bytes:
    """Return the payload that is an envelope.

    Args:
        name: Such as ``$fc-async.hop``.
        body: A JSON value.
    """
    return b'{"%b":%b}' % (name.encode(), body)


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payload inside an envelope; one of the fields is set, none for an empty payload.

    Attributes:
        json: A JSON value, as it was written.
        text: UTF-8 text that is not JSON.
        base64: Other bytes.
    """

    json: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str = ""
    base64: str = ""

    def open(self) -> bytes:
        """Return the payload, byte for byte.

        Raises:
            InvalidPayload: It is not base64.
        """
        if self.json is not msgspec.UNSET:
            return bytes(self.json)
        if not self.base64:
            return self.text.encode()
        try:
            return base64.b64decode(self.base64, validate=True)
        except binascii.Error as error:
            raise InvalidPayload("base64", str(error), "$.base64", what="the envelope") from error


def content(payload: bytes) -> Content:
    """Return a payload in the shortest form that an envelope can hold."""
    try:
        raw = _RAW.decode(payload)
        value = bytes(raw)
        # Blanks around the value would be lost.
        if len(value) == len(payload):
            payload.decode()  # a Raw value is not checked for UTF-8
            return Content(json=msgspec.Raw(value))
    except JSON_ERRORS:
        pass
    try:
        return Content(text=payload.decode())
    except UnicodeDecodeError:
        return Content(base64=base64.b64encode(payload).decode())
