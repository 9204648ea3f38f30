# SPDX-License-Identifier: MIT
"""A limit on the bytes of all request bodies that are in memory at the same time.

A body is complete before its signature can be checked, so anything that can connect could make the
runtime keep many large ones. The limit counts a body from its first byte until it was answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fc_async_local.http.messages import App, Message, Receive, Scope, Send

MOST_BYTES: Final = 256 * 1024 * 1024
"""Ours: one of the largest bodies (160 MB) and eighty of 1 MB beside it."""


class TooManyBodies(Exception):
    """The bodies of the requests in progress fill the memory that is set aside for them."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"the requests in progress have bodies of {most} bytes together, and no more are kept "
            "at a time; try again when some of them are answered"
        )


class BodyMemory:
    """Bytes of bodies in memory, over all servers of a runtime."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held = 0

    def around(self, app: App) -> App:
        """Return an ASGI application that counts the bodies that ``app`` receives.

        ``receive`` raises :class:`TooManyBodies` in the application, which answers 503.
        """

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            held = 0

            async def receive_counted() -> Message:
                nonlocal held
                message = await receive()
                size = len(message.get("body", b""))
                if size:
                    if self._held + size > self._most:
                        raise TooManyBodies(self._most)
                    self._held += size
                    held += size
                return message

            try:
                await app(scope, receive_counted, send)
            finally:
                self._held -= held

        return counted
