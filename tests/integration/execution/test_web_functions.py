# SPDX-License-Identifier: MIT
"""Requests of HTTP triggers at the server of a web function."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from fc_async_local.domain.invocation import HttpHead, OutcomeKind
from fc_async_local.execution.protocol import BadResponse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

SERVER = """
    import http.server, json, os, time
    from pathlib import Path

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            path = self.path.partition("?")[0]
            getattr(self, "answer_" + path.strip("/"), self.echo)()

        do_GET = do_POST = do_DELETE = do_HEAD = answer

        def send(self, status, body=b"", *headers):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def chunks(self):
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def body(self):
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                return b"".join(self.chunks())
            return self.rfile.read(int(self.headers["Content-Length"] or 0))

        def echo(self):
            told = {
                "line": self.requestline,
                "headers": [(n.lower(), v) for n, v in self.headers.items()],
                "body": self.body().decode("latin-1"),
                "pid": os.getpid(),
            }
            self.send(203, json.dumps(told).encode(), ("X-Mine", "1"), ("X-Mine", "2"))

        def answer_slowly(self):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (b"first", b"second"):
                self.wfile.write(b"%x\\r\\n%s\\r\\n" % (len(part), part))
                while not Path("go on").exists():
                    time.sleep(0.01)
            self.wfile.write(b"0\\r\\n\\r\\n")

        def answer_consume(self):
            self.rfile.readline(), self.rfile.read(5), self.rfile.readline()
            Path("first piece came").touch()
            self.send(200, b"rest: " + b"".join(self.chunks()))

        def answer_fail(self):
            self.send(404, b"no such order", ("x-fc-status", "404"))

        def answer_break(self):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"part")
            self.close_connection = True

        def answer_much(self):
            self.send(200, b"", ("X-Much", "x" * 9000))

        def log_message(self, *args):
            pass

    port = int(os.environ["FC_SERVER_PORT"])
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


class Client:
    """The client's side of a request: sends pieces, and keeps what it is answered."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        for piece in (*pieces, b""):
            self.pieces.put_nowait(piece)
        self.status = 0
        self.headers: Sequence[tuple[str, str]] = ()
        self.answered: list[bytes] = []
        self.changed = asyncio.Event()
        self.refuses = False

    async def body(self) -> AsyncIterator[bytes]:
        while piece := await self.pieces.get():
            yield piece

    async def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        if self.refuses:
            raise BadResponse("the headers are not accepted")
        self.status, self.headers = status, headers

    async def write(self, data: bytes) -> None:
        self.answered.append(data)
        self.changed.set()

    async def until(self, answered: bytes) -> None:
        while b"".join(self.answered) != answered:
            self.changed.clear()
            await self.changed.wait()

    @property
    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(b"".join(self.answered))
        return told


@pytest.fixture
def web(workshop) -> Any:
    """The server above; ``web.send(client, head)`` runs one request on it."""
    workshop.write(SERVER, name="server.py")

    def attempt(client: Client | None, head: HttpHead, payload: bytes = b"", **settings) -> Any:
        defaults = {
            "runtime": "custom.debian12",
            "command": (sys.executable, "server.py"),
            "port": 0,
        }
        made = workshop.attempt(payload, **(defaults | settings))
        return replace(made, http=head, exchange=client)

    async def send(client: Client | None, head: HttpHead, payload: bytes = b"", **settings) -> Any:
        return await workshop.runner.run(attempt(client, head, payload, **settings))

    workshop.web_attempt, workshop.send = attempt, send
    return workshop


def head_of(target: str, *headers: tuple[str, str], method: str = "GET") -> HttpHead:
    return HttpHead(method=method, target=target, headers=headers)


def test_the_server_gets_the_request_as_it_was_sent(web) -> None:
    headers = (
        ("host", "orders.example"),
        ("content-length", "4"),
        ("content-type", "text/x-mine"),
        ("x-mine", "1"),
        ("x-mine", "2"),
        ("x-name", "caf\xc3\xa9"),
    )

    async def scenario() -> Client:
        client = Client(b"in", b"to")
        await web.send(client, head_of("/a/../b%2F?q=%20+%41", *headers, method="DELETE"))
        return client

    client = web.play(scenario)
    assert client.told["line"] == "DELETE /a/../b%2F?q=%20+%41 HTTP/1.1"
    assert client.told["body"] == "into"
    seen = client.told["headers"]
    assert [pair for pair in seen if not pair[0].startswith("x-fc-")] == [list(h) for h in headers]


def test_the_request_carries_the_common_headers_and_its_path(web) -> None:
    async def scenario() -> Client:
        client = Client()
        await web.send(client, head_of("/orders?x=1"))
        return client

    seen = dict(web.play(scenario).told["headers"])
    assert seen["x-fc-control-path"] == "/http-invoke"
    assert seen["x-fc-base-path"] == "/orders"
    assert seen["x-fc-request-id"] == "request-1"
    assert "content-length" not in seen
    assert "user-agent" not in seen


def test_the_client_gets_status_headers_and_body_of_the_answer(web) -> None:
    async def scenario() -> tuple[Client, Any]:
        client = Client()
        return client, await web.send(client, head_of("/"))

    client, outcome = web.play(scenario)
    assert client.status == 203
    assert [value for name, value in client.headers if name == "X-Mine"] == ["1", "2"]
    assert (outcome.kind, outcome.payload) == (OutcomeKind.SUCCESS, b"")


def test_the_answer_to_head_has_no_body(web) -> None:
    async def scenario() -> Client:
        client = Client()
        await web.send(client, head_of("/", method="HEAD"))
        return client

    client = web.play(scenario)
    assert (client.status, client.answered) == (203, [])
    assert int(dict(client.headers)["Content-Length"]) > 0


def test_the_answer_is_passed_on_while_the_server_still_writes_it(web, tmp_path: Path) -> None:
    async def scenario() -> Any:
        client = Client()
        running = asyncio.ensure_future(web.send(client, head_of("/slowly")))
        await client.until(b"first")
        (tmp_path / "code" / "go on").touch()
        await client.until(b"firstsecond")
        return await running

    assert web.play(scenario).kind is OutcomeKind.SUCCESS


def test_the_body_reaches_the_server_while_the_client_still_sends_it(web, tmp_path: Path) -> None:
    async def scenario() -> Client:
        client = Client()
        client.pieces = asyncio.Queue()
        client.pieces.put_nowait(b"first")
        head = head_of("/consume", ("transfer-encoding", "chunked"), method="POST")
        running = asyncio.ensure_future(web.send(client, head))
        await web.until((tmp_path / "code" / "first piece came").exists)
        for piece in (b"se", b"cond", b""):
            client.pieces.put_nowait(piece)
        await running
        return client

    assert b"".join(web.play(scenario).answered) == b"rest: second"


def test_the_server_marks_a_failure_by_a_header_and_the_client_gets_its_answer(web) -> None:
    async def scenario() -> tuple[Client, Any]:
        client = Client()
        return client, await web.send(client, head_of("/fail"))

    client, outcome = web.play(scenario)
    assert (client.status, b"".join(client.answered)) == (404, b"no such order")
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, "InvocationError")


def test_an_answer_that_breaks_off_is_a_failure(web) -> None:
    async def scenario() -> tuple[Client, Any]:
        client = Client()
        return client, await web.send(client, head_of("/break"))

    client, outcome = web.play(scenario)
    assert client.answered == [b"part"]
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"broke the connection" in outcome.payload


@pytest.mark.parametrize("path", ["/much", "/"])
def test_an_answer_that_cannot_be_passed_on_is_a_bad_response(web, path: str) -> None:
    async def scenario() -> tuple[Client, Any]:
        client = Client()
        client.refuses = True
        return client, await web.send(client, head_of(path))

    client, outcome = web.play(scenario)
    assert client.status == 0
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, "BadResponse")


def test_an_asynchronous_attempt_sends_the_request_with_its_body_and_keeps_the_answer(web) -> None:
    head = head_of("/orders?x=1", ("content-length", "9"), ("x-mine", "1"), method="POST")

    async def scenario() -> Any:
        attempt = replace(web.web_attempt(None, head, b"the order"), task_id="task-1", number=2)
        return await web.runner.run(attempt)

    outcome = web.play(scenario)
    told = json.loads(outcome.payload)
    assert (told["line"], told["body"]) == ("POST /orders?x=1 HTTP/1.1", "the order")
    seen = dict(told["headers"])
    assert (seen["x-fc-async-task-id"], seen["x-fc-retry-count"]) == ("task-1", "2")
    assert (seen["content-length"], seen["x-mine"]) == ("9", "1")


@pytest.mark.parametrize(("concurrency", "survives"), [(1, False), (5, True)])
def test_a_client_that_hangs_up_costs_an_instance_that_runs_one_call_at_a_time(
    web, concurrency: int, survives: bool
) -> None:
    async def scenario() -> tuple[int, int]:
        pids = []
        for path in ("/", "/slowly", "/"):
            client = Client()
            running = asyncio.ensure_future(
                web.send(client, head_of(path), instance_concurrency=concurrency)
            )
            if path == "/slowly":
                await client.until(b"first")
                running.cancel()
                await asyncio.wait({running})
            else:
                await running
                pids.append(client.told["pid"])
        return pids[0], pids[1]

    before, after = web.play(scenario)
    assert (before == after) is survives
