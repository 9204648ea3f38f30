# SPDX-License-Identifier: MIT
"""What a client can make the runtime keep, and for how long, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.embedded import LocalRuntime, new_event_loop
from fc_async_local.http import server as http_server
from fc_async_local.http.connections import ConnectionLimits
from fc_async_local.http.edge import BodyMemory, HttpService
from fc_async_local.http.messages import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = ConnectionLimits(header_bytes=2_000)
"""No time limit that a test could meet."""
PAUSE = 0.1
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


async def echo(scope, receive, send) -> None:
    """Answers with the length of the body; ends when half a body came."""
    if scope["path"] == "/slow":
        # Longer than any limit: the server stops reading from the client meanwhile.
        await asyncio.sleep(5 * PAUSE)
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    text = str(size).encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


@contextmanager
def server(
    limits: ConnectionLimits = SMALL,
    *,
    app: Any = echo,
    loop: asyncio.AbstractEventLoop | None = None,
    grace_seconds: int = 1,
) -> Iterator[tuple[str, int]]:
    """A server with limits, in a thread of its own."""
    listener = http_server.bind(0)
    address = listener.getsockname()
    serving = http_server.HttpServer(app, listener, grace_seconds=grace_seconds, limits=limits)
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        serving.start()
        ready.set()
        await asyncio.get_running_loop().run_in_executor(None, stop.wait)
        await serving.aclose()

    with contextlib.closing(loop or asyncio.new_event_loop()) as running:
        thread = threading.Thread(target=lambda: running.run_until_complete(serve()))
        thread.start()
        ready.wait(30)
        try:
            yield address
        finally:
            stop.set()
            thread.join()


@contextmanager
def connection(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=30) as client:
        # Each piece at once, not when the server's kernel has acknowledged the one before.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def everything(client: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def answer(client: socket.socket, ends_with: bytes) -> bytes:
    """All that comes until an answer is whole."""
    got = b""
    while not got.endswith(ends_with):
        part = client.recv(65_536)
        assert part, got
        got += part
    return got


def pour(client: socket.socket, piece: bytes, most: int) -> int:
    """Send the same bytes until the server closes the connection; how many were sent."""
    sent = 0
    try:
        while sent < most:
            client.sendall(piece)
            sent += len(piece)
    except OSError:
        pass
    return sent


@pytest.mark.parametrize(
    "beginning",
    [b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"GET /", b"GET / HTTP/1.1\r\nA: b\r\nB"],
)
def test_a_header_that_never_ends_is_refused_long_before_it_fills_memory(beginning: bytes) -> None:
    with server() as address, connection(address) as client:
        client.sendall(beginning)
        assert pour(client, b"x" * 65_536, 300_000_000) < 100_000_000
    with server() as address, connection(address) as client:
        client.sendall(beginning + b"x" * 3_000)
        got = everything(client)
        assert got.startswith(b"HTTP/1.1 431 ")
        assert b"more than 2000 bytes" in got


def test_the_header_of_a_later_request_is_limited_too() -> None:
    with server() as address, connection(address) as client:
        client.sendall(GET)
        answer(client, b"\r\n\r\n0")
        client.sendall(b"GET / HTTP/1.1\r\nA: " + b"x" * 1_500)
        client.sendall(b"x" * 1_500)
        assert everything(client).startswith(b"HTTP/1.1 431 ")


def test_a_header_within_the_limit_and_a_long_body_are_accepted_however_they_are_cut() -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    with server() as address, connection(address) as client:
        for cut in range(1, len(request)):
            client.sendall(request[:cut])
            client.sendall(request[cut:] + b"y" * 100_000)
            assert answer(client, b"100000").startswith(b"HTTP/1.1 200 ")


def test_requests_that_come_in_one_piece_are_all_answered() -> None:
    with server() as address, connection(address) as client:
        client.sendall((POST + b"0123456789") * 20 + GET)
        assert answer(client, b"\r\n\r\n0").count(b"HTTP/1.1 200 ") == 21


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.1 408 "),
        (POST + b"012", b""),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", b""),
        (GET + b"GET /", b"HTTP/1.1 200 "),
    ],
    ids=["nothing", "empty lines", "half a header", "half a body", "half a chunk", "half a second"],
)
def test_a_connection_whose_request_does_not_arrive_is_closed(sent: bytes, status: bytes) -> None:
    limits = ConnectionLimits(header_seconds=0.1, pause_seconds=0.1)
    with server(limits) as address, connection(address) as client:
        client.sendall(sent)
        assert everything(client).startswith(status)


def test_a_drip_of_bytes_does_not_keep_a_connection_without_a_header() -> None:
    limits = ConnectionLimits(header_seconds=0.2)
    stop = threading.Event()
    with server(limits) as address, connection(address) as client:
        client.sendall(b"GET / HTTP/1.1\r\nA: ")

        def drip() -> None:
            try:
                for _ in range(9):
                    if stop.wait(0.05):
                        return
                    client.sendall(b"x")
                stop.wait(30)
            except OSError:
                pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        everything(client)  # comes back only because the server closes
        stop.set()
        dripping.join()


@pytest.mark.real_time
def test_an_application_that_reads_slowly_does_not_cost_the_client_its_connection() -> None:
    limits = ConnectionLimits(pause_seconds=PAUSE)
    size = 5_000_000
    head = f"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
    with server(limits) as address, connection(address) as client:
        client.sendall(head.encode() + b"x" * size)
        assert answer(client, str(size).encode()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.real_time
def test_half_a_request_behind_another_does_not_break_the_answer_to_that_one() -> None:
    with server(ConnectionLimits(header_seconds=PAUSE)) as address, connection(address) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /")
        got = everything(client)
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.endswith(b"\r\n\r\n0")


@pytest.mark.parametrize(
    "sent",
    [
        b"HELLO\r\n\r\n",
        b"G" + b"x" * 3_000,
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ],
)
def test_what_is_not_http_is_refused_in_the_form_of_the_service(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with server() as address, connection(address) as client:
        client.sendall(sent)
        head, _, body = everything(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")
    assert json.loads(body)["Code"] == "BadRequest"
    assert caplog.text == ""


UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n"


def test_a_websocket_is_refused_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with server() as address, connection(address) as client:
        client.sendall(UPGRADE % b"websocket")
        got = everything(client)
    assert got.startswith(b"HTTP/1.1 501 Not Implemented\r\n")
    assert "WebSocket" in json.loads(got.partition(b"\r\n\r\n")[2])["Message"]
    assert caplog.text == ""


def test_a_client_that_would_also_speak_http_2_is_answered_with_http_1(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with server() as address, connection(address) as client:
        for _ in range(2):
            client.sendall(UPGRADE % b"h2c")
            assert answer(client, b"\r\n\r\n0").startswith(b"HTTP/1.1 200 ")
    assert "pip install" not in caplog.text


def test_a_client_that_leaves_before_its_first_of_two_answers_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entered, leaving = threading.Event(), threading.Event()

    async def slow(scope, receive, send) -> None:
        entered.set()
        await asyncio.get_running_loop().run_in_executor(None, leaving.wait, 30)
        await echo(scope, receive, send)

    with server(app=slow, loop=new_event_loop()) as address:
        client = socket.create_connection(address, timeout=30)
        client.sendall(GET + GET)
        assert entered.wait(30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # by a reset
        with connection(address) as other:
            other.sendall(b"?\r\n\r\n")
            everything(other)  # the server has seen the reset before
        leaving.set()
    assert caplog.text == ""


def test_a_request_that_outlasts_the_end_of_the_server_is_answered_503(
    caplog: pytest.LogCaptureFixture,
) -> None:
    entered = threading.Event()

    class Service(HttpService):
        def new_request_id(self) -> str:
            return "id"

        def body_limit(self, request) -> int:
            return 0

        async def answer(self, request):
            entered.set()
            await asyncio.Event().wait()

        def refuse(self, error, request) -> Answer:
            return Answer(error.status, error.message.encode())

        def common_headers(self, request):
            return ()

    with server(app=Service(), grace_seconds=0) as address:
        client = socket.create_connection(address, timeout=30)
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert entered.wait(30)
    with client:
        got = everything(client)
    assert got.startswith(b"HTTP/1.1 503 ")
    assert b"the runtime stops" in got
    assert "Traceback" not in caplog.text


def test_a_stop_closes_connections_that_wait_for_their_next_request() -> None:
    with server() as address:
        client = socket.create_connection(address, timeout=30)
        client.sendall(GET)
        answer(client, b"\r\n\r\n0")
    assert everything(client) == b""
    client.close()


def test_a_stop_closes_connections_that_sent_nothing() -> None:
    with server() as address:
        silent = socket.create_connection(address, timeout=30)
        with connection(address) as other:
            other.sendall(GET)
            answer(other, b"\r\n\r\n0")  # the one before was accepted, too
    assert everything(silent) == b""
    silent.close()


def test_the_connection_that_waits_longest_makes_room_for_a_new_one() -> None:
    with server(ConnectionLimits(waiting=3)) as address:
        silent = [socket.create_connection(address, timeout=30) for _ in range(3)]
        with connection(address) as client:
            client.sendall(GET)
            answer(client, b"\r\n\r\n0")
        assert everything(silent[0]) == b""
        for waiting in silent[1:]:
            waiting.sendall(GET)
            answer(waiting, b"\r\n\r\n0")
        for client in silent:
            client.close()


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, new_event_loop])
def test_hundreds_of_connections_that_send_nothing_do_not_keep_others_out(make_loop: Any) -> None:
    with server(ConnectionLimits(header_seconds=0.5), loop=make_loop()) as address:
        idle = [socket.create_connection(address, timeout=30) for _ in range(300)]
        with connection(address) as client:
            client.sendall(GET)
            answer(client, b"\r\n\r\n0")
        assert [everything(client) for client in idle] == [b""] * 300
        for client in idle:
            client.close()


@pytest.mark.parametrize("name", ["fc", "mns", "rocketmq", "eventbridge"])
def test_every_port_of_a_runtime_limits_headers(name: str, tmp_path) -> None:
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        host, _, port = getattr(runtime.addresses, name).rpartition("/")[2].partition(":")
        with connection((host, int(port))) as client:
            client.sendall(b"GET / HTTP/1.1\r\nA: " + b"x" * 66_000)
            assert everything(client).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("name", ["fc", "mns", "rocketmq", "eventbridge"])
def test_bodies_that_would_fill_memory_together_are_refused_with_503_until_others_end(
    name: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fc_async_local.bootstrap.runtime.BodyMemory", lambda: BodyMemory(100_000))
    path = "/2023-03-30/functions" if name == "fc" else "/queues/q" if name == "mns" else "/"
    head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 70000\r\n\r\n".encode()
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        host, _, port = getattr(runtime.addresses, name).rpartition("/")[2].partition(":")
        address = (host, int(port))
        with connection(address) as first, connection(address) as second:
            for client in (first, second):
                client.sendall(head + b"x" * 60_000)
            (refused,), _, _ = select.select([first, second], [], [], 30)
            got = answer(refused, b"}" if name in ("fc", "eventbridge") else b"</Error>")
            assert b" 503 " in got
            assert b"retry-after: 1" in got.lower()
        with connection(address) as third:
            third.sendall(head + b"x" * 70_000)
            assert b" 503 " not in third.recv(65_536)
