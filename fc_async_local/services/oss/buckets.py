# SPDX-License-Identifier: MIT
"""Operations on buckets, and the lists of objects."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final

from fc_async_local.http.messages import Answer
from fc_async_local.services import common
from fc_async_local.services.markup import text, xml
from fc_async_local.services.oss import cors, model, wire
from fc_async_local.services.oss.model import Bucket, OssError, PageRequest, StoredObject, Upload

if TYPE_CHECKING:
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.services.oss.service import OssService

_RULES: Final = {
    "lifecycle": "NoSuchLifecycle",
    "cors": "NoSuchCORSConfiguration",
}
"""Kinds of rules of a bucket, with the error if there are none."""


async def list_buckets(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer ListBuckets."""
    prefix = request.query.get("prefix", "")
    after = request.query.get("marker", "")
    limit = request.number("max-keys", 100, model.MOST_LISTED)
    buckets = await service.do(lambda index: index.all(Bucket))
    shown, marker = common.page(
        buckets,
        prefix=prefix,
        after=after,
        limit=limit,
    )
    content: dict[str, object] = {
        "Owner": owner(service),
        "Prefix": prefix,
        "Marker": after,
        "MaxKeys": limit,
        "IsTruncated": bool(marker),
        "NextMarker": marker,
        "Buckets": {"Bucket": [_described(service, request, buckets[name]) for name in shown]},
    }
    return xml(200, wire.document("ListAllMyBucketsResult", content))


async def put_bucket(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer PutBucket."""
    body = await stream.read()
    storage_class = None
    if body.strip():
        root = wire.DIALECT.read(body, "CreateBucketConfiguration")
        storage_class = text(root, "StorageClass")
    acl = request.headers.get("x-oss-acl", "")
    await service.create_bucket(
        request.bucket,
        acl=acl,
        storage_class=storage_class or "",
    )
    return Answer(200, headers=(("Location", f"/{request.bucket}"),))


async def delete_bucket(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer DeleteBucket."""
    name = request.bucket

    def delete(index: Index) -> None:
        listed = index.page(name, PageRequest("", "", "", 1))
        # Uploads as well: their parts are in the folder that is removed.
        if listed.objects or index.all(Upload, name):
            raise OssError("BucketNotEmpty", f"the bucket {name!r} has objects or uploads")
        index.delete(Bucket, name)
        service.files.remove_bucket(name)

    await service.do(delete)
    return Answer(204)


async def get_info(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer GetBucketInfo."""
    bucket = await service.do(lambda index: index.bucket(request.bucket))
    more = {
        "Owner": owner(service),
        "AccessControlList": {"Grant": bucket.acl},
    }
    content = _described(service, request, bucket) | more
    return xml(200, wire.document("BucketInfo", {"Bucket": content}))


async def get_location(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer GetBucketLocation."""
    await service.do(lambda index: index.bucket(request.bucket))
    return xml(200, wire.document("LocationConstraint", f"oss-{service.settings.account.region}"))


async def get_acl(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer GetBucketAcl and GetObjectAcl."""
    subject = await service.do(request.subject)
    content = {
        "Owner": owner(service),
        "AccessControlList": {"Grant": subject.acl},
    }
    return xml(200, wire.document("AccessControlPolicy", content))


async def put_acl(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer PutBucketAcl and PutObjectAcl."""
    header = request.headers.get("x-oss-object-acl" if request.key else "x-oss-acl", "")
    allowed = model.ACLS if request.key else model.BUCKET_ACLS
    await service.update(request, acl=model.check_acl(header, allowed))
    return Answer(200)


async def get_rules(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer GetBucketLifecycle and GetBucketCors."""
    bucket = await service.do(lambda index: index.bucket(request.bucket))
    name = _kind_of_rules(request)
    rules = getattr(bucket, name)
    if not rules:
        raise OssError(_RULES[name], f"the bucket has no {name} rules")
    return xml(200, rules.encode())


async def put_rules(
    service: OssService,
    request: OssRequest,
    stream: ClientStream,
) -> Answer:
    """Answer the operations that put and delete the rules of a bucket: lifecycle and CORS."""
    name = _kind_of_rules(request)
    body = await stream.read()
    # Stored as they came; only CORS rules are applied here.
    removed = request.method == "DELETE"
    if name == "cors" and not removed:
        cors.check(body)
    elif not removed:
        wire.DIALECT.read(body, "LifecycleConfiguration")
    rules = "" if removed else body.decode("utf-8", "replace")
    await service.update(request, **{name: rules})
    return Answer(204 if removed else 200)


def _kind_of_rules(request: OssRequest) -> str:
    """Return the kind of rules that a request is for: its operation has exactly one of them."""
    (name,) = _RULES.keys() & request.query.keys()
    return name


async def list_objects(
    service: OssService,
    request: OssRequest,
    _: ClientStream,
) -> Answer:
    """Answer ListObjects and ListObjectsV2."""
    query = request.query
    version = request.number("list-type", 1, 2)
    second = version == 2  # noqa: PLR2004 -- of the operation
    token = query.get("continuation-token", "")
    start = query.get("start-after", "")
    # A token goes on where the page before ended; start-after is for the first page.
    after = _untoken(token) or start if second else query.get("marker", "")
    limit = request.number("max-keys", 100, model.MOST_LISTED)
    page_request = PageRequest(query.get("prefix", ""), query.get("delimiter", ""), after, limit)
    listing = await service.do(lambda index: index.page(request.bucket, page_request))
    keys = [stored.key for stored in listing.objects]
    keys += listing.prefixes
    texts = [page_request.prefix, page_request.delimiter, page_request.after, start, listing.marker]
    names = request.names([*keys, *texts])
    with_owner = not second or query.get("fetch-owner") == "true"
    content: dict[str, object] = {
        "Name": request.bucket,
        "Prefix": names(page_request.prefix),
        "Delimiter": names(page_request.delimiter),
        "MaxKeys": limit,
        "EncodingType": names.kind,
        "IsTruncated": bool(listing.marker),
    }
    if second:
        following = base64.urlsafe_b64encode(listing.marker.encode()).decode()
        content |= {
            "StartAfter": names(start),
            "KeyCount": len(keys),
        }
        content |= {
            "ContinuationToken": token,
            "NextContinuationToken": following,
        }
    else:
        content |= {
            "Marker": names(after),
            "NextMarker": names(listing.marker),
        }
    entries = [_entry(stored, names) for stored in listing.objects]
    if with_owner:
        for entry in entries:
            entry["Owner"] = owner(service)
    content["Contents"] = entries
    content["CommonPrefixes"] = [{"Prefix": names(prefix)} for prefix in listing.prefixes]
    return xml(200, wire.document("ListBucketResult", content))


def _entry(stored: StoredObject, names: wire.Names) -> dict[str, object]:
    return {
        "Key": names(stored.key),
        "LastModified": wire.iso_date(stored.modified_at),
        "ETag": f'"{stored.etag}"',
        "Type": stored.kind,
        "Size": stored.content.size,
        "StorageClass": stored.headers.get("x-oss-storage-class", "Standard"),
    }


def owner(service: OssService) -> dict[str, object]:
    """Return the owner of everything."""
    account_id = service.settings.account.account_id
    return {
        "ID": account_id,
        "DisplayName": account_id,
    }


def _described(
    service: OssService,
    request: OssRequest,
    bucket: Bucket,
) -> dict[str, object]:
    region = service.settings.account.region
    return {
        "Name": bucket.name,
        "CreationDate": wire.iso_date(bucket.created_at),
        "Location": f"oss-{region}",
        "Region": region,
        "ExtranetEndpoint": request.host,
        "IntranetEndpoint": request.host,
        "StorageClass": bucket.storage_class,
    }


def _untoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        raise OssError("InvalidArgument", "the continuation-token is not one of a list") from None
