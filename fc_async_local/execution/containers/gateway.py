# SPDX-License-Identifier: MIT
"""The way from a container to the services of this runtime.

The runtime listens on loopback, which is another one in a container. A relay on the address of the
engine's bridge passes connections on; where the engine is in a virtual machine, the engine does.
A container finds both by one name, :data:`.spec.HOST`.

Invariants:

- The relay leads to the ports of this runtime only, and from the network of the bridge only: a
  machine of the local network that routes packets to the bridge's address reaches nothing.
- The key of the runtime's certificate is not in a container.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_local.execution.containers.spec import HOST, Bind
from fc_async_local.execution.worker import hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fc_async_local.execution.containers.engine import Engine
    from fc_async_local.execution.machine.proxy import CloudProxy

_IN_CONTAINER: Final = "/var/fc-async"
_HERE: Final = re.compile(r"(?P<before>//|=|^)(?:127\.0\.0\.1|localhost):(?P<port>\d+)\b")
_LOOPBACK: Final = "127.0.0.1"
_IP_FREEBIND: Final = 15
"""linux/in.h: podman makes the interface of its bridge with the first container."""
_CHUNK: Final = 65536
_STORE: Final = re.compile(r'trustStore=(?P<path>[^"\s]+)')

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Way(NamedTuple):
    """The variables and files with which a container reaches this runtime.

    Attributes:
        ports: Of the runtime.
        environment: Variables that lead calls of the cloud here.
        binds: Files that they name.
    """

    ports: frozenset[int] = frozenset()
    environment: Mapping[str, str] = {}
    binds: tuple[Bind, ...] = ()

    def variables(self, own: Mapping[str, str], of_image: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a container.

        Args:
            own: Those of the function.
            of_image: Those of its image, of which search paths are extended.
        """
        variables = {name: seen_from_container(text, self.ports) for name, text in own.items()}
        if not self.environment:
            return variables
        hooks = f"{_IN_CONTAINER}/worker/hooks"
        path = variables.get("PYTHONPATH") or of_image.get("PYTHONPATH", "")
        options = variables.get("NODE_OPTIONS") or of_image.get("NODE_OPTIONS", "")
        return {
            **self.environment,
            **variables,
            "PYTHONPATH": ":".join(filter(None, [hooks, path])),
            "NODE_OPTIONS": f"--require {hooks}/hosts.js {options}".strip(),
        }


class Gateway:
    """Opens the way with the first container. Belongs to one event loop; close it with ``aclose``.

    Args:
        environment: The variables of all functions, which name the ports of the runtime.
        proxy: Leads requests of programs without hooks.
    """

    def __init__(self, environment: Mapping[str, str], proxy: CloudProxy) -> None:
        self._ports = frozenset(_ports_of(environment))
        self._proxy = proxy
        self._way: Way | None = None
        self._opening = asyncio.Lock()
        self._relay = Relay()

    async def open(self, engine: Engine, folder: Path) -> Way:
        """Return the way, which is opened with the first call.

        Args:
            engine: Runs the containers.
            folder: For the files that containers read.

        Raises:
            OSError: The address of the bridge cannot be used, or a file cannot be written.
        """
        async with self._opening:
            if self._way is None:
                self._way = await self._open(engine, folder)
            return self._way

    async def aclose(self) -> None:
        """Close the relay."""
        await self._relay.aclose()

    async def _open(self, engine: Engine, folder: Path) -> Way:
        address = _LOOPBACK
        # In a virtual machine the engine itself leads the name to the loopback of this machine.
        if self._ports and sys.platform == "linux":
            address, network = await _bridge(engine)
            await self._relay.open(address, network, self._ports)
        led = await self._proxy.of_guests(lambda port: _listen(address, port), HOST)
        if not led:
            return Way(self._ports)
        environment = await asyncio.to_thread(_make_guest_files, led, folder)
        bind = Bind(str(folder), _IN_CONTAINER)
        return Way(self._ports, {**environment, hosts.ADDRESS: HOST}, (bind,))


class Relay:
    """Passes connections from the address of a bridge on to loopback."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    async def open(self, address: str, network: Network, ports: Iterable[int]) -> None:
        """Listen on the same ports as the runtime.

        Args:
            address: Of this machine in the network of the bridge.
            network: Of the bridge; connections from elsewhere are closed.
            ports: On 127.0.0.1.

        Raises:
            OSError: Another program listens there.
        """
        for port in ports:
            accept = self._passing_to(port, network)
            server = await asyncio.start_server(accept, sock=_listen(address, port))
            self._servers.append(server)

    async def aclose(self) -> None:
        """Close everything."""
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _passing_to(self, port: int, network: Network) -> Callable[..., Any]:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open.add(task)
            try:
                peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
                if peer in network:
                    await _pass_on(reader, writer, port)
            finally:
                self._open.discard(task)
                writer.close()

        return accept


def seen_from_container(text: str, ports: frozenset[int]) -> str:
    """Return a text in which addresses of the runtime are those that a container reaches.

    Args:
        text: Such as the value of a variable.
        ports: Of the runtime; other addresses of loopback stay.
    """

    def replaced(match: re.Match[str]) -> str:
        port = match["port"]
        return f"{match['before']}{HOST}:{port}" if int(port) in ports else match[0]

    return _HERE.sub(replaced, text)


def _ports_of(environment: Mapping[str, str]) -> Iterable[int]:
    for text in environment.values():
        for match in _HERE.finditer(text):
            yield int(match["port"])
    for _pattern, port in json.loads(environment.get(hosts.VARIABLE) or "[]"):
        if port:
            yield port


async def _bridge(engine: Engine) -> tuple[str, Network]:
    """Return the address of this machine on the bridge of an engine, and its network."""
    described = await engine.network("bridge")
    for config in (described.get("IPAM") or {}).get("Config") or ():
        if config.get("Gateway") and config.get("Subnet"):
            return config["Gateway"], ipaddress.ip_network(config["Subnet"])
    raise OSError("its network 'bridge' has no gateway")


def _listen(address: str, port: int) -> socket.socket:
    """Return a socket that listens on an address which may not exist yet."""
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            listener.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
        listener.bind((address, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    with contextlib.suppress(OSError):
        from_server, to_server = await asyncio.open_connection(_LOOPBACK, port)
        try:
            await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))
        finally:
            to_server.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def _make_guest_files(led: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Copy what the variables name into a folder; return them with the paths of a container.

    Copies, because a user of an image must be able to read them, and the folder of the authority
    has its key.
    """
    worker = Path(hosts.__file__).parent
    files = {str(worker / "hosts.py"): "worker/hosts.py"}
    files |= {str(file): f"worker/hooks/{file.name}" for file in Path(hosts.HOOKS).glob("*.[pj]*")}
    for text in led.values():
        store = _STORE.search(text)
        for path in (text, store["path"] if store else ""):
            if path.startswith("/") and Path(path).is_file():
                files[path] = f"ca/{Path(path).name}"
    for source, target in files.items():
        copy = folder / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        copy.chmod(0o644)
    for made in (folder, folder / "worker", folder / "worker" / "hooks", folder / "ca"):
        if made.is_dir():
            made.chmod(0o755)
    variables = dict(led)
    for source, target in files.items():
        inside = f"{_IN_CONTAINER}/{target}"
        variables = {name: text.replace(source, inside) for name, text in variables.items()}
    return variables
