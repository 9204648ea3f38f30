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
from fc_async_local.services.oss.model import Bucket, OssError, StoredObject, Upload, Wanted

if TYPE_CHECKING:
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.services.oss.service import OssService

_RULES: Final = {"lifecycle": "NoSuchLifecycle", "cors": "NoSuchCORSConfiguration"}
"""Kinds of rules of a bucket, with the error if there are none."""


async def list_buckets(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer ListBuckets."""
    prefix, after = asked.query.get("prefix", ""), asked.query.get("marker", "")
    limit = asked.number("max-keys", 100, model.MOST_LISTED)
    found = await service.do(lambda index: index.all(Bucket))
    shown, marker = common.page(found, prefix=prefix, after=after, limit=limit)
    content: dict[str, object] = {
        "Owner": owner(service),
        "Prefix": prefix,
        "Marker": after,
        "MaxKeys": limit,
        "IsTruncated": bool(marker),
        "NextMarker": marker,
        "Buckets": {"Bucket": [_described(service, asked, found[name]) for name in shown]},
    }
    return xml(200, wire.document("ListAllMyBucketsResult", content))


async def put_bucket(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer PutBucket."""
    body, chosen = await stream.read(), None
    if body.strip():
        chosen = text(wire.DIALECT.read(body, "CreateBucketConfiguration"), "StorageClass")
    acl = asked.headers.get("x-oss-acl", "")
    await service.create_bucket(asked.bucket, acl=acl, storage_class=chosen or "")
    return Answer(200, headers=(("Location", f"/{asked.bucket}"),))


async def delete_bucket(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer DeleteBucket."""
    name = asked.bucket

    def delete(index: Index) -> None:
        listed = index.page(name, Wanted("", "", "", 1))
        if listed.objects or index.all(Upload, name):
            raise OssError("BucketNotEmpty", f"the bucket {name!r} has objects or uploads")
        index.delete(Bucket, name)
        service.files.remove_bucket(name)

    await service.do(delete)
    return Answer(204)


async def get_info(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer GetBucketInfo."""
    bucket = await service.do(lambda index: index.bucket(asked.bucket))
    more = {"Owner": owner(service), "AccessControlList": {"Grant": bucket.acl}}
    content = _described(service, asked, bucket) | more
    return xml(200, wire.document("BucketInfo", {"Bucket": content}))


async def get_location(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer GetBucketLocation."""
    await service.do(lambda index: index.bucket(asked.bucket))
    return xml(200, wire.document("LocationConstraint", f"oss-{service.settings.place.region}"))


async def get_acl(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer GetBucketAcl and GetObjectAcl."""
    found = await service.do(asked.subject)
    content = {"Owner": owner(service), "AccessControlList": {"Grant": found.acl}}
    return xml(200, wire.document("AccessControlPolicy", content))


async def put_acl(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer PutBucketAcl and PutObjectAcl."""
    header = asked.headers.get("x-oss-object-acl" if asked.key else "x-oss-acl", "")
    allowed = model.ACLS if asked.key else model.BUCKET_ACLS
    await service.update(asked, acl=model.check_acl(header, allowed))
    return Answer(200)


async def get_rules(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer GetBucketLifecycle and GetBucketCors."""
    bucket = await service.do(lambda index: index.bucket(asked.bucket))
    name = _kind_of_rules(asked)
    rules = getattr(bucket, name)
    if not rules:
        raise OssError(_RULES[name], f"the bucket has no {name} rules")
    return xml(200, rules.encode())


async def put_rules(service: OssService, asked: OssRequest, stream: ClientStream) -> Answer:
    """Answer the operations that put and delete the rules of a bucket: lifecycle and CORS."""
    name = _kind_of_rules(asked)
    body = await stream.read()
    removed = asked.method == "DELETE"
    if name == "cors" and not removed:
        cors.check(body)
    elif not removed:
        wire.DIALECT.read(body, "LifecycleConfiguration")
    await service.update(asked, **{name: "" if removed else body.decode("utf-8", "replace")})
    return Answer(204 if removed else 200)


def _kind_of_rules(asked: OssRequest) -> str:
    """Return the kind of rules that a request is for: its operation has exactly one of them."""
    (name,) = _RULES.keys() & asked.query.keys()
    return name


async def list_objects(service: OssService, asked: OssRequest, _: ClientStream) -> Answer:
    """Answer ListObjects and ListObjectsV2."""
    query = asked.query
    version = asked.number("list-type", 1, 2)
    second = version == 2  # noqa: PLR2004 -- of the operation
    token, start = query.get("continuation-token", ""), query.get("start-after", "")
    after = (_untoken(token) or start) if second else query.get("marker", "")
    limit = asked.number("max-keys", 100, model.MOST_LISTED)
    wanted = Wanted(query.get("prefix", ""), query.get("delimiter", ""), after, limit)
    found = await service.do(lambda index: index.page(asked.bucket, wanted))
    keys = [*(one.key for one in found.objects), *found.prefixes]
    names = asked.names([*keys, *wanted[:3], start, found.marker])
    with_owner = not second or query.get("fetch-owner") == "true"
    content: dict[str, object] = {
        "Name": asked.bucket,
        "Prefix": names(wanted.prefix),
        "Delimiter": names(wanted.delimiter),
        "MaxKeys": limit,
        "EncodingType": names.kind,
        "IsTruncated": bool(found.marker),
    }
    if second:
        following = base64.urlsafe_b64encode(found.marker.encode()).decode()
        content |= {"StartAfter": names(start), "KeyCount": len(keys)}
        content |= {"ContinuationToken": token, "NextContinuationToken": following}
    else:
        content |= {"Marker": names(after), "NextMarker": names(found.marker)}
    content["Contents"] = [
        _entry(one, names) | ({"Owner": owner(service)} if with_owner else {})
        for one in found.objects
    ]
    content["CommonPrefixes"] = [{"Prefix": names(one)} for one in found.prefixes]
    return xml(200, wire.document("ListBucketResult", content))


def _entry(found: StoredObject, names: wire.Names) -> dict[str, object]:
    return {
        "Key": names(found.key),
        "LastModified": wire.iso_date(found.modified_at),
        "ETag": f'"{found.etag}"',
        "Type": found.kind,
        "Size": found.content.size,
        "StorageClass": found.headers.get("x-oss-storage-class", "Standard"),
    }


def owner(service: OssService) -> dict[str, object]:
    """Return the owner of everything."""
    account_id = service.settings.place.account_id
    return {"ID": account_id, "DisplayName": account_id}


def _described(service: OssService, asked: OssRequest, bucket: Bucket) -> dict[str, object]:
    region = service.settings.place.region
    return {
        "Name": bucket.name,
        "CreationDate": wire.iso_date(bucket.created_at),
        "Location": f"oss-{region}",
        "Region": region,
        "ExtranetEndpoint": asked.host,
        "IntranetEndpoint": asked.host,
        "StorageClass": bucket.storage_class,
    }


def _untoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        raise OssError("InvalidArgument", "the continuation-token is not one of a list") from None
