# SPDX-License-Identifier: MIT
"""Pushes that were waiting when a runtime ended are made by the next one."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest

from fc_async_local._fixture import FailedAttempts
from fc_async_local.domain.invocation import TOPIC_PUSH, Job
from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.mns.topic import Publication, TopicPush
from fc_async_local.store.factory import open_stores
from fc_async_local.testing import FcLocal

PATIENCE = 30


@pytest.fixture
def data(tmp_path):
    return tmp_path / "fc-async"


def write_push(data):
    """Leave a push to the trigger ``tr`` of the function ``b``, as a killed runtime would."""
    publication = Publication(topic="t", message_id="ID-1", body="hello", published_at=0)
    push = TopicPush(subscription="b-tr", publication=publication, function=True)
    payload = msgspec.json.encode(push)
    job = Job(kind=TOPIC_PUSH, key="ID-1", payload=payload, created_at=0, due_at=0)

    async def write():
        stores = await open_stores(data / "fc-async.db")
        await stores.store.add_jobs([job])
        await stores.aclose()

    asyncio.run(write())


def test_a_push_that_waited_for_a_restart_reaches_the_function_of_a_trigger(data):
    seen, told = [], threading.Event()

    def handler(event, _attempt):
        seen.append(event)
        told.set()

    with LocalRuntime(data=data, port=0, handlers={"b": handler}) as runtime:
        local = FcLocal(runtime, {}, None, FailedAttempts())
        local.deploy("b", lambda _event, _context: None)
        arn = local.create_topic("t").removesuffix("/messages")
        trigger = {"triggerName": "tr", "triggerType": "mns_topic", "sourceArn": arn}
        body = trigger | {"triggerConfig": "{}"}
        runtime.call(runtime.registry.triggers.create("b", body))
    write_push(data)
    with LocalRuntime(data=data, port=0, handlers={"b": handler}):
        assert told.wait(PATIENCE)
    assert seen == [b"hello"]
