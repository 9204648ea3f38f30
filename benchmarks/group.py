# SPDX-License-Identifier: MIT
"""What waiting for 10,000 tasks costs: a group, beside a waiter for each task.

The local runtime runs as ``fc-async local start`` does, on SQLite. Each side sends 10,000 tasks
that are due when all have been sent, and waits for them while they run.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

from rows import pairs

import fc_async_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

TASKS = 10_000
CODE = b"def handler(event, context):\n    return event\n"
DELAY = 20
FUNCTION = "wait"


class Cost(NamedTuple):
    """What one side took."""

    requests: int
    seconds: float


class Requests:
    """Counts the requests of a client."""

    def __init__(self, client: fc_async_sdk.AsyncClient) -> None:
        self.count = 0
        client.meta.events.register("before-send", self._add)

    def _add(self, _: object) -> None:
        self.count += 1


async def group(client: fc_async_sdk.AsyncClient, prefix: str) -> Cost:
    function = client.function(FUNCTION, result=bytes)
    sent = await function.map([b"{}"] * TASKS, task_ids=prefix, delay=DELAY)
    requests = Requests(client)
    began = time.perf_counter()
    ended = {task.id async for task in sent.ends(timeout=300)}
    assert len(ended) == TASKS
    assert not sent.failures
    return Cost(requests.count, time.perf_counter() - began)


async def polling_each(client: fc_async_sdk.AsyncClient, prefix: str) -> Cost:
    run = await client.fan_out(FUNCTION, [b"{}"] * TASKS, task_ids=prefix, delay=DELAY).run()
    assert not run.failures
    waiter = client.get_waiter("task_finished")
    requests = Requests(client)
    began = time.perf_counter()
    waits = [waiter.wait(FUNCTION, f"{prefix}-{number}", timeout=300) for number in range(TASKS)]
    tasks = await asyncio.gather(*waits)
    assert all(task.succeeded for task in tasks)
    return Cost(requests.count, time.perf_counter() - began)


async def both(endpoint: str) -> tuple[Cost, Cost]:
    async with fc_async_sdk.async_client(endpoint_url=endpoint) as client:
        group_cost = await group(client, "group")
    async with fc_async_sdk.async_client(endpoint_url=endpoint) as client:
        return group_cost, await polling_each(client, "each")


def create_function(endpoint: str) -> None:
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", CODE)
    with fc_async_sdk.client(endpoint_url=endpoint) as client:
        client.create_function(
            FUNCTION, runtime="python3.10", instance_concurrency=20, code=archive.getvalue()
        )
        client.put_async_invoke_config(FUNCTION, async_task=True)


def measure(_: Options) -> Iterator[Row]:
    command = ["-m", "fc_async_plugin", "local", "start", "--port", "0", "--format", "json"]
    with tempfile.TemporaryDirectory() as data:
        process = subprocess.Popen(
            [sys.executable, *command, "--log-level", "warning", "--data", data],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            endpoint = json.loads(process.stdout.readline())["fc"]
            create_function(endpoint)
            group_cost, each_cost = asyncio.run(both(endpoint))
        finally:
            process.terminate()
            process.wait(20)
            assert process.stdout is not None
            process.stdout.close()
    what = "waiting for 10,000 tasks, {}, group / polling each"
    requests = [float(group_cost.requests)], [float(each_cost.requests)]
    yield pairs(what.format("requests"), *requests, "requests")
    yield pairs(what.format("time"), [group_cost.seconds], [each_cost.seconds], "s")
