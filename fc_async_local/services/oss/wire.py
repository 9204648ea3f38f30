# SPDX-License-Identifier: MIT
"""The XML documents of OSS, read and written. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fc_async_local.services.markup import Dialect, leaf, tag, text
from fc_async_local.services.oss.model import MOST_LISTED, OssError
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_local.services.oss.model import (
        Bucket,
        Listing,
        Part,
        Upload,
        Wanted,
    )

DIALECT: Final = Dialect("", OssError)
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_IN_XML: Final = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(root: str, *content: str) -> bytes:
    """Return a whole document."""
    return f"{_HEAD}{tag(root, ''.join(content))}".encode()


def iso_date(at: int) -> str:
    """Return a time as it is in documents: clients require three zeros for the milliseconds."""
    return datetime.fromtimestamp(at // 1_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Names:
    """Writes keys and what belongs to them, percent-encoded if a client wants that.

    They are as well if XML 1.0 cannot hold one of them; the document says so.

    Args:
        encoding: The parameter ``encoding-type``.
        keys: All keys of the document.

    Raises:
        OssError: InvalidArgument.
    """

    def __init__(self, encoding: str, keys: Iterable[str]) -> None:
        if encoding not in ("", "url"):
            raise OssError("InvalidArgument", f"encoding-type {shorten(encoding)}: url is allowed")
        self._encoded = bool(encoding) or any(_NOT_IN_XML.search(key) for key in keys)

    def leaf(self, name: str, key: str) -> str:
        """Return an element with a key."""
        return leaf(name, quote(key, safe="") if self._encoded else key)

    @property
    def kind(self) -> str:
        """Return the element with the encoding, "" without one."""
        return leaf("EncodingType", "url") if self._encoded else ""


def owner(account_id: str) -> str:
    """Return the owner of everything."""
    return tag("Owner", leaf("ID", account_id) + leaf("DisplayName", account_id))


def truncated(*, more: bool) -> str:
    """Return whether there is a further page."""
    return leaf("IsTruncated", "true" if more else "false")


def access(account_id: str, acl: str) -> bytes:
    """Write an access control list."""
    grant = tag("AccessControlList", leaf("Grant", acl))
    return document("AccessControlPolicy", owner(account_id), grant)


def bucket_members(bucket: Bucket, region: str, endpoint: str) -> str:
    """Write what a list of buckets and the information of one say of a bucket."""
    return (
        leaf("Name", bucket.name)
        + leaf("CreationDate", iso_date(bucket.created_at))
        + leaf("Location", f"oss-{region}")
        + leaf("Region", region)
        + leaf("ExtranetEndpoint", endpoint)
        + leaf("IntranetEndpoint", endpoint)
        + leaf("StorageClass", bucket.storage_class)
    )


def listing(
    bucket: str, found: Listing, wanted: Wanted, names: Names, paging: str, account_id: str
) -> bytes:
    """Write a page of the list of objects.

    Args:
        bucket: The bucket.
        found: The page.
        wanted: What was asked for.
        names: Writes keys.
        paging: The elements with markers, which differ between the two versions of the list.
        account_id: The owner of the objects, "" to leave it out.
    """
    entries = (
        tag(
            "Contents",
            names.leaf("Key", one.key)
            + leaf("LastModified", iso_date(one.modified_at))
            + leaf("ETag", f'"{one.etag}"')
            + leaf("Type", one.kind)
            + leaf("Size", one.size)
            + leaf("StorageClass", one.headers.get("x-oss-storage-class", "Standard"))
            + (owner(account_id) if account_id else ""),
        )
        for one in found.objects
    )
    prefixes = (tag("CommonPrefixes", names.leaf("Prefix", one)) for one in found.prefixes)
    return document(
        "ListBucketResult",
        leaf("Name", bucket),
        names.leaf("Prefix", wanted.prefix),
        leaf("MaxKeys", wanted.limit),
        names.leaf("Delimiter", wanted.delimiter),
        names.kind,
        truncated(more=bool(found.marker)),
        paging,
        *entries,
        *prefixes,
    )


def copied(root: str, etag: str, modified_at: int) -> bytes:
    """Write the result of a copy."""
    return document(root, leaf("LastModified", iso_date(modified_at)), leaf("ETag", f'"{etag}"'))


def parts(found: Sequence[Part], upload: Upload, names: Names, *, limit: int, more: bool) -> bytes:
    """Write a page of the parts of an upload."""
    entries = (
        tag(
            "Part",
            leaf("PartNumber", part.number)
            + leaf("LastModified", iso_date(part.modified_at))
            + leaf("ETag", f'"{part.content.md5}"')
            + leaf("HashCrc64ecma", str(part.content.crc))
            + leaf("Size", part.content.size),
        )
        for part in found
    )
    return document(
        "ListPartsResult",
        leaf("Bucket", upload.bucket),
        names.leaf("Key", upload.key),
        leaf("UploadId", upload.id),
        names.kind,
        leaf("MaxParts", limit),
        truncated(more=more),
        leaf("NextPartNumberMarker", found[-1].number if found else 0),
        *entries,
    )


def uploads(bucket: str, found: Sequence[Upload], names: Names, *, limit: int, more: bool) -> bytes:
    """Write a page of the uploads of a bucket."""
    entries = (
        tag(
            "Upload",
            names.leaf("Key", one.key)
            + leaf("UploadId", one.id)
            + leaf("Initiated", iso_date(one.started_at)),
        )
        for one in found
    )
    last = found[-1] if more else None
    return document(
        "ListMultipartUploadsResult",
        leaf("Bucket", bucket),
        names.kind,
        leaf("MaxUploads", limit),
        names.leaf("NextKeyMarker", last.key if last else ""),
        leaf("NextUploadIdMarker", last.id if last else ""),
        truncated(more=more),
        *entries,
    )


def deleted(keys: Sequence[str], names: Names) -> bytes:
    """Write which keys were deleted."""
    entries = (tag("Deleted", names.leaf("Key", key)) for key in keys)
    return document("DeleteResult", names.kind, *entries)


def read_deletions(body: bytes) -> tuple[list[str], bool]:
    """Read the keys of DeleteObjects, and whether nothing is to be answered.

    Raises:
        OssError: MalformedXML.
    """
    root = DIALECT.read(body, "Delete")
    keys = [text(element, "Key") or "" for element in root.findall("Object")]
    if not 0 < len(keys) <= MOST_LISTED:
        raise OssError("MalformedXML", f"{len(keys)} keys: 1 to {MOST_LISTED} in a request")
    if any(element.find("VersionId") is not None for element in root.findall("Object")):
        raise OssError("NotImplemented", "versions of objects are not kept here")
    return keys, text(root, "Quiet") == "true"


def read_parts(body: bytes) -> list[tuple[int, str]]:
    """Read number and ETag of the parts of CompleteMultipartUpload.

    Raises:
        OssError: MalformedXML.
    """
    root = DIALECT.read(body, "CompleteMultipartUpload")
    found = []
    for element in root.findall("Part"):
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
    root = DIALECT.read(body, "Tagging")
    return "&".join(
        f"{quote(text(one, 'Key') or '', safe='')}={quote(text(one, 'Value') or '', safe='')}"
        for one in root.iter("Tag")
    )


def tagging(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Write the tags of an object."""
    tags = (tag("Tag", leaf("Key", key) + leaf("Value", value)) for key, value in pairs)
    return document("Tagging", tag("TagSet", "".join(tags)))
