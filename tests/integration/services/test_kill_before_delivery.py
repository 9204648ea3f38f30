# SPDX-License-Identifier: MIT
"""SIGKILL between outcome and delivery: after a restart each kind of destination gets its event."""

from __future__ import annotations

import contextlib
import json

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMeta
from mq_http_sdk.mq_client import MQClient

import fc_async_sdk
from fc_async_sdk import events
from fc_async_sdk.admin.models import PREFIX
from fc_async_tests import runtime_requests as requests
from fc_async_tests.code import archive
from fc_async_tests.nodes import node, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_time,
]

PLACE = "cn-hangzhou:1234567890123456"
ARNS = {
    "queue": f"acs:mns:{PLACE}:/queues/queue/messages",
    "topic": f"acs:mns:{PLACE}:/topics/topic/messages",
    "function": f"acs:fc:{PLACE}:functions/told",
    "bus": f"acs:eventbridge:{PLACE}:eventbus/bus",
    "rocketmq": f"acs:mq:{PLACE}:/instances/MQ_INST_1/topic/topic",
}
CODE = "def handler(event, context):\n    return event.decode()\n"


def rpc(address, action, **parameters):
    answer = requests.post(address, params=parameters, headers={"x-acs-action": action}, timeout=60)
    assert answer.status_code == 200, answer.text


def set_up(address, account):
    for name in ("queue", "behind-topic", "behind-bus"):
        account.get_queue(name).create(QueueMeta())
    topic = account.get_topic("topic")
    topic.create(TopicMeta())
    endpoint = f"acs:mns:{PLACE}:queues/behind-topic"
    topic.get_subscription("s").subscribe(
        SubscriptionMeta(endpoint, notify_content_format="SIMPLIFIED")
    )
    requests.put(f"{address['rocketmq']}/topics/topic?ns=MQ_INST_1", timeout=60)
    rpc(address["eventbridge"], "CreateEventBus", EventBusName="bus")
    parameters = [{"ResourceKey": "queue", "Form": "CONSTANT", "Value": "behind-bus"}]
    target = [{"Id": "t", "Type": "acs.mns.queue", "ParamList": parameters}]
    rpc(
        address["eventbridge"],
        "CreateRule",
        EventBusName="bus",
        RuleName="r",
        FilterPattern="{}",
        EventTargets=json.dumps(target),
    )


def deploy(client):
    code = archive(CODE)
    for name in ("told", *(f"to-{kind}" for kind in ARNS)):
        client.create_function(name, runtime="python3.10", code=code)
    client.put_async_invoke_config("told", async_task=True)
    for kind, arn in ARNS.items():
        client.put_async_invoke_config(f"to-{kind}", async_task=True, on_success=arn)


def from_queue(account, name):
    with contextlib.suppress(MNSServerException):
        return account.get_queue(name).receive_message(1).message_body
    return None


def from_rocketmq(address):
    client = MQClient(address["rocketmq"], "id", "secret")
    try:
        found = client.get_consumer("MQ_INST_1", "topic", "GID_1").consume_message(1, 30)
        return found[0].message_body
    finally:
        client.close_connection()


def from_function(client):
    done = [t for t in client.list_async_tasks("told").tasks if t.status == "Succeeded"]
    return client.get_async_task("told", done[0].task_id).return_payload if done else None


@contextlib.contextmanager
def clients(address):
    account = Account(address["mns"], "id", "secret")
    try:
        with fc_async_sdk.client(
            region_name="cn-hangzhou",
            account_id="1234567890123456",
            endpoint_url=address["fc"],
        ) as client:
            yield client, account
    finally:
        account.mns_client.http.conn.close()


def test_every_kind_of_destination_gets_its_event_after_a_kill(tmp_path):
    with node(tmp_path) as (address, _), clients(address) as (client, account):
        set_up(address, account)
        deploy(client)
        requests.post(f"{address['fc']}{PREFIX}/faults", json={"status": 503}, timeout=60)
        ids = {kind: client.invoke_async(f"to-{kind}", kind) for kind in ARNS}
        for kind, accepted in ids.items():
            wait_for(
                lambda kind=kind, accepted=accepted: (
                    client.get_async_task(f"to-{kind}", accepted.task_id).destination_status
                    == "Pending"
                )
            )
    # Killed; faults are not kept, so that the destinations are well again.
    with node(tmp_path) as (address, _), clients(address) as (client, account):
        told = {
            "queue": wait_for(lambda: from_queue(account, "queue")),
            "topic": wait_for(lambda: from_queue(account, "behind-topic")),
            "bus": wait_for(lambda: from_queue(account, "behind-bus")),
            "rocketmq": wait_for(lambda: from_rocketmq(address)),
            "function": wait_for(lambda: from_function(client)),
        }
    found = {kind: events.parse(body) for kind, body in told.items()}
    assert {kind: event.request_id for kind, event in found.items()} == {
        kind: accepted.request_id for kind, accepted in ids.items()
    }
    assert {kind: event.response.text() for kind, event in found.items()} == {k: k for k in ARNS}
