# SPDX-License-Identifier: MIT
"""SIGINT and SIGTERM end the command whatever the store does; nothing accepted is lost."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import requests

from fc_async_tests.code import archive
from fc_async_tests.nodes import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FUNCTIONS = "/2023-03-30/functions"
ENDS_IN_TIME = 60
"""Seconds after which a test gives up; the lock is held for all of them."""

INTERRUPT = pytest.param(signal.SIGINT, marks=pytest.mark.slow)
"""The handler is that of SIGTERM."""
BOTH = pytest.mark.parametrize("number", [INTERRUPT, signal.SIGTERM])

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'fc-async' AND wait_event_type = 'Lock'
"""


@contextlib.contextmanager
def started(data: Path, store: str = "sqlite") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "fc_async_plugin", "local", "start", "--port", "0"]
    options = ["--data", str(data), "--store", store, "--format", "json"]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield


def stop_at_once(data: Path) -> None:
    """Start and stop a runtime in an orderly way."""
    with started(data) as process:
        endpoint_of(process)
        process.terminate()
        process.communicate(timeout=ENDS_IN_TIME)
        assert process.returncode == 0


@BOTH
def test_a_signal_ends_a_start_that_waits_for_postgresql(
    tmp_path: Path, empty_postgres: Callable[[], str], number: int
) -> None:
    import psycopg

    url = empty_postgres()
    with started(tmp_path, url) as process:  # makes the tables
        endpoint_of(process)
        process.terminate()
        process.communicate(timeout=ENDS_IN_TIME)
    with psycopg.connect(url) as connection, psycopg.connect(url, autocommit=True) as watch:
        connection.execute("LOCK TABLE fc_async.invocation IN ACCESS EXCLUSIVE MODE")
        with started(tmp_path, url) as process:
            wait_for(lambda: watch.execute(WAITING).fetchone() != (0,))
            process.send_signal(number)
            out, err = process.communicate(timeout=ENDS_IN_TIME)
    assert (process.returncode, out) == (-number, "")
    assert "before it had started" in err
    assert "Traceback" not in err


@BOTH
def test_a_signal_ends_a_start_that_waits_for_a_locked_file(tmp_path: Path, number: int) -> None:
    stop_at_once(tmp_path)
    lock_file = tmp_path / "fc-async.db.lock"
    with locked(tmp_path / "fc-async.db"), started(tmp_path) as process:
        wait_for(lambda: lock_file.read_text().strip() == str(process.pid))
        process.send_signal(number)
        out, err = process.communicate(timeout=ENDS_IN_TIME)
    assert (process.returncode, out) == (-number, "")
    assert "Traceback" not in err
    stop_at_once(tmp_path)


CODE = """
import json, os, time
def handler(event, context):
    folder = json.loads(event)
    open(folder + "/begun", "w").close()
    while not os.path.exists(folder + "/go"):
        time.sleep(0.01)
"""


def create_waiting_function(functions: str) -> None:
    body = {
        "functionName": "waits",
        "runtime": "python3.10",
        "handler": "index.handler",
        "code": {"zipFile": base64.b64encode(archive(CODE)).decode()},
    }
    assert requests.post(functions, json=body, timeout=30).ok
    url = f"{functions}/waits/async-invoke-config"
    assert requests.put(url, json={"asyncTask": True}, timeout=30).ok


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        pytest.param([signal.SIGINT], -signal.SIGINT, marks=pytest.mark.slow),
        ([signal.SIGTERM], -signal.SIGTERM),
        ([signal.SIGTERM, signal.SIGINT], -signal.SIGINT),
    ],
    ids=["SIGINT", "SIGTERM", "a second signal"],
)
def test_a_signal_ends_a_runtime_whose_file_is_locked_and_its_task_runs_again(
    tmp_path: Path, numbers: list[int], code: int
) -> None:
    with started(tmp_path) as process:
        endpoint = endpoint_of(process)
        create_waiting_function(endpoint + FUNCTIONS)
        headers = {"x-fc-invocation-type": "Async", "x-fc-async-task-id": "t"}
        url = f"{endpoint}{FUNCTIONS}/waits/invocations"
        payload = json.dumps(str(tmp_path))
        assert requests.post(url, data=payload, headers=headers, timeout=30).status_code == 202
        wait_for((tmp_path / "begun").exists)
        with locked(tmp_path / "fc-async.db"):
            (tmp_path / "go").touch()  # it ends, and its outcome can't be written
            for number in numbers:
                process.send_signal(number)
                wait_for(lambda: not connects(endpoint))  # this signal has been noticed
            out, err = process.communicate(timeout=ENDS_IN_TIME)
    assert (process.returncode, out) == (code, "")
    assert "what was accepted is in the store" in err
    assert "Traceback" not in err
    with started(tmp_path) as process:
        task = f"{endpoint_of(process)}{FUNCTIONS}/waits/async-tasks/t"
        wait_for(lambda: requests.get(task, timeout=30).json()["status"] == "Succeeded")


def endpoint_of(process: subprocess.Popen[str]) -> str:
    """The URL of the API, once the runtime answers."""
    assert process.stdout is not None
    endpoint: str = json.loads(process.stdout.readline())["fc"]
    return endpoint


def connects(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError:
        return False
    return True
