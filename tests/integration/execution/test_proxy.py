# SPDX-License-Identifier: MIT
"""The proxy for programs of custom runtimes in which no hook can be loaded."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from fc_async_local.execution.machine.identity import led_here
from fc_async_local.execution.machine.proxy import CloudProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FC = "123.cn-hangzhou.fc.aliyuncs.com"


@contextlib.asynccontextmanager
async def answering(name: bytes) -> AsyncIterator[int]:
    """A server that answers each request with its own name and what it got; yields its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name + b" got " + await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def ask(*parts: str) -> str:
    """Send parts to a proxy, each after an answer to the one before; return the last answer.

    In a part, OTHER is the port of a server that does not belong to the runtime.
    """

    async def scenario() -> str:
        async with answering(b"runtime") as port, answering(b"other") as other:
            proxy = CloudProxy(led_here({"fc": port}))
            url = (await proxy.environment())["HTTPS_PROXY"]
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.split(":")[-1]))
            *first, last = (part.replace("OTHER", str(other)) for part in parts)
            for part in first:
                writer.write(part.encode())
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            writer.write(last.encode())
            answer = await reader.read()
            writer.close()
            await proxy.aclose()
            return answer.decode()

    return asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_tunnel_to_the_cloud_leads_to_the_runtime() -> None:
    answer = ask(f"CONNECT {FC}:443 HTTP/1.1\r\n\r\n", "GET /x HTTP/1.1\r\n\r\n")
    assert answer == "runtime got GET /x HTTP/1.1\r\n\r\n"


def test_a_plain_request_to_the_cloud_leads_to_the_runtime_with_its_host() -> None:
    request = f"POST http://{FC}/a?b=1 HTTP/1.1\r\nHost: {FC}\r\nProxy-Connection: x\r\n\r\n"
    expected = f"POST /a?b=1 HTTP/1.1\r\nConnection: close\r\nHost: {FC}\r\n\r\n"
    assert ask(request) == f"runtime got {expected}"


def test_a_tunnel_to_another_host_passes() -> None:
    answer = ask("CONNECT localhost:OTHER HTTP/1.1\r\n\r\n", "hello\r\n\r\n")
    assert answer == "other got hello\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("CONNECT f-abcdefghij.cn-hangzhou.fcapp.run:443 HTTP/1.1\r\n\r\n", "403"),
        ("CONNECT 123.mns.cn-hangzhou.aliyuncs.com:443 HTTP/1.1\r\n\r\n", "403"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "403"),
        ("CONNECT localhost:1 HTTP/1.1\r\n\r\n", "502"),
    ],
)
def test_what_cannot_be_reached_is_refused(request_: str, status: str) -> None:
    assert ask(request_).split()[1] == status


def test_a_request_that_is_not_http_closes_the_connection() -> None:
    assert ask("nonsense\r\n\r\n") == ""
    assert ask("x" * 100_000) == ""


def test_without_hosts_that_lead_here_there_is_no_proxy() -> None:
    assert asyncio.run(CloudProxy({}).environment()) == {}
