# SPDX-License-Identifier: MIT
"""Payloads are shown decoded, and nothing of them is made up."""

from __future__ import annotations

import json

import pytest

from fc_async_plugin.report import payloads
from fc_async_sdk import events


def event(request: bytes, response: bytes, condition: str = "") -> bytes:
    """Return a destination event of the function take."""
    document = {
        "timestamp": 1,
        "requestContext": {
            "requestId": "1-2-3",
            "functionArn": "acs:fc:r:1:functions/take",
            "condition": condition,
            "approximateInvokeCount": 1,
        },
        "requestPayload": request.decode(),
        "responseContext": {"statusCode": 200, "functionError": condition},
        "responsePayload": response.decode(),
    }
    return json.dumps(document).encode()


ERROR = json.dumps(
    {
        "errorMessage": "bad\norder",
        "errorType": "ValueError",
        "stackTrace": [['File "/code/index.py"', "line 2", "in handler", "raise ValueError"]],
    },
    indent=4,
).encode()


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"", []),
        (b"hello", ["hello"]),
        (b'{"a": 1.10e5,"a":12345678901234567890123}', None),
        (b"two\nlines", ["two", "lines"]),
        (b"\x89PNG", ["base64, 4 bytes: iVBORw=="]),
        (b"{broken\n", ["{broken"]),
        (b"[" * 100_000, None),
    ],
)
@pytest.mark.parametrize("width", [None, 120])
def test_a_payload_that_fits_is_shown_as_it_came(
    payload: bytes, shown: list[str] | None, width: int | None
) -> None:
    wanted = [payload.decode()] if shown is None else shown
    assert payloads.lines(payload, width) == wanted


def test_long_json_has_a_line_for_each_value_and_the_numbers_as_they_came() -> None:
    payload = b'{"price":1.10e5,"id":12345678901234567890123}'
    assert payloads.lines(payload, 20) == [
        "{",
        '  "price": 1.10e5,',
        '  "id": 12345678901234567890123',
        "}",
    ]


def test_an_error_document_is_shown_as_a_traceback() -> None:
    assert payloads.lines(ERROR, 80) == [
        "Traceback (most recent call last):",
        '  File "/code/index.py", line 2, in handler',
        "    raise ValueError",
        "ValueError: bad",
        "order",
    ]


@pytest.mark.parametrize(
    "payload",
    [b'{"errorMessage": 1}', b'{"errorType": "x"}', b'["errorMessage"]', b'{"errorMessage": null}'],
)
def test_what_only_looks_like_an_error_is_shown_as_json(payload: bytes) -> None:
    assert payloads.lines(payload, 80) == [payload.decode()]


def test_an_event_is_shown_with_its_request_and_its_response() -> None:
    assert payloads.lines(event(b'{"id": 7}', b"fine"), 80) == [
        "event of take, which succeeded",
        '  request    {"id": 7}',
        "  response   fine",
    ]


def test_an_event_of_a_failure_says_why() -> None:
    first, _, response, *_ = payloads.lines(event(b"", ERROR, "UnhandledInvocationError"), 80)
    assert first == "event of take, which failed (UnhandledInvocationError)"
    assert response == "  response   Traceback (most recent call last):"


def test_events_in_events_are_decoded_three_deep() -> None:
    inner = b"start"
    for _ in range(5):
        inner = event(inner, b"fine")
    shown = payloads.lines(inner, None)
    assert sum("event of take" in line for line in shown) == 3
    assert events.parse(inner).request.text() in inner.decode() or len(shown) > 3


def test_an_event_whose_payload_is_not_valid_base64_is_shown_as_it_came() -> None:
    document = json.loads(event(b"%%%", b"fine")) | {"requestPayloadEncoding": "base64"}
    assert payloads.lines(json.dumps(document).encode(), 80)[1] == "  request    %%%"
