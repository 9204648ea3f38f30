# SPDX-License-Identifier: MIT
"""Passes the request of an HTTP trigger to the server of a web function, and its answer back.

The request reaches the server as it was sent, apart from the headers that belong to a connection
and those that the service adds. A synchronous call streams both bodies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from yarl import URL

from fc_async_local.execution.worker import frames
from fc_async_sdk.spec import http_trigger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aiohttp

    from fc_async_local.domain.invocation import HttpHead
    from fc_async_local.execution.protocol import Attempt

_OF_THE_CONNECTION: Final = http_trigger.HOP_BY_HOP | {"expect"}
"""For the connection between client and runtime only."""
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add to a request that has none."""


class Forwarded(NamedTuple):
    """Result of a forwarded request.

    Attributes:
        mark: The header ``x-fc-status`` of the answer, "" if there is none.
        body: The body; empty if it was streamed, None if it is too long.
    """

    mark: str
    body: bytes | None


async def forward(
    session: aiohttp.ClientSession,
    address: str,
    attempt: Attempt,
    common: Mapping[str, str],
) -> Forwarded:
    """Send the request of an attempt to a server, and pass the answer on.

    Args:
        session: The connections to the server.
        address: Its URL, without a path.
        attempt: Has the request, and the client's side of it if the client waits.
        common: The headers that the service adds.

    Raises:
        aiohttp.ClientError: The server broke the connection, or its answer is not HTTP.
        BadResponse: The answer cannot be passed on.
    """
    head = attempt.http
    exchange = attempt.exchange
    assert head is not None
    async with session.request(
        head.method,
        # As it came: yarl would decode it and encode it anew.
        URL(address + head.target, encoded=True),
        headers=_headers(head, common, streamed=exchange is not None),
        data=_body(head, attempt),
        allow_redirects=False,
        skip_auto_headers=_AUTOMATIC,
    ) as response:
        mark = response.headers.get("x-fc-status", "")
        if exchange is None:
            return Forwarded(mark, await read_bounded(response))
        # Names keep their case, and repeated headers such as Set-Cookie stay apart.
        raw = response.raw_headers
        await exchange.begin(
            response.status, [(name.decode("latin-1"), v.decode("latin-1")) for name, v in raw]
        )
        async for chunk in response.content.iter_any():
            await exchange.write(chunk)
        return Forwarded(mark, b"")


async def read_bounded(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the whole body of an answer; None if it is too long."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > frames.MAX_BODY_BYTES:
            return None
    return bytes(body)


def _headers(head: HttpHead, common: Mapping[str, str], *, streamed: bool) -> list[tuple[str, str]]:
    passed = [
        (name, _as_sent(value))
        for name, value in head.headers
        # The length of a body that is not streamed is known to aiohttp.
        if name not in _OF_THE_CONNECTION and (streamed or name != "content-length")
    ]
    return [*passed, *common.items()]


def _as_sent(value: str) -> str:
    """Return a value that aiohttp, which writes UTF-8, sends as the bytes that came."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def _body(head: HttpHead, attempt: Attempt) -> AsyncIterator[bytes] | bytes | None:
    if attempt.exchange is None:
        return attempt.payload or None
    framing: dict[str, Any] = dict(head.headers)
    has_body = framing.get("content-length", "0") != "0" or "transfer-encoding" in framing
    return attempt.exchange.body() if has_body else None
