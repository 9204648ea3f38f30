# SPDX-License-Identifier: MIT
"""What every store of idempotency records must do."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest
from msgspec.structs import replace

from fc_async_sdk.idempotency import Record, Store
from fc_async_sdk.idempotency.states import Kept

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

NOW = 1_790_000_000_000


def record(key: str | None = None, **changes: object) -> Record:
    first = Record(
        key=key or f"orders/{uuid.uuid4()}",
        token=uuid.uuid4().hex,
        state="running",
        written=NOW,
        until=NOW + 60_000,
        expires=NOW + 3_600_000,
    )
    return replace(first, **changes)


def at_once(calls: list[Callable[[], T]]) -> list[T]:
    """Call functions in one thread each, at the same time."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def stored(store: Store, key: str) -> Record | None:
    """Read a record: a create that finds one changes nothing."""
    probe = record(key)
    found = store.create(probe)
    if found is None:
        store.remove(key, probe.token)
    return found


def test_a_key_without_a_record_is_created(store: Store) -> None:
    first = record()
    assert store.create(first) is None
    assert stored(store, first.key) == first


def test_a_key_with_a_record_keeps_it_and_the_record_is_returned(store: Store) -> None:
    first = record()
    store.create(first)
    assert store.create(record(first.key)) == first
    assert stored(store, first.key) == first


def test_of_many_creations_at_the_same_time_one_succeeds(store: Store) -> None:
    for _ in range(5):
        key = f"orders/{uuid.uuid4()}"
        records = [record(key) for _ in range(8)]
        answers = at_once([partial(store.create, one) for one in records])
        (winner,) = [one for one, answer in zip(records, answers, strict=True) if answer is None]
        assert [answer for answer in answers if answer is not None] == [winner] * 7


def test_a_record_is_replaced_by_a_writer_that_knows_its_token(store: Store) -> None:
    first = record()
    store.create(first)
    second = record(first.key, state="done", result=Kept("json", "0"))
    assert store.replace(second, first.token)
    assert stored(store, first.key) == second


def test_a_record_with_another_token_is_not_replaced(store: Store) -> None:
    first = record()
    store.create(first)
    assert not store.replace(record(first.key), uuid.uuid4().hex)
    assert stored(store, first.key) == first


def test_a_key_without_a_record_is_not_replaced(store: Store) -> None:
    first = record()
    assert not store.replace(first, first.token)
    assert stored(store, first.key) is None


def test_of_many_replacements_at_the_same_time_one_succeeds(store: Store) -> None:
    for _ in range(5):
        first = record()
        store.create(first)
        records = [record(first.key) for _ in range(8)]
        answers = at_once([partial(store.replace, one, first.token) for one in records])
        (winner,) = [one for one, answer in zip(records, answers, strict=True) if answer]
        assert stored(store, first.key) == winner


def test_a_replacement_may_be_repeated_after_a_lost_answer(store: Store) -> None:
    first = record()
    store.create(first)
    second = record(first.key)
    assert store.replace(second, first.token)
    assert store.replace(second, first.token)
    assert stored(store, first.key) == second


def test_a_record_is_removed_by_a_writer_that_knows_its_token(store: Store) -> None:
    first = record()
    store.create(first)
    assert not store.remove(first.key, uuid.uuid4().hex)
    assert store.remove(first.key, first.token)
    assert not store.remove(first.key, first.token)
    assert stored(store, first.key) is None


def test_a_removed_key_can_be_created_again(store: Store) -> None:
    first = record()
    store.create(first)
    store.remove(first.key, first.token)
    assert store.create(record(first.key)) is None


@pytest.mark.parametrize("key", ["订单/七", "a'b\"c\\d; DROP TABLE x", "x" * 384, "%s ? :id {}"])
def test_a_record_returns_as_it_was_written(store: Store, key: str) -> None:
    written = record(
        f"{key}{uuid.uuid4()}"[-384:],
        state="free",
        request_id="1-2-3",
        attempt=7,
        fingerprint="f" * 64,
        begun=("支付",),
        effects={"a": Kept("json", '{"ä": null, "n": 12345678901234567890}'), "": Kept("bytes")},
        error=("ValueError", "line\nbreak \x00 'quoted' %s"),
    )
    store.create(written)
    assert stored(store, written.key) == written


def test_a_large_result_is_kept(store: Store) -> None:
    first = record(result=Kept("json", '"' + "界" * 80_000 + '"'))
    store.create(first)
    assert stored(store, first.key) == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("orders/Ab1", "orders/aB1"),
        ("café", "cafe"),
        ("straße", "strasse"),
        ("a", "a "),
        ("\u00e9", "e\u0301"),
    ],
)
def test_keys_that_look_alike_are_different_keys(store: Store, one: str, other: str) -> None:
    ends = uuid.uuid4().hex
    first, second = record(f"{ends}{one}"), record(f"{ends}{other}")
    assert store.create(first) is None
    assert store.create(second) is None
    assert store.replace(changed := record(first.key), first.token)
    assert store.remove(second.key, second.token)
    assert stored(store, first.key) == changed


def test_keys_do_not_affect_each_other(store: Store) -> None:
    first, second = record(), record()
    store.create(first)
    store.create(second)
    store.remove(first.key, first.token)
    assert stored(store, second.key) == second
