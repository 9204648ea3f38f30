# SPDX-License-Identifier: MIT
"""The operations that all kinds of resources of a function have in common: get, delete, list."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fc_async_local.functions import paging
from fc_async_local.functions.records import OwnedRecord

if TYPE_CHECKING:
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import SnapshotCache

RecordT = TypeVar("RecordT", bound=OwnedRecord)


class Resources(abc.ABC, Generic[RecordT]):
    """One kind of resources.

    Args:
        cache: The configuration of the runtime.

    Attributes:
        record: What is stored of one.
    """

    record: type[RecordT]

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    @abc.abstractmethod
    def _describe(self, record: RecordT) -> dict[str, Any]:
        """Return one in the form of the API."""

    async def get(self, function: str, own: str = "") -> dict[str, Any]:
        """Answer the get operation.

        Args:
            function: Name of the function.
            own: Name of the resource, or a qualifier; "": LATEST.

        Raises:
            Rejected: 404 FunctionNotFound, or that of the kind.
        """
        return self._describe(await self._existing(function, own))

    async def _existing(self, function: str, own: str) -> RecordT:
        return (await self._cache.read()).owned(self.record, function, own)

    async def delete(self, function: str, own: str) -> None:
        """Answer the delete operation.

        Raises:
            Rejected: 404 FunctionNotFound, or that of the kind.
        """
        async with self._cache.writing:
            await self._cache.write((await self._existing(function, own)).deleted())

    async def listing(
        self, function: str | None, page: Page, *, prefix: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """Return a page of the resources of one function or of all, and the next token.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        if function is not None:
            snapshot.function(function)
        found = snapshot.all(self.record, function, prefix)
        chosen, token = paging.cut(found, page, lambda record: record.key, of=self.record.kind)
        return [self._describe(record) for record in chosen], token
