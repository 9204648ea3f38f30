# SPDX-License-Identifier: MIT
"""Writes and reads the content of objects: files with random names in the folder of a bucket.

Invariants:
    A file is complete and on the disk before the index names it. Files that the index does not name
    are left over from a crash, and are removed at the next start.
    No part of a path comes from a client, but the checked name of a bucket.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import sqlite3
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import fastcrc

from fc_async_local.services.oss.model import Content
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk._project_folder import sync_folder

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from typing_extensions import Self

_BLOCK: Final = 1024 * 1024
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
        with _Writer(self._folder / bucket, durable=self._durable) as writer:
            # Clients send small pieces: a thread for each would cost more than the write.
            waiting = bytearray()
            async for piece in pieces:
                waiting += piece
                if len(waiting) >= _BLOCK:
                    await asyncio.to_thread(writer.add, bytes(waiting))
                    waiting.clear()
            writer.add(bytes(waiting))
            return await asyncio.to_thread(writer.end)

    async def join(self, bucket: str, contents: Iterable[Content]) -> AsyncGenerator[bytes, None]:
        """Return the content of several files, one after the other."""
        for content in contents:
            async with aclosing(read(self.open(bucket, content), range(content.size))) as pieces:
                async for piece in pieces:
                    yield piece

    def extend(self, bucket: str, content: Content, more: Content) -> Content:
        """Add the content of a file at the end of another one, and return what it has then.

        The file is longer than the index says until the index is written.
        """
        crc = content.crc
        path = self._folder / bucket / content.file
        with answering(), path.open("r+b") as file, self.open(bucket, more) as source:
            # What an append before left behind that did not reach its commit.
            file.truncate(content.size)
            file.seek(content.size)
            for block in blocks(source, range(more.size)):
                crc = fastcrc.crc64.xz(block, crc)
                file.write(block)
            file.flush()
            if self._durable:
                os.fsync(file.fileno())
        return Content(
            file=content.file,
            size=content.size + more.size,
            md5="",
            crc=crc,
        )

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
        for path in self._folder.glob("*/*"):
            # A crash between the file and the transaction that names it leaves a file; its client
            # got no answer.
            if (path.parent.name, path.name) not in named:
                path.unlink()


class _Writer:
    """Writes a new file and computes its checksums; removes it if it is left with an error."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._durable = durable
        with answering():
            folder.mkdir(exist_ok=True)
            self._path = folder / uuid.uuid4().hex
            self._file = self._path.open("xb")
        self._digest = hashlib.md5(usedforsecurity=False)
        self._crc = 0
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: object, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        if error:
            self._path.unlink(missing_ok=True)

    def add(self, data: bytes) -> None:
        """Write a piece."""
        with answering():
            self._file.write(data)
        self._digest.update(data)
        self._crc = fastcrc.crc64.xz(data, self._crc)
        self._size += len(data)

    def end(self) -> Content:
        """Write everything to the disk."""
        with answering():
            self._file.flush()
            if self._durable:
                os.fsync(self._file.fileno())
                # The name of a new file is in its folder, which is flushed by itself.
                sync_folder(self._path.parent)
        md5 = self._digest.hexdigest().upper()
        return Content(
            file=self._path.name,
            size=self._size,
            md5=md5,
            crc=self._crc,
        )


def blocks(file: BinaryIO, positions: range) -> Iterator[bytes]:
    """Read some bytes of a file, a block at a time."""
    file.seek(positions.start)
    remaining = len(positions)
    while remaining:
        block = file.read(min(remaining, _BLOCK))
        if not block:
            return
        remaining -= len(block)
        yield block


async def read(file: BinaryIO, positions: range) -> AsyncGenerator[bytes, None]:
    """Read some bytes of a file in threads, a block at a time, and close it."""
    with file:
        pieces = blocks(file, positions)
        block = await asyncio.to_thread(next, pieces, None)
        while block is not None:
            yield block
            block = await asyncio.to_thread(next, pieces, None)


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Turn an error of the disk or the index into the error that is answered with 503."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StoreUnavailable(f"OSS cannot use its folder: {error}") from error
