# SPDX-License-Identifier: MIT
"""The folder of the buckets: index and content, opened by the first use.

Invariants:

- A file of content that the index does not name is removed when the folder is opened.
- If nothing is to be kept, nothing of an earlier process is found.
"""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, TypeVar

from fc_async_local.services.oss.content import Files
from fc_async_local.services.oss.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class Storage:
    """Index and content in a folder.

    Args:
        folder: The folder.
        durable: False: nothing is kept, and nothing found.

    Attributes:
        files: The content.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.files = Files(folder, durable=durable)
        self._folder = folder
        self._durable = durable
        self._index: Index | None = None
        self._opening = asyncio.Lock()

    async def do(self, work: Callable[[Index], T], *, flush: bool = True) -> T:
        """Do something in one transaction, in a thread.

        Args:
            work: Reads or changes the index.
            flush: Whether changes must survive a power loss.

        Raises:
            StoreUnavailable: The index cannot be read or written.
        """
        index = self._index
        if index is None:
            index = await self._open()

        def done() -> T:
            with index.transaction(flush=flush):
                return work(index)

        return await asyncio.to_thread(done)

    async def aclose(self) -> None:
        """Close the index; remove everything if nothing is to be kept."""
        if self._index is not None:
            await asyncio.to_thread(self._index.close)
        if not self._durable:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _open(self) -> Index:
        async with self._opening:
            if self._index is None:
                self._index = await asyncio.to_thread(self._load)
            return self._index

    def _load(self) -> Index:
        if not self._durable:
            # Left by a process that was killed.
            shutil.rmtree(self._folder, ignore_errors=True)
        index = Index(self._folder, durable=self._durable)
        # A process that was killed between a file and its commit has left the file.
        with index.transaction():
            self.files.sweep(index.files())
        return index
