# SPDX-License-Identifier: MIT
"""OSS as a part of a runtime, imported and opened when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from fc_async_local.clock import RealClock
from fc_async_local.services.oss import INDEX

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.clock import Clock
    from fc_async_local.http.messages import App, Receive, Scope, Send
    from fc_async_local.services.oss.outbox import Fire
    from fc_async_local.services.oss.service import OssService
    from fc_async_local.settings import Settings


class LazyOss:
    """The buckets in a folder, and their ASGI application; see :class:`OssService`."""

    holds_bodies = False

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        settings: Settings,
        fire: Fire,
        *,
        durable: bool,
    ) -> None:
        self._parts = folder, clock, settings, fire
        self._durable = durable

    @cached_property
    def service(self) -> OssService:
        """The buckets."""
        from fc_async_local.services.oss.service import OssService  # noqa: PLC0415 -- 25 ms

        return OssService(*self._parts, durable=self._durable)

    @cached_property
    def _app(self) -> App:
        from fc_async_local.services.oss.endpoint import OssEndpoint  # noqa: PLC0415 -- 25 ms

        # Clients sign with the machine's time, also when the runtime's is virtual.
        return OssEndpoint(self.service, RealClock())

    async def read(self, bucket: str, key: str, limit: int) -> bytes:
        """Return the content of an object; see :meth:`OssService.read`."""
        return await self.service.read(bucket, key, limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def start(self) -> None:
        """Fire the triggers of what happened before a crash."""
        if self._durable and (self._parts[0] / INDEX).exists():
            self.service.outbox.start()

    async def aclose(self) -> None:
        """Close what was opened."""
        if "service" in self.__dict__:
            await self.service.aclose()
