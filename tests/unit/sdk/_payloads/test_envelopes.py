# SPDX-License-Identifier: MIT
"""Payloads of the SDK's own, and payloads of users inside them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fc_async_sdk._payloads import envelopes
from fc_async_sdk._payloads.envelopes import Content, Envelope, content


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.builds(msgspec.json.encode, st.recursive(st.none() | st.text(), st.lists))
)
@example(b"")
@example(b" ")
@example(b'{"a": 1.50,  "a": 2}')
@example(b'{"a":1}\n')
@example(b"12345678901234567890.10")
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
@example(b"null")
@example("\ufeff{}".encode())
@example(b'{"$fc-async.claim":{"key":"k"}}')
@example(b"[" * 100_000)
def test_a_payload_comes_out_of_an_envelope_byte_for_byte(payload: bytes) -> None:
    sealed = envelopes.write(envelopes.HOP, msgspec.json.encode(content(payload)))
    found = envelopes.read(sealed)
    assert found is not None
    assert found.name == "$fc-async.hop"
    assert msgspec.json.decode(found.body, type=Content).open() == payload


def test_a_json_payload_is_not_encoded_a_second_time() -> None:
    sealed = msgspec.json.encode(content(b'{"order": "a\\"b"}'))
    assert sealed == b'{"json":{"order": "a\\"b"}}'


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"order": 7}',
        b'{"fc-async.hop": {}}',
        b'{"$fc-async.hop": {}, "order": 7}',
        b'{"order": 7, "$fc-async.hop": {}}',
        b'["$fc-async.hop"]',
        b'{"$fc-async.hop": {}} x',
        b'{"$fc-async.hop": ',
    ],
)
def test_any_other_payload_is_the_users(payload: bytes) -> None:
    assert envelopes.read(payload) is None


def test_an_envelope_that_was_formatted_anew_is_read_too() -> None:
    assert envelopes.read(b' {\n "$fc-async.claim" : {"key": 1} }') == Envelope(
        "$fc-async.claim", b'{"key": 1}'
    )
