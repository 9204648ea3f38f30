# SPDX-License-Identifier: MIT
"""The HTTP server of an instance: its port, and the connections to it.

Invariants:
    * A request is sent only to a port on which only processes of this instance listen.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from fc_async_local.execution.machine.ports import PortInUse, is_free
from fc_async_local.execution.machine.processes import find_listener
from fc_async_sdk._cancellation import ends_within

if TYPE_CHECKING:
    from fc_async_local.execution.machine.ports import PortBook
    from fc_async_local.execution.machine.processes import Listener
    from fc_async_local.execution.protocol import Deployment, HealthCheck

_TRIES: Final = 4
_WAIT_SECONDS: Final = 0.25
_OPEN_SECONDS: Final = 0.05
_KEEP_ALIVE: Final = 1.5
"""Seconds; less than common servers use (gunicorn 2 s), so that no closing connection is used."""


class Server:
    """The connections to the server of one instance."""

    def __init__(self) -> None:
        self._port = 0
        self._session: aiohttp.ClientSession | None = None
        self._closing: asyncio.Future[None] | None = None

    @property
    def is_found(self) -> bool:
        """Return whether it has listened."""
        return self._session is not None

    @property
    def http(self) -> aiohttp.ClientSession:
        """Return the connections to the server, which must have been found."""
        assert self._session is not None, "not started"
        return self._session

    @property
    def address(self) -> str:
        """Return the URL of the server, which must have been found, without a path."""
        assert self._port, "not started"
        return f"http://127.0.0.1:{self._port}"

    async def find(self, pid: int | None) -> bool:
        """Return whether the server listens; it is looked for until it does.

        Args:
            pid: First process of the instance; None if it is not known.
        """
        raise NotImplementedError

    def still_listens(self) -> bool:
        """Return whether only this instance listens where it was found."""
        return self.is_found

    async def passes(self, check: HealthCheck, exited: asyncio.Future[Any]) -> bool:
        """Return whether enough health checks succeed in a row before too many fail in a row.

        Args:
            check: How to check.
            exited: Done when the process has ended, which fails the check.
        """
        successes = failures = 0
        wait_ms = check.initial_delay_ms
        while successes < check.success_threshold and failures < check.failure_threshold:
            await asyncio.wait({exited}, timeout=wait_ms / 1000)
            if exited.done():
                return False
            if await self._probe(check):
                successes, failures = successes + 1, 0
            else:
                successes, failures = 0, failures + 1
            wait_ms = check.period_ms
        return successes >= check.success_threshold

    async def _probe(self, check: HealthCheck) -> bool:
        path = check.path if check.path.startswith("/") else "/" + check.path
        timeout = aiohttp.ClientTimeout(total=check.timeout_ms / 1000)
        try:
            async with self.http.get(path, timeout=timeout, allow_redirects=False) as response:
                return response.status < 400  # noqa: PLR2004 -- HTTP errors are 400 and more
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False

    def release(self) -> None:
        """Begin to close the connections, after the instance has ended."""
        self._close()

    async def aclose(self) -> None:
        """Close the connections."""
        self._close()
        if self._closing is not None:
            await asyncio.wait({self._closing})

    def _close(self) -> None:
        if self._session is not None and self._closing is None:
            self._closing = asyncio.ensure_future(self._session.close())

    def _open(self, port: int) -> None:
        """Note where the server was found."""
        self._port = port
        self._session = aiohttp.ClientSession(
            self.address,
            # The pool of instances limits the calls. A limit here would be a second queue.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE),
            # Cookies of one call must not reach the next.
            cookie_jar=aiohttp.DummyCookieJar(),
            # The runner ends a call at the time limit of the function.
            timeout=aiohttp.ClientTimeout(total=None),
            # The caller gets the body as the function sent it.
            auto_decompress=False,
        )


class PublishedServer(Server):
    """The server of a container, whose port an engine has published on a port of this machine."""

    def __init__(self) -> None:
        super().__init__()
        self._published = 0

    def publish(self, port: int) -> None:
        """Note the port of this machine."""
        self._published = port

    async def find(self, pid: int | None) -> bool:  # noqa: ARG002 -- the processes are not ours
        """Return whether the server listens."""
        if not await _stays_open(self._published):
            return False
        self._open(self._published)
        return True


class InstanceServer(Server):
    """The server of a process, which listens on a port of this machine.

    Args:
        deployment: The function.
        ports: The ports of all custom runtimes.

    Attributes:
        port: Assigned port, which the server reads from FC_SERVER_PORT; 0 before :meth:`assign`.
    """

    def __init__(self, deployment: Deployment, ports: PortBook) -> None:
        super().__init__()
        self.port = 0
        self._deployment = deployment
        self._ports = ports
        self._listener: Listener | None = None

    @property
    def wanted_port(self) -> int:
        """Return the configured port, or 0 if the server is known to read FC_SERVER_PORT."""
        if self._ports.reads_variable(self._deployment):
            return 0
        return self._deployment.port

    def may_listen_on(self, port: int) -> bool:
        """Return whether it listens on a port or may do so."""
        if self._listener is not None:
            return self._listener.port == port
        return port in (self.port, self.wanted_port)

    def assign(self) -> None:
        """Assign a port: the configured one if the server is known to ignore FC_SERVER_PORT.

        Raises:
            PortInUse: Another program has that port.
            OSError: The machine has no free port.
        """
        configured = self._deployment.port
        if self._ports.reads_variable(self._deployment) is not False or not configured:
            self.port = self._ports.take()
        elif is_free(configured):
            self.port = configured
        else:
            raise PortInUse(self._in_use(configured))

    def _in_use(self, port: int) -> str:
        return (
            f"port {port} is in use by another program, so the server of function "
            f"{self._deployment.function!r} cannot listen on it: free the port, or let the server "
            "listen on the port in FC_SERVER_PORT"
        )

    async def find(self, pid: int | None) -> bool:
        """Look for the server on the assigned port, then on the configured one.

        Args:
            pid: First process of the instance; None if it is not known yet.
        """
        configured = self._deployment.port
        for port in dict.fromkeys((self.port, configured)):
            listener = find_listener(pid, port) if port and pid else None
            if listener is None or not await _takes_connections(port):
                continue
            self._listener = listener
            self._open(port)
            if self.port != configured:
                self._ports.learn(self._deployment, reads=port == self.port)
            return True
        return False

    def still_listens(self) -> bool:
        """Return whether only this instance listens on the port."""
        listener = self._listener
        if listener is None:
            return False
        if not listener.holds():  # the server may have replaced its processes
            self._listener = find_listener(listener.pid, listener.port) or listener
            return self._listener is not listener
        return True

    async def check_collision(self) -> None:
        """Check whether a server that has ended may have failed because its port was in use.

        Raises:
            PortInUse: Another program has the port.
        """
        for port in dict.fromkeys((self.port, self.wanted_port)):
            if port and await _stays_in_use(port):
                # This may not be the reason, so the next start finds out again.
                self._ports.forget(self._deployment.function)
                raise PortInUse(self._in_use(port))

    def release(self) -> None:
        """Give the port back and begin to close the connections, after the process has ended."""
        self._ports.give_back(self.port)
        super().release()


async def _takes_connections(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _stays_open(port: int) -> bool:
    """Return whether a connection is still open after a moment.

    Docker's proxy accepts before the server in the container listens, then closes.
    """
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        # It ends early if the connection was closed.
        return not await ends_within(_OPEN_SECONDS, reader.read(1))
    finally:
        writer.close()


async def _stays_in_use(port: int) -> bool:
    for _ in range(_TRIES):  # child processes of the server may still be ending
        if is_free(port):
            return False
        await asyncio.sleep(_WAIT_SECONDS)
    return True
