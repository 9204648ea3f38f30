# SPDX-License-Identifier: MIT
"""The XML documents of OSS, read and written. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fc_async_local.services.markup import Dialect, text
from fc_async_local.services.oss.model import MOST_LISTED, OssError
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

DIALECT: Final = Dialect("", OssError)
document: Final = DIALECT.document
_NOT_IN_XML: Final = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def iso_date(at: int) -> str:
    """Return a time as it is in documents: clients require three zeros for the milliseconds."""
    return datetime.fromtimestamp(at // 1_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


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
    root = DIALECT.read(body, "Delete")
    keys = [text(element, "Key") or "" for element in root.findall("Object")]
    if not 0 < len(keys) <= MOST_LISTED:
        raise OssError("MalformedXML", f"{len(keys)} keys: 1 to {MOST_LISTED} in a request")
    if root.find("Object/VersionId") is not None:
        raise OssError("NotImplemented", "versions of objects are not kept here")
    return keys, text(root, "Quiet") == "true"


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
