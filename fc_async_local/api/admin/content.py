# SPDX-License-Identifier: MIT
"""Contents that the console saves: objects of OSS, and payloads that travelled as claims."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fc_async_local.api.operation import Octets, Query, local
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk import payloads
from fc_async_sdk.admin import models
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from starlette.requests import Request

    from fc_async_local.services.oss.lazy import LazyOss

_PAGE: Final = 100
_LARGEST: Final = 64 * 1024 * 1024
"""Ours: bytes of an object that the console saves, which is in memory meanwhile."""


class ObjectsQuery(Query, frozen=True, kw_only=True):
    """A page of objects."""

    prefix: str = ""
    next_token: str = ""


class ObjectQuery(Query, frozen=True, kw_only=True):
    """The key of an object."""

    key: str = ""


class BucketAdmin:
    """Buckets and their objects.

    Args:
        oss: The buckets; opened by the first request.
    """

    def __init__(self, oss: LazyOss) -> None:
        self._oss = oss

    @local("GET", "/buckets")
    async def buckets(self) -> models.Buckets:
        """List all buckets."""
        from fc_async_local.services.oss.model import Bucket  # noqa: PLC0415 -- 25 ms

        buckets = await self._oss.service.do(lambda index: index.all(Bucket))
        return models.Buckets(
            buckets=[
                models.BucketSummary(name=bucket.name, created_time=bucket.created_at)
                for bucket in buckets.values()
            ]
        )

    @local("GET", "/buckets/{bucket}/objects")
    async def objects(self, bucket: str, query: ObjectsQuery) -> models.Objects:
        """List objects and common prefixes, by key, a page of 100."""
        from fc_async_local.services.oss.model import PageRequest  # noqa: PLC0415 -- 25 ms

        listing = PageRequest(query.prefix, "/", query.next_token, _PAGE)
        page = await self._oss.service.do(lambda index: index.page(bucket, listing))
        shown = [
            models.ObjectSummary(
                key=stored.key,
                size=stored.content.size,
                etag=stored.etag,
                modified_time=stored.modified_at,
                headers=stored.headers,
            )
            for stored in page.objects
        ]
        return models.Objects(
            objects=shown,
            prefixes=list(page.prefixes),
            next_token=page.marker,
        )

    @local("GET", "/buckets/{bucket}/content")
    async def content(self, bucket: str, query: ObjectQuery) -> Octets:
        """Return the content of an object, to be saved.

        Raises:
            Rejected: 400 EntityTooLarge: a client of OSS reads it piece by piece.
        """
        data = await self._oss.service.read(bucket, query.key, _LARGEST)
        name = quote(query.key.rpartition("/")[2] or "object", safe="")
        return Octets(data, headers={"content-disposition": f"attachment; filename*=UTF-8''{name}"})


class ClaimQuery(Query, frozen=True, kw_only=True):
    """A claim."""

    claim: str = ""


class PayloadAdmin:
    """Payloads in folders and in the buckets of this runtime; other buckets are not read.

    Args:
        oss: URL of the buckets.
    """

    def __init__(self, oss: str) -> None:
        self._oss = oss

    @local("GET", "/payloads")
    async def content(self, request: Request, query: ClaimQuery) -> Octets:
        """Return the payload in a folder or a bucket here that a claim stands for.

        For HEAD, only whether it is there.
        """
        text = query.claim.encode()
        whole = request.method != "HEAD"
        try:
            claim = payloads.find(text)
            if claim is None:
                raise refusals.invalid_argument("claim must be what travels in place of a payload")
            store = payloads.store_at(claim.store, self._oss)
            if not await asyncio.to_thread(store.exists, claim.key):
                raise Rejected(404, "PayloadNotFound", f"{claim.store} does not have it any more")
            data = await asyncio.to_thread(payloads.fetch, text, store) if whole else b""
        except (FcAsyncError, OSError, ValueError) as error:
            raise refusals.invalid_argument(str(error)) from None
        return Octets(data, headers={"content-disposition": "attachment"})
