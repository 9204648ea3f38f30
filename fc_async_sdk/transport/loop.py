# SPDX-License-Identifier: MIT
"""The base of transports on an event loop: signing, tries, deadlines.

Each sends one request in its own way: :mod:`fc_async_sdk.transport.aio` any call over aiohttp,
:mod:`fc_async_sdk.transport.bulk` accepts over connections of its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fc_async_sdk.operations.call import Answer, Call
from fc_async_sdk.transport import common
from fc_async_sdk.transport.common import Signer
from fc_async_sdk.transport.retry import Budget, Failure, Tries, Watcher

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_sdk._endpoint import Endpoint
    from fc_async_sdk.config import Config
    from fc_async_sdk.credentials import Provider

T = TypeVar("T")

_log = logging.getLogger("fc_async_sdk")
_ERROR_STATUS: Final = 400


class LoopTransport:
    """Sends calls and brings back their results, within one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        config: Config,
        provider: Provider,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = endpoint
        self._config = config
        self._provider = provider
        self._signer = Signer(endpoint, config, provider)
        self._budget = Budget()
        self._watcher = Watcher(config)
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._chance = chance
        self._closed = False
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
            call = await asyncio.to_thread(call.deposited)
        call.check_size(self._config.max_async_payload_bytes)
        total = call.total_timeout or self._config.total_timeout
        deadline = None if total is None else self._monotonic() + total
        tries: Tries[T] | None = None
        while True:
            outcome = await self._try(call, deadline)
            if isinstance(outcome, Answer) and outcome.status < _ERROR_STATUS:
                self._budget.refund()
                return call.result(outcome)
            if tries is None:
                tries = Tries(call, self._config, self._budget, self._chance)
            remaining = None if deadline is None else deadline - self._monotonic()
            wait = tries.wait_after(outcome, remaining)
            if wait is None:
                return tries.conclude(outcome)
            _log.debug("%s: %s; next try in %.3f s", call.operation, tries.told(outcome), wait)
            self._watcher.again(tries, call, outcome, wait)
            await self._sleep(wait)

    async def close(self) -> None:
        """Close all connections. Calls that are made later fail."""
        self._closed = True

    def check_open(self) -> None:
        """Raise if it is closed.

        Raises:
            RuntimeError: It is closed.
        """
        if self._closed:
            raise RuntimeError("the client is closed")

    async def _try(self, call: Call[Any], deadline: float | None) -> Answer | Failure:
        self._belong_here()
        if not getattr(self._provider, "fresh", True):
            # It asks a network; afterwards what it found is there for the signature.
            await asyncio.to_thread(self._provider)
        left = None if deadline is None else deadline - self._monotonic()
        if left is not None and left <= 0:
            return Failure("the time for the whole call is over", sent=False, timed_out=True)
        if self._watcher.rate is not None:
            await self._sleep(self._watcher.rate.wait(self._monotonic()))
        began = self._monotonic()
        answer = await self._exchange(call, left)
        self._watcher.answered(call, answer, began, self._monotonic())
        if isinstance(answer, Answer) and _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s %s: %d [request %s]",
                call.operation,
                call.path,
                answer.status,
                answer.request_id,
            )
        return answer

    def _belong_here(self) -> None:
        """Check that this loop opened the connections, and drop them after a fork.

        Raises:
            RuntimeError: It is closed, or another loop of this process sends over it.
        """
        self.check_open()
        loop, pid = asyncio.get_running_loop(), os.getpid()
        if self._pid != pid:
            self._loop, self._pid = loop, pid
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
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    return context
