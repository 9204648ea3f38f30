# SPDX-License-Identifier: MIT
"""Both clients over every transport: requests, and the result of every kind of answer."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Request, Response

import fc_async_sdk
from fc_async_sdk import _endpoint, _signing, errors
from fc_async_sdk._async_client import AsyncClient
from fc_async_sdk._client import Client
from fc_async_sdk.config import Config
from fc_async_sdk.credentials import LOCAL, Static
from fc_async_sdk.transport.aio import AioTransport
from fc_async_sdk.transport.bulk import BulkTransport
from fc_async_sdk.transport.sync import SyncTransport
from fc_async_tests.nodes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_httpserver import HTTPServer

    from fc_async_sdk.transport.loop import LoopTransport

FUNCTION = {"functionName": "f", "runtime": "python3.10"}
NOT_FOUND = {"Code": "FunctionNotFound", "Message": "no f", "RequestId": "r-404"}


def answer(status: int, body: bytes = b"", **headers) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"status": status, "body": body, **named}


ACCEPTED = answer(202, x_fc_request_id="r-1", x_fc_async_task_id="t-1")
GOOD = answer(200, json.dumps(FUNCTION).encode())
DROPPED = b""


class Blocking:
    """An asyncio client with blocking methods, so that the same tests run with both clients."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._loop = asyncio.new_event_loop()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        return lambda *args, **kwargs: self._loop.run_until_complete(method(*args, **kwargs))

    def shut(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


class KeepAliveServer(ThreadingHTTPServer):
    """Answers every GET with a function; remembers the client's port of each request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), KeepAliveHandler)
        self.client_ports: list[int] = []


class KeepAliveHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: KeepAliveServer

    def do_GET(self) -> None:
        self.server.client_ports.append(self.client_address[1])
        body = json.dumps(FUNCTION).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no log of requests."""


@pytest.fixture
def keep_alive() -> Iterator[KeepAliveServer]:
    with KeepAliveServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def connect_sync(waits: list[float]) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(url: str, **settings) -> Client:
        place, config, provider = _endpoint.parse(url), Config(**settings), Static(LOCAL)
        transport = SyncTransport(place, config, provider, sleep=waits.append)
        clients.append(Client(place, provider, config, transport=transport))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def connect_over(waits: list[float]) -> Iterator[Callable[..., Blocking]]:
    clients: list[Blocking] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    def make(kind: type[LoopTransport], url: str, **settings) -> Blocking:
        place, config, provider = _endpoint.parse(url), Config(**settings), Static(LOCAL)
        transport = kind(place, config, provider, sleep=note)
        clients.append(Blocking(AsyncClient(place, provider, config, transport=transport)))
        return clients[-1]

    yield make
    for client in clients:
        client.shut()


@pytest.fixture
def connect_async(connect_over: Callable[..., Blocking]) -> Callable[..., Blocking]:
    return functools.partial(connect_over, AioTransport)


@pytest.fixture
def connect_bulk(connect_over: Callable[..., Blocking]) -> Callable[..., Blocking]:
    return functools.partial(connect_over, BulkTransport)


@pytest.fixture(params=["sync", "async", "bulk"])
def connect(request: pytest.FixtureRequest) -> Callable[..., Any]:
    found: Callable[..., Any] = request.getfixturevalue(f"connect_{request.param}")
    return found


class TestRequests:
    def test_an_asynchronous_call_is_signed_and_complete(
        self, httpserver: HTTPServer, connect: Callable[..., Any]
    ) -> None:
        seen: list[Request] = []

        def handle(request: Request) -> Response:
            seen.append(request)
            _signing.verify(
                method=request.method,
                target=request.environ["REQUEST_URI"],
                headers=list(request.headers.items()),
                body=request.get_data(),
                secret_of={LOCAL.access_key_id: LOCAL.access_key_secret}.get,
                now=time.time(),
            )
            return Response(status=202, headers={"x-fc-request-id": "r", "x-fc-async-task-id": "t"})

        httpserver.expect_request(
            "/2023-03-30/functions/a/b é/invocations", method="POST"
        ).respond_with_handler(handle)
        client = connect(httpserver.url_for(""))
        accepted = client.invoke_async(
            "a/b é", {"n": 1}, delay=10, task_id="t", qualifier="prod", headers={"X-Trace": "9"}
        )
        assert (accepted.request_id, accepted.task_id, accepted.duplicate) == ("r", "t", False)
        [request] = seen
        assert request.environ["REQUEST_URI"] == (
            "/2023-03-30/functions/a%2Fb%20%C3%A9/invocations?qualifier=prod"
        )
        assert request.get_data() == b'{"n":1}'
        headers = request.headers
        assert headers["X-Fc-Invocation-Type"] == "Async"
        assert headers["X-Fc-Async-Delay"] == "10"
        assert headers["X-Fc-Async-Task-Id"] == "t"
        assert headers["X-Acs-Action"] == "InvokeFunction"
        assert headers["X-Trace"] == "9"
        assert headers["User-Agent"].startswith("fc-async/")

    def test_many_threads_share_one_client(
        self, httpserver: HTTPServer, connect_sync: Callable[..., Client]
    ) -> None:
        httpserver.expect_request("/2023-03-30/functions/f").respond_with_json(FUNCTION)
        client = connect_sync(httpserver.url_for(""), max_pool_connections=4)
        names: list[str] = []
        threads = [
            threading.Thread(target=lambda: names.append(client.get_function("f").function_name))
            for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert names == ["f"] * 16

    def test_a_forked_child_opens_connections_of_its_own(
        self, keep_alive: KeepAliveServer, connect_sync: Callable[..., Client]
    ) -> None:
        client = connect_sync(f"http://127.0.0.1:{keep_alive.server_port}")
        client.get_function("f")
        child = os.fork()
        if not child:  # pragma: no cover - runs in the child
            try:
                client.get_function("f")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        client.get_function("f")
        before, in_child, after = keep_alive.client_ports
        assert before == after
        assert in_child != before

    def test_a_call_on_a_closed_client_is_an_error(self, connect: Callable[..., Any]) -> None:
        client = connect("http://127.0.0.1:9")
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            client.get_function("f")


class TestRetries:
    def test_an_idempotent_call_is_repeated_until_it_works(
        self, scripted, connect: Callable[..., Any], waits: list[float]
    ) -> None:
        server = scripted(DROPPED, answer(503, b"{}"), GOOD)
        assert connect(server.url).get_function("f").function_name == "f"
        assert len(server.requests) == 3
        assert len(waits) == 2
        assert 0 <= waits[0] <= 0.2
        assert 0 <= waits[1] <= 0.4

    def test_a_repetition_draws_nothing_of_a_seeded_program(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        random.seed(1)
        connect(scripted(DROPPED, GOOD).url).get_function("f")
        after = random.random()
        random.seed(1)
        assert after == random.random()

    def test_the_wait_that_the_service_asks_for_is_kept(
        self, scripted, connect: Callable[..., Any], waits: list[float]
    ) -> None:
        server = scripted(answer(429, b"{}", x_acs_retry_after="1500"), GOOD)
        connect(server.url).get_function("f")
        assert waits == [1.5]

    def test_a_wait_longer_than_the_cap_is_the_callers_business(
        self, scripted, connect: Callable[..., Any], waits: list[float]
    ) -> None:
        server = scripted(answer(429, b"{}", x_acs_retry_after="60000"), GOOD)
        with pytest.raises(errors.Throttled) as caught:
            connect(server.url).get_function("f")
        assert caught.value.retry_after == 60
        assert waits == []

    def test_every_try_is_signed_anew(self, scripted, connect: Callable[..., Any]) -> None:
        server = scripted(answer(503, b"{}"), GOOD)
        connect(server.url).get_function("f")
        nonces = {
            line
            for request in server.requests
            for line in request.split(b"\r\n")
            if line.startswith(b"x-acs-signature-nonce")
        }
        assert len(nonces) == 2

    def test_an_idempotent_call_is_sent_at_most_max_attempts_times(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(answer(500, b'{"Code":"InternalServerError","Message":"m"}'))
        with pytest.raises(errors.ServerError, match="InternalServerError"):
            connect(server.url).get_function("f")
        assert len(server.requests) == 3

    def test_a_mistake_is_not_repeated(self, scripted, connect: Callable[..., Any]) -> None:
        server = scripted(answer(404, json.dumps(NOT_FOUND).encode()))
        with pytest.raises(errors.FunctionNotFound) as caught:
            connect(server.url).get_function("f")
        assert caught.value.request_id == "r-404"
        assert len(server.requests) == 1

    def test_the_budget_ends_repetition_when_all_fails(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(answer(500, b"{}"))
        client = connect(server.url, max_attempts=1000)
        with pytest.raises(errors.ServerError):
            client.get_function("f")
        assert len(server.requests) == 101

    def test_a_delete_that_worked_the_first_time_is_done(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(DROPPED, answer(404, json.dumps(NOT_FOUND).encode()))
        connect(server.url).delete_function("f")
        assert len(server.requests) == 2


class TestAccepts:
    """An accept is never sent twice unless it carries a task id."""

    @pytest.mark.parametrize(
        "failure", [DROPPED, answer(200, b"x", length=9), answer(502, b"<html>"), answer(504)]
    )
    def test_without_a_task_id_a_lost_answer_is_an_unknown_outcome(
        self, scripted, connect: Callable[..., Any], failure
    ) -> None:
        server = scripted(failure, ACCEPTED)
        with pytest.raises(errors.OutcomeUnknown, match="task_id"):
            connect(server.url).invoke_async("f")
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(429, errors.Throttled), (503, errors.ServerError), (500, errors.ServerError)],
    )
    def test_without_a_task_id_a_refusal_is_raised(
        self,
        scripted,
        connect: Callable[..., Any],
        status: int,
        kind: type[errors.ServiceError],
    ) -> None:
        server = scripted(answer(status, b"{}"), ACCEPTED)
        with pytest.raises(kind):
            connect(server.url).invoke_async("f")
        assert len(server.requests) == 1

    def test_with_one_a_lost_answer_is_repeated(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(DROPPED, ACCEPTED)
        accepted = connect(server.url).invoke_async("f", task_id="t-1")
        assert (accepted.task_id, accepted.duplicate) == ("t-1", False)
        assert len(server.requests) == 2

    def test_with_one_a_duplicate_after_a_lost_answer_is_success(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        conflict = answer(409, b'{"Code":"AsyncTaskAlreadyExists","Message":"m"}')
        server = scripted(DROPPED, conflict)
        accepted = connect(server.url).invoke_async("f", task_id="t-1")
        assert (accepted.task_id, accepted.duplicate) == ("t-1", True)

    @pytest.mark.parametrize("first", [answer(429, b"{}"), None])
    def test_a_duplicate_that_is_not_ours_is_an_error(
        self, scripted, connect: Callable[..., Any], first
    ) -> None:
        conflict = answer(409, b'{"Code":"AsyncTaskAlreadyExists","Message":"m"}')
        server = scripted(*([first] if first else []), conflict)
        with pytest.raises(errors.AsyncTaskAlreadyExists):
            connect(server.url).invoke_async("f", task_id="t-1")

    def test_a_truncated_202_is_an_accept(self, scripted, connect: Callable[..., Any]) -> None:
        server = scripted(answer(202, b"x", length=9, x_fc_request_id="r"))
        assert connect(server.url).invoke_async("f").request_id == "r"

    def test_an_accept_without_a_connection_is_repeated_and_fails_as_connect_failed(
        self, connect: Callable[..., Any], waits: list[float]
    ) -> None:
        said = "no connection to 127.0.0.1:9: Connection refused$"
        with pytest.raises(errors.ConnectFailed, match=said):
            connect("http://127.0.0.1:9").invoke_async("f")
        assert len(waits) == 2

    def test_a_synchronous_call_is_never_repeated(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(DROPPED, answer(200, b"1"))
        with pytest.raises(errors.OutcomeUnknown):
            connect(server.url).invoke("f")
        assert len(server.requests) == 1


class TestTimeouts:
    def test_no_answer_in_time(self, scripted, connect: Callable[..., Any]) -> None:
        server = scripted(None)
        client = connect(server.url, read_timeout=0.05, max_attempts=2)
        with pytest.raises(errors.TimedOut):
            client.get_function("f")
        wait_for(lambda: len(server.requests) == 2)

    def test_a_call_may_have_a_read_timeout_of_its_own(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(None)
        with pytest.raises(errors.OutcomeUnknown, match="in time"):
            connect(server.url).invoke("f", timeout=0.05)

    def test_the_whole_call_has_an_end(
        self, scripted, connect: Callable[..., Any], waits: list[float]
    ) -> None:
        server = scripted(None)
        client = connect(server.url, total_timeout=0.1, max_attempts=9)
        with pytest.raises(errors.TransportError):
            client.get_function("f")
        assert len(server.requests) <= 2


class TestBadAnswers:
    @pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"functionName":'])
    def test_an_answer_that_is_empty_or_not_json_is_invalid(
        self, scripted, connect: Callable[..., Any], body: bytes
    ) -> None:
        server = scripted(answer(200, body, x_fc_request_id="r-9"))
        with pytest.raises(errors.InvalidResponse, match="r-9"):
            connect(server.url).get_function("f")

    def test_a_truncated_answer_is_an_error(self, scripted, connect: Callable[..., Any]) -> None:
        server = scripted(answer(200, b"{", length=100))
        with pytest.raises(errors.TransportError, match="broke off"):
            connect(server.url).get_function("f")
        assert len(server.requests) == 3

    def test_an_answer_over_the_limit_is_an_error(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(answer(200, b"x" * 5000))
        with pytest.raises(errors.InvalidResponse, match="1000 bytes"):
            connect(server.url, max_response_bytes=1000).get_function("f")

    def test_an_answer_that_is_not_http_is_an_error(
        self, scripted, connect: Callable[..., Any]
    ) -> None:
        server = scripted(b"SSH-2.0-OpenSSH\r\n")
        with pytest.raises(errors.TransportError):
            connect(server.url).get_function("f")


class TestLogging:
    def test_names_requests_and_no_secret(self, scripted, caplog: pytest.LogCaptureFixture) -> None:
        server = scripted(ACCEPTED)
        caplog.set_level(logging.DEBUG)
        with fc_async_sdk.client(
            endpoint_url=server.url, access_key_id="LTAIkey", access_key_secret="very-secret"
        ) as client:
            client.invoke_async("f", "payload-secret")
        assert "InvokeFunction" in caplog.text
        assert "r-1" in caplog.text
        assert "secret" not in caplog.text
