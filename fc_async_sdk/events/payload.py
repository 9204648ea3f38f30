# SPDX-License-Identifier: MIT
"""A payload inside an event: raw until it is asked for."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from fc_async_sdk.errors import InvalidEvent, shorten

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding garbage raises."""

_NULL: Final = b"null"


class Payload(msgspec.Struct, frozen=True):
    """A payload as it came; reading it is up to you.

    On the wire it is the text of the payload as one JSON string; bytes that are not UTF-8 come as
    base64 with a flag. ``""`` is what a function that returned nothing leaves.
    """

    raw: bytes  # noqa: A003 -- bytes() below is the name that readers of payloads expect
    encoding: str = ""
    place: str = "$"

    def text(self) -> str:
        """The payload as text.

        Raises:
            InvalidEvent: It isn't text.
        """
        if self.encoding == "base64":
            try:
                return self.bytes().decode()
            except UnicodeDecodeError as error:
                raise InvalidEvent(f"the payload is no UTF-8: {error}", self.place) from error
        value = self._value()
        if value is None:
            return ""
        return value if isinstance(value, str) else self.raw.decode()

    def bytes(self) -> bytes:
        """The payload as the function got or returned it.

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
        """The payload as JSON.

        Raises:
            InvalidEvent: It is none.
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
            raise InvalidEvent(f"the payload is no JSON: {error}", self.place) from error

    def _value(self) -> Any:
        try:
            return msgspec.json.decode(self.raw or _NULL)
        except JSON_ERRORS as error:
            raise InvalidEvent(f"the payload can't be read: {error}", self.place) from error

    def __bool__(self) -> bool:
        return self.raw not in {b"", b'""', _NULL}

    def __repr__(self) -> str:
        return shorten(self.raw.decode("utf-8", "replace"))
