# SPDX-License-Identifier: MIT
"""Memory and listening sockets of the processes of an instance."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.execution.machine.processes import find_listener, resident_kb
from fc_async_local.execution.worker.linux import peak_kb

if TYPE_CHECKING:
    from collections.abc import Iterator

CHILD = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
listener = socket.socket(family)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind((address, port))
listener.listen()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""
SHELL = ("sh", "-c", '"$0" "$@"; true')
"""Runs a command as its child."""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def server() -> Iterator[Any]:
    """Starts processes that listen; returns the process and its port."""
    started: list[subprocess.Popen[str]] = []

    def start(
        address: str = "127.0.0.1", port: int = 0, prefix: tuple[str, ...] = ()
    ) -> tuple[Any, int]:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-c", CHILD, address, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.communicate()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::"])  # noqa: S104 -- as servers do
def test_a_process_owns_the_port_that_it_listens_on(server, address: str) -> None:
    process, port = server(address)
    assert find_listener(process.pid, port).holds()


def test_a_process_owns_the_port_of_its_child(server) -> None:
    process, port = server(prefix=SHELL)
    assert find_listener(process.pid, port) is not None


def test_a_process_does_not_own_the_port_of_another(server) -> None:
    (process, _), (_, port) = server(), server()
    assert find_listener(process.pid, port) is None


def test_a_port_without_a_listener_has_no_owner() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert find_listener(os.getpid(), bound.getsockname()[1]) is None


def test_a_process_that_ended_owns_nothing(server) -> None:
    process, port = server()
    listener = find_listener(process.pid, port)
    process.communicate()
    assert not listener.holds()
    assert find_listener(process.pid, port) is None


def test_an_owner_that_closes_its_socket_holds_it_no_longer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mine:
        listener = find_listener(os.getpid(), mine.getsockname()[1])
        assert listener.holds()
    assert not listener.holds()


@linux
def test_a_port_that_two_programs_share_has_no_owner(server) -> None:
    process, port = server()
    server(port=port)
    assert find_listener(process.pid, port) is None


@linux
def test_a_socket_that_loopback_does_not_reach_does_not_count(server) -> None:
    process, port = server("::1")
    assert find_listener(process.pid, port) is None


def test_memory_of_a_process_counts_its_children(server) -> None:
    process, _ = server(prefix=SHELL)
    alone, _ = server()
    assert resident_kb(process.pid) > resident_kb(alone.pid)


def test_a_process_that_ended_has_no_memory(server) -> None:
    process, _ = server()
    process.communicate()
    assert resident_kb(process.pid) == 0
    assert peak_kb(process.pid) == 0


@linux
def test_the_peak_of_a_process_is_that_of_its_largest_descendant(server) -> None:
    process, _ = server(prefix=SHELL)
    alone, _ = server()
    assert peak_kb(process.pid) > peak_kb(alone.pid) / 2


@linux
def test_the_peak_of_a_process_is_at_least_what_it_has_now() -> None:
    assert peak_kb(os.getpid()) >= resident_kb(os.getpid()) > 0
