# SPDX-License-Identifier: MIT
"""Objects for tests, put and read in the process of the runtime, as by a request to OSS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fc_async_local.http.messages import Request
from fc_async_local.services import common
from fc_async_local.services.oss import objects
from fc_async_local.services.oss.model import PageRequest
from fc_async_local.services.oss.request import OssRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from fc_async_local.services.oss.service import OssService


class Objects:
    """The objects of OSS: ``fc_local.oss``.

    Args:
        service: The buckets.
        call: Runs a coroutine in the event loop of the runtime and waits for it.
    """

    def __init__(
        self, service: OssService, call: Callable[[Coroutine[Any, Any, Any]], Any]
    ) -> None:
        self._service = service
        self._call = call

    def create_bucket(self, bucket: str) -> None:
        """Create a bucket, unless it exists.

        Raises:
            OssError: InvalidBucketName.
        """
        self._call(self._service.create_bucket(bucket))

    def put(
        self,
        bucket: str,
        key: str,
        data: bytes,
        **headers: str,
    ) -> None:
        """Put an object, which fires the triggers of the bucket; the bucket is created if needed.

        Args:
            bucket: Name of the bucket.
            key: Key of the object.
            data: Its content.
            headers: Such as ``content_type="image/png"``.

        Raises:
            OssError: InvalidBucketName, InvalidObjectName.
        """
        self.create_bucket(bucket)
        wire_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/{bucket}/{quote(key, safe='/')}"
        request = Request("PUT", path, "", wire_headers, id=common.request_id())
        self._call(objects.write(self._service, OssRequest(request), _pieces(data)))

    def get(self, bucket: str, key: str) -> bytes:
        """Return the content of an object.

        Raises:
            OssError: NoSuchBucket, NoSuchKey.
        """
        content: bytes = self._call(self._service.read(bucket, key))
        return content

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return the keys of the objects of a bucket, in their order.

        Raises:
            OssError: NoSuchBucket.
        """
        page_request = PageRequest(prefix, "", "", 1_000_000)
        listing = self._call(self._service.do(lambda index: index.page(bucket, page_request)))
        return [stored.key for stored in listing.objects]


async def _pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data
