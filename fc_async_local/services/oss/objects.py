# SPDX-License-Identifier: MIT
"""Operations on objects. Bodies are passed on piece by piece, in both directions."""

from __future__ import annotations

import base64
import binascii
import hashlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.http.messages import Answer
from fc_async_local.services.markup import xml
from fc_async_local.services.oss import model, wire
from fc_async_local.services.oss.content import read
from fc_async_local.services.oss.model import (
    Attributes,
    Content,
    OssError,
    StoredObject,
    check_conditions,
)
from fc_async_local.services.oss.request import ENCRYPTION, STORAGE, tags

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from fc_async_local.http.messages import HeaderList
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.services.oss.service import OssService


CRC: Final = "x-oss-hash-crc64ecma"
_NEXT: Final = "x-oss-next-append-position"
_COPY: Final = "x-oss-copy-source-"


async def put(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer PutObject and CopyObject."""
    source = request.copy_source()
    if source is None:
        return await write(service, request, stream.body())
    await service.check_target(request)
    return await _copy(service, request, source)


async def write(
    service: OssService,
    request: OssRequest,
    pieces: AsyncIterator[bytes],
) -> Answer:
    """Write an object with the content of a request."""
    await service.check_target(request)
    attributes = request.attributes()
    content = await receive(service, request, pieces)
    written = stored(service, request, attributes, content)
    await service.commit(request, written, "ObjectCreated:PutObject")
    digest = ("Content-MD5", content_md5(content))
    return Answer(200, headers=(*validators(written), digest, *encryption(written)))


async def _copy(
    service: OssService,
    request: OssRequest,
    source: tuple[str, str],
) -> Answer:
    attributes = request.attributes()
    replaced = request.replaces("x-oss-metadata-directive")
    retagged = request.replaces("x-oss-tagging-directive")
    original, content = await receive_copy(service, request, source)
    copy = replace(
        stored(service, request, attributes, content),
        headers=attributes.headers if replaced else _copied_headers(original, attributes),
        tagging=attributes.tagging if retagged else original.tagging,
        etag=original.etag,
    )
    # How clients change metadata: they copy an object onto itself and replace its metadata.
    is_update = replaced and source == (request.bucket, request.key)
    event = "ObjectModified:UpdateObjectMeta" if is_update else "ObjectCreated:CopyObject"
    await service.commit(request, copy, event)
    request.add_headers((*validators(copy), *encryption(copy)))
    return xml(200, wire.document("CopyObjectResult", copied(copy.etag, copy.modified_at)))


def _copied_headers(source: StoredObject, attributes: Attributes) -> dict[str, str]:
    """Return the headers of a copy that keeps the metadata of its source.

    Storage class and encryption are not metadata: they are those of the request, or the default.
    """
    metadata = {name: text for name, text in source.headers.items() if name not in STORAGE}
    storage = {name: text for name, text in attributes.headers.items() if name in STORAGE}
    return {**metadata, **storage}


async def append(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer AppendObject."""
    bucket = request.bucket
    key = request.key
    position = request.number("position", None, model.LARGEST_BODY, low=0)
    await service.check_target(request)
    attributes = request.attributes()
    more = await receive(service, request, stream.body())

    def write(index: Index) -> tuple[StoredObject, list[Content]]:
        before = index.find(StoredObject, bucket, key)
        size = 0 if before is None else before.content.size
        if before is not None and before.kind != "Appendable":
            raise OssError("ObjectNotAppendable", f"the object is {before.kind}")
        if position != size:
            # A client goes on from here: without the header oss2 raises another error.
            request.add_headers([(_NEXT, str(size))])
            raise OssError("PositionNotEqualToLength", f"the object has {size} bytes")
        if size + more.size > model.LARGEST_BODY:
            raise OssError("EntityTooLarge", f"an object has {model.LARGEST_BODY} bytes at most")
        unnamed: list[Content] = []
        if before is None:
            after = replace(stored(service, request, attributes, more), kind="Appendable")
        else:
            after = replace(
                before,
                content=service.files.extend(bucket, before.content, more),
                etag=etag_of([before.etag, more.md5]),
                modified_at=service.clock.now(),
            )
            unnamed.append(more)  # its bytes are in the file of the object now
        index.put(after, bucket, key)
        service.outbox.note(index, request, after, "ObjectCreated:AppendObject", before)
        return after, unnamed

    extended = await service.change(bucket, write, more)
    following = (_NEXT, str(extended.content.size))
    return Answer(200, headers=(*validators(extended), following, *encryption(extended)))


async def get(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> None:
    """Answer GetObject, HeadObject and GetObjectMeta."""
    described, file = await service.open(request.bucket, request.key)
    with file:
        # Before the range: a client that has the object needs no byte of it (RFC 9110, section
        # 13.2.2).
        check_conditions(described, request.headers)
        standard = request.headers.get("x-oss-range-behavior") == "standard"
        size = described.content.size
        header = request.headers.get("range", "")
        part = model.byte_range(header, size, standard=standard)
        positions = range(size) if part is None else part
        headers = (
            _described(described) | request.overrides() | {"Content-Length": str(len(positions))}
        )
        if part is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        status = 200 if part is None else 206
        # The status is sent before the content is read: an object may take minutes.
        await stream.begin(status, (*headers.items(), *request.common_headers))
        if request.method != "HEAD":
            async with aclosing(read(file, positions)) as blocks:
                async for block in blocks:
                    await stream.write(block)


async def delete(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer DeleteObject."""
    await _delete(service, request, [request.key], "ObjectRemoved:DeleteObject")
    return Answer(204)


async def delete_many(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer DeleteObjects."""
    body = await stream.read()
    _check_digest(request, hashlib.md5(body, usedforsecurity=False).hexdigest())
    keys, quiet = wire.read_deletions(body)
    for key in keys:
        model.check_key(key)
    await _delete(service, request, keys, "ObjectRemoved:DeleteObjects")
    names = request.names(keys)
    deleted = [] if quiet else [{"Key": names(key)} for key in keys]
    content = {
        "EncodingType": names.kind,
        "Deleted": deleted,
    }
    return xml(200, wire.document("DeleteResult", content))


async def _delete(
    service: OssService,
    request: OssRequest,
    keys: Iterable[str],
    event: str,
) -> None:
    bucket = request.bucket

    def write(index: Index) -> tuple[None, list[Content]]:
        index.bucket(bucket)
        unnamed: list[Content] = []
        for key in keys:
            before = index.find(StoredObject, bucket, key)
            if before is None:
                continue  # as on the service, a key that does not exist is deleted
            index.delete(StoredObject, bucket, key)
            unnamed.append(before.content)
            empty = replace(before, content=replace(before.content, size=0))
            service.outbox.note(index, request, empty, event, before)
        return None, unnamed

    await service.change(bucket, write)


async def get_tagging(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer GetObjectTagging."""
    tagged = await service.do(lambda index: index.object(request.bucket, request.key))
    pairs = [
        {
            "Key": key,
            "Value": value,
        }
        for key, value in tags(tagged.tagging)
    ]
    return xml(200, wire.document("Tagging", {"TagSet": {"Tag": pairs}}))


async def put_tagging(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer PutObjectTagging and DeleteObjectTagging."""
    removed = request.method == "DELETE"
    tagging = "" if removed else wire.read_tagging(await stream.read())
    tags(tagging)
    await service.update(request, tagging=tagging)
    return Answer(204 if removed else 200)


async def receive(
    service: OssService,
    request: OssRequest,
    pieces: AsyncIterator[bytes],
) -> Content:
    """Write the body of a request to a file.

    Raises:
        OssError: InvalidDigest: it is not the body that Content-MD5 names.
    """
    # To the disk as it comes: an object may be larger than the memory.
    content = await service.files.write(request.bucket, pieces)
    try:
        _check_digest(request, content.md5)
    except OssError:
        service.files.remove(request.bucket, [content])
        raise
    return content


async def receive_copy(
    service: OssService,
    request: OssRequest,
    source: tuple[str, str],
) -> tuple[StoredObject, Content]:
    """Write the content of the source of a copy, or the chosen bytes of it, to a file.

    Raises:
        OssError: NoSuchBucket, NoSuchKey, PreconditionFailed, NotModified, InvalidRange.
    """
    original, file = await service.open(*source)
    with file:
        check_conditions(original, request.headers, _COPY)
        header = request.headers.get(f"{_COPY}range", "")
        chosen = model.copied_range(header, original.content.size)
        return original, await service.files.write(request.bucket, read(file, chosen))


def stored(
    service: OssService,
    request: OssRequest,
    attributes: Attributes,
    content: Content,
) -> StoredObject:
    """Return the object that a request makes."""
    properties = {name: getattr(attributes, name) for name in Attributes.__struct_fields__}
    now = service.clock.now()
    return StoredObject(
        key=request.key,
        content=content,
        etag=content.md5,
        modified_at=now,
        **properties,
    )


def etag_of(etags: Iterable[str]) -> str:
    """Return an ETag of what consists of parts, from their ETags."""
    joined = "".join(etags).encode()
    return hashlib.md5(joined, usedforsecurity=False).hexdigest().upper()


def copied(etag: str, modified_at: int) -> dict[str, object]:
    """Return the result of a copy."""
    return {
        "LastModified": wire.iso_date(modified_at),
        "ETag": f'"{etag}"',
    }


def validators(described: StoredObject) -> HeaderList:
    """Return the headers that say which content an object has."""
    etag = ("ETag", f'"{described.etag}"')
    crc = (CRC, str(described.content.crc))
    return (etag, crc)


def encryption(attributes: Attributes) -> HeaderList:
    """Return the headers that name the encryption of an object."""
    headers = attributes.headers
    return [(name, headers[name]) for name in ENCRYPTION if name in headers]


def _described(described: StoredObject) -> dict[str, str]:
    """Return the headers of an object."""
    headers = {
        "x-oss-storage-class": "Standard",
        **described.headers,
        **dict(validators(described)),
    }
    headers["Last-Modified"] = model.http_date(described.modified_at)
    headers["Accept-Ranges"] = "bytes"
    headers["x-oss-object-type"] = described.kind
    if described.content.md5:
        headers["Content-MD5"] = content_md5(described.content)
    if described.kind == "Appendable":
        headers[_NEXT] = str(described.content.size)
    if described.tagging:
        headers["x-oss-tagging-count"] = str(len(tags(described.tagging)))
    return headers


def content_md5(content: Content) -> str:
    """Return the header Content-MD5."""
    return base64.b64encode(bytes.fromhex(content.md5)).decode()


def _check_digest(request: OssRequest, md5: str) -> None:
    header = request.headers.get("content-md5", "")
    if not header:
        return
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if digest != bytes.fromhex(md5):
        raise OssError("InvalidDigest", f"Content-MD5 {header!r} is not that of the body")
