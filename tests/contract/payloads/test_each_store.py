# SPDX-License-Identifier: MIT
"""What every store of payloads does."""

from __future__ import annotations

import hashlib
import io
import random
import re
from concurrent import futures
from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_sdk import errors, payloads
from fc_async_sdk._payloads import claims

if TYPE_CHECKING:
    from fc_async_sdk.payloads import PayloadStore

NOISE = random.Random(1).randbytes(300_000)
TEXT = b'{"word": "again"}' * 20_000


@pytest.mark.parametrize(
    "payload", [b"", b"\0", b"{}", NOISE, TEXT], ids=["empty", "null", "json", "noise", "text"]
)
def test_a_payload_comes_back_byte_for_byte(store: PayloadStore, payload: bytes) -> None:
    claim = claims.write(store, "resize", payload)

    assert payloads.fetch(claim.encode(), store) == payload
    with payloads.fetch(claim.encode().decode(), store, stream=True) as file:
        assert file.read() == payload


def test_a_claim_names_the_function_the_day_and_the_content(store: PayloadStore) -> None:
    claim = claims.write(store, "service$resize", NOISE)

    digest = hashlib.sha256(NOISE).hexdigest()
    assert re.fullmatch(rf"fc-async/v1/service\$resize/\d\d\d\d-\d\d-\d\d/{digest}", claim.key)
    assert (claim.store, claim.sha256, claim.size) == (store.name, digest, len(NOISE))
    assert payloads.find(claim.encode()) == claim


def test_what_compresses_well_is_stored_compressed(store: PayloadStore) -> None:
    claim = claims.write(store, "f", TEXT)

    assert claim.key.endswith(".gz")
    assert sum(map(len, store.get(claim.key))) < len(TEXT) / 10
    assert claim.size == len(TEXT)


def test_writers_of_the_same_content_write_one_object(store: PayloadStore) -> None:
    with futures.ThreadPoolExecutor(8) as pool:
        documents = set(pool.map(lambda _: claims.write(store, "f", NOISE).encode(), range(16)))

    assert len(documents) == 1
    assert payloads.fetch(documents.pop(), store) == NOISE


def test_an_object_that_is_gone_is_not_found(store: PayloadStore) -> None:
    claim = claims.Claim(
        store="oss://other", key=f"fc-async/v1/f/2026-01-01/{'0' * 64}", sha256="0" * 64, size=1
    )

    assert not store.exists(claim.key)
    with pytest.raises(errors.PayloadNotFound) as caught:
        payloads.fetch(claim.encode(), store)
    assert "written to another store, oss://other: name the same store" in str(caught.value)
    assert "lifecycle" not in str(caught.value)

    gone = msgspec.structs.replace(claim, store=store.name)
    with pytest.raises(errors.PayloadNotFound, match="its lifecycle rule may have removed it"):
        payloads.fetch(gone.encode(), store)


@pytest.mark.parametrize("damage", [b"", NOISE[:-1], NOISE + b"x", NOISE[:-1] + b"x"])
def test_an_object_that_was_changed_is_refused(store: PayloadStore, damage: bytes) -> None:
    claim = claims.write(store, "f", NOISE)
    store.put(claim.key, damage)

    with pytest.raises(errors.PayloadDamaged) as caught:
        payloads.fetch(claim.encode(), store)
    assert (caught.value.store, caught.value.key) == (store.name, claim.key)
    with pytest.raises(errors.PayloadDamaged):
        payloads.fetch(claim.encode(), store, stream=True)


@pytest.mark.parametrize("damage", [b"no gzip", b"\x1f\x8b"])
def test_a_compressed_object_that_was_changed_is_refused(
    store: PayloadStore, damage: bytes
) -> None:
    claim = claims.write(store, "f", TEXT)
    store.put(claim.key, damage)

    with pytest.raises(errors.PayloadDamaged):
        payloads.fetch(claim.encode(), store)


def test_a_file_is_stored_and_replaced_under_a_key_of_the_user(store: PayloadStore) -> None:
    assert not store.exists("in/talk.wav")
    store.put("in/talk.wav", io.BytesIO(NOISE))
    assert store.exists("in/talk.wav")
    assert b"".join(store.get("in/talk.wav")) == NOISE
    store.put("in/talk.wav", b"new")
    assert b"".join(store.get("in/talk.wav")) == b"new"


def test_an_object_that_does_not_exist_raises_the_error_of_a_missing_file(
    store: PayloadStore,
) -> None:
    with pytest.raises(FileNotFoundError):
        b"".join(store.get("in/missing.wav"))


@pytest.mark.parametrize("key", ["../secret", "in/../../secret", "/etc/passwd", "", "."])
def test_a_key_that_leads_elsewhere_is_refused(folder: PayloadStore, key: str) -> None:
    with pytest.raises(ValueError, match="outside of"):
        folder.exists(key)
