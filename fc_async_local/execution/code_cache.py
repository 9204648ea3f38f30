# SPDX-License-Identifier: MIT
"""The cache of unpacked code: one folder per archive, unpacked once, shared by all instances.

The name of a folder is the SHA-256 of its archive.

Invariants:
    * A folder appears complete or not at all (by a rename), so that processes and nodes can share
      the cache.
    * The runtime does not change an existing folder: code of one digest is immutable. A folder
      that was unused for a long time is removed; the store still has the archive.
    * Files that two versions of the code have in common are one file with two names. What a
      function writes into its code folder is not kept on the service either.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_local.execution.archive import ArchiveRefused, unpack
from fc_async_sdk.packaging import layer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.execution.archive import Sums
    from fc_async_local.store.protocol import BlobStore


_COMPARED: Final = 4
"""Number of folders in which an unchanged file is looked for: of a few functions, one each."""
_KEPT_SECONDS: Final = 7 * 86_400
"""Age of an unused folder that is removed, at the first use after a start."""


class CodeCache:
    """Supplies unpacked code and layers, from archives in a store.

    Args:
        blobs: Where the archives are.
        root: Where the folders are; created on first use.
    """

    def __init__(self, blobs: BlobStore, root: Path) -> None:
        # Absolute, because functions run in folders of their own.
        self.root = root.absolute()
        self._blobs = blobs
        self._swept = False
        self._sums: Sums = {}
        self._ready: dict[str, Path] = {}
        self._unpacking: dict[str, asyncio.Task[Path]] = {}

    async def folder(self, checksum: str) -> Path:
        """Return the folder with an unpacked archive; unpack it on first use.

        Args:
            checksum: Of the archive.

        Raises:
            LookupError: The store has no such code.
            ArchiveRefused: The archive is damaged, unsafe or too large.
            OSError: The disk is full or failed.
        """
        ready = self._ready.get(checksum)
        if ready is not None and _touch(ready):
            return ready
        task = self._unpacking.get(checksum)
        if task is None:
            task = asyncio.ensure_future(self._fetch(checksum))
            self._unpacking[checksum] = task
            task.add_done_callback(lambda _: self._unpacking.pop(checksum, None))
        # Shielded, because other callers may wait for the same folder.
        folder = await asyncio.shield(task)
        self._ready[checksum] = folder
        return folder

    async def _fetch(self, checksum: str) -> Path:
        # It becomes the name of a folder: no other character may be in it.
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

    async def layers(self, references: Sequence[str]) -> tuple[Path, ...]:
        """Return the folders of the layers on this machine, in order; unpack zips on first use.

        Raises:
            ArchiveRefused: A layer does not exist, or is damaged, unsafe or too large.
            OSError: The disk is full or failed.
        """
        local = [layer for layer in map(layer_of, references) if layer is not None]
        return tuple([await asyncio.to_thread(self._layer, path, mark) for path, mark in local])

    def _layer(self, path: Path, fingerprint: str) -> Path:
        if path.is_dir():
            return path
        folder = self.root / f"layer-{fingerprint}"
        if not fingerprint.isalnum() or not path.is_file():
            raise ArchiveRefused(f"layer {path} does not exist")
        if not self._find(folder):
            self._unpack(path.read_bytes(), folder)
        return folder

    def _find(self, folder: Path) -> bool:
        exists = _touch(folder)
        if not self._swept:
            self._swept = True
            self._sweep(time.time() - _KEPT_SECONDS)
        return exists

    def _sweep(self, before: float) -> None:
        """Remove folders that were not used since, and remains of a crash."""
        if not self.root.is_dir():
            return
        for entry in self.root.iterdir():
            # Another runtime may sweep at the same time.
            with contextlib.suppress(FileNotFoundError):
                if entry.stat().st_mtime < before:
                    shutil.rmtree(entry, ignore_errors=True)

    def _unpack(self, data: bytes, folder: Path) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A checksum never has such a name, so a crash leaves no incomplete folder behind.
        draft = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=self.root))
        try:
            versions = [
                version for version in self.root.iterdir() if not version.name.startswith(".")
            ]
            earlier = heapq.nlargest(_COMPARED, versions, key=_used)
            unpack(data, draft, earlier=earlier, sums=self._sums)
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was faster, with the same bytes
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _used(folder: Path) -> float:
    with contextlib.suppress(FileNotFoundError):  # another runtime may sweep at the same time
        return folder.stat().st_mtime
    return 0.0


def _touch(folder: Path) -> bool:
    """Mark a folder as used; return False if it does not exist."""
    try:
        os.utime(folder)
    except FileNotFoundError:
        return False
    return True
