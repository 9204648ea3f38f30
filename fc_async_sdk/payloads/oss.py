# SPDX-License-Identifier: MIT
"""Payloads in a bucket of OSS, through the official client ``alibabacloud-oss-v2``."""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from fc_async_sdk import _endpoint, credentials
from fc_async_sdk._installation import needed_for
from fc_async_sdk._payloads import claims
from fc_async_sdk.config import REGION_VARIABLES
from fc_async_sdk.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

_PIECE: Final = 1024 * 1024
_FORBIDDEN: Final = 403


class OssStore:
    """A :class:`~fc_async_sdk.payloads.PayloadStore` in a bucket of OSS.

    The client is made at the first request; it is thread-safe and keeps connections. In a function
    of the bucket's region, requests go to the internal endpoint, and the handler's ``large=store``
    signs them with the credentials of ``context``. Elsewhere the chain of
    :mod:`fc_async_sdk.credentials` is asked. Needs the extra ``oss``.

    Attributes:
        name: ``oss://`` and the bucket.
        threshold: Bytes of the largest payload that is sent as it is.

    Args:
        bucket: Name of the bucket.
        region: Its region; None: ``FC_ASYNC_REGION``, then ``FC_REGION``, the region of a function.
        endpoint: URL of OSS; None: ``FC_ASYNC_OSS_ENDPOINT``, then that of the region. One on this
            machine needs no credentials.
        provider: Credentials; None: as above.
        timeout: Seconds to wait for an answer, and for a connection at most.
        threshold: As the attribute.
    """

    def __init__(
        self,
        bucket: str,
        *,
        region: str | None = None,
        endpoint: str | None = None,
        provider: credentials.Provider | None = None,
        timeout: float = 20.0,
        threshold: int = claims.THRESHOLD,
    ) -> None:
        self.name = f"oss://{bucket}"
        self.threshold = threshold
        self._bucket = bucket
        self._region = region or next(filter(None, map(os.environ.get, REGION_VARIABLES)), "")
        self._endpoint = endpoint or os.environ.get("FC_ASYNC_OSS_ENDPOINT")
        self._given = self._provider = provider
        self._timeout = timeout

    def within(self, context: Any) -> Self:
        """Sign the requests from now on with the credentials of an invocation, if it has some."""
        # Credentials that the user gave stay; those of a function's role change with each
        # invocation.
        if self._given is None:
            with contextlib.suppress(CredentialsError):
                self._provider = credentials.from_context(context)
        return self

    def put(self, key: str, data: bytes | BinaryIO) -> None:
        """Store an object of up to 5 GB, in place of one with the same key."""
        with self._told():
            request = self._oss.PutObjectRequest(
                bucket=self._bucket,
                key=key,
                body=data,
            )
            self._client.put_object(request)

    def get(self, key: str) -> Iterator[bytes]:
        """Yield the content of an object in pieces."""
        with self._told():
            request = self._oss.GetObjectRequest(bucket=self._bucket, key=key)
            with self._client.get_object(request).body as body:
                yield from body.iter_bytes(block_size=_PIECE)

    def exists(self, key: str) -> bool:
        """Return whether there is an object."""
        with self._told():
            return bool(self._client.is_object_exist(self._bucket, key))

    @functools.cached_property
    def _oss(self) -> Any:
        with needed_for("OssStore", "oss"):
            import alibabacloud_oss_v2  # noqa: PLC0415 -- an extra, slow to import
        return alibabacloud_oss_v2

    @functools.cached_property
    def _client(self) -> Any:
        endpoint = _endpoint.parse(self._endpoint) if self._endpoint else None
        is_local = endpoint is not None and endpoint.loopback
        if self._provider is None and endpoint is not None and is_local:
            from fc_async_sdk import _runtimes  # noqa: PLC0415 -- only for this machine

            self._provider = credentials.Static(_runtimes.credentials(endpoint, os.environ))
        elif self._provider is None:
            from fc_async_sdk import _credential_chain  # noqa: PLC0415 -- not needed in functions

            self._provider = _credential_chain.find(os.environ, home=Path.home())
        if not self._region and not self._endpoint:
            raise ConfigurationError(
                "no region: give OssStore(..., region=...), or set FC_ASYNC_REGION"
            )
        # On this machine the bucket is in the path: an address takes no name in front of it. In the
        # region of the function, traffic to the internal endpoint is free, and needs no way out of
        # the function's network (OSS, "Regions and endpoints").
        config = self._oss.config.Config(
            region=self._region or "local",
            endpoint=self._endpoint,
            use_path_style=is_local,
            use_internal_endpoint=self._region == os.environ.get("FC_REGION"),
            connect_timeout=min(self._timeout, 10.0),
            readwrite_timeout=self._timeout,
            credentials_provider=self._oss.credentials.CredentialsProviderFunc(self._keys),
        )
        return self._oss.Client(config)

    def _keys(self) -> Any:
        """Return the credentials of now in the form of the client."""
        assert self._provider is not None
        keys = self._provider()
        return self._oss.credentials.Credentials(
            keys.access_key_id, keys.access_key_secret, keys.security_token or None
        )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn errors of the client into those of a file system, on one line."""
        try:
            yield
        except self._oss.exceptions.OperationError as error:
            cause = error.unwrap()
            if not isinstance(cause, self._oss.exceptions.ServiceError):
                raise OSError(f"{type(cause).__name__}: {cause}") from error
            text = f"{cause.code}: {cause.message} [request {cause.request_id}]"
            # The same errors as of a folder, so that claims tell them apart without knowing the
            # store.
            if cause.code == "NoSuchKey":
                raise FileNotFoundError(text) from error
            if cause.status_code == _FORBIDDEN:
                raise PermissionError(text) from error
            raise OSError(text) from error

    def __repr__(self) -> str:
        return f"OssStore({self._bucket!r})"
