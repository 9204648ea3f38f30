# SPDX-License-Identifier: MIT
"""Export, import and clear of everything that a running runtime keeps."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.engine.engine import Engine
from fc_async_tests import runtime_requests as requests
from fc_async_tests.faults import fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[LocalRuntime]:
    data, handlers = tmp_path / "data", {"orders": lambda event, _: event}
    with LocalRuntime(data=data, port=0, clock="virtual", handlers=handlers) as started:
        yield started


def statuses(runtime: LocalRuntime) -> dict[str, int]:
    """Count the tasks; ask again if a restart met the connection."""
    try:
        found = requests.get(f"{runtime.endpoint}/_local/stats", timeout=30).json()["by_status"]
    except requests.ConnectionError:
        return statuses(runtime)
    return {status: number for status, number in found.items() if number}


def state(runtime: LocalRuntime) -> str:
    return f"{runtime.endpoint}/_local/state"


def run_of(runtime: LocalRuntime) -> str:
    """The name of the run; empty if the end of the last one met the connection."""
    try:
        return str(requests.get(f"{state(runtime)}/run", timeout=30).json()["run"])
    except requests.ConnectionError:
        return ""


def change(runtime: LocalRuntime, method: str, body: bytes = b"") -> None:
    """Import or clear, and wait for the restart."""
    answer = requests.request(method, state(runtime), data=body, timeout=30)
    answer.raise_for_status()
    wait_for_restart(runtime, answer.json()["run"])


def wait_for_restart(runtime: LocalRuntime, run: str) -> None:
    """Wait until a run has ended and the next one answers."""
    deadline = time.monotonic() + 30
    while run_of(runtime) in ("", run):
        assert time.monotonic() < deadline


@pytest.fixture
def exported(runtime: LocalRuntime) -> bytes:
    """A state with a function, an ended task, a waiting one and a message."""
    client = fc_async_sdk.client(endpoint_url=runtime.endpoint)
    url = f"{runtime.endpoint}/2023-03-30/functions"
    body = {
        "functionName": "orders",
        "runtime": "custom",
        "handler": "x",
        "code": {"zipFile": EMPTY},
    }
    requests.post(url, json=body, timeout=30).raise_for_status()
    config = f"{runtime.endpoint}/_local/functions/orders/async-config"
    requests.put(config, json={"asyncTask": True}, timeout=30).raise_for_status()
    client.invoke_async("orders", b"payload", task_id="done")
    runtime.run_until_idle()
    client.invoke_async("orders", b"payload", task_id="waits", delay=600)
    runtime.call(runtime.services.mns.create_queue("q"))
    answer = requests.get(state(runtime), timeout=30)
    answer.raise_for_status()
    return answer.content


EMPTY = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="


def test_a_cleared_runtime_is_empty_and_goes_on_at_the_same_address(
    runtime: LocalRuntime, exported: bytes
) -> None:
    before = runtime.endpoint
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}
    change(runtime, "DELETE")
    assert requests.get(f"{before}/_local/functions", timeout=30).json() == {"functions": []}
    assert runtime.endpoint == before
    assert statuses(runtime) == {}


def test_an_exported_state_is_imported_and_what_waited_runs(
    runtime: LocalRuntime, exported: bytes
) -> None:
    change(runtime, "DELETE")
    change(runtime, "PUT", exported)
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}
    runtime.advance(600)
    assert statuses(runtime) == {"Succeeded": 2}
    assert runtime.call(runtime.services.mns.counts("q")).active == 0


@pytest.mark.parametrize("body", [b"", b"not a state", b"SQLite format 3\0" + bytes(200)])
def test_a_file_that_is_no_state_changes_nothing(
    runtime: LocalRuntime, exported: bytes, body: bytes
) -> None:
    answer = requests.put(state(runtime), data=body, timeout=30)
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidArgument")
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}


def changed(exported: bytes, folder: Path, script: str) -> bytes:
    """Return a state after SQL statements."""
    file = folder / "changed.db"
    file.write_bytes(exported)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
    return file.read_bytes()


UNUSABLE = {
    "of another version": (
        "UPDATE schema_version SET version = 99 WHERE component = 'store'",
        "version 99 of 'store', this fc-async reads versions",
    ),
    "of a version that is too old": (
        "UPDATE schema_version SET version = 1 WHERE component = 'store'",
        "version 1 of 'store', this fc-async reads versions",
    ),
    "without versions": ("DELETE FROM schema_version", "no version of 'store'"),
    "without a table of versions": ("DROP TABLE schema_version", "schema_version"),
    "without the version of a service": (
        "DELETE FROM schema_version WHERE component = 'mns'",
        "no version of 'mns'",
    ),
    "without a table": ("DROP TABLE payload", "no column"),
    "without a column": ("ALTER TABLE blob_use DROP COLUMN used_at", "no column used_at"),
    "without an index": ("DROP INDEX metric_minute", "no index metric_minute"),
    "of another program": ("PRAGMA application_id = 7", "not an exported state of fc-async"),
    "with a text as version": (
        "UPDATE schema_version SET version = 'x' WHERE component = 'store'",
        "the version of 'store' is 'x', not a number",
    ),
    "with a status that does not exist": (
        "UPDATE invocation SET status = 'Enqueuef' WHERE task_id = 'waits'",
        "of invocation cannot be read: 'Enqueuef' is not known",
    ),
    "with a count of a status that does not exist": (
        "UPDATE tally SET status = 'x' WHERE status = 'Enqueued'",
        "of tally cannot be read: 'x' is not known",
    ),
    "with a step whose details are not JSON": (
        "UPDATE task_event SET detail = '{'",
        "row 1 of task_event cannot be read",
    ),
    "with a function that is not JSON": (
        "UPDATE document SET body = x'7b00' WHERE kind = 'function'",
        "of document cannot be read",
    ),
    "with a queue that is not JSON": (
        "UPDATE mns_queue SET attributes = x'00'",
        "row 1 of mns_queue cannot be read",
    ),
    "with a text as time": (
        "UPDATE invocation SET accepted_at = 'noon'",
        "invocation.accepted_at has a value of type text",
    ),
    "with bytes that are not text": (
        "UPDATE invocation SET function = CAST(x'ff' AS TEXT)",
        "cannot be read: Could not decode",
    ),
    "with a job of a delivery that is not one": (
        """
        INSERT INTO job
        (kind, key, scope, created_at, due_at, tries, state, error, epoch, lease_owner, payload)
        VALUES ('delivery', 'k', '', 0, 0, 0, 'dead', '', 0, '', x'00')
        """,
        "row 1 of job cannot be read",
    ),
}


@pytest.mark.parametrize("which", UNUSABLE)
def test_a_state_that_cannot_be_opened_is_refused_with_the_reason_and_changes_nothing(
    runtime: LocalRuntime, exported: bytes, tmp_path: Path, which: str
) -> None:
    script, reason = UNUSABLE[which]
    before = requests.get(f"{state(runtime)}/run", timeout=30).json()
    answer = requests.put(state(runtime), data=changed(exported, tmp_path, script), timeout=30)
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidArgument")
    assert reason in answer.json()["Message"]
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}
    assert requests.get(f"{state(runtime)}/run", timeout=30).json() == before


def test_a_state_with_any_damaged_byte_is_refused_or_can_be_read(
    runtime: LocalRuntime, exported: bytes
) -> None:
    """Answers are 200 or 400 with a sentence, and what is in the place can be listed."""
    places = random.Random(34)
    for _ in range(12):
        damaged = bytearray(exported)
        damaged[places.randrange(len(damaged))] ^= 1 << places.randrange(8)
        answer = requests.put(state(runtime), data=bytes(damaged), timeout=30)
        assert answer.status_code in {200, 400}
        if answer.status_code == 200:
            wait_for_restart(runtime, answer.json()["run"])
        else:
            assert answer.json()["Code"] == "InvalidArgument"
        listed = requests.get(f"{runtime.endpoint}/_local/tasks", timeout=30)
        assert (listed.status_code, sum(statuses(runtime).values())) == (200, 2)


def test_a_state_that_lacks_its_last_byte_is_refused(
    runtime: LocalRuntime, exported: bytes
) -> None:
    answer = requests.put(state(runtime), data=exported[:-1], timeout=30)
    assert (answer.status_code, "bytes, but its header says" in answer.text) == (400, True)
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}


def test_the_state_before_is_back_if_the_runtime_cannot_start_with_the_imported_one(
    runtime: LocalRuntime,
    exported: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fail(monkeypatch, Engine, "start", OSError("the disk failed"), times=1)
    change(runtime, "PUT", exported)
    run = requests.get(f"{state(runtime)}/run", timeout=30).json()
    assert run["refused"] == "OSError: the disk failed"
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}
    assert "the one before is back" in caplog.text


def test_each_of_several_imports_at_once_is_answered_for_its_own_file(
    runtime: LocalRuntime, exported: bytes
) -> None:
    def put(body: bytes) -> tuple[int, str]:
        try:
            answer = requests.put(state(runtime), data=body, timeout=30)
        except requests.ConnectionError:  # a restart met the connection; a client asks again
            return put(body)
        return answer.status_code, answer.json().get("Code", "")

    good, bad = exported, exported[:-1]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(put, [good, bad] * 4))
    assert set(answers[1::2]) <= {
        (400, "InvalidArgument"),
        (409, "StateChanging"),
    }
    assert set(answers[::2]) <= {(200, ""), (409, "StateChanging")}
    assert statuses(runtime) == {"Succeeded": 1, "Enqueued": 1}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_store_without_a_file_says_so(fc_local: FcLocal, method: str) -> None:
    answer = requests.request(method, f"{fc_local.endpoint}/_local/state", timeout=30)
    assert (answer.status_code, answer.json()["Code"]) == (409, "StateNotInFile")
