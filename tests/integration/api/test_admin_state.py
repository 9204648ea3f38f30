# SPDX-License-Identifier: MIT
"""Export, import and clear of everything that a running runtime keeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import requests

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime

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
    found = requests.get(f"{runtime.endpoint}/_local/stats", timeout=30).json()["by_status"]
    return {status: number for status, number in found.items() if number}


def state(runtime: LocalRuntime) -> str:
    return f"{runtime.endpoint}/_local/state"


def change(runtime: LocalRuntime, method: str, body: bytes = b"") -> None:
    """Import or clear, and wait for the restart."""
    answer = requests.request(method, state(runtime), data=body, timeout=30)
    answer.raise_for_status()
    deadline = time.monotonic() + 30
    while requests.get(f"{state(runtime)}/run", timeout=30).json() == answer.json():
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


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_store_without_a_file_says_so(fc_local: FcLocal, method: str) -> None:
    answer = requests.request(method, f"{fc_local.endpoint}/_local/state", timeout=30)
    assert (answer.status_code, answer.json()["Code"]) == (409, "StateNotInFile")
