# SPDX-License-Identifier: MIT
"""The HTTP side of MNS, request by request, without a server."""

from __future__ import annotations

import asyncio
import re
from typing import Any, NamedTuple

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.services.mns.endpoint import MnsEndpoint
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_tests import service_stores

HEAD = '<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageBody>'
BODY = f"{HEAD}x</MessageBody></Message>".encode()


def element(text: str, name: str) -> Any:
    match = re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
    return match and match[1]


class Answered(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    text: str

    @property
    def code(self) -> Any:
        return element(self.text, "Code")


class Client:
    """Calls the ASGI application directly."""

    def __init__(self, app) -> None:
        self.app = app

    async def __call__(
        self,
        method,
        target,
        body=b"",
        chunks=None,
        hang_up=None,
        **headers,
    ) -> Any:
        path, _, query = target.partition("?")
        sent = {"host": "127.0.0.1:9901"} | {k.replace("_", "-"): v for k, v in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        parts = chunks or [body]
        messages = [
            {"type": "http.request", "body": part, "more_body": place < len(parts)}
            for place, part in enumerate(parts, 1)
        ]
        answered = []

        async def receive() -> Any:
            if messages:
                return messages.pop(0)
            await (hang_up or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message) -> None:
            answered.append(message)

        await self.app(scope, receive, send)
        if not answered:
            return None
        start, end = answered
        return Answered(start["status"], dict(start["headers"]), end["body"].decode())


@pytest.fixture
def run() -> Any:
    def runner(body, store=None) -> Any:
        async def main() -> Any:
            clock = VirtualClock()
            service = MnsService(store or service_stores.messages(), clock, Settings())
            await service.create_queue("q")
            return await body(Client(MnsEndpoint(service, clock, None)))

        return asyncio.run(main())

    return runner


def test_every_answer_has_the_headers_that_clients_look_up(run) -> None:
    answer = run(lambda call: call("GET", "/queues/q"))
    assert re.fullmatch(rb"[0-9A-F]{24}", answer.headers[b"x-mns-request-id"])
    assert answer.headers[b"x-mns-version"] == b"2015-06-06"
    assert answer.headers[b"Content-Length"].isdigit()


def test_an_empty_queue_is_a_404_with_all_four_elements(run) -> None:
    answer = run(lambda call: call("GET", "/queues/q/messages?waitseconds=0"))
    assert (answer.status, answer.code) == (404, "MessageNotExist")
    assert element(answer.text, "RequestId").encode() == answer.headers[b"x-mns-request-id"]
    assert element(answer.text, "HostId") == "http://127.0.0.1:9901"
    assert element(answer.text, "Message")


def test_parameter_names_are_case_insensitive(run) -> None:
    async def body(call) -> Any:
        await call("POST", "/queues/q/messages", BODY)
        answer = await call("GET", "/queues/q/messages?NUMOFMESSAGES=1&WaitSeconds=0")
        handle = element(answer.text, "ReceiptHandle")
        target = f"/queues/q/messages?receiptHandle={handle}&visibilityTimeout=9"
        return await call("PUT", target)

    assert run(body).status == 200


def test_a_plus_in_a_handle_stays_a_plus(run) -> None:
    answer = run(lambda call: call("DELETE", "/queues/q/messages?ReceiptHandle=a+b"))
    assert answer.code == "ReceiptHandleError"
    assert "'a+b'" in element(answer.text, "Message")


def test_handles_are_safe_in_a_url(run) -> None:
    async def body(call) -> Any:
        await call("POST", "/queues/q/messages", BODY)
        return await call("GET", "/queues/q/messages")

    assert re.fullmatch(r"[A-Za-z0-9-]+", element(run(body).text, "ReceiptHandle"))


def test_a_carriage_return_survives(run) -> None:
    async def body(call) -> Any:
        sent = f"{HEAD}a&#13;&#10;b</MessageBody></Message>".encode()
        await call("POST", "/queues/q/messages", sent)
        return await call("GET", "/queues/q/messages")

    assert element(run(body).text, "MessageBody") == "a&#13;\nb"


@pytest.mark.parametrize(
    ("method", "target", "sent", "status", "code"),
    [
        ("POST", "/queues/q/messages", b"<Message><MessageBody>a & b", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"<Queue/>", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"<Message/>", 400, "MalformedXML"),
        ("POST", "/queues/q/messages", b"<Messages/>", 400, "InvalidArgument"),
        ("POST", "/queues/none/messages", BODY, 404, "QueueNotExist"),
        (
            "PUT",
            "/queues/r",
            b"<Queue><DelaySeconds>x</DelaySeconds></Queue>",
            400,
            "InvalidArgument",
        ),
        (
            "PUT",
            "/queues/r",
            b"<Queue><LoggingEnabled>x</LoggingEnabled></Queue>",
            400,
            "InvalidArgument",
        ),
        ("PUT", "/queues/no%2Fname", b"", 400, "InvalidQueueName"),
        ("PUT", "/queues/none?metaoverride=true", b"", 404, "QueueNotExist"),
        ("GET", "/queues/q/messages?waitseconds=x", b"", 400, "InvalidQueryString"),
        ("GET", "/queues/q/messages?numOfMessages=17", b"", 400, "InvalidArgument"),
        ("DELETE", "/queues/q/messages", b"", 400, "MissingReceiptHandle"),
        ("DELETE", "/queues/q/messages", b"<ReceiptHandles/>", 400, "InvalidArgument"),
        ("PUT", "/queues/q/messages?ReceiptHandle=a", b"", 400, "MissingVisibilityTimeout"),
        ("PUT", "/queues/q/messages?VisibilityTimeout=1", b"", 400, "MissingReceiptHandle"),
        ("PATCH", "/queues/q", b"", 400, "InvalidRequestURL"),
        ("GET", "/", b"", 400, "InvalidRequestURL"),
    ],
)
def test_a_bad_request_is_refused_by_code(run, method, target, sent, status, code) -> None:
    answer = run(lambda call: call(method, target, sent))
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "utf-32", "cp037"])
def test_an_entity_bomb_is_refused_unread(run, encoding) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Message>&b;</Message>'
    body = (head + bomb).encode(encoding)
    answer = run(lambda call: call("POST", "/queues/q/messages", body))
    assert (answer.status, answer.code) == (400, "MalformedXML")


def test_a_dtd_is_refused_in_words(run) -> None:
    body = b'<!DOCTYPE m [<!ENTITY a "b">]><Message>&a;</Message>'
    answer = run(lambda call: call("POST", "/queues/q/messages", body))
    assert element(answer.text, "Message") == "the XML must not declare a DTD or entities"


def test_a_body_over_the_limit_is_not_read_to_its_end(run) -> None:
    chunks = [b"x" * 1_000_000] * 20
    answer = run(lambda call: call("POST", "/queues/q/messages", chunks=chunks))
    assert (answer.status, answer.code) == (413, "EntityTooLarge")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:9901"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"host": "[::1"},
    ],
)
def test_pages_of_other_sites_are_kept_out(run, headers) -> None:
    answer = run(lambda call: call("GET", "/queues/q", **headers))
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize("host", ["localhost:9901", "[::1]:9901", "1.mns.localhost", "127.0.0.1"])
def test_loopback_names_are_let_in(run, host) -> None:
    assert run(lambda call: call("GET", "/queues/q", host=host)).status == 200


def test_a_client_that_hangs_up_takes_no_message(run) -> None:
    async def body(call) -> Any:
        hang_up = asyncio.Event()
        target = "/queues/q/messages?waitseconds=30"
        waiting = asyncio.ensure_future(call("GET", target, hang_up=hang_up))
        for _ in range(10):
            await asyncio.sleep(0)
        hang_up.set()
        gone = await waiting
        await call("POST", "/queues/q/messages", BODY)
        return gone, await call("GET", "/queues/q/messages?peekonly=true")

    gone, answer = run(body)
    assert gone is None
    assert (answer.status, element(answer.text, "DequeueCount")) == (200, "0")


def test_an_immediate_answer_starts_no_disconnect_watch(run) -> None:
    async def body(call) -> Any:
        await call("POST", "/queues/q/messages", BODY)
        answer = await call("GET", "/queues/q/messages?waitseconds=30")
        return answer.status, len(asyncio.all_tasks())

    assert run(body) == (200, 1)


def test_a_poll_that_is_cancelled_from_elsewhere_is_cancelled(run) -> None:
    async def body(call) -> Any:
        waiting = asyncio.ensure_future(call("GET", "/queues/q/messages?waitseconds=30"))
        for _ in range(10):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        return waiting.cancelled()

    assert run(body)


def test_a_store_that_is_away_is_a_503(run) -> None:
    class Away(TableMessageStore):
        async def send(self, name, drafts, *, now) -> None:
            raise StoreUnavailable("disk full")

    answer = run(
        lambda call: call("POST", "/queues/q/messages", BODY), service_stores.messages(kind=Away)
    )
    assert (answer.status, element(answer.text, "Message")) == (503, "disk full")


def test_an_unexpected_error_is_a_500_with_a_body(run, caplog) -> None:
    class Broken(TableMessageStore):
        async def send(self, name, drafts, *, now) -> None:
            raise ZeroDivisionError

    answer = run(
        lambda call: call("POST", "/queues/q/messages", BODY), service_stores.messages(kind=Broken)
    )
    assert (answer.status, answer.code) == (500, "InternalError")
    assert "ZeroDivisionError" in caplog.text


def test_websockets_are_refused(run) -> None:
    async def body(call) -> None:
        with pytest.raises(RuntimeError, match="'websocket' is not served here"):
            await call.app({"type": "websocket"}, None, None)

    run(body)


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("GET", "/queues/q/messages?peek=true&waitseconds=0", "peek"),
        ("DELETE", "/queues/q?force=true", "force"),
        ("PUT", "/queues/q?tags", "tags"),
        ("POST", "/queues/q/messages?delay=60", "delay"),
    ],
)
def test_a_parameter_that_an_operation_does_not_know_runs_nothing(run, method, target, name):
    async def scenario(call) -> Any:
        await call("POST", "/queues/q/messages", BODY)
        refused = await call(method, target, BODY)
        return refused, await call("GET", "/queues/q/messages?waitseconds=0")

    refused, kept = run(scenario)
    assert (refused.status, refused.code) == (400, "InvalidQueryString")
    assert f"has no parameter '{name}'" in refused.text
    assert (kept.status, element(kept.text, "DequeueCount")) == (200, "1")
