# SPDX-License-Identifier: MIT
"""A batch in a store: pages, their index, and what a second writer of it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk._feeding.batch import BatchReader, BatchWriter, Feeding
from fc_async_sdk.errors import FeedError, InvalidParameter, PayloadDamaged

if TYPE_CHECKING:
    from collections.abc import Iterable


class Shelf:
    """A store of payloads in memory, which counts writes."""

    name = "memory"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.writes = 0

    def put(self, key: str, data: Any) -> None:
        self.writes += 1
        self.objects[key] = data

    def get(self, key: str) -> Iterable[bytes]:
        return [self.objects[key]]

    def exists(self, key: str) -> bool:
        return key in self.objects


def write(shelf: Shelf, payloads: Iterable[bytes], *, keys: Any = None) -> Any:
    writer = BatchWriter(shelf, "crm", in_turn=keys is not None)
    for number, payload in enumerate(payloads):
        writer.add(f"n-{number}", payload, keys(payload) if keys else None)
    return writer.close()


def read(shelf: Shelf, batch: Any) -> list[tuple[str, bytes]]:
    reader = BatchReader(shelf, batch, "n")
    items: list[tuple[str, bytes]] = []
    while len(items) < batch.chosen:
        items += [(item.task_id, item.payload.open()) for item in reader.after(len(items))]
    return items


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_messages_come_back_byte_for_byte_in_their_order(payloads: list[bytes]) -> None:
    shelf = Shelf()
    batch = write(shelf, payloads)
    assert batch.chosen == len(payloads)
    expected = [(f"n-{number}", payload) for number, payload in enumerate(payloads)]
    assert read(shelf, batch) == expected


def test_a_million_messages_are_about_a_thousand_writes() -> None:
    shelf = Shelf()
    batch = write(shelf, (b"%d" % number for number in range(20_500)))
    assert shelf.writes == 22
    assert batch.chosen == 20_500


def test_large_messages_have_pages_of_eight_megabytes() -> None:
    shelf = Shelf()
    write(shelf, [b"x" * 100_000] * 200)
    assert 3 <= shelf.writes - 1 <= 4


def test_the_same_batch_has_the_same_digest_and_another_one_has_not() -> None:
    payloads = [b"%d" % number for number in range(3_000)]
    shelf = Shelf()
    first = write(shelf, payloads)
    objects = dict(shelf.objects)
    assert write(shelf, payloads).digest == first.digest
    assert shelf.objects == objects
    assert write(shelf, payloads[1:] + payloads[:1]).digest != first.digest
    assert write(shelf, payloads[:-1]).digest != first.digest


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=60))
def test_messages_of_all_keys_go_in_turn(payloads: list[bytes]) -> None:
    shelf = Shelf()
    sent = [payload for _, payload in read(shelf, write(shelf, payloads, keys=bytes))]
    assert sorted(sent) == sorted(payloads)
    for position, payload in enumerate(sent):
        before = sent[:position]
        rounds = before.count(payload)
        for other in {*payloads}:
            assert before.count(other) >= min(rounds, payloads.count(other))


def test_a_page_that_was_changed_is_not_sent() -> None:
    shelf = Shelf()
    batch = write(shelf, [b"1", b"2"])
    page = next(key for key in shelf.objects if key != batch.index.key)
    shelf.objects[page] = shelf.objects[page].replace(b"2", b"3")
    with pytest.raises(PayloadDamaged):
        BatchReader(shelf, batch, "n").after(0)


def test_there_is_no_message_after_the_last() -> None:
    shelf = Shelf()
    reader = BatchReader(shelf, write(shelf, [b"1"]), "n")
    with pytest.raises(FeedError, match="no message 1"):
        reader.after(1)


def test_arguments_of_a_feed_are_checked() -> None:
    with pytest.raises(InvalidParameter, match="must be a store"):
        Feeding("oss://bucket")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="whole number"):
        Feeding(Shelf(), priority="high")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="function of the payload"):
        Feeding(Shelf(), key="tenant")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match="at most 110"):
        Feeding(Shelf()).named("x" * 111)
    with pytest.raises(InvalidParameter, match="needs a prefix"):
        Feeding(Shelf()).named(lambda index, _: str(index))
