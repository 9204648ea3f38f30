# SPDX-License-Identifier: MIT
"""Connections belong to one event loop of one process; which transport sends light calls."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_sdk import _endpoint
from fc_async_sdk.config import Config
from fc_async_sdk.transport import for_light_calls
from fc_async_sdk.transport.aio import AioTransport
from fc_async_sdk.transport.bulk import BulkTransport

if TYPE_CHECKING:
    from pytest_httpserver import HTTPServer

    from fc_async_sdk._async_client import AsyncClient

CALLS = {
    "get": lambda client: client.get_function("f"),
    "accept": lambda client: client.invoke_async("f"),
}


@pytest.fixture
def url(httpserver: HTTPServer) -> str:
    httpserver.expect_request("/2023-03-30/functions/f").respond_with_json({"functionName": "f"})
    httpserver.expect_request("/2023-03-30/functions/f/invocations").respond_with_data(
        status=202, headers={"x-fc-request-id": "r"}
    )
    return httpserver.url_for("")


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
class TestAsyncClient:
    def test_two_loops_may_not_share_it(self, url: str, call) -> None:
        client = fc_async_sdk.async_client(endpoint_url=url)
        first = asyncio.new_event_loop()
        first.run_until_complete(call(client))
        with pytest.raises(RuntimeError, match="another event loop"):
            asyncio.run(call(client))
        first.run_until_complete(client.close())
        first.close()

    def test_a_call_on_a_closed_asyncio_client_is_an_error(self, url: str, call) -> None:
        async def use() -> None:
            client = fc_async_sdk.async_client(endpoint_url=url)
            await client.close()
            with pytest.raises(RuntimeError, match="closed"):
                await call(client)

        asyncio.run(use())

    def test_a_forked_child_begins_anew(self, url: str, call) -> None:
        client = fc_async_sdk.async_client(endpoint_url=url)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(call(client))
        reader, writer = os.pipe()
        child = os.fork()
        if not child:  # pragma: no cover - runs in the child
            os.write(writer, self._in_child(client, call))
            os._exit(0)
        os.waitpid(child, 0)
        os.close(writer)
        assert os.read(reader, 100) == b"ok"
        os.close(reader)
        loop.run_until_complete(call(client))
        loop.run_until_complete(client.close())
        loop.close()

    @staticmethod
    def _in_child(client: AsyncClient, call) -> bytes:  # pragma: no cover - same
        asyncio.set_event_loop(None)

        async def use() -> None:
            await call(client)
            await client.close()

        try:
            asyncio.new_event_loop().run_until_complete(use())
        except BaseException as error:  # noqa: BLE001 -- reported to the parent
            return repr(error).encode()[:100]
        return b"ok"


class TestChoice:
    PLACE = _endpoint.parse("https://a.example.com")

    def test_light_calls_take_the_fast_way(self) -> None:
        assert for_light_calls(self.PLACE, Config(trust_env=False)) is BulkTransport

    def test_through_a_proxy_they_do_not(self) -> None:
        config = Config(proxies={"https": "http://proxy:1"})
        assert for_light_calls(self.PLACE, config) is AioTransport

    @pytest.mark.parametrize(
        ("missing", "chosen"), [({"httptools"}, AioTransport), ({"httptools", "aiohttp"}, None)]
    )
    def test_a_transport_that_is_not_installed_is_not_chosen(
        self, monkeypatch: pytest.MonkeyPatch, missing: set[str], chosen
    ) -> None:
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name: None if name in missing else find(name)
        )
        assert for_light_calls(self.PLACE, Config(trust_env=False)) is chosen

    def test_without_aiohttp_the_asyncio_client_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "aiohttp", None)
        for name in ("fc_async_sdk._async_client", "fc_async_sdk.transport.aio"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        with pytest.raises(fc_async_sdk.errors.ConfigurationError, match=r"aiohttp: .*\[aio\]"):
            fc_async_sdk.async_client(endpoint_url="http://127.0.0.1:9")
