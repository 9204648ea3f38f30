# SPDX-License-Identifier: MIT
"""Payloads of any size: they are written to a store, and a claim travels.

Both sides name the store::

    from fc_async_sdk.payloads import OssStore

    store = OssStore("my-bucket")  # or DefaultStore(), which the environment chooses
    client.function("resize", payload=Order, large=store).spawn(order)

    @handler(Order, large=store)
    def resize(order, context): ...

A store has the three methods of :class:`PayloadStore`. It may also be used for files that functions
share: keys are then those of the user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Literal, overload

from fc_async_sdk._payloads import claims
from fc_async_sdk._payloads.claims import Claim, PayloadStore, find
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.payloads.default import DefaultStore, store_at
from fc_async_sdk.payloads.folder import FolderStore
from fc_async_sdk.payloads.oss import OssStore

if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Claim",
    "DefaultStore",
    "FolderStore",
    "OssStore",
    "PayloadStore",
    "fetch",
    "find",
    "store_at",
]


@overload
def fetch(
    payload: Any,
    store: PayloadStore,
    *,
    stream: Literal[False] = ...,
    limit: int = ...,
) -> bytes: ...
@overload
def fetch(
    payload: Any,
    store: PayloadStore,
    *,
    stream: Literal[True],
    limit: int = ...,
) -> BinaryIO: ...
def fetch(
    payload: Any,
    store: PayloadStore,
    *,
    stream: bool = False,
    limit: int = claims.MEMORY,
) -> bytes | BinaryIO:
    """Return the payload that a claim stands for; another payload as it is.

    Args:
        payload: Bytes or text, such as the event of a handler.
        store: The store that has it.
        stream: Return a temporary file, at its beginning, which is deleted when it is closed. It
            was checked as a whole.
        limit: Without ``stream``: bytes that may be read into memory.

    Raises:
        PayloadOverMemory: It is larger than the limit.
        PayloadNotFound: The store does not have it, or not any more.
        PayloadDamaged: It is not what was written.
        PayloadStoreDenied: The store denies access.
        PayloadStoreFailed: The store failed.
        UnreadableClaim: It is a claim of another version.
        InvalidParameter: It is neither bytes nor text.
    """
    if not isinstance(payload, (bytes, bytearray, memoryview, str)):
        raise InvalidParameter("payload", payload, "must be bytes or text, as it was sent")
    data = payload.encode() if isinstance(payload, str) else bytes(payload)
    claim = find(data)
    if not stream:
        return data if claim is None else claims.fetch(store, claim, limit)
    import tempfile  # noqa: PLC0415 -- only for streams

    file = tempfile.TemporaryFile()  # noqa: SIM115 -- the caller closes it
    try:
        file.writelines([data] if claim is None else claims.read(store, claim))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file
