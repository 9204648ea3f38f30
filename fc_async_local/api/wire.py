# SPDX-License-Identifier: MIT
"""HTTP as this API speaks it: ASGI types, request ids, bodies within limits, JSON errors.

Everything that goes wrong is answered as ``{"Code", "Message", "RequestId"}``: the official
clients fail to read anything else. Knows no operation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

import msgspec

from fc_async_local.engine.protocol import Rejected
from fc_async_local.http.bodies import TooManyBodies
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import limits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
HeaderList = list[tuple[bytes, bytes]]

REQUEST_ID: Final = "fc_async_local.request_id"
"""Where the scope carries the id of the request."""

API_BODY_BYTES: Final = 160 * 1024 * 1024
"""Ours: the largest body of an operation other than InvokeFunction (a zip of 120 MB, base64)."""

_DISCARD_BYTES: Final = 2 * limits.SYNC_PAYLOAD_BYTES
"""Ours: how much of a body that is refused already is read, so that its sender sees why."""


class ClientGone(Exception):
    """The client hung up before its request was whole. Nothing may follow from it."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body.

    Args:
        receive: From ASGI.
        limit: Most bytes that are kept at a time.

    Raises:
        Rejected: 400 EntityTooLarge. What was over the limit has been read and dropped.
        ClientGone: Half a body came.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) <= limit:
            return body
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        more = message.get("more_body", False)
        if size > limit and (not more or size > _DISCARD_BYTES):
            raise Rejected(
                400,
                "EntityTooLarge",
                f"payload size exceeds maximum allowed size ({limit} bytes)",
            )
        if not more:
            return b"".join(chunks)
        message = await receive()


def as_rejection(error: Exception) -> Rejected | None:
    """The refusal that an error stands for; None when it is a fault of this program."""
    if isinstance(error, Rejected):
        return error
    if isinstance(error, TooManyBodies):
        return Rejected(503, "ServiceUnavailable", str(error), retry_after=1)
    if isinstance(error, StoreUnavailable):
        return Rejected(
            503, "ServiceUnavailable", f"the store is unavailable: {error}", retry_after=1
        )
    return None


INTERNAL: Final = Rejected(
    500, "InternalServerError", "an internal error has occurred. Please retry."
)


async def send_answer(
    send: Send,
    status: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    content_type: str = "application/json",
) -> None:
    """One whole answer."""
    pairs: HeaderList = [(k.encode(), v.encode("latin-1")) for k, v in (headers or {}).items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    if body:
        pairs.append((b"content-type", content_type.encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def send_rejection(send: Send, error: Rejected, request_id: str) -> None:
    """A refusal in the service's form."""
    body = {"Code": error.code, "Message": error.message, "RequestId": request_id}
    headers = {"x-fc-request-id": request_id}
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    await send_answer(send, error.status, msgspec.json.encode(body), headers)
