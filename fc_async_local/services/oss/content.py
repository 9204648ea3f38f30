# SPDX-License-Identifier: MIT
"""Writes and reads the content of objects: files with random names in the folder of a bucket.

Invariants:
    A file is complete and on the disk before the index names it. What the index does not name is
    left over from a crash, and is removed at the next start.
    No part of a name or path comes from a client, but the checked name of a bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import uuid
from typing import TYPE_CHECKING, Final

import fastcrc

from fc_async_local.services.oss.model import Content
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

BLOCK: Final = 1024 * 1024
"""Bytes that are read or written at a time, by a thread."""


class Files:
    """The files of all buckets.

    Args:
        folder: Has a folder for each bucket.
        durable: Whether content is on the disk before it is acknowledged.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._folder = folder
        self._durable = durable

    async def write(self, bucket: str, pieces: AsyncIterator[bytes]) -> Content:
        """Write what arrives to a new file.

        Raises:
            StoreUnavailable: The disk is full.
        """
        writer = await asyncio.to_thread(_Writer, self._folder / bucket)
        waiting = bytearray()
        try:
            async for piece in pieces:
                waiting += piece
                if len(waiting) >= BLOCK:
                    await asyncio.to_thread(writer.add, bytes(waiting))
                    waiting.clear()
            writer.add(bytes(waiting))
            return await asyncio.to_thread(writer.end, durable=self._durable)
        except BaseException:
            writer.discard()
            raise

    def join(self, bucket: str, contents: Iterable[Content]) -> Content:
        """Write the content of several files to a new one."""
        writer = _Writer(self._folder / bucket)
        try:
            for content in contents:
                with self.open(bucket, content) as file:
                    for block in blocks(file, range(content.size)):
                        writer.add(block)
            return writer.end(durable=self._durable)
        except BaseException:
            writer.discard()
            raise

    def extend(self, bucket: str, content: Content, more: Content) -> Content:
        """Add the content of a file at the end of another one, and return what it has then.

        The file is longer than the index says until the index is written.
        """
        path = self._folder / bucket / content.file
        crc = content.crc
        with _full_disk(), path.open("r+b") as file, self.open(bucket, more) as source:
            file.truncate(content.size)
            file.seek(content.size)
            for block in blocks(source, range(more.size)):
                crc = fastcrc.crc64.xz(block, crc)
                file.write(block)
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
        return Content(file=content.file, size=content.size + more.size, md5="", crc=crc)

    def share(self, bucket: str, content: Content, target: str) -> Content:
        """Give content a second name, which may be in another bucket."""
        name = uuid.uuid4().hex
        source, copy = self._folder / bucket / content.file, self._folder / target / name
        with _full_disk():
            copy.parent.mkdir(exist_ok=True)
            try:
                copy.hardlink_to(source)
            except OSError:  # a file system without links
                shutil.copyfile(source, copy)
            if self._durable:
                _flush(copy.parent)
        return Content(file=name, size=content.size, md5=content.md5, crc=content.crc)

    def open(self, bucket: str, content: Content) -> BinaryIO:
        """Open content to be read; it can be read also after it was removed."""
        return (self._folder / bucket / content.file).open("rb")

    def remove(self, bucket: str, contents: Iterable[Content]) -> None:
        """Remove content that the index does not name any more."""
        for content in contents:
            (self._folder / bucket / content.file).unlink(missing_ok=True)

    def remove_bucket(self, bucket: str) -> None:
        """Remove the folder of a bucket."""
        shutil.rmtree(self._folder / bucket, ignore_errors=True)

    def sweep(self, named: set[tuple[str, str]]) -> None:
        """Remove the files that the index does not name."""
        for folder in self._folder.iterdir():
            if folder.is_dir():
                for entry in os.scandir(folder):
                    if (folder.name, entry.name) not in named:
                        os.unlink(entry.path)  # noqa: PTH108 -- of an entry


class _Writer:
    """Writes a new file, and computes its checksums."""

    def __init__(self, folder: Path) -> None:
        with _full_disk():
            folder.mkdir(exist_ok=True)
            self._path = folder / uuid.uuid4().hex
            self._file = self._path.open("xb")
        self._digest = hashlib.md5(usedforsecurity=False)
        self._crc = self._size = 0

    def add(self, data: bytes) -> None:
        """Write a piece."""
        with _full_disk():
            self._file.write(data)
        self._digest.update(data)
        self._crc = fastcrc.crc64.xz(data, self._crc)
        self._size += len(data)

    def end(self, *, durable: bool) -> Content:
        """Close the file."""
        with _full_disk():
            self._file.flush()
            if durable:
                os.fsync(self._file.fileno())
                _flush(self._path.parent)
            self._file.close()
        md5 = self._digest.hexdigest().upper()
        return Content(file=self._path.name, size=self._size, md5=md5, crc=self._crc)

    def discard(self) -> None:
        """Remove the file."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)


def blocks(file: BinaryIO, wanted: range) -> Iterator[bytes]:
    """Read some bytes of a file, a block at a time."""
    file.seek(wanted.start)
    left = len(wanted)
    while left and (block := file.read(min(left, BLOCK))):
        left -= len(block)
        yield block


async def read(file: BinaryIO, wanted: range) -> AsyncIterator[bytes]:
    """Read some bytes of a file in threads, a block at a time, and close it."""
    with file:
        found = blocks(file, wanted)
        while (block := await asyncio.to_thread(next, found, None)) is not None:
            yield block


def _flush(folder: Path) -> None:
    """Write the entries of a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _full_disk() -> Iterator[None]:
    """Turn what the disk refuses into the error that is answered with 503."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"an object cannot be written: {error}") from error
