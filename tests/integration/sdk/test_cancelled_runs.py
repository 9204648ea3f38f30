# SPDX-License-Identifier: MIT
"""What is cancelled at any point ends, and sends nothing any more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk.credentials import LOCAL, Credentials
from fc_async_tests import transports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from fc_async_sdk import AsyncClient

    Work = Callable[[AsyncClient], Coroutine[Any, Any, object]]

PATIENCE = 20.0
"""Seconds after which a cancelled call counts as one that never ends."""
CONCURRENCY = 8
CANCELS = int(os.environ.get("FC_ASYNC_CANCELS", "30"))
CONNECTING_TURNS = 15
"""Turns of the event loop within which a call makes its first connections."""
TURNS = 120
"""Turns within which a call is cancelled."""
GROUP = 60
QUIET_TURNS = 100
"""Turns that a worker would need to send what it has left."""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, list and stop. Half of the tasks have failed, the others run."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while head := (await reader.readuntil(b"\r\n\r\n")).decode():
            length = re.search(r"(?i)content-length: *([0-9]+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            body = b"" if head.startswith("POST") else _listed(head)
            status = b"200 OK" if body else b"202 Accepted"
            writer.write(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n" % (status, len(body)))
            writer.write(body)
            await writer.drain()
    writer.close()


def _listed(head: str) -> bytes:
    statuses = [f"status={status}" in head for status in ("Failed", "Running")]
    tasks = [
        {"taskId": f"b-{n}", "status": ("Failed", "Running")[n % 2], "taskPayload": "1"}
        for n in range(GROUP)
        if "prefix=b-" in head and ("status=" not in head or statuses[n % 2])
    ]
    return json.dumps({"tasks": tasks}).encode()


class Signatures:
    """Counts the requests that are signed: each is sent right after that."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Credentials:
        self.count += 1
        return LOCAL


async def fan_out(client: AsyncClient) -> None:
    await client.fan_out("f", range(100_000), concurrency=CONCURRENCY).run()


async def fan_out_with_a_slow_body(client: AsyncClient) -> None:
    async for _ in client.fan_out("f", range(100_000), concurrency=CONCURRENCY):
        await asyncio.sleep(0.001)


async def fan_out_of_a_slow_input(client: AsyncClient) -> None:
    async def payloads() -> AsyncIterator[int]:
        for number in range(100_000):
            # Before Python 3.12, this swallows a cancellation that comes with the result.
            yield await asyncio.wait_for(asyncio.sleep(0, number), 10)

    await client.fan_out("f", payloads(), concurrency=CONCURRENCY).run()


async def map_payloads(client: AsyncClient) -> None:
    await client.function("f").map(range(100_000), concurrency=CONCURRENCY)


async def wait_for_a_group(client: AsyncClient) -> None:
    await client.group("f", "b", size=GROUP).wait()


async def stop_a_group(client: AsyncClient) -> None:
    await client.group("f", "b", size=GROUP).stop(concurrency=CONCURRENCY)


async def replay_a_group(client: AsyncClient) -> None:
    await client.group("f", "b", size=GROUP).replay_failed(concurrency=CONCURRENCY)


WORK = (
    fan_out,
    fan_out_with_a_slow_body,
    fan_out_of_a_slow_input,
    map_payloads,
    wait_for_a_group,
    stop_a_group,
    replay_a_group,
)


async def cancel(work: Work, turns: int) -> str:
    """Cancel a call after some turns of the loop; return what is wrong, "" if nothing is."""
    signatures = Signatures()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = fc_async_sdk.async_client(endpoint_url=url, credentials=signatures)
    async with server, client:
        task = asyncio.ensure_future(work(client))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)
        if not task.done():
            return f"cancelled after {turns} turns, it never ends"
        for _ in range(3):  # what is told of the end of the task has been told then
            await asyncio.sleep(0)
        sent = signatures.count
        for _ in range(QUIET_TURNS):
            await asyncio.sleep(0)
        if signatures.count > sent:
            return f"cancelled after {turns} turns, it sent {signatures.count - sent} more"
    return ""


@pytest.mark.parametrize("transport", ["bulk", "aiohttp"])
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_what_is_cancelled_at_any_point_ends_and_sends_nothing_any_more(
    work: Work, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if transport == "aiohttp":
        transports.choose(monkeypatch, None)
    chosen = random.Random(work.__name__)
    points = [chosen.randrange(TURNS) for _ in range(CANCELS - CONNECTING_TURNS)]

    async def campaign() -> list[str]:
        return [await cancel(work, turns) for turns in [*range(CONNECTING_TURNS), *points]]

    assert [problem for problem in asyncio.run(campaign()) if problem] == []
