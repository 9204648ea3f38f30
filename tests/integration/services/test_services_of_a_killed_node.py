# SPDX-License-Identifier: MIT
"""A node that dies takes no message with it: clients get it from another node."""

from __future__ import annotations

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_sdk import events
from fc_async_tests.code import archive
from fc_async_tests.nodes import PATIENCE, mns, node, wait_for

pytestmark = pytest.mark.real_time

PLACE = "cn-hangzhou:1234567890123456"
CODE = "def handler(event, context):\n    return event.decode()\n"


# MNS fills the counts of messages, which its client marks as deprecated.
@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_destination_events_of_a_killed_node_are_received_from_another(empty_postgres, tmp_path):
    url = empty_postgres()
    with node(tmp_path / "a", "--store", url) as (address, a), mns(address["mns"]) as on_a:
        on_a.get_queue("events").create(QueueMeta())
        with fc_async_sdk.client(
            region_name="cn-hangzhou",
            account_id="1234567890123456",
            endpoint_url=address["fc"],
        ) as client:
            client.create_function("orders", runtime="python3.10", code=archive(CODE))
            arn = f"acs:mns:{PLACE}:/queues/events/messages"
            client.put_async_invoke_config("orders", on_success=arn)
            for number in range(3):
                client.invoke_async("orders", f"order {number}")
        wait_for(lambda: on_a.get_queue("events").get_attributes().active_messages == 3)
        # Only now, so that node A ran and delivered.
        with (
            LocalRuntime(data=tmp_path / "b", port=0, store=url) as b,
            mns(b.addresses.mns) as on_b,
        ):
            received = [receive(on_b)]
            a.kill()
            a.wait(PATIENCE)
            received += [receive(on_b), receive(on_b)]
            with pytest.raises(MNSServerException, match="MessageNotExist"):
                on_b.get_queue("events").receive_message(0)
    assert {event.request.text() for event in received} == {"order 0", "order 1", "order 2"}


def receive(account):
    queue = account.get_queue("events")
    message = queue.receive_message(30)
    queue.delete_message(message.receipt_handle)
    return events.parse(message.message_body)
