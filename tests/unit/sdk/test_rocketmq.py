# SPDX-License-Identifier: MIT
"""The client of RocketMQ against captures of the official one, and against hostile answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fc_async_sdk.credentials import Credentials
from fc_async_sdk.errors import InvalidParameter, InvalidResponse, NotFound, ServiceError
from fc_async_sdk.operations import rocketmq
from fc_async_sdk.operations.call import Answer

CAPTURES = Path(__file__).parents[2] / "captures" / "rocketmq"
KEYS = Credentials(access_key_id="testid", access_key_secret="testsecret")
NAMES = ("MQ_INST_123456_BXtest", "dest-topic")
HANDLE = "02CA57E936584399A3D01FBD226300B4-2e5e5e5c7b834dcdb26eedc750dd7c98"


class Exchange(NamedTuple):
    """A request of the official client and its answer."""

    method: str
    target: str
    headers: dict[str, str]
    body: str
    answer: Answer


def capture(number: str) -> Exchange:
    [file] = CAPTURES.glob(f"{number}_*.txt")
    text = file.read_text("utf-8")
    request, _, rest = text.removeprefix(">>> REQUEST\n").partition("\n\n<<< RESPONSE\n")
    answered = rest.partition("\n\n### string-to-sign")[0]
    head, _, body = request.partition("\n\n")
    first, *lines = head.splitlines()
    answer_head, _, answer_body = answered.partition("\n\n")
    status, *answer_lines = answer_head.splitlines()
    method, target, _ = first.split(" ")
    return Exchange(
        method,
        target,
        _headers(lines),
        body.strip(),
        Answer(int(status.split()[1]), _headers(answer_lines), answer_body.strip().encode()),
    )


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(": ") for line in lines)
    return {name.lower(): value for name, _, value in pairs}


CALLS: dict[str, Any] = {
    "001": rocketmq.consume(*NAMES, "GID_test", limit=3),
    "002": rocketmq.publish(
        *NAMES,
        '{"requestContext":{"condition":"Success"},"responsePayload":"héllo 中文 <&>"}',
        tag="Success",
        properties={"KEYS": "req-1", "a": "1"},
    ),
    "004": rocketmq.consume(*NAMES, "GID_test"),
    "005": rocketmq.acknowledge(*NAMES, "GID_test", [HANDLE]),
    "008": rocketmq.consume(*NAMES, "GID_tag", tag="Success||Other"),
    "010": rocketmq.consume(*NAMES, "GID_test", limit=1, wait_seconds=10),
}


def order_of(query: str) -> list[str]:
    return sorted(query.split("&"))


@pytest.mark.parametrize("number", CALLS)
def test_requests_are_those_of_the_official_client(number: str) -> None:
    theirs, call = capture(number), CALLS[number]
    path, _, query = theirs.target.partition("?")
    assert (call.method, call.path) == (theirs.method, path)
    assert order_of(call.query) == order_of(query)
    headers = rocketmq.signed(call, theirs.headers["host"], KEYS, theirs.headers["date"])
    same = ("x-mq-version", "content-type", "host", "date")
    assert [headers.get(name) for name in same] == [theirs.headers.get(name) for name in same]
    if call.query == query:  # the signature has the parameters in the order in which they are sent
        assert headers["authorization"] == theirs.headers["authorization"]
    text = re.sub("&quot;", '"', theirs.body)
    assert call.body.decode() == text


def test_temporary_keys_send_a_token_that_is_not_signed() -> None:
    call, date = CALLS["001"], "Tue, 24 Nov 2026 13:34:52 GMT"
    keys = Credentials(access_key_id="testid", access_key_secret="testsecret", security_token="t")
    without, headers = (rocketmq.signed(call, "h", one, date) for one in (KEYS, keys))
    assert headers == without | {"security-token": "t"}


def test_answers_of_captures_are_read() -> None:
    assert CALLS["001"].result(capture("001").answer) == []
    assert CALLS["002"].result(capture("002").answer) == "02CA57E936584399A3D01FBD226300B4"
    [message] = CALLS["010"].result(capture("010").answer)
    assert (message.message_body, message.consumed_times) == ("late", 1)
    assert message.next_consume_time - message.publish_time == 300_000
    assert CALLS["005"].result(capture("005").answer) == []
    assert CALLS["005"].result(capture("006").answer) == [HANDLE]


def test_handles_that_an_earlier_try_has_acknowledged_are_no_failures() -> None:
    assert CALLS["005"].result(capture("006").answer, repeated=True) == []


def error(code: str) -> bytes:
    head = '<?xml version="1.0"?><Error xmlns="http://mq.aliyuncs.com/doc/v1/">'
    rest = f"<Code>{code}</Code><Message>no such thing</Message><RequestId>R1</RequestId></Error>"
    return f"{head}{rest}".encode()


def test_what_the_service_refuses_has_its_code_and_request_id() -> None:
    with pytest.raises(NotFound, match=r"TopicNotExist.*no such thing.*R1") as caught:
        CALLS["002"].result(Answer(404, {}, error("TopicNotExist")))
    assert (caught.value.code, caught.value.request_id) == ("TopicNotExist", "R1")


def test_no_message_is_an_error_of_an_operation_that_reads_none() -> None:
    with pytest.raises(ServiceError, match="MessageNotExist"):
        CALLS["002"].result(Answer(404, {}, error("MessageNotExist")))


BOMB = (
    '<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    "<Messages><Message><MessageBody>&b;</MessageBody></Message></Messages>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_they_are_expanded(encoding: str) -> None:
    with pytest.raises(InvalidResponse, match="document type"):
        CALLS["004"].result(Answer(200, {}, BOMB.encode(encoding)))


def test_a_body_that_mentions_a_document_type_is_read() -> None:
    answer = capture("010").answer
    body = answer.body.replace(b">late<", b"><![CDATA[<!DOCTYPE html>]]><")
    [message] = CALLS["010"].result(answer._replace(body=body))
    assert message.message_body == "<!DOCTYPE html>"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b"\xff\xfe", b"<Messages><Message/></Messages>", b"<a/>" * 2],
)
def test_an_answer_that_is_not_rocketmqs_is_named(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        CALLS["004"].result(Answer(200, {}, body))


@pytest.mark.parametrize("number", ["-1", "1e9", "9" * 40, "", "\u0661"])
def test_a_number_that_is_none_is_named(number: str) -> None:
    answer = capture("010").answer
    body = answer.body.replace(b"<ConsumedTimes>1<", f"<ConsumedTimes>{number}<".encode())
    with pytest.raises(InvalidResponse, match="ConsumedTimes"):
        CALLS["010"].result(answer._replace(body=body))


def test_a_page_of_a_proxy_is_named_with_its_status() -> None:
    with pytest.raises(ServiceError, match=r"502 Http502.*bad gateway"):
        CALLS["004"].result(Answer(502, {}, b"<html>bad gateway"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: rocketmq.consume(*NAMES, "g", limit=17),
        lambda: rocketmq.consume(*NAMES, "g", wait_seconds=31),
        lambda: rocketmq.consume(*NAMES, ""),
        lambda: rocketmq.consume("i", "..", "g"),
        lambda: rocketmq.acknowledge(*NAMES, "g", []),
        lambda: rocketmq.acknowledge(*NAMES, "g", ["h"] * 17),
        lambda: rocketmq.publish(*NAMES, ""),
        lambda: rocketmq.publish(*NAMES, "a\0"),
        lambda: rocketmq.publish(*NAMES, "x" * (4 * 1024 * 1024 + 1)),
        lambda: rocketmq.publish(*NAMES, "x", properties={"arn": "acs:fc"}),
    ],
)
def test_what_cannot_be_sent_is_refused_before(make: Any) -> None:
    with pytest.raises(InvalidParameter):
        make()
