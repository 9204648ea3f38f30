# SPDX-License-Identifier: MIT
"""A fan-out over real connections, on every engine."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug import Request, Response

import fc_async_sdk
from fc_async_sdk import errors
from fc_async_sdk.config import Config
from fc_async_sdk.transport.aio import AioTransport
from fc_async_sdk.transport.bulk import BulkTransport
from fc_async_tests import transports

if TYPE_CHECKING:
    from pytest_httpserver import HTTPServer

    from fc_async_sdk.transport.loop import LoopTransport


class Accepting:
    """Accepts, and every seventh time says that it is too busy; remembers task ids."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.bodies: list[bytes] = []
        self._count = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Response:
        task_id = request.headers.get("x-fc-async-task-id", "")
        with self._lock:
            self._count += 1
            if self._count % 7 == 0:
                return Response(b'{"Code":"ResourceExhausted","Message":"busy"}', status=429)
            if task_id and task_id in self.ids:
                return Response(b'{"Code":"AsyncTaskAlreadyExists","Message":"m"}', status=409)
            self.ids.append(task_id)
            self.bodies.append(request.get_data())
        headers = {"x-fc-request-id": f"r-{self._count}", "x-fc-async-task-id": task_id}
        return Response(status=202, headers=headers)


@pytest.fixture
def service(httpserver: HTTPServer) -> Accepting:
    accepting = Accepting()
    httpserver.expect_request(
        "/2023-03-30/functions/f/invocations", method="POST"
    ).respond_with_handler(accepting)
    return accepting


@pytest.fixture(params=["threads", "bulk", "aiohttp", "asyncio"])
def fan_out(
    request: pytest.FixtureRequest, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> Any:
    config = Config(retry_base=0.001, max_attempts=5)
    url = httpserver.url_for("")

    def run(payloads, **arguments) -> Any:
        if request.param == "asyncio":
            return asyncio.run(asynchronously(payloads, arguments))
        with fc_async_sdk.client(endpoint_url=url, config=config) as client:
            if request.param != "bulk":
                chosen = AioTransport if request.param == "aiohttp" else None
                transports.choose(monkeypatch, chosen)
            return client.fan_out("f", payloads, **arguments).run()

    async def asynchronously(payloads, arguments: dict[str, Any]) -> Any:
        async with fc_async_sdk.async_client(endpoint_url=url, config=config) as client:
            return await client.fan_out("f", payloads, **arguments).run()

    return run


def test_every_payload_of_a_fan_out_arrives_once(fan_out, service: Accepting) -> None:
    run = fan_out(range(200), task_ids="job", concurrency=8)
    assert run.failures == []
    assert sorted(service.bodies, key=int) == [str(n).encode() for n in range(200)]
    assert len(set(service.ids)) == 200


def test_a_second_run_of_a_fan_out_finds_only_duplicates(fan_out, service: Accepting) -> None:
    fan_out(range(20), task_ids="job")
    run = fan_out(range(20), task_ids="job")
    assert (run.duplicates, run.failures) == (20, [])
    assert len(service.bodies) == 20


def test_the_asyncio_client_sends_on_a_loop_of_uvloop(
    httpserver: HTTPServer, service: Accepting
) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def send() -> None:
        async with fc_async_sdk.async_client(endpoint_url=httpserver.url_for("")) as client:
            await client.invoke_async("f", 1)
            await client.fan_out("f", range(2, 4)).run()

    uvloop.run(send())
    assert sorted(service.bodies) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("transport", [BulkTransport, AioTransport])
def test_leaving_the_loop_early_leaves_nothing_behind(
    httpserver: HTTPServer,
    service: Accepting,
    transport: type[LoopTransport],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transports.choose(monkeypatch, transport)
    with fc_async_sdk.client(endpoint_url=httpserver.url_for("")) as client:
        before = {thread.name for thread in threading.enumerate()}
        for outcome in client.fan_out("f", range(10_000), concurrency=8):
            assert outcome.succeeded or isinstance(outcome.error, errors.Throttled)
            break
        gc.collect()
        assert "fan_out" not in {thread.name for thread in threading.enumerate()} - before
    assert len(service.bodies) < 10_000


def test_closing_the_client_ends_a_run(httpserver: HTTPServer, service: Accepting) -> None:
    client = fc_async_sdk.client(endpoint_url=httpserver.url_for(""))
    run = client.fan_out("f", range(10_000), concurrency=2)
    outcomes = iter(run)
    next(outcomes)
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(outcomes)
    assert len(service.bodies) < 10_000


def test_a_service_that_is_gone_fails_each_and_loses_none(fan_out, httpserver: HTTPServer) -> None:
    run = fan_out([1, 2, 3])
    assert {type(outcome.error) for outcome in run.failures} == {errors.ServerError}
    assert run.progress.done == 3
    httpserver.clear()
