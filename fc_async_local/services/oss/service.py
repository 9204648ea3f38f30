# SPDX-License-Identifier: MIT
"""Keeps buckets: changes index and content together, and fires the triggers of what has happened.

Invariants:
    A change is on the disk, whole, before it is acknowledged; readers see the object before it or
    the object after it.
    What happened to an object is written with the change; see :mod:`.outbox`. The invocations are
    accepted before the change is acknowledged, unless their store is unavailable.
    Nothing is opened before the first request, but at the start an index that exists.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from fc_async_local.services.oss import model
from fc_async_local.services.oss.model import Bucket, OssError, StoredObject
from fc_async_local.services.oss.outbox import Outbox
from fc_async_local.services.oss.storage import Storage

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from fc_async_local.clock import Clock
    from fc_async_local.services.oss.content import Files
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.model import Content
    from fc_async_local.services.oss.outbox import Fire
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.settings import Settings

    Change = Callable[[Index], tuple[T, list[Content]]]
    """Changes the index; returns a result, and content that the index does not name any more."""


class OssService:
    """The buckets in a folder.

    Args:
        folder: Of the index and of the content.
        clock: The time of the runtime.
        settings: The settings of the runtime.
        fire: Fires triggers.
        durable: False: nothing is kept, and nothing found.

    Attributes:
        settings: As given.
        clock: As given.
        outbox: Events of objects that have not fired their triggers yet.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        settings: Settings,
        fire: Fire,
        *,
        durable: bool,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._storage = Storage(folder, durable=durable)
        self.outbox = Outbox(self._storage, clock, fire)
        self._changes: set[asyncio.Future[Any]] = set()

    @property
    def files(self) -> Files:
        """The content of all objects."""
        return self._storage.files

    async def aclose(self) -> None:
        """Finish changes that have begun, and close the index."""
        if self._changes:
            await asyncio.wait(self._changes)
        await self.outbox.aclose()
        await self._storage.aclose()

    async def do(self, work: Callable[[Index], T], *, flush: bool = True) -> T:
        """Do something in one transaction; see :meth:`.Storage.do`."""
        return await self._storage.do(work, flush=flush)

    async def change(self, bucket: str, work: Change[T], content: Content | None = None) -> T:
        """Change the index and fire triggers, also if the client hangs up meanwhile.

        Args:
            bucket: Of the objects.
            work: Changes the index.
            content: Content that the index names from now on; removed if it does not.
        """

        async def changed() -> T:
            try:
                result, unnamed = await self.do(work)
            except BaseException:
                if content is not None:
                    self.files.remove(bucket, [content])
                raise
            # After the commit: readers of the object before it have opened its file by then.
            await asyncio.to_thread(self.files.remove, bucket, unnamed)
            await self.outbox.fire()
            return result

        # Shielded: a client that hangs up must not leave a change whose triggers were not fired.
        task = asyncio.ensure_future(changed())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    async def open(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        """Return an object, and its content to be read and closed.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """

        def opened(index: Index) -> tuple[StoredObject, BinaryIO]:
            stored = index.object(bucket, key)
            return stored, self.files.open(bucket, stored.content)

        return await self.do(opened)

    async def read(self, bucket: str, key: str, limit: int | None = None) -> bytes:
        """Return the content of an object.

        Args:
            bucket: Name of the bucket.
            key: Key of the object.
            limit: Most bytes that are read; None: all.

        Raises:
            OssError: NoSuchBucket, NoSuchKey, EntityTooLarge.
        """
        stored, file = await self.open(bucket, key)
        size = stored.content.size
        with file:
            if limit is not None and size > limit:
                text = f"the object has {size} bytes, more than {limit}: use a client"
                raise OssError("EntityTooLarge", text)
            return await asyncio.to_thread(file.read, size)

    async def update(self, request: OssRequest, **changes: Any) -> None:
        """Change properties of the bucket or the object of a request.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """

        def change(index: Index) -> None:
            names = (request.bucket, request.key) if request.key else (request.bucket,)
            index.put(replace(request.subject(index), **changes), *names)

        await self.do(change)

    async def create_bucket(self, name: str, *, acl: str = "", storage_class: str = "") -> None:
        """Create a bucket, unless it exists.

        Raises:
            OssError: InvalidBucketName, InvalidArgument.
        """
        model.check_bucket(name)
        bucket = Bucket(
            name=name,
            created_at=self.clock.now(),
            acl=model.check_acl(acl or "private", model.BUCKET_ACLS),
            storage_class=storage_class or "Standard",
        )

        def write(index: Index) -> None:
            if index.find(Bucket, name) is None:
                index.put(bucket, name)

        await self.do(write)

    async def check_target(self, request: OssRequest) -> None:
        """Check what an object is written to, before its body is read.

        A bucket that does not exist is created if that is wanted.

        Raises:
            OssError: InvalidObjectName, NoSuchBucket, FileAlreadyExists.
        """
        model.check_key(request.key)
        # A program that expects its bucket needs no step before it runs here.
        if self.settings.destinations.create_missing:
            await self.create_bucket(request.bucket)
        # Before the body: a refusal after five gigabytes helps no client.
        await self.do(lambda index: _replaced(index, request))

    async def commit(
        self,
        request: OssRequest,
        new: StoredObject,
        event: str,
        also: Callable[[Index], list[Content]] = lambda _: [],
    ) -> None:
        """Put an object in the place of the one before it, and fire its triggers.

        Args:
            request: The request.
            new: The object.
            event: What happened to it, such as ``ObjectCreated:PutObject``.
            also: Changes more; returns content that the index does not name any more.

        Raises:
            OssError: NoSuchBucket, FileAlreadyExists.
        """

        def write(index: Index) -> tuple[None, list[Content]]:
            before = _replaced(index, request)
            unnamed = list(also(index))
            index.put(new, request.bucket, new.key)
            self.outbox.note(index, request, new, event, before)
            if before is not None:
                unnamed.append(before.content)
            return None, unnamed

        await self.change(request.bucket, write, new.content)


def _replaced(index: Index, request: OssRequest) -> StoredObject | None:
    """Return the object that a request replaces, None if there is none.

    Raises:
        OssError: NoSuchBucket, FileAlreadyExists.
    """
    index.bucket(request.bucket)
    before = index.find(StoredObject, request.bucket, request.key)
    if before is not None and request.forbids_overwrite:
        raise OssError("FileAlreadyExists", "The object you specified already exists.")
    return before
