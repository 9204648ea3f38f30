# SPDX-License-Identifier: MIT
"""``events replay`` for a function without task mode, killed at each request that changes data.

The service does not recognise what was sent before, so each message that is still in the queue
after a kill is sent twice.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from mns.account import Account
from mns.queue import Message

from fc_async_sdk import _endpoint, _runtimes, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal

    Ran = subprocess.CompletedProcess[str]

OFF = {"asyncTask": False}
EVENTS = 5
CHANGES = 2 * EVENTS
"""Requests of a whole replay that change something: each event is sent, its message is deleted."""


def document(number: int) -> bytes:
    """The event of an invocation that failed."""
    return events.encode(
        events.document(
            timestamp=number,
            request_id=f"1-00000000-{number:012d}",
            function_arn="acs:fc:cn-hangzhou:1234567890123456:functions/orders",
            attempts=1,
            request_payload=b"%d" % number,
            condition="UnhandledInvocationError",
        )
    )


class Port:
    """A proxy that kills a process at a request, before or after the server has got it.

    Attributes:
        victim: The process.
        changes: Invocations and deletions of messages, in the order in which they came.
    """

    def __init__(self) -> None:
        self.victim: subprocess.Popen[str] | None = None
        self.changes: list[str] = []
        self.kill_at = 0
        self.when: Literal["before", "after"] = "before"
        self._lock = threading.Lock()
        self._servers: list[ThreadingHTTPServer] = []

    def to(self, url: str) -> str:
        """Open a port that leads to a server; return its URL."""
        port, place = self, urlsplit(url)
        token = _runtimes.token_at(_endpoint.parse(url))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Any:
                """Return what handles a method: http.server looks for do_GET, do_POST and so on."""
                if not name.startswith("do_"):
                    raise AttributeError(name)
                return self.handle_any

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                dies = port.notes_change(self.command, self.path)
                if dies and port.when == "before":
                    port.kill()
                    return
                server = http.client.HTTPConnection(place.hostname or "", place.port)
                headers = dict(self.headers.items())
                if self.path.startswith("/_local/"):
                    # A signature is for the port that was asked, so that no server passes it on.
                    headers["Authorization"] = f"Bearer {token}"
                server.request(self.command, self.path, body, headers)
                answer = server.getresponse()
                content = answer.read()
                server.close()
                if dies:
                    port.kill()
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    def notes_change(self, method: str, path: str) -> bool:
        """Note a request that changes something; return whether the process dies at it."""
        change = "send" if path.endswith("/invocations") else "delete" if method == "DELETE" else ""
        with self._lock:
            if change:
                self.changes.append(change)
            return bool(change) and len(self.changes) == self.kill_at

    def kill(self) -> None:
        assert self.victim is not None
        os.kill(self.victim.pid, signal.SIGKILL)

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


@pytest.fixture
def port() -> Iterator[Port]:
    one = Port()
    yield one
    one.close()


@pytest.fixture
def replay(
    port: Port,
    fc_local: FcLocal,
    tmp_path: Path,
    clean_environment: Callable[..., dict[str, str]],
) -> Iterator[Callable[[], Ran]]:
    """Replays a queue of events, in a process of its own."""
    fc_local.create_queue("failures")
    account = Account(fc_local.mns_endpoint, "k", "s")
    queue: Any = account.get_queue("failures")
    queue.batch_send_message([Message(document(number).decode()) for number in range(EVENTS)])
    for one in (account.mns_client, queue.mns_client):
        one.close_connection()
    surroundings = clean_environment(FC_ASYNC_ENDPOINT=port.to(fc_local.endpoint))
    command = [
        sys.executable,
        "-m",
        "fc_async_plugin",
        "events",
        "replay",
        "failures",
        "--function",
        "orders",
        "-y",
    ]
    command += ["--source-endpoint", port.to(fc_local.mns_endpoint)]

    def run() -> Ran:
        port.victim = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = port.victim.communicate()
        return subprocess.CompletedProcess(command, port.victim.returncode, out, err)

    return run


def repeated_after_a_kill(fc_local: FcLocal, port: Port, replay: Callable[[], Ran]) -> Counter[int]:
    """Replay with a kill and then to the end; return which events were sent more than once."""
    called: Counter[int] = Counter()
    fc_local.deploy("orders", lambda event, _: called.update([int(event)]), async_config=OFF)
    assert replay().returncode == -signal.SIGKILL
    port.kill_at = 0
    fc_local.advance(30)  # the visibility timeout of what the killed process had received
    again = replay()
    assert again.returncode == 0, again.stderr
    fc_local.run_until_idle()
    assert set(called) == set(range(EVENTS))
    return Counter({number: count - 1 for number, count in called.items() if count > 1})


@pytest.mark.real_time
def test_without_task_mode_each_message_is_deleted_before_the_next_but_one_event_is_sent(
    fc_local: FcLocal, port: Port, replay: Callable[[], Ran]
) -> None:
    called: list[int] = []
    fc_local.deploy("orders", lambda event, _: called.append(int(event)), async_config=OFF)
    done = replay()
    assert done.returncode == 0, done.stderr
    fc_local.run_until_idle()
    assert sorted(called) == list(range(EVENTS))
    assert Counter(port.changes) == {"send": EVENTS, "delete": EVENTS}
    for at in range(1, CHANGES + 1):
        before = Counter(port.changes[:at])
        assert before["send"] - before["delete"] <= 2


@pytest.mark.slow
@pytest.mark.real_time
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kill_at", range(1, CHANGES + 1))
def test_without_task_mode_a_kill_repeats_two_events_at_most(
    kill_at: int,
    when: Literal["before", "after"],
    fc_local: FcLocal,
    port: Port,
    replay: Callable[[], Ran],
) -> None:
    port.kill_at, port.when = kill_at, when
    repeated = repeated_after_a_kill(fc_local, port, replay)
    assert sum(repeated.values()) <= 2
