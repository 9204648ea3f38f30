# SPDX-License-Identifier: MIT
"""Reads a request to OSS: its bucket and key, parameters, headers of objects, pages. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote_to_bytes

from fc_async_local.services.oss import model
from fc_async_local.services.oss.model import Attributes, OssError
from fc_async_local.services.oss.wire import Names
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import hosts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_local.http.messages import HeaderList, Request
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.model import Bucket, StoredObject

_NAMES: Final = (
    "accessPoint accessPointPolicy acl append asyncFetch bucketArchiveDirectRead bucketInfo "
    "callback callback-var cname comp continuation-token cors delete encryption endTime group "
    "httpsConfig img inventory inventoryId lifecycle link live location logging metaQuery "
    "objectInfo objectMeta partNumber policy position publicAccessBlock qos qosInfo "
    "redundancyTransition referer regionList replication replicationLocation "
    "replicationProgress requestPayment requesterQosInfo resourceGroup resourcePool "
    "resourcePoolBuckets resourcePoolInfo response-cache-control response-content-disposition "
    "response-content-encoding response-content-language response-content-type "
    "response-expires restore security-token sequential startTime stat status style styleName "
    "symlink tagging transferAcceleration uploadId uploads versionId versioning versions vod "
    "website worm wormExtend wormId x-oss-async-process x-oss-process x-oss-request-payer "
    "x-oss-traffic-limit "
)
SUBRESOURCES: Final = frozenset(_NAMES.split())
"""Parameters that version 1 signs."""
ENCRYPTION: Final = (
    "x-oss-server-side-encryption",
    "x-oss-server-side-encryption-key-id",
    "x-oss-server-side-data-encryption",
)
"""Headers that name the encryption of an object; returned by the request that writes it, too."""
STORAGE: Final = frozenset({"x-oss-storage-class", *ENCRYPTION})
"""Headers of an object that a copy does not take from its source, whatever its directive."""
_STORED: Final = STORAGE | {
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
}
"""Headers of an object that are returned with it, besides user metadata."""
META: Final = "x-oss-meta-"
"""The beginning of the names of headers of user metadata."""
_META_BYTES: Final = 8 * 1024
RESPONSE: Final = "response-"
"""The beginning of the names of parameters that set a header of the answer."""
_DIRECTIVES: Final = ("COPY", "REPLACE")
_MOST_TAGS: Final = 10
_TAG: Final = re.compile(r"[\w +=.:/-]{1,128}\0[\w +=.:/-]{0,256}")
"""Key and value of a tag."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

_HEADERS: Final = "fc_async.headers"
"""Key in the scope of a request: headers of the answer, also if it is an error."""


def common_headers(request: Request) -> HeaderList:
    """Return the headers of each answer: those that clients look up, and those added."""
    fixed = ("Server", "AliyunOSS"), ("x-oss-request-id", request.id)
    return (*fixed, *request.scope.get(_HEADERS, ()))


class OssRequest:
    """A request to OSS.

    Args:
        request: As it came.

    Attributes:
        id: Of the request.
        method: Of the request.
        headers: By lower-case name.
        host: Name and port of the service, as the client calls it.
        query: Parameters, decoded.
        bucket: "" for the service.
        key: "" for a bucket.

    Raises:
        OssError: InvalidObjectName, InvalidArgument: the path or query is not UTF-8.
    """

    def __init__(self, request: Request) -> None:
        self.id = request.id
        self.method = request.method
        self.headers = request.headers
        self.host = request.headers.get("host") or "localhost"
        self.query: dict[str, str] = {}
        for parameter in filter(None, request.query.split("&")):
            name, _, value = parameter.partition("=")
            self.query[_decoded(name)] = _decoded(value)
        path = _decoded(request.path, "InvalidObjectName").removeprefix("/")
        # Clients that are given a name of the service put the bucket in front of it; those that are
        # given an address put it into the path.
        self.bucket = bucket_of(self.host)
        self.key = path
        if not self.bucket:
            self.bucket, _, self.key = path.partition("/")
        self._request = request

    @property
    def common_headers(self) -> HeaderList:
        """Return the headers of each answer."""
        return common_headers(self._request)

    def add_headers(self, headers: HeaderList) -> None:
        """Add headers to the answer, also if it is an error."""
        self._request.scope[_HEADERS] = (*self._request.scope.get(_HEADERS, ()), *headers)

    @property
    def resource(self) -> str:
        """Return bucket and key in the form that a signature covers."""
        return f"/{self.bucket}/{self.key}" if self.bucket else "/"

    def subject(self, index: Index) -> Bucket | StoredObject:
        """Return the bucket, or the object if the request has a key.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        return index.object(self.bucket, self.key) if self.key else index.bucket(self.bucket)

    @property
    def upload(self) -> tuple[str, str, str]:
        """Return bucket, key and id of an upload."""
        return self.bucket, self.key, self.query.get("uploadId", "")

    @property
    def forbids_overwrite(self) -> bool:
        """Return whether an object that exists must stay."""
        return self.headers.get("x-oss-forbid-overwrite", "").lower() == "true"

    def names(self, keys: Iterable[str]) -> Names:
        """Return the writer of keys that the client wants.

        Raises:
            OssError: InvalidArgument.
        """
        return Names(self.query.get("encoding-type", ""), keys)

    def attributes(self) -> Attributes:
        """Return the properties that a client gives an object.

        Raises:
            OssError: InvalidArgument.
        """
        stored_headers: dict[str, str] = {}
        size = 0
        for name, text in self.headers.items():
            if name.startswith(META):
                stored_headers[name] = text
                size += len(name) + len(text)
            elif name in _STORED:
                stored_headers[name] = text
        if size > _META_BYTES:
            raise OssError("InvalidArgument", f"user metadata has {size} of {_META_BYTES} bytes")
        stored_headers.setdefault("content-type", "application/octet-stream")
        tagging = self.headers.get("x-oss-tagging", "")
        # Only to check them: they are kept as the client wrote them.
        tags(tagging)
        acl = model.check_acl(self.headers.get("x-oss-object-acl") or "default", model.ACLS)
        return Attributes(
            headers=stored_headers,
            acl=acl,
            tagging=tagging,
        )

    def copy_source(self) -> tuple[str, str] | None:
        """Return bucket and key of the source of a copy; None if it is not one.

        Raises:
            OssError: InvalidArgument; NotImplemented: a version.
        """
        header = self.headers.get("x-oss-copy-source")
        if header is None:
            return None
        path, _, version = header.partition("?")
        bucket, _, key = _decoded(path).removeprefix("/").partition("/")
        if not key:
            text = f"x-oss-copy-source {shorten(header)} must be /{{bucket}}/{{key}}"
            raise OssError("InvalidArgument", text)
        if version:
            raise OssError("NotImplemented", "versions of objects are not kept here")
        return bucket, key

    def replaces(self, name: str) -> bool:
        """Return whether a directive of a copy says that the request's own values replace others.

        Args:
            name: Of the header; without it the values of the source are kept.

        Raises:
            OssError: InvalidArgument: it is neither ``COPY`` nor ``REPLACE``.
        """
        directive = self.headers.get(name, "COPY").upper()
        if directive not in _DIRECTIVES:
            text = f"{name} {shorten(directive)} is not one of {', '.join(_DIRECTIVES)}"
            raise OssError("InvalidArgument", text)
        return directive == "REPLACE"

    def number(
        self,
        name: str,
        default: int | None,
        high: int,
        low: int = 1,
    ) -> int:
        """Return a parameter as a number.

        Raises:
            OssError: InvalidArgument: it is not one from ``low`` to ``high``; MissingArgument: it
                is missing, and there is no default.
        """
        text = self.query.get(name) or default
        if text is None:
            raise OssError("MissingArgument", f"the parameter {name} is missing")
        # int() fails on more than 4,300 digits, and no parameter is a number of more than 19.
        is_number = re.fullmatch("[0-9]{1,19}", str(text)) is not None
        value = int(text) if is_number else -1
        if not low <= value <= high:
            raise OssError("InvalidArgument", f"{name}={shorten(text)}: {low} to {high}")
        return value

    def overrides(self) -> dict[str, str]:
        """Return the headers of the answer that ``response-*`` parameters name.

        Raises:
            OssError: InvalidArgument: a header cannot have this value.
        """
        overridden = {
            name.removeprefix(RESPONSE): value.encode().decode("latin-1")
            for name, value in self.query.items()
            if name.startswith(RESPONSE)
        }
        for name, value in overridden.items():
            if _CONTROL.search(value):
                raise OssError("InvalidArgument", f"{RESPONSE}{name} has a control character")
        return overridden


def bucket_of(host: str) -> str:
    """Return the bucket that a Host names, "" if it is in the path."""
    name = host.partition(":")[0].lower()
    first, _, remainder = name.partition(".")
    if remainder == "localhost":
        return first
    # The name of a bucket and the name behind it both belong to OSS: in the name of the service
    # itself, what stands behind the first dot does not.
    is_bucket = hosts.service_of(name) == "oss" and hosts.service_of(remainder) == "oss"
    return first if is_bucket else ""


def tags(tagging: str) -> list[tuple[str, str]]:
    """Return the tags of an object from their form in a query.

    Raises:
        OssError: InvalidArgument, InvalidTag.
    """
    try:
        pairs = parse_qsl(
            tagging,
            keep_blank_values=True,
            strict_parsing=bool(tagging),
        )
    except ValueError as error:
        raise OssError("InvalidArgument", f"x-oss-tagging {shorten(tagging)}: {error}") from None
    are_valid = all(_TAG.fullmatch(f"{key}\0{value}") for key, value in pairs)
    if len(pairs) > _MOST_TAGS or not are_valid:
        raise OssError("InvalidTag", f"up to {_MOST_TAGS} tags, keys to 128, values to 256 letters")
    return pairs


def _decoded(text: str, code: str = "InvalidArgument") -> str:
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise OssError(code, f"{shorten(text)} is not percent-encoded UTF-8") from None
