# SPDX-License-Identifier: MIT
"""Memory and listening sockets of an instance's processes, read from the operating system.

The service limits and bills resident memory. A limit on the address space would not do: threads,
numpy and Node reserve many times the memory that they use.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psutil

from fc_async_local.execution.worker.linux import descendants

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINUX: Final = sys.platform == "linux"
_BYTES_PER_KB: Final = 1024
_REACHED: Final = frozenset({"0.0.0.0", "127.0.0.1", "::", "::ffff:127.0.0.1"})  # noqa: S104 -- compared, not bound
"""Local addresses of sockets that a connection to 127.0.0.1 can reach."""


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process and its descendants in KB; 0 if it has ended."""
    total = 0
    for member in _members(pid):
        with contextlib.suppress(psutil.Error):
            total += member.memory_info().rss
    return total // _BYTES_PER_KB


def programs(pid: int) -> set[str]:
    """Return the names of the programs that a process and its descendants run."""
    names = set()
    for member in _members(pid):
        with contextlib.suppress(psutil.Error):
            names.add(os.path.basename(member.exe()))  # noqa: PTH119 -- a path as text
    return names - {"", "bwrap"}


class Listener(NamedTuple):
    """The sockets of an instance that listen on a port.

    Attributes:
        pid: First process of the instance.
        port: Where the sockets listen.
        links: For each socket, a path in ``/proc`` and the link that it holds; empty on systems
            without ``/proc``.
    """

    pid: int
    port: int
    links: tuple[tuple[str, str], ...] = ()

    def holds(self) -> bool:
        """Return whether the same processes still hold the same sockets.

        On Linux this costs one system call for each socket, so it can be done before each call of
        a function.
        """
        if not self.links:
            return find_listener(self.pid, self.port) is not None
        return all(_target(path) == target for path, target in self.links)


def find_listener(pid: int, port: int) -> Listener | None:
    """Return the sockets on a port if all of them belong to a process or its descendants.

    Returns:
        None if nothing listens there, or if another program does. Only Linux shows the sockets of
        other programs to any user: elsewhere a port that is shared with one is not noticed.
    """
    links: dict[str, str] = {}
    listens = False
    for member in _members(pid):
        with contextlib.suppress(psutil.Error):
            for connection in _listening(member.net_connections("tcp"), port):
                listens = True
                path = f"/proc/{member.pid}/fd/{connection.fd}"
                links.setdefault(_target(path), path)
    if not listens or (_LINUX and _is_shared(pid, port)):
        return None
    links.pop("", None)
    pairs = tuple((path, target) for target, path in links.items())
    return Listener(pid, port, pairs)


def ports_of(pid: int) -> list[int]:
    """Return the ports on which a process and its descendants listen, sorted."""
    ports: set[int] = set()
    for member in _members(pid):
        with contextlib.suppress(psutil.Error):
            sockets = member.net_connections("tcp")
            ports |= {
                connection.laddr.port
                for connection in sockets
                if connection.status == psutil.CONN_LISTEN
            }
    return sorted(ports)


def _is_shared(pid: int, port: int) -> bool:
    """Return whether a process that is not a descendant of ``pid`` has a socket on the port."""
    holders = {connection.pid for connection in _listening(psutil.net_connections("tcp"), port)}
    # Read afterwards, so that a process which a server has just started belongs to it.
    return not holders <= {member.pid for member in _members(pid)}


def _listening(connections: Iterable[Any], port: int) -> Iterator[Any]:  # psutil has no types
    for connection in connections:
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr.port == port
            and connection.laddr.ip in _REACHED
        ):
            yield connection


def _members(pid: int) -> Iterator[psutil.Process]:
    """Yield a process and its descendants; processes that have ended are left out."""
    with contextlib.suppress(psutil.Error):
        if not _LINUX:
            root = psutil.Process(pid)
            yield from (root, *root.children(recursive=True))
            return
    # psutil reads every process of the machine to find the children of one.
    for member in descendants(pid):
        with contextlib.suppress(psutil.Error):
            yield psutil.Process(member)


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 -- the text of the link, not a path
    except OSError:
        return ""
