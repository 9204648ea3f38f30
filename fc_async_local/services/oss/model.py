# SPDX-License-Identifier: MIT
"""Buckets, objects and uploads in parts as they are stored, and the rules about them. Pure.

Source: the API reference of OSS (https://www.alibabacloud.com/help/en/oss/developer-reference/).
"""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_local.services.common import ProtocolError
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import oss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STATUS: Final = {
    "NotModified": 304,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidDigest": 400,
    "InvalidObjectName": 400,
    "InvalidPart": 400,
    "InvalidPartOrder": 400,
    "MalformedXML": 400,
    "MissingArgument": 400,
    "AccessDenied": 403,
    "InvalidAccessKeyId": 403,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchLifecycle": 404,
    "NoSuchUpload": 404,
    "MethodNotAllowed": 405,
    "BucketNotEmpty": 409,
    "FileAlreadyExists": 409,
    "ObjectNotAppendable": 409,
    "PositionNotEqualToLength": 409,
    "PreconditionFailed": 412,
    "InvalidRange": 416,
    "NotImplemented": 501,
}
"""Codes of the service with their HTTP status."""

LARGEST_BODY: Final = 5 * 1024**3
"""Bytes of one request, and of an object that is appended to."""
LARGEST_DOCUMENT: Final = 2 * 1024**2
"""Bytes of a body that is XML."""
SMALLEST_PART: Final = 100 * 1024
"""Bytes of a part that is not the last one."""
MOST_PARTS: Final = 10_000
MOST_LISTED: Final = 1_000
"""Entries of one page, and keys of one DeleteObjects."""
BUCKET_ACLS: Final = ("private", "public-read", "public-read-write")
ACLS: Final = (*BUCKET_ACLS, "default")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


class OssError(ProtocolError):
    """A request that OSS refuses, with one of the codes of :data:`STATUS`."""

    statuses = STATUS


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket.

    Attributes:
        created_at: Milliseconds since the epoch; so for the other times.
        acl: One of :data:`BUCKET_ACLS`; stored, not enforced.
        lifecycle: The XML of its rules, "" without any; stored, not applied.
    """

    name: str
    created_at: int
    acl: str = "private"
    storage_class: str = "Standard"
    lifecycle: str = ""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes on the disk.

    Attributes:
        file: Name of the file in the bucket's folder. Bytes beyond ``size`` do not count.
        md5: In upper-case hex; "" if bytes were added.
        crc: CRC-64 of the bytes.
    """

    file: str
    size: int
    md5: str
    crc: int


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object.

    Attributes:
        etag: Without quotation marks.
        kind: ``Normal``, ``Multipart`` or ``Appendable``.
        headers: What a client wants to get back, by lower-case name, user metadata too.
        acl: One of :data:`ACLS`; stored, not enforced.
        tagging: As in a query: ``a=b&c=d``.
    """

    key: str
    content: Content
    etag: str
    modified_at: int
    kind: str = "Normal"
    headers: dict[str, str] = {}
    acl: str = "default"
    tagging: str = ""

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return self.content.size


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of an object that it writes; see :class:`StoredObject`.

    Attributes:
        forbid_overwrite: Refuse if the object exists.
    """

    headers: dict[str, str] = {}
    acl: str = "default"
    tagging: str = ""
    forbid_overwrite: bool = False


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """An upload in parts that is neither completed nor aborted."""

    id: str
    bucket: str
    key: str
    started_at: int
    attributes: Attributes = Attributes()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an upload."""

    number: int
    content: Content
    modified_at: int


class Wanted(NamedTuple):
    """Which page of a list is wanted.

    Attributes:
        prefix: What keys begin with.
        delimiter: Keys that hold it behind the prefix are listed as one common prefix; "": none is.
        after: The page begins behind this key or common prefix.
        limit: Most entries in the page.
    """

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = 100


class Listing(NamedTuple):
    """A page of a list.

    Attributes:
        objects: In the order of their keys' UTF-8 bytes.
        prefixes: Common prefixes.
        marker: What the next page begins behind; "" at the end.
    """

    objects: Sequence[StoredObject]
    prefixes: Sequence[str]
    marker: str


def check_bucket(name: str) -> None:
    """Check the name of a bucket.

    Raises:
        OssError: InvalidBucketName.
    """
    if not _BUCKET.fullmatch(name):
        raise OssError(
            "InvalidBucketName",
            f"the bucket name {shorten(name)} is invalid: 3 to 63 lower-case letters, digits and "
            "'-', neither in front nor at the end",
        )


def check_key(key: str) -> None:
    """Check the key of an object.

    Raises:
        OssError: InvalidObjectName.
    """
    try:
        oss.check_object(oss.CREATED, key)
    except oss.InvalidObject as error:
        raise OssError("InvalidObjectName", str(error)) from None


def check_acl(acl: str, allowed: Sequence[str]) -> None:
    """Check an access control list.

    Raises:
        OssError: InvalidArgument.
    """
    if acl not in allowed:
        raise OssError(
            "InvalidArgument", f"the ACL {shorten(acl)} is not one of {', '.join(allowed)}"
        )


def bucket_missing(name: str) -> OssError:
    """Return the error of a bucket that does not exist."""
    return OssError("NoSuchBucket", f"the bucket {shorten(name)} does not exist: create it first")


def key_missing(key: str) -> OssError:
    """Return the error of an object that does not exist."""
    return OssError("NoSuchKey", f"the object {shorten(key)} does not exist")


def check_conditions(found: StoredObject, headers: Mapping[str, str], *, prefix: str = "") -> None:
    """Check the conditions of a request in their order (RFC 9110, section 13.2.2).

    Args:
        found: The object.
        headers: Of the request.
        prefix: Before the names of the headers: ``x-oss-copy-source-`` for a copy.

    Raises:
        OssError: PreconditionFailed or NotModified.
    """
    match = headers.get(f"{prefix}if-match")
    unmodified = _seconds(headers.get(f"{prefix}if-unmodified-since"))
    modified_at = found.modified_at // 1_000
    if match is not None:
        if not _has_etag(found, match):
            raise OssError("PreconditionFailed", f"If-Match {shorten(match)}: it is {found.etag}")
    elif unmodified is not None and modified_at > unmodified:
        raise OssError("PreconditionFailed", "the object was modified since If-Unmodified-Since")
    none_match = headers.get(f"{prefix}if-none-match")
    modified = _seconds(headers.get(f"{prefix}if-modified-since"))
    if none_match is not None:
        if _has_etag(found, none_match):
            raise OssError("NotModified", "the object has the ETag of If-None-Match")
    elif modified is not None and modified_at <= modified:
        raise OssError("NotModified", "the object was not modified since If-Modified-Since")


def _has_etag(found: StoredObject, given: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in given.split(",")]
    return "*" in tags or found.etag in tags


def _seconds(date: str | None) -> int | None:
    """Return a date of HTTP in seconds since the epoch; None if it cannot be read."""
    try:
        return None if date is None else int(parsedate_to_datetime(date).timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def byte_range(header: str, size: int, *, standard: bool) -> range | None:
    """Return the bytes that a Range header names; None: the whole object.

    Args:
        header: ``bytes=0-9``, ``bytes=10-`` or ``bytes=-10``.
        size: Of the object.
        standard: Refuse a range that the object does not have. Otherwise the whole object is
            returned, as OSS does by default.

    Raises:
        OssError: InvalidRange.
    """
    match = _RANGE.fullmatch(header)
    if match and (match[1] or match[2]):
        last = size - 1
        if not match[1]:
            wanted = range(max(0, size - int(match[2])), size)
        else:
            end = min(int(match[2]), last) if match[2] else last
            wanted = range(int(match[1]), end + 1)
        if wanted and (not match[2] or not match[1] or int(match[2]) >= int(match[1])):
            return wanted
    if standard and header:
        raise OssError("InvalidRange", f"Range {shorten(header)} is not within {size} bytes")
    return None


def http_date(at: int) -> str:
    """Return a time as it is in headers."""
    return formatdate(at / 1_000, usegmt=True)
