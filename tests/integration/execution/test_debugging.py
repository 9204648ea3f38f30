# SPDX-License-Identifier: MIT
"""A client of the Debug Adapter Protocol stops a function, and everything waits for it."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CODE = """\
def handler(event, context):
    total = len(event)
    return {"total": total}
"""
BREAKPOINT = 3
TIMEOUT_SECONDS = 1
LEASE_MS = 600


class DapClient:
    """A client of the Debug Adapter Protocol, as an editor has one.

    https://microsoft.github.io/debug-adapter-protocol/specification
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rwb")
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the debugger closed the connection"
        message: dict[str, Any] = json.loads(self._file.read(length))
        return message

    def send(self, command: str, **arguments: object) -> int:
        number = next(self._numbers)
        body = {"seq": number, "type": "request", "command": command, "arguments": arguments}
        data = json.dumps(body).encode()
        self._file.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self._file.flush()
        return number

    def answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)
            elif message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                body: dict[str, Any] = message.get("body") or {}
                return body

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        return self.answer(self.send(command, **arguments))

    def event(self, name: str) -> dict[str, Any]:
        while True:
            for event in self._events:
                if event["event"] == name:
                    self._events.remove(event)
                    body: dict[str, Any] = event.get("body") or {}
                    return body
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)

    def attach(self, file: Path, line: int) -> None:
        """Attach with one breakpoint."""
        self.ask("initialize", clientID="test", adapterID="debugpy", pathFormat="path")
        attached = self.send("attach", justMyCode=True)
        self.event("initialized")
        found = self.ask("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        assert [one["verified"] for one in found["breakpoints"]] == [True]
        self.ask("configurationDone")
        self.answer(attached)

    def wait_for_stop(self) -> int:
        """Return the thread that has stopped at the breakpoint."""
        stopped = self.event("stopped")
        assert stopped["reason"] == "breakpoint"
        thread: int = stopped["threadId"]
        return thread


@pytest.fixture
def dap() -> Iterator[Callable[[int], DapClient]]:
    with contextlib.ExitStack() as closing:

        def connect(port: int) -> DapClient:
            return closing.enter_context(contextlib.closing(DapClient(port)))

        yield connect


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "index.py").write_text(CODE)
    return folder


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., LocalRuntime]]:
    with contextlib.ExitStack() as closing:

        def start(clock: str = "real") -> LocalRuntime:
            return closing.enter_context(
                LocalRuntime(
                    data=tmp_path / "data",
                    port=0,
                    clock=clock,  # type: ignore[arg-type]
                    settings=Settings.of(lease_ms=LEASE_MS, freeze_instances=True),
                    grace_ms=0,
                )
            )

        yield start


def deployed(runtime: LocalRuntime, code: Path, runtime_name: str = "python3.10") -> Any:
    client = fc_async_sdk.client(endpoint_url=runtime.endpoint)
    client.create_function(
        "orders", runtime=runtime_name, handler="index.handler", code=code, timeout=TIMEOUT_SECONDS
    )
    client.put_async_invoke_config("orders", async_task=True, max_async_retry_attempts=2)
    return client


def debug(runtime: LocalRuntime, folder: Path) -> int:
    url = f"{runtime.endpoint}/_local/debug/orders"
    answer = requests.put(url, json={"folder": str(folder)}, timeout=30)
    assert answer.ok, answer.text
    port: int = answer.json()["port"]
    return port


def attempts(runtime: LocalRuntime, task_id: str) -> dict[str, Any]:
    url = f"{runtime.endpoint}/_local/tasks/orders/{task_id}"
    task: dict[str, Any] = requests.get(url, timeout=30).json()
    return task


def pass_more_than(seconds: float) -> None:
    """Let real time pass: what is tested is that nothing happens meanwhile."""
    threading.Event().wait(seconds)


@pytest.mark.real_time
def test_at_a_breakpoint_the_timeout_and_the_lease_stand_still_and_one_attempt_succeeds(
    started: Callable[..., LocalRuntime], dap: Callable[[int], DapClient], code: Path
):
    runtime = started()
    client = deployed(runtime, code)
    with client:
        editor = dap(debug(runtime, code))
        editor.attach(code / "index.py", BREAKPOINT)
        client.invoke_async("orders", b"12345", task_id="one")
        thread = editor.wait_for_stop()
        pass_more_than(1.25 * max(TIMEOUT_SECONDS, LEASE_MS / 1_000))
        assert attempts(runtime, "one")["status"] == "Running"
        editor.ask("continue", threadId=thread)
        task = client.get_waiter("task_finished").wait("orders", "one")
        assert task.status == "Succeeded"
        assert attempts(runtime, "one")["attempts"] == 1


@pytest.mark.real_time
def test_with_virtual_time_the_whole_queue_stands_still_at_a_breakpoint(
    started: Callable[..., LocalRuntime], dap: Callable[[int], DapClient], code: Path
):
    runtime = started("virtual")
    client = deployed(runtime, code)
    with client:
        client.create_function("other", runtime="python3.10", handler="index.handler", code=code)
        client.put_async_invoke_config("other", async_task=True)
        editor = dap(debug(runtime, code))
        editor.attach(code / "index.py", BREAKPOINT)
        client.invoke_async("orders", b"1", task_id="one")
        client.invoke_async("other", b"1", task_id="later", delay=60)
        thread = editor.wait_for_stop()
        moved = threading.Thread(target=runtime.advance, args=(3600,))
        moved.start()
        pass_more_than(0.5)
        assert client.get_async_task("other", "later").status == "Enqueued"
        assert client.get_async_task("orders", "one").status == "Running"
        editor.ask("continue", threadId=thread)
        moved.join(30)
        assert client.get_async_task("orders", "one").status == "Succeeded"
        assert client.get_async_task("other", "later").status == "Succeeded"


@pytest.mark.real_time
def test_after_the_client_has_left_the_timeout_goes_on(
    started: Callable[..., LocalRuntime], dap: Callable[[int], DapClient], code: Path
):
    (code / "index.py").write_text(
        "import time\n\n\ndef handler(event, context):\n    time.sleep(30)\n"
    )
    runtime = started()
    client = deployed(runtime, code)
    with client:
        client.put_async_invoke_config("orders", async_task=True, max_async_retry_attempts=0)
        editor = dap(debug(runtime, code))
        editor.attach(code / "index.py", 5)
        client.invoke_async("orders", b"", task_id="one")
        thread = editor.wait_for_stop()
        editor.ask("continue", threadId=thread)
        editor.close()
        task = client.get_waiter("task_finished").wait("orders", "one")
        assert task.status == "Failed"
        assert "timed out after 1 seconds" in str(attempts(runtime, "one"))


def test_a_client_that_attaches_before_the_first_call_starts_an_instance(
    started: Callable[..., LocalRuntime], dap: Callable[[int], DapClient], code: Path
):
    runtime = started()
    with deployed(runtime, code):
        dap(debug(runtime, code)).attach(code / "index.py", BREAKPOINT)
        url = f"{runtime.endpoint}/_local/debug"
        [place] = requests.get(url, timeout=30).json()["debuggers"]
        assert (place["function"], place["attached"]) == ("orders", True)


def test_saved_code_has_the_same_port_and_calls_run_one_after_the_other(
    started: Callable[..., LocalRuntime], code: Path
):
    runtime = started()
    client = deployed(runtime, code)
    with client:
        port = debug(runtime, code)
        assert client.invoke("orders", b"12").payload == b'{\n    "total": 2\n}'
        (code / "index.py").write_text(CODE.replace("len(event)", "len(event) * 10"))
        client.update_function("orders", code=code)
        assert debug(runtime, code) == port
        for number in range(3):
            client.invoke_async("orders", b"12", task_id=f"t{number}")
        waiter = client.get_waiter("task_succeeded")
        tasks = [waiter.wait("orders", f"t{number}") for number in range(3)]
        assert len({task.instance_id for task in tasks}) == 1
        assert client.invoke("orders", b"12").payload == b'{\n    "total": 20\n}'


def test_without_a_debugger_the_function_runs_from_its_archive_again(
    started: Callable[..., LocalRuntime], code: Path
):
    runtime = started()
    client = deployed(runtime, code)
    with client:
        debug(runtime, code)
        (code / "index.py").write_text(CODE.replace("len(event)", "99"))
        assert client.invoke("orders", b"1").payload == b'{\n    "total": 99\n}'
        url = f"{runtime.endpoint}/_local/debug/orders"
        assert requests.delete(url, timeout=30).status_code == 204
        assert client.invoke("orders", b"1").payload == b'{\n    "total": 1\n}'
        assert requests.delete(url, timeout=30).status_code == 404


def test_what_cannot_be_debugged_is_refused(started: Callable[..., LocalRuntime], code: Path):
    runtime = started()
    with deployed(runtime, code):
        url = f"{runtime.endpoint}/_local/debug/orders"
        for body, said in (
            ({"folder": "code"}, "given as an absolute path"),
            ({"folder": "/nowhere/at/all"}, "is not a folder on this machine"),
            ({"folder": "/" + "x" * 300}, "is not a folder on this machine"),
            ({}, "folder"),
            ({"folder": "/", "port": 70_000}, "port"),
        ):
            answer = requests.put(url, json=body, timeout=30)
            assert answer.status_code == 400
            assert said in answer.text


def test_a_port_that_is_in_use_is_named(started: Callable[..., LocalRuntime], code: Path):
    runtime = started()
    with deployed(runtime, code), socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = requests.put(
            f"{runtime.endpoint}/_local/debug/orders",
            json={"folder": str(code), "port": port},
            timeout=30,
        )
        assert answer.status_code == 400
        assert f"cannot listen on port {port}" in answer.text


def test_the_inspector_of_node_answers_on_the_port_of_the_function(
    started: Callable[..., LocalRuntime], code: Path
):
    (code / "index.js").write_text("exports.handler = async () => 'ok';\n")
    runtime = started()
    with deployed(runtime, code, "nodejs20") as client:
        port = debug(runtime, code)
        [target] = requests.get(f"http://127.0.0.1:{port}/json/list", timeout=30).json()
        assert target["type"] == "node"
        assert target["webSocketDebuggerUrl"].startswith(f"ws://127.0.0.1:{port}/")
        assert client.invoke("orders", b"").payload == b"ok"
