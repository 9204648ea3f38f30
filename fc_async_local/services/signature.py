# SPDX-License-Identifier: MIT
"""The HMAC over request line and headers of MNS, RocketMQ, EventBridge's data plane and FC 2.0.

``Authorization: {scheme} {access key id}:{signature}``. By default the runtime does not verify
signatures. This module is pure.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple
from urllib.parse import unquote

from fc_async_local.services.common import ProtocolError, seconds_of
from fc_async_sdk.credentials import hint_of_key
from fc_async_sdk.spec.limits import SIGNATURE_SKEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.http.messages import Request


class Scheme(NamedTuple):
    """Names of the parts of a signature in a protocol.

    Attributes:
        name: First word of the Authorization header.
        prefix: Headers that are signed, in lower case.
        digest: The hash function of the HMAC.
        separator: Behind the name.
    """

    name: str
    prefix: str
    digest: str = "sha1"
    separator: str = " "

    @property
    def date(self) -> str:
        """Return the name of the header that may replace Date."""
        return f"{self.prefix}date"


MNS: Final = Scheme("MNS", "x-mns-")
ROCKETMQ: Final = Scheme("MQ", "x-mq-")
EVENTBRIDGE: Final = Scheme("acs", "x-acs", separator=":")
"""Of the older data plane, which signs the parameters of the query in their order."""
FC: Final = Scheme("FC", "x-fc-", "sha256")
"""Of FC 2.0, which signs the decoded path without the query (aliyun-fc2 2.5.2, ``fc2/auth.py``,
https://pypi.org/project/aliyun-fc2/2.5.2/)."""


class Unsigned(ProtocolError):
    """The signature does not hold. The message contains no secret.

    Both protocols spell the codes so, ``InvalidDegist`` included.
    """

    codes: ClassVar = {
        400: "InvalidAuthorizationHeader InvalidDateHeader InvalidDegist "
        "MissingAuthorizationHeader MissingDateHeader",
        403: "InvalidAccessKeyId SignatureDoesNotMatch",
        408: "TimeExpired",
    }


def string_to_sign(scheme: Scheme, request: Request) -> str:
    """Return the text that is signed: method, three headers, own headers and target.

    ``security-token`` is not included: both SDKs add that header after signing.
    """
    target = request.target
    if scheme is EVENTBRIDGE and request.query:
        pairs = sorted(request.query.split("&"))
        target = f"{request.path}?{'&'.join(pairs)}"
    elif scheme is FC:
        target = unquote(request.path, encoding="latin-1")
    headers = request.headers
    scheme_headers = ""
    for name, value in sorted(headers.items()):
        if name.startswith(scheme.prefix):
            scheme_headers += f"{name}:{value}\n"
    fixed = (headers.get(name, "") for name in ("content-md5", "content-type", "date"))
    return "\n".join((request.method, *fixed, scheme_headers + target))


def sign(secret: str, text: str, digest: str = "sha1") -> str:
    """Return the HMAC of a text in base64."""
    # Headers and target were decoded as Latin-1: these are the bytes that the client has signed.
    signature = hmac.digest(secret.encode(), text.encode("latin-1"), digest)
    return base64.b64encode(signature).decode()


def verify(
    scheme: Scheme,
    request: Request,
    keys: Mapping[str, str],
    *,
    now: int,
) -> str:
    """Check the signature, the age and the digest of a request.

    Args:
        scheme: Of the protocol.
        request: The request.
        keys: Access key id to secret.
        now: Milliseconds since the epoch.

    Returns:
        The access key id.

    Raises:
        Unsigned: With the protocol's code for what is wrong.
    """
    key_id, signature = _authorization(scheme, request.headers)
    secret = keys.get(key_id)
    if secret is None:
        hint = hint_of_key(key_id)
        message = f"the access key id {key_id!r} is not known here{hint}"
        raise Unsigned("InvalidAccessKeyId", message)
    text = string_to_sign(scheme, request)
    expected = sign(secret, text, scheme.digest)
    # In constant time: the time of a comparison must not tell how much of a guess is right.
    if not hmac.compare_digest(expected.encode(), signature.encode("latin-1", "replace")):
        raise Unsigned(
            "SignatureDoesNotMatch",
            f"the signature is not that of the string to sign {text!r}: check the access key "
            "secret",
        )
    check_date(request.headers.get("date") or request.headers.get(scheme.date), now)
    check_digest(request)
    return key_id


def _authorization(scheme: Scheme, headers: Mapping[str, str]) -> tuple[str, str]:
    header = headers.get("authorization")
    if not header:
        raise Unsigned("MissingAuthorizationHeader", "the Authorization header is missing")
    name, _, credential = header.partition(scheme.separator)
    key_id, colon, signature = credential.strip().partition(":")
    if name != scheme.name or not colon or not key_id:
        raise Unsigned(
            "InvalidAuthorizationHeader",
            f"expected Authorization: {scheme.name}{scheme.separator}"
            "{access key id}:{signature}",
        )
    return key_id, signature


def check_date(date: str | None, now: int) -> None:
    """Check that a request was signed recently and not in the future.

    Args:
        date: The Date header.
        now: Milliseconds since the epoch.

    Raises:
        Unsigned: MissingDateHeader, InvalidDateHeader, TimeExpired.
    """
    if not date:
        raise Unsigned("MissingDateHeader", "the Date header is missing")
    sent = seconds_of(date)
    if sent is None:
        raise Unsigned("InvalidDateHeader", f"Date {date!r} is not an RFC 1123 date")
    if abs(now / 1_000 - sent) > SIGNATURE_SKEW_SECONDS:
        raise Unsigned(
            "TimeExpired",
            f"Date {date!r} is more than {SIGNATURE_SKEW_SECONDS // 60} minutes from this clock",
        )


def check_digest(request: Request) -> None:
    """Check that the Content-MD5 of a request matches its body.

    The digest is written as in RFC 1864, or as base64 of its hex text, as the SDKs send it. The
    protocols do not require the header.

    Raises:
        Unsigned: InvalidDegist.
    """
    header = request.headers.get("content-md5")
    if header is None:
        return
    digest = hashlib.md5(request.body, usedforsecurity=False)
    try:
        stated = base64.b64decode(header, validate=True)
    except binascii.Error:
        stated = b""
    if stated not in (digest.digest(), digest.hexdigest().encode()):
        raise Unsigned("InvalidDegist", f"Content-MD5 {header!r} is not that of the body")
