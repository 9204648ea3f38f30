# SPDX-License-Identifier: MIT
"""Failed events are sent again, each once, by both clients."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_sdk import events
from fc_async_sdk._payloads import claims
from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace
from fc_async_sdk.payloads import FolderStore

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.events import DestinationEvent
    from fc_async_sdk.fanout import Outcome


@pytest.fixture
def called(fc_local: FcLocal) -> list[bytes]:
    """A function that fails until it is repaired; what it was called with."""
    seen: list[bytes] = []

    def handler(event: bytes, _: object) -> None:
        seen.append(event)
        if len(seen) <= 3:
            raise ValueError("not yet")

    queue = fc_local.create_queue("failures")
    config = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": queue}},
    }
    fc_local.deploy("orders", handler, async_config=config)
    for payload in (b"1", b"\xff2", b""):
        fc_local.client.invoke_async("orders", payload)
        fc_local.run_until_idle()
    return seen


def received(fc_local: FcLocal) -> list[DestinationEvent]:
    found = [fc_local.receive("failures") for _ in range(3)]
    return [event for event in found if event is not None]


async def replayed_by_asyncio(fc_local: FcLocal, failed: list[DestinationEvent]) -> list[Outcome]:
    async with fc_async_sdk.async_client(endpoint_url=fc_local.endpoint) as client:
        return [outcome async for outcome in client.replay_events(failed, concurrency=2)]


@pytest.mark.parametrize("kind", ["synchronous", "asyncio"])
def test_each_failed_event_calls_its_function_once(
    kind: str, fc_local: FcLocal, called: list[bytes]
) -> None:
    failed = received(fc_local)
    for again in (False, True):
        if kind == "asyncio":
            outcomes = asyncio.run(replayed_by_asyncio(fc_local, failed + failed[:1]))
        else:
            outcomes = list(fc_local.client.replay_events(failed + failed[:1]))
        assert [outcome.error for outcome in outcomes] == [None] * 4
        duplicates = [one for one in outcomes if one.accepted and one.accepted.duplicate]
        assert len(duplicates) == (4 if again else 1)
    fc_local.run_until_idle()
    assert sorted(called) == sorted([b"1", b"\xff2", b""] * 2)


def test_a_payload_in_a_store_stays_there_when_its_event_is_replayed(
    fc_local: FcLocal, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path / "large")
    seen: list[bytes] = []

    @handler(bytes, large=store)
    def work(payload: bytes, _: object) -> None:
        seen.append(payload)
        if len(seen) == 1:
            raise ValueError("not yet")

    to = {"destination": fc_local.create_queue("failures")}
    config = {"maxAsyncRetryAttempts": 0, "destinationConfig": {"onFailure": to}}
    fc_local.deploy("orders", work, async_config={"asyncTask": True, **config})
    fc_local.client.invoke_async("orders", b"x" * 300_000, large=store)
    fc_local.run_until_idle()
    [outcome] = fc_local.client.replay_events([fc_local.receive("failures")])
    fc_local.run_until_idle()
    assert seen == [b"x" * 300_000] * 2
    task = fc_local.client.get_async_task("orders", outcome.task_id)
    assert claims.find(task.task_payload_bytes or b"") is not None


def test_a_key_of_a_pace_is_taken_from_the_payload_of_the_event(fc_local: FcLocal) -> None:
    def event(number: int, shop: str) -> dict[str, object]:
        return events.document(
            timestamp=number,
            request_id=f"1-{number}",
            function_arn="acs:fc:cn-hangzhou:1234567890123456:functions/orders",
            attempts=1,
            request_payload=b'{"shop": "%s"}' % shop.encode(),
            condition="UnhandledInvocationError",
        )

    starts: list[tuple[int, bytes]] = []
    began = fc_local.runtime.now()
    fc_local.deploy("orders", lambda e, _: starts.append((fc_local.runtime.now() - began, e)))
    pace = Pace("crm", "1/10s", key=lambda order: order["shop"])
    failed = [event(1, "a"), event(2, "a"), event(3, "b")]
    assert fc_local.client.replay_events(failed, pace=pace).run().failures == []
    fc_local.run_until_idle()
    assert sorted((at // 1_000, payload) for at, payload in starts) == [
        (0, b'{"shop": "a"}'),
        (0, b'{"shop": "b"}'),
        (10, b'{"shop": "a"}'),
    ]
