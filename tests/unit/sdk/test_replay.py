# SPDX-License-Identifier: MIT
"""What a failed event is sent again as: which function, payload and task id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk import events, fanout
from fc_async_sdk.errors import InvalidEvent, InvalidParameter
from fc_async_sdk.spec import limits
from fc_async_sdk.testing import failure_event, success_event

ARN = "acs:fc:cn-hangzhou:1234567890123456:functions/resize"


def plan(**arguments: object) -> fanout.ReplayPlan:
    given = {"to": None, "qualifier": None, "region": "", "account_id": ""} | arguments
    return fanout.ReplayPlan([], concurrency=4, progress=None, **given)  # type: ignore[arg-type]


def failed(request_id: str = "1-abc", **fields: object) -> events.DestinationEvent:
    document = events.document(
        timestamp=1,
        request_id=request_id,
        function_arn=str(fields.pop("arn", ARN)),
        attempts=1,
        request_payload=fields.pop("payload", b"x"),  # type: ignore[arg-type]
        condition="UnhandledInvocationError",
    )
    return events.parse(document)


def job(event: object, **arguments: object) -> fanout.Job:
    prepared = plan(**arguments).prepare(0, event, {})
    assert isinstance(prepared, fanout.Job)
    return prepared


def refusal(event: object, **arguments: object) -> str:
    prepared = plan(**arguments).prepare(0, event, {})
    assert isinstance(prepared, fanout.Outcome)
    return str(prepared.error)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("order-7", "order-7-replay-1"),
        ("order-7-replay-1", "order-7-replay-2"),
        ("order-7-replay-9", "order-7-replay-10"),
        ("1-670648a1-15197d0b", "t-1-670648a1-15197d0b-replay-1"),
        ("replay-1", "replay-1-replay-1"),
    ],
)
def test_the_id_counts_the_replays(old: str, new: str) -> None:
    assert fanout.next_id(old) == new


@given(st.text())
def test_the_task_id_of_a_replay_is_always_valid_and_known_as_a_replay(old: str) -> None:
    task_id = fanout.next_id(old)
    assert limits.TASK_ID_PATTERN.fullmatch(task_id)
    assert fanout.is_replay(task_id)


@pytest.mark.parametrize(
    ("task_id", "replay"),
    [
        ("order-7-replay-1", True),
        ("batch-7_r2-14", True),
        ("order-7", False),
        ("order-7-replay-", False),
        ("batch-7_r-14", False),
    ],
)
def test_replays_of_tasks_and_of_members_of_groups_are_known_by_their_ids(
    task_id: str, replay: bool
) -> None:
    assert fanout.is_replay(task_id) is replay


def test_long_ids_that_begin_alike_have_different_replays() -> None:
    assert fanout.next_id("x" * 128) != fanout.next_id("x" * 127 + "y")


@pytest.mark.parametrize("payload", [b"", b"{}", b"\x89PNG\xff\x00", "\u20ac\r\n".encode()])
def test_the_payload_is_sent_byte_for_byte(payload: bytes) -> None:
    assert job(failed(payload=payload)).call.body == payload


def test_the_function_that_failed_is_called_by_its_qualifier() -> None:
    prod = job(failed(arn=f"{ARN}/prod")).arguments
    assert (prod["function"], prod["qualifier"]) == ("resize", "prod")
    latest = job(failed()).arguments
    assert (latest["function"], latest["qualifier"]) == ("resize", None)


def test_another_function_may_be_called() -> None:
    arguments = job(failed(arn=f"{ARN}/prod"), to="repair", qualifier="2").arguments
    assert (arguments["function"], arguments["qualifier"]) == ("repair", "2")


def test_a_function_elsewhere_is_not_mistaken_for_one_here() -> None:
    assert "is in region cn-hangzhou" in refusal(failed(), region="cn-beijing")
    assert "is in account 1234567890123456" in refusal(failed(), account_id="1")
    assert job(failed(), region="cn-beijing", to="resize").arguments["function"] == "resize"


def test_what_cannot_be_replayed_is_an_outcome_with_the_reason() -> None:
    assert "succeeded" in refusal(success_event())
    assert "without a request id" in refusal(failed(request_id=""))
    assert "must name a function" in refusal(failed(arn="nonsense"))
    assert "neither a JSON object nor base64" in refusal(b"hello")
    assert "the payload is flagged base64" in refusal(
        b'{"requestContext":{"requestId":"r","condition":"c","functionArn":"%s"},'
        b'"requestPayload":"!","requestPayloadEncoding":"base64"}' % ARN.encode()
    )


def test_an_event_whose_payload_was_shortened_is_not_replayed() -> None:
    marked = failed(payload=b"").source.replace(b"{", b'{"requestPayloadOmitted":true,', 1)
    inner = failed(payload=b"x" * 9).source.replace(b"{", b'{"requestPayloadOmitted":true,', 1)
    for event in (marked, failed(payload=inner)):
        assert "a part of the payload was left out" in refusal(event)
    assert job(failed(payload=b'{"requestPayload": 1}')).call.body


def test_messages_of_queue_clients_are_read() -> None:
    class OfHttp:
        message_body = failed().source

    class OfRemoting:
        body = failed().source

    for message in (OfHttp(), OfRemoting(), failed().source, failed()):
        assert job(message).arguments["task_id"] == "t-1-abc-replay-1"


def test_wrong_arguments_end_a_replay_at_once() -> None:
    with pytest.raises(InvalidParameter, match="needs to"):
        plan(qualifier="prod")
    with pytest.raises(InvalidParameter, match="function"):
        plan(to="")
    with pytest.raises(InvalidParameter, match="an iterable of events"):
        fanout.ReplayPlan(
            b"{}",
            to=None,
            qualifier=None,
            region="",
            account_id="",
            concurrency=1,
            progress=None,
        )


def test_the_id_of_a_replay_is_that_of_the_request() -> None:
    assert fanout.replay_id(failure_event(request_id="r-1")) == "r-1-replay-1"
    with pytest.raises(InvalidEvent, match="succeeded"):
        fanout.replay_id(success_event())


def test_an_event_cannot_name_a_function_that_the_program_does_not_expect() -> None:
    assert "must have resize for this event" in refusal(failed(), functions=["thumbnail"])
    assert job(failed(), functions=["resize"]).arguments["function"] == "resize"
    assert job(failed(), functions=["thumbnail"], to="repair").arguments["function"] == "repair"
    with pytest.raises(InvalidParameter, match="a collection of names"):
        plan(functions="resize")
