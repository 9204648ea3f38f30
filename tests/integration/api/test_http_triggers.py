# SPDX-License-Identifier: MIT
"""HTTP triggers, called with curl: synchronous and asynchronous, in every kind of runtime."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_local.execution.instances import serving
from fc_async_local.settings import Settings
from fc_async_sdk import packaging
from fc_async_tests import runtime_requests as requests
from fc_async_tests.faults import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

PYTHON = """
import json

def handler(event, context):
    request = json.loads(event)
    path = request["requestContext"]["http"]["path"]
    if path == "/fail":
        raise ValueError("no such order")
    told = [request["requestContext"]["http"]["method"], path, request["queryParameters"]]
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "text/plain", "X-Kind": "python"},
        "body": json.dumps([*told, request["body"]]),
    }
"""

WSGI = """
import json, os
from urllib.parse import parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, make_server

class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass

def app(environ, start_response):
    if environ["PATH_INFO"] == "/fail":
        start_response("500 Internal Server Error", [("x-fc-status", "404")])
        return [b"no such order"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    told = [environ["REQUEST_METHOD"], environ["PATH_INFO"], query]
    start_response("201 Created", [("Content-Type", "text/plain"), ("X-Kind", "wsgi")])
    return [json.dumps([*told, body]).encode()]

port = int(os.environ["FC_SERVER_PORT"])
make_server("127.0.0.1", port, app, handler_class=Quiet).serve_forever()
"""

ASGI = """
import asyncio, json, os
from urllib.parse import parse_qsl
import uvicorn

async def app(scope, receive, send):
    assert scope["type"] == "http"
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    failed = scope["path"] == "/fail"
    headers = [(b"x-fc-status", b"404")] if failed else [(b"content-type", b"text/plain")]
    await send({
        "type": "http.response.start", "status": 500 if failed else 201,
        "headers": [*headers, (b"x-kind", b"asgi")],
    })
    if failed:
        await send({"type": "http.response.body", "body": b"no such order"})
        return
    told = [scope["method"], scope["path"], dict(parse_qsl(scope["query_string"].decode()))]
    for part in (json.dumps([*told, body.decode()])[:5], json.dumps([*told, body.decode()])[5:]):
        await send({"type": "http.response.body", "body": part.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})

uvicorn.run(app, host="127.0.0.1", port=int(os.environ["FC_SERVER_PORT"]), lifespan="off")
"""

NODE = """
exports.handler = async (event) => {
  const request = JSON.parse(event);
  const { method, path } = request.requestContext.http;
  if (path === "/fail") throw new Error("no such order");
  return {
    statusCode: 201,
    headers: { "Content-Type": "text/plain", "X-Kind": "node" },
    body: JSON.stringify([method, path, request.queryParameters, request.body]),
  };
};
"""

NODE_SERVER = """
require("http").createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/fail") {
    response.writeHead(500, { "x-fc-status": "404" }).end("no such order");
    return;
  }
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts).toString();
    const query = Object.fromEntries(url.searchParams);
    response.writeHead(201, { "Content-Type": "text/plain", "X-Kind": "node server" });
    const told = [request.method, decodeURIComponent(url.pathname), query, body];
    response.end(JSON.stringify(told));
  });
}).listen(process.env.FC_SERVER_PORT, "127.0.0.1");
"""


class Kind(NamedTuple):
    """A way to answer HTTP requests.

    Attributes:
        file: Of the code.
        settings: Of ``fc_local.deploy``.
        failure: Status and body of the answer if the function fails.
    """

    file: str
    code: str
    settings: dict[str, Any]
    failure: tuple[int, str]


def served(file: str, program: str = sys.executable) -> dict[str, Any]:
    return {
        "runtime": "custom.debian12",
        "handler": "unused",
        "custom_runtime_config": {"command": [program, file]},
    }


HIDDEN = (502, "Internal Server Error")
OWN = (500, "no such order")
KINDS = {
    "python": Kind("index.py", PYTHON, {}, HIDDEN),
    "wsgi": Kind("server.py", WSGI, served("server.py"), OWN),
    "asgi": Kind("server.py", ASGI, served("server.py"), OWN),
    "node": Kind("index.js", NODE, {"runtime": "nodejs20"}, HIDDEN),
    "node server": Kind("server.js", NODE_SERVER, served("server.js", "node"), OWN),
}
EACH_WAY = pytest.mark.parametrize(
    "kind",
    [
        *("python", "wsgi", "node"),
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("asgi", "node server")),
    ],
)
"""An event, a server, another language; the others differ in the server program only."""
CONFIG = {"authType": "anonymous", "methods": ["GET", "POST", "PUT"]}


class Answer(NamedTuple):
    """What curl got."""

    status: int
    headers: dict[str, str]
    body: str


@pytest.fixture
def curl(cannot_run: Callable[[str], NoReturn]) -> Callable[..., Answer]:
    program = shutil.which("curl") or cannot_run("there is no curl")

    def call(url: str, *arguments: str) -> Answer:
        done = subprocess.run(
            [program, "--silent", "--show-error", "--include", *arguments, url],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        head, _, body = done.stdout.partition("\n\n")
        first, *lines = head.splitlines()
        pairs = (line.partition(": ") for line in lines)
        return Answer(int(first.split()[1]), {k.lower(): v for k, _, v in pairs}, body)

    return call


@pytest.fixture
def deployed(fc_local, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Deploys a function of a kind with an HTTP trigger; returns the trigger's two URLs."""

    def deploy(kind: str, *, async_config: dict[str, Any] | None = None) -> tuple[str, str]:
        if kind.startswith("node"):
            request.getfixturevalue("node")
        one = KINDS[kind]
        folder = tmp_path / kind
        folder.mkdir()
        (folder / one.file).write_text(one.code)
        settings = {"timeout": 20, **one.settings}
        fc_local.deploy("orders", folder, async_config=async_config, **settings)
        trigger = fc_local.client.create_trigger(
            "orders", "web", trigger_type="http", trigger_config=CONFIG
        )
        return trigger.http_trigger["urlInternet"], trigger.http_trigger["urlIntranet"]

    return deploy


@pytest.mark.parametrize("kind", KINDS)
def test_curl_calls_a_function_and_gets_its_answer(deployed, curl, kind: str) -> None:
    path, name = deployed(kind)
    for url in (path, name):
        answer = curl(f"{url}/a%20b?x=1&y=z", "-X", "PUT", "-d", "in", "-H", "content-type: text/a")
        assert answer.status == 201
        assert json.loads(answer.body) == ["PUT", "/a b", {"x": "1", "y": "z"}, "in"]
        assert answer.headers["x-kind"] == kind
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers["x-fc-request-id"].startswith("1-")


@EACH_WAY
def test_curl_learns_of_a_failure_as_the_runtime_tells_it(deployed, curl, kind: str) -> None:
    path, _ = deployed(kind)
    answer = curl(f"{path}/fail")
    assert (answer.status, answer.body) == KINDS[kind].failure


@EACH_WAY
def test_an_asynchronous_request_runs_later_as_a_task(fc_local, deployed, curl, kind: str) -> None:
    path, _ = deployed(kind)
    answer = curl(
        *(f"{path}/later?x=1", "-d", "in", "-H", "content-type: text/plain"),
        *("-H", "x-fc-invocation-type: Async", "-H", "x-fc-async-delay: 600"),
        *("-H", "x-fc-async-task-id: task-1"),
    )
    assert (answer.status, answer.body) == (202, "")
    assert answer.headers["x-fc-async-task-id"] == "task-1"
    request_id = answer.headers["x-fc-request-id"]
    waiting = fc_local.client.get_async_task("orders", "task-1")
    assert (waiting.status, waiting.request_id) == ("Enqueued", request_id)
    fc_local.run_until_idle()
    task = fc_local.client.get_async_task("orders", "task-1")
    assert task.status == "Succeeded"
    result = json.loads(task.return_payload)
    told = json.loads(result["body"]) if kind in {"python", "node"} else result
    assert told == ["POST", "/later", {"x": "1"}, "in"]


@EACH_WAY
def test_an_asynchronous_request_that_fails_is_retried_and_told_to_the_failure_destination(
    fc_local, deployed, curl, kind: str
) -> None:
    queue = fc_local.create_queue("failures")
    destination = {"onFailure": {"destination": queue}}
    config = {"asyncTask": True, "maxAsyncRetryAttempts": 1, "destinationConfig": destination}
    path, _ = deployed(kind, async_config=config)
    sent = ("-H", "x-fc-invocation-type: Async", "-H", "content-type: text/plain", "-d", "order 7")
    accepted = curl(f"{path}/fail", *sent)
    fc_local.run_until_idle()
    event = fc_local.receive("failures")
    assert (event.request_id, event.attempts) == (accepted.headers["x-fc-request-id"], 2)
    if kind not in {"python", "node"}:
        assert event.request.text() == "order 7"
        assert event.condition == "InvocationError"
    else:
        assert event.request.json()["body"] == "order 7"
        assert event.condition == "UnhandledInvocationError"


def test_a_replayed_task_of_a_web_function_repeats_its_request(fc_local, deployed, curl) -> None:
    path, _ = deployed("wsgi")
    sent = ("-H", "x-fc-invocation-type: Async", "-H", "x-fc-async-task-id: task-1", "-d", "in")
    curl(f"{path}/orders?x=1", *sent)
    fc_local.run_until_idle()
    admin = f"{fc_local.endpoint}/_local/tasks"
    shown = requests.get(f"{admin}/orders/task-1", timeout=60).json()
    assert shown["http"] == {"method": "POST", "target": "/orders?x=1"}
    tasks = [{"function": "orders", "taskId": "task-1"}]
    body = {"action": "replay", "tasks": tasks}
    [done] = requests.post(f"{admin}/actions", json=body, timeout=60).json()["done"]
    fc_local.run_until_idle()
    again = fc_local.client.get_async_task("orders", done["newTaskId"])
    assert json.loads(again.return_payload) == ["POST", "/orders", {"x": "1"}, "in"]


STREAM = """
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"data: first\\n\\n")
        while not Path("go on").exists():
            time.sleep(0.01)
        self.wfile.write(b"data: last\\n\\n")

    def log_message(self, *args):
        pass

port = int(os.environ["FC_SERVER_PORT"])
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def test_server_sent_events_arrive_while_the_function_runs(
    fc_local, deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "stream", Kind("server.py", STREAM, served("server.py"), OWN))
    path, _ = deployed("stream")
    with requests.get(path, stream=True, timeout=60) as answer:
        pieces = answer.iter_content(None)
        assert next(pieces) == b"data: first\n\n"
        folder = fc_local.runtime.addresses.data
        for code in (Path(folder) / "code").iterdir():
            (code / "go on").touch()
        assert b"".join(pieces) == b"data: last\n\n"


RAW = """
import os, socket

server = socket.create_server(("127.0.0.1", int(os.environ["FC_SERVER_PORT"])))
while True:
    connection, _ = server.accept()
    sent = b""
    while not sent.endswith(b"\\r\\n\\r\\n"):
        part = connection.recv(65536)
        if not part:
            break
        sent += part
    else:
        status = int(sent.split()[1][1:])
        content = b"" if status in (101, 204, 304) else b"ab"
        head = b"HTTP/1.1 %d X\\r\\nContent-Length: 2\\r\\n\\r\\n" % status
        connection.sendall(head + content)
    connection.close()
"""


@pytest.fixture
def raw(deployed, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[HTTPConnection, str]]:
    """A connection to a server that answers with the status that its path names."""
    monkeypatch.setitem(KINDS, "raw", Kind("server.py", RAW, served("server.py"), OWN))
    url = urlsplit(deployed("raw")[0])
    with contextlib.closing(HTTPConnection(url.netloc, timeout=60)) as connection:
        yield connection, url.path


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_leaves_the_connection_usable(
    raw, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    connection, path = raw
    for expected, body in ((status, b""), (200, b"ab"), (status, b"")):
        connection.request("GET", f"{path}/{expected}")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (expected, body)
    assert caplog.text == ""


@pytest.mark.parametrize("status", [101, 999])
def test_a_status_that_ends_no_answer_is_refused_at_once_as_the_service_refuses(
    raw, status: int
) -> None:
    connection, path = raw
    connection.request("GET", f"{path}/{status}")
    answer = connection.getresponse()
    refused = json.loads(answer.read())
    assert (answer.status, refused["Code"]) == (502, "BadResponse")
    assert (
        refused["Message"] == f"{status} is not the status of an answer: give one from 200 to 599"
    )
    assert refused["RequestId"] == answer.headers["x-fc-request-id"]


def test_a_failure_that_was_not_foreseen_is_answered_at_once(
    raw, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connection, path = raw
    fail(monkeypatch, serving, "forward", RuntimeError("the reason"))
    connection.request("GET", path)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["Message"]) == (502, "the reason")
    assert "failed unexpectedly" in caplog.text


def test_the_admin_api_lists_an_http_trigger_with_its_urls_and_calls(fc_local, deployed) -> None:
    path, name = deployed("python")
    requests.get(path, timeout=60)
    fc_local.client.create_trigger("orders", "other", trigger_type="log", trigger_config={})
    fc_local.client.delete_trigger("orders", "other")
    called = requests.get(path, timeout=60)
    [shown] = requests.get(f"{fc_local.endpoint}/_local/triggers", timeout=60).json()["triggers"]
    assert (shown["triggerName"], shown["state"], shown["source"]) == ("web", "active", path)
    assert shown["httpTrigger"] == {"urlInternet": path, "urlIntranet": name}
    assert (shown["fired"], shown["lastRequestId"]) == (2, called.headers["x-fc-request-id"])


def test_a_task_id_is_accepted_once(deployed, curl) -> None:
    path, _ = deployed("python")
    sent = ("-d", "", "-H", "x-fc-invocation-type: Async", "-H", "x-fc-async-task-id: task-1")
    assert curl(path, *sent).status == 202
    again = curl(path, *sent)
    assert (again.status, json.loads(again.body)["Code"]) == (409, "AsyncTaskAlreadyExists")


def test_a_large_upload_is_streamed_to_a_web_function(deployed, curl, tmp_path: Path) -> None:
    path, _ = deployed("asgi")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 3_000_000)
    answer = curl(path, "-T", str(large), "-H", "expect:")
    assert json.loads(answer.body)[-1] == "x" * 3_000_000
    chunked = curl(path, "-T", str(large), "-H", "expect:", "-H", "transfer-encoding: chunked")
    assert json.loads(chunked.body)[-1] == "x" * 3_000_000


@pytest.mark.parametrize("kind", ["python", "asgi"])
def test_a_body_over_the_limit_is_refused(deployed, curl, tmp_path: Path, kind: str) -> None:
    path, _ = deployed(kind)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(32 * 1024 * 1024 + 1)
    for headers in ((), ("-H", "transfer-encoding: chunked")):
        answer = curl(path, "-T", str(large), *headers, "-H", "expect:")
        assert (answer.status, json.loads(answer.body)["Code"]) == (400, "EntityTooLarge")


def test_a_handler_in_the_process_of_a_test_answers_requests(fc_local, curl) -> None:
    def hello(event: bytes, context: object) -> dict[str, str]:
        return {"hello": json.loads(event)["rawPath"]}

    fc_local.deploy("hello", hello)
    trigger = fc_local.client.create_trigger(
        "hello", "web", trigger_type="http", trigger_config=CONFIG
    )
    answer = curl(trigger.http_trigger["urlInternet"] + "/world")
    assert (answer.status, json.loads(answer.body)) == (200, {"hello": "/world"})


def test_an_accepted_request_survives_a_restart_and_reaches_the_web_function(
    tmp_path: Path, curl
) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "server.py").write_text(WSGI)
    function = {
        "functionName": "orders",
        "code": {"zipFile": base64.b64encode(packaging.archive(folder)).decode()},
        "runtime": "custom.debian12",
        "handler": "unused",
        "customRuntimeConfig": {"command": [sys.executable, "server.py"]},
    }
    trigger = {
        "triggerName": "web",
        "triggerType": "http",
        "triggerConfig": json.dumps(CONFIG),
    }
    sent = ("-H", "x-fc-invocation-type: Async", "-H", "x-fc-async-task-id: task-1", "-d", "in")
    options: Any = {"data": tmp_path / "data", "port": 0, "clock": "virtual"}
    with LocalRuntime(**options) as runtime:
        registry = runtime.registry
        runtime.call(registry.functions.create(function))
        runtime.call(registry.async_configs.put("orders", "", {"asyncTask": True}))
        runtime.call(registry.triggers.create("orders", trigger))
        url = f"{runtime.endpoint}/_http/orders/web/orders?x=1"
        assert curl(url, *sent, "-H", "x-fc-async-delay: 600").status == 202
    with LocalRuntime(**options) as runtime:
        runtime.advance(601)
        task = runtime.call(runtime.store.get("orders", "task-1"))
        assert task is not None
        result = json.loads(task.invocation.return_payload or b"null")
        assert result == ["POST", "/orders", {"x": "1"}, "in"]


class TestSignedRequests:
    @pytest.fixture
    def fc_local_settings(self) -> Settings:
        return Settings.of(strict_auth=True, access_keys={"local": "local"})

    def test_of_curl_without_a_signature_are_refused(self, fc_local, curl) -> None:
        fc_local.deploy("hello", str)
        call = fc_local.runtime.call
        body = {
            "triggerName": "web",
            "triggerType": "http",
            "triggerConfig": '{"authType": "function", "methods": ["GET"]}',
        }
        call(fc_local.runtime.registry.triggers.create("hello", body))
        answer = curl(f"{fc_local.endpoint}/_http/hello/web")
        assert (answer.status, json.loads(answer.body)["Code"]) == (400, "MissingRequiredHeader")
