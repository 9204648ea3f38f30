# SPDX-License-Identifier: MIT
"""Which events are the same work."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk import errors, testing
from fc_async_sdk.idempotency import by_field, keys

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(values)
def test_spacing_and_order_of_names_do_not_change_a_fingerprint(value: object) -> None:
    compact = json.dumps(value, separators=(",", ":")).encode()
    pretty = json.dumps(value, indent=3, ensure_ascii=False)
    assert keys.fingerprint(compact, None) == keys.fingerprint(pretty, None)


@given(values, values)
def test_documents_that_differ_have_different_fingerprints(one: object, other: object) -> None:
    first, second = json.dumps(one, sort_keys=True), json.dumps(other, sort_keys=True)
    same = keys.fingerprint(first, None) == keys.fingerprint(second, None)
    assert same == (first == second)


def test_payloads_that_are_not_json_are_compared_byte_for_byte() -> None:
    assert keys.fingerprint(b"\xff\x01", None) != keys.fingerprint(b"\xff\x02", None)
    assert keys.fingerprint(b"plain", None) == keys.fingerprint("plain", None)


class Order(msgspec.Struct):
    id: int


@dataclass
class Item:
    id: int


class Model:
    def model_dump_json(self) -> str:
        return '{"id": 7}'


@pytest.mark.parametrize(
    "event",
    [b'{"id": 7}', '{"id": 7}', bytearray(b'{"id": 7}'), {"id": 7}, Order(7), Item(7), Model()],
    ids=lambda event: type(event).__name__,
)
def test_typed_events_have_the_same_fields_and_fingerprint_as_their_json(event: object) -> None:
    assert by_field("id")(event, None) == 7
    assert keys.fingerprint(event, None) == keys.fingerprint(b'{"id":7}', None)


def test_a_destination_event_is_identified_by_the_request_that_it_reports() -> None:
    event = testing.success_event(request_id="1-2-3")
    assert by_field("requestContext.requestId")(event, None) == "1-2-3"


def test_numbers_and_text_are_different_keys() -> None:
    assert keys.key_text("f", 7) == "f/7"
    assert keys.key_text("f", ["7", 1]) != keys.key_text("f", [7, 1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.1234567890123456789", "0.12345678901234567891"),
        ("12345678901234567.1", "12345678901234567.2"),
        ("1e999", "1e998"),
        ("-1e999", "1e999"),
        ("1e-999", "0.0"),
    ],
)
def test_numbers_that_no_float_tells_apart_are_different_keys(one: str, other: str) -> None:
    documents = [f'{{"id": {number}}}' for number in (one, other)]
    first, second = (by_field("id")(document, None) for document in documents)
    assert keys.key_text("f", first) != keys.key_text("f", second)
    assert keys.fingerprint(documents[0], None) != keys.fingerprint(documents[1], None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.5", "1.50"),
        ("-0.0", "-0.00"),
        ("1e2", "100.0"),
        ("1E+2", "1e2"),
        ("0.12345678901234567891", "1.23456789012345678910E-1"),
        ("1e999", "10e998"),
    ],
)
def test_a_number_is_one_key_however_it_is_written(one: str, other: str) -> None:
    assert keys.fingerprint(f"[{one}]", None) == keys.fingerprint(f"[{other}]", None)


def test_a_number_that_a_float_represents_has_the_key_of_that_float() -> None:
    assert keys.key_text("f", by_field("id")(b'{"id": 12.5}', None)) == "f/12.5"


@pytest.mark.parametrize("value", [None, "", [], ["a", None], ("a", "")])
def test_a_key_with_a_missing_part_is_refused(value: object) -> None:
    with pytest.raises(errors.KeyMissing):
        keys.key_text("f", value)


@pytest.mark.parametrize("payload", [b"{}", b"[]", b"7", b"\xff", b'{"order": 7}', b'{"order":{}}'])
def test_a_payload_without_the_field_is_refused(payload: bytes) -> None:
    with pytest.raises(errors.KeyMissing, match=r"no field 'order\.id'"):
        by_field("order.id")(payload, None)


def test_a_field_that_is_null_is_refused() -> None:
    with pytest.raises(errors.KeyMissing, match="is null"):
        by_field("id")(b'{"id": null}', None)


@pytest.mark.parametrize("paths", [(), ("",)])
def test_a_key_needs_a_field(paths: tuple[str, ...]) -> None:
    with pytest.raises(errors.InvalidParameter, match="at least one field"):
        by_field(*paths)


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, ["a", object()]])
def test_a_key_that_is_not_a_json_value_is_refused(value: object) -> None:
    with pytest.raises(errors.InvalidParameter, match="key="):
        keys.key_text("f", value)


@pytest.mark.parametrize("scope", ["x" * 129, "a\nb"])
def test_a_scope_that_no_store_takes_is_refused(scope: str) -> None:
    with pytest.raises(errors.InvalidParameter, match="scope="):
        keys.key_text(scope, "a")


@given(st.text(min_size=1))
def test_every_text_becomes_a_key_that_every_store_takes(text: str) -> None:
    key = keys.key_text("f" * 128, text)
    assert key.isprintable()
    assert len(key.encode()) <= 256
    assert key != keys.key_text("f" * 128, text + "!")


def test_a_compared_part_that_is_not_json_is_refused() -> None:
    with pytest.raises(errors.InvalidParameter, match="compare="):
        keys.fingerprint(b"{}", lambda _: object())


def claim(sha256: str, day: str) -> bytes:
    key = f"fc-async/v1/f/{day}/{sha256}"
    fields = {"store": "s", "key": key, "sha256": sha256, "size": 9}
    return json.dumps({"$fc-async.claim": fields}).encode()


def test_claims_of_the_same_content_have_one_fingerprint() -> None:
    first = keys.fingerprint(claim("a" * 64, "2026-11-27"), None)
    assert first == keys.fingerprint(claim("a" * 64, "2026-11-28").decode(), None)
    assert first != keys.fingerprint(claim("b" * 64, "2026-11-27"), None)


def test_a_field_of_a_claim_is_missing_and_the_error_says_how_to_read_it() -> None:
    with pytest.raises(errors.KeyMissing, match=r"put @handler\(\.\.\., large=store\) above"):
        keys.by_field("order.id")(claim("a" * 64, "2026-11-27"), None)


def test_a_field_of_a_message_that_waits_is_missing_and_the_error_says_how_to_read_it() -> None:
    waiting = b'{"$fc-async.hop": {"payload": {"json": {"order": {"id": 7}}}, "rest": 3}}'
    with pytest.raises(errors.KeyMissing, match=r"put @handler\(\.\.\., pace=pace\) above"):
        keys.by_field("order.id")(waiting, None)
