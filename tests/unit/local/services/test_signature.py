# SPDX-License-Identifier: MIT
"""Signatures of MNS and RocketMQ, checked on what the official clients really sent."""

from __future__ import annotations

import base64
import hashlib
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from fc_async_local.http.messages import Request
from fc_async_local.services.signature import MNS, ROCKETMQ, Unsigned, sign, string_to_sign, verify

CAPTURES = Path(__file__).parents[3] / "captures"
KEYS = {"testid": "testsecret"}
NOW = 1_700_000_000_000


def read_capture(path) -> Any:
    """The request of a capture file, and whether its signature is meant to hold."""
    raw = path.read_text(encoding="utf-8", errors="surrogateescape")
    request, _, rest = raw.partition(">>> REQUEST\n")[2].partition("\n<<< RESPONSE")
    head, _, body = request.partition("\n\n")
    first, *lines = head.splitlines()
    method, target, _version = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers.get("content-length", 0))
    path_part, _, query = target.partition("?")
    body = body.encode("utf-8", "surrogateescape")[:length]
    return Request(method, path_part, query, headers, body), "signature ok: True" in rest


def moment_of(request) -> Any:
    from email.utils import parsedate_to_datetime

    return int(parsedate_to_datetime(request.headers["date"]).timestamp() * 1_000)


@pytest.mark.parametrize("path", sorted((CAPTURES / "mns").glob("*.txt")), ids=lambda p: p.stem)
def test_every_capture_of_mns_is_judged_as_it_was(path) -> None:
    request, good = read_capture(path)
    if good:
        assert verify(MNS, request, KEYS, now=moment_of(request)) == "testid"
    else:
        with pytest.raises(Unsigned, match="SignatureDoesNotMatch"):
            verify(MNS, request, KEYS, now=moment_of(request))


def signed(scheme=MNS, *, target="/queues/q", secret="testsecret", **headers) -> Any:
    path, _, query = target.partition("?")
    sent = {"date": formatdate(NOW / 1_000, usegmt=True), "x-mns-version": "2015-06-06"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("GET", path, query, sent, b"")
    sent["authorization"] = f"{scheme.name} testid:{sign(secret, string_to_sign(scheme, request))}"
    return request


def test_the_raw_target_is_signed() -> None:
    request = signed(target="/queues/q/messages?ReceiptHandle=a+b%2f")
    assert verify(MNS, request, KEYS, now=NOW) == "testid"
    changed = replace(request, query="ReceiptHandle=a%20b%2f")
    with pytest.raises(Unsigned, match="SignatureDoesNotMatch"):
        verify(MNS, changed, KEYS, now=NOW)


def test_a_security_token_is_not_signed() -> None:
    request = signed()
    request.headers["security-token"] = "token"
    assert verify(MNS, request, KEYS, now=NOW) == "testid"


@pytest.mark.parametrize(
    ("seconds", "good"), [(-901, False), (-900, True), (900, True), (901, False)]
)
def test_a_request_is_good_for_fifteen_minutes(seconds, good) -> None:
    now = NOW + seconds * 1_000
    if good:
        assert verify(MNS, signed(), KEYS, now=now) == "testid"
    else:
        with pytest.raises(Unsigned, match="TimeExpired"):
            verify(MNS, signed(), KEYS, now=now)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (signed(secret="other"), "SignatureDoesNotMatch"),
        (signed(date=""), "MissingDateHeader"),
        (signed(date="yesterday"), "InvalidDateHeader"),
        (signed(content_md5="AAAA"), "InvalidDegist"),
        (signed(content_md5="no base64!"), "InvalidDegist"),
        (signed(ROCKETMQ), "InvalidAuthorizationHeader"),
        (replace(signed(), headers={}), "MissingAuthorizationHeader"),
        (replace(signed(), headers={"authorization": "MNS testid"}), "InvalidAuthorizationHeader"),
        (replace(signed(), headers={"authorization": "MNS nobody:x"}), "InvalidAccessKeyId"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_invalid_signature_is_refused_by_code(request_, code) -> None:
    with pytest.raises(Unsigned) as caught:
        verify(MNS, request_, KEYS, now=NOW)
    assert caught.value.code == code
    assert "testsecret" not in str(caught.value)


@pytest.mark.parametrize(
    "digest",
    [
        base64.b64encode(hashlib.md5(b"", usedforsecurity=False).digest()).decode(),
        base64.b64encode(hashlib.md5(b"", usedforsecurity=False).hexdigest().encode()).decode(),
    ],
)
def test_content_md5_may_be_base64_of_bytes_or_of_hex(digest) -> None:
    assert verify(MNS, signed(content_md5=digest), KEYS, now=NOW) == "testid"


def test_the_own_date_header_stands_in_for_date() -> None:
    when = formatdate(NOW / 1_000, usegmt=True)
    assert verify(MNS, signed(date="", x_mns_date=when), KEYS, now=NOW) == "testid"
