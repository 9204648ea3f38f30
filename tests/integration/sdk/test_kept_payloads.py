# SPDX-License-Identifier: MIT
"""Large payloads in the data folder of a runtime: which of them a start deletes."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import time
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.mns.model import Draft
from fc_async_sdk import _project_folder
from fc_async_sdk.errors import ConfigurationError, FunctionNotFound
from fc_async_sdk.payloads import Claim, DefaultStore, FolderStore, fetch
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONG_AGO = "2020-01-01"
FUNCTION = {
    "functionName": "orders",
    "runtime": "custom",
    "handler": "x",
    "code": {"zipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / ".fc-async" / "runtime"
    _project_folder.make_private(folder)
    return folder


@pytest.fixture
def store(data: Path) -> FolderStore:
    return FolderStore(data / "payloads")


def started(data: Path) -> LocalRuntime:
    def read(event: bytes, _: object) -> bytes:
        return fetch(event, FolderStore(data / "payloads"))

    return LocalRuntime(data=data, port=0, clock="virtual", handlers={"orders": read})


def write(store: FolderStore, content: bytes, day: str = LONG_AGO, *, old: bool = True) -> Claim:
    """Store a payload under a day, and say when its file was written."""
    digest = hashlib.sha256(content).hexdigest()
    claim = Claim(
        store=store.name,
        key=f"fc-async/v1/orders/{day}/{digest}",
        sha256=digest,
        size=len(content),
    )
    store.put(claim.key, content)
    # The kernel's clock is not that of a test which runs on another day.
    written = 1_577_836_800 if old else time.time()
    os.utime(f"{store.name.removeprefix('file://')}/{claim.key}", (written, written))
    return claim


def test_a_waiting_task_gets_its_payload_however_old_the_clocks_say_that_it_is(
    data: Path, store: FolderStore
) -> None:
    """The day in a key is that of the sender's clock, the time of the file that of the machine."""
    with started(data) as runtime:
        claim = write(store, b"the content")
        url = f"{runtime.endpoint}/2023-03-30/functions"
        requests.post(url, json=FUNCTION, timeout=30).raise_for_status()
        config = f"{runtime.endpoint}/_local/functions/orders/async-config"
        requests.put(config, json={"asyncTask": True}, timeout=30).raise_for_status()
        client = fc_async_sdk.client(endpoint_url=runtime.endpoint)
        client.invoke_async("orders", claim.encode(), task_id="waits", delay=600)
    with started(data) as runtime:
        runtime.run_until_idle()
        client = fc_async_sdk.client(endpoint_url=runtime.endpoint)
        assert client.get_async_task("orders", "waits").status == "Succeeded"


@pytest.mark.parametrize("binary", [False, True], ids=["text", "base64"])
def test_a_payload_that_an_event_in_a_queue_names_is_kept(
    data: Path, store: FolderStore, *, binary: bool
) -> None:
    with started(data) as runtime:
        claim = write(store, b"of an event")
        payload = claim.encode().decode()
        if binary:
            payload = base64.b64encode(claim.encode()).decode()
        event = json.dumps({"requestPayload": payload, "responsePayload": "x"}).encode()
        draft = Draft(message_id="0" * 32, body=base64.b64encode(event).decode())
        runtime.call(runtime.services.mns.create_queue("q"))
        runtime.call(runtime.services.mns.send("q", [draft]))
    with started(data):
        assert store.exists(claim.key)


def test_a_payload_of_an_event_that_a_replay_kept_in_a_file_is_kept(
    data: Path, store: FolderStore
) -> None:
    claim = write(store, b"of a file")
    events = data.with_name("events")
    events.mkdir(parents=True)
    (events / "unsent.jsonl").write_text(json.dumps({"payload": claim.encode().decode()}))
    with started(data):
        assert store.exists(claim.key)


def test_payloads_that_nothing_names_are_deleted_when_both_clocks_say_that_they_are_old(
    data: Path, store: FolderStore, caplog: pytest.LogCaptureFixture
) -> None:
    unneeded = write(store, b"unneeded")
    kept = [
        write(store, b"a sender whose clock is behind", old=False),
        write(store, b"a sender whose clock is ahead", "2999-01-01"),
    ]
    store.put("in/2020-01-01/file", b"a key of the user")
    with caplog.at_level(logging.INFO), started(data):
        assert not store.exists(unneeded.key)
        assert all(store.exists(claim.key) for claim in kept)
        assert store.exists("in/2020-01-01/file")
    assert "deleted 1 large payloads (8 bytes)" in caplog.text


def test_a_runtime_without_its_state_in_the_folder_deletes_no_payloads(
    data: Path, store: FolderStore
) -> None:
    claim = write(store, b"of a task of the store sqlite")
    with LocalRuntime(data=data, port=0, store="memory"):
        assert store.exists(claim.key)


@pytest.mark.parametrize(
    ("bucket", "advice"),
    [
        ("", "set FCASYNC_PAYLOADS to a folder that all senders and nodes have"),
        ("oss://big", "set FC_ASYNC_OSS_ENDPOINT to the OSS of oss://big"),
    ],
    ids=["folder", "bucket"],
)
def test_on_nodes_that_share_a_database_a_large_payload_needs_a_named_store(
    data: Path,
    empty_postgres: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    bucket: str,
    advice: str,
) -> None:
    """The folder and the buckets of the node that was asked are not those of the others."""
    monkeypatch.setenv("FCASYNC_PAYLOADS", bucket)
    with LocalRuntime(data=data, port=0, store=empty_postgres()) as runtime:
        client = fc_async_sdk.client(endpoint_url=runtime.endpoint)
        orders = client.function("orders", large=DefaultStore(runtime.endpoint))
        with pytest.raises(ConfigurationError, match=advice):
            orders.spawn("x" * 200_000)
        monkeypatch.setenv("FCASYNC_PAYLOADS", str(data / "shared"))
        with pytest.raises(FunctionNotFound):  # it was written and sent
            orders.spawn("x" * 200_000)
    assert len([*(data / "shared").rglob("*")]) > 1
