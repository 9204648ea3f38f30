# SPDX-License-Identifier: MIT
"""Functions behind queues, topics, buses and RocketMQ: fired, and within the loop guard's sight."""

from __future__ import annotations

import base64
import json

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.services.eventbridge import model as eb
from fc_async_local.services.mns.model import Draft
from fc_async_local.services.mns.topic import Subscription
from fc_async_local.services.rocketmq.model import NewMessage
from fc_async_local.settings import Settings
from fc_async_local.triggers import bindings
from fc_async_sdk import events
from fc_async_sdk.admin.models import PREFIX
from fc_async_tests import runtime_requests as requests
from fc_async_tests.faults import fail

FAULT = KeyError("a fault of ours")


class World:
    """Function ``b`` behind a source that destinations can reach too."""

    def __init__(self, local):
        self.local = local
        self.seen = []
        self.services = local.runtime.services

    def call(self, coroutine):
        return self.local.runtime.call(coroutine)

    def deploy_b(self, handler=None):
        self.local.deploy("b", handler or (lambda event, _context: self.seen.append(event)))

    def trigger(self, function="b", name="tr", **settings):
        body = {"triggerName": name} | settings
        body["triggerConfig"] = json.dumps(body.get("triggerConfig", {}))
        self.call(self.local.runtime.registry.triggers.create(function, body))

    def payloads(self):
        return [json.loads(event) for event in self.seen]


@pytest.fixture
def world(fc_local):
    return World(fc_local)


def queue(world, **config):
    arn = world.local.create_queue("q")
    parameters = {"sourceMNSParameters": {"QueueName": "q"}}
    config = {
        "asyncInvocationType": True,
        "eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": parameters},
    } | config
    return arn, {"triggerType": "eventbridge", "triggerConfig": config}


def topic(world):
    arn = world.local.create_topic("t")
    return arn, {"triggerType": "mns_topic", "sourceArn": arn.removesuffix("/messages")}


def bus(world):
    arn = world.local.create_bus("bus")
    config = {"asyncInvocationType": True, "eventRuleFilterPattern": '{"source": ["acs:fc"]}'}
    return arn, {"triggerType": "eventbridge", "sourceArn": arn, "triggerConfig": config}


def rocketmq(world):
    arn = world.local.create_rocketmq_topic("MQ_INST_1", "t")
    parameters = {"sourceRocketMQParameters": {"InstanceId": "MQ_INST_1", "Topic": "t"}}
    config = {
        "asyncInvocationType": True,
        "eventSourceConfig": {"eventSourceType": "RocketMQ", "eventSourceParameters": parameters},
    }
    return arn, {"triggerType": "eventbridge", "triggerConfig": config}


def document_in(kind, payload):
    """The destination event inside of what a triggered function gets."""
    if kind == "queue":
        return events.parse(json.loads(payload)["data"]["messageBody"])
    if kind == "rocketmq":
        return events.parse(json.loads(payload)["data"]["body"])
    return events.parse(payload)


SOURCES = {"queue": queue, "topic": topic, "bus": bus, "rocketmq": rocketmq}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_result_goes_through_a_source_to_the_function_behind_it(world, kind):
    arn, settings = SOURCES[kind](world)
    world.deploy_b()
    world.trigger(**settings)
    config = {"destinationConfig": {"onSuccess": {"destination": arn}}}
    world.local.deploy("a", lambda _event, _context: "done", async_config=config)
    request_id = world.local.client.invoke_async("a", {}).request_id
    world.local.advance(1)
    (payload,) = world.seen
    event = document_in(kind, payload)
    assert (event.request_id, event.function, event.response.text()) == (request_id, "a", "done")


@pytest.mark.parametrize("kind", SOURCES)
def test_a_loop_through_a_source_ends_at_the_loop_guard(world, kind):
    arn, settings = SOURCES[kind](world)
    ran = []
    config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": arn}}}
    world.local.deploy("a", lambda _event, _context: ran.append(1), async_config=config)
    world.trigger("a", **settings)
    world.local.client.invoke_async("a", {})
    world.local.advance(3_600)
    assert len(ran) == Settings().rules.max_repeats


def send(world, *bodies):
    drafts = [Draft(message_id=f"{n:X}", body=body) for n, body in enumerate(bodies, 1)]
    world.call(world.services.mns.send("q", drafts))
    world.local.advance(0)


def test_a_queue_trigger_decodes_base64_and_deletes_what_was_accepted(world):
    _, settings = queue(world)
    world.deploy_b()
    world.trigger(**settings)
    send(world, base64.b64encode("中".encode()).decode(), "not base64!")
    data = [event["data"]["messageBody"] for event in world.payloads()]
    assert data == ["中", "not base64!"]
    assert world.call(world.services.mns.counts("q")) == (0, 0, 0)


def test_a_stream_trigger_gets_its_messages_in_one_list(world):
    options = {"mode": "event-streaming", "batchWindow": {"CountBasedWindow": 10}}
    _, settings = queue(world, runOptions=options)
    world.deploy_b()
    send(world, "1", "2", "3")
    world.trigger(**settings)
    world.local.advance(1)
    (batch,) = world.payloads()
    assert len(batch) == 3
    assert {event["type"] for event in batch} == {"mns:Queue:SendMessage"}


def test_a_synchronous_trigger_fires_again_until_the_function_succeeds(world):
    _, settings = queue(world, asyncInvocationType=False)
    tries = []

    def handler(_event, _context):
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")

    world.deploy_b(handler)
    world.trigger(**settings)
    send(world, "x")
    world.local.advance(120)
    assert len(tries) == 3
    assert world.call(world.services.mns.counts("q")) == (0, 0, 0)


def test_a_trigger_goes_on_after_an_unforeseen_error(world, monkeypatch, caplog):
    _, settings = queue(world)
    failed = fail(monkeypatch, world.services.mns, "receive", FAULT, times=1)
    world.deploy_b()
    world.trigger(**settings)
    world.local.advance(1)
    send(world, "1")
    assert (len(failed), len(world.seen)) == (1, 1)
    assert "KeyError: 'a fault of ours'" in caplog.text


def test_new_triggers_are_found_after_an_unforeseen_error(world, monkeypatch, caplog):
    _, settings = queue(world)
    world.deploy_b()
    failed = fail(monkeypatch, bindings, "read", FAULT, times=1)
    world.trigger(**settings)
    world.local.advance(1)
    send(world, "1")
    assert (len(failed), len(world.seen)) == (1, 1)
    assert "KeyError: 'a fault of ours'" in caplog.text


def test_a_trigger_that_is_taken_away_fires_no_more(world):
    _, settings = queue(world)
    world.deploy_b()
    world.trigger(**settings)
    send(world, "1")
    world.call(world.local.runtime.registry.triggers.delete("b", "tr"))
    world.local.advance(1)
    send(world, "2")
    assert len(world.seen) == 1


def test_a_trigger_waits_for_its_queue(world):
    parameters = {"sourceMNSParameters": {"QueueName": "q"}}
    config = {
        "asyncInvocationType": True,
        "eventSourceConfig": {"eventSourceParameters": parameters},
    }
    world.deploy_b()
    world.trigger(triggerType="eventbridge", triggerConfig=config)
    world.local.advance(1)
    world.local.create_queue("q")
    send(world, "x")
    world.local.advance(10)
    assert len(world.seen) == 1


def test_a_topic_trigger_tells_of_its_tag_only_and_as_json_if_asked(world):
    _, settings = topic(world)
    world.deploy_b()
    config = {"filterTag": "a", "notifyContentFormat": "JSON"}
    world.trigger(**settings, triggerConfig=config)
    for tag in ("a", "b"):
        world.call(world.services.topics.publish("t", f"body-{tag}", tag=tag))
    world.local.advance(1)
    (told,) = world.payloads()
    assert (told["Message"], told["TopicName"], told["MessageTag"]) == ("body-a", "t", "a")


def test_a_bus_trigger_gets_the_whole_event(world):
    _, settings = bus(world)
    world.deploy_b()
    world.trigger(**settings)
    made = {"id": "1", "source": "acs:fc", "type": "t", "specversion": "1.0", "data": {"a": 1}}
    event = {name: eb.raw(value) for name, value in made.items()}
    world.call(world.services.eventbridge.put_events([event], bus="bus"))
    world.local.advance(1)
    (told,) = world.payloads()
    assert told["data"] == {"a": 1}
    assert told["aliyuneventbusname"] == "bus"


def test_a_rocketmq_trigger_tells_of_tag_key_and_properties(world):
    _, settings = rocketmq(world)
    world.deploy_b()
    world.trigger(**settings)
    message = NewMessage(body="x", tag="a", keys="k", properties={"p": "1"})
    world.call(world.services.rocketmq.publish("MQ_INST_1", "t", message))
    world.local.advance(1)
    (told,) = world.payloads()
    assert told["data"]["body"] == "x"
    assert told["data"]["userProperties"] == {"p": "1"}
    assert (told["data"]["systemProperties"]["TAGS"], told["type"]) == ("a", "mq:Topic:SendMessage")


def test_a_broken_trigger_is_logged_and_harms_no_other(world, caplog):
    _, settings = queue(world)
    world.deploy_b()
    world.trigger(name="broken", triggerType="mns_topic", sourceArn="acs:mns:::nothing")
    world.trigger(**settings)
    send(world, "x")
    assert len(world.seen) == 1
    assert "trigger b/broken fires nothing: sourceArn" in caplog.text


def dead(world):
    url = f"{world.local.endpoint}{PREFIX}/deliveries/dead"
    return requests.get(url, timeout=5).json()["deliveries"]


def redrive(world, event):
    url = f"{world.local.endpoint}{PREFIX}/deliveries/dead/{event['requestId']}/redrive"
    assert requests.post(url, timeout=5).status_code == 204
    world.local.advance(1)


def dead_counted(world):
    url = f"{world.local.endpoint}{PREFIX}/metrics"
    found = requests.get(url, timeout=5).json()["metrics"]
    return sum(m["value"] for m in found if m["metric"] == "FunctionEventsDead")


def publish(world, kind, body):
    """Put a message into a source."""
    if kind == "queue":
        send(world, body)
    elif kind == "topic":
        world.call(world.services.topics.publish("t", body))
    elif kind == "rocketmq":
        message = NewMessage(body=body)
        world.call(world.services.rocketmq.publish("MQ_INST_1", "t", message))
    else:
        made = {"id": "1", "source": "acs:fc", "type": "t", "specversion": "1.0", "data": body}
        event = {name: eb.raw(value) for name, value in made.items()}
        world.call(world.services.eventbridge.put_events([event], bus="bus"))


@pytest.mark.parametrize("kind", SOURCES)
def test_a_message_whose_alias_is_gone_becomes_a_dead_event_that_can_be_redriven(world, kind):
    _, settings = SOURCES[kind](world)
    world.deploy_b()
    client = world.local.client
    client.publish_function_version("b")
    client.create_alias("b", "prod", version_id="1")
    world.trigger(**settings, qualifier="prod")
    client.delete_alias("b", "prod")
    publish(world, kind, "x")
    world.local.advance(120)
    assert world.seen == []
    (event,) = dead(world)
    assert event["destination"].endswith(":functions/b/prod")
    assert "404 AliasNotFound" in event["error"]
    assert dead_counted(world) == 1
    client.create_alias("b", "prod", version_id="1")
    redrive(world, event)
    assert [seen.decode() for seen in world.seen] == [event["event"]]
    assert dead(world) == []


def test_a_rocketmq_message_over_the_payload_limit_becomes_a_dead_event(world):
    _, settings = rocketmq(world)
    world.deploy_b()
    world.trigger(**settings)
    publish(world, "rocketmq", "x" * 131_072)
    publish(world, "rocketmq", "small")
    world.local.advance(60)
    (event,) = dead(world)
    assert "400 EntityTooLarge" in event["error"]
    assert json.loads(event["event"])["data"]["body"] == "x" * 131_072
    assert [payload["data"]["body"] for payload in world.payloads()] == ["small"]
    assert dead_counted(world) == 1


def test_a_batch_over_the_payload_limit_is_delivered_in_smaller_ones(world):
    options = {"mode": "event-streaming", "batchWindow": {"CountBasedWindow": 10}}
    _, settings = queue(world, runOptions=options)
    world.deploy_b()
    send(world, *("x" * 40_000 for _ in range(5)))
    world.trigger(**settings)
    world.local.advance(1)
    assert sorted(map(len, world.payloads())) == [2, 3]
    assert dead(world) == []


def test_a_message_that_an_http_subscriber_refuses_becomes_a_dead_event(world):
    world.local.create_topic("t")
    subscription = Subscription(
        topic="t", name="s", endpoint="http://127.0.0.1:1/x", created_at=0, modified_at=0
    )
    world.call(world.services.topics.documents.subscribe(subscription))
    publish(world, "topic", "x")
    world.local.advance(120)
    (event,) = dead(world)
    assert event["destination"] == "http://127.0.0.1:1/x"
    redrive(world, event)
    world.local.run_until_idle()
    (event,) = dead(world)
    assert event["error"].startswith("504 GatewayTimeout: http://127.0.0.1:1/x")


def refuse(monkeypatch, world, times, of=b""):
    """Let the accept of an invocation of ``b`` with a part of a payload be refused some times."""

    def is_meant(request):
        return request.function == "b" and of in request.payload

    refusal = Rejected(503, "ServiceUnavailable", "not now")
    engine = world.local.runtime.engine
    return fail(monkeypatch, engine, "invoke_async", refusal, times=times, when=is_meant)


RETRYING = {"queue": queue, "rocketmq": rocketmq}


@pytest.mark.parametrize("kind", RETRYING)
def test_a_refused_invocation_is_retried_by_the_strategy_of_the_trigger(world, monkeypatch, kind):
    _, settings = RETRYING[kind](world)
    refusals = refuse(monkeypatch, world, 3)
    world.deploy_b()
    world.trigger(**settings)
    publish(world, kind, "x")
    world.local.advance(1 + 2 - 0.5)
    assert (len(refusals), len(world.seen)) == (2, 0)
    world.local.advance(1 + 4)
    assert (len(refusals), len(world.seen)) == (3, 1)
    assert dead(world) == []


def test_messages_wait_behind_one_that_fails_unless_errors_are_tolerated(world, monkeypatch):
    _, settings = queue(world)
    refuse(monkeypatch, world, 1_000)
    world.deploy_b()
    world.trigger(**settings)
    send(world, "first")
    send(world, "second")
    world.local.advance(120)
    assert world.call(world.services.mns.counts("q")).active == 1
    monkeypatch.undo()
    world.local.advance(300)
    bodies = [event["data"]["messageBody"] for event in world.payloads()]
    assert bodies == ["first", "second"]


TOLERANT = {
    "retryStrategy": {"PushRetryStrategy": "BACKOFF_RETRY"},
    "errorsTolerance": "ALL",
}


def test_what_a_tolerant_trigger_gives_up_goes_to_its_dead_letter_queue(world, monkeypatch):
    letters = world.local.create_queue("letters").removesuffix("/messages")
    options = TOLERANT | {"deadLetterQueue": {"Arn": letters}}
    _, settings = queue(world, runOptions=options)
    refuse(monkeypatch, world, 4, of=b"lost")
    world.deploy_b()
    world.trigger(**settings)
    send(world, "lost")
    send(world, "kept")
    world.local.advance(100)
    assert [event["data"]["messageBody"] for event in world.payloads()] == ["kept"]
    (letter,) = world.call(world.services.mns.receive("letters", wait_seconds=0))
    assert json.loads(letter.body)["data"]["messageBody"] == "lost"
    assert dead(world) == []


def test_what_is_given_up_without_a_dead_letter_queue_becomes_a_dead_event(world, monkeypatch):
    _, settings = queue(world, runOptions=TOLERANT)
    refuse(monkeypatch, world, 4)
    world.deploy_b()
    world.trigger(**settings)
    send(world, "lost")
    world.local.advance(100)
    (event,) = dead(world)
    assert "503 ServiceUnavailable" in event["error"]
    redrive(world, event)
    assert [event["data"]["messageBody"] for event in world.payloads()] == ["lost"]


def test_a_batch_that_is_given_up_is_one_letter_for_each_message(world):
    letters = world.local.create_queue("letters").removesuffix("/messages")
    options = TOLERANT | {
        "mode": "event-streaming",
        "batchWindow": {"CountBasedWindow": 10},
        "deadLetterQueue": {"Arn": letters},
    }
    _, settings = queue(world, runOptions=options, asyncInvocationType=False)

    def handler(_event, _context):
        raise ValueError("never")

    world.deploy_b(handler)
    send(world, "1", "2")
    world.trigger(**settings)
    world.local.advance(100)
    found = world.call(world.services.mns.receive("letters", limit=16, wait_seconds=0))
    assert [json.loads(letter.body)["data"]["messageBody"] for letter in found] == ["1", "2"]


@pytest.mark.parametrize("kind", ["queue", "bus", "rocketmq"])
def test_errors_of_an_asynchronous_function_go_to_its_destination_and_not_to_the_letters(
    world, kind
):
    letters = world.local.create_queue("letters").removesuffix("/messages")
    failures = world.local.create_queue("failures")
    _, settings = SOURCES[kind](world)
    settings["triggerConfig"]["runOptions"] = TOLERANT | {"deadLetterQueue": {"Arn": letters}}

    def handler(_event, _context):
        raise ValueError("no")

    destination = {"onFailure": {"destination": failures}}
    world.local.deploy(
        "b", handler, async_config={"maxAsyncRetryAttempts": 0, "destinationConfig": destination}
    )
    world.trigger(**settings)
    publish(world, kind, "x")
    world.local.advance(600)
    event = world.local.receive("failures")
    assert (event.function, event.attempts) == ("b", 1)
    assert world.local.receive("letters") is None
    assert dead(world) == []


def test_a_bus_trigger_gives_up_into_its_dead_letter_queue(world, monkeypatch):
    letters = world.local.create_queue("letters").removesuffix("/messages")
    _, settings = bus(world)
    settings["triggerConfig"]["runOptions"] = TOLERANT | {"deadLetterQueue": {"Arn": letters}}
    refusals = refuse(monkeypatch, world, 4)
    world.deploy_b()
    world.trigger(**settings)
    publish(world, "bus", {"a": 1})
    world.local.advance(100)
    assert len(refusals) == 4
    (letter,) = world.call(world.services.mns.receive("letters", wait_seconds=0))
    assert json.loads(letter.body)["data"] == {"a": 1}


def test_a_batch_waits_for_more_messages_until_its_window_ends(world):
    options = {
        "mode": "event-streaming",
        "batchWindow": {"CountBasedWindow": 10, "TimeBasedWindow": 10},
    }
    _, settings = queue(world, runOptions=options)
    world.deploy_b()
    world.trigger(**settings)
    send(world, "1")
    world.local.advance(6)
    send(world, "2")
    world.local.advance(3)
    assert world.seen == []
    world.local.advance(2)
    (batch,) = world.payloads()
    assert [event["data"]["messageBody"] for event in batch] == ["1", "2"]


def test_a_batch_is_full_before_its_window_ends(world):
    options = {
        "mode": "event-streaming",
        "batchWindow": {"CountBasedWindow": 40, "TimeBasedWindow": 15},
    }
    _, settings = queue(world, runOptions=options)
    world.deploy_b()
    for start in range(0, 50, 10):
        send(world, *(str(number) for number in range(start, start + 10)))
    world.trigger(**settings)
    world.local.advance(0)
    assert [len(batch) for batch in world.payloads()] == [40]
    world.local.advance(16)
    assert [len(batch) for batch in world.payloads()] == [40, 10]


def test_retries_of_a_deleted_trigger_become_dead_events(world, monkeypatch):
    _, settings = queue(world)
    refuse(monkeypatch, world, 1_000)
    world.deploy_b()
    world.trigger(**settings)
    send(world, "x")
    world.call(world.local.runtime.registry.triggers.delete("b", "tr"))
    world.local.advance(5)
    (event,) = dead(world)
    assert "trigger b/tr was deleted" in event["error"]


def shown(world):
    url = f"{world.local.endpoint}{PREFIX}/triggers"
    (found,) = requests.get(url, timeout=5).json()["triggers"]
    return found


def test_the_last_error_of_a_trigger_is_shown_until_it_fires_again(world, monkeypatch):
    _, settings = queue(world)
    refuse(monkeypatch, world, 1)
    world.deploy_b()
    world.trigger(**settings)
    send(world, "x")
    assert shown(world)["lastError"] == "503 ServiceUnavailable: not now"
    world.local.advance(2)
    assert (shown(world)["lastError"], shown(world)["fired"]) == ("", 1)


@pytest.mark.parametrize("asynchronous", [True, False])
@pytest.mark.parametrize("kind", SOURCES)
def test_each_firing_of_a_trigger_is_counted_with_its_request(world, kind, asynchronous):
    arn, settings = SOURCES[kind](world)
    if "triggerConfig" in settings:
        settings["triggerConfig"]["asyncInvocationType"] = asynchronous
    requests_of_b = []
    world.deploy_b(lambda _event, context: requests_of_b.append(context.request_id))
    world.trigger(**settings)
    config = {"destinationConfig": {"onSuccess": {"destination": arn}}}
    world.local.deploy("a", lambda _event, _context: "done", async_config=config)
    for _ in range(2):
        world.local.client.invoke_async("a", {})
        world.local.advance(1)
    found = shown(world)
    assert (found["fired"], found["lastRequestId"]) == (2, requests_of_b[-1])
    assert found["lastFiredTime"] is not None


@pytest.mark.parametrize("kind", ["topic", "bus"])
def test_what_refuses_a_pushed_message_is_shown_as_the_error_of_its_trigger(
    world, monkeypatch, kind
):
    arn, settings = SOURCES[kind](world)
    world.deploy_b()
    world.trigger(**settings)
    config = {"destinationConfig": {"onSuccess": {"destination": arn}}}
    world.local.deploy("a", lambda _event, _context: "done", async_config=config)
    world.local.client.invoke_async("a", {}, delay=5)
    refuse(monkeypatch, world, 1)
    world.local.advance(5)
    found = shown(world)
    assert (found["fired"], found["consecutiveErrors"]) == (0, 1)
    assert found["lastError"] == "503 ServiceUnavailable: not now"
    world.local.advance(60)
    found = shown(world)
    assert (found["fired"], found["lastError"]) == (1, "")


def test_an_unforeseen_error_of_a_trigger_is_shown(world, monkeypatch):
    _, settings = queue(world)
    world.deploy_b()
    fail(monkeypatch, world.services.mns, "receive", FAULT)
    world.trigger(**settings)
    world.local.advance(60)
    found = shown(world)
    assert found["lastError"] == "KeyError: 'a fault of ours'"
    assert found["consecutiveErrors"] > 5


def test_a_missing_queue_is_shown_as_the_error_of_its_trigger(world):
    config = {
        "eventSourceConfig": {"eventSourceParameters": {"sourceMNSParameters": {"QueueName": "no"}}}
    }
    world.deploy_b()
    world.trigger(triggerType="eventbridge", triggerConfig=config)
    world.local.advance(1)
    assert "QueueNotExist" in shown(world)["lastError"]


def test_a_trigger_that_cannot_be_read_is_shown_as_invalid(world):
    world.deploy_b()
    world.trigger(triggerType="mns_topic", sourceArn="acs:mns:::nothing")
    found = shown(world)
    assert found["state"] == "invalid"
    assert found["lastError"].startswith("sourceArn 'acs:mns:::nothing'")


ALIKE = (("a-b", "c"), ("a", "b-c"))
"""Functions and triggers that are the same text when a hyphen joins them."""


def test_triggers_of_a_topic_whose_names_look_alike_all_fire(world):
    _, settings = topic(world)
    for function, name in ALIKE:
        world.local.deploy(function, lambda _, context: world.seen.append(context.function.name))
        world.trigger(function, name, **settings)
    publish(world, "topic", "x")
    world.local.advance(1)
    assert sorted(world.seen) == ["a", "a-b"]


@pytest.mark.parametrize("kind", ["topic", "bus", "rocketmq"])
def test_what_triggers_whose_names_look_alike_give_up_is_kept_for_each(world, kind):
    _, settings = SOURCES[kind](world)
    client = world.local.client
    for function, name in ALIKE:
        world.local.deploy(function, lambda *_: None)
        client.publish_function_version(function)
        client.create_alias(function, "prod", version_id="1")
        world.trigger(function, name, **settings, qualifier="prod")
        client.delete_alias(function, "prod")
    publish(world, kind, "x")
    world.local.advance(120)
    assert len(dead(world)) == 2


def test_a_function_of_edition_2_is_fired_by_a_topic_of_rocketmq(world):
    _, settings = rocketmq(world)
    world.local.deploy("service$f", lambda event, _: world.seen.append(event))
    world.trigger("service$f", **settings)
    publish(world, "rocketmq", "x")
    world.local.advance(1)
    assert [one["data"]["body"] for one in world.payloads()] == ["x"]
