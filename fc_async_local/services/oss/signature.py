# SPDX-License-Identifier: MIT
"""Signatures of requests to OSS, versions 1 and 4, in headers and in presigned URLs. Pure.

Source: "Include a V4 signature in the header" and its siblings of the API reference
(https://www.alibabacloud.com/help/en/oss/developer-reference/).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from fc_async_local.services.common import seconds_of
from fc_async_local.services.oss.model import OssError
from fc_async_local.services.oss.request import SUBRESOURCES
from fc_async_sdk.credentials import hint_of_key
from fc_async_sdk.spec.limits import SIGNATURE_SKEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.services.oss.request import OssRequest

_V4: Final = "OSS4-HMAC-SHA256"
_END: Final = ("oss", "aliyun_v4_request")
_LONGEST_SECONDS: Final = 7 * 86_400
"""Life of a presigned URL of version 4."""


class Claim(NamedTuple):
    """The signature of a request, as the request states it.

    Attributes:
        key_id: The access key.
        signature: The signature itself.
        date: Of the request; of a presigned URL of version 1, its end.
        expires: Of a presigned URL: its end in version 1, its life in version 4; else None.
        scope: Of version 4: date, region and two fixed words; empty in version 1.
        additional: Of version 4: further headers that are signed.
    """

    key_id: str
    signature: str
    date: str
    expires: str | None
    scope: tuple[str, ...] = ()
    additional: tuple[str, ...] = ()


def read(request: OssRequest) -> Claim | None:
    """Return the signature of a request; None if it is not signed.

    Raises:
        OssError: InvalidArgument: it cannot be read.
    """
    header = request.headers.get("authorization", "")
    if header.startswith(_V4):
        return _claim_of_header_4(request, header)
    if header:
        return _claim_of_header_1(request, header)
    if request.query.get("x-oss-signature-version") == _V4:
        return _claim_of_url_4(request)
    if "Signature" in request.query:
        return _claim_of_url_1(request)
    return None


def _claim_of_header_1(request: OssRequest, header: str) -> Claim:
    key_id, colon, signature = header.removeprefix("OSS ").strip().partition(":")
    if not header.startswith("OSS ") or not colon:
        raise OssError("InvalidArgument", f"Authorization must begin with 'OSS ' or '{_V4}'")
    # A client that cannot set the header Date, such as a browser, sends x-oss-date.
    date = request.headers.get("x-oss-date") or request.headers.get("date", "")
    return Claim(key_id, signature, date, None)


def _claim_of_url_1(request: OssRequest) -> Claim:
    expires = request.query.get("Expires", "")
    key_id = request.query.get("OSSAccessKeyId", "")
    return Claim(key_id, request.query["Signature"], expires, expires)


def _claim_of_header_4(request: OssRequest, header: str) -> Claim:
    fields = {}
    for field in header.removeprefix(_V4).split(","):
        name, _, value = field.partition("=")
        fields[name.strip()] = value.strip()
    return _claim_4(fields, request.headers.get("x-oss-date", ""), None)


def _claim_of_url_4(request: OssRequest) -> Claim:
    query = request.query
    fields = {
        "Credential": query.get("x-oss-credential", ""),
        "Signature": query.get("x-oss-signature", ""),
        "AdditionalHeaders": query.get("x-oss-additional-headers", ""),
    }
    return _claim_4(fields, query.get("x-oss-date", ""), query.get("x-oss-expires", ""))


def _claim_4(
    fields: Mapping[str, str],
    date: str,
    expires: str | None,
) -> Claim:
    key_id, *scope = fields.get("Credential", "").split("/")
    # The region may be any: the key of a signature of another one verifies here as well.
    day = scope[0] if scope else ""
    end = tuple(scope[2:])
    if day != date[:8] or end != _END:
        text = f"{{id}}/{{date}}/{{region}}/{'/'.join(_END)}, with the date of x-oss-date"
        raise OssError("InvalidArgument", f"the credential must be {text}")
    additional = fields.get("AdditionalHeaders", "").lower().split(";")
    names = tuple(sorted(filter(None, additional)))
    return Claim(key_id, fields.get("Signature", ""), date, expires, tuple(scope), names)


def check_time(claim: Claim, *, now: int) -> None:
    """Refuse a presigned URL that has expired, and a request that was signed at another time.

    Args:
        claim: The signature.
        now: Milliseconds since the epoch.

    Raises:
        OssError: AccessDenied, RequestTimeTooSkewed.
    """
    if claim.expires is None:
        sent = _seconds(claim)
        if sent is None or abs(now / 1_000 - sent) > SIGNATURE_SKEW_SECONDS:
            text = f"is more than {SIGNATURE_SKEW_SECONDS // 60} minutes from this clock"
            raise OssError("RequestTimeTooSkewed", f"the date {claim.date!r} {text}")
        return
    end = _end_of_url(claim, claim.expires)
    if end is None or now > end * 1_000:
        raise OssError("AccessDenied", "Request has expired.")


def _end_of_url(claim: Claim, expires: str) -> int | None:
    """Return when a presigned URL ends, in seconds since the epoch; None if that is not valid."""
    # A longer number is not a time, and the conversion of one of many digits is slow.
    if not re.fullmatch("[0-9]{1,15}", expires):
        return None
    seconds = int(expires)
    if not claim.scope:
        return seconds
    signed_at = _seconds(claim)
    if signed_at is None or seconds > _LONGEST_SECONDS:
        return None
    return signed_at + seconds


def check(
    request: OssRequest,
    claim: Claim | None,
    keys: Mapping[str, str],
) -> None:
    """Check the signature of a request.

    Args:
        request: The request.
        claim: Its signature.
        keys: Access key id to secret.

    Raises:
        OssError: AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch.
    """
    if claim is None:
        raise OssError("AccessDenied", "the request is not signed: anonymous access is not allowed")
    secret = keys.get(claim.key_id)
    if secret is None:
        hint = hint_of_key(claim.key_id)
        message = f"access key id {claim.key_id!r} is not known here{hint}"
        raise OssError("InvalidAccessKeyId", message)
    if claim.scope:
        text = _text_4(request, claim)
        # The key is derived from date, region and service, so that a leaked one opens no other.
        first_key = f"aliyun_v4{secret}".encode()
        chain = functools.reduce(_digest, claim.scope, first_key)
        expected = hmac.digest(chain, text, "sha256").hex()
    else:
        text = _text_1(request, claim)
        digest = hmac.digest(secret.encode(), text, "sha1")
        expected = base64.b64encode(digest).decode()
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        shown = text.decode("utf-8", "replace")
        reason = f"the signature is not that of the string to sign {shown!r}: check the secret"
        raise OssError("SignatureDoesNotMatch", reason)


def _text_1(request: OssRequest, claim: Claim) -> bytes:
    """Return the string to sign of version 1."""
    headers = request.headers
    oss_headers = []
    for name, value in sorted(headers.items()):
        if name.startswith("x-oss-"):
            oss_headers.append(f"{name}:{value}")
    fixed = (headers.get("content-md5", ""), headers.get("content-type", ""), claim.date)
    names = sorted(request.query.keys() & SUBRESOURCES)
    query = _query([(name, request.query[name]) for name in names])
    lines = "\n".join((request.method, *fixed, *oss_headers, ""))
    resource = f"{request.resource}?{query}" if query else request.resource
    # Headers are bytes that were read as Latin-1; names of objects are UTF-8.
    return lines.encode("latin-1", "replace") + resource.encode()


def _text_4(request: OssRequest, claim: Claim) -> bytes:
    """Return the string to sign of version 4."""
    headers = request.headers
    names = {"content-type", "content-md5", *claim.additional}
    signed = []
    for name, value in sorted(headers.items()):
        if name in names or name.startswith("x-oss-"):
            signed.append(f"{name}:{value}\n")
    # The signature of a presigned URL is a parameter, too, and cannot cover itself.
    covered = [pair for pair in request.query.items() if pair[0] != "x-oss-signature"]
    query = []
    for name, value in covered:
        query.append((quote(name, safe="~"), quote(value, safe="~")))
    query.sort()
    canonical = (
        request.method,
        quote(request.resource, safe="/~"),
        _query(query),
        "".join(signed),
        ";".join(claim.additional),
        headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
    )
    request_text = "\n".join(canonical).encode("latin-1", "replace")
    digest = hashlib.sha256(request_text).hexdigest()
    scope = "/".join(claim.scope)
    return f"{_V4}\n{claim.date}\n{scope}\n{digest}".encode()


def _seconds(claim: Claim) -> int | None:
    """Return the date of a request, in seconds since the epoch; None if it cannot be read."""
    if not claim.scope:
        return seconds_of(claim.date)
    try:
        moment = datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return int(moment.timestamp())


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _query(pairs: list[tuple[str, str]]) -> str:
    parameters = []
    for name, value in pairs:
        # Without a value there is no "=" either: a subresource is signed as it is written.
        parameters.append(f"{name}={value}" if value else name)
    return "&".join(parameters)
