# SPDX-License-Identifier: MIT
"""An HTTP proxy that leads requests to the cloud's hosts to the local runtime.

It is for programs and libraries in which no hook can be loaded (``worker/hosts.py``). Most HTTP
clients of other languages read ``HTTPS_PROXY``, and those of Java its system properties; others are
not led.

Invariants:
    * It listens on loopback, from the start of the first function in Python or a custom runtime on.
    * Connections to other hosts pass through unchanged.
    * A host that the runtime cannot answer for is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import re
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fc_async_local.execution.worker import hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CONNECTED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_REFUSED: Final = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_FAILED: Final = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_BROKEN: Final = (asyncio.IncompleteReadError, asyncio.LimitOverrunError)
_CHUNK: Final = 65536
_DIRECT: Final = "localhost,127.0.0.1,::1"
_JAVA: Final = "JAVA_TOOL_OPTIONS"


class CloudProxy:
    """The proxy of one runtime. Belongs to one event loop; close it with ``aclose``.

    Args:
        environment: The variables of all functions; without :data:`hosts.VARIABLE` there is no
            proxy.
        trust: Returns the variables by which programs trust the TLS of the runtime; may block.
    """

    def __init__(
        self, environment: Mapping[str, str], trust: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self._table = hosts.Table(environment.get(hosts.VARIABLE, ""))
        self._trust = trust
        self._server: asyncio.Server | None = None
        self._for_guests: asyncio.Server | None = None
        self._guest_host = ""
        self._starting = asyncio.Lock()
        self._open: set[asyncio.Task[None]] = set()

    @property
    def leads(self) -> bool:
        """Return whether requests to the cloud's hosts are led here."""
        return bool(self._table.rows)

    async def environment(self) -> dict[str, str]:
        """Return the variables that name the proxy; it listens then."""
        if not self.leads:
            return {}
        async with self._starting:
            if self._server is None:
                self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return _named("127.0.0.1", self._server)

    async def of_programs(self) -> dict[str, str]:
        """Return these variables with those by which programs trust the runtime, and Java's."""
        named = await self.environment()
        return await self._with_trust(named) if named else {}

    async def of_guests(self, listen: Callable[[int], socket.socket], host: str) -> dict[str, str]:
        """Return the same variables for containers, whose connections to loopback are refused.

        Args:
            listen: Returns a socket that containers reach; called once, with port 0.
            host: The name of this machine in a container.
        """
        if not self.leads:
            return {}
        async with self._starting:
            self._guest_host = host
            if self._for_guests is None:
                accept = functools.partial(self._accept, is_guest=True)
                self._for_guests = await asyncio.start_server(accept, sock=listen(0))
        return await self._with_trust(_named(host, self._for_guests))

    async def _with_trust(self, named: Mapping[str, str]) -> dict[str, str]:
        trusted: Mapping[str, str] = {}
        with contextlib.suppress(OSError, ImportError, ValueError):  # then only HTTP is led
            trusted = await asyncio.to_thread(self._trust)
        proxy = urlsplit(named[hosts.PROXY])
        # Java reads no variable of a proxy, only properties, and takes them from this variable.
        options = [
            f"-D{scheme}.proxyHost={proxy.hostname} -D{scheme}.proxyPort={proxy.port}"
            for scheme in ("http", "https")
        ]
        if trusted.get(_JAVA):
            options.append(trusted[_JAVA])
        return {
            **named,
            **trusted,
            _JAVA: " ".join(options),
        }

    async def aclose(self) -> None:
        """End the proxy and its connections."""
        for server in (self._server, self._for_guests):
            if server is not None:
                server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_guest: bool = False
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, ValueError, *_BROKEN):
                await self._serve(reader, writer, is_guest=is_guest)
        finally:
            self._open.discard(task)
            writer.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_guest: bool
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, fields = head.partition(b"\r\n")
        method, target, version = line.decode("latin-1").split()
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = self._place(url.hostname or "", url.port or 80)
        is_of_cloud = self._table.port_of(url.hostname or "") is not None
        if port and is_guest and not is_of_cloud:
            host = await self._place_for_guest(host, port)
        if not port or not host:
            writer.write(_REFUSED)
            return
        try:
            from_server, to_there = await asyncio.open_connection(host, port)
        except OSError:
            writer.write(_FAILED)
            return
        if method == "CONNECT":
            writer.write(_CONNECTED)
        else:
            # One request a connection: the next one may be for another host.
            path = url._replace(scheme="", netloc="").geturl() or "/"
            forwarded = re.sub(rb"(?im)^(?:proxy-)?connection:.*\r\n", b"", fields)
            line = f"{method} {path} {version}\r\nConnection: close\r\n".encode("latin-1")
            to_there.write(line + forwarded)
        try:
            await asyncio.gather(_copy(reader, to_there), _copy(from_server, writer))
        finally:
            to_there.close()

    def _place(self, host: str, port: int) -> tuple[str, int]:
        """Return where to connect to; port 0 if the connection is refused."""
        local_port = self._table.port_of(host)
        if local_port is not None:
            return "127.0.0.1", local_port
        return host, port if host else 0

    async def _place_for_guest(self, host: str, port: int) -> str:
        """Return where a container's connection to another host leads; "" if it is refused.

        The programs that listen on the loopback of this machine are not open to containers; the
        runtime is, for clients that do not read NO_PROXY.
        """
        if host == self._guest_host:
            return "127.0.0.1" if port in self._table.ports else ""
        return await _address_outside(host)


def _named(host: str, server: asyncio.Server) -> dict[str, str]:
    """Return the variables that name a proxy."""
    port = server.sockets[0].getsockname()[1]
    names = dict.fromkeys((hosts.PROXY, *hosts.PROXIES), f"http://{host}:{port}")
    direct = _DIRECT if host == "127.0.0.1" else f"{_DIRECT},{host}"
    # Both spellings: clients differ in which of them they read.
    return {**names, "NO_PROXY": direct, "no_proxy": direct}


async def _address_outside(host: str) -> str:
    """Return an address of a host; "" if it has one on this machine's loopback, or has none."""
    try:
        entries = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return ""
    addresses = [ipaddress.ip_address(str(entry[4][0])) for entry in entries]
    if any(address.is_loopback or address.is_unspecified for address in addresses):
        return ""
    return str(addresses[0])


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
