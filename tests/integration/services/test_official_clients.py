# SPDX-License-Identifier: MIT
"""Official clients of RocketMQ, EventBridge and MNS, in Python and Node, on a whole runtime.

Signatures are verified. What one client sends, another one reads.
"""

from __future__ import annotations

import json
import subprocess
import time

import pytest
from alibabacloud_eventbridge20200401 import models as eb
from alibabacloud_eventbridge20200401.client import Client as EventBridge
from alibabacloud_tea_openapi.models import Config
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from mns.account import Account
from mns.queue import QueueMeta
from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_exception import MQServerException
from mq_http_sdk.mq_producer import TopicMessage

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings

INSTANCE = "MQ_INST_1"
KEYS = ("testid", "testsecret")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    settings = Settings.of(strict_auth=True, access_keys=dict([KEYS]), rocketmq_redelivery_ms=300)
    data = tmp_path_factory.mktemp("services")
    with LocalRuntime(data=data, port=0, settings=settings) as runtime:
        yield runtime


@pytest.fixture
def mq(runtime):
    runtime.call(runtime.services.rocketmq.create_topic(INSTANCE, "topic"))
    client = MQClient(runtime.addresses.rocketmq, *KEYS)
    yield client
    client.close_connection()
    runtime.call(runtime.services.rocketmq.delete_topic(INSTANCE, "topic"))


@pytest.fixture
def queue(runtime):
    account = Account(runtime.addresses.mns, *KEYS)
    queue = account.get_queue("q")
    queue.create(QueueMeta())
    yield queue
    queue.delete()
    account.mns_client.http.conn.close()


def mq_refused(call):
    with pytest.raises(MQServerException) as caught:
        call()
    return caught.value.type


def test_rocketmq_publishes_consumes_and_acknowledges(mq):
    message = TopicMessage("héllo <&> 中文", "tag")
    message.set_message_key("key")
    message.put_property("a", "1")
    sent = mq.get_producer(INSTANCE, "topic").publish_message(message)
    consumer = mq.get_consumer(INSTANCE, "topic", "GID_1")
    (found,) = consumer.consume_message(16, 30)
    assert (found.message_id, found.message_body) == (sent.message_id, "héllo <&> 中文")
    assert (found.message_tag, found.get_message_key(), found.get_property("a")) == (
        "tag",
        "key",
        "1",
    )
    consumer.ack_message([found.receipt_handle])
    assert mq_refused(lambda: consumer.consume_message(1)) == "MessageNotExist"
    assert mq_refused(lambda: consumer.ack_message([found.receipt_handle])) == "ReceiptHandleError"
    (again,) = mq.get_consumer(INSTANCE, "topic", "GID_2").consume_message(1)
    assert again.message_id == sent.message_id


def test_rocketmq_filters_by_tag_and_delivers_again(mq):
    producer = mq.get_producer(INSTANCE, "topic")
    for tag in ("a", "b", "c"):
        producer.publish_message(TopicMessage(f"body-{tag}", tag))
    consumer = mq.get_consumer(INSTANCE, "topic", "GID_1", "a||c")
    found = consumer.consume_message(16)
    assert [message.message_body for message in found] == ["body-a", "body-c"]
    again = consumer.consume_message(16, 30)
    assert [message.consumed_times for message in again] == [2, 2]


def test_rocketmq_consumes_in_order_and_with_delay(mq):
    producer = mq.get_producer(INSTANCE, "topic")
    for number in range(3):
        message = TopicMessage(str(number))
        message.set_sharding_key("s")
        producer.publish_message(message)
    consumer = mq.get_consumer(INSTANCE, "topic", "GID_1")
    (first,) = consumer.consume_message_orderly(1)
    assert mq_refused(lambda: consumer.consume_message_orderly(1)) == "MessageNotExist"
    consumer.ack_message([first.receipt_handle])
    found = consumer.consume_message_orderly(16)
    assert [message.message_body for message in found] == ["1", "2"]
    consumer.ack_message([message.receipt_handle for message in found])
    due = int(time.time() * 1_000) + 400
    late = TopicMessage("late")
    late.set_start_deliver_time(due)
    producer.publish_message(late)
    (found,) = consumer.consume_message_orderly(1, 30)
    assert found.message_body == "late"
    assert time.time() * 1_000 >= due


def test_rocketmq_names_what_is_missing_or_wrong(runtime, mq):
    producer = mq.get_producer("other", "topic")
    assert mq_refused(lambda: producer.publish_message(TopicMessage("x"))) == "TopicNotExist"
    stranger = MQClient(runtime.addresses.rocketmq, "testid", "wrong")
    wrong = stranger.get_producer(INSTANCE, "topic")
    assert mq_refused(lambda: wrong.publish_message(TopicMessage("x"))) == "SignatureDoesNotMatch"
    stranger.close_connection()


NODE_MQ = """
const {MQClient, MessageProperties} = require('@aliyunmq/mq-http-sdk');
const [endpoint, ak, sk, instance] = process.argv.slice(1);
(async () => {
  const client = new MQClient(endpoint, ak, sk);
  const consumer = client.getConsumer(instance, 'topic', 'GID_node');
  const got = await consumer.consumeMessage(1, 3);
  const first = got.body[0];
  await consumer.ackMessage([first.ReceiptHandle]);
  const properties = new MessageProperties();
  properties.messageKey('from-node');
  await client.getProducer(instance, 'topic').publishMessage('from node', 'n', properties);
  process.stdout.write(JSON.stringify(first));
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_rocketmq_node_reads_python_and_python_reads_node(runtime, mq, run_node):
    mq.get_producer(INSTANCE, "topic").publish_message(TopicMessage("from python", "p"))
    seen = json.loads(run_node(NODE_MQ, runtime.addresses.rocketmq, *KEYS, INSTANCE))
    assert (seen["MessageBody"], seen["MessageTag"]) == ("from python", "p")
    found = mq.get_consumer(INSTANCE, "topic", "GID_1", "n").consume_message(16)
    assert [(m.message_body, m.get_message_key()) for m in found] == [("from node", "from-node")]


NODE_MNS = """
const MNSClient = require('@alicloud/mns');
const [endpoint, accessKeyId, accessKeySecret, mode] = process.argv.slice(1);
(async () => {
  const client = new MNSClient('42', {endpoint, accessKeyId, accessKeySecret});
  if (mode === 'send') {
    const body = Buffer.from('{"from": "node"}').toString('base64');
    await client.sendMessage('q', {MessageBody: body});
    return;
  }
  const got = await client.receiveMessage('q', 5);
  await client.changeMessageVisibility('q', got.body.ReceiptHandle, 20);
  process.stdout.write(Buffer.from(got.body.MessageBody, 'base64').toString());
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_mns_node_reads_python_and_python_reads_node(runtime, queue, run_node):
    from mns.queue import Message

    run_node(NODE_MNS, runtime.addresses.mns, *KEYS, "send")
    received = queue.receive_message(30)
    assert json.loads(received.message_body) == {"from": "node"}
    queue.delete_message(received.receipt_handle)
    queue.send_message(Message('{"from": "python"}'))
    assert json.loads(run_node(NODE_MNS, runtime.addresses.mns, *KEYS, "receive")) == {
        "from": "python"
    }


@pytest.fixture
def eventbridge(runtime):
    config = Config(
        access_key_id=KEYS[0],
        access_key_secret=KEYS[1],
        endpoint=runtime.addresses.eventbridge.removeprefix("http://"),
        protocol="HTTP",
        region_id="cn-hangzhou",
    )
    client = EventBridge(config)
    client.create_event_bus(eb.CreateEventBusRequest(event_bus_name="bus", description="d"))
    yield client
    client.delete_event_bus(eb.DeleteEventBusRequest(event_bus_name="bus"))


def queue_target(**fields):
    parameters = {"queue": ("CONSTANT", "q"), "Body": ("ORIGINAL", None)}
    return eb.CreateRuleRequestEventTargets(
        id="t",
        type="acs.mns.queue",
        endpoint="acs:mns:cn-hangzhou:1:queues/q",
        push_retry_strategy="BACKOFF_RETRY",
        param_list=[
            eb.CreateRuleRequestEventTargetsParamList(resource_key=key, form=form, value=value)
            for key, (form, value) in parameters.items()
        ],
        **fields,
    )


def put_rule(client, pattern='{"source": ["test"]}'):
    client.create_rule(
        eb.CreateRuleRequest(
            event_bus_name="bus",
            rule_name="rule",
            filter_pattern=pattern,
            status="ENABLE",
            event_targets=[queue_target()],
        )
    )


def put_event(client, **fields):
    event = {
        "id": "1",
        "source": "test",
        "type": "t",
        "spec_version": "1.0",
        "data_content_type": "application/json",
        "data": {"a": 1},
    }
    entry = eb.PutEventsRequestEventList(**event | fields)
    request = eb.PutEventsRequest(event_bus_name="bus", event_list=[entry])
    return client.put_events(request).body


def test_eventbridge_takes_an_event_to_a_queue_as_a_cloudevent(eventbridge, queue):
    put_rule(eventbridge)
    answer = put_event(eventbridge)
    assert answer.data.failed_entry_count == 0
    received = queue.receive_message(30)
    headers = {"content-type": "application/cloudevents+json"}
    event = from_http_event(HTTPMessage(headers, received.message_body))
    assert (event.get_type(), event.get_source(), event.get_data()) == ("t", "test", {"a": 1})
    assert event.get_attributes()["aliyuneventbusname"] == "bus"


def test_eventbridge_rules_and_targets_make_the_round(eventbridge):
    put_rule(eventbridge)
    name = {"event_bus_name": "bus", "rule_name": "rule"}
    rule = eventbridge.get_rule(eb.GetRuleRequest(**name)).body.data
    assert (rule.status, rule.filter_pattern) == ("ENABLE", '{"source": ["test"]}')
    assert [target.id for target in rule.targets] == ["t"]
    eventbridge.disable_rule(eb.DisableRuleRequest(**name))
    eventbridge.update_rule(eb.UpdateRuleRequest(**name, filter_pattern="{}", description="new"))
    rule = eventbridge.get_rule(eb.GetRuleRequest(**name)).body.data
    assert (rule.status, rule.filter_pattern, rule.description) == ("DISABLE", "{}", "new")
    eventbridge.enable_rule(eb.EnableRuleRequest(**name))
    deleted = eventbridge.delete_targets(eb.DeleteTargetsRequest(**name, target_ids=["t", "u"]))
    assert [entry.entry_id for entry in deleted.body.data.error_entries] == ["u"]
    listed = eventbridge.list_rules(eb.ListRulesRequest(event_bus_name="bus")).body.data
    assert [rule.rule_name for rule in listed.rules] == ["rule"]
    buses = eventbridge.list_event_buses(eb.ListEventBusesRequest()).body.data
    assert [bus.event_bus_name for bus in buses.event_buses] == ["bus"]
    bus = eventbridge.get_event_bus(eb.GetEventBusRequest(event_bus_name="bus")).body.data
    assert (bus.event_bus_name, bus.description) == ("bus", "d")
    eventbridge.delete_rule(eb.DeleteRuleRequest(**name))


@pytest.mark.parametrize(("source", "result"), [("a", True), ("b", False)])
def test_eventbridge_tests_a_pattern(eventbridge, source, result):
    request = eb.TestEventPatternRequest(
        event_pattern='{"source": ["a"]}', event=json.dumps({"source": source})
    )
    assert eventbridge.test_event_pattern(request).body.data.result is result


def test_eventbridge_refuses_by_code(eventbridge):
    from darabonba.exceptions import DaraException
    from Tea.exceptions import TeaException

    with pytest.raises((DaraException, TeaException)) as caught:
        eventbridge.get_event_bus(eb.GetEventBusRequest(event_bus_name="none"))
    assert caught.value.code == "EventBusNotExist"


DATA_PLANE = """
import sys
from alibabacloud_eventbridge.client import Client
from alibabacloud_eventbridge import models
endpoint, ak, sk = sys.argv[1:]
client = Client(models.Config(access_key_id=ak, access_key_secret=sk, endpoint=endpoint))
client.create_event_bus(models.CreateEventBusRequest(event_bus_name="data-plane"))
listed = client.list_event_buses(models.ListEventBusesRequest())
assert "data-plane" in [bus.event_bus_name for bus in listed.event_buses]
for kind in ("application/json", None):
    event = models.CloudEvent(
        id=str(kind), source="test", specversion="1.0", type="t", datacontenttype=kind,
        data=b'{"a": 1}', extensions={"aliyuneventbusname": "bus"},
    )
    answer = client.put_events([event])
    assert answer.failed_entry_count == 0, answer.to_map()
client.delete_event_bus(models.DeleteEventBusRequest(event_bus_name="data-plane"))
"""


def test_eventbridge_takes_events_of_the_data_plane_client(
    runtime, eventbridge, queue, eventbridge_python
):
    put_rule(eventbridge, '{"data": {"a": [1]}}')
    endpoint = runtime.addresses.eventbridge.removeprefix("http://")
    done = subprocess.run(
        [eventbridge_python, "-W", "ignore", "-c", DATA_PLANE, endpoint, *KEYS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    received = [json.loads(queue.receive_message(30).message_body) for _ in range(2)]
    assert [event["data"] for event in received] == [{"a": 1}] * 2
