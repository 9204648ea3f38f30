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

_NOTHING = Content(
    file="",
    size=0,
    md5="",
    crc=0,
)


async def start(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer InitiateMultipartUpload."""
    await service.check_target(request)
    upload = Upload(
        id=uuid.uuid4().hex.upper(),
        key=request.key,
        started_at=service.clock.now(),
        **asdict(request.attributes()),
    )

    def write(index: Index) -> tuple[None, list[Content]]:
        index.bucket(request.bucket)
        index.put(upload, request.bucket, upload.id)
        _note(service, index, request, upload, "ObjectCreated:InitiateMultipartUpload", _NOTHING)
        return None, []

    await service.change(request.bucket, write)
    request.add_headers(encryption(upload))
    names = request.names([upload.key])
    content: dict[str, object] = {
        "Bucket": request.bucket,
        "EncodingType": names.kind,
    }
    content |= {
        "Key": names(upload.key),
        "UploadId": upload.id,
    }
    return xml(200, wire.document("InitiateMultipartUploadResult", content))


async def put_part(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer UploadPart and UploadPartCopy."""
    bucket = request.bucket
    number = request.number("partNumber", None, model.MOST_PARTS)
    # Before the body is read: an upload that has ended would take gigabytes first.
    await service.do(lambda index: index.upload(*request.upload))
    source = request.copy_source()
    if source is None:
        content = await receive(service, request, stream.body())
        event = "ObjectCreated:UploadPart"
    else:
        _, content = await receive_copy(service, request, source)
        event = "ObjectCreated:UploadPartCopy"
    part = Part(
        number=number,
        content=content,
        modified_at=service.clock.now(),
    )

    def write(index: Index) -> tuple[None, list[Content]]:
        # Again, in the transaction: the upload may have ended while the body arrived.
        upload = index.upload(*request.upload)
        # With zeros in front, so that the order of the index is that of the numbers.
        part_path = (bucket, upload.id, f"{number:05}")
        replaced = index.find(Part, *part_path)
        index.put(part, *part_path)
        _note(service, index, request, upload, event, content)
        return None, [] if replaced is None else [replaced.content]

    await service.change(bucket, write, content)
    etag = f'"{content.md5}"'
    request.add_headers([("ETag", etag), (CRC, str(content.crc))])
    if source is None:
        return Answer(200, headers=[("Content-MD5", content_md5(content))])
    return xml(200, wire.document("CopyPartResult", copied(content.md5, part.modified_at)))


async def list_parts(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer ListParts."""
    bucket, key, upload_id = request.upload
    limit = request.number("max-parts", model.MOST_LISTED, model.MOST_LISTED)
    after = request.number("part-number-marker", 0, model.MOST_PARTS, low=0)
    parts = await _parts(service, request)
    names = request.names([key])
    shown, marker = common.page(
        parts,
        after=f"{after:05}",
        limit=limit,
    )
    content: dict[str, object] = {
        "Bucket": bucket,
        "Key": names(key),
        "UploadId": upload_id,
        "EncodingType": names.kind,
        "MaxParts": limit,
        "IsTruncated": bool(marker),
        "NextPartNumberMarker": int(shown[-1]) if shown else 0,
        "Part": [_described(parts[number]) for number in shown],
    }
    return xml(200, wire.document("ListPartsResult", content))


def _described(part: Part) -> dict[str, object]:
    return {
        **copied(part.content.md5, part.modified_at),
        "PartNumber": part.number,
        "Size": part.content.size,
        "HashCrc64ecma": str(part.content.crc),
    }


async def list_uploads(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer ListMultipartUploads."""
    query = request.query
    if query.get("delimiter"):
        raise OssError("NotImplemented", "uploads are not grouped by a delimiter here")
    limit = request.number("max-uploads", model.MOST_LISTED, model.MOST_LISTED)
    after = query.get("key-marker", "")
    if after:
        # Without an id the page begins behind all uploads of the key: "~" is behind all hex digits.
        after += f"\0{query.get('upload-id-marker') or '~'}"
    uploads = await service.do(lambda index: index.all(Upload, index.bucket(request.bucket).name))
    # The order of the service: by key, then by id.
    by_position = {f"{upload.key}\0{upload.id}": upload for upload in uploads.values()}
    shown, marker = common.page(
        by_position,
        prefix=query.get("prefix", ""),
        after=after,
        limit=limit,
    )
    page = [by_position[position] for position in shown]
    names = request.names([upload.key for upload in page])
    last_key, _sep, last_id = marker.rpartition("\0")
    content: dict[str, object] = {
        "Bucket": request.bucket,
        "EncodingType": names.kind,
        "MaxUploads": limit,
        "IsTruncated": bool(marker),
        "NextKeyMarker": names(last_key),
        "NextUploadIdMarker": last_id,
        "Upload": [
            {
                "Key": names(upload.key),
                "UploadId": upload.id,
                "Initiated": wire.iso_date(upload.started_at),
            }
            for upload in page
        ],
    }
    return xml(200, wire.document("ListMultipartUploadsResult", content))


async def complete(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer CompleteMultipartUpload."""
    bucket, key, _ = request.upload
    parts = await _parts(service, request)
    present = {part.number: part.content for part in parts.values()}
    if request.headers.get("x-oss-complete-all") == "yes":
        named = [(number, content.md5) for number, content in present.items()]
    else:
        named = wire.read_parts(await stream.read())
    contents = _chosen(present, named)
    upload = await service.do(lambda index: index.upload(*request.upload))
    try:
        content = await service.files.write(bucket, service.files.join(bucket, contents))
    except FileNotFoundError:
        # Another request has ended the upload: the client must get NoSuchUpload.
        await service.do(lambda index: index.upload(*request.upload))
        raise
    etag = f"{etag_of([part.md5 for part in contents])}-{len(contents)}"
    # Clients send the headers of the start again with the end; only an ACL that is sent counts.
    acl = request.attributes().acl if "x-oss-object-acl" in request.headers else upload.acl
    completed = replace(
        stored(service, request, upload, content),
        etag=etag,
        kind="Multipart",
        acl=acl,
    )

    def end(index: Index) -> list[Content]:
        return index.end_upload(bucket, index.upload(*request.upload).id)

    await service.commit(request, completed, "ObjectCreated:CompleteMultipartUpload", end)
    names = request.names([key])
    document: dict[str, object] = {
        "EncodingType": names.kind,
        "Location": names(f"http://{request.host}/{key}"),
        "Bucket": bucket,
        "Key": names(key),
        "ETag": f'"{etag}"',
    }
    request.add_headers((*validators(completed), *encryption(completed)))
    return xml(200, wire.document("CompleteMultipartUploadResult", document))


def _chosen(present: Mapping[int, Content], named: Sequence[tuple[int, str]]) -> list[Content]:
    """Return the content of the parts that become an object.

    Raises:
        OssError: InvalidArgument, InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    if not named:
        raise OssError("InvalidArgument", "the upload has no part: name at least one")
    if any(first[0] >= second[0] for first, second in itertools.pairwise(named)):
        raise OssError("InvalidPartOrder", "the parts are not in ascending order")
    contents: list[Content] = []
    for number, etag in named:
        content = present.get(number)
        if content is None or content.md5 != etag.strip('"').upper():
            raise OssError("InvalidPart", f"the part {number} with ETag {etag} does not exist")
        contents.append(content)
    if any(content.size < model.SMALLEST_PART for content in contents[:-1]):
        text = f"all parts but the last one must have {model.SMALLEST_PART} bytes"
        raise OssError("EntityTooSmall", text)
    return contents


async def abort(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer AbortMultipartUpload."""

    def write(index: Index) -> tuple[None, list[Content]]:
        upload = index.upload(*request.upload)
        _note(service, index, request, upload, "ObjectRemoved:AbortMultipartUpload", _NOTHING)
        return None, index.end_upload(request.bucket, upload.id)

    await service.change(request.bucket, write)
    return Answer(204)


async def _parts(service: OssService, request: OssRequest) -> dict[str, Part]:
    def parts(index: Index) -> dict[str, Part]:
        return index.all(Part, request.bucket, index.upload(*request.upload).id)

    return await service.do(parts)


def _note(
    service: OssService,
    index: Index,
    request: OssRequest,
    upload: Upload,
    event: str,
    content: Content,
) -> None:
    """Write the event of an upload in a transaction."""
    service.outbox.note(index, request, stored(service, request, upload, content), event)
