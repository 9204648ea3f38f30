# SPDX-License-Identifier: MIT
"""Custom runtimes whose server listens on a fixed port, beside others that want the same port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.domain.invocation import OutcomeKind
from fc_async_local.execution.machine.ports import MOST_WAITING, is_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVER = """
    import http.server, os, sys, time

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            open("stopped-" + os.environ["FC_FUNCTION_NAME"], "w").close()
            self.send_response(200)
            self.end_headers()

        def do_POST(self):
            event = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if event == b"slow":
                open("begun", "w").close()
                while not os.path.exists("go on"):
                    time.sleep(0.01)
            if event == b"stop listening":
                self.server.socket.close()
            body = f"{os.environ['FC_FUNCTION_NAME']} {os.getpid()}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["FC_SERVER_PORT"])
    http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""


@pytest.fixture
def port() -> int:
    """A free port that the system does not give to clients meanwhile (32768 and more on Linux)."""
    return next(port for port in iter(lambda: random.randrange(15_000, 30_000), 0) if is_free(port))


@pytest.fixture
def fixed(workshop, port: int) -> Callable[..., Any]:
    """Calls a function whose server listens on the configured port whatever the variables say."""
    workshop.write(SERVER, name="server.py")

    def call(function: str, payload: bytes = b"", **settings) -> Any:
        command = (sys.executable, "server.py", str(port))
        given = {"runtime": "custom", "command": command, "port": port, "function": function}
        return workshop.run(payload, **(given | settings))

    return call


class Foreign:
    """A server of another program, and the requests it got."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("0.0.0.0", port))  # noqa: S104 -- as servers do
        self._listener.setblocking(False)
        self.connections = 0

    @contextlib.contextmanager
    def watched(self) -> Iterator[Foreign]:
        with self._listener:
            yield self
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._listener.accept()[0].close()
                    self.connections += 1


def names(outcomes: list[Any]) -> list[str]:
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SUCCESS}, outcomes
    return [outcome.payload.split()[0].decode() for outcome in outcomes]


def test_parallel_calls_of_a_server_with_a_fixed_port_all_succeed(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        return await asyncio.gather(*(fixed("f") for _ in range(12)))

    outcomes = workshop.play(scenario)
    assert names(outcomes) == ["f"] * 12
    assert len({outcome.payload for outcome in outcomes}) == 1


def test_a_server_with_a_fixed_port_runs_its_configured_concurrency(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        slow = asyncio.ensure_future(fixed("f", b"slow", instance_concurrency=2))
        await workshop.until((workshop.path / "code/begun").exists)
        quick = await fixed("f", instance_concurrency=2)
        (workshop.path / "code/go on").touch()
        return [quick, await slow]

    assert names(workshop.play(scenario)) == ["f", "f"]


def test_functions_with_the_same_fixed_port_take_turns(workshop, fixed) -> None:
    functions = ["f", "g", "f", "g", "g", "f"]

    async def scenario() -> list[Any]:
        return await asyncio.gather(*map(fixed, functions))

    assert names(workshop.play(scenario)) == functions


def test_an_idle_instance_that_holds_the_port_is_stopped_to_make_room(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        return [await fixed("f", pre_stop="any"), await fixed("g"), await fixed("f")]

    outcomes = workshop.play(scenario)
    assert names(outcomes) == ["f", "g", "f"]
    assert (workshop.path / "code/stopped-f").exists()
    assert outcomes[0].payload != outcomes[2].payload


def test_a_new_revision_with_a_fixed_port_replaces_the_old_one(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        slow = asyncio.ensure_future(fixed("f", b"slow"))
        await workshop.until((workshop.path / "code/begun").exists)
        new = asyncio.ensure_future(fixed("f", revision="2"))
        await asyncio.sleep(0)
        (workshop.path / "code/go on").touch()
        return [await slow, await new]

    old, new = workshop.play(scenario)
    assert names([old, new]) == ["f", "f"]
    assert old.payload != new.payload


def test_a_call_after_a_timeout_finds_the_port_free(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        calls = [fixed("f", b"slow", timeout_ms=300), fixed("f"), fixed("g")]
        return await asyncio.gather(*calls)

    late, *others = workshop.play(scenario)
    assert b"timed out" in late.payload
    assert names(others) == ["f", "g"]


def test_servers_that_read_the_variable_run_side_by_side(workshop, fixed, caplog) -> None:
    command = (sys.executable, "server.py")

    async def scenario() -> list[Any]:
        slow = asyncio.ensure_future(fixed("f", b"slow", command=command))
        await workshop.until((workshop.path / "code/begun").exists)
        others = await asyncio.gather(*(fixed("f", command=command) for _ in range(3)))
        (workshop.path / "code/go on").touch()
        return [await slow, *others]

    outcomes = workshop.play(scenario)
    assert names(outcomes) == ["f"] * 4
    assert outcomes[0].payload not in {outcome.payload for outcome in outcomes[1:]}
    assert not caplog.records


def test_one_warning_names_the_variable_that_the_server_ignores(workshop, fixed, caplog) -> None:
    async def scenario() -> None:
        for revision in ("1", "1", "2"):
            await asyncio.gather(*(fixed("f", revision=revision) for _ in range(3)))

    with caplog.at_level(logging.WARNING):
        workshop.play(scenario)
    (record,) = caplog.records
    assert "'f'" in record.getMessage()
    assert "FC_SERVER_PORT" in record.getMessage()


def test_a_port_of_another_program_is_a_system_error_that_names_it(
    workshop, fixed, port: int
) -> None:
    async def scenario() -> list[Any]:
        return await asyncio.gather(fixed("f"), fixed("g"))

    with Foreign(port).watched() as foreign:
        outcomes = workshop.play(scenario)
    assert {outcome.kind for outcome in outcomes} == {OutcomeKind.SYSTEM_ERROR}
    for outcome in outcomes:
        assert (
            f"port {port} is in use by another program"
            in json.loads(outcome.payload)["errorMessage"]
        )
    assert foreign.connections == 0


def test_a_server_that_ends_for_another_reason_is_not_a_matter_of_the_port(
    workshop, port: int
) -> None:
    workshop.write("import not_there", name="server.py")
    command = (sys.executable, "server.py")
    with Foreign(port).watched():
        outcome = workshop.play(lambda: workshop.run(runtime="custom", command=command, port=port))
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, "FunctionNotStarted")
    assert "No module named 'not_there'" in json.loads(outcome.payload)["errorMessage"]


def test_a_server_that_waits_for_a_port_of_another_program_is_a_system_error(
    workshop, port: int
) -> None:
    workshop.write("")
    with Foreign(port).watched() as foreign:
        outcome = workshop.play(
            lambda: workshop.run(
                runtime="custom",
                command=(sys.executable, "-c", "import time; time.sleep(600)"),
                port=port,
            ),
            start_seconds=0.3,
        )
    assert outcome.kind is OutcomeKind.SYSTEM_ERROR
    assert str(port) in json.loads(outcome.payload)["errorMessage"]
    assert foreign.connections == 0


def test_a_server_that_reads_the_variable_runs_beside_a_program_on_its_port(
    workshop, fixed, port: int
) -> None:
    with Foreign(port).watched() as foreign:
        outcome = workshop.play(lambda: fixed("f", command=(sys.executable, "server.py")))
    assert names([outcome]) == ["f"]
    assert foreign.connections == 0


def test_a_program_that_took_the_port_meanwhile_gets_no_call(workshop, fixed, port: int) -> None:
    async def scenario() -> list[Any]:
        first = await fixed("f", b"stop listening")
        await workshop.until(lambda: is_free(port))
        with Foreign(port).watched() as foreign:
            second = await fixed("f")
        return [first, second, foreign.connections]

    first, second, connections = workshop.play(scenario)
    assert names([first]) == ["f"]
    assert second.kind is OutcomeKind.SYSTEM_ERROR
    assert connections == 0


def test_a_call_that_waits_for_the_port_can_be_interrupted(workshop, fixed) -> None:
    async def scenario() -> Any:
        slow = asyncio.ensure_future(fixed("f", b"slow"))
        await workshop.until((workshop.path / "code/begun").exists)
        waiting = asyncio.ensure_future(fixed("g"))
        while not await workshop.runner.interrupt("request-2"):  # noqa: ASYNC110 -- no event tells
            await asyncio.sleep(0)
        (workshop.path / "code/go on").touch()
        return [await slow, await waiting]

    slow, waiting = workshop.play(scenario)
    assert names([slow]) == ["f"]
    assert waiting.kind is OutcomeKind.INTERRUPTED


def test_closing_ends_calls_that_wait_for_the_port(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        calls = [asyncio.ensure_future(fixed(name, b"slow")) for name in ("f", "f", "g")]
        await workshop.until((workshop.path / "code/begun").exists)
        await workshop.runner.aclose()
        return await asyncio.gather(*calls)

    assert {outcome.kind for outcome in workshop.play(scenario)} == {OutcomeKind.SYSTEM_ERROR}


def test_more_calls_than_may_wait_for_a_port_are_throttled(workshop, fixed) -> None:
    async def scenario() -> list[Any]:
        calls = [asyncio.ensure_future(fixed("f", b"slow")) for _ in range(MOST_WAITING + 2)]
        await workshop.until((workshop.path / "code/begun").exists)
        (workshop.path / "code/go on").touch()
        return await asyncio.gather(*calls)

    *served, refused = workshop.play(scenario)
    assert len(names(served)) == MOST_WAITING + 1
    assert refused.kind is OutcomeKind.THROTTLED


def test_a_call_that_waits_too_long_for_the_port_is_a_system_error(
    workshop, fixed, port: int
) -> None:
    async def scenario() -> Any:
        slow = asyncio.ensure_future(fixed("f", b"slow"))
        await workshop.until((workshop.path / "code/begun").exists)
        second = await fixed("g")
        (workshop.path / "code/go on").touch()
        return [await slow, second]

    slow, second = workshop.play(scenario, start_seconds=2)
    assert names([slow]) == ["f"]
    assert second.kind is OutcomeKind.SYSTEM_ERROR
    assert f"port {port}" in json.loads(second.payload)["errorMessage"]


def test_a_server_without_the_port_it_wants_fails_its_start_as_on_the_service(
    workshop, port: int
) -> None:
    workshop.write("")
    outcome = workshop.play(
        lambda: workshop.run(
            runtime="custom",
            command=(sys.executable, "-c", "import time; time.sleep(600)"),
            port=port,
        ),
        start_seconds=0.3,
    )
    assert (outcome.kind, outcome.error_type) == (OutcomeKind.FUNCTION_ERROR, "FunctionNotStarted")
    message = json.loads(outcome.payload)["errorMessage"]
    assert message.startswith(f"Function instance health check failed on port {port} in 0.3 sec")
    assert "FC_SERVER_PORT=" in message
    assert "listens" not in message.partition(".)")[2]


def test_a_server_on_another_port_than_its_own_fails_its_start_with_that_port(
    workshop, port: int
) -> None:
    workshop.write("")
    code = (
        "import socket, time; one = socket.create_server(('127.0.0.1', 0)); "
        "open('port', 'w').write(str(one.getsockname()[1])); time.sleep(600)"
    )
    outcome = workshop.play(
        lambda: workshop.run(runtime="custom", command=(sys.executable, "-c", code), port=port),
        start_seconds=3,
    )
    message = json.loads(outcome.payload)["errorMessage"]
    [file] = workshop.path.rglob("port")
    assert message.endswith(f" The program listens on {file.read_text()}.")
