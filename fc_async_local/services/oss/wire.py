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
_HIDDEN: Final = re.compile(f"[{chr(_HIDE)}-{chr(_HIDE + 31)}]")


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
            raise OssError("InvalidArgument", f"encoding-type {shorten(encoding)}: url is allowed")
        self.kind = "url" if encoding or any(_NOT_IN_XML.search(key) for key in keys) else None

    def __call__(self, key: str) -> str:
        """Return a key as it is written."""
        return quote(key, safe="") if self.kind else key


def read_deletions(body: bytes) -> tuple[list[str], bool]:
    """Read the keys of DeleteObjects, and whether the answer is to be empty.

    Raises:
        OssError: MalformedXML; NotImplemented: a version.
    """
    root = DIALECT.read(_CONTROL.sub(_hidden, body), "Delete")
    found = [text(element, "Key") or "" for element in root.findall("Object")]
    keys = [_HIDDEN.sub(lambda one: chr(ord(one[0]) - _HIDE), key) for key in found]
    if not 0 < len(keys) <= MOST_LISTED:
        raise OssError("MalformedXML", f"{len(keys)} keys: 1 to {MOST_LISTED} in a request")
    if root.find("Object/VersionId") is not None:
        raise OssError("NotImplemented", "versions of objects are not kept here")
    return keys, text(root, "Quiet") == "true"


def _hidden(match: re.Match[bytes]) -> bytes:
    """Return what stands for a control character until the document is parsed.

    XML 1.0 does not have them, and clients write them as they are or as references.
    """
    code = ord(match[3]) if match[3] else int(match[1], 16) if match[1] else int(match[2])
    return chr(_HIDE + code).encode()


def read_parts(body: bytes) -> list[tuple[int, str]]:
    """Read number and ETag of the parts of CompleteMultipartUpload.

    Raises:
        OssError: MalformedXML.
    """
    found = []
    for element in DIALECT.read(body, "CompleteMultipartUpload").findall("Part"):
        number = (text(element, "PartNumber") or "").strip()
        if not (number.isascii() and number.isdigit() and len(number) < 6):  # noqa: PLR2004 -- 10000
            raise OssError("MalformedXML", f"PartNumber {shorten(number)} is not a number")
        found.append((int(number), (text(element, "ETag") or "").strip()))
    return found


def read_tagging(body: bytes) -> str:
    """Read the tags of an object, as in a query.

    Raises:
        OssError: MalformedXML.
    """
    tags = DIALECT.read(body, "Tagging").iter("Tag")
    pairs = [(text(one, "Key") or "", text(one, "Value") or "") for one in tags]
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)
