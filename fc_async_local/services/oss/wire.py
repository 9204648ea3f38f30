# SPDX-License-Identifier: MIT
"""The XML documents of OSS, read and written. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fc_async_local.services.markup import Dialect, text
from fc_async_local.services.oss.model import MOST_LISTED, OssError
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec.times import rfc3339_millis

if TYPE_CHECKING:
    from collections.abc import Iterable

DIALECT: Final = Dialect("", OssError)
document: Final = DIALECT.document
_NOT_IN_XML: Final = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_CONTROL: Final = re.compile(
    rb"&#x0*(1?[0-9a-f]);|&#0*([12]?[0-9]|3[01]);|([\0-\x08\x0b\x0c\x0e-\x1f])", re.IGNORECASE
)
"""Control characters in a document, and references to them."""
_HIDE: Final = 0xF0000
"""A plane of private use."""
_FIRST: Final = chr(_HIDE)
_LAST: Final = chr(_HIDE + 31)
_HIDDEN: Final = re.compile(f"[{_FIRST}-{_LAST}]")


def iso_date(at: int) -> str:
    """Return a time as it is in documents: clients require three zeros for the milliseconds."""
    return rfc3339_millis(at // 1_000 * 1_000)


class Names:
    """Writes keys and what belongs to them, percent-encoded if a client wants that.

    They are as well if XML 1.0 cannot hold one of them; the document says so.

    Args:
        encoding: The parameter ``encoding-type``.
        keys: All keys of the document.

    Attributes:
        kind: The content of the element EncodingType.

    Raises:
        OssError: InvalidArgument.
    """

    def __init__(self, encoding: str, keys: Iterable[str]) -> None:
        if encoding not in ("", "url"):
            message = f"encoding-type {shorten(encoding)}: url is allowed"
            raise OssError("InvalidArgument", message)
        needs_encoding = any(_NOT_IN_XML.search(key) for key in keys)
        self.kind = "url" if encoding or needs_encoding else None

    def __call__(self, key: str) -> str:
        """Return a key as it is written."""
        return quote(key, safe="") if self.kind else key


def read_deletions(body: bytes) -> tuple[list[str], bool]:
    """Read the keys of DeleteObjects, and whether the answer is to be empty.

    Raises:
        OssError: MalformedXML; NotImplemented: a version.
    """
    parsable = _CONTROL.sub(_hidden, body)
    root = DIALECT.read(parsable, "Delete")
    keys = []
    for element in root.findall("Object"):
        key = text(element, "Key") or ""
        keys.append(_restored(key))
    if not 0 < len(keys) <= MOST_LISTED:
        message = f"{len(keys)} keys: 1 to {MOST_LISTED} in a request"
        raise OssError("MalformedXML", message)
    if root.find("Object/VersionId") is not None:
        raise OssError("NotImplemented", "versions of objects are not kept here")
    is_quiet = text(root, "Quiet") == "true"
    return keys, is_quiet


def _hidden(match: re.Match[bytes]) -> bytes:
    """Return what stands for a control character until the document is parsed.

    XML 1.0 does not have them, and clients write them as they are or as references.
    """
    hexadecimal, decimal, character = match.groups()
    if character:
        code = ord(character)
    elif hexadecimal:
        code = int(hexadecimal, 16)
    else:
        code = int(decimal)
    return chr(_HIDE + code).encode()


def _restored(key: str) -> str:
    """Return a key with the control characters that :func:`_hidden` took out of the document."""

    def restored(match: re.Match[str]) -> str:
        return chr(ord(match[0]) - _HIDE)

    return _HIDDEN.sub(restored, key)


def read_parts(body: bytes) -> list[tuple[int, str]]:
    """Read number and ETag of the parts of CompleteMultipartUpload.

    Raises:
        OssError: MalformedXML.
    """
    parts = []
    for element in DIALECT.read(body, "CompleteMultipartUpload").findall("Part"):
        number = (text(element, "PartNumber") or "").strip()
        if not re.fullmatch("[0-9]{1,5}", number):
            message = f"PartNumber {shorten(number)} is not a number"
            raise OssError("MalformedXML", message)
        etag = (text(element, "ETag") or "").strip()
        parts.append((int(number), etag))
    return parts


def read_tagging(body: bytes) -> str:
    """Read the tags of an object, as in a query.

    Raises:
        OssError: MalformedXML.
    """
    tags = DIALECT.read(body, "Tagging").iter("Tag")
    pairs = []
    for tag in tags:
        key = quote(text(tag, "Key") or "", safe="")
        value = quote(text(tag, "Value") or "", safe="")
        pairs.append(f"{key}={value}")
    return "&".join(pairs)
