# SPDX-License-Identifier: MIT
"""The store that the environment names, so that code is the same here and in the cloud."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from fc_async_sdk import _endpoint, _project_folder
from fc_async_sdk._payloads import claims
from fc_async_sdk.admin.operations import get_health
from fc_async_sdk.config import Config
from fc_async_sdk.credentials import LOCAL, Static
from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.payloads.folder import FolderStore
from fc_async_sdk.payloads.oss import OssStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk._payloads.claims import PayloadStore
    from fc_async_sdk.admin.models import Health


def store_at(url: str, oss_endpoint: str | None = None) -> FolderStore | OssStore:
    """Return the store with a name: ``oss://bucket``, ``file:///folder``, or the path of a folder.

    Args:
        url: The name.
        oss_endpoint: As ``endpoint`` of :class:`OssStore`.

    Raises:
        ConfigurationError: It is another URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "oss" and parts.netloc and parts.path in {"", "/"}:
        return OssStore(parts.netloc, endpoint=oss_endpoint)
    if parts.scheme == "file" and not parts.netloc:
        return FolderStore(unquote(parts.path))
    if "://" in url or parts.scheme == "oss":
        raise ConfigurationError(
            f"{url} is not a store: write oss://BUCKET or the path of a folder"
        )
    return FolderStore(url)


class DefaultStore:
    """The :class:`PayloadStore` that the environment names at each use.

    The variable ``FCASYNC_PAYLOADS`` names it: ``oss://BUCKET``, or the path of a folder;
    ``fc_local`` sets it. Without it, it is a folder of the local runtime at ``FC_ASYNC_ENDPOINT``,
    which functions that run there have, too. A bucket is that of this runtime, unless
    ``FC_ASYNC_OSS_ENDPOINT`` is set. Nodes that share a PostgreSQL database share neither folders
    nor buckets: there, the variables are needed.

    Attributes:
        threshold: Bytes of the largest payload that is sent as it is.

    Args:
        endpoint: URL of the local runtime whose folder it may be; None: ``FC_ASYNC_ENDPOINT``.
        threshold: As the attribute.
    """

    def __init__(self, endpoint: str | None = None, *, threshold: int = claims.THRESHOLD) -> None:
        self._endpoint = endpoint
        self.threshold = threshold

    @property
    def name(self) -> str:
        """The name of the store.

        Raises:
            ConfigurationError: The environment names none, and there is no default.
        """
        return self._store.name

    def put(self, key: str, data: bytes | BinaryIO) -> None:
        """Store an object as a whole, in place of one with the same key."""
        self._store.put(key, data)

    def get(self, key: str) -> Iterable[bytes]:
        """Return the content of an object in pieces."""
        return self._store.get(key)

    def exists(self, key: str) -> bool:
        """Return whether there is an object."""
        return self._store.exists(key)

    def within(self, context: Any) -> PayloadStore:
        """Return the store with the credentials of an invocation."""
        return claims.within(self._store, context)

    @property
    def _store(self) -> PayloadStore:
        url = claims.named_store(os.environ)
        endpoint = os.environ.get("FC_ASYNC_ENDPOINT", "")
        oss_endpoint = os.environ.get("FC_ASYNC_OSS_ENDPOINT", "")
        return _chosen(url, self._endpoint or endpoint, oss_endpoint)

    def __repr__(self) -> str:
        return "DefaultStore()"


# Cached, because it asks the runtime, and a store is asked for at each payload.
@functools.lru_cache(maxsize=16)
def _chosen(url: str, endpoint: str, oss_endpoint: str) -> PayloadStore:
    """Return the store that the environment names.

    Args:
        url: The store, "" for that of the local runtime.
        endpoint: URL of the service or of a runtime, "" if none is set.
        oss_endpoint: URL of OSS, "" if none is set.

    Raises:
        ConfigurationError: There is none, or several nodes would each have their own.
    """
    runtime = _endpoint.parse(endpoint) if endpoint else None
    is_local = runtime is not None and runtime.loopback
    is_bucket = url.startswith("oss:")
    # With oss://BUCKET alone, a client of the local runtime wrote to the bucket in the cloud, and
    # the function read the one on this machine.
    is_bucket_of_runtime = is_bucket and is_local and not oss_endpoint
    if url and not is_bucket_of_runtime:
        return store_at(url, oss_endpoint or None)
    if runtime is None or not is_local:
        raise ConfigurationError(
            f"no store of payloads: set {claims.VARIABLE} to oss://BUCKET, or to a folder that "
            "all instances and senders mount"
        )
    health = _health(runtime)
    if health.shared:
        raise ConfigurationError(_unshared(endpoint, url))
    if is_bucket:
        return store_at(url, health.oss)
    return FolderStore(Path(health.data, _project_folder.PAYLOADS))


def _health(runtime: Endpoint) -> Health:
    from fc_async_sdk.transport.sync import SyncTransport  # noqa: PLC0415 -- loads requests

    transport = SyncTransport(runtime, Config(), Static(LOCAL))
    try:
        return transport.send(get_health())
    finally:
        transport.close()


def _unshared(endpoint: str, bucket: str) -> str:
    """Return why a runtime of several nodes has no default store, and what to set."""
    reason = f"the runtime at {endpoint} shares its database with other nodes"
    if bucket:
        return (
            f"{reason}, which have buckets of their own: set FC_ASYNC_OSS_ENDPOINT to the OSS of "
            f"{bucket} for all senders and nodes"
        )
    return (
        f"{reason}, which cannot read its folders: set {claims.VARIABLE} to a folder that all "
        "senders and nodes have, or to oss://BUCKET with FC_ASYNC_OSS_ENDPOINT"
    )
