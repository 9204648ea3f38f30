# SPDX-License-Identifier: MIT
"""Signatures of requests to OSS, versions 1 and 4, in headers and in presigned URLs. Pure.

Source: "Include a V4 signature in the header" and its siblings of the API reference
(https://www.alibabacloud.com/help/en/oss/developer-reference/).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from fc_async_local.services import signature
from fc_async_local.services.oss.model import OssError, http_date
from fc_async_sdk.spec.limits import SIGNATURE_SKEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

V4: Final = "OSS4-HMAC-SHA256"
_SCOPE: Final = "aliyun_v4_request"
_LONGEST_SECONDS: Final = 7 * 86_400
"""Life of a presigned URL of version 4."""
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


class Signed(NamedTuple):
    """What a signature covers.

    Attributes:
        method: Of the request.
        resource: ``/{bucket}/{key}``, decoded; ``/`` without a bucket.
        query: Parameters, decoded.
        headers: By lower-case name.
    """

    method: str
    resource: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class _Claim(NamedTuple):
    """What a request says of its signature."""

    key_id: str
    given: str
    version4: bool
    date: str
    expires: str
    scope: tuple[str, ...] = ()
    additional: tuple[str, ...] = ()


def verify(request: Signed, keys: Mapping[str, str], *, now: int) -> None:
    """Check the signature of a request and its time.

    Args:
        request: What is signed.
        keys: Access key id to secret.
        now: Milliseconds since the epoch.

    Raises:
        OssError: AccessDenied, InvalidAccessKeyId, RequestTimeTooSkewed, SignatureDoesNotMatch.
    """
    claim = _claim(request)
    if claim is None:
        raise OssError("AccessDenied", "the request is not signed: anonymous access is not allowed")
    secret = keys.get(claim.key_id)
    if secret is None:
        raise OssError("InvalidAccessKeyId", f"access key id {claim.key_id!r} is not known here")
    text = _text_4(request, claim) if claim.version4 else _text_1(request, claim)
    if claim.version4:
        expected = _sign_4(secret, text, claim.scope)
    else:
        expected = base64.b64encode(hmac.digest(secret.encode(), text, "sha1")).decode()
    if not hmac.compare_digest(expected.encode(), claim.given.encode("latin-1", "replace")):
        shown = text.decode("utf-8", "replace")
        raise OssError(
            "SignatureDoesNotMatch",
            f"the signature is not that of the string to sign {shown!r}: check the secret",
        )
    if not claim.expires:
        _check_skew(claim, now)


def check_expiry(request: Signed, *, now: int) -> None:
    """Refuse a presigned URL that has expired, also where signatures are not verified.

    Raises:
        OssError: AccessDenied.
    """
    claim = _claim(request)
    if claim is None or not claim.expires:
        return
    seconds = int(claim.expires) if claim.expires.isdigit() and len(claim.expires) < 16 else -1  # noqa: PLR2004 -- bounds int()
    if claim.version4:
        begun = _time_4(claim.date)
        if begun is None or not 0 <= seconds <= _LONGEST_SECONDS:
            raise OssError("AccessDenied", f"x-oss-expires must be 1 to {_LONGEST_SECONDS} seconds")
        seconds += begun
    if now > seconds * 1_000:
        raise OssError("AccessDenied", "Request has expired.")


def _claim(request: Signed) -> _Claim | None:
    """Return what a request says of its signature; None if it is not signed.

    Raises:
        OssError: InvalidArgument: it cannot be read.
    """
    query, headers = request.query, request.headers
    header = headers.get("authorization", "")
    if header.startswith(V4):
        items = (item.partition("=") for item in header[len(V4) :].split(","))
        fields = {name.strip(): value.strip() for name, _, value in items}
        date, expires = headers.get("x-oss-date", ""), ""
        credential, given = fields.get("Credential", ""), fields.get("Signature", "")
        additional = fields.get("AdditionalHeaders", "")
    elif query.get("x-oss-signature-version") == V4:
        date, expires = query.get("x-oss-date", ""), query.get("x-oss-expires", "-")
        credential, given = query.get("x-oss-credential", ""), query.get("x-oss-signature", "")
        additional = query.get("x-oss-additional-headers", "")
    else:
        return _claim_1(request)
    key_id, _, rest = credential.partition("/")
    scope = tuple(rest.split("/"))
    if len(scope) != 4 or scope[0] != date[:8] or scope[2:] != ("oss", _SCOPE):  # noqa: PLR2004
        raise OssError(
            "InvalidArgument",
            f"the credential {credential!r} must be {{id}}/{{date}}/{{region}}/oss/{_SCOPE}, with "
            "the date of x-oss-date",
        )
    names = tuple(sorted(filter(None, additional.lower().split(";"))))
    return _Claim(key_id, given, True, date, expires, scope, names)


def _claim_1(request: Signed) -> _Claim | None:
    query, header = request.query, request.headers.get("authorization", "")
    if header:
        key_id, colon, given = header.removeprefix("OSS ").strip().partition(":")
        if not header.startswith("OSS ") or not colon:
            raise OssError(
                "InvalidArgument", f"Authorization must begin with 'OSS ' or {V4!r}, and name a key"
            )
        date = request.headers.get("x-oss-date") or request.headers.get("date", "")
        return _Claim(key_id, given, False, date, "")
    if "Signature" in query:
        expires = query.get("Expires", "-")
        return _Claim(query.get("OSSAccessKeyId", ""), query["Signature"], False, expires, expires)
    return None


def _text_1(request: Signed, claim: _Claim) -> bytes:
    """Return the string to sign of version 1."""
    headers = request.headers
    own = sorted(item for item in headers.items() if item[0].startswith("x-oss-"))
    fixed = (headers.get("content-md5", ""), headers.get("content-type", ""), claim.date)
    signed = sorted(item for item in request.query.items() if item[0] in SUBRESOURCES)
    query = "&".join(_pair(name, value) for name, value in signed)
    lines = "\n".join((request.method, *fixed, *(f"{name}:{value}" for name, value in own), ""))
    resource = f"{request.resource}?{query}" if query else request.resource
    # Headers are bytes that were read as Latin-1; names of objects are UTF-8.
    return lines.encode("latin-1", "replace") + resource.encode()


def _text_4(request: Signed, claim: _Claim) -> bytes:
    """Return the string to sign of version 4."""
    headers = request.headers
    query = sorted(
        (_quoted(name), _quoted(value))
        for name, value in request.query.items()
        if name != "x-oss-signature" or not claim.expires
    )
    signed = sorted(
        item
        for item in headers.items()
        if item[0].startswith("x-oss-")
        or item[0] in ("content-type", "content-md5")
        or item[0] in claim.additional
    )
    canonical = (
        request.method,
        quote(request.resource, safe="/~"),
        "&".join(_pair(name, value) for name, value in query),
        "".join(f"{name}:{value}\n" for name, value in signed),
        ";".join(claim.additional),
        headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
    )
    digest = hashlib.sha256("\n".join(canonical).encode("latin-1", "replace")).hexdigest()
    return "\n".join((V4, claim.date, "/".join(claim.scope), digest)).encode()


def _sign_4(secret: str, text: bytes, scope: Iterable[str]) -> str:
    key = f"aliyun_v4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text, "sha256").hex()


def _check_skew(claim: _Claim, now: int) -> None:
    """Check that a request was signed recently and not in the future.

    Raises:
        OssError: RequestTimeTooSkewed.
    """
    if claim.version4:
        sent = _time_4(claim.date)
        late = sent is None or abs(now / 1_000 - sent) > SIGNATURE_SKEW_SECONDS
    else:
        try:
            signature.check_date(claim.date, now)
            late = False
        except signature.Unsigned:
            late = True
    if late:
        raise OssError(
            "RequestTimeTooSkewed",
            f"the date {claim.date!r} is more than {SIGNATURE_SKEW_SECONDS // 60} minutes from "
            f"this clock, {http_date(now)}",
        )


def _time_4(date: str) -> int | None:
    try:
        found = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(found.timestamp())


def _quoted(text: str) -> str:
    return quote(text, safe="~")


def _pair(name: str, value: str) -> str:
    return f"{name}={value}" if value else name
