# SPDX-License-Identifier: MIT
"""Hooks see each request of a client, whichever way it is sent, and may add headers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import Config, errors

if TYPE_CHECKING:
    from pytest_httpserver import HTTPServer
    from werkzeug import Request

ACCEPTED = {"x-fc-request-id": "1-a"}


@pytest.fixture
def refusing_once(httpserver: HTTPServer) -> HTTPServer:
    """A service that throttles the first request and accepts the next ones."""
    httpserver.expect_ordered_request("/2023-03-30/functions/f/invocations").respond_with_json(
        {"Code": "Throttled", "Message": "slow down"}, status=429
    )
    for _ in range(3):
        httpserver.expect_ordered_request("/2023-03-30/functions/f/invocations").respond_with_data(
            b"", status=202, headers=ACCEPTED
        )
    return httpserver


def config(**more: Any) -> Config:
    return Config(retry_base=0.0001, **more)


def sent(server: HTTPServer) -> list[Request]:
    return [request for request, _ in server.log]


def invoke(server: HTTPServer, kind: str, settings: Config) -> list[tuple[str, Any]]:
    """Invoke once; return what the hooks of the client were told."""
    told: list[tuple[str, Any]] = []

    def listen(client: fc_async_sdk.Client | fc_async_sdk.AsyncClient) -> None:
        def add(sending: fc_async_sdk.hooks.Sending) -> None:
            sending.headers["traceparent"] = "00-1-2-01"

        client.meta.events.register("before-send", add)
        for event in ("before-send", "after-answer", "retry"):
            client.meta.events.register(event, lambda one, event=event: told.append((event, one)))

    async def aio() -> None:
        async with fc_async_sdk.async_client(endpoint_url=server.url_for(""), config=settings) as c:
            listen(c)
            await c.invoke_async("f", b"{}", task_id="t")

    if kind == "asyncio":
        asyncio.run(aio())
        return told
    with fc_async_sdk.client(endpoint_url=server.url_for(""), config=settings) as client:
        listen(client)
        if kind == "fan_out":
            list(client.fan_out("f", [b"{}"], task_ids="t"))
        else:
            client.invoke_async("f", b"{}", task_id="t")
    return told


@pytest.mark.parametrize("kind", ["threads", "asyncio", "fan_out"])
def test_hooks_add_a_header_and_see_answers_and_retries(
    kind: str, refusing_once: HTTPServer
) -> None:
    told = invoke(refusing_once, kind, config())
    assert [event for event, _ in told] == [
        "before-send",
        "after-answer",
        "retry",
        "before-send",
        "after-answer",
    ]
    assert {one.operation for _, one in told} == {"InvokeFunction"}
    assert [one.status for event, one in told if event == "after-answer"] == [429, 202]
    assert told[4][1].request_id == "1-a"
    assert told[4][1].seconds >= 0
    retry = told[2][1]
    assert (retry.attempt, retry.reason) == (1, "status 429 [request ]")
    requests = sent(refusing_once)
    assert [one.headers["traceparent"] for one in requests] == ["00-1-2-01"] * 2
    for one in requests:  # a proxy may change it
        assert "traceparent" not in one.headers["authorization"]


def test_an_answer_that_did_not_come_is_told_with_its_reason() -> None:
    told: list[Any] = []
    with fc_async_sdk.client(endpoint_url="http://127.0.0.1:9", config=config()) as client:
        client.meta.events.register("after-answer", told.append)
        with pytest.raises(errors.ConnectFailed):
            client.get_function("f")
    assert {one.status for one in told} == {None}
    assert "no connection to 127.0.0.1:9" in told[0].error


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-a", "1\r\nx-b: 2"), ("x a", "1"), ("authorization", "mine"), ("x-a", "€"), ("x-a", 1)],
)
def test_a_header_that_cannot_be_sent_is_refused(
    name: str, value: Any, refusing_once: HTTPServer
) -> None:
    with fc_async_sdk.client(endpoint_url=refusing_once.url_for("")) as client:
        client.meta.events.register("before-send", lambda one: one.headers.update({name: value}))
        with pytest.raises(errors.InvalidParameter, match="header"):
            client.get_function("f")
    assert sent(refusing_once) == []


def test_a_hook_can_be_taken_away_and_a_wrong_name_is_told(refusing_once: HTTPServer) -> None:
    with fc_async_sdk.client(endpoint_url=refusing_once.url_for(""), config=config()) as client:
        told: list[Any] = []
        client.meta.events.register("before-send", told.append)
        client.meta.events.unregister("before-send", told.append)
        client.invoke_async("f", b"{}", task_id="t")
        assert told == []
        with pytest.raises(errors.InvalidParameter, match="before-send, after-answer, retry"):
            client.meta.events.register("before-call", told.append)
        with pytest.raises(errors.InvalidParameter, match="hook=5"):
            client.meta.events.register("retry", 5)


def test_hooks_belong_to_one_client() -> None:
    first, second = (fc_async_sdk.client(endpoint_url="http://127.0.0.1:9") for _ in range(2))
    assert first.meta.events is not second.meta.events
    assert (first.meta.region_name, first.meta.endpoint_url) == ("", "http://127.0.0.1:9")
    first.close()
    second.close()


def test_the_retry_mode_is_one_of_two() -> None:
    with pytest.raises(errors.ConfigurationError, match="'standard' or 'adaptive'"):
        Config(retry_mode="legacy")  # type: ignore[arg-type]


def test_the_log_of_requests_is_written_to_a_stream(
    refusing_once: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("fc_async_sdk")
    before = list(logger.handlers), logger.level
    try:
        fc_async_sdk.set_stream_logger()
        with fc_async_sdk.client(endpoint_url=refusing_once.url_for(""), config=config()) as client:
            client.invoke_async("f", b"{}", task_id="t")
    finally:
        logger.handlers, logger.level = before
    assert "InvokeFunction" in capsys.readouterr().err
