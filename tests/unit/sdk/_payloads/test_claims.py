# SPDX-License-Identifier: MIT
"""Claims: what is one, and what a store that fails means."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk import errors, events, payloads
from fc_async_sdk._payloads import claims
from fc_async_sdk.operations.invoke import InvokeResult

if TYPE_CHECKING:
    from collections.abc import Iterable

SHA = "a" * 64
KEY = f"fc-async/v1/f/2026-11-28/{SHA}"


def document(**fields: object) -> bytes:
    given = {"store": "s", "key": KEY, "sha256": SHA, "size": 3, **fields}
    return msgspec.json.encode({"$fc-async.claim": given})


class Broken:
    """A store whose requests end with an error."""

    name = "broken"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def put(self, key: str, data: object) -> None:
        raise self._error

    def get(self, key: str) -> Iterable[bytes]:
        raise self._error

    def exists(self, key: str) -> bool:
        raise self._error


class Small:
    """A store of one object."""

    name = "small"

    def __init__(self, content: bytes) -> None:
        self.content = content

    def put(self, key: str, data: Any) -> None:
        self.content = data

    def get(self, key: str) -> Iterable[bytes]:
        return [self.content]

    def exists(self, key: str) -> bool:
        return True


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b'"$fc-async.claim"',
        b'["$fc-async.claim"]',
        b'{"$fc-async.hop": {}}',
        b'{"$fc-async.claim": {}, "other": 1}',
        b'{"$fc-async.claim": {}',
        b'{"a": {"$fc-async.claim": {}}}',
        b"[" * 2000 + b'"$fc-async.claim"',
        b'{"$fc-async.claim": "' + b"x" * 5000 + b'"}',
    ],
)
def test_a_document_with_another_form_is_not_a_claim(payload: bytes) -> None:
    assert payloads.find(payload) is None


@given(st.binary())
def test_bytes_are_not_a_claim(payload: bytes) -> None:
    assert payloads.find(payload) is None


def test_a_claim_is_found_however_it_is_spaced() -> None:
    spaced = msgspec.json.format(document(), indent=4)
    found = payloads.find(b"\n" + spaced + b" ")
    assert found is not None
    assert (found.key, found.size) == (KEY, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"key": f"fc-async/v2/f/2026-11-28/{SHA}"},
        {"key": f"fc-async/v1/f/2026-11-28/{'b' * 64}"},
        {"key": f"secrets/{SHA}"},
        {"key": f"fc-async/v1/../2026-11-28/{SHA}"},
        {"key": f"fc-async/v1/f/2026-11-28/{SHA}\n"},
        {"size": -1},
        {"size": "3"},
        {"sha256": None},
    ],
)
def test_a_claim_of_another_version_is_named_and_not_read(fields: dict[str, object]) -> None:
    with pytest.raises(errors.UnreadableClaim):
        payloads.fetch(document(**fields), Small(b"abc"))


@pytest.mark.parametrize(
    ("error", "on_write", "on_read"),
    [
        (PermissionError("no"), errors.PayloadStoreDenied, errors.PayloadStoreDenied),
        (FileNotFoundError("no bucket"), errors.PayloadStoreFailed, errors.PayloadNotFound),
        (KeyError("k"), errors.PayloadStoreFailed, errors.PayloadNotFound),
        (TimeoutError("slow"), errors.PayloadStoreFailed, errors.PayloadStoreFailed),
        (RuntimeError("other"), errors.PayloadStoreFailed, errors.PayloadStoreFailed),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_an_error_of_a_store_becomes_one_of_the_sdk(
    error: Exception, on_write: type[Exception], on_read: type[Exception]
) -> None:
    with pytest.raises(on_write) as writing:
        claims.write(Broken(error), "f", b"abc")
    with pytest.raises(on_read) as reading:
        payloads.fetch(document(), Broken(error))
    assert writing.value.__cause__ is error
    assert reading.value.__cause__ is error


def test_a_payload_over_the_memory_is_refused_before_it_is_read() -> None:
    with pytest.raises(errors.PayloadOverMemory, match=r"3 bytes, 2 may.*stream=True"):
        payloads.fetch(document(), Broken(AssertionError("was read")), limit=2)


def test_an_object_that_unpacks_to_more_than_its_claim_says_is_not_unpacked_further() -> None:
    bomb = gzip.compress(bytes(100_000_000))
    pieces = claims.read(Small(bomb), claims.Claim(store="s", key=KEY + ".gz", sha256=SHA, size=3))
    with pytest.raises(errors.PayloadDamaged):
        assert sum(map(len, pieces)) <= 4


def test_what_is_not_a_claim_is_fetched_as_it_is() -> None:
    store = Broken(AssertionError("was read"))
    assert payloads.fetch('{"n": 1}', store) == b'{"n": 1}'
    with payloads.fetch(memoryview(b"abc"), store, stream=True) as file:
        assert file.read() == b"abc"


@pytest.mark.parametrize("event", [{"id": 7}, 5, None])
def test_an_event_that_is_neither_bytes_nor_text_is_refused(event: object) -> None:
    with pytest.raises(errors.InvalidParameter, match="must be bytes or text"):
        payloads.fetch(event, Broken(OSError()))


@pytest.mark.parametrize("field", ["request", "response"])
def test_the_json_of_a_payload_that_was_not_opened_is_not_its_claim(field: str) -> None:
    payload = {"request_payload": b"", f"{field}_payload": document()}
    event = events.parse(
        events.encode(
            events.document(
                timestamp=0,
                request_id="1-0",
                function_arn="acs:fc:cn-hangzhou:1:functions/f",
                attempts=1,
                **payload,
            )
        )
    )
    part = getattr(event, field)
    with pytest.raises(errors.UnreadableClaim, match="the payload is a claim of 3 bytes in s: "):
        part.json()
    assert part.bytes() == document()  # what a replay sends


def test_the_json_of_a_result_that_was_not_opened_is_not_its_claim() -> None:
    result = InvokeResult(payload=document())
    with pytest.raises(errors.UnreadableClaim, match="the result is a claim of 3 bytes in s: "):
        result.json()
    assert result.text() == document().decode()
