# SPDX-License-Identifier: MIT
"""OSS as a service: what the HTTP endpoint and the fixture of tests call.

Invariants:
    A change is on the disk, whole, before it is acknowledged; readers see the object before it or
    the object after it.
    What happened to an object fires its triggers at least once, also after a crash; the
    invocations are accepted before the change is acknowledged, unless their store is unavailable.
    Nothing is opened before the first request, but an index with events that were not told.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import hashlib
import itertools
import logging
import shutil
import uuid
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import msgspec
from msgspec.structs import replace

from fc_async_local.background import start_task
from fc_async_local.services.oss import model
from fc_async_local.services.oss.content import Files, blocks
from fc_async_local.services.oss.index import NAME, Index
from fc_async_local.services.oss.model import (
    Attributes,
    Bucket,
    OssError,
    Part,
    StoredObject,
    Upload,
)
from fc_async_local.store.loops import persist
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk._cancellation import end_tasks
from fc_async_sdk.admin.models import ObjectEvent

T = TypeVar("T")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fc_async_local.clock import Clock
    from fc_async_local.services.oss.model import Content, Listing, Wanted
    from fc_async_local.settings import Settings

    Fire = Callable[[ObjectEvent, int], Awaitable[object]]
    """Fires the triggers of an event that happened at a time; twice is as once."""
    Write = Callable[[Index], tuple[T, list[Content]]]

_LOG: Final = logging.getLogger(__name__)
_META: Final = "x-oss-meta-"


class OssService:
    """Buckets, objects and uploads in parts.

    Args:
        folder: Of the index and of the content.
        clock: The time of the runtime.
        settings: The settings of the runtime.
        fire: Fires triggers.
        durable: False: nothing is kept, and nothing found.
    """

    def __init__(
        self, folder: Path, clock: Clock, settings: Settings, fire: Fire, *, durable: bool
    ) -> None:
        self.settings = settings
        self._folder = folder
        self._clock = clock
        self._fire = fire
        self._durable = durable
        self._files = Files(folder, durable=durable)
        self._opened: Index | None = None
        self._opening = asyncio.Lock()
        self._telling = asyncio.Lock()
        self._retrying: asyncio.Task[None] | None = None
        self._changing: set[asyncio.Future[Any]] = set()

    def start(self) -> None:
        """Fire the triggers of what happened before a crash."""
        if self._durable and (self._folder / NAME).exists():
            self._tell_until_told()

    async def aclose(self) -> None:
        """Close the index."""
        if self._changing:
            await asyncio.wait(self._changing)
        if self._retrying is not None:
            await end_tasks(self._retrying)
        async with self._opening:
            if self._opened is not None:
                await asyncio.to_thread(self._opened.close)
                self._opened = None
        if not self._durable:
            shutil.rmtree(self._folder, ignore_errors=True)

    # --- buckets ---

    async def buckets(self) -> list[Bucket]:
        """Return all buckets by name."""
        return await self._read(lambda index: index.buckets())

    async def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket; so for all methods that name a bucket.
        """
        return await self._read(lambda index: index.bucket(name))

    async def create_bucket(
        self, name: str, *, acl: str = "", storage_class: str = "Standard"
    ) -> None:
        """Create a bucket; an existing one gets the ACL, if there is one.

        Raises:
            OssError: InvalidBucketName, InvalidArgument.
        """
        model.check_bucket(name)
        if acl:
            model.check_acl(acl, model.BUCKET_ACLS)

        def write(index: Index) -> None:
            found = next((one for one in index.buckets() if one.name == name), None)
            bucket = found or Bucket(
                name=name, created_at=self._clock.now(), storage_class=storage_class
            )
            index.put_bucket(replace(bucket, acl=acl) if acl else bucket)

        await self._do(write)

    async def change_bucket(
        self, name: str, *, acl: str | None = None, lifecycle: str | None = None
    ) -> None:
        """Change what is given.

        Raises:
            OssError: InvalidArgument.
        """
        if acl is not None:
            model.check_acl(acl, model.BUCKET_ACLS)
        given = {"acl": acl, "lifecycle": lifecycle}
        changes = {key: value for key, value in given.items() if value is not None}
        await self._do(lambda index: index.put_bucket(replace(index.bucket(name), **changes)))

    async def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: BucketNotEmpty.
        """

        def write(index: Index) -> None:
            index.delete_bucket(name)
            self._files.remove_bucket(name)

        await self._do(write)

    # --- objects ---

    async def put(
        self,
        bucket: str,
        key: str,
        body: AsyncIterator[bytes],
        attributes: Attributes = Attributes(),  # noqa: B008 -- frozen
        *,
        digest: str = "",
        request_id: str,
    ) -> StoredObject:
        """Write an object.

        Args:
            bucket: The bucket.
            key: Of the object.
            body: The content.
            attributes: Of the object.
            digest: Content-MD5, "" if it is not known.
            request_id: For the event.

        Raises:
            OssError: InvalidObjectName, InvalidDigest, FileAlreadyExists.
        """
        await self._check_target(bucket, key, attributes)
        content = await self._receive(bucket, body, digest)
        return await self._commit(
            bucket, self._made(key, content, attributes), attributes, request_id=request_id
        )

    async def append(
        self,
        bucket: str,
        key: str,
        position: int,
        body: AsyncIterator[bytes],
        attributes: Attributes,
        *,
        digest: str = "",
        request_id: str,
    ) -> StoredObject:
        """Add bytes at the end of an object, which is made if it does not exist.

        Args:
            bucket: The bucket.
            key: Of the object.
            position: The length of the object.
            body: The bytes.
            attributes: Of an object that is made.
            digest: Content-MD5, "" if it is not known.
            request_id: For the event.

        Raises:
            OssError: InvalidObjectName, InvalidDigest, ObjectNotAppendable, EntityTooLarge,
                PositionNotEqualToLength.
        """
        await self._check_target(bucket, key)
        more = await self._receive(bucket, body, digest)

        def write(index: Index) -> tuple[StoredObject, list[Content]]:
            before = index.find(bucket, key)
            size = 0 if before is None else before.size
            if before is not None and before.kind != "Appendable":
                raise OssError("ObjectNotAppendable", f"the object is {before.kind}")
            if position != size:
                raise OssError("PositionNotEqualToLength", f"the object has {size} bytes")
            if size + more.size > model.LARGEST_BODY:
                raise OssError(
                    "EntityTooLarge", f"an object has {model.LARGEST_BODY} bytes at most"
                )
            if before is None:
                after = replace(self._made(key, more, attributes), kind="Appendable")
            else:
                content = self._files.extend(bucket, before.content, more)
                etag, now = digest_of([before.etag, more.md5]), self._clock.now()
                after = replace(before, content=content, etag=etag, modified_at=now)
            index.put(bucket, after)
            event = "ObjectCreated:AppendObject"
            self._note(index, bucket, after, event, request_id=request_id, previous=size)
            return after, [] if before is None else [more]

        return await self._change(bucket, write, more)

    async def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        conditions: Mapping[str, str],
        attributes: Attributes | None,
        *,
        tagging: str | None = None,
        forbid_overwrite: bool = False,
        request_id: str,
    ) -> StoredObject:
        """Copy an object.

        Args:
            source: Bucket and key.
            target: Bucket and key.
            conditions: Headers of the request.
            attributes: None: those of the source.
            tagging: None: that of the source.
            forbid_overwrite: Refuse if the target exists.
            request_id: For the event.

        Raises:
            OssError: NoSuchKey, InvalidObjectName, FileAlreadyExists, PreconditionFailed,
                NotModified.
        """
        bucket, key = target
        await self._check_target(bucket, key)

        def share(index: Index) -> StoredObject:
            found = index.object(*source)
            model.check_conditions(found, conditions, prefix="x-oss-copy-source-")
            return replace(found, content=self._files.share(source[0], found.content, bucket))

        found = await self._read(share)
        copied = attributes or Attributes(headers=found.headers)
        chosen = found.tagging if tagging is None else tagging
        chosen = replace(copied, tagging=chosen, forbid_overwrite=forbid_overwrite)
        made = replace(self._made(key, found.content, chosen), etag=found.etag)
        updated = source == target and attributes is not None
        event = "ObjectModified:UpdateObjectMeta" if updated else "ObjectCreated:CopyObject"
        return await self._commit(bucket, made, chosen, request_id=request_id, event=event)

    async def head(self, bucket: str, key: str) -> StoredObject:
        """Return an object.

        Raises:
            OssError: NoSuchKey.
        """
        return await self._read(lambda index: index.object(bucket, key))

    async def open(self, bucket: str, key: str) -> tuple[StoredObject, BinaryIO]:
        """Return an object and its content, which can be read also after it was replaced.

        Raises:
            OssError: NoSuchKey.
        """

        def opened(index: Index) -> tuple[StoredObject, BinaryIO]:
            found = index.object(bucket, key)
            return found, self._files.open(bucket, found.content)

        return await self._read(opened)

    async def change(
        self, bucket: str, key: str, *, acl: str | None = None, tagging: str | None = None
    ) -> None:
        """Change what is given.

        Raises:
            OssError: NoSuchKey, InvalidArgument.
        """
        if acl is not None:
            model.check_acl(acl, model.ACLS)
        given = {"acl": acl, "tagging": tagging}
        changes = {name: value for name, value in given.items() if value is not None}

        def write(index: Index) -> None:
            index.put(bucket, replace(index.object(bucket, key), **changes))

        await self._do(write)

    async def delete(
        self, bucket: str, keys: Sequence[str], event: str = "DeleteObject", *, request_id: str
    ) -> None:
        """Delete objects, those that exist."""

        def write(index: Index) -> tuple[None, list[Content]]:
            index.bucket(bucket)
            gone: list[Content] = []
            for key in keys:
                found = index.find(bucket, key)
                if found is not None:
                    index.delete(bucket, key)
                    gone.append(found.content)
                    name = f"ObjectRemoved:{event}"
                    self._note(index, bucket, found, name, request_id=request_id)
            return None, gone

        await self._change(bucket, write)

    async def page(self, bucket: str, wanted: Wanted) -> Listing:
        """Return a page of the list of objects."""
        return await self._read(lambda index: index.page(bucket, wanted))

    # --- uploads in parts ---

    async def start_upload(
        self, bucket: str, key: str, attributes: Attributes, *, request_id: str
    ) -> Upload:
        """Begin an upload in parts.

        Raises:
            OssError: InvalidObjectName, FileAlreadyExists.
        """
        await self._check_target(bucket, key, attributes)
        upload = Upload(
            id=uuid.uuid4().hex.upper(),
            bucket=bucket,
            key=key,
            started_at=self._clock.now(),
            attributes=attributes,
        )

        def write(index: Index) -> tuple[Upload, list[Content]]:
            index.bucket(bucket)
            index.put_upload(upload)
            self._note_part(index, upload, "InitiateMultipartUpload", request_id)
            return upload, []

        return await self._change(bucket, write)

    async def put_part(
        self,
        upload: tuple[str, str, str],
        number: int,
        body: AsyncIterator[bytes],
        *,
        digest: str = "",
        event: str = "UploadPart",
        request_id: str,
    ) -> Part:
        """Write a part.

        Args:
            upload: Bucket, key and id.
            number: Of the part, 1 to 10,000.
            body: The content.
            digest: Content-MD5, "" if it is not known.
            event: What happens.
            request_id: For the event.

        Raises:
            OssError: NoSuchUpload, InvalidArgument, InvalidDigest.
        """
        bucket, *_ = upload
        if not 1 <= number <= model.MOST_PARTS:
            raise OssError("InvalidArgument", f"partNumber {number}: 1 to {model.MOST_PARTS}")
        await self._read(lambda index: index.upload(*upload))
        content = await self._receive(bucket, body, digest)
        part = Part(number=number, content=content, modified_at=self._clock.now())

        def write(index: Index) -> tuple[Part, list[Content]]:
            found = index.upload(*upload)
            replaced = [one.content for one in index.parts(found.id) if one.number == number]
            index.put_part(found.id, part)
            self._note_part(index, found, event, request_id, content)
            return part, replaced

        return await self._change(bucket, write, content)

    async def copy_part(
        self,
        source: tuple[str, str],
        upload: tuple[str, str, str],
        number: int,
        wanted: str,
        conditions: Mapping[str, str],
        *,
        request_id: str,
    ) -> Part:
        """Write a part from some bytes of an object.

        Args:
            source: Bucket and key of the object.
            upload: Bucket, key and id.
            number: Of the part.
            wanted: Which bytes, as in a Range header; "" for all.
            conditions: Headers of the request.
            request_id: For the event.

        Raises:
            OssError: NoSuchKey, NoSuchUpload, InvalidArgument, InvalidRange, PreconditionFailed.
        """
        found, file = await self.open(*source)
        with file:
            model.check_conditions(found, conditions, prefix="x-oss-copy-source-")
            chosen = model.byte_range(wanted, found.size, standard=True) or range(found.size)

            async def body() -> AsyncIterator[bytes]:
                for block in blocks(file, chosen):
                    yield block

            return await self.put_part(
                upload, number, body(), event="UploadPartCopy", request_id=request_id
            )

    async def parts(self, upload: tuple[str, str, str]) -> list[Part]:
        """Return the parts of an upload.

        Raises:
            OssError: NoSuchUpload.
        """
        return await self._read(lambda index: index.parts(index.upload(*upload).id))

    async def uploads(self, bucket: str, prefix: str = "") -> list[Upload]:
        """Return the uploads of a bucket by key and id."""
        return await self._read(lambda index: index.uploads(bucket, prefix))

    async def complete(
        self,
        upload: tuple[str, str, str],
        chosen: Sequence[tuple[int, str]] | None,
        *,
        forbid_overwrite: bool = False,
        request_id: str,
    ) -> StoredObject:
        """Make an object of parts.

        Args:
            upload: Bucket, key and id.
            chosen: Number and ETag of each part; None: all parts.
            forbid_overwrite: Refuse if the object exists.
            request_id: For the event.

        Raises:
            OssError: NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall,
                FileAlreadyExists.
        """
        bucket, key, _ = upload
        begun = await self._read(lambda index: index.upload(*upload))
        present = {part.number: part.content for part in await self.parts(upload)}
        contents = _chosen(present, chosen)
        content = await asyncio.to_thread(self._files.join, bucket, contents)
        attributes = begun.attributes
        if forbid_overwrite:
            attributes = replace(attributes, forbid_overwrite=True)
        made = replace(
            self._made(key, content, attributes),
            etag=f"{digest_of([one.md5 for one in contents])}-{len(contents)}",
            kind="Multipart",
        )

        def end(index: Index) -> list[Content]:
            return [part.content for part in index.end_upload(index.upload(*upload).id)]

        event = "ObjectCreated:CompleteMultipartUpload"
        return await self._commit(
            bucket, made, attributes, request_id=request_id, event=event, also=end
        )

    async def abort(self, upload: tuple[str, str, str], *, request_id: str) -> None:
        """End an upload without an object.

        Raises:
            OssError: NoSuchUpload.
        """

        def write(index: Index) -> tuple[None, list[Content]]:
            found = index.upload(*upload)
            self._note_part(index, found, "AbortMultipartUpload", request_id)
            return None, [part.content for part in index.end_upload(found.id)]

        await self._change(upload[0], write)

    # --- how it is done ---

    def _made(self, key: str, content: Content, attributes: Attributes) -> StoredObject:
        return StoredObject(
            key=key,
            content=content,
            etag=content.md5,
            modified_at=self._clock.now(),
            headers=attributes.headers,
            acl=attributes.acl,
            tagging=attributes.tagging,
        )

    async def _check_target(
        self,
        bucket: str,
        key: str,
        attributes: Attributes = Attributes(),  # noqa: B008 -- frozen
    ) -> None:
        """Check what a body is sent for before it is read; make the bucket if that is wanted."""
        model.check_key(key)
        model.check_acl(attributes.acl, model.ACLS)
        try:
            found = await self._read(lambda index: index.find(bucket, key))
        except OssError:
            if not self.settings.destinations.create_missing:
                raise
            await self.create_bucket(bucket)
            found = None
        _check_overwrite(found, attributes)

    async def _receive(self, bucket: str, body: AsyncIterator[bytes], digest: str) -> Content:
        content = await self._files.write(bucket, body)
        try:
            _check_digest(digest, content.md5)
        except OssError:
            self._files.remove(bucket, [content])
            raise
        return content

    async def _commit(
        self,
        bucket: str,
        made: StoredObject,
        attributes: Attributes,
        *,
        request_id: str,
        event: str = "ObjectCreated:PutObject",
        also: Callable[[Index], list[Content]] = lambda _: [],
    ) -> StoredObject:
        """Put an object in the place of the one before it, and fire its triggers."""

        def write(index: Index) -> tuple[StoredObject, list[Content]]:
            before = index.find(bucket, made.key)
            _check_overwrite(before, attributes)
            gone = also(index)
            index.put(bucket, made)
            size = 0 if before is None else before.size
            self._note(index, bucket, made, event, request_id=request_id, previous=size)
            return made, gone if before is None else [*gone, before.content]

        return await self._change(bucket, write, made.content)

    async def _change(self, bucket: str, write: Write[T], content: Content | None = None) -> T:
        """Change the index and fire triggers, also if the client hangs up meanwhile.

        Args:
            bucket: The bucket.
            write: Returns the result, and content that the index does not name any more.
            content: What the index names from now on; removed if it is not written.
        """

        async def changed() -> T:
            try:
                result, gone = await self._do(write)
            except BaseException:
                self._files.remove(bucket, [content] if content else [])
                raise
            await asyncio.to_thread(self._files.remove, bucket, gone)
            await self._tell()
            return result

        changing = asyncio.ensure_future(changed())
        self._changing.add(changing)
        changing.add_done_callback(self._changing.discard)
        return await asyncio.shield(changing)

    def _note(
        self,
        index: Index,
        bucket: str,
        found: StoredObject,
        event: str,
        *,
        request_id: str,
        previous: int = 0,
    ) -> None:
        removed = event.startswith("ObjectRemoved:")
        meta = {name: value for name, value in found.headers.items() if name.startswith(_META)}
        document = ObjectEvent(
            bucket=bucket,
            key=found.key,
            event=event,
            size=0 if removed else found.size,
            previous_size=found.size if removed else previous,
            etag=found.etag,
            content_type=found.headers.get("content-type", ""),
            user_meta=meta,
            request_id=request_id,
        )
        index.put_event(self._clock.now(), document)

    def _note_part(
        self,
        index: Index,
        upload: Upload,
        event: str,
        request_id: str,
        content: Content | None = None,
    ) -> None:
        group = "ObjectRemoved" if event.startswith("Abort") else "ObjectCreated"
        document = ObjectEvent(
            bucket=upload.bucket,
            key=upload.key,
            event=f"{group}:{event}",
            size=0 if content is None else content.size,
            etag="" if content is None else content.md5,
            request_id=request_id,
        )
        index.put_event(self._clock.now(), document)

    async def _tell(self) -> None:
        """Fire the triggers of what has happened."""
        try:
            await self._tell_all()
        except StoreUnavailable as error:
            _LOG.warning("OSS: triggers are fired later: %s", error)
            self._tell_until_told()

    def _tell_until_told(self) -> None:
        if self._retrying is None or self._retrying.done():
            work = persist(self._clock, "events of OSS", self._tell_all)
            self._retrying = start_task("events of OSS", work)

    async def _tell_all(self) -> None:
        async with self._telling:
            for number, at, document in await self._read(lambda index: index.events()):
                try:
                    await self._fire(msgspec.json.decode(document, type=ObjectEvent), at)
                except StoreUnavailable:
                    raise
                except Exception:  # noqa: BLE001 -- logged; kept for the next change
                    _LOG.exception("OSS: the triggers of %r were not fired", document)
                    continue
                # The same event is fired as the same invocation: no flush is needed.
                await self._do(functools.partial(Index.delete_event, number=number), flush=False)

    async def _index(self) -> Index:
        if self._opened is not None:
            return self._opened
        async with self._opening:
            if self._opened is None:
                self._opened = await asyncio.to_thread(self._open)
            return self._opened

    def _open(self) -> Index:
        if not self._durable:
            shutil.rmtree(self._folder, ignore_errors=True)
        index = Index(self._folder, durable=self._durable)
        with index.transaction():
            self._files.sweep(index.files())
        return index

    async def _do(self, work: Callable[[Index], T], *, flush: bool = True) -> T:
        index = await self._index()

        def done() -> T:
            with index.transaction(flush=flush):
                return work(index)

        return await asyncio.to_thread(done)

    async def _read(self, work: Callable[[Index], T]) -> T:
        return await self._do(work, flush=False)


def digest_of(parts: Iterable[str]) -> str:
    """Return an ETag of what consists of parts, from their ETags."""
    joined = "".join(parts).encode()
    return hashlib.md5(joined, usedforsecurity=False).hexdigest().upper()


def _check_overwrite(found: StoredObject | None, attributes: Attributes) -> None:
    if found is not None and attributes.forbid_overwrite:
        raise OssError("FileAlreadyExists", "The object you specified already exists.")


def _check_digest(given: str, md5: str) -> None:
    """Compare a Content-MD5 with the digest of the content, in hex.

    Raises:
        OssError: InvalidDigest.
    """
    if not given:
        return
    try:
        stated = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        stated = b""
    if stated != bytes.fromhex(md5):
        raise OssError("InvalidDigest", f"Content-MD5 {given!r} is not that of the body")


def _chosen(
    present: Mapping[int, Content], chosen: Sequence[tuple[int, str]] | None
) -> list[Content]:
    """Return the content of the parts that become an object.

    Raises:
        OssError: InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    if chosen is None:
        chosen = [(number, one.md5) for number, one in sorted(present.items())]
    if not chosen:
        raise OssError("InvalidArgument", "the upload has no part: name at least one")
    numbers = [number for number, _ in chosen]
    if any(first >= second for first, second in itertools.pairwise(numbers)):
        raise OssError("InvalidPartOrder", "the parts are not in ascending order")
    for number, etag in chosen:
        if number not in present or present[number].md5 != etag.strip('"').upper():
            raise OssError("InvalidPart", f"the part {number} with ETag {etag} does not exist")
    contents = [present[number] for number in numbers]
    for number, content in zip(numbers[:-1], contents[:-1], strict=True):
        if content.size < model.SMALLEST_PART:
            raise OssError(
                "EntityTooSmall",
                f"the part {number} has {content.size} bytes: all but the last one must have "
                f"{model.SMALLEST_PART}",
            )
    return contents
