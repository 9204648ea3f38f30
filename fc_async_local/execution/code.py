# SPDX-License-Identifier: MIT
"""The cache of unpacked code: one folder per checksum, unpacked once, shared by all instances.

A folder appears whole or not at all (rename), so processes and nodes may share the cache. Never
changes a folder that is there: code of one checksum is immutable. What was unused for a long time
is thrown away; the store has it still.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fc_async_local.execution.archive import ArchiveLimits, remove_tree, unpack

if TYPE_CHECKING:
    from fc_async_local.store.protocol import BlobStore


class CodeCache:
    """A :class:`~fc_async_local.execution.protocol.CodeSource` over archives in a store.

    Args:
        blobs: Where the archives are.
        root: Where the folders lie; made on first use.
        limits: How much an archive may unpack to.
        keep_seconds: How long an unused folder stays, at least until the next start.
    """

    def __init__(
        self,
        blobs: BlobStore,
        root: Path,
        limits: ArchiveLimits | None = None,
        *,
        keep_seconds: float = 7 * 86_400,
    ) -> None:
        # Absolute: functions run in folders of their own, where a relative path leads elsewhere.
        self.root = root.absolute()
        self._blobs = blobs
        self._limits = limits or ArchiveLimits()
        self._keep_seconds = keep_seconds
        self._swept = False
        self._ready: dict[str, Path] = {}
        self._unpacking: dict[str, asyncio.Task[Path]] = {}

    async def folder(self, checksum: str) -> Path:
        """The folder with the unpacked archive; unpacked on first use.

        Raises:
            LookupError: The store has no such code.
            ArchiveRefused: It is damaged, unsafe or too large.
            OSError: The disk refuses.
        """
        ready = self._ready.get(checksum)
        if ready is not None and _touch(ready):
            return ready
        task = self._unpacking.get(checksum)
        if task is None:
            task = asyncio.ensure_future(self._fetch(checksum))
            self._unpacking[checksum] = task
            task.add_done_callback(lambda _: self._unpacking.pop(checksum, None))
        # One caller that gives up must not take the code from the others.
        folder = await asyncio.shield(task)
        self._ready[checksum] = folder
        return folder

    async def _fetch(self, checksum: str) -> Path:
        if not checksum.isalnum():
            raise LookupError(f"no code with checksum {checksum!r}")
        folder = self.root / checksum
        if await asyncio.to_thread(self._find, folder):
            return folder
        data = await self._blobs.get_blob(checksum)
        if data is None:
            raise LookupError(f"no code with checksum {checksum!r}: create the function again")
        await asyncio.to_thread(self._unpack, data, folder)
        return folder

    def _find(self, folder: Path) -> bool:
        found = _touch(folder)
        if not self._swept:
            self._swept = True
            self._sweep(time.time() - self._keep_seconds)
        return found

    def _sweep(self, before: float) -> None:
        """Remove what was not used since, and what a crash left half unpacked."""
        if not self.root.is_dir():
            return
        for entry in self.root.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another runtime sweeps, too
                if entry.stat().st_mtime < before:
                    remove_tree(entry)

    def _unpack(self, data: bytes, folder: Path) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Not a name that a checksum can have: a crash leaves rubbish, never a half folder.
        draft = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=self.root))
        try:
            unpack(data, draft, self._limits)
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster: same bytes, same folder
                raise
        finally:
            remove_tree(draft)


def _touch(folder: Path) -> bool:
    """Mark a folder as used; False if it isn't there."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    return True
