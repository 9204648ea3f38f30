# SPDX-License-Identifier: MIT
"""Which process listens on a port: a call must not reach a server of another instance.

On Linux the kernel's tables name the inode of each listening socket, and ``/proc/<pid>/fd`` names
the inodes that a process holds. Elsewhere psutil is asked for the sockets of the processes of the
instance; it cannot tell whether another program shares the port with them.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.execution.worker.linux import descendants

if TYPE_CHECKING:
    from collections.abc import Iterator

_LISTEN: Final = "0A"  # TCP_LISTEN in include/net/tcp_states.h
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def _as_in_table(family: socket.AddressFamily, address: str) -> str:
    """An address as the tables of ``/proc/net`` write it: words of the machine's byte order."""
    packed = socket.inet_pton(family, address)
    words = (packed[start : start + 4] for start in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


_REACHED: Final = frozenset(
    {
        _as_in_table(socket.AF_INET, "0.0.0.0"),  # noqa: S104 -- looked for, not bound
        _as_in_table(socket.AF_INET, "127.0.0.1"),
        _as_in_table(socket.AF_INET6, "::"),
        _as_in_table(socket.AF_INET6, "::ffff:127.0.0.1"),
    }
)
"""Local addresses of sockets that a connection to 127.0.0.1 can reach."""


class Listener(NamedTuple):
    """All sockets that listen on a port, and one process of the instance that holds each.

    Attributes:
        pid: First process of the instance.
        links: File descriptor in ``/proc`` and the socket that it refers to; empty where there is
            no ``/proc``.
    """

    pid: int
    port: int
    links: tuple[tuple[str, str], ...] = ()

    def holds(self) -> bool:
        """Whether the same processes still hold the same sockets. Costs one system call each."""
        if not self.links:
            return find_listener(self.pid, self.port) is not None
        return all(_target(path) == target for path, target in self.links)


def proc_listener(pid: int, port: int) -> Listener | None:
    """The sockets that listen on a port if they all belong to a process or its descendants.

    None: nothing listens there, or another program does, alone or beside them.
    """
    wanted = {f"socket:[{inode}]" for inode in _inodes_on(port)}
    if not wanted:
        return None
    found: dict[str, str] = {}
    for member in descendants(pid):
        for path in _descriptors(member):
            target = _target(path)
            if target in wanted:
                found.setdefault(target, path)
        if len(found) == len(wanted):
            return Listener(pid, port, tuple((path, target) for target, path in found.items()))
    return None


def psutil_listener(pid: int, port: int) -> Listener | None:
    """Same as :func:`proc_listener`, but blind to sockets of other programs."""
    import psutil  # noqa: PLC0415 -- not installed on Linux

    try:
        root = psutil.Process(pid)
        members = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    for member in members:
        try:
            connections = member.net_connections("tcp")
        except psutil.Error:
            continue
        if any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in connections):
            return Listener(pid, port)
    return None


find_listener: Final = proc_listener if sys.platform == "linux" else psutil_listener


def _inodes_on(port: int) -> Iterator[str]:
    suffix = f":{port:04X}"
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()
        except OSError:  # IPv6 is switched off
            continue
        for line in lines:
            if suffix in line and _LISTEN in line:
                _, local, _, state, *rest = line.split()
                address, _, _ = local.partition(":")
                if state == _LISTEN and local.endswith(suffix) and address in _REACHED:
                    yield rest[5]


def _descriptors(pid: int) -> list[str]:
    folder = f"/proc/{pid}/fd"
    try:
        return [f"{folder}/{name}" for name in os.listdir(folder)]  # noqa: PTH208 -- names alone
    except OSError:  # it has ended
        return []


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 -- the text of the link, not a path
    except OSError:
        return ""
