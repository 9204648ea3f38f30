# SPDX-License-Identifier: MIT
"""What every store of configuration and of code promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fc_async_local.store.protocol import Change, ChangeRefused, Document

if TYPE_CHECKING:
    from fc_async_local.store.protocol import BlobStore, DocumentStore


class TestDocuments:
    async def test_documents_are_loaded_with_their_revision(self, documents: DocumentStore) -> None:
        revision = await documents.write([Change("function", "a", b"{}")])
        assert await documents.load() == (revision, [Document("function", "a", b"{}")])
        assert await documents.revision() == revision

    async def test_documents_are_loaded_in_order(self, documents: DocumentStore) -> None:
        await documents.write([Change("k", "b", b"2"), Change("k", "a", b"1")])
        _, found = await documents.load()
        assert [document.key for document in found] == ["a", "b"]

    async def test_every_write_has_a_greater_revision(self, documents: DocumentStore) -> None:
        before = await documents.revision()
        first = await documents.write([Change("k", "a", b"1")])
        second = await documents.write([Change("k", "a", None)])
        assert before < first < second

    async def test_writing_again_replaces(self, documents: DocumentStore) -> None:
        await documents.write([Change("k", "a", b"1")])
        await documents.write([Change("k", "a", b"2")])
        _, found = await documents.load()
        assert found == [Document("k", "a", b"2")]

    async def test_deleting_what_is_not_there_is_no_harm(self, documents: DocumentStore) -> None:
        await documents.write([Change("k", "a", None)])
        assert (await documents.load())[1] == []

    @pytest.mark.parametrize(
        ("there", "expect", "refused"),
        [
            (True, "absent", True),
            (False, "absent", False),
            (True, "present", False),
            (False, "present", True),
            (True, "any", False),
            (False, "any", False),
        ],
    )
    @pytest.mark.parametrize("body", [b"new", None])
    async def test_expectations_are_kept(
        self, documents: DocumentStore, there: bool, expect: str, refused: bool, body: bytes | None
    ) -> None:
        if there:
            await documents.write([Change("k", "a", b"old")])
        change = Change("k", "a", body, expect)  # type: ignore[arg-type]
        if refused:
            with pytest.raises(ChangeRefused):
                await documents.write([change])
        else:
            await documents.write([change])

    async def test_a_refused_group_writes_nothing(self, documents: DocumentStore) -> None:
        await documents.write([Change("k", "a", b"1")])
        before = await documents.load()
        with pytest.raises(ChangeRefused):
            await documents.write([Change("k", "b", b"2"), Change("k", "a", b"3", "absent")])
        assert await documents.load() == before

    async def test_of_many_writes_that_expect_absence_one_succeeds(
        self, documents: DocumentStore
    ) -> None:
        changes = [Change("k", "a", str(n).encode(), "absent") for n in range(10)]
        results = await asyncio.gather(
            *[documents.write([change]) for change in changes], return_exceptions=True
        )
        assert sum(isinstance(result, ChangeRefused) for result in results) == 9


class TestBlobs:
    async def test_come_back_as_they_were(self, blobs: BlobStore) -> None:
        data = bytes(range(256)) * 10_000
        await blobs.put_blob("sum", data, now=1)
        assert await blobs.get_blob("sum") == data

    async def test_are_replaced_under_the_same_key(self, blobs: BlobStore) -> None:
        await blobs.put_blob("bucket/name", b"first", now=1)
        await blobs.put_blob("bucket/name", b"second", now=1)
        assert await blobs.get_blob("bucket/name") == b"second"

    async def test_are_forgotten_when_they_were_last_in_use_before_a_moment(
        self, blobs: BlobStore
    ) -> None:
        for key, now in (("old", 100), ("used", 100), ("fresh", 500)):
            await blobs.put_blob(key, b"zip", now=now)
        assert await blobs.prune_blobs({"used", "unknown"}, now=600, used_before=500) == 1
        assert await blobs.get_blob("old") is None
        # Out of use since 600 at the earliest.
        assert await blobs.prune_blobs((), now=700, used_before=600) == 1
        assert await blobs.get_blob("used") == b"zip"
        assert await blobs.get_blob("fresh") is None

    async def test_a_blob_that_is_put_again_is_kept_by_prune(self, blobs: BlobStore) -> None:
        await blobs.put_blob("sum", b"zip", now=100)
        await blobs.put_blob("sum", b"zip", now=900)
        assert await blobs.prune_blobs((), now=900, used_before=900) == 0
        assert await blobs.get_blob("sum") == b"zip"

    async def test_a_blob_that_is_put_during_a_prune_is_kept(self, blobs: BlobStore) -> None:
        await blobs.put_blob("sum", b"zip", now=1)
        await asyncio.gather(
            *(blobs.prune_blobs((), now=900, used_before=500) for _ in range(8)),
            *(blobs.put_blob("sum", b"zip", now=900) for _ in range(8)),
        )
        assert await blobs.get_blob("sum") == b"zip"

    async def test_unknown_is_nothing(self, blobs: BlobStore) -> None:
        assert await blobs.get_blob("sum") is None
