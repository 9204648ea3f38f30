# SPDX-License-Identifier: MIT
"""Leads connections of a function to the cloud's hosts to the local runtime instead.

Two places are changed, below all HTTP clients. ``socket.getaddrinfo`` (with ``connect``, for
callers that resolve no name) returns the address and the port of the runtime for a host that it
serves. The ``ssl`` module makes a connection to such a host that is not encrypted: it stays on
loopback, where the runtime speaks plain HTTP, and clients do not agree on whose certificates they
trust.

Python functions load this module as part of the worker; other Python processes of a function load
it from ``hooks/sitecustomize.py``. It therefore imports the standard library only, and works with
any Python from 3.7.

Invariants:
    * Other hosts, addresses and the sockets of servers are handled as before.
    * Nothing is read or compiled before a name of the vendor is looked up.
    * A host that the runtime cannot answer for fails as an unknown host, without a packet.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import socket
import sys
from typing import Any, NoReturn

VARIABLE = "FC_ASYNC_HOSTS"
"""Environment variable of functions: a JSON list of [pattern, port]; port 0 is refused."""
PROXY = "FC_ASYNC_PROXY"
"""Environment variable: the value of :data:`PROXIES` in a custom runtime."""
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
HOOKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hooks")  # noqa: PTH100, PTH118, PTH120 -- pathlib would cost start-up time
"""Folder for PYTHONPATH, with ``sitecustomize.py``."""
ADDRESS = "FC_ASYNC_HOST"
"""Environment variable in a container: the name of the machine on which the runtime listens."""
_LOOPBACK = os.environ.get(ADDRESS) or "127.0.0.1"
_VENDOR = (".aliyuncs.com", ".fcapp.run")

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo
_gethostbyname = socket.gethostbyname


class Table:
    """Ports of the runtime by host.

    Args:
        text: The value of :data:`VARIABLE`; "" for no host.
    """

    def __init__(self, text: str) -> None:
        self.rows = [(re.compile(pattern), port) for pattern, port in json.loads(text or "[]")]

    @property
    def ports(self) -> set[int]:
        """Return the ports of the runtime."""
        return {port for _, port in self.rows if port}

    def port_of(self, host: str) -> int | None:
        """Return the port for a host, 0 if it is refused; None if it is not served."""
        name = host.strip().rstrip(".").lower()
        return next((port for pattern, port in self.rows if pattern.fullmatch(name)), None)


@functools.lru_cache(maxsize=1)
def _table() -> Table:
    return Table(os.environ.get(VARIABLE, ""))


def _port_of(host: object) -> int | None:
    """Return the port of the runtime that answers for a host; None if the host is not served.

    Raises:
        socket.gaierror: The runtime cannot answer for the host.
    """
    name = host.decode("latin-1") if isinstance(host, bytes) else host
    if not isinstance(name, str):
        return None
    # Other hosts are told apart by their ends, without a table.
    if not name.strip().rstrip(".").lower().endswith(_VENDOR):
        return None
    port = _table().port_of(name)
    return _refuse(name) if port == 0 else port


def _refuse(name: str) -> NoReturn:
    raise socket.gaierror(
        socket.EAI_NONAME,
        f"{name} is a function of the real service, which is not called from here: use the URL of "
        "the local trigger, or start the runtime with --allow-cloud",
    )


def install() -> None:
    """Change ``socket``, if the variable is set, and uvloop, which resolves names in C."""
    if not os.environ.get(VARIABLE):
        return
    for name in PROXIES:
        if os.environ.get(name, "") == os.environ.get(PROXY):
            os.environ.pop(name)
            os.putenv(
                name, os.environ[PROXY]
            )  # for libraries in C and programs without these hooks
    for name, replacement in (
        ("getaddrinfo", _resolve),
        # The port is not known here: a connection to the result is refused, and sends no packet.
        ("gethostbyname", lambda host: _gethostbyname(_LOOPBACK if _port_of(host) else host)),
    ):
        setattr(socket, name, replacement)
    for name, method in (("connect", _connect), ("connect_ex", _connect_ex)):
        setattr(socket.socket, name, _leading(method))
    sys.meta_path.insert(0, _UvloopFinder())


def _resolve(
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,  # noqa: A002 -- the parameters of socket.getaddrinfo
    proto: int = 0,
    flags: int = 0,
) -> Any:
    local = _port_of(host)
    if local is None:
        return _getaddrinfo(host, port, family, type, proto, flags)
    _open_tls()
    return _getaddrinfo(_LOOPBACK, local, 0, type, proto, 0)


def _leading(original: Any) -> Any:
    """Return ``connect`` or ``connect_ex`` for addresses that may contain a host name."""

    @functools.wraps(original)
    def connect(self: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and (local := _port_of(address[0])) is not None:
            _open_tls()
            address = (_LOOPBACK, local)
        return original(self, address)

    return connect


# --- TLS ---


class _Plain:
    """Answers what clients ask a TLS connection, for one without TLS."""

    context: Any
    server_hostname: str
    server_side = False
    session = None
    session_reused = False

    def getpeercert(self, binary_form: bool = False) -> Any:  # noqa: FBT001, FBT002 -- as in ssl
        # Read by urllib3 1.26, which compares the name itself.
        return b"" if binary_form else {"subjectAltName": (("DNS", self.server_hostname),)}

    def version(self) -> str:
        return "TLSv1.3"

    def _none(self) -> None:
        return None

    cipher = compression = selected_alpn_protocol = selected_npn_protocol = _none

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 -- as in ssl
        pass


class _PlainSocket(_Plain, socket.socket):
    """Takes the place of ``ssl.SSLSocket``."""

    def __init__(self, sock: socket.socket, context: Any, server_hostname: str) -> None:
        timeout = sock.gettimeout()
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.settimeout(timeout)
        self.context = context
        self.server_hostname = server_hostname

    def read(self, length: int = 1024, buffer: Any = None) -> Any:
        return self.recv(length) if buffer is None else self.recv_into(buffer, length)

    def write(self, data: Any) -> int:
        return self.send(data)

    def pending(self) -> int:
        return 0

    def unwrap(self) -> socket.socket:
        return self


class _PlainObject(_Plain):
    """Takes the place of ``ssl.SSLObject``: asyncio and trio read and write it in memory."""

    def __init__(
        self,
        incoming: Any,
        outgoing: Any,
        context: Any,
        server_hostname: str,
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self.context = context
        self.server_hostname = server_hostname

    def read(self, length: int = 1024, buffer: Any = None) -> Any:
        if not self._incoming.pending and not self._incoming.eof:
            ssl = sys.modules["ssl"]
            # asyncio of Python 3.10 reads the number, not the class.
            raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "no data yet")
        data = self._incoming.read(length)
        if buffer is None:
            return data
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any) -> Any:
        return self._outgoing.write(data)

    def pending(self) -> Any:
        return self._incoming.pending

    def unwrap(self) -> None:
        pass


@functools.lru_cache(maxsize=1)
def _open_tls() -> None:
    """Change ``ssl`` once; not before a connection needs it, because it is slow to load."""
    import ssl  # noqa: PLC0415 -- see above

    wrap_socket = ssl.SSLContext.wrap_socket
    wrap_bio = ssl.SSLContext.wrap_bio

    @functools.wraps(wrap_socket)
    def plain_socket(self: Any, sock: Any, *args: Any, **kwargs: Any) -> Any:
        host: Any = kwargs.get("server_hostname") or (args[3] if len(args) > 3 else None)  # noqa: PLR2004 -- its position
        if _port_of(host) is None:
            return wrap_socket(self, sock, *args, **kwargs)
        return _PlainSocket(sock, self, host)

    @functools.wraps(wrap_bio)
    def plain_bio(self: Any, incoming: Any, outgoing: Any, *args: Any, **kwargs: Any) -> Any:
        host: Any = kwargs.get("server_hostname") or (args[1] if len(args) > 1 else None)
        if _port_of(host) is None:
            return wrap_bio(self, incoming, outgoing, *args, **kwargs)
        return _PlainObject(incoming, outgoing, self, host)

    for name, replacement in (("wrap_socket", plain_socket), ("wrap_bio", plain_bio)):
        setattr(ssl.SSLContext, name, replacement)


# --- uvloop ---


def _open_uvloop(module: Any) -> None:
    """Change the loop of uvloop, which asks no function of ``socket``."""
    create = module.Loop.create_connection
    resolve = module.Loop.getaddrinfo

    @functools.wraps(create)
    async def create_connection(
        self: Any, factory: Any, host: Any = None, port: Any = None, **kwargs: Any
    ) -> Any:
        local = _port_of(host)
        if local is not None:
            _open_tls()
            if kwargs.get("ssl"):
                kwargs["server_hostname"] = kwargs.get("server_hostname") or host
            host = _LOOPBACK
            port = local
        return await create(self, factory, host, port, **kwargs)

    @functools.wraps(resolve)
    async def getaddrinfo(self: Any, host: Any, port: Any, **kwargs: Any) -> Any:
        local = _port_of(host)
        if local is None:
            return await resolve(self, host, port, **kwargs)
        _open_tls()
        return await resolve(self, _LOOPBACK, local, type=kwargs.get("type", 0))

    module.Loop.create_connection = create_connection
    module.Loop.getaddrinfo = getaddrinfo


class _UvloopFinder:
    """Changes uvloop when it is imported."""

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> Any:
        if name != "uvloop":
            return None
        sys.meta_path.remove(self)
        spec: Any = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_change(module: Any) -> None:
                load(module)
                _open_uvloop(module)

            spec.loader.exec_module = load_and_change
        return spec
