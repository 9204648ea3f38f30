# SPDX-License-Identifier: MIT
"""Steps of invocations become lines that a person reads."""

from __future__ import annotations

import json
import time

import pytest
from msgspec.structs import replace

from fc_async_plugin.dev.lines import Line, failed, lines_of, short_id
from fc_async_sdk.admin.models import Step

AT = 1_700_000_000_000
REQUEST = "1-670648a1-15197d0b-d07710222f9d"
QUEUE = "acs:mns:cn-hangzhou:1234567890123456:/queues/failed-orders/messages"
STAMP = f"2026-01-02T03:04:05.678Z {REQUEST}"
FAILURE = {
    "errorMessage": "a bad order",
    "errorType": "ValueError",
    "stackTrace": [['File "/code/index.py"', "line 7", "in handler", "raise ValueError(text)"]],
}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def step(kind: str, **fields: object) -> Step:
    known: dict[str, object] = {"at": AT, "function": "orders", "request_id": REQUEST}
    return Step(kind=kind, **(known | {"task_id": REQUEST} | fields))  # type: ignore[arg-type]


def lines(one: Step) -> list[Line]:
    return lines_of(one, lambda _: "src/orders")


def head(one: Step) -> str:
    return lines(one)[0].text


def test_a_delayed_invocation_shows_until_when_it_waits():
    text = head(step("accepted", due_at=AT + 5_000))
    assert text == f"accepted {REQUEST}, delayed until 22:13:25.000"


def test_a_delay_into_the_next_day_has_its_date():
    text = head(step("accepted", due_at=AT + 3 * 3_600_000))
    assert text.endswith("delayed until 2023-11-15 01:13:20.000")


def test_a_task_that_was_named_by_its_caller_is_named_so():
    named = step("accepted", task_id="order-7", due_at=AT)
    assert head(named) == f"accepted {REQUEST}"
    assert short_id(named) == "order-7"


def test_a_long_task_id_is_shown_whole_once():
    named = step("accepted", task_id="an-order-with-a-long-name", due_at=AT)
    assert short_id(named) == "an-order-with-a…"
    assert head(named) == f"accepted {REQUEST}, task an-order-with-a-long-name"


def test_an_invocation_without_a_name_has_the_end_of_its_request_id():
    assert short_id(step("started")) == "10222f9d"


def test_attempts_are_counted_from_one():
    assert head(step("started", attempt=1, attempts=4)) == "attempt 1 of 4"


def test_a_success_shows_its_result_on_one_line():
    ended = step(
        "ended",
        attempt=2,
        attempts=4,
        status="Succeeded",
        outcome="success",
        duration_ms=31,
        result='{\n    "ok": true\n}',
    )
    assert lines(ended) == [
        Line('attempt 2 of 4 succeeded in 31 ms: {"ok": true}', "good", AT, "orders", "10222f9d")
    ]


def test_a_result_is_shown_in_its_own_letters():
    ended = step("ended", status="Succeeded", result=json.dumps({"城市": "杭州"}))
    assert head(ended).endswith(': {"城市": "杭州"}')


@pytest.mark.parametrize("number", ["1.10", "19.90", "1e400", "12345678901234567890.5", "NaN"])
def test_a_number_in_a_result_stays_as_the_function_sent_it(number: str) -> None:
    ended = step("ended", status="Succeeded", result=f'{{"a": [{number}]}}')
    assert head(ended).endswith(f': {{"a": [{number}]}}')


def test_a_failure_shows_when_it_is_tried_again_what_was_printed_and_where_it_failed():
    output = "\n".join(
        [
            f"FC Invoke Start RequestId: {REQUEST}",
            f"{STAMP} [INFO] got an order",
            "working",
            f"{STAMP} [ERROR] Traceback (most recent call last):",
            '  File "/code/index.py", line 7, in handler',
            "ValueError: a bad order",
            f"FC Invoke End RequestId: {REQUEST}, Error: Unhandled function error",
        ]
    )
    ended = step(
        "ended",
        attempt=1,
        attempts=4,
        status="Retrying",
        outcome="function error",
        duration_ms=6,
        due_at=AT + 1_000,
        result=json.dumps(FAILURE),
        output=output,
    )
    assert [(line.text, line.style) for line in lines(ended)] == [
        ("attempt 1 of 4 failed after 6 ms, again at 22:13:21.000", "bad"),
        ("[INFO] got an order", "output"),
        ("working", "output"),
        ("ValueError: a bad order", "bad"),
        ("src/orders/index.py:7  in handler  raise ValueError(text)", "frame"),
    ]


@pytest.mark.parametrize("outcome", ["function error", "success"])
def test_a_line_that_the_function_did_not_end_is_told_from_what_the_runtime_wrote(outcome: str):
    trace = f"{STAMP} [ERROR] ValueError: a bad order\n" if outcome == "function error" else ""
    mark = f"FC Invoke End RequestId: {REQUEST}"
    output = f"\r50%\r100%\nempty:\n\nlast{trace}{mark}\n"
    ended = step("ended", status="Failed", outcome=outcome, output=output)
    shown = [line.text for line in lines(ended)[1:]]
    assert shown == ["50%", "100%", "empty:", "", "last"]


def test_lines_that_were_shown_while_they_were_printed_are_not_repeated_at_the_end():
    printed = step("printed", output=f"one\n{STAMP} [INFO] two\n")
    ended = step("ended", status="Succeeded", output="one\ntwo\nthree\n", told=8)
    assert lines(printed) == [
        Line("one", "output", AT, "orders", "10222f9d"),
        Line("[INFO] two", "output", AT, "orders", "10222f9d"),
    ]
    assert [line.text for line in lines(ended)[1:]] == ["three"]


def test_output_that_was_left_out_is_mentioned_before_the_newer_lines():
    printed = step("printed", output="new\n", cut=True)
    assert [line.text for line in lines(printed)] == [
        "older lines are left out: over 64 KB at once",
        "new",
    ]


def test_what_the_function_logged_as_an_error_itself_is_kept():
    output = f"{STAMP} [ERROR] no stock\n{STAMP} [INFO] going on"
    ended = step("ended", status="Succeeded", outcome="success", output=output)
    assert [line.text for line in lines(ended)[1:]] == ["[ERROR] no stock", "[INFO] going on"]


def test_frames_of_node_are_shown_as_an_editor_finds_them():
    document = {"errorMessage": "no", "errorType": "Error", "stackTrace": ["at f (/code/a.js:1:2)"]}
    ended = step("ended", status="Failed", outcome="function error", result=json.dumps(document))
    assert lines(ended)[-1].text == "at f (src/orders/a.js:1:2)"


def test_the_last_failure_says_that_no_retry_is_left():
    ended = step(
        "ended", attempt=4, attempts=4, status="Failed", outcome="function error", duration_ms=3
    )
    text = "attempt 4 of 4 failed after 3 ms, no retry left"
    assert head(ended) == f"{text}; dropped: no failure destination"
    assert head(replace(ended, destination="acs:mns:::/queues/dead/messages")) == text


def test_an_attempt_over_a_limit_did_not_run():
    ended = step(
        "ended", attempt=1, attempts=4, status="Retrying", outcome="throttled", due_at=AT + 500
    )
    assert head(ended) == "attempt 1 of 4 did not run: throttled, again at 22:13:20.500"


def test_an_invocation_that_expired_never_ran():
    assert head(step("ended", attempts=4, status="Expired")) == "expired before it ran"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"status": "delivered"}, "failure event to queue failed-orders"),
        (
            {"status": "pending", "error": "503: busy", "due_at": AT + 500},
            "failure event to queue failed-orders: 503: busy, again at 22:13:20.500",
        ),
        (
            {"status": "dead", "error": "404: no queue"},
            "failure event to queue failed-orders: 404: no queue; given up",
        ),
    ],
)
def test_a_delivery_names_its_destination_in_two_words(fields: dict[str, object], text: str):
    assert head(step("delivery", destination=QUEUE, event="failure", **fields)) == text


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        ("acs:fc:r:1:functions/billing/prod", "function billing/prod"),
        ("acs:mns:r:1:/topics/news/messages", "topic news"),
        ("acs:eventbridge:r:1:eventbus/results", "event bus results"),
        ("acs:mq:r:1:/instances/MQ_1/topic/t", "RocketMQ topic MQ_1/t"),
    ],
)
def test_a_delivery_shows_its_destination_as_the_graph_does(destination: str, shown: str):
    delivered = step("delivery", destination=destination, event="success", status="delivered")
    assert head(delivered) == f"success event to {shown}"


def test_failures_are_what_quiet_shows():
    assert failed(step("ended", status="Retrying"))
    assert failed(step("delivery", status="dead"))
    assert not failed(step("ended", status="Succeeded"))
    assert not failed(step("started"))
