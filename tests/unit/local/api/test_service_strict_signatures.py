# SPDX-License-Identifier: MIT
"""With strict signatures the FC API answers signed requests only; by default it answers all."""

from __future__ import annotations

import uuid

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk import _signing
from fc_async_sdk.credentials import Credentials

NOW = 1_700_000_000.0
INVOKE = "/2023-03-30/functions/orders/invocations"
LIST = "/2023-03-30/functions"


@pytest.fixture
def strict(make_world):
    return make_world(Settings.of(strict_auth=True, access_keys={"key": "secret"}), now=NOW)


def signed(
    method: str,
    path: str,
    *,
    body=b"",
    query="",
    key="key",
    secret="secret",
    now=NOW,
    nonce="",
):
    headers = {"host": "127.0.0.1:9900", "x-acs-action": "X", "x-acs-version": "2023-03-30"}
    return _signing.sign(
        _signing.Unsigned(method, path, query, headers, body),
        Credentials(access_key_id=key, access_key_secret=secret),
        now=now,
        nonce=nonce or uuid.uuid4().hex,
    )


def test_signed_requests_are_let_in(strict):
    assert strict.call("GET", LIST, headers=signed("GET", LIST)).status == 200
    headers = signed("POST", INVOKE, body=b"in", query="qualifier=LATEST")
    assert strict.call("POST", INVOKE + "?qualifier=LATEST", b"in", headers).status == 200


def test_a_request_that_is_sent_again_as_it_was_is_refused(strict):
    headers = signed("POST", INVOKE, body=b"in", nonce="once")
    assert strict.call("POST", INVOKE, b"in", headers).status == 200
    again = strict.call("POST", INVOKE, b"in", headers)
    assert (again.status, again.json["Code"]) == (400, "SignatureNonceUsed")
    assert len(strict.engine.calls) == 1
    listed = signed("GET", LIST, nonce="once")
    assert strict.call("GET", LIST, headers=listed).json["Code"] == "SignatureNonceUsed"


def test_a_refused_signature_does_not_use_up_its_nonce(strict):
    wrong = signed("GET", LIST, secret="wrong", nonce="once")
    assert strict.call("GET", LIST, headers=wrong).status == 403
    assert strict.call("GET", LIST, headers=signed("GET", LIST, nonce="once")).status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": "nobody"}, "InvalidAccessKeyID"),
        ({"secret": "wrong"}, "SignatureNotMatch"),
        ({"now": NOW - 901}, "SignatureNotMatch"),
        ({"body": b"other"}, "SignatureNotMatch"),
        ({"query": "qualifier=1"}, "SignatureNotMatch"),
    ],
)
def test_wrong_signatures_are_refused_before_anything_happens(strict, changes, code):
    headers = signed("POST", INVOKE, **({"body": b"in"} | changes))
    answer = strict.call("POST", INVOKE, b"in", headers)
    assert (answer.status, answer.json["Code"]) == (403, code)
    assert "secret" not in answer.json["Message"]
    assert strict.engine.calls == []


@pytest.mark.parametrize(("method", "path"), [("GET", LIST), ("POST", INVOKE)])
def test_unsigned_requests_are_refused(strict, method, path):
    assert strict.call(method, path).status == 403


def test_the_admin_api_is_not_signed(strict):
    assert strict.call("GET", "/_local/health").status == 200


def test_by_default_any_key_will_do(world):
    headers = signed("GET", LIST, key="nobody", secret="wrong")
    assert world.call("GET", LIST, headers=headers).status == 200
    assert world.call("GET", LIST).status == 200
