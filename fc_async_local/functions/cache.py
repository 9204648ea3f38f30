# SPDX-License-Identifier: MIT
"""How the registry reads and writes its part of the document cache."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fc_async_local.functions.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.store.document_cache import DocumentCache
    from fc_async_local.store.protocol import Change


class SnapshotCache:
    """The records of functions, decoded.

    Args:
        documents: The documents of the runtime.

    Attributes:
        documents: The same.
        known: The records as they were read last.
        writing: To be held from reading to writing when what is written depends on what was read.
    """

    def __init__(self, documents: DocumentCache) -> None:
        self.documents = documents
        self.known = Snapshot(documents)
        self.writing = asyncio.Lock()

    async def read(self) -> Snapshot:
        """Return the records as of now.

        Raises:
            StoreUnavailable: The store cannot be read now.
        """
        await self.documents.refresh()
        return self.known

    async def write(self, changes: Sequence[Change]) -> None:
        """Write all changes or none.

        Raises:
            ChangeRefused: An expectation did not hold.
            StoreUnavailable: The store cannot write now.
        """
        await self.documents.write(*changes)
