# SPDX-License-Identifier: MIT
"""ACS3-HMAC-SHA256: sign a request, and verify one that another client signed.

Both directions are here, so that they cannot drift apart. Pure functions: time and nonce are
arguments, and nothing here reads a clock, a file or the environment. No secret appears in an
error.

The scheme, in short: the canonical request (method, path, query, signed headers, body hash) is
hashed, and the hash is signed with HMAC-SHA256 under the access key secret. There is no key
derivation.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import time
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from fc_async_sdk.credentials import hint_of_key
from fc_async_sdk.errors import InvalidAccessKeyID, ServiceError, SignatureNotMatch
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fc_async_sdk.credentials import Credentials

ALGORITHM: Final = "ACS3-HMAC-SHA256"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()

_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} +Credential=(?P<key>[^,]+), *SignedHeaders=(?P<names>[^,]+), *"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_MAX_SIGNED_HEADERS: Final = 100
_FORBIDDEN: Final = 403


@functools.lru_cache(maxsize=1024)
def encode(text: str | bytes) -> str:
    """Percent-encode one path segment or query part: only ``A-Z a-z 0-9 - _ . ~`` stay."""
    return quote(text, safe="-_.~")


@functools.lru_cache(maxsize=4)
def format_date(seconds: int) -> str:
    """Return seconds since the epoch in the form of ``x-acs-date``: ``2024-01-02T03:04:05Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Unsigned(NamedTuple):
    """A request to sign, with everything as it is sent.

    Attributes:
        method: HTTP method, upper case.
        path: The percent-encoded path.
        query: The canonical query string (:func:`canonical_query`).
        headers: Headers to sign, names in lower case, ``host`` among them.
        body: The body.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def sign(
    request: Unsigned,
    credentials: Credentials,
    *,
    now: float,
    nonce: str,
) -> dict[str, str]:
    """Sign a request.

    Args:
        request: The request. It is not changed.
        credentials: The key to sign with.
        now: Seconds since the epoch.
        nonce: A text that this key has never signed with before.

    Returns:
        A new dict of all headers to send, ``authorization`` included.
    """
    method, path, query, headers, body = request
    digest = hashlib.sha256(body).hexdigest() if body else EMPTY_SHA256
    signed = {
        **headers,
        "x-acs-content-sha256": digest,
        "x-acs-date": format_date(int(now)),
        "x-acs-signature-nonce": nonce,
    }
    key = credentials.access_key_id
    if credentials.security_token:
        # Both go into the signature, so they are there before the names are put in order.
        signed["x-acs-accesskey-id"] = key
        signed["x-acs-security-token"] = credentials.security_token
    ordered, names = _order(tuple(signed))
    block = "\n".join([f"{name}:{signed[name]}" for name in ordered])
    canonical = f"{method}\n{path}\n{query}\n{block}\n\n{names}\n{digest}"
    signature = _signature(canonical, credentials.access_key_secret)
    signed["authorization"] = (
        f"{ALGORITHM} Credential={key},SignedHeaders={names},Signature={signature}"
    )
    return signed


@functools.lru_cache(maxsize=256)
def _order(names: tuple[str, ...]) -> tuple[list[str], str]:
    """Return header names as they are signed, and joined; few combinations occur."""
    ordered = sorted(names)
    return ordered, ";".join(ordered)


def _signature(canonical: str, secret: str) -> str:
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.digest(secret.encode(), f"{ALGORITHM}\n{hashed}".encode(), "sha256").hex()


def canonical_path(raw: str) -> str:
    """Return the path in its signed form, whichever client encoded it.

    Clients differ in what they leave bare (``$ : * ( )``), so each segment is decoded and encoded
    anew. An encoded slash stays inside its segment.
    """
    return "/".join([encode(unquote_to_bytes(part)) for part in raw.split("/")]) or "/"


def canonical_query(pairs: Iterable[tuple[str | bytes, str | bytes]]) -> str:
    """Query parameters in their signed form: encoded, sorted, ``k=`` for empty values."""
    # Sorted after the encoding: the order of the bytes that are sent is what the service signs.
    encoded = sorted([(encode(key), encode(value)) for key, value in pairs])
    return "&".join([f"{key}={value}" for key, value in encoded])


def _canonical_raw_query(raw: str) -> str:
    # Latin-1 carries any byte both ways, so that values that are not UTF-8 verify as well.
    pairs = parse_qsl(raw, keep_blank_values=True, encoding="latin-1")
    return canonical_query([(k.encode("latin-1"), v.encode("latin-1")) for k, v in pairs])


def verify(
    *,
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    secret_of: Callable[[str], str | None],
    now: float,
    skew: float = limits.SIGNATURE_SKEW_SECONDS,
) -> str:
    """Verify a signed request.

    Args:
        method: HTTP method.
        target: The raw request target as it came: path and, after ``?``, the query.
        headers: All headers as they came, names in any case, duplicates as separate pairs.
        body: The whole body, transfer encoding removed.
        secret_of: Access key id to secret; None if there is no such key.
        now: Seconds since the epoch.
        skew: How many seconds ``x-acs-date`` may be away from ``now``.

    Returns:
        The access key id that signed.

    Raises:
        InvalidAccessKeyID: No such key.
        SignatureNotMatch: Anything else that is wrong: no or another ``Authorization``, a header
            that must be signed and isn't, a body that is not the signed one, a date too far off.
        ServiceError: A required header is missing (``MissingRequiredHeader``, 400).
    """
    present = _collect(headers)
    if not target.isascii():
        raise _mismatch("the request target must be percent-encoded")
    match = _AUTHORIZATION.fullmatch(present.get("authorization", "").strip())
    if match is None:
        raise _mismatch(f"the Authorization header is missing or not of the form {ALGORITHM}")
    names = match["names"].lower().split(";")
    _check_names(names, present)
    _check_body(present["x-acs-content-sha256"].strip(), body)
    _check_date(present["x-acs-date"].strip(), now, skew)
    secret = secret_of(match["key"])
    if secret is None:
        raise InvalidAccessKeyID(
            "InvalidAccessKeyID",
            f"invalid access key ID '{match['key']}'{hint_of_key(match['key'])}",
            http_status=_FORBIDDEN,
        )
    canonical = _canonical(method, target, names, present)
    if not hmac.compare_digest(_signature(canonical, secret), match["signature"]):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. "
            "Check your access key and signing method"
        )
    return match["key"]


def _collect(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; values of one name are sorted and joined with a comma."""
    values_of: dict[str, list[str]] = {}
    for name, value in headers:
        values_of.setdefault(name.lower(), []).append(value)
    return {name: ",".join(sorted(values)) for name, values in values_of.items()}


def _check_names(names: list[str], present: Mapping[str, str]) -> None:
    if len(names) > _MAX_SIGNED_HEADERS or names != sorted(set(names)):
        raise _mismatch("SignedHeaders must be sorted, without duplicates")
    for required in ("host", "x-acs-date", "x-acs-content-sha256", "x-acs-signature-nonce"):
        if required not in present:
            raise ServiceError(
                "MissingRequiredHeader",
                f"required HTTP header {required} was not specified",
                http_status=400,
            )
    # A header that is not signed could be changed on the way, such as one that sets the delay.
    must_be_signed = {name for name in present if name == "host" or name.startswith("x-acs-")}
    unsigned = sorted(must_be_signed.difference(names))
    if unsigned:
        raise _mismatch(f"these headers must be signed: {', '.join(unsigned)}")
    absent = [name for name in names if name not in present]
    if absent:
        raise _mismatch(f"these headers are signed but were not sent: {', '.join(absent)}")


def _check_body(digest: str, body: bytes) -> None:
    actual = hashlib.sha256(body).hexdigest()
    # As bytes: compare_digest refuses text that is not ASCII, and a header may hold any.
    if not hmac.compare_digest(actual.encode(), digest.encode()):
        raise _mismatch("x-acs-content-sha256 is not the hash of the body")


def _check_date(text: str, now: float, skew: float) -> None:
    seconds = _to_epoch(text) if _DATE.fullmatch(text) else None
    if seconds is None:
        raise _mismatch("x-acs-date must look like 2024-01-02T03:04:05Z")
    if abs(now - seconds) > skew:
        raise _mismatch(
            f"x-acs-date {text} is more than {skew:.0f} s away from {format_date(int(now))}"
        )


def _to_epoch(text: str) -> float | None:
    import datetime as dt  # noqa: PLC0415 -- only a server needs it; importing stays cheap

    try:
        return dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _canonical(
    method: str,
    target: str,
    names: list[str],
    present: Mapping[str, str],
) -> str:
    """Return the canonical request of a received request, whichever client encoded it."""
    path, _, query = target.partition("?")
    parts = [
        method,
        canonical_path(path),
        _canonical_raw_query(query),
        "".join([f"{name}:{present[name].strip()}\n" for name in names]),
        ";".join(names),
        present["x-acs-content-sha256"].strip(),
    ]
    return "\n".join(parts)


def _mismatch(reason: str) -> SignatureNotMatch:
    return SignatureNotMatch("SignatureNotMatch", reason, http_status=_FORBIDDEN)
