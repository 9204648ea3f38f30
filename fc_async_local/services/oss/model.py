# SPDX-License-Identifier: MIT
"""Buckets, objects and uploads in parts as they are stored, and the rules about them. Pure.

Source: the API reference of OSS (https://www.alibabacloud.com/help/en/oss/developer-reference/).
"""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

import msgspec

from fc_async_local.services.common import ProtocolError, seconds_of
from fc_async_sdk._decoding import prepare
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import oss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
_RANGE: Final = re.compile(
    r"bytes=(?P<first>\d{0,19})-(?P<last>\d{0,19})(?P<further>,[\d,\s-]*)?", re.ASCII
)


class OssError(ProtocolError):
    """A request that OSS refuses, with a code of the service."""

    codes: ClassVar = {
        304: "NotModified",
        400: "EntityTooLarge EntityTooSmall InvalidArgument InvalidBucketName InvalidDigest "
        "InvalidObjectName InvalidPart InvalidPartOrder InvalidTag MalformedXML MissingArgument",
        403: "AccessDenied AccessForbidden InvalidAccessKeyId RequestTimeTooSkewed "
        "SignatureDoesNotMatch",
        404: "NoSuchBucket NoSuchCORSConfiguration NoSuchKey NoSuchLifecycle NoSuchUpload",
        409: "BucketNotEmpty FileAlreadyExists ObjectNotAppendable PositionNotEqualToLength",
        412: "PreconditionFailed",
        416: "InvalidRange",
        501: "NotImplemented",
    }


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket.

    Attributes:
        created_at: Milliseconds since the epoch; so for the other times.
        acl: One of :data:`BUCKET_ACLS`; stored, not enforced.
        lifecycle: The XML of its rules, "" without any; stored, not applied.
        cors: The same of the rules for pages of other origins, which are applied.
    """

    name: str
    created_at: int
    acl: str = "private"
    storage_class: str = "Standard"
    lifecycle: str = ""
    cors: str = ""


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


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """Properties that a client gives an object.

    Attributes:
        headers: Returned with the object, by lower-case name, user metadata too.
        acl: One of :data:`ACLS`; stored, not enforced.
        tagging: As in a query: ``a=b&c=d``.
    """

    headers: dict[str, str] = {}
    acl: str = "default"
    tagging: str = ""


class StoredObject(Attributes, frozen=True, kw_only=True):
    """An object.

    Attributes:
        etag: Without quotation marks.
        kind: ``Normal``, ``Multipart`` or ``Appendable``.
    """

    key: str
    content: Content
    etag: str
    modified_at: int
    kind: str = "Normal"


prepare(StoredObject)


class Upload(Attributes, frozen=True, kw_only=True):
    """An upload in parts that is neither completed nor aborted."""

    id: str
    key: str
    started_at: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an upload."""

    number: int
    content: Content
    modified_at: int


class PageRequest(NamedTuple):
    """A page of a list that a client asks for.

    Attributes:
        prefix: Start of the keys.
        delimiter: Keys that hold it behind the prefix are listed as one common prefix; "": none is.
        after: The page begins behind this key or common prefix.
        limit: Most entries in the page.
    """

    prefix: str
    delimiter: str
    after: str
    limit: int


class Listing(NamedTuple):
    """A page of a list.

    Attributes:
        objects: In the order of their keys' UTF-8 bytes.
        prefixes: Common prefixes.
        marker: Begin of the next page: behind this key or common prefix; "" at the end.
    """

    objects: Sequence[StoredObject]
    prefixes: Sequence[str]
    marker: str


def check_bucket(name: str) -> None:
    """Check the name of a bucket.

    Raises:
        OssError: InvalidBucketName.
    """
    # Also because the name of a bucket is the name of a folder: no other part of a path comes from
    # a client.
    if not _BUCKET.fullmatch(name):
        text = "3 to 63 lower-case letters, digits and '-', neither in front nor at the end"
        raise OssError("InvalidBucketName", f"bucket {shorten(name)} is not valid: {text}")


def check_key(key: str) -> None:
    """Check the key of an object.

    Raises:
        OssError: InvalidObjectName.
    """
    try:
        oss.check_object(oss.CREATED, key)
    except oss.InvalidObject as error:
        raise OssError("InvalidObjectName", str(error)) from None


def check_acl(acl: str, allowed: Sequence[str]) -> str:
    """Return an access control list.

    Raises:
        OssError: InvalidArgument: it is not one of those.
    """
    if acl not in allowed:
        text = f"the ACL {shorten(acl)} is not one of {', '.join(allowed)}"
        raise OssError("InvalidArgument", text)
    return acl


def check_conditions(stored: StoredObject, headers: Mapping[str, str], prefix: str = "") -> None:
    """Check the conditions of a request in their order (RFC 9110, section 13.2.2).

    Args:
        stored: The object.
        headers: Of the request.
        prefix: Before the names of the headers: ``x-oss-copy-source-`` for a copy.

    Raises:
        OssError: PreconditionFailed or NotModified.
    """
    # A date is heeded only where no ETag is given: it is the weaker validator.
    modified_at = stored.modified_at // 1_000
    match = headers.get(f"{prefix}if-match")
    unmodified_since = seconds_of(headers.get(f"{prefix}if-unmodified-since"))
    if match is not None:
        if not _has_etag(stored, match):
            raise OssError("PreconditionFailed", f"the ETag is {stored.etag}, not {shorten(match)}")
    elif unmodified_since is not None and modified_at > unmodified_since:
        raise OssError("PreconditionFailed", "the object was modified since If-Unmodified-Since")
    none_match = headers.get(f"{prefix}if-none-match")
    modified_since = seconds_of(headers.get(f"{prefix}if-modified-since"))
    if none_match is not None:
        if _has_etag(stored, none_match):
            raise OssError("NotModified", "the object has the ETag of If-None-Match")
    elif modified_since is not None and modified_at <= modified_since:
        raise OssError("NotModified", "the object was not modified since If-Modified-Since")


def _has_etag(stored: StoredObject, condition: str) -> bool:
    texts = [text.strip() for text in condition.split(",")]
    tags = [text.removeprefix("W/").strip('"') for text in texts]
    return "*" in tags or stored.etag in tags


def byte_range(header: str, size: int, *, standard: bool) -> range | None:
    """Return the bytes that a Range header names; None: the whole object.

    By default OSS ignores a range that is not wholly within the object, and of several ranges all
    but the first ("How to obtain OSS resources by segmenting HTTP Range requests",
    https://help.aliyun.com/zh/oss/how-to-obtain-oss-resources-by-segmenting-http-range-requests).

    Args:
        header: ``bytes=0-9``, ``bytes=10-`` or ``bytes=-10``; "" if there is none.
        size: Of the object.
        standard: Cut a range at the end of the object, and refuse one of which the object has
            nothing, and several.

    Raises:
        OssError: InvalidRange.
    """
    if not header:
        return None
    match = _RANGE.fullmatch(header)
    named = range(0)
    has_several = False
    if match is not None:
        named = _named_bytes(match["first"], match["last"], size)
        has_several = bool(match["further"])
    present = _present(named, size)
    if not standard:
        is_within = present == named
        return present if present and is_within else None
    if not present or has_several:
        raise OssError("InvalidRange", f"Range {shorten(header)} is not within {size} bytes")
    return present


def copied_range(header: str, size: int) -> range:
    """Return the bytes that ``x-oss-copy-source-range`` names; all without the header.

    The range must be within the object ("0042-00000306",
    https://help.aliyun.com/zh/oss/user-guide/0042-00000306).

    Args:
        header: As of :func:`byte_range`.
        size: Of the source.

    Raises:
        OssError: InvalidRange.
    """
    if not header:
        return range(size)
    chosen = byte_range(header, size, standard=False)
    if chosen is None:
        text = f"x-oss-copy-source-range {shorten(header)} is not within {size} bytes"
        raise OssError("InvalidRange", text)
    return chosen


def _named_bytes(first: str, last: str, size: int) -> range:
    """Return the bytes that a range names, also those that the object does not have."""
    if first and last:
        return range(int(first), int(last) + 1)
    if first:
        return range(int(first), size)
    if last:  # the last bytes of the object
        return range(size - int(last), size)
    return range(0)


def _present(named: range, size: int) -> range:
    """Return those of the named bytes that an object has."""
    return range(max(named.start, 0), min(named.stop, size))


def http_date(at: int) -> str:
    """Return a time as it is in headers."""
    return formatdate(at / 1_000, usegmt=True)
