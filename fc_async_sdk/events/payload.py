# SPDX-License-Identifier: MIT
"""A payload inside an event: text, bytes or JSON when it is asked for."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import msgspec

from fc_async_sdk.errors import InvalidEvent, shorten

JSON_ERRORS: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What the decoder raises for input that is not JSON of the expected type."""

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
