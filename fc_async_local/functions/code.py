# SPDX-License-Identifier: MIT
"""Keeps code archives in the blob store, by checksum.

Also keeps archives that a deploy tool uploads before the request that names them (temporary code
bucket). An archive is read completely before it is kept; the runner unpacks it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fc_async_local.execution import archive
from fc_async_local.functions import refusals
from fc_async_local.functions.records import CodeRef

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_local.clock import Clock
    from fc_async_local.functions.function_rules import Upload
    from fc_async_local.store.protocol import BlobStore


class CodeStorage:
    """Keeps code archives.

    Args:
        blobs: The store of the archives.
        clock: Tells when an archive was put.
    """

    def __init__(self, blobs: BlobStore, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    async def keep(self, upload: Upload) -> CodeRef:
        """Keep the code of a create or update request.

        Raises:
            Rejected: 400 InvalidArgument: there is no such object, it is not a zip archive that can
                be unpacked, or it has another checksum than the request says.
        """
        data, name = upload.archive, "code.zipFile"
        if data is None:
            found = await self._blobs.get_blob(object_key(upload.bucket, upload.name))
            if found is None:
                raise refusals.invalid_argument(
                    f"object '{upload.name}' in bucket '{upload.bucket}' does not exist"
                )
            data, name = found, f"object '{upload.name}'"
        try:
            # In a thread: reading a large archive takes seconds.
            await asyncio.to_thread(archive.check_archive, data)
        except archive.ArchiveRefused as error:
            raise refusals.invalid_argument(f"{name}: {error}") from None
        checksum = archive.checksum(data)
        if upload.checksum and upload.checksum != checksum:
            raise refusals.invalid_argument(
                f"code.checksum is {upload.checksum}, but the archive's CRC-64 is {checksum}"
            )
        await self._blobs.put_blob(checksum, data, now=self._clock.now())
        return CodeRef(checksum=checksum, size=len(data))

    async def fetch(self, code: CodeRef) -> bytes | None:
        """Return the archive, or None if the code is an image or was lost."""
        return await self._blobs.get_blob(code.checksum) if code.checksum else None

    async def upload(self, bucket: str, name: str, data: bytes) -> None:
        """Keep an uploaded object until it is pruned; it replaces one of the same name."""
        await self._blobs.put_blob(object_key(bucket, name), data, now=self._clock.now())

    async def prune(self, in_use: Collection[str], *, used_before: int) -> int:
        """Delete uploaded objects and code last used before a time; return how many.

        Args:
            in_use: Checksums of the code of all functions and versions.
            used_before: Milliseconds since the epoch.
        """
        return await self._blobs.prune_blobs(in_use, now=self._clock.now(), used_before=used_before)


def object_key(bucket: str, name: str) -> str:
    """Return the blob key of an uploaded object; it is never equal to a checksum."""
    return f"{bucket}/{name}"
