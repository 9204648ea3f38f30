# SPDX-License-Identifier: MIT
"""One request whose body and answer are passed on piece by piece.

Invariants:
    At most one piece of the body is held; the client is slowed down while nothing reads it.
    The work on a request ends as soon as its client hangs up, or sends more than is allowed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from fc_async_local.http.messages import WITHOUT_CONTENT, spelled
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from fc_async_local.domain.errors import Rejected
    from fc_async_local.http.messages import HeaderList, Receive, Request, Send

T = TypeVar("T")


class ClientGone(Exception):
    """The client hung up before it was answered."""


class ClientStream:
    """The client's side of one request.

    Args:
        request: Its head.
        receive: Of ASGI.
        send: Of ASGI.
        limit: The largest body in bytes.
        too_large: Makes the refusal of a larger one.

    Attributes:
        begun: Status and headers of the answer were sent.
    """

    def __init__(
        self,
        request: Request,
        receive: Receive,
        send: Send,
        *,
        limit: int,
        too_large: Callable[[int], Rejected],
    ) -> None:
        self.begun = False
        self._has_content = True
        self._request = request
        self._receive = receive
        self._send = send
        self._limit = limit
        self._too_large = too_large
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._whole: bytes | None = None

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Return the pieces of the body as they arrive; a second time only what is left of it.

        After :meth:`read` they are the whole body.
        """
        if self._whole is not None:
            yield self._whole
            return
        while (piece := await self._pieces.get()) is not None:
            yield piece
        self._pieces.put_nowait(None)  # the end stays, for a second time

    async def read(self) -> bytes:
        """Return the whole body, which is kept."""
        if self._whole is None:
            self._whole = b"".join([piece async for piece in self.body()])
        return self._whole

    async def begin(self, status: int, headers: HeaderList) -> None:
        """Send status and headers of the answer."""
        self._has_content = status not in WITHOUT_CONTENT
        encoded = [
            (spelled(name), value.encode("latin-1"))
            for name, value in headers
            if self._has_content or name.lower() != "content-length"
        ]
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes) -> None:
        """Send a piece of the answer; return when the client can take more."""
        if self._has_content:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """Say that the answer is complete."""
        await self._send({"type": "http.response.body", "body": b""})

    async def while_connected(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what the request asks for, and read its body meanwhile.

        Raises:
            ClientGone: The client hung up; the work was cancelled.
            Rejected: The body is over the limit; the work was cancelled.
        """
        working = asyncio.ensure_future(work)
        receiving = asyncio.ensure_future(self._receive_all())
        for task in (working, receiving):
            task.add_done_callback(_note_end)
        try:
            await asyncio.wait({working, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            await end_tasks(working)
            receiving.result()
        finally:
            for task in (working, receiving):
                task.cancel()

    async def _receive_all(self) -> NoReturn:
        """Receive the body, then wait until the client hangs up.

        Raises:
            ClientGone: It did.
            Rejected: The body is over the limit.
        """
        declared = self._request.headers.get("content-length", "")
        size = int(declared) if declared.isdigit() and len(declared) < 20 else 0  # noqa: PLR2004 -- bounds int()
        if size > self._limit:
            raise self._too_large(self._limit)
        size, more = 0, True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            if more:
                piece: bytes = message.get("body", b"")
                size += len(piece)
                if size > self._limit:
                    raise self._too_large(self._limit)
                more = message.get("more_body", False)
                await self._pass(piece, last=not more)

    async def _pass(self, piece: bytes, *, last: bool) -> None:
        if piece:
            await self._pieces.put(piece)
        if last:
            await self._pieces.put(None)


def _note_end(task: asyncio.Future[Any]) -> None:
    """Take note of an error that is not raised: the request has ended for another reason."""
    if not task.cancelled():
        task.exception()
