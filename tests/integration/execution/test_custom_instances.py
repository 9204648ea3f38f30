# SPDX-License-Identifier: MIT
"""Custom runtimes: the user's own HTTP server."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.protocol import HealthCheck

if TYPE_CHECKING:
    import psutil

SERVER = """
    import http.server, json, os, sys, time
    from pathlib import Path

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if self.path == "/end":
                os._exit(5)
            if self.path == "/pre-stop":
                Path("stopped").touch()
            healthy = self.path != "/health" or os.path.exists("healthy")
            self.answer(200 if healthy else 503)

        def do_POST(self):
            event = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if self.path == "/initialize":
                Path("initialized").touch()
                if os.environ.get("INITIALIZE") == "hang":
                    time.sleep(600)
                if os.environ.get("INITIALIZE") == "die":
                    os._exit(4)
                self.answer(int(os.environ.get("INITIALIZE", "200")), b"no database")
            elif event == b"headers":
                seen = {k.lower(): v for k, v in self.headers.items()}
                self.answer(200, json.dumps(seen).encode())
            elif event == b"environment":
                self.answer(200, json.dumps(dict(os.environ)).encode())
            elif event == b"fail":
                self.answer(404, b'{"errorMessage":"mine"}', x_fc_status="404")
            elif event == b"error status":
                self.answer(500, b"still a success")
            elif event == b"no route":
                self.answer(404, b"Not Found")
            elif event == b"much":
                self.answer(200, b"x" * (33 << 20))
            elif event == b"die":
                os._exit(3)
            elif event == b"hang up":
                self.close_connection = True
            elif event == b"hang":
                time.sleep(600)
            else:
                print("FC Invoke Start RequestId:", self.headers["x-fc-request-id"], flush=True)
                self.answer(200, event + b" from " + str(os.getpid()).encode())

        def log_message(self, *args):
            pass

    port = int(os.environ["FC_CUSTOM_LISTEN_PORT" if len(sys.argv) < 2 else sys.argv[1]])
    http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""


@pytest.fixture
def server(workshop) -> Any:
    """Runs the server above."""
    workshop.write(SERVER, name="server.py")

    def call(payload: bytes = b"", **settings) -> Any:
        defaults = {
            "runtime": "custom.debian12",
            "command": (sys.executable, "server.py"),
            "port": 0,
        }
        return workshop.run(payload, **(defaults | settings))

    workshop.call = call
    return workshop


def test_a_call_is_a_post_to_invoke(server) -> None:
    async def scenario() -> list[Any]:
        return [await server.call(b"event"), await server.call(b"event")]

    first, second = server.play(scenario)
    assert first.kind is OutcomeKind.SUCCESS
    assert first.payload.startswith(b"event from ")
    assert second.payload == first.payload
    assert first.log == b"FC Invoke Start RequestId: request-1\n"
    assert first.memory_mb > 0


def test_the_request_carries_the_common_headers(server) -> None:
    outcome = server.play(
        lambda: server.call(b"headers", version_id="4", handler="x", initializer="y")
    )
    seen = json.loads(outcome.payload)
    told = {
        "x-fc-request-id": "request-1",
        "x-fc-function-name": "f",
        "x-fc-function-handler": "x",
        "x-fc-function-memory": "512",
        "x-fc-function-timeout": "20",
        "x-fc-region": "cn-hangzhou",
        "x-fc-account-id": "1234567890123456",
        "x-fc-qualifier": "LATEST",
        "x-fc-version-id": "4",
        "x-fc-control-path": "/invoke",
        "x-fc-function-initializer": "y",
        "x-fc-initialization-timeout": "3",
        "x-fc-retry-count": "0",
        "x-fc-access-key-id": "local",
        "content-type": "application/octet-stream",
    }
    assert {name: seen[name] for name in told} == told


def test_the_port_is_in_the_environment(server) -> None:
    outcome = server.play(lambda: server.call(b"environment", environment={"MINE": "1"}))
    seen = json.loads(outcome.payload)
    assert seen["FC_CUSTOM_LISTEN_PORT"] == seen["FC_SERVER_PORT"]
    assert (seen["MINE"], seen["FC_FUNCTION_NAME"]) == ("1", "f")


@pytest.mark.skipif(sys.prefix == sys.base_prefix, reason="not in a virtual environment")
def test_the_command_python3_is_that_of_the_virtual_environment_of_the_runtime(
    server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    command = ("python3", "-c", "import sys; raise SystemExit(sys.prefix)")
    outcome = server.play(lambda: server.call(command=command))
    assert f"Logs:{sys.prefix}\n" in json.loads(outcome.payload)["errorMessage"]


def test_an_active_virtual_environment_comes_before_that_of_the_runtime(
    server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    monkeypatch.setenv("PATH", "/active/bin:/usr/bin:/bin")
    outcome = server.play(lambda: server.call(b"environment"))
    assert json.loads(outcome.payload)["PATH"] == "/active/bin:/usr/bin:/bin"


def test_x_fc_status_404_is_a_failure_of_the_function(server) -> None:
    outcome = server.play(lambda: server.call(b"fail"))
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, "InvocationError")
    assert outcome.payload == b'{"errorMessage":"mine"}'


def test_the_status_code_alone_means_nothing(server) -> None:
    outcome = server.play(lambda: server.call(b"error status"))
    assert (outcome.kind, outcome.payload) == (OutcomeKind.SUCCESS, b"still a success")


def test_a_server_without_a_route_for_calls_is_named_once(server, caplog) -> None:
    async def scenario() -> list[Any]:
        return [await server.call(b"no route") for _ in range(2)]

    outcomes = server.play(scenario)
    assert [one.kind for one in outcomes] == [OutcomeKind.SUCCESS] * 2
    (hint,) = [one for one in caplog.messages if "POST /invoke" in one]
    assert "answered 404 to POST /invoke, and the service counts that as a success" in hint


def test_a_server_that_dies_fails_the_call_and_is_started_again(server) -> None:
    async def scenario() -> list[Any]:
        return [await server.call(b"die"), await server.call(b"event")]

    died, good = server.play(scenario)
    assert died.error_type == "UnhandledInvocationError"
    assert b"Process exited unexpectedly before completing request" in died.payload
    assert good.kind is OutcomeKind.SUCCESS


def test_a_server_that_hangs_up_fails_the_call_and_is_kept(server) -> None:
    async def scenario() -> list[Any]:
        return [await server.call(b"event"), await server.call(b"hang up"), await server.call()]

    before, failed, after = server.play(scenario)
    assert failed.kind is OutcomeKind.FUNCTION_ERROR
    assert b"broke the connection" in failed.payload
    assert after.instance_id == before.instance_id


def test_a_call_over_its_time_is_ended(server) -> None:
    outcome = server.play(lambda: server.call(b"hang", timeout_ms=300))
    assert b"Function timed out after 0.3 seconds (maxMemoryUsage: " in outcome.payload


def test_a_server_takes_several_calls_at_a_time(server) -> None:
    async def scenario() -> list[Any]:
        settings = {"instance_concurrency": 5}
        hanging = asyncio.ensure_future(server.call(b"hang", **settings))
        good = await asyncio.gather(*(server.call(b"event", **settings) for _ in range(4)))
        hanging.cancel()
        return good

    assert len({outcome.payload for outcome in server.play(scenario)}) == 1


def test_the_hooks_are_requests(server) -> None:
    server.play(lambda: server.call(initializer="any", pre_stop="any"))
    assert (server.path / "code/initialized").exists()
    assert (server.path / "code/stopped").exists()


@pytest.mark.parametrize("status", ["400", "404", "500"])
def test_a_failed_initializer_fails_the_call(server, status: str) -> None:
    outcome = server.play(
        lambda: server.call(initializer="any", environment={"INITIALIZE": status})
    )
    assert (outcome.kind, outcome.error_type) == (
        OutcomeKind.FUNCTION_ERROR,
        "InitializationError",
    )
    assert json.loads(outcome.payload) == {"errorMessage": "no database"}


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("hang", "Function initialization timed out after 0.5 seconds"),
        ("die", "the initializer broke the connection"),
    ],
)
def test_an_initializer_that_never_answers_fails_the_call(server, does: str, message: str) -> None:
    settings = {"initializer": "any", "initializer_timeout_ms": 500}
    outcome = server.play(lambda: server.call(environment={"INITIALIZE": does}, **settings))
    assert outcome.error_type == "InitializationError"
    assert json.loads(outcome.payload)["errorMessage"].startswith(message)


def test_an_answer_that_is_too_large_is_a_failure(server) -> None:
    outcome = server.play(lambda: server.call(b"much"))
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert b"more than 33554432 bytes" in outcome.payload


def test_a_server_that_ends_during_its_health_check_fails_the_start(server) -> None:
    check = HealthCheck(path="/end", period_ms=10, failure_threshold=1000)
    outcome = server.play(lambda: server.call(health_check=check))
    assert outcome.error_type == "FunctionNotStarted"
    assert b"(code 5, message:exit status 5)" in outcome.payload


def test_hooks_that_are_not_configured_are_not_called(server) -> None:
    server.play(server.call)
    assert not (server.path / "code/initialized").exists()
    assert not (server.path / "code/stopped").exists()


def test_calls_wait_until_the_health_check_passes(server) -> None:
    check = HealthCheck(path="/health", period_ms=10, failure_threshold=1000)

    async def scenario() -> Any:
        calling = asyncio.ensure_future(server.call(health_check=check))
        await server.family(1)
        assert not calling.done()
        (server.path / "code/healthy").touch()
        return await calling

    assert server.play(scenario).kind is OutcomeKind.SUCCESS


def test_a_health_check_that_fails_too_often_fails_the_start(server) -> None:
    check = HealthCheck(path="health", period_ms=10, failure_threshold=2)
    outcome = server.play(lambda: server.call(health_check=check))
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, "FunctionNotStarted")
    assert b"Function instance health check failed on port " in outcome.payload


def test_a_command_that_ends_fails_the_start_with_its_last_words(workshop) -> None:
    workshop.write("print('no config'); raise SystemExit(2)", name="server.py")
    outcome = workshop.play(
        lambda: workshop.run(runtime="custom", command=(sys.executable, "server.py"))
    )
    assert outcome.error_type == "FunctionNotStarted"
    message = json.loads(outcome.payload)["errorMessage"]
    assert message.startswith(
        "Function instance exited unexpectedly(code 2, message:exit status 2) with start command"
    )
    assert message.endswith("server.py'. Logs:no config\n")


def test_a_command_that_is_not_there_is_named(workshop) -> None:
    workshop.write("")
    outcome = workshop.play(lambda: workshop.run(runtime="custom"))
    message = json.loads(outcome.payload)["errorMessage"]
    assert "with start command '/code/bootstrap'" in message
    assert "can't start" in message
    assert "No such file or directory" in message


def test_the_default_command_is_the_bootstrap_in_the_code_folder(workshop) -> None:
    workshop.write(SERVER, name="server.py")
    bootstrap = workshop.path / "code/bootstrap"
    bootstrap.write_text(f"#!/bin/sh\nexec {sys.executable} server.py FC_SERVER_PORT\n")
    bootstrap.chmod(0o755)
    outcome = workshop.play(lambda: workshop.run(b"event", runtime="custom.debian10"))
    assert outcome.payload.startswith(b"event from ")


def test_closing_ends_the_server_and_its_children(server) -> None:
    async def scenario() -> list[psutil.Process]:
        await server.call()
        return await server.family(1)

    processes = server.play(scenario)
    assert not any(process.is_running() for process in processes)
