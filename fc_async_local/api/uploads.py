# SPDX-License-Identifier: MIT
"""The temporary code bucket, to which deploy tools upload an archive before CreateFunction.

``GET /2016-08-15/tempBucketToken`` returns an object name and a token for it, the archive is PUT
there with the protocol of OSS, and CreateFunction names the object. It is not an object storage.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

from fc_async_local.api.operation import served
from fc_async_local.domain.errors import Rejected
from fc_async_sdk.spec.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.settings import Settings

BUCKET_PATH: Final = "/2016-08-15/tempBucketToken"
"""The path of the token, which tools for FC 3.0 ask for as well."""
_LIFETIME_MS: Final = 3_600_000
_DIGITS: Final = 20
"""More than the digits of any time in milliseconds."""
_BUCKET_HOST: Final = re.compile(r"fc-temp-code-[a-z0-9-]+\.oss-[a-z0-9-]+\.aliyuncs\.com")


def is_bucket(host: str) -> bool:
    """Return whether a Host names the temporary bucket: OSS's client sends it to every server."""
    return _BUCKET_HOST.fullmatch(host) is not None


class UploadOperations:
    """The temporary code bucket.

    Args:
        registry: Where archives are kept.
        settings: Region and account.
        checksum: Returns the CRC-64 of an archive, which the client of OSS compares with its own.
        now: Returns the time of the machine in milliseconds since the epoch.
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

    @served("GetTempBucketToken", "GET", BUCKET_PATH, prefix="")
    async def temp_bucket_token(self) -> dict[str, Any]:
        """Return an object name for one archive, and a token that is valid for an hour."""
        region = self._settings.account.region
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
        return f"fc-temp-code-{self._settings.account.region}"

    def _token(self, expires: int) -> str:
        seal = hmac.digest(self._key, str(expires).encode(), hashlib.sha256).hex()
        return f"{expires}.{seal}"

    def _is_valid(self, token: str) -> bool:
        """Return whether a token is one of this runtime, and has not expired."""
        expires, _, _ = token.partition(".")
        # Python's int() fails on more than 4,300 digits.
        is_short_number = expires.isascii() and expires.isdigit() and len(expires) < _DIGITS
        if not is_short_number:
            return False
        expected = self._token(int(expires))
        if not hmac.compare_digest(token.encode(), expected.encode()):
            return False
        return int(expires) >= self._now()

    @served("PutObject", "PUT", "/{account:number}/{name}", prefix="")
    async def put_object(self, request: Request, **_: object) -> Response:
        """Answer PutObject, with a token of this runtime.

        Raises:
            Rejected: 403 AccessDenied: the token is not of this runtime, or has expired.
        """
        if not self._is_valid(request.headers.get("x-oss-security-token", "")):
            raise Rejected(403, "AccessDenied", "x-oss-security-token is not one of this runtime")
        data = await request.body()
        # The account is that of the tool's credentials, which may be another than the runtime's.
        await self._storage.upload(self._bucket, request.url.path.removeprefix("/"), data)
        checksum = self._checksum(data)
        headers = {"etag": f'"{checksum}"', "x-oss-hash-crc64ecma": checksum}
        return Response(status_code=200, headers=headers)
