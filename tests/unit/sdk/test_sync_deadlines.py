# SPDX-License-Identifier: MIT
"""Sockets that keep the deadline of the call that uses them, on a clock of our own."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.connection import HTTPConnection

from fc_async_sdk.transport.common import Deadline
from fc_async_sdk.transport.sync import CURRENT, limited

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def connected(server: socket.socket) -> Iterator[tuple[Any, socket.socket]]:
    """A connection and the socket at its other end."""
    # Two threads that share a new pool may both ask for the limited class.
    connection = limited(limited(HTTPConnection))(*server.getsockname(), timeout=30)
    connection.connect()
    other, _ = server.accept()
    with other:
        yield connection, other
    connection.close()


def at(now: float) -> Deadline:
    return Deadline(10.0, lambda: now)


def test_an_answer_is_read_as_far_as_it_has_come(connected: tuple[Any, socket.socket]) -> None:
    connection, other = connected
    other.sendall(b"half")
    with connection.sock.makefile("rb") as file:
        assert file.read1(100) == b"half"


@pytest.mark.parametrize("act", ["read", "write"])
def test_nothing_is_begun_when_the_time_is_over(
    connected: tuple[Any, socket.socket], act: str
) -> None:
    connection, other = connected
    other.sendall(b"there")
    before = CURRENT.set(at(10.0))
    try:
        with connection.sock.makefile("rb") as file, pytest.raises(TimeoutError, match="over"):
            file.read1(1) if act == "read" else connection.sock.sendall(b"x")
    finally:
        CURRENT.reset(before)


def test_the_timeout_of_the_next_call_is_not_what_was_left_of_the_last(
    connected: tuple[Any, socket.socket],
) -> None:
    connection, other = connected
    other.sendall(b"there")
    before = CURRENT.set(at(9.5))
    try:
        connection.sock.sendall(b"x")
        with connection.sock.makefile("rb") as file:
            file.read1(5)
    finally:
        CURRENT.reset(before)
    assert connection.sock.gettimeout() == 30
