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


async def put(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer PutObject and CopyObject."""
    source = asked.copy_source()
    if source is None:
        return await write(service, asked, stream.body())
    await service.check_target(asked)
    return await _copy(service, asked, source)


async def write(service: OssService, asked: OssRequest, pieces: AsyncIterator[bytes]) -> Answer:
    """Write an object with the content of a request."""
    await service.check_target(asked)
    attributes = asked.attributes()
    content = await receive(service, asked, pieces)
    made = stored(service, asked, attributes, content)
    await service.commit(asked, made, "ObjectCreated:PutObject")
    digest = ("Content-MD5", content_md5(content))
    return Answer(200, headers=(*validators(made), digest, *encryption(made)))


async def _copy(service: OssService, asked: OssRequest, source: tuple[str, str]) -> Answer:
    given = asked.attributes()
    replaced = asked.replaces("x-oss-metadata-directive")
    retagged = asked.replaces("x-oss-tagging-directive")
    found, content = await receive_copy(service, asked, source)
    made = replace(
        stored(service, asked, given, content),
        headers=given.headers if replaced else _copied_headers(found, given),
        tagging=given.tagging if retagged else found.tagging,
        etag=found.etag,
    )
    updated = replaced and source == (asked.bucket, asked.key)
    event = "ObjectModified:UpdateObjectMeta" if updated else "ObjectCreated:CopyObject"
    await service.commit(asked, made, event)
    asked.add_headers((*validators(made), *encryption(made)))
    return xml(200, wire.document("CopyObjectResult", copied(made.etag, made.modified_at)))


def _copied_headers(source: StoredObject, given: Attributes) -> dict[str, str]:
    """Return the headers of a copy that keeps the metadata of its source.

    Storage class and encryption are not metadata: they are those of the request, or the default.
    """
    metadata = {name: text for name, text in source.headers.items() if name not in STORAGE}
    storage = {name: text for name, text in given.headers.items() if name in STORAGE}
    return metadata | storage


async def append(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer AppendObject."""
    bucket, key = asked.bucket, asked.key
    position = asked.number("position", None, model.LARGEST_BODY, low=0)
    await service.check_target(asked)
    attributes = asked.attributes()
    more = await receive(service, asked, stream.body())

    def write(index: Index) -> tuple[StoredObject, list[Content]]:
        before = index.find(StoredObject, bucket, key)
        size = 0 if before is None else before.content.size
        if before is not None and before.kind != "Appendable":
            raise OssError("ObjectNotAppendable", f"the object is {before.kind}")
        if position != size:
            asked.add_headers([(_NEXT, str(size))])
            raise OssError("PositionNotEqualToLength", f"the object has {size} bytes")
        if size + more.size > model.LARGEST_BODY:
            raise OssError("EntityTooLarge", f"an object has {model.LARGEST_BODY} bytes at most")
        after = replace(stored(service, asked, attributes, more), kind="Appendable")
        if before is not None:
            content = service.files.extend(bucket, before.content, more)
            etag, now = etag_of([before.etag, more.md5]), service.clock.now()
            after = replace(before, content=content, etag=etag, modified_at=now)
        index.put(after, bucket, key)
        service.note(index, asked, after, "ObjectCreated:AppendObject", before)
        return after, [] if before is None else [more]

    made = await service.change(bucket, write, more)
    following = (_NEXT, str(made.content.size))
    return Answer(200, headers=(*validators(made), following, *encryption(made)))


async def get(service: OssService, asked: OssRequest, stream: ClientStream) -> None:
    """Answer GetObject, HeadObject and GetObjectMeta."""
    found, file = await service.open(asked.bucket, asked.key)
    with file:
        check_conditions(found, asked.headers)
        standard = asked.headers.get("x-oss-range-behavior") == "standard"
        size, header = found.content.size, asked.headers.get("range", "")
        part = model.byte_range(header, size, standard=standard)
        wanted = range(size) if part is None else part
        headers = _described(found) | asked.overrides() | {"Content-Length": str(len(wanted))}
        if part is not None:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        status = 200 if part is None else 206
        await stream.begin(status, (*headers.items(), *asked.common_headers))
        if asked.method != "HEAD":
            async with aclosing(read(file, wanted)) as blocks:
                async for block in blocks:
                    await stream.write(block)


async def delete(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer DeleteObject."""
    await _delete(service, asked, [asked.key], "ObjectRemoved:DeleteObject")
    return Answer(204)


async def delete_many(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer DeleteObjects."""
    body = await stream.read()
    _check_digest(asked, hashlib.md5(body, usedforsecurity=False).hexdigest())
    keys, quiet = wire.read_deletions(body)
    for key in keys:
        model.check_key(key)
    await _delete(service, asked, keys, "ObjectRemoved:DeleteObjects")
    names = asked.names(keys)
    deleted = [{"Key": names(key)} for key in keys if not quiet]
    content = {"EncodingType": names.kind, "Deleted": deleted}
    return xml(200, wire.document("DeleteResult", content))


async def _delete(service: OssService, asked: OssRequest, keys: Iterable[str], event: str) -> None:
    bucket = asked.bucket

    def write(index: Index) -> tuple[None, list[Content]]:
        index.bucket(bucket)
        gone: list[Content] = []
        for key in keys:
            found = index.find(StoredObject, bucket, key)
            if found is not None:
                index.delete(StoredObject, bucket, key)
                gone.append(found.content)
                empty = replace(found, content=replace(found.content, size=0))
                service.note(index, asked, empty, event, found)
        return None, gone

    await service.change(bucket, write)


async def get_tagging(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer GetObjectTagging."""
    found = await service.do(lambda index: index.object(asked.bucket, asked.key))
    pairs = [{"Key": key, "Value": value} for key, value in tags(found.tagging)]
    return xml(200, wire.document("Tagging", {"TagSet": {"Tag": pairs}}))


async def put_tagging(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer PutObjectTagging and DeleteObjectTagging."""
    removed = asked.method == "DELETE"
    tagging = "" if removed else wire.read_tagging(await stream.read())
    tags(tagging)
    await service.update(asked, tagging=tagging)
    return Answer(204 if removed else 200)


async def receive(service: OssService, asked: OssRequest, pieces: AsyncIterator[bytes]) -> Content:
    """Write the body of a request to a file.

    Raises:
        OssError: InvalidDigest: it is not the body that Content-MD5 names.
    """
    content = await service.files.write(asked.bucket, pieces)
    try:
        _check_digest(asked, content.md5)
    except OssError:
        service.files.remove(asked.bucket, [content])
        raise
    return content


async def receive_copy(
    service: OssService, asked: OssRequest, source: tuple[str, str]
) -> tuple[StoredObject, Content]:
    """Write the content of the source of a copy, or the chosen bytes of it, to a file.

    Raises:
        OssError: NoSuchBucket, NoSuchKey, PreconditionFailed, NotModified, InvalidRange.
    """
    found, file = await service.open(*source)
    with file:
        check_conditions(found, asked.headers, _COPY)
        chosen = model.copied_range(asked.headers.get(f"{_COPY}range", ""), found.content.size)
        return found, await service.files.write(asked.bucket, read(file, chosen))


def stored(
    service: OssService, asked: OssRequest, attributes: Attributes, content: Content
) -> StoredObject:
    """Return the object that a request makes."""
    given = {name: getattr(attributes, name) for name in Attributes.__struct_fields__}
    now = service.clock.now()
    return StoredObject(key=asked.key, content=content, etag=content.md5, modified_at=now, **given)


def etag_of(etags: Iterable[str]) -> str:
    """Return an ETag of what consists of parts, from their ETags."""
    joined = "".join(etags).encode()
    return hashlib.md5(joined, usedforsecurity=False).hexdigest().upper()


def copied(etag: str, modified_at: int) -> dict[str, object]:
    """Return the result of a copy."""
    return {"LastModified": wire.iso_date(modified_at), "ETag": f'"{etag}"'}


def validators(found: StoredObject) -> HeaderList:
    """Return the headers that say which content an object has."""
    return ("ETag", f'"{found.etag}"'), (CRC, str(found.content.crc))


def encryption(found: Attributes) -> HeaderList:
    """Return the headers that name the encryption of an object."""
    return [(name, found.headers[name]) for name in ENCRYPTION if name in found.headers]


def _described(found: StoredObject) -> dict[str, str]:
    """Return the headers of an object."""
    headers = {"x-oss-storage-class": "Standard", **found.headers, **dict(validators(found))}
    headers["Last-Modified"] = model.http_date(found.modified_at)
    headers["Accept-Ranges"] = "bytes"
    headers["x-oss-object-type"] = found.kind
    if found.content.md5:
        headers["Content-MD5"] = content_md5(found.content)
    if found.kind == "Appendable":
        headers[_NEXT] = str(found.content.size)
    if found.tagging:
        headers["x-oss-tagging-count"] = str(len(tags(found.tagging)))
    return headers


def content_md5(content: Content) -> str:
    """Return the header Content-MD5."""
    return base64.b64encode(bytes.fromhex(content.md5)).decode()


def _check_digest(asked: OssRequest, md5: str) -> None:
    given = asked.headers.get("content-md5", "")
    try:
        wrong = bool(given) and base64.b64decode(given, validate=True) != bytes.fromhex(md5)
    except (binascii.Error, ValueError):
        wrong = True
    if wrong:
        raise OssError("InvalidDigest", f"Content-MD5 {given!r} is not that of the body")
