# SPDX-License-Identifier: MIT
"""``events replay`` of events that a function got as a failure destination."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

    Command = Callable[..., Any]

SINK: Final = "acs:fc:cn-hangzhou::functions/sink"


@pytest.fixture
def called(fc_local: FcLocal) -> list[bytes]:
    """What orders, whose failures a function gets, was called with after it has failed twice."""
    payloads: list[bytes] = []

    def refuse(event: bytes, _: object) -> None:
        payloads.append(event)
        raise ValueError("no stock")

    fc_local.deploy("sink", lambda *_: None, async_config={"asyncTask": True})
    fc_local.deploy(
        "orders",
        refuse,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 0,
            "destinationConfig": {"onFailure": {"destination": SINK}},
        },
    )
    for payload in (b"1", b"\xff\x00"):
        fc_local.client.invoke_async("orders", payload)
    fc_local.client.invoke_async("sink", b"not an event")
    fc_local.run_until_idle()
    assert sorted(payloads) == [b"1", b"\xff\x00"]
    payloads.clear()
    return payloads


def test_the_failures_that_a_function_got_are_sent_again_byte_for_byte(
    fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    ran = fc_async("events", "replay", SINK, "-y", "-o", "json")
    fc_local.run_until_idle()
    assert ran.code == 0, ran.err
    result = json.loads(ran.out)
    assert (result["accepted"], result["leftOut"]["unreadable"]) == (2, 1)
    assert sorted(called) == [b"1", b"\xff\x00"]


def test_a_function_whose_failures_go_elsewhere_is_not_called(
    fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    """Each program that may call the sink could name any function in an event."""
    fc_local.client.put_async_invoke_config("orders", async_task=True)
    ran = fc_async("events", "replay", SINK, "-y")
    fc_local.run_until_idle()
    assert (ran.code, called) == (1, [])
    assert f"2 events of orders not sent: its failure destination is not {SINK}" in ran.err


def test_a_function_without_task_mode_has_no_events(
    fc_async: Command, fc_local: FcLocal, called: list[bytes]
) -> None:
    fc_local.deploy("plain", lambda *_: None, async_config={"asyncTask": False})
    ran = fc_async("events", "replay", "acs:fc:cn-hangzhou::functions/plain", "-y")
    assert ran.code == 1
    assert "plain is not in task mode" in ran.err


def test_a_bus_is_told_how_its_events_are_sent_again(
    fc_async: Command, called: list[bytes]
) -> None:
    ran = fc_async("events", "replay", "acs:eventbridge:cn-hangzhou::eventbus/shop", "-y")
    assert ran.code == 1
    assert "by a rule of the bus" in ran.err
