# SPDX-License-Identifier: MIT
"""``total_timeout`` ends a call, whatever the server does to keep it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import errors, operations
from fc_async_sdk.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\nx-fc-request-id: r\r\n"
BODY = b'{"functionName": "f"}'
GOOD = HEAD + b"content-length: %d\r\n\r\n" % len(BODY)
LIMIT = 0.5
SERVER_ENDURES = 300
"""Drops before the server loses patience and completes a good answer: a client without a limit
gets that answer, so that its test fails instead of waiting for ever."""


class DrippingServer:
    """Sends a byte every few milliseconds, which is often enough for every read timeout."""

    def __init__(self, before: bytes, drop: bytes, after: bytes) -> None:
        self._script = before, drop, after
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._drip, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _drip(self, connection: socket.socket) -> None:
        before, drop, after = self._script
        with connection, contextlib.suppress(OSError):
            if not connection.recv(65536):
                return
            self.requests += 1
            connection.sendall(before)
            for _ in range(SERVER_ENDURES):
                if self._end.wait(0.003):
                    return
                connection.sendall(drop)
            connection.sendall(after)

    def close(self) -> None:
        self._end.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)


DRIPS = {
    "headers": (
        b"HTTP/1.1 200 OK\r\nx-fc-request-id: r\r\nx-slow: ",
        b"a",
        b"\r\n" + GOOD[17:] + BODY,
    ),
    "body": (
        HEAD + b"content-length: %d\r\n\r\n{" % (len(BODY) + SERVER_ENDURES),
        b" ",
        BODY[1:],
    ),
}


@pytest.fixture(params=DRIPS)
def dripping(request: pytest.FixtureRequest) -> Iterator[DrippingServer]:
    server = DrippingServer(*DRIPS[request.param])
    yield server
    server.close()


def sync(url: str, use: Callable[[Any], Any], **settings) -> Any:
    with fc_async_sdk.client(endpoint_url=url, config=Config(**settings)) as client:
        return use(client)


def aio(url: str, use: Callable[[Any], Any], **settings) -> Any:
    async def run() -> Any:
        async with fc_async_sdk.async_client(endpoint_url=url, config=Config(**settings)) as client:
            return await use(client)

    return asyncio.run(run())


CLIENTS = pytest.mark.parametrize("ask", [sync, aio])
BODY_ONLY = pytest.mark.parametrize("dripping", ["body"], indirect=True)
"""For what concerns the choice of the limit, and not the way in which it is kept."""


@CLIENTS
def test_a_dripping_server_cannot_hold_a_call(ask, dripping: DrippingServer) -> None:
    with pytest.raises(errors.TimedOut):
        ask(dripping.url, lambda client: client.get_function("f"), total_timeout=LIMIT)


@CLIENTS
def test_a_dripping_server_cannot_hold_an_accept(ask, dripping: DrippingServer) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        ask(dripping.url, lambda client: client.invoke_async("f"), total_timeout=LIMIT)


@CLIENTS
@BODY_ONLY
@pytest.mark.parametrize("method", ["invoke", "invoke_async"])
def test_a_call_can_have_a_total_timeout_of_its_own(
    ask, dripping: DrippingServer, method: str
) -> None:
    with pytest.raises(errors.OutcomeUnknown):
        ask(dripping.url, lambda client: getattr(client, method)("f", total_timeout=LIMIT))


@CLIENTS
@BODY_ONLY
def test_a_later_call_can_have_its_own_limit(ask, dripping: DrippingServer) -> None:
    with pytest.raises(errors.TimedOut):
        ask(
            dripping.url,
            lambda client: client.invoke_later("f", delay=5, task_id="t", total_timeout=LIMIT),
        )


@CLIENTS
@BODY_ONLY
def test_any_operation_can_have_its_own_limit(ask, dripping: DrippingServer) -> None:
    call = operations.get_function("f")
    with pytest.raises(errors.TimedOut):
        ask(dripping.url, lambda client: client.send(call, total_timeout=LIMIT))


@CLIENTS
@BODY_ONLY
def test_the_limit_of_a_call_wins_over_the_configured_one(ask, dripping: DrippingServer) -> None:
    call = operations.get_function("f")
    function = ask(
        dripping.url, lambda client: client.send(call, total_timeout=60), total_timeout=LIMIT
    )
    assert function.function_name == "f"


@CLIENTS
@BODY_ONLY
def test_without_a_limit_a_slow_answer_is_waited_for(ask, dripping: DrippingServer) -> None:
    assert ask(dripping.url, lambda client: client.get_function("f")).function_name == "f"


@CLIENTS
@BODY_ONLY
def test_the_limit_holds_over_all_tries(ask, dripping: DrippingServer) -> None:
    with pytest.raises(errors.TimedOut):
        ask(
            dripping.url,
            lambda client: client.get_function("f"),
            read_timeout=5,
            total_timeout=LIMIT,
            max_attempts=9,
            retry_base=0.0,
        )
    assert dripping.requests == 1


def test_a_service_that_reads_nothing_cannot_hold_a_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(errors.TransportError):
            sync(
                url,
                lambda client: client.invoke("f", b"x" * 30_000_000),
                total_timeout=LIMIT,
                connect_timeout=20,
            )


@CLIENTS
@pytest.mark.parametrize("value", [0, -1, True, "1", float("nan"), float("inf")])
def test_a_limit_that_is_none_is_refused(ask, value) -> None:
    with pytest.raises(errors.InvalidParameter, match="total_timeout"):
        ask(
            "http://127.0.0.1:9",
            lambda client: client.send(operations.get_function("f"), total_timeout=value),
        )


@pytest.fixture
def frozen() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_waiter_gives_up_in_time_though_the_server_is_frozen(frozen: str) -> None:
    with pytest.raises(errors.WaiterError, match=r"gave up after 0\.2 s"):
        sync(frozen, lambda client: client.get_waiter("function_active").wait("f", timeout=0.2))


@CLIENTS
def test_a_group_gives_up_in_time_though_the_server_is_frozen(ask, frozen: str) -> None:
    with pytest.raises(errors.WaiterError, match=r"gave up after 0\.2 s: 0 of \? tasks of b"):
        ask(frozen, lambda client: client.group("f", "b").wait(timeout=0.2))


def test_no_socket_outlives_a_call_that_ends_at_any_point_of_connecting() -> None:
    async def call(url: str, total_timeout: float) -> None:
        async with fc_async_sdk.async_client(endpoint_url=url) as client:
            with contextlib.suppress(errors.TransportError):
                await client.send(
                    operations.invoke_async("f", b"x", task_id="t"), total_timeout=total_timeout
                )

    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for microseconds in range(10, 2_000, 20):
                loop = asyncio.new_event_loop()
                loop.run_until_complete(call(url, microseconds / 1e6))
                loop.close()
            gc.collect()
    assert [str(warning.message) for warning in caught] == []
