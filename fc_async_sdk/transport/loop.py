# SPDX-License-Identifier: MIT
"""The base of transports on an event loop: signing, tries, deadlines.

Each sends one request in its own way: :mod:`fc_async_sdk.transport.aio` any call over aiohttp,
:mod:`fc_async_sdk.transport.bulk` accepts over connections of its own.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_sdk.transport import common
from fc_async_sdk.transport.retry import Failure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider
    from fc_async_sdk.operations.call import Answer, Call
    from fc_async_sdk.transport.common import Deadline

T = TypeVar("T")


class LoopTransport(common.Transport):
    """Sends calls and brings back their results, within one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(endpoint, config, provider)
        self._sleep = sleep
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    async def send(self, call: Call[T]) -> T:
        """Send a call, again if that is safe and of use, and read its answer.

        Raises:
            PayloadTooLarge: The payload is over the account's limit; nothing was sent.
            LargePayloadError: The store of the payload denied or failed; nothing was sent.
            ServiceError: The service refused or failed.
            TransportError: No usable answer came back.
        """
        if call.deposit is not None:
            # Before the tries: a request that is sent again does not upload its payload again.
            call = await asyncio.to_thread(call.deposited)
        call.check_size(self._config.max_async_payload_bytes)
        limit = self._limit(call)
        tries = self._tries(call)
        while True:
            outcome = await self._try(call, limit)
            wait = tries.wait_after(outcome, None if limit is None else limit.left())
            if wait is None:
                return tries.conclude(outcome)
            self._again(tries, outcome, wait)
            await self._sleep(wait)

    async def close(self) -> None:
        """Close all connections. Calls that are made later fail."""
        self._closed = True

    async def _try(self, call: Call[Any], limit: Deadline | None) -> Answer | Failure:
        self._belong_here()
        if not getattr(self._provider, "fresh", True):
            # It asks a network; afterwards what it found is there for the signature.
            await asyncio.to_thread(self._provider)
        left = None if limit is None else limit.left()
        if left is not None and left <= 0:
            return Failure("the time for the whole call is over", sent=False, timed_out=True)
        if self._rate is not None:
            await self._sleep(self._rate.wait(time.monotonic()))
        began = time.monotonic()
        answer = await self._exchange(call, left)
        self._answered(call, answer, began)
        return answer

    def _belong_here(self) -> None:
        """Check that this loop opened the connections, and drop them after a fork.

        Raises:
            RuntimeError: It is closed, or another loop of this process sends over it.
        """
        self.check_open()
        loop = asyncio.get_running_loop()
        pid = os.getpid()
        if self._pid != pid:
            self._loop = loop
            self._pid = pid
            self._begin()
        elif self._loop is not loop:
            raise RuntimeError(
                "this client belongs to another event loop: make one per loop, and close it there"
            )

    def _begin(self) -> None:
        """Start without connections; those of a parent process are not touched."""
        raise NotImplementedError

    async def _exchange(self, call: Call[Any], left: float | None) -> Answer | Failure:
        """Send one request and read its answer; ``left`` is the time for both, in seconds."""
        raise NotImplementedError


def tls(endpoint: Endpoint, config: Config) -> ssl.SSLContext:
    """Return the TLS settings: the CA bundle and client certificate that requests would use."""
    verify = common.verify(endpoint, config)
    if verify is False:
        context = ssl.create_default_context()
        # First: Python refuses CERT_NONE while host names are checked.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        import certifi  # noqa: PLC0415 -- what requests trusts, so that both clients trust the same

        bundle = Path(certifi.where() if verify is True else verify)
        if bundle.is_dir():
            context = ssl.create_default_context(capath=str(bundle))
        else:
            context = ssl.create_default_context(cafile=str(bundle))
    cert = config.cert
    if isinstance(cert, str):
        context.load_cert_chain(cert)
    elif cert is not None:
        context.load_cert_chain(*cert)
    return context
