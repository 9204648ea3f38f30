# SPDX-License-Identifier: MIT
"""The temporary code bucket: how deploy tools hand over archives before they create a function.

``GET /2016-08-15/tempBucketToken`` names a place and gives keys to it, the archive is PUT there in
OSS's manner, and CreateFunction names the place. It takes archives and nothing else: this is no
object storage.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from fc_async_local.api.operation import operation
from fc_async_local.engine.protocol import Rejected
from fc_async_local.functions.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.settings import Settings

_LIFETIME_MS: Final = 3_600_000
_BUCKET_HOST: Final = re.compile(r"fc-temp-code-[a-z0-9-]+\.oss-[a-z0-9-]+\.aliyuncs\.com")


def is_bucket(host: str) -> bool:
    """Whether a Host names the temporary bucket: OSS's client sends it to every server."""
    return _BUCKET_HOST.fullmatch(host) is not None


class UploadOperations:
    """The temporary code bucket.

    Args:
        registry: Takes the archives.
        settings: Region and account.
        checksum: CRC-64 of what was put, which OSS's client compares with its own.
        now: Milliseconds since the epoch, the machine's.
    """

    def __init__(
        self,
        registry: FunctionRegistry,
        settings: Settings,
        *,
        checksum: Callable[[bytes], str],
        now: Callable[[], int],
    ) -> None:
        self._storage = registry.code
        self._settings = settings
        self._checksum = checksum
        self._now = now
        self._key = secrets.token_bytes(32)

    def routes(self) -> list[Route]:
        """The routes of these operations."""
        return [
            operation("GET", "/2016-08-15/tempBucketToken", self.temp_bucket_token, prefix=""),
            operation("PUT", "/{account:number}/{name}", self.put_object, prefix=""),
        ]

    async def temp_bucket_token(self, _: Request) -> dict[str, Any]:
        """A place for one archive, and keys that are good for an hour."""
        region = self._settings.place.region
        expires = self._now() + _LIFETIME_MS
        return {
            "credentials": {
                "AccessKeyId": "STS.local",
                "AccessKeySecret": secrets.token_hex(16),
                "SecurityToken": self._token(expires),
                "Expiration": rfc3339(expires),
            },
            "ossRegion": f"oss-{region}",
            "ossBucket": self._bucket,
            "objectName": secrets.token_hex(16),
        }

    @property
    def _bucket(self) -> str:
        return f"fc-temp-code-{self._settings.place.region}"

    def _token(self, expires: int) -> str:
        seal = hmac.digest(self._key, str(expires).encode(), hashlib.sha256).hex()
        return f"{expires}.{seal}"

    async def put_object(self, request: Request) -> Response:
        """PutObject, with a token that this runtime gave out.

        Raises:
            Rejected: 403 AccessDenied: the token is not ours or too old.
        """
        token = request.headers.get("x-oss-security-token", "")
        expires = token.partition(".")[0]
        good = expires.isascii() and expires.isdigit() and len(expires) < 20  # noqa: PLR2004 -- bounds int()
        if (
            not good
            or not hmac.compare_digest(token.encode(), self._token(int(expires)).encode())
            or int(expires) < self._now()
        ):
            raise Rejected(403, "AccessDenied", "x-oss-security-token is not one of this runtime")
        data = await request.body()
        # The account is that of the tool's credentials, which needn't be the runtime's.
        await self._storage.upload(self._bucket, request.url.path.removeprefix("/"), data)
        checksum = self._checksum(data)
        headers = {"etag": f'"{checksum}"', "x-oss-hash-crc64ecma": checksum}
        return Response(status_code=200, headers=headers)
