# SPDX-License-Identifier: MIT
"""Keeps buckets: changes index and content together, and fires the triggers of what has happened.

Invariants:
    A change is on the disk, whole, before it is acknowledged; readers see the object before it or
    the object after it.
    What happened to an object is written with the change, so in the index and not in the job queue
    of the store, which is another database. It fires its triggers at least once, also after a
    crash. The invocations are accepted before the change is acknowledged, unless their
    store is unavailable.
    Nothing is opened before the first request, but at the start an index that exists.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import shutil
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from fc_async_local.background import start_task
from fc_async_local.services.oss import model
from fc_async_local.services.oss.content import Files
from fc_async_local.services.oss.index import Index
from fc_async_local.services.oss.model import Bucket, OssError, StoredObject
from fc_async_local.store.loops import persist
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk._cancellation import end_tasks
from fc_async_sdk.admin.models import ObjectEvent

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from typing import BinaryIO

    from fc_async_local.clock import Clock
    from fc_async_local.services.oss.model import Content
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.settings import Settings

    Fire = Callable[[ObjectEvent, int], Awaitable[object]]
    """Fires the triggers of an event that happened at a time; twice is as once."""
    Change = Callable[[Index], tuple[T, list[Content]]]
    """Changes the index; returns a result, and content that the index does not name any more."""

_LOG: Final = logging.getLogger(__name__)
_META: Final = "x-oss-meta-"
_LONGEST: Final = 1_024
"""Ours: characters of a type in an event."""


class OssService:
    """The buckets in a folder.

    Args:
        folder: Of the index and of the content.
        clock: The time of the runtime.
        settings: The settings of the runtime.
        fire: Fires triggers.
        durable: False: nothing is kept, and nothing found.
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
        self.files = Files(folder, durable=durable)
        self._folder = folder
        self._fire = fire
        self._durable = durable
        self._opened: Index | None = None
        self._opening = asyncio.Lock()
        self._telling = asyncio.Lock()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._retrying: asyncio.Task[None] | None = None

    async def aclose(self) -> None:
        """Finish changes that have begun, and close the index."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._retrying is not None:
            await end_tasks(self._retrying)
        if self._opened is not None:
            await asyncio.to_thread(self._opened.close)
        if not self._durable:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def do(self, work: Callable[[Index], T], *, flush: bool = True) -> T:
        """Do something in one transaction, in a thread.

        Args:
            work: Reads or changes the index.
            flush: Whether changes must survive a power loss.

        Raises:
            StoreUnavailable: The index cannot be read or written.
        """
        index = self._opened
        if index is None:
            index = await self._open()

        def done() -> T:
            with index.transaction(flush=flush):
                return work(index)

        return await asyncio.to_thread(done)

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
            await self._tell()
            return result

        # Shielded: a client that hangs up must not leave a change whose triggers were not fired.
        task = asyncio.ensure_future(changed())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
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
            self.note(index, request, new, event, before)
            if before is not None:
                unnamed.append(before.content)
            return None, unnamed

        await self.change(request.bucket, write, new.content)

    def note(
        self,
        index: Index,
        request: OssRequest,
        changed: StoredObject,
        event: str,
        before: StoredObject | None = None,
    ) -> None:
        """Write an event in a transaction.

        Args:
            index: In the transaction.
            request: The request.
            changed: The object; of an event of a part, with what is known.
            event: What happened to it.
            before: The object before.
        """
        user_meta = {
            name: value for name, value in changed.headers.items() if name.startswith(_META)
        }
        document = ObjectEvent(
            bucket=request.bucket,
            key=changed.key,
            event=event,
            size=changed.content.size,
            previous_size=0 if before is None else before.content.size,
            etag=changed.etag,
            content_type=changed.headers.get("content-type", "")[:_LONGEST],
            user_meta=user_meta,
            request_id=request.id,
        )
        # Under its time first, so that events are fired in the order in which they happened.
        index.put(document, f"{self.clock.now():020}", request.id, changed.key)

    async def _tell(self) -> None:
        """Fire the triggers of what has happened."""
        try:
            await self._tell_all()
        except StoreUnavailable as error:
            _LOG.warning("OSS: triggers are fired later: %s", error)
            self.start()

    def start(self) -> None:
        """Fire the triggers of what happened before a crash, or while their store was away."""
        if self._retrying is None or self._retrying.done():
            work = persist(self.clock, "events of OSS", self._tell_all)
            self._retrying = start_task("events of OSS", work)

    async def _tell_all(self) -> None:
        async with self._telling:
            events = await self.do(lambda index: index.all(ObjectEvent), flush=False)
            for path, event in events.items():
                try:
                    await self._fire(event, int(path[:20]))
                except StoreUnavailable:
                    raise
                # One event that cannot be fired must not keep the others from firing.
                except Exception:  # noqa: BLE001 -- logged; fired again with the next change
                    _LOG.exception("OSS: the triggers of %r were not fired", event.key)
                    continue
                # Fired again it would be the same invocation: no flush is needed.
                await self.do(functools.partial(_delete_event, path=path), flush=False)

    async def _open(self) -> Index:
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(self._load)
            return self._opened

    def _load(self) -> Index:
        if not self._durable:
            # Left by a process that was killed.
            shutil.rmtree(self._folder, ignore_errors=True)
        index = Index(self._folder, durable=self._durable)
        # A process that was killed between a file and its commit has left the file.
        with index.transaction():
            self.files.sweep(index.files())
        return index


def _delete_event(index: Index, path: str) -> None:
    index.delete(ObjectEvent, path)


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
