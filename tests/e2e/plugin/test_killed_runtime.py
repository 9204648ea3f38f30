# SPDX-License-Identifier: MIT
"""What a user sees after a runtime was killed, and something else has its port or process id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_sdk import _user_key
from fc_async_tests.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "any", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "any"}
DATA = Path(".fc-async", "runtime")
HERE = "Using the local runtime of this folder"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a user without keys of an account."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("FC_ASYNC_ENDPOINT", "FC_ASYNC_REGION", "FC_ASYNC_TOKEN", *KEYS):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def killed(*options: str) -> dict[str, Any]:
    """Start a runtime on this folder and kill it; return the addresses that it leaves."""
    command = [sys.executable, "-m", "fc_async_plugin", "local", "start", "--format", "json"]
    with subprocess.Popen(
        [*command, "--port", "0", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    left: dict[str, Any] = json.loads((DATA / "addresses.json").read_text())
    assert left["fc"] == ready["fc"]
    return left


def entries() -> list[str]:
    """Return the names of the files of running runtimes in the user's state."""
    return sorted(file.name for file in (_user_key.user_state() / "runtimes").iterdir())


class Stranger(BaseHTTPRequestHandler):
    """A server of another user, which says all that others can know of the killed runtime."""

    says: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = json.dumps(self.says).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815 -- names of the base class

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def stranger() -> Iterator[dict[str, Any]]:
    """The addresses that a killed runtime left; a stranger's server has its port."""
    left = killed()
    port = int(left["fc"].rpartition(":")[2])
    Stranger.says = {**left, "status": "ok"}
    Stranger.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", port), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield left
        server.shutdown()
        thread.join()


def test_payloads_do_not_go_to_a_server_that_took_the_port_of_a_killed_runtime(
    stranger: dict[str, Any],
) -> None:
    """It can know process id and folder: it got the payload of a card, and answered 202."""
    ran = run("invoke", "orders", '{"card": "4242"}')
    assert [path for path in Stranger.asked if not path.startswith("/_local/health")] == []
    assert ran.code == 1
    assert HERE not in ran.said
    assert f"{stranger['fc']} says that it is the local runtime of {DATA}" in ran.err
    assert f"remove {DATA / 'addresses.json'}" in ran.err


def test_a_runtime_of_another_folder_with_port_and_process_id_of_a_killed_one_is_not_taken_for_it(
    folder: Path,
) -> None:
    """As after a restart of the machine, when numbers of processes begin anew."""
    left = killed()
    port = int(left["fc"].rpartition(":")[2])
    with LocalRuntime(data=folder / "other", port=port) as other:
        (DATA / "addresses.json").write_text(json.dumps({**left, "pid": os.getpid()}))
        ran = run("tasks", "list", "orders")
        assert (HERE in ran.said, other.endpoint in ran.said) == (False, False)
        named = run("tasks", "list", "orders", "--endpoint", other.endpoint)
        assert "function 'orders' does not exist" in named.err


def test_a_folder_whose_runtime_was_killed_is_used_again_with_its_tasks() -> None:
    left = killed()
    assert HERE not in run("tasks", "list", "orders").said
    with LocalRuntime(data=DATA, port=int(left["fc"].rpartition(":")[2])) as again:
        ran = run("tasks", "list", "orders")
        assert f"{HERE}, {again.endpoint}" in ran.said


def test_entries_of_killed_runtimes_go_with_the_next_start_and_those_of_living_ones_stay(
    folder: Path,
) -> None:
    """After months of killed test runs, the user's state had thousands of them."""
    killed()
    [stale] = entries()
    with LocalRuntime(data=folder / "living", port=0):
        [living] = entries()
        assert living != stale
        with LocalRuntime(data=folder / "next", port=0):
            both = entries()
            assert living in both
            assert len(both) == 2
        assert entries() == [living]
    assert entries() == []


def test_entries_of_other_machines_that_share_the_home_folder_stay(folder: Path) -> None:
    theirs = _user_key.user_state() / "runtimes" / "another-machine.9.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    with LocalRuntime(data=folder / "data", port=0):
        assert theirs.exists()
