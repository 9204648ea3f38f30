# SPDX-License-Identifier: MIT
"""Sends accepts over keep-alive connections on an event loop; httptools parses the answers.

It is here for speed alone: an accept costs a third of the processor time that it costs over
aiohttp (docs/decisions/sdk.md#0023 has the figures). It has no proxies, redirects, compression or
cookies. Calls that need one of them go over aiohttp.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final, cast

from fc_async_sdk._cancellation import end_tasks, ends_within
from fc_async_sdk.transport import common
from fc_async_sdk.transport.answers import AnswerReader, TooLong
from fc_async_sdk.transport.loop import LoopTransport, tls
from fc_async_sdk.transport.retry import Failure

if TYPE_CHECKING:
    from fc_async_sdk.operations.call import Answer, Call

_IDLE_SECONDS: Final = 15.0
"""Proxies and servers may drop a connection that was silent for longer."""


class BulkTransport(LoopTransport):
    """Sends over connections of its own. Belongs to the event loop that first uses it."""

    _idle: list[_Connection]

    async def close(self) -> None:
        """Close all connections. Calls that are made later fail."""
        await super().close()
        if self._pid == os.getpid() and self._loop is asyncio.get_running_loop():
            idle, self._idle = self._idle, []
            for connection in idle:
                await connection.shut()

    def _begin(self) -> None:
        endpoint, config = self._endpoint, self._config
        self._idle = []
        self._room = asyncio.Semaphore(config.max_pool_connections)
        self._tls = tls(endpoint, config) if endpoint.scheme == "https" else None

    async def _exchange(self, call: Call[Any], left: float | None) -> Answer | Failure:
        async with self._room:
            return await self._send(call, left)

    async def _send(self, call: Call[Any], left: float | None) -> Answer | Failure:
        connection = await self._connection(left)
        if isinstance(connection, Failure):
            return connection
        limit = call.timeout or self._config.read_timeout
        try:
            answer = await connection.exchange(
                self._request(call), limit if left is None else min(limit, left)
            )
        except BaseException:
            connection.drop()
            raise
        if isinstance(answer, TooLong):
            raise self._too_long(call)
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.drop()
        return answer

    async def _connection(self, left: float | None) -> _Connection | Failure:
        oldest = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.idle_since > oldest:
                return connection
            connection.drop()
        endpoint, config = self._endpoint, self._config
        limit = config.connect_timeout if left is None else min(config.connect_timeout, left)
        opened = _Connection(config.max_response_bytes)
        connecting = asyncio.ensure_future(
            asyncio.get_running_loop().create_connection(
                lambda: opened, endpoint.host, endpoint.port, ssl=self._tls
            )
        )
        try:
            if not await ends_within(limit, connecting):
                return Failure("no connection in time", sent=False, timed_out=True)
            connecting.result()
        except OSError as error:
            failure = Failure(common.no_connection(endpoint, error), sent=False)
            failure.__cause__ = error
            return failure
        except BaseException:
            opened.drop()
            raise
        finally:
            # Otherwise the socket of a connection that was given up outlives a loop that closes.
            await end_tasks(connecting)
        return opened

    def _request(self, call: Call[Any]) -> bytes:
        headers = self._headers(call)
        target = f"{call.path}?{call.query}" if call.query else call.path
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        head = (
            f"{call.method} {target} HTTP/1.1\r\n{''.join(lines)}"
            f"content-length: {len(call.body)}\r\n\r\n"
        )
        return head.encode("ascii") + call.body


class _Connection(asyncio.Protocol):
    """One connection: one request at a time, its answer in a future."""

    def __init__(self, limit: int) -> None:
        self.idle_since = asyncio.get_running_loop().time()
        self._reader = AnswerReader(limit)
        self._transport: asyncio.Transport | None = None
        self._future: asyncio.Future[Answer | Failure] | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def reusable(self) -> bool:
        """True if another request may be sent on the connection."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._future is None

    async def exchange(self, request: bytes, limit: float) -> Answer | Failure:
        """Send a request and wait for its answer, at most ``limit`` seconds."""
        loop = asyncio.get_running_loop()
        transport = self._transport
        if transport is None:
            return Failure("the connection broke: it was closed", sent=False)
        future: asyncio.Future[Answer | Failure] = loop.create_future()
        self._future = future
        transport.write(request)
        timer = loop.call_later(limit, self._late)
        try:
            return await future
        finally:
            timer.cancel()
            self.idle_since = loop.time()

    def drop(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def shut(self) -> None:
        """Close it and wait until it is closed."""
        self.drop()
        await self._closed

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Transports of uvloop are not instances of asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._future is None:
            self.drop()  # bytes without a request
            return
        outcome = self._reader.feed(data)
        if self._reader.spent:
            self.drop()
        if outcome is not None:
            self._settle(outcome)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._closed.set_result(None)
        self._settle(self._reader.cut(exc))

    # --- the end of an exchange ---

    def _late(self) -> None:
        self._settle(Failure("no answer in time", sent=True, timed_out=True))
        self.drop()

    def _settle(self, outcome: Answer | Failure) -> None:
        future, self._future = self._future, None
        if future is not None and not future.done():
            future.set_result(outcome)
