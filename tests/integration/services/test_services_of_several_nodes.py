# SPDX-License-Identifier: MIT
"""Two nodes on one PostgreSQL: what one puts into a service, clients get from the other."""

from __future__ import annotations

import base64
import contextlib
import json
import threading

import pytest
import requests
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta
from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_producer import TopicMessage as RocketMqMessage

import fc_async_sdk
from fc_async_local import wakeups
from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.mns.service import topic_of
from fc_async_local.store.postgres.channel import PostgresChannel
from fc_async_tests.code import archive
from fc_async_tests.nodes import mns, wait_for

pytestmark = pytest.mark.real_time

PLACE = "cn-hangzhou:1234567890123456"


@contextlib.contextmanager
def rocketmq(address):
    client = MQClient(address, "id", "secret")
    try:
        yield client
    finally:
        client.close_connection()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return tmp_path_factory.mktemp("a"), tmp_path_factory.mktemp("b")


@pytest.fixture(scope="module")
def nodes(empty_postgres, folders):
    url = empty_postgres()
    with (
        LocalRuntime(data=folders[0], port=0, store=url) as a,
        LocalRuntime(data=folders[1], port=0, store=url) as b,
    ):
        yield a, b


@pytest.fixture
def accounts(nodes):
    a, b = nodes
    with mns(a.addresses.mns) as on_a, mns(b.addresses.mns) as on_b:
        yield on_a, on_b


def test_a_long_poll_on_one_node_ends_when_the_other_sends(nodes, accounts, monkeypatch):
    account = accounts[0]
    # So that the hint alone can end it.
    monkeypatch.setattr(wakeups, "POLL_SURVEY_MS", 3_600_000)
    found = []

    def poll(name):
        with mns(nodes[1].addresses.mns) as polling:
            found.append(polling.get_queue(name).receive_message(30).message_body)

    def begin(name):
        account.get_queue(name).create(QueueMeta())
        poller = threading.Thread(target=poll, args=(name,))
        poller.start()
        wait_for(lambda: nodes[1].services.wakeups.is_waited_for(topic_of(name)))
        return poller

    # The second poll ends before the first, which began earlier and waits as long.
    first, second = begin("empty"), begin("polled")
    account.get_queue("polled").send_message(Message("hello"))
    second.join()
    assert (found, first.is_alive()) == ([b"hello"], True)
    account.get_queue("empty").send_message(Message("end"))
    first.join()


def test_a_poll_finds_what_no_hint_has_told(nodes, accounts, monkeypatch):
    a, b = accounts
    a.get_queue("silent").create(QueueMeta())
    monkeypatch.setattr(PostgresChannel, "send", lambda *_: None)
    monkeypatch.setattr(wakeups, "POLL_SURVEY_MS", 300)
    timer = threading.Timer(0.2, lambda: a.get_queue("silent").send_message(Message("hello")))
    timer.start()
    assert b.get_queue("silent").receive_message(30).message_body == b"hello"
    timer.join()


# MNS fills the counts of messages, which its client marks as deprecated.
@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_a_message_received_from_one_node_is_deleted_on_the_other(accounts):
    a, b = accounts
    a.get_queue("work").create(QueueMeta())
    a.get_queue("work").send_message(Message("hello"))
    received = b.get_queue("work").receive_message(1)
    a.get_queue("work").delete_message(received.receipt_handle)
    attributes = b.get_queue("work").get_attributes()
    assert (attributes.active_messages, attributes.inactive_messages) == (0, 0)


def test_a_topic_made_on_one_node_is_published_to_on_the_other(accounts):
    a, b = accounts
    a.get_queue("told").create(QueueMeta())
    a.get_topic("news").create(TopicMeta())
    endpoint = f"acs:mns:{PLACE}:queues/told"
    a.get_topic("news").get_subscription("s").subscribe(
        SubscriptionMeta(endpoint, notify_content_format="SIMPLIFIED")
    )
    b.get_topic("news").publish_message(TopicMessage(base64.b64encode(b"hello").decode()))
    assert a.get_queue("told").receive_message(30).message_body == b"hello"


def test_a_rule_made_on_one_node_holds_for_events_of_the_other(nodes, accounts):
    a, b = nodes
    accounts[0].get_queue("behind-bus").create(QueueMeta())
    call(a, "CreateEventBus", EventBusName="bus")
    parameters = [{"ResourceKey": "queue", "Form": "CONSTANT", "Value": "behind-bus"}]
    call(
        a,
        "CreateRule",
        EventBusName="bus",
        RuleName="r",
        FilterPattern="{}",
        EventTargets=json.dumps([{"Id": "t", "Type": "acs.mns.queue", "ParamList": parameters}]),
    )
    event = {"id": "1", "source": "s", "type": "t", "specversion": "1.0"}
    event["aliyuneventbusname"] = "bus"
    answer = requests.post(
        f"{b.addresses.eventbridge}/openapi/putEvents",
        data=json.dumps([event]),
        headers={"Content-Type": "application/cloudevents-batch+json"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    assert accounts[0].get_queue("behind-bus").receive_message(30).message_id


def call(node, action, **parameters):
    answer = requests.post(
        node.addresses.eventbridge, params=parameters, headers={"x-acs-action": action}, timeout=60
    )
    assert answer.status_code == 200, answer.text


def test_consumers_of_a_rocketmq_group_share_its_messages_over_nodes(nodes):
    a, b = nodes
    requests.put(f"{a.addresses.rocketmq}/topics/topic?ns=MQ_INST_1", timeout=60)
    with rocketmq(a.addresses.rocketmq) as on_a, rocketmq(b.addresses.rocketmq) as on_b:
        for number in range(2):
            on_a.get_producer("MQ_INST_1", "topic").publish_message(RocketMqMessage(str(number)))
        consumers = [node.get_consumer("MQ_INST_1", "topic", "GID_1") for node in (on_b, on_a)]
        found = [consumer.consume_message(1, 30)[0].message_body for consumer in consumers]
    assert found == ["0", "1"]


def test_a_trigger_made_on_one_node_fires_for_messages_of_the_other(nodes, accounts):
    a, b = nodes
    accounts[0].get_topic("fires").create(TopicMeta())
    with client(a) as on_a, client(b) as on_b:
        on_a.create_function("fired", runtime="python3.10", code=archive())
        on_a.put_async_invoke_config("fired", async_task=True)
        body = {"triggerName": "t", "triggerType": "mns_topic", "triggerConfig": "{}"}
        body["sourceArn"] = f"acs:mns:{PLACE}:/topics/fires"
        url = f"{a.addresses.fc}/2023-03-30/functions/fired/triggers"
        assert requests.post(url, json=body, timeout=60).ok
        accounts[1].get_topic("fires").publish_message(TopicMessage("hello"))
        wait_for(lambda: [t.status for t in on_b.list_async_tasks("fired").tasks] == ["Succeeded"])


def client(node):
    place = {"region_name": "cn-hangzhou", "account_id": "1234567890123456"}
    return fc_async_sdk.client(**place, endpoint_url=node.addresses.fc)


def test_nothing_durable_is_in_a_nodes_folder(nodes, folders):
    for folder in folders:
        assert not list(folder.rglob("*.db*"))
        kept = {path.name for path in folder.iterdir()}
        assert kept <= {".gitignore", "node-id", "code", "addresses.json", "token"}
