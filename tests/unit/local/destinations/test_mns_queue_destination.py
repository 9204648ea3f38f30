# SPDX-License-Identifier: MIT
"""Deliveries to an MNS queue."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.destinations.mns import MnsQueueDestination
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_tests import service_stores
from fc_async_tests.invocations import a_delivery

QUEUE = "acs:mns:cn-hangzhou:1:/queues/q/messages"


def delivery(document=b"{}", destination=QUEUE) -> Any:
    return a_delivery(destination=destination, document=document)


def deliver(document=b"{}", *, queues=("q",), store=None, **settings) -> Any:
    """The result, and the bodies that are in the queue afterwards."""

    async def main() -> Any:
        clock = VirtualClock()
        chosen = Settings.of(**settings)
        service = MnsService(store or service_stores.messages(), clock, chosen)
        for name in queues:
            await service.create_queue(name)
        destination = MnsQueueDestination(service, chosen.destinations)
        result = await destination.deliver(delivery(document), now=clock.now())
        found = await service.peek("q") if result.status < 300 or queues else ()
        return result, [message.body for message in found]

    return asyncio.run(main())


def test_the_body_is_base64_by_default() -> None:
    result, bodies = deliver('{"a":"中"}'.encode())
    assert result.status == 201
    assert [base64.b64decode(body).decode() for body in bodies] == ['{"a":"中"}']


def test_the_body_is_the_document_when_raw() -> None:
    assert deliver(b'{"a":1}', mns_body="raw")[1] == ['{"a":1}']


def test_what_xml_cannot_carry_is_escaped_as_json_when_raw() -> None:
    assert deliver('{"a":"\uffff"}'.encode(), mns_body="raw")[1] == ['{"a":"\\uffff"}']


@pytest.mark.parametrize(
    ("mns_body", "size", "status"),
    [
        ("base64", 49_152, 201),
        ("base64", 49_153, 413),
        ("raw", 65_536, 201),
        ("raw", 65_537, 413),
    ],
)
def test_the_limit_is_on_the_bytes_as_transmitted(mns_body, size, status) -> None:
    result, bodies = deliver(b"x" * size, mns_body=mns_body)
    assert (result.status, len(bodies)) == (status, int(status == 201))


def test_the_error_over_the_limit_says_what_to_do() -> None:
    result, _ = deliver(b"x" * 49_153)
    assert result.code == "EntityTooLarge"
    assert "65540 bytes as a base64 MNS body, the destination takes 65536" in result.message


def test_a_missing_queue_is_a_404() -> None:
    result, _ = deliver(queues=())
    assert (result.status, result.code) == (404, "QueueNotExist")


def test_a_missing_queue_is_made_when_settings_say_so() -> None:
    result, bodies = deliver(queues=(), create_missing=True)
    assert (result.status, len(bodies)) == (201, 1)


def test_a_store_that_is_away_is_worth_another_try() -> None:
    class Away(TableMessageStore):
        async def send(self, name, drafts, *, now) -> None:
            raise StoreUnavailable("disk full")

    assert deliver(store=service_stores.messages(kind=Away))[0].status == 503
