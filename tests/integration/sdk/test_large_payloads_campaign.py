# SPDX-License-Identifier: MIT
"""Two hundred payloads from 0 bytes to 64 MiB, byte for byte; senders that are killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import errors, payloads
from fc_async_sdk.payloads import FolderStore, OssStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.events import DestinationEvent

pytestmark = pytest.mark.slow

COUNT = 100
"""Payloads of each store."""
LARGEST = 64 * 1024 * 1024


def payload(number: int) -> bytes:
    """Return the payload with a number: every other one compresses well."""
    size = round((LARGEST + 1) ** (number / (COUNT - 1))) - 1
    source = random.Random(number)
    if number % 2:
        return source.randbytes(size)
    return (source.randbytes(61) * (size // 61 + 1))[:size]


@pytest.fixture(params=["folder", "oss"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, fc_local: FcLocal
) -> FolderStore | OssStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "payloads", threshold=8_000)
    fc_local.oss.create_bucket("my-bucket")
    return OssStore("my-bucket", endpoint=fc_local.oss_endpoint, threshold=8_000)


def events(fc_local: FcLocal, queue: str) -> Iterator[DestinationEvent]:
    while event := fc_local.receive(queue):
        yield event


def test_payloads_of_all_sizes_come_through_every_way_byte_for_byte(
    fc_local: FcLocal, store: FolderStore | OssStore
) -> None:
    mended: list[bool] = []
    seen: dict[int, int] = {}

    @fc_async_sdk.handler(bytes, large=store)
    def echo(data: bytes, _context: object) -> bytes:
        number = len(data)
        seen[number] = seen.get(number, 0) + 1
        if seen[number] == 1:
            raise RuntimeError("each first attempt fails")
        if number % 3 == 0 and not mended:
            raise RuntimeError("every third payload fails until it is replayed")
        return data

    arns = {name: fc_local.create_queue(name) for name in ("good", "bad")}
    fc_local.deploy(
        "echo",
        echo,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 1,
            "destinationConfig": {
                "onSuccess": {"destination": arns["good"]},
                "onFailure": {"destination": arns["bad"]},
            },
        },
        memory_size=1024,
        timeout=600,
    )
    function = fc_local.client.function("echo", result=bytes, large=store)
    group = function.map((payload(number) for number in range(COUNT)), task_ids="p", concurrency=2)
    assert len(group.wait().failures) > COUNT / 5

    failed = {event.request_id: event for event in events(fc_local, "bad")}
    assert len(failed) == len(group.failures)
    for task in group.failures:
        assert task.index is not None
        assert failed[task.request_id].open(store).request.bytes() == payload(task.index)

    mended.append(True)
    assert group.replay_failed(concurrency=2) == len(failed)
    results = 0
    for task in group.ends(results=True):
        assert task.index is not None
        assert task.result() == payload(task.index)
        results += 1
    assert results == COUNT
    for event in events(fc_local, "good"):
        opened = event.open(store)
        assert opened.request.bytes() == opened.response.bytes()
        results -= 1
    assert results == 0


PAYLOAD = b"0123456789" * 50_000

SENDER = """
import sys, time
import fc_async_sdk
from fc_async_sdk.payloads import FolderStore

url, folder, step = sys.argv[1:]

def stop(here):
    if here == step:
        print("here", flush=True)
        time.sleep(60)

class Half:
    def __init__(self, data):
        self.data, self.read_before = data, False

    def read(self, _):
        if self.read_before:
            stop("half written")
            return b""
        self.read_before = True
        return self.data[: len(self.data) // 2] if step == "half written" else self.data

class Store(FolderStore):
    def put(self, key, data):
        stop("before")
        super().put(key, Half(data))
        stop("written")

client = fc_async_sdk.client(endpoint_url=url)
client.invoke_async("count", b"0123456789" * 50_000, large=Store(folder), task_id="t")
stop("sent")
"""


@pytest.mark.parametrize("step", ["before", "half written", "written", "sent"])
def test_a_sender_that_is_killed_leaves_no_claim_without_its_object(
    fc_local: FcLocal, tmp_path: Path, step: str
) -> None:
    folder = tmp_path / "payloads"
    received: list[int] = []
    read = fc_async_sdk.handler(bytes, large=FolderStore(folder))
    fc_local.deploy("count", read(lambda data, _: received.append(len(data))))
    command = [sys.executable, "-c", SENDER, fc_local.endpoint, str(folder), step]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == b"here\n"
        os.kill(sender.pid, signal.SIGKILL)

    fc_local.run_until_idle()
    assert received == ([500_000] if step == "sent" else [])
    whole = [file for file in folder.rglob("fc-async/v1/count/*/[0-9a-f]*") if file.is_file()]
    assert len(whole) == (step in {"written", "sent"})

    # The sender that starts again is not disturbed by what the killed one left.
    client: Any = fc_local.client
    with contextlib.suppress(errors.AsyncTaskAlreadyExists):
        client.invoke_async("count", PAYLOAD, large=FolderStore(folder), task_id="t")
    fc_local.run_until_idle()
    assert received == [500_000]
    [task] = client.list_async_tasks("count", include_payload=True).tasks
    assert payloads.fetch(task.task_payload_bytes, FolderStore(folder)) == PAYLOAD
