# SPDX-License-Identifier: MIT
"""The HTTP edge, with a service that answers the body of its request."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.http.edge import HttpService, origin_refusal, too_many_bodies
from fc_async_local.http.messages import Answer, Request
from fc_async_local.store.protocol import StoreUnavailable

LOCAL = [(b"host", b"127.0.0.1:9900")]


class Echo(HttpService):
    """Answers the body, or raises an error that a test has set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.answered = 0

    def new_request_id(self) -> str:
        return "id-1"

    def body_limit(self, request: Request) -> int:
        return 10

    def common_headers(self, request: Request) -> tuple[tuple[str, str], ...]:
        return (("x-id", request.id),)

    async def answer(self, request: Request) -> Answer:
        self.answered += 1
        if self.error is not None:
            raise self.error
        return Answer(200 if request.body else 204, request.body)

    def refuse(self, error: Rejected, request: Request) -> Answer:
        return Answer(error.status, f"{error.code}: {error.message}".encode())


class Answered(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Client:
    """The server's side of one request; ``received`` counts the messages that were read."""

    def __init__(self, *parts: bytes, hang_up: bool = False) -> None:
        last = len(parts) - 1
        self.messages = [
            {"type": "http.request", "body": part, "more_body": hang_up or place < last}
            for place, part in enumerate(parts)
        ]
        self.received = 0
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        self.received += 1
        return self.messages.pop(0) if self.messages else {"type": "http.disconnect"}

    async def send(self, message) -> None:
        self.sent.append(message)

    def call(self, service: HttpService, headers=LOCAL) -> Answered:
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "headers": headers,
        }
        asyncio.run(service(scope, self.receive, self.send))
        if not self.sent:
            return Answered(0, {}, b"")
        start, end = self.sent
        return Answered(start["status"], dict(start["headers"]), end["body"])


def test_a_body_in_parts_is_joined_and_every_answer_names_its_request() -> None:
    status, headers, body = Client(b"abc", b"", b"de").call(Echo())
    assert (status, body) == (200, b"abcde")
    assert headers == {b"x-id": b"id-1", b"Content-Length": b"5"}


def test_an_answer_without_content_has_no_length() -> None:
    assert Client(b"").call(Echo()) == (204, {b"x-id": b"id-1"}, b"")


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (Rejected(409, "Conflict", "twice"), 409, b"Conflict: twice"),
        (StoreUnavailable("disk full"), 503, b"ServiceUnavailable: disk full"),
        (ZeroDivisionError("secret"), 500, b"InternalError: see the runtime's log"),
    ],
)
def test_every_error_is_answered_in_the_form_of_the_service(
    error: Exception, status: int, text: bytes
) -> None:
    got, headers, body = Client(b"x").call(Echo(error))
    assert (got, body) == (status, text)
    assert headers[b"x-id"] == b"id-1"


def test_an_unforeseen_error_is_logged_with_its_request(caplog) -> None:
    Client(b"x").call(Echo(ZeroDivisionError("secret")))
    assert "POST / failed [id-1]" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_refusal_says_when_to_call_again() -> None:
    status, headers, _ = Client(b"x").call(Echo(Rejected(429, "Busy", "full", retry_after=3)))
    assert (status, headers[b"Retry-After"]) == (429, b"3")


def test_a_body_over_the_limit_is_read_to_its_end_and_refused() -> None:
    service, client = Echo(), Client(b"0123456789", b"x", b"y", b"z")
    status, _, body = client.call(service)
    assert (status, body) == (413, b"EntityTooLarge: the body is longer than 10 bytes")
    assert (client.received, service.answered) == (4, 0)


def test_a_client_that_hangs_up_in_its_body_has_asked_for_nothing() -> None:
    service = Echo()
    assert Client(b"abc", hang_up=True).call(service) == (0, {}, b"")
    assert service.answered == 0


def test_a_caller_from_another_site_is_refused_before_its_body_is_read() -> None:
    service, client = Echo(), Client(b"abc")
    status, _, body = client.call(service, [*LOCAL, (b"origin", b"https://example.com")])
    assert (status, body[:13]) == (403, b"AccessDenied:")
    assert (client.received, service.answered) == (0, 0)


def test_bodies_that_fill_memory_are_refused_for_a_second() -> None:
    class Full(Client):
        async def receive(self) -> Any:
            raise too_many_bodies(100)

    status, headers, _ = Full().call(Echo())
    assert (status, headers[b"Retry-After"]) == (503, b"1")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:9900", "localhost:9900", "LOCALHOST", "[::1]:9900", "fc.localhost"],
)
def test_loopback_names_may_call(host: str) -> None:
    assert origin_refusal(host, "") == ""
    assert origin_refusal(host, f"http://{host}") == ""


def test_a_program_may_use_a_name_of_the_cloud_and_a_page_may_not() -> None:
    host = "123.cn-hangzhou.fc.aliyuncs.com"
    assert origin_refusal(host, "") == ""
    assert origin_refusal(host, f"http://{host}")
