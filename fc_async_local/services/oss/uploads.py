# SPDX-License-Identifier: MIT
"""Operations on uploads in parts. Each part fires triggers, as on the service."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING

from msgspec.structs import asdict, replace

from fc_async_local.http.messages import Answer
from fc_async_local.services import common
from fc_async_local.services.markup import xml
from fc_async_local.services.oss import model, wire
from fc_async_local.services.oss.model import Content, OssError, Part, Upload
from fc_async_local.services.oss.objects import (
    CRC,
    content_md5,
    copied,
    encryption,
    etag_of,
    receive,
    receive_copy,
    stored,
    validators,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.services.oss.service import OssService

_NOTHING = Content(file="", size=0, md5="", crc=0)


async def start(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer InitiateMultipartUpload."""
    await service.check_target(asked)
    upload = Upload(
        id=uuid.uuid4().hex.upper(),
        key=asked.key,
        started_at=service.clock.now(),
        **asdict(asked.attributes()),
    )

    def write(index: Index) -> tuple[None, list[Content]]:
        index.bucket(asked.bucket)
        index.put(upload, asked.bucket, upload.id)
        _note(service, index, asked, upload, "ObjectCreated:InitiateMultipartUpload", _NOTHING)
        return None, []

    await service.change(asked.bucket, write)
    asked.add_headers(encryption(upload))
    names = asked.names([upload.key])
    content: dict[str, object] = {"Bucket": asked.bucket, "EncodingType": names.kind}
    content |= {"Key": names(upload.key), "UploadId": upload.id}
    return xml(200, wire.document("InitiateMultipartUploadResult", content))


async def put_part(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer UploadPart and UploadPartCopy."""
    bucket, number = asked.bucket, asked.number("partNumber", None, model.MOST_PARTS)
    await service.do(lambda index: index.upload(*asked.upload))
    source = asked.copy_source()
    if source is None:
        content, event = await receive(service, asked, stream.body()), "ObjectCreated:UploadPart"
    else:
        _, content = await receive_copy(service, asked, source)
        event = "ObjectCreated:UploadPartCopy"
    part = Part(number=number, content=content, modified_at=service.clock.now())

    def write(index: Index) -> tuple[None, list[Content]]:
        found, place = index.upload(*asked.upload), (bucket, asked.upload[2], f"{number:05}")
        replaced = index.find(Part, *place)
        index.put(part, *place)
        _note(service, index, asked, found, event, content)
        return None, [replaced.content] if replaced else []

    await service.change(bucket, write, content)
    asked.add_headers([("ETag", f'"{content.md5}"'), (CRC, str(content.crc))])
    if source is None:
        return Answer(200, headers=[("Content-MD5", content_md5(content))])
    return xml(200, wire.document("CopyPartResult", copied(content.md5, part.modified_at)))


async def list_parts(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer ListParts."""
    bucket, key, upload_id = asked.upload
    limit = asked.number("max-parts", model.MOST_LISTED, model.MOST_LISTED)
    after = asked.number("part-number-marker", 0, model.MOST_PARTS, low=0)
    found, names = await _parts(service, asked), asked.names([key])
    shown, marker = common.page(found, after=f"{after:05}", limit=limit)
    content: dict[str, object] = {
        "Bucket": bucket,
        "Key": names(key),
        "UploadId": upload_id,
        "EncodingType": names.kind,
        "MaxParts": limit,
        "IsTruncated": bool(marker),
        "NextPartNumberMarker": int(shown[-1]) if shown else 0,
        "Part": [
            copied(part.content.md5, part.modified_at)
            | {"PartNumber": part.number, "Size": part.content.size}
            | {"HashCrc64ecma": str(part.content.crc)}
            for part in map(found.__getitem__, shown)
        ],
    }
    return xml(200, wire.document("ListPartsResult", content))


async def list_uploads(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer ListMultipartUploads."""
    query = asked.query
    if query.get("delimiter"):
        raise OssError("NotImplemented", "uploads are not grouped by a delimiter here")
    limit = asked.number("max-uploads", model.MOST_LISTED, model.MOST_LISTED)
    after = query.get("key-marker", "")
    if after:
        after += f"\0{query.get('upload-id-marker') or '~'}"
    uploads = await service.do(lambda index: index.all(Upload, index.bucket(asked.bucket).name))
    found = {f"{one.key}\0{one.id}": one for one in uploads.values()}
    shown, marker = common.page(found, prefix=query.get("prefix", ""), after=after, limit=limit)
    names = asked.names([found[one].key for one in shown])
    last_key, _sep, last_id = marker.rpartition("\0")
    content: dict[str, object] = {
        "Bucket": asked.bucket,
        "EncodingType": names.kind,
        "MaxUploads": limit,
        "IsTruncated": bool(marker),
        "NextKeyMarker": names(last_key),
        "NextUploadIdMarker": last_id,
        "Upload": [
            {"Key": names(one.key), "UploadId": one.id, "Initiated": wire.iso_date(one.started_at)}
            for one in map(found.__getitem__, shown)
        ],
    }
    return xml(200, wire.document("ListMultipartUploadsResult", content))


async def complete(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer CompleteMultipartUpload."""
    bucket, key, _ = asked.upload
    present = {part.number: part.content for part in (await _parts(service, asked)).values()}
    if asked.headers.get("x-oss-complete-all") == "yes":
        wanted = [(number, content.md5) for number, content in present.items()]
    else:
        wanted = wire.read_parts(await stream.read())
    contents = _chosen(present, wanted)
    upload = await service.do(lambda index: index.upload(*asked.upload))
    try:
        content = await service.files.write(bucket, service.files.join(bucket, contents))
    except FileNotFoundError:  # another request has ended the upload
        await service.do(lambda index: index.upload(*asked.upload))
        raise
    etag = f"{etag_of([one.md5 for one in contents])}-{len(contents)}"
    acl = asked.attributes().acl if "x-oss-object-acl" in asked.headers else upload.acl
    made = replace(stored(service, asked, upload, content), etag=etag, kind="Multipart", acl=acl)

    def end(index: Index) -> list[Content]:
        return index.end_upload(bucket, index.upload(*asked.upload).id)

    await service.commit(asked, made, "ObjectCreated:CompleteMultipartUpload", end)
    names = asked.names([key])
    document: dict[str, object] = {
        "EncodingType": names.kind,
        "Location": names(f"http://{asked.host}/{key}"),
        "Bucket": bucket,
        "Key": names(key),
        "ETag": f'"{etag}"',
    }
    asked.add_headers((*validators(made), *encryption(made)))
    return xml(200, wire.document("CompleteMultipartUploadResult", document))


def _chosen(present: Mapping[int, Content], wanted: Sequence[tuple[int, str]]) -> list[Content]:
    """Return the content of the parts that become an object.

    Raises:
        OssError: InvalidArgument, InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    if not wanted:
        raise OssError("InvalidArgument", "the upload has no part: name at least one")
    if any(first[0] >= second[0] for first, second in itertools.pairwise(wanted)):
        raise OssError("InvalidPartOrder", "the parts are not in ascending order")
    for number, etag in wanted:
        if number not in present or present[number].md5 != etag.strip('"').upper():
            raise OssError("InvalidPart", f"the part {number} with ETag {etag} does not exist")
    contents = [present[number] for number, _ in wanted]
    if any(content.size < model.SMALLEST_PART for content in contents[:-1]):
        text = f"all parts but the last one must have {model.SMALLEST_PART} bytes"
        raise OssError("EntityTooSmall", text)
    return contents


async def abort(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer AbortMultipartUpload."""

    def write(index: Index) -> tuple[None, list[Content]]:
        upload = index.upload(*asked.upload)
        _note(service, index, asked, upload, "ObjectRemoved:AbortMultipartUpload", _NOTHING)
        return None, index.end_upload(asked.bucket, upload.id)

    await service.change(asked.bucket, write)
    return Answer(204)


async def _parts(service: OssService, asked: OssRequest) -> dict[str, Part]:
    def parts(index: Index) -> dict[str, Part]:
        return index.all(Part, asked.bucket, index.upload(*asked.upload).id)

    return await service.do(parts)


def _note(
    service: OssService,
    index: Index,
    asked: OssRequest,
    upload: Upload,
    event: str,
    content: Content,
) -> None:
    """Write the event of an upload in a transaction."""
    service.note(index, asked, stored(service, asked, upload, content), event)
