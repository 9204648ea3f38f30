# SPDX-License-Identifier: MIT
"""The HTTP sides of RocketMQ and EventBridge, request by request, without a server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.http.messages import Request
from fc_async_local.services import signature
from fc_async_local.services.eventbridge import endpoint as eventbridge_endpoint
from fc_async_local.services.rocketmq import endpoint as rocketmq_endpoint
from fc_async_local.store.protocol import StoreUnavailable

CAPTURES = Path(__file__).parents[3] / "captures"
KEYS = {"testid": "testsecret"}
MESSAGE = b"<Message><MessageBody>x</MessageBody></Message>"


def request_of(method, target, body=b"", **headers):
    path, _, query = target.partition("?")
    sent = {"host": "127.0.0.1:9"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return Request(method, path, query, sent, body, scope=scope_of(sent))


def scope_of(headers):
    return {"headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


def capture(path):
    raw = path.read_text(encoding="utf-8", errors="surrogateescape")
    sent, _, rest = raw.partition(">>> REQUEST\n")[2].partition("\n<<< RESPONSE")
    head, _, body = sent.partition("\n\n")
    first, *lines = head.splitlines()
    method, target, _version = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers.get("content-length", 0))
    path_part, _, query = target.partition("?")
    content = body.encode("utf-8", "surrogateescape")[:length]
    request = Request(method, path_part, query, headers, content, scope=scope_of(headers))
    return request, "signature ok: False" not in rest


def rocketmq(play, *requests, **settings):
    async def scene(world):
        await world.rocketmq.create_topic("i", "t")
        door = rocketmq_endpoint.RocketMqEndpoint(world.rocketmq, world.clock)
        return [await door.handle(request) for request in requests]

    return play(scene, **settings)


def eventbridge(play, *requests, **settings):
    async def scene(world):
        await world.buses.documents.create_bus("bus")
        door = eventbridge_endpoint.EventBridgeEndpoint(world.buses, world.clock)
        return [await door.handle(request) for request in requests]

    return play(scene, **settings)


def code_of(answer):
    match = re.search(rb"<Code>(.*?)</Code>", answer.body)
    return match and match[1].decode()


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (request_of("POST", "/topics/t/messages?ns=i", b"<Message"), 400, "MalformedXML"),
        (request_of("POST", "/topics/t/messages?ns=i", b"<Message/>"), 400, "MalformedXML"),
        (request_of("POST", "/topics/t/messages?ns=j", MESSAGE), 404, "TopicNotExist"),
        (request_of("POST", "/topics/t/messages", MESSAGE), 404, "TopicNotExist"),
        (request_of("GET", "/topics/t/messages?ns=i"), 400, "InvalidArgument"),
        (request_of("GET", "/topics/t/messages?ns=i&consumer=g"), 404, "MessageNotExist"),
        (
            request_of("GET", "/topics/t/messages?ns=i&consumer=g&waitseconds=x"),
            400,
            "InvalidArgument",
        ),
        (
            request_of("GET", "/topics/t/messages?ns=i&consumer=g&trans=pop"),
            400,
            "InvalidArgument",
        ),
        (
            request_of("DELETE", "/topics/t/messages?ns=i&consumer=g", b"<ReceiptHandles/>"),
            400,
            "InvalidArgument",
        ),
        (
            request_of("DELETE", "/topics/t/messages?ns=i&consumer=g&trans=rollback"),
            400,
            "InvalidArgument",
        ),
        (request_of("DELETE", "/topics/t?ns=i&subscriptions"), 400, "InvalidArgument"),
        (request_of("PUT", "/topics/u?ns=rmq-5"), 400, "InvalidArgument"),
        (request_of("DELETE", "/topics/u?ns=i"), 404, "TopicNotExist"),
        (request_of("PATCH", "/topics/t?ns=i"), 400, "InvalidRequestURL"),
        (request_of("GET", "/"), 400, "InvalidRequestURL"),
    ],
)
def test_rocketmq_refuses_by_code(play, request_, status, code):
    (answer,) = rocketmq(play, request_)
    assert (answer.status, code_of(answer)) == (status, code)
    assert dict(answer.headers)["x-mq-version"] == "2015-06-06"


def test_rocketmq_topics_are_made_and_forgotten_over_http(play):
    target = "/topics/u?ns=i"
    answers = rocketmq(
        play,
        request_of("PUT", target),
        request_of("PUT", target),
        request_of("POST", "/topics/u/messages?ns=i", MESSAGE),
        request_of("DELETE", target),
        request_of("DELETE", target),
    )
    assert [answer.status for answer in answers] == [201, 204, 201, 204, 404]


def test_rocketmq_names_handles_that_are_no_longer_good(play):
    body = b"<ReceiptHandles><ReceiptHandle>1-1-AB</ReceiptHandle></ReceiptHandles>"
    (answer,) = rocketmq(play, request_of("DELETE", "/topics/t/messages?ns=i&consumer=g", body))
    assert answer.status == 404
    assert b"<ErrorCode>ReceiptHandleError</ErrorCode>" in answer.body
    assert b"<ReceiptHandle>1-1-AB</ReceiptHandle>" in answer.body


def test_a_store_that_is_away_is_a_503_in_every_protocol(play):
    async def scene(world):
        await world.rocketmq.create_topic("i", "t")
        await world.buses.documents.create_bus("bus")

        async def away(*_args, **_kwargs):
            raise StoreUnavailable("disk full")

        world.logs.append = away
        world.documents.write = away
        topics = rocketmq_endpoint.RocketMqEndpoint(world.rocketmq, world.clock)
        buses = eventbridge_endpoint.EventBridgeEndpoint(world.buses, world.clock)
        return [
            await topics.handle(request_of("POST", "/topics/t/messages?ns=i", MESSAGE)),
            await buses.handle(
                request_of("POST", "/?EventBusName=new", x_acs_action="CreateEventBus")
            ),
            await buses.handle(
                request_of("POST", "/openapi/createEventBus", b'{"EventBusName": "new"}')
            ),
        ]

    answers = play(scene)
    assert [answer.status for answer in answers] == [503, 503, 503]
    assert all(b"disk full" in answer.body for answer in answers)


def rpc(action, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return request_of("POST", f"/?{query}", x_acs_action=action)


RULE = {"EventBusName": "bus", "RuleName": "r"}


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (request_of("POST", "/"), 400, "InvalidAction"),
        (rpc("LaunchRocket"), 400, "InvalidAction"),
        (rpc("GetEventBus"), 400, "MissingParameter"),
        (rpc("GetEventBus", EventBusName="none"), 404, "EventBusNotExist"),
        (rpc("CreateEventBus", EventBusName="bus"), 409, "EventBusAlreadyExist"),
        (rpc("ListEventBuses", Limit="0"), 400, "InvalidArgument"),
        (rpc("ListEventBuses", Limit="x"), 400, "InvalidArgument"),
        (rpc("GetRule", **RULE), 404, "EventRuleNotExisted"),
        (rpc("CreateRule", **RULE, FilterPattern="["), 400, "InvalidEventPattern"),
        (rpc("CreateRule", **RULE, Status="ON"), 400, "InvalidArgument"),
        (rpc("CreateRule", **RULE, EventTargets="{}"), 400, "InvalidArgument"),
        (rpc("CreateRule", **RULE, EventTargets='[{"Id":"t"}]'), 400, "InvalidArgument"),
        (rpc("TestEventPattern", EventPattern="[]", Event="{}"), 400, "InvalidEventPattern"),
        (rpc("TestEventPattern", EventPattern="{}", Event="x"), 400, "InvalidEvent"),
        (rpc("TestEventPattern", EventPattern="{}", Event="[]"), 400, "InvalidEvent"),
        (rpc("PutEvents", EventBusName="bus", EventList="{}"), 400, "InvalidEvent"),
        (rpc("DeleteEventBus", EventBusName="bus", DryRun="true"), 400, "InvalidArgument"),
        (rpc("ListTargets", **RULE, Arn="acs:x"), 400, "InvalidArgument"),
    ],
)
def test_eventbridge_refuses_by_code(play, request_, status, code):
    (answer,) = eventbridge(play, request_)
    content = json.loads(answer.body)
    assert (answer.status, content["Code"], content["Success"]) == (status, code, False)
    assert content["RequestId"] == dict(answer.headers)["x-eventbridge-request-id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "InvalidArgument"), (b"[]", "InvalidArgument"), (b"{}", "MissingParameter")],
)
def test_the_data_plane_refuses_in_lower_case(play, body, code):
    (answer,) = eventbridge(play, request_of("POST", "/openapi/getEventBus", body))
    content = json.loads(answer.body)
    assert (answer.status, content["code"]) == (400, code)
    assert content["message"]


@pytest.mark.parametrize(
    "path", sorted((CAPTURES / "rocketmq").glob("*.txt")), ids=lambda p: p.stem
)
def test_every_capture_of_rocketmq_is_judged_as_it_was(path):
    request, good = capture(path)
    now = int(parsedate_to_datetime(request.headers["date"]).timestamp() * 1_000)
    if good:
        assert signature.verify(signature.ROCKETMQ, request, KEYS, now=now) == "testid"
    else:
        with pytest.raises(signature.Unsigned):
            signature.verify(signature.ROCKETMQ, request, KEYS, now=now)


def judged(play, request, keys):
    async def scene(world):
        world.clock.set(moment_of(request))
        door = eventbridge_endpoint.EventBridgeEndpoint(world.buses, world.clock)
        return await door.handle(request)

    return play(scene, strict_auth=True, access_keys=keys)


def moment_of(request):
    from datetime import datetime

    acs = request.headers.get("x-acs-date")
    if acs:
        moment = datetime.fromisoformat(acs.replace("Z", "+00:00"))
    else:
        moment = parsedate_to_datetime(request.headers["date"])
    return int(moment.timestamp() * 1_000)


@pytest.mark.parametrize(
    "path", sorted((CAPTURES / "eventbridge").glob("*.txt")), ids=lambda p: p.stem[:20]
)
def test_every_capture_of_eventbridge_is_judged_as_it_was(play, path):
    request, good = capture(path)
    answer = judged(play, request, KEYS)
    assert (answer.status != 403) is good
    assert judged(play, request, {"testid": "another"}).status == 403
    assert judged(play, request, {"somebody": "testsecret"}).status == 403


@pytest.mark.parametrize("name", ["001_*", "control_001_*"])
def test_a_request_to_eventbridge_that_is_sent_again_as_it_was_is_refused(play, name):
    request, _ = capture(next((CAPTURES / "eventbridge").glob(name)))

    async def scene(world):
        world.clock.set(moment_of(request))
        door = eventbridge_endpoint.EventBridgeEndpoint(world.buses, world.clock)
        return await door.handle(request), await door.handle(request)

    first, second = play(scene, strict_auth=True, access_keys=KEYS)
    assert first.status != 400
    assert (second.status, b"SignatureNonceUsed" in second.body) == (400, True)


def test_the_content_md5_of_the_data_plane_must_be_that_of_the_body(play):
    request = request_of(
        "POST",
        "/openapi/getEventBus",
        b'{"EventBusName": "bus"}',
        content_md5=base64.b64encode(
            hashlib.md5(b"another", usedforsecurity=False).digest()
        ).decode(),
        date="Tue, 24 Nov 2026 13:34:54 GMT",
        x_acs_signature_nonce="n",
    )
    secret = KEYS["testid"].encode()
    text = signature.string_to_sign(signature.EVENTBRIDGE, request).encode("latin-1")
    signed = base64.b64encode(hmac.digest(secret, text, "sha1")).decode()
    request.headers["authorization"] = f"acs:testid:{signed}"
    answer = judged(play, request, KEYS)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "InvalidDigest")


def test_the_data_plane_refuses_what_was_signed_too_long_ago(play):
    request, _ = capture(next((CAPTURES / "eventbridge").glob("001_*.txt")))

    async def scene(world):
        world.clock.set(moment_of(request) + 901_000)
        return await eventbridge_endpoint.EventBridgeEndpoint(world.buses, world.clock).handle(
            request
        )

    answer = play(scene, strict_auth=True, access_keys=KEYS)
    assert answer.status == 403
    assert b"more than 15 minutes" in answer.body


def test_the_query_of_the_data_plane_is_signed_in_order():
    first = request_of("GET", "/openapi/x?b=2&a=1")
    second = request_of("GET", "/openapi/x?a=1&b=2")
    signed = signature.string_to_sign(signature.EVENTBRIDGE, first)
    assert signed == signature.string_to_sign(signature.EVENTBRIDGE, second)
    assert signed.endswith("/openapi/x?a=1&b=2")


def test_requests_that_cannot_be_understood_are_refused_in_each_protocol(play):
    async def scene(world):
        doors = (
            rocketmq_endpoint.RocketMqEndpoint(world.rocketmq, world.clock),
            eventbridge_endpoint.EventBridgeEndpoint(world.buses, world.clock),
        )
        await asyncio.sleep(0)
        error = Rejected(413, "EntityTooLarge", "too long")
        return [door.refuse(error, request_of("POST", "/")) for door in doors]

    answers = play(scene)
    assert [answer.status for answer in answers] == [413, 413]
    assert all(b"EntityTooLarge" in answer.body for answer in answers)
