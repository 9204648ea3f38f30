# SPDX-License-Identifier: MIT
"""The configuration in memory, kept level with the document store behind it.

Reads cost a dictionary look-up. A store that only this process writes is loaded once; a shared
one is asked for its revision and loaded again when somebody else has written. Decides nothing
about functions.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fc_async_local.functions.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_local.store.protocol import Change, DocumentStore


class SnapshotCache:
    """The latest snapshot.

    Args:
        documents: Where configuration is kept.
        shared: Whether other processes write there too.
    """

    def __init__(self, documents: DocumentStore, *, shared: bool) -> None:
        self._documents = documents
        self._shared = shared
        self._snapshot: Snapshot | None = None
        self._writes = 0
        self._loading = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.writing = asyncio.Lock()
        """To be held from reading to writing when what is written depends on what was read."""

    async def read(self) -> Snapshot:
        """The configuration as of now. Not to be changed.

        Raises:
            StoreUnavailable: The store can't be asked.
        """
        wanted = await self._documents.revision() if self._shared else 0
        snapshot = self._snapshot
        if snapshot is not None and snapshot.revision >= wanted:
            return snapshot
        return await self._load(wanted)

    async def _load(self, wanted: int) -> Snapshot:
        async with self._loading:
            if self._snapshot is not None and self._snapshot.revision >= wanted:
                return self._snapshot  # whoever was in line before us has loaded it
            while True:
                writes = self._writes
                snapshot = Snapshot(*await self._documents.load())
                # What was read before a write of ours and comes after it must not outlive it.
                if writes == self._writes:
                    break
            self._snapshot = snapshot
            self._tell()
            return snapshot

    def listen(self, listener: Callable[[], None]) -> None:
        """Be told, at once and in the event loop, whenever there is another configuration."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    async def write(self, changes: Sequence[Change]) -> None:
        """Write all of them or none.

        Raises:
            ChangeRefused: Somebody else was faster.
            StoreUnavailable: The store can't write now.
        """
        revision = await self._documents.write(changes)
        self._writes += 1
        snapshot = self._snapshot
        if snapshot is not None and revision == snapshot.revision + 1:
            snapshot.apply(revision, changes)
        else:
            self._snapshot = None
        self._tell()
