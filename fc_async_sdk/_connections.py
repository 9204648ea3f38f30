# SPDX-License-Identifier: MIT
"""The transports of a client: one for threads, or those of an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_sdk import operations
from fc_async_sdk import transport as transports
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.fanout import Job, Sender
    from fc_async_sdk.operations import AcceptedInvocation, Call
    from fc_async_sdk.transport.loop import LoopTransport
    from fc_async_sdk.transport.sync import SyncTransport

    Stub = Callable[[], Callable[..., Any] | None]
    """Returns what takes the place of the client's ``_perform``, if anything does."""

T = TypeVar("T")


class Connections:
    """Sends the calls of a synchronous client, from any thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        transport: SyncTransport | None,
    ) -> None:
        from fc_async_sdk.transport.sync import SyncTransport  # noqa: PLC0415 -- loads requests

        self._endpoint = endpoint
        self._config = config
        self._provider = provider
        self._transport = transport or SyncTransport(endpoint, config, provider)
        self.check_open = self._transport.check_open
        self.close = self._transport.close

    def send(self, call: Call[T]) -> T:
        """Send a call."""
        return self._transport.send(call)

    def sending(self, stub: Stub) -> Callable[[int], Sender]:
        """Return a function that makes the sender of a ``fan_out`` with some concurrency."""
        return lambda concurrency: self._sender(stub(), concurrency)

    def _sender(self, stub: Callable[..., Any] | None, concurrency: int) -> Sender:
        from fc_async_sdk import fanout  # noqa: PLC0415 -- few clients need it

        self.check_open()
        if stub is not None:  # one at a time, in the order of the stub
            return fanout.ThreadSender(
                lambda job: stub(operations.invoke_async, (), job.arguments), 1
            )
        config = self._config.replace(
            max_pool_connections=max(concurrency, self._config.max_pool_connections)
        )
        kind = transports.for_light_calls(self._endpoint, config)
        if kind is not None:
            light = kind(self._endpoint, config, self._provider)
            return fanout.LoopSender(light, concurrency, self.check_open)
        return fanout.ThreadSender(lambda job: self.send(job.call), concurrency)


class AsyncConnections:
    """Sends the calls of an asyncio client, within one event loop.

    Raises:
        ConfigurationError: aiohttp is not installed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        transport: LoopTransport | None,
    ) -> None:
        self._transport = transport or _aio(endpoint, config, provider)
        self._light = self._transport
        kind = transports.for_light_calls(endpoint, config)
        if transport is None and kind is not None and not isinstance(self._transport, kind):
            self._light = kind(endpoint, config, provider)
        self.check_open = self._transport.check_open

    def send(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        """Send a call."""
        return (self._light if call.light else self._transport).send(call)

    async def close(self) -> None:
        """Close all connections."""
        await self._light.close()
        await self._transport.close()

    def sending(self, stub: Stub) -> Callable[[Job], Coroutine[Any, Any, AcceptedInvocation]]:
        """Return a function that sends a job of a ``fan_out``."""

        async def send(job: Job) -> AcceptedInvocation:
            perform = stub()
            if perform is None:
                return await self._light.send(job.call)
            accepted: AcceptedInvocation = await perform(operations.invoke_async, (), job.arguments)
            return accepted

        return send


def _aio(endpoint: Endpoint, config: Config, provider: Provider) -> LoopTransport:
    try:
        from fc_async_sdk.transport.aio import AioTransport  # noqa: PLC0415 -- an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the asyncio client needs {error.name}: {how_to_install('aio')}"
        ) from error
    return AioTransport(endpoint, config, provider)
