# SPDX-License-Identifier: MIT
"""Whatever comes in, reading it gives an event or InvalidEvent, and nothing else."""

from __future__ import annotations

import base64
import contextlib
import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk import events, testing
from fc_async_sdk.errors import InvalidEvent

INPUTS = 20_000
SEEDS = [
    testing.success_event(payload={"n": [1, "ü", None]}, response="ok").source,
    testing.failure_event(payload=b"\xff\x00").source,
    json.dumps(testing.eventbridge_event()).encode(),
    base64.b64encode(testing.success_event().source),
]
SPLICES = [b"null", b"{}", b"[]", b'"', b"\\u0000", b"\\ud800", b"1e999", b"-0", b"\xff", b"{" * 50]
READERS = [
    lambda event: event.timestamp,
    lambda event: event.time,
    lambda event: event.function,
    lambda event: event.succeeded,
    lambda event: event.retried,
    lambda event: event.envelope,
    lambda event: event.to_dict(),
    lambda event: event.request.text(),
    lambda event: event.request.bytes(),
    lambda event: event.request.json(),
    lambda event: event.response.text(),
    lambda event: event.response.bytes(),
    lambda event: event.response.json(),
    repr,
]


def read(source) -> bool:
    """Read all there is; True when it is an event."""
    try:
        event = events.parse(source)
    except InvalidEvent:
        return False
    for reader in READERS:
        with contextlib.suppress(InvalidEvent):
            reader(event)
    return True


def mutate(chance: random.Random, source: bytes) -> bytes:
    data = bytearray(source)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randint(1, 20)]
            case 2:
                data[place:place] = chance.choice(SPLICES)
            case 3:
                end = chance.randrange(len(data) + 1)
                data[place:place] = data[min(place, end) : max(place, end)]
            case _:
                data[place : place + chance.randint(1, 8)] = chance.choice(SPLICES)
    return bytes(data)


@pytest.mark.slow
def test_mutated_events_raise_only_event_errors() -> None:
    chance = random.Random(20240102)
    good = sum(read(mutate(chance, chance.choice(SEEDS))) for _ in range(INPUTS))
    # Neither kind of input may be so rare that the test says nothing.
    assert INPUTS * 0.05 < good < INPUTS * 0.95


def test_mutated_notifications_raise_only_event_errors() -> None:
    chance = random.Random(7)
    document = testing.success_event().source.decode()
    wrapped = [
        f"<Notification><TopicName>t</TopicName><Message>{document}</Message></Notification>",
        json.dumps({"TopicName": "t", "Message": document}),
        base64.b64encode(json.dumps({"TopicName": "t", "Message": document}).encode()).decode(),
    ]
    for _ in range(5_000):
        source = mutate(chance, chance.choice(wrapped).encode())
        with contextlib.suppress(InvalidEvent):
            events.from_mns_message(source)


@given(st.binary() | st.text())
def test_random_bytes_raise_only_event_errors(source: bytes | str) -> None:
    read(source)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ["timestamp", "requestContext", "requestPayload", "responseContext", "responsePayload"]
_FIELDS += ["requestPayloadEncoding", "specversion", "data", "data_base64"]


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES))
def test_right_names_with_any_values_raise_only_event_errors(document: dict[str, Any]) -> None:
    read(document)
