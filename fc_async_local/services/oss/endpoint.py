# SPDX-License-Identifier: MIT
"""The HTTP endpoint of OSS: operations, headers and statuses of its protocol.

Bodies of objects are passed on piece by piece, in both directions.
"""

from __future__ import annotations

import base64
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from fc_async_local.http.edge import HttpService
from fc_async_local.http.messages import Answer
from fc_async_local.services import common
from fc_async_local.services.markup import leaf, tag, xml
from fc_async_local.services.oss import model, signature, wire
from fc_async_local.services.oss.content import read
from fc_async_local.services.oss.model import OssError, check_conditions
from fc_async_local.services.oss.request import OssRequest, tags
from fc_async_sdk.spec import hosts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fc_async_local.clock import Clock
    from fc_async_local.domain.errors import Rejected
    from fc_async_local.http.messages import HeaderList, Request
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.model import StoredObject
    from fc_async_local.services.oss.service import OssService

    Operation = Callable[[OssRequest, ClientStream], Awaitable[Answer | None]]

_DISCARD_BYTES: Final = 64 * 1024 * 1024
"""Ours: how much of the body of a refused request is read, so that the client reads the refusal."""
_CRC: Final = "x-oss-hash-crc64ecma"
_NEXT: Final = "x-oss-next-append-position"


class OssEndpoint(HttpService):
    """Answers requests in the protocol of OSS.

    Args:
        service: The buckets.
        clock: The time of signatures.
    """

    holds_bodies = False

    def __init__(self, service: OssService, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        place = service.settings.place
        self._region, self._account = place.region, place.account_id
        none: frozenset[str] = frozenset()
        self._of_service: Mapping[tuple[str, frozenset[str]], Operation] = {
            ("GET", none): self._list_buckets,
        }
        self._of_buckets: Mapping[tuple[str, frozenset[str]], Operation] = {
            ("PUT", none): self._put_bucket,
            ("GET", none): self._list,
            ("DELETE", none): self._delete_bucket,
            ("GET", frozenset({"bucketInfo"})): self._get_bucket,
            ("GET", frozenset({"location"})): self._get_location,
            ("GET", frozenset({"acl"})): self._get_bucket_acl,
            ("PUT", frozenset({"acl"})): self._put_bucket_acl,
            ("GET", frozenset({"lifecycle"})): self._get_lifecycle,
            ("PUT", frozenset({"lifecycle"})): self._put_lifecycle,
            ("DELETE", frozenset({"lifecycle"})): self._delete_lifecycle,
            ("GET", frozenset({"uploads"})): self._list_uploads,
            ("POST", frozenset({"delete"})): self._delete_many,
        }
        self._of_objects: Mapping[tuple[str, frozenset[str]], Operation] = {
            ("PUT", none): self._put,
            ("GET", none): self._get,
            ("HEAD", none): self._get,
            ("HEAD", frozenset({"objectMeta"})): self._get_meta,
            ("DELETE", none): self._delete,
            ("POST", frozenset({"append", "position"})): self._append,
            ("GET", frozenset({"acl"})): self._get_acl,
            ("PUT", frozenset({"acl"})): self._put_acl,
            ("GET", frozenset({"tagging"})): self._get_tagging,
            ("PUT", frozenset({"tagging"})): self._put_tagging,
            ("DELETE", frozenset({"tagging"})): self._put_tagging,
            ("POST", frozenset({"uploads"})): self._start_upload,
            ("PUT", frozenset({"partNumber", "uploadId"})): self._put_part,
            ("GET", frozenset({"uploadId"})): self._list_parts,
            ("POST", frozenset({"uploadId"})): self._complete,
            ("DELETE", frozenset({"uploadId"})): self._abort,
        }

    def new_request_id(self) -> str:
        """Return 24 hex digits."""
        return common.request_id()

    def streams(self, request: Request) -> bool:  # noqa: ARG002 -- all do
        """Return True."""
        return True

    def is_exempt(self, request: Request) -> bool:
        """Return whether a request names OSS or a bucket of it."""
        return hosts.service_of(request.headers.get("host", "")) == "oss"

    def body_limit(self, request: Request) -> int:
        """Return the bytes of an object, or of a document."""
        try:
            asked = OssRequest(request)
        except OssError:
            return model.LARGEST_DOCUMENT
        of_object = asked.key and asked.operation in (
            frozenset(),
            frozenset({"append", "position"}),
            frozenset({"partNumber", "uploadId"}),
        )
        return model.LARGEST_BODY if of_object else model.LARGEST_DOCUMENT

    def too_large(self, limit: int) -> Rejected:
        """Return the refusal of a body over the limit in bytes."""
        return OssError("EntityTooLarge", f"the body is longer than {limit} bytes")

    def common_headers(self, request: Request) -> HeaderList:
        """Return the headers that official clients look up."""
        return ("Server", "AliyunOSS"), ("x-oss-request-id", request.id)

    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error document; an answer to HEAD has it in a header."""
        content = (
            leaf("Code", error.code),
            leaf("Message", error.message or error.code),
            leaf("RequestId", request.id),
            leaf("HostId", request.headers.get("host", "")),
        )
        document = wire.document("Error", *content)
        if request.method != "HEAD":
            return xml(error.status, document)
        encoded = base64.b64encode(document).decode()
        return Answer(error.status, b"", (("x-oss-err", encoded),))

    async def answer(self, request: Request) -> Answer:
        """Never called: all requests are streams."""
        raise NotImplementedError

    async def answer_stream(self, request: Request, stream: ClientStream) -> Answer | None:
        """Answer one request."""
        try:
            asked = OssRequest(request)
            operation = self._operation(asked)
            signature.check_expiry(asked.signed, now=self._clock.now())
            auth = self._service.settings.auth
            if auth.strict_auth:
                signature.verify(asked.signed, auth.access_keys, now=self._clock.now())
            return await operation(asked, stream)
        except OssError:
            await _discard(stream)
            raise

    def _operation(self, asked: OssRequest) -> Operation:
        table = self._of_objects if asked.key else self._of_buckets
        if not asked.bucket:
            table = self._of_service
        found = table.get((asked.method, asked.operation))
        if found is None or asked.headers.get("x-oss-callback"):
            names = " and ".join(sorted(asked.operation)) or "this path"
            raise OssError(
                "NotImplemented", f"{asked.method} with {names} is not implemented on this machine"
            )
        return found

    # --- buckets ---

    async def _list_buckets(self, asked: OssRequest, _: ClientStream) -> Answer:
        prefix, after = asked.query.get("prefix", ""), asked.query.get("marker", "")
        limit = asked.number("max-keys", 100, model.MOST_LISTED)
        buckets = {bucket.name: bucket for bucket in await self._service.buckets()}
        shown, marker = common.page(buckets, prefix=prefix, after=after, limit=limit)
        entries = (
            tag("Bucket", wire.bucket_members(buckets[name], self._region, asked.host))
            for name in shown
        )
        return _document(
            wire.document(
                "ListAllMyBucketsResult",
                wire.owner(self._account),
                leaf("Prefix", prefix),
                leaf("Marker", after),
                leaf("MaxKeys", limit),
                wire.truncated(more=bool(marker)),
                leaf("NextMarker", marker),
                tag("Buckets", "".join(entries)),
            )
        )

    async def _put_bucket(self, asked: OssRequest, stream: ClientStream) -> Answer:
        body = await stream.read()
        chosen = "Standard"
        if body.strip():
            root = wire.DIALECT.read(body, "CreateBucketConfiguration")
            chosen = wire.text(root, "StorageClass") or chosen
        acl = asked.headers.get("x-oss-acl", "")
        await self._service.create_bucket(asked.bucket, acl=acl, storage_class=chosen)
        return Answer(200, headers=(("Location", f"/{asked.bucket}"),))

    async def _delete_bucket(self, asked: OssRequest, _: ClientStream) -> Answer:
        await self._service.delete_bucket(asked.bucket)
        return Answer(204)

    async def _get_bucket(self, asked: OssRequest, _: ClientStream) -> Answer:
        bucket = await self._service.bucket(asked.bucket)
        members = wire.bucket_members(bucket, self._region, asked.host)
        grant = tag("AccessControlList", leaf("Grant", bucket.acl))
        content = members + wire.owner(self._account) + grant
        return _document(wire.document("BucketInfo", tag("Bucket", content)))

    async def _get_location(self, asked: OssRequest, _: ClientStream) -> Answer:
        await self._service.bucket(asked.bucket)
        return _document(wire.document("LocationConstraint", f"oss-{self._region}"))

    async def _get_bucket_acl(self, asked: OssRequest, _: ClientStream) -> Answer:
        bucket = await self._service.bucket(asked.bucket)
        return _document(wire.access(self._account, bucket.acl))

    async def _put_bucket_acl(self, asked: OssRequest, _: ClientStream) -> Answer:
        await self._service.change_bucket(asked.bucket, acl=asked.headers.get("x-oss-acl", ""))
        return Answer(200)

    async def _get_lifecycle(self, asked: OssRequest, _: ClientStream) -> Answer:
        bucket = await self._service.bucket(asked.bucket)
        if not bucket.lifecycle:
            raise OssError("NoSuchLifecycle", "the bucket has no lifecycle rules")
        return _document(bucket.lifecycle.encode())

    async def _put_lifecycle(self, asked: OssRequest, stream: ClientStream) -> Answer:
        body = await stream.read()
        wire.DIALECT.read(body, "LifecycleConfiguration")
        await self._service.change_bucket(asked.bucket, lifecycle=body.decode("utf-8", "replace"))
        return Answer(200)

    async def _delete_lifecycle(self, asked: OssRequest, _: ClientStream) -> Answer:
        await self._service.change_bucket(asked.bucket, lifecycle="")
        return Answer(204)

    async def _list(self, asked: OssRequest, _: ClientStream) -> Answer:
        query = asked.query
        if query.get("list-type") == "2":
            token = query.get("continuation-token", "")
            wanted = asked.wanted(_untoken(token) or query.get("start-after", ""))
        else:
            wanted = asked.wanted(query.get("marker", ""))
        found = await self._service.page(asked.bucket, wanted)
        keys = [*(one.key for one in found.objects), *found.prefixes]
        given = (wanted.prefix, wanted.after, wanted.delimiter, found.marker)
        names = wire.Names(query.get("encoding-type", ""), [*keys, *given])
        owner = self._account
        if query.get("list-type") == "2":
            owner = owner if query.get("fetch-owner") == "true" else ""
            paging = (
                names.leaf("StartAfter", query.get("start-after", ""))
                + leaf("ContinuationToken", token)
                + leaf("NextContinuationToken", _token(found.marker))
                + leaf("KeyCount", len(keys))
            )
        else:
            paging = names.leaf("Marker", wanted.after) + names.leaf("NextMarker", found.marker)
        return _document(wire.listing(asked.bucket, found, wanted, names, paging, owner))

    async def _list_uploads(self, asked: OssRequest, _: ClientStream) -> Answer:
        query = asked.query
        if query.get("delimiter"):
            raise OssError("NotImplemented", "uploads are not grouped by a delimiter here")
        limit = asked.number("max-uploads", model.MOST_LISTED, model.MOST_LISTED)
        after = query.get("key-marker", ""), query.get("upload-id-marker") or "~"
        found = [
            one
            for one in await self._service.uploads(asked.bucket, query.get("prefix", ""))
            if (one.key.encode(), one.id) > (after[0].encode(), after[1])
        ]
        names = wire.Names(query.get("encoding-type", ""), [one.key for one in found])
        more = len(found) > limit
        return _document(wire.uploads(asked.bucket, found[:limit], names, limit=limit, more=more))

    async def _delete_many(self, asked: OssRequest, stream: ClientStream) -> Answer:
        keys, quiet = wire.read_deletions(await stream.read())
        for key in keys:
            model.check_key(key)
        await self._service.delete(asked.bucket, keys, "DeleteObjects", request_id=asked.id)
        names = wire.Names(asked.query.get("encoding-type", ""), keys)
        return _document(wire.deleted([] if quiet else keys, names))

    # --- objects ---

    async def _put(self, asked: OssRequest, stream: ClientStream) -> Answer:
        source = asked.copy_source()
        if source is not None:
            return await self._copy(asked, source)
        made = await self._service.put(
            asked.bucket,
            asked.key,
            stream.body(),
            asked.attributes(),
            digest=asked.digest,
            request_id=asked.id,
        )
        headers = (*_validators(made), ("Content-MD5", _md5(made)))
        return Answer(200, headers=headers)

    async def _copy(self, asked: OssRequest, source: tuple[str, str]) -> Answer:
        headers = asked.headers
        replaced = headers.get("x-oss-metadata-directive", "").upper() == "REPLACE"
        retagged = headers.get("x-oss-tagging-directive", "").upper() == "REPLACE"
        made = await self._service.copy(
            source,
            asked.place,
            headers,
            asked.attributes() if replaced else None,
            tagging=headers.get("x-oss-tagging", "") if retagged else None,
            forbid_overwrite=asked.forbids_overwrite,
            request_id=asked.id,
        )
        document = wire.copied("CopyObjectResult", made.etag, made.modified_at)
        return _document(document, *_validators(made))

    async def _append(self, asked: OssRequest, stream: ClientStream) -> Answer:
        position = asked.number("position", None, model.LARGEST_BODY, low=0)
        made = await self._service.append(
            asked.bucket,
            asked.key,
            position,
            stream.body(),
            asked.attributes(),
            digest=asked.digest,
            request_id=asked.id,
        )
        return Answer(200, headers=(*_validators(made), (_NEXT, str(made.size))))

    async def _get(self, asked: OssRequest, stream: ClientStream) -> None:
        found, file = await self._service.open(*asked.place)
        with file:
            check_conditions(found, asked.headers)
            standard = asked.headers.get("x-oss-range-behavior") == "standard"
            header = asked.headers.get("range", "")
            part = model.byte_range(header, found.size, standard=standard)
            wanted = range(found.size) if part is None else part
            headers = _described(found) | asked.overrides()
            headers["Content-Length"] = str(len(wanted))
            if part is not None:
                last = part.stop - 1
                headers["Content-Range"] = f"bytes {part.start}-{last}/{found.size}"
            common_ = (("Server", "AliyunOSS"), ("x-oss-request-id", asked.id))
            await stream.begin(200 if part is None else 206, (*headers.items(), *common_))
            if asked.method != "HEAD":
                async with aclosing(read(file, wanted)) as blocks:
                    async for block in blocks:
                        await stream.write(block)

    async def _get_meta(self, asked: OssRequest, stream: ClientStream) -> None:
        found = await self._service.head(*asked.place)
        headers = (
            *_validators(found),
            ("Content-Length", str(found.size)),
            ("Last-Modified", model.http_date(found.modified_at)),
            ("Server", "AliyunOSS"),
            ("x-oss-request-id", asked.id),
        )
        await stream.begin(200, headers)

    async def _delete(self, asked: OssRequest, _: ClientStream) -> Answer:
        await self._service.delete(asked.bucket, [asked.key], request_id=asked.id)
        return Answer(204)

    async def _get_acl(self, asked: OssRequest, _: ClientStream) -> Answer:
        found = await self._service.head(*asked.place)
        return _document(wire.access(self._account, found.acl))

    async def _put_acl(self, asked: OssRequest, _: ClientStream) -> Answer:
        acl = asked.headers.get("x-oss-object-acl", "")
        await self._service.change(*asked.place, acl=acl)
        return Answer(200)

    async def _get_tagging(self, asked: OssRequest, _: ClientStream) -> Answer:
        found = await self._service.head(*asked.place)
        return _document(wire.tagging(tags(found.tagging)))

    async def _put_tagging(self, asked: OssRequest, stream: ClientStream) -> Answer:
        removed = asked.method == "DELETE"
        tagging = "" if removed else wire.read_tagging(await stream.read())
        await self._service.change(*asked.place, tagging=tagging)
        return Answer(204 if removed else 200)

    # --- uploads in parts ---

    async def _start_upload(self, asked: OssRequest, _: ClientStream) -> Answer:
        upload = await self._service.start_upload(
            *asked.place, asked.attributes(), request_id=asked.id
        )
        names = wire.Names(asked.query.get("encoding-type", ""), [upload.key])
        return _document(
            wire.document(
                "InitiateMultipartUploadResult",
                leaf("Bucket", upload.bucket),
                names.leaf("Key", upload.key),
                names.kind,
                leaf("UploadId", upload.id),
            )
        )

    async def _put_part(self, asked: OssRequest, stream: ClientStream) -> Answer:
        number = asked.number("partNumber", None, model.MOST_PARTS)
        source = asked.copy_source()
        if source is None:
            part = await self._service.put_part(
                asked.upload, number, stream.body(), digest=asked.digest, request_id=asked.id
            )
            content = part.content
            return Answer(200, headers=(("ETag", f'"{content.md5}"'), (_CRC, str(content.crc))))
        part = await self._service.copy_part(
            source,
            asked.upload,
            number,
            asked.headers.get("x-oss-copy-source-range", ""),
            asked.headers,
            request_id=asked.id,
        )
        return _document(wire.copied("CopyPartResult", part.content.md5, part.modified_at))

    async def _list_parts(self, asked: OssRequest, _: ClientStream) -> Answer:
        limit = asked.number("max-parts", model.MOST_LISTED, model.MOST_LISTED)
        after = asked.number("part-number-marker", 0, model.MOST_PARTS, low=0)
        upload = model.Upload(id=asked.upload[2], bucket=asked.bucket, key=asked.key, started_at=0)
        found = [part for part in await self._service.parts(asked.upload) if part.number > after]
        names = wire.Names(asked.query.get("encoding-type", ""), [asked.key])
        more = len(found) > limit
        return _document(wire.parts(found[:limit], upload, names, limit=limit, more=more))

    async def _complete(self, asked: OssRequest, stream: ClientStream) -> Answer:
        everything = asked.headers.get("x-oss-complete-all", "") == "yes"
        made = await self._service.complete(
            asked.upload,
            None if everything else wire.read_parts(await stream.read()),
            forbid_overwrite=asked.forbids_overwrite,
            request_id=asked.id,
        )
        names = wire.Names(asked.query.get("encoding-type", ""), [asked.key])
        document = wire.document(
            "CompleteMultipartUploadResult",
            names.kind,
            names.leaf("Location", f"http://{asked.host}/{asked.key}"),
            leaf("Bucket", asked.bucket),
            names.leaf("Key", asked.key),
            leaf("ETag", f'"{made.etag}"'),
        )
        return _document(document, *_validators(made))

    async def _abort(self, asked: OssRequest, _: ClientStream) -> Answer:
        await self._service.abort(asked.upload, request_id=asked.id)
        return Answer(204)


async def _discard(stream: ClientStream) -> None:
    """Read the rest of a body, so that the client reads the refusal."""
    left = _DISCARD_BYTES
    async with aclosing(stream.body()) as pieces:
        async for piece in pieces:
            left -= len(piece)
            if left < 0:
                return


def _document(document: bytes, *headers: tuple[str, str]) -> Answer:
    return Answer(200, document, (("Content-Type", "application/xml"), *headers))


def _md5(found: StoredObject) -> str:
    return base64.b64encode(bytes.fromhex(found.content.md5)).decode()


def _validators(found: StoredObject) -> tuple[tuple[str, str], ...]:
    return ("ETag", f'"{found.etag}"'), (_CRC, str(found.content.crc))


def _described(found: StoredObject) -> dict[str, str]:
    """Return the headers of an object."""
    headers = {"x-oss-storage-class": "Standard", **found.headers}
    headers |= dict(_validators(found))
    headers["Last-Modified"] = model.http_date(found.modified_at)
    headers["Accept-Ranges"] = "bytes"
    headers["x-oss-object-type"] = found.kind
    if found.content.md5:
        headers["Content-MD5"] = _md5(found)
    if found.kind == "Appendable":
        headers[_NEXT] = str(found.size)
    if found.tagging:
        headers["x-oss-tagging-count"] = str(len(tags(found.tagging)))
    return headers


def _token(marker: str) -> str:
    return base64.urlsafe_b64encode(marker.encode()).decode()


def _untoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise OssError("InvalidArgument", "the continuation-token is not one of a list") from None
