# SPDX-License-Identifier: MIT
"""Sends calls over aiohttp, within one event loop.

The asyncio version of :mod:`fc_async_sdk.transport.sync`: same signing, retries and failures. One
pooled aiohttp session, made when the first call is sent.
"""

from __future__ import annotations

import asyncio
import functools
import io
import os
from typing import Any, Final

import aiohttp
import yarl

from fc_async_sdk.operations.call import Answer, Call
from fc_async_sdk.transport import common
from fc_async_sdk.transport.loop import LoopTransport, tls
from fc_async_sdk.transport.retry import Failure

_ACCEPTED: Final = 202
_CHUNK: Final = 1024 * 1024
_ADDED_BY_AIOHTTP: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AioTransport(LoopTransport):
    """Sends over aiohttp. Belongs to the event loop that first uses it."""

    _session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections. Calls that are made later fail."""
        await super().close()
        session = self._session
        self._session = None
        # After a fork the connections are those of the parent.
        if session is not None and self._pid == os.getpid():
            await session.close()

    def _begin(self) -> None:
        endpoint = self._endpoint
        config = self._config
        self._url = endpoint.url
        self._proxy = common.proxy(endpoint, config)
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            sock_connect=config.connect_timeout,
            sock_read=config.read_timeout,
        )
        connector = aiohttp.TCPConnector(
            limit=config.max_pool_connections,
            ssl=tls(endpoint, config) if endpoint.scheme == "https" else True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        # aiohttp repeats by itself what it takes for idempotent. Retries are counted, signed
        # anew and reported here, so there must be no others.
        self._session._retry_connection = False  # noqa: SLF001 -- there is no public switch

    async def _exchange(self, call: Call[Any], left: float | None) -> Answer | Failure:
        session = self._session
        assert session is not None
        target = f"{self._url}{call.path}?{call.query}" if call.query else self._url + call.path
        try:
            response = await session.request(
                call.method,
                _url(target),
                data=_data(call.body),
                headers=self._headers(call),
                allow_redirects=False,
                timeout=self._timeouts(call, left),
                proxy=self._proxy,
            )
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            failure = self._failure(error)
            failure.__cause__ = error
            return failure
        if response.content.at_eof():
            return Answer(response.status, response.headers, b"")
        async with response:
            body = await self._body(response, call)
        if isinstance(body, Failure):
            return body
        return Answer(response.status, response.headers, body)

    def _failure(self, error: Exception) -> Failure:
        """Return what an exception of aiohttp means: did anything leave?"""
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return Failure("no connection in time", sent=False, timed_out=True)
        if isinstance(error, aiohttp.ClientConnectorError) and self._proxy is None:
            return Failure(common.no_connection(self._endpoint, error.os_error), sent=False)
        if isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError)):
            return Failure(f"no connection to the proxy: {_reason(error)}", sent=False)
        if isinstance(error, asyncio.TimeoutError):
            return Failure("no answer in time", sent=True, timed_out=True)
        return Failure(f"the connection broke: {_reason(error)}", sent=True)

    def _timeouts(self, call: Call[Any], left: float | None) -> aiohttp.ClientTimeout:
        if left is None and call.timeout is None:
            return self._timeout
        return aiohttp.ClientTimeout(
            total=left,
            sock_connect=self._config.connect_timeout,
            sock_read=call.timeout or self._config.read_timeout,
        )

    async def _body(self, response: aiohttp.ClientResponse, call: Call[Any]) -> bytes | Failure:
        chunks: list[bytes] = []
        size = 0
        try:
            async for chunk in response.content.iter_chunked(_CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > self._config.max_response_bytes:
                    response.close()
                    raise self._too_long(call, response.headers.get("x-fc-request-id"))
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            if response.status == _ACCEPTED:
                return b""  # the status said all that matters: it is stored
            timed_out = isinstance(error, asyncio.TimeoutError)
            failure = Failure(
                f"the answer broke off: {_reason(error)}", sent=True, timed_out=timed_out
            )
            failure.__cause__ = error
            return failure
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _data(body: bytes) -> bytes | io.BytesIO | None:
    """Return the body in the form in which aiohttp sends it without blocking the loop."""
    return io.BytesIO(body) if len(body) > _CHUNK else body or None


@functools.lru_cache(maxsize=256)
def _url(target: str) -> yarl.URL:
    return yarl.URL(target, encoded=True)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
