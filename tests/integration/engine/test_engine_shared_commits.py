# SPDX-License-Identifier: MIT
"""Requests that share a commit are independent: a client that hangs up affects no other one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = 30


def request(task_id: str) -> bytes:
    return (
        "POST /2023-03-30/functions/f/invocations HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        "x-fc-invocation-type: Async\r\nx-fc-async-delay: 3000\r\n"
        f"x-fc-async-task-id: {task_id}\r\ncontent-length: 2\r\n\r\n{{}}"
    ).encode()


async def patient(port: int, number: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(f"patient{number}"))
    answer = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()
    return answer


async def impatient(port: int, number: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(f"impatient{number}"))
    await writer.drain()
    writer.transport.abort()


async def both(port: int) -> list[bytes]:
    patience = [asyncio.ensure_future(patient(port, number)) for number in range(PAIRS)]
    await asyncio.gather(*(impatient(port, number) for number in range(PAIRS)))
    return await asyncio.gather(*patience)


def test_a_client_that_hangs_up_does_not_affect_accepts_of_the_same_commit(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): ...\n")
    with LocalRuntime(data=tmp_path / "data", port=0) as local:
        client = fc_async_sdk.client(endpoint_url=local.endpoint)
        client.create_function("f", runtime="python3.10", code=tmp_path / "code")
        client.put_async_invoke_config("f", async_task=True)
        answers = asyncio.run(both(int(local.endpoint.rsplit(":", 1)[1])))
        page = client.list_async_tasks("f", prefix="patient", limit=100)
        client.close()
    assert answers == [b"HTTP/1.1 202 Accepted\r\n"] * PAIRS
    assert len(page.tasks) == PAIRS
