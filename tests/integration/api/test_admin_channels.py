# SPDX-License-Identifier: MIT
"""Queues, topics and buses through the admin API: what is in them, send, purge."""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest

from fc_async_local.services.mns.model import Draft
from fc_async_local.services.rocketmq.model import NewMessage
from fc_async_local.settings import Settings
from fc_async_sdk.testing import failure_event
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal


class Channel(NamedTuple):
    kind: str
    name: str
    arn: str
    instance: str = ""


CHANNELS = [
    Channel("queue", "q", "acs:mns:::/queues/q/messages"),
    Channel("topic", "t", "acs:mns:::/topics/t/messages"),
    Channel("rocketmq", "r", "acs:mq:::/instances/MQ_INST_1/topic/r", "MQ_INST_1"),
    Channel("bus", "b", "acs:eventbridge:::eventbus/b"),
]


@pytest.fixture
def fc_local_settings() -> Settings:
    return Settings()


@pytest.fixture(params=CHANNELS, ids=lambda channel: channel.kind)
def channel(request: pytest.FixtureRequest, fc_local: FcLocal) -> Channel:
    """A channel that has got the event of one invocation."""
    found: Channel = request.param
    services = fc_local.runtime.services
    fc_local.deploy(
        "orders",
        lambda *_: {"id": 12345678901234567890},
        async_config={"destinationConfig": {"onSuccess": {"destination": found.arn}}},
    )
    fc_local.runtime.call(services.follow(fc_local.runtime.registry.async_configs))
    fc_local.client.invoke_async("orders", b"{}")
    fc_local.run_until_idle()
    return found


STRICT = Settings.of(strict_auth=True, access_keys={"id": "secret"})


@pytest.mark.parametrize("fc_local_settings", [Settings(), STRICT], ids=["open", "strict"])
@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.kind)
def test_a_queue_topic_or_bus_is_made_without_a_client_also_with_strict_signatures(
    fc_local: FcLocal, channel: Channel
) -> None:
    url = f"{fc_local.endpoint}/_local/channels"
    query = {"name": channel.name, "instance": channel.instance}
    for _ in range(2):
        assert requests.put(f"{url}/{channel.kind}", params=query, timeout=10).status_code == 204
    made = requests.get(url, timeout=10).json()["channels"]
    assert (channel.kind, channel.name) in [(one["kind"], one["name"]) for one in made]


def test_a_queue_that_cannot_be_a_destination_is_not_made(fc_local: FcLocal) -> None:
    url = f"{fc_local.endpoint}/_local/channels"
    for kind, query in (("kafka", {"name": "r"}), ("queue", {}), ("queue", {"name": "a b"})):
        assert requests.put(f"{url}/{kind}", params=query, timeout=10).status_code == 400


@pytest.fixture
def call(fc_local: FcLocal, channel: Channel) -> Callable[..., requests.Response]:
    query = urllib.parse.urlencode({"name": channel.name, "instance": channel.instance})
    url = f"{fc_local.endpoint}/_local/channels/{channel.kind}/messages?{query}"

    def send(
        method: Literal["GET", "POST", "DELETE"], body: dict[str, str] | None = None
    ) -> requests.Response:
        return requests.request(method, url, json=body, timeout=10)

    return send


def test_a_message_shows_the_event_that_it_carries(
    channel: Channel, call: Callable[..., requests.Response]
) -> None:
    (message,) = call("GET").json()["messages"]
    assert message["summary"]["function"] == "orders"
    assert message["summary"]["outcome"] == "success"
    event = message.get("event", message["body"])
    assert "12345678901234567890" in event


def test_every_channel_is_listed_with_its_messages(fc_local: FcLocal, channel: Channel) -> None:
    found = requests.get(f"{fc_local.endpoint}/_local/channels", timeout=10).json()["channels"]
    listed = [(one["kind"], one["name"], one["instance"], one["messages"]) for one in found]
    assert listed == [(channel.kind, channel.name, channel.instance, 1)]


def test_a_message_is_sent_and_all_are_purged(
    channel: Channel, call: Callable[..., requests.Response]
) -> None:
    body = '{"source": "my.app", "type": "order:Paid", "data": {"id": 1.10}}'
    sent = call("POST", {"body": body}).json()["messageId"]
    messages = {one["id"]: one for one in call("GET").json()["messages"]}
    assert "1.10" in messages[sent]["body"]
    assert call("DELETE").json() == {"purged": 2}
    assert call("GET").json() == {"messages": []}


def test_a_queue_is_purged_of_messages_that_a_consumer_holds_or_that_are_delayed(
    fc_local: FcLocal,
) -> None:
    fc_local.create_queue("q")
    mns = fc_local.runtime.services.mns
    drafts = [Draft(message_id=f"M{delay}", body="x", delay_seconds=delay) for delay in (0, 0, 60)]
    fc_local.runtime.call(mns.send("q", drafts))
    fc_local.runtime.call(mns.receive("q", limit=1))
    url = f"{fc_local.endpoint}/_local/channels/queue/messages?name=q"
    assert requests.delete(url, timeout=10).json() == {"purged": 3}
    assert sum(fc_local.runtime.call(mns.counts("q"))) == 0


def test_all_messages_of_a_rocketmq_topic_are_purged_and_counted_not_the_latest_only(
    fc_local: FcLocal,
) -> None:
    fc_local.create_rocketmq_topic("MQ_INST_1", "r")
    rocketmq = fc_local.runtime.services.rocketmq
    for number in range(120):
        new = NewMessage(body=f"{number}")
        fc_local.runtime.call(rocketmq.publish("MQ_INST_1", "r", new))
    url = f"{fc_local.endpoint}/_local/channels/rocketmq/messages?name=r&instance=MQ_INST_1"
    assert requests.delete(url, timeout=10).json() == {"purged": 120}
    assert requests.get(url, timeout=10).json() == {"messages": []}


def test_a_message_of_rocketmq_has_its_tag_and_keys(fc_local: FcLocal) -> None:
    fc_local.create_rocketmq_topic("MQ_INST_1", "r")
    url = f"{fc_local.endpoint}/_local/channels/rocketmq/messages?name=r&instance=MQ_INST_1"
    body = {"body": "x", "tag": "paid", "keys": "order-1 order-2"}
    requests.post(url, json=body, timeout=10).raise_for_status()
    (message,) = requests.get(url, timeout=10).json()["messages"]
    assert message["attributes"] == {"tag": "paid", "properties": "KEYS:order-1 order-2|"}


def test_an_event_of_another_source_says_what_it_is(fc_local: FcLocal) -> None:
    fc_local.create_bus("b")
    url = f"{fc_local.endpoint}/_local/channels/bus/messages?name=b"
    event = {"source": "my.app", "type": "order:Paid", "subject": "orders/7", "data": {}}
    requests.post(url, json={"body": json.dumps(event)}, timeout=10).raise_for_status()
    (message,) = requests.get(url, timeout=10).json()["messages"]
    assert message["summary"] == {"source": "my.app", "type": "order:Paid", "subject": "orders/7"}


@pytest.mark.parametrize("field", ["subject", "source", "type", "id"])
def test_an_event_with_an_attribute_that_is_not_text_does_not_break_the_list(
    fc_local: FcLocal, field: str
) -> None:
    fc_local.create_bus("b")
    url = f"{fc_local.endpoint}/_local/channels/bus/messages?name=b"
    event = {"source": "my.app", "type": "order:Paid", "data": {}, field: 5}
    requests.post(url, json={"body": json.dumps(event)}, timeout=10)
    assert requests.get(url, timeout=10).status_code == 200


def test_a_channel_that_does_not_exist_is_refused(fc_local: FcLocal) -> None:
    base = f"{fc_local.endpoint}/_local/channels"
    for kind in ("queue", "topic", "rocketmq", "bus"):
        answer = requests.get(f"{base}/{kind}/messages?name=no", timeout=10)
        assert answer.status_code == 404, answer.text
    assert requests.get(f"{base}/pipe/messages?name=no", timeout=10).status_code == 400


@pytest.mark.parametrize("body", ["not json", "[]", "1", '{"a": 1}, {"b": 2}'])
def test_an_event_that_is_not_an_event_is_refused(fc_local: FcLocal, body: str) -> None:
    fc_local.runtime.call(fc_local.runtime.services.eventbridge.documents.create_bus("b"))
    url = f"{fc_local.endpoint}/_local/channels/bus/messages?name=b"
    answer = requests.post(url, data=json.dumps({"body": body}), timeout=10)
    assert answer.status_code == 400, answer.text


def ask(
    fc_local: FcLocal,
    method: str,
    channel: Channel,
    body: object = None,
    path: str = "messages",
) -> requests.Response:
    query = urllib.parse.urlencode({"name": channel.name, "instance": channel.instance})
    url = f"{fc_local.endpoint}/_local/channels/{channel.kind}/{path}?{query}"
    return requests.request(method, url, json=body, timeout=10)


@pytest.mark.parametrize("kind", CHANNELS, ids=lambda channel: channel.kind)
def test_failed_events_that_are_shown_are_replayed_once_and_leave_a_queue(
    kind: Channel, fc_local: FcLocal
) -> None:
    seen: list[bytes] = []

    def handler(event: bytes, _: object) -> None:
        seen.append(event)
        if len(seen) <= 2:
            raise ValueError("not yet")

    config = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": kind.arn}},
    }
    fc_local.deploy("pay", handler, async_config=config)
    fc_local.runtime.call(fc_local.runtime.services.follow(fc_local.runtime.registry.async_configs))
    for payload in (b"1", b"\xff2"):
        fc_local.client.invoke_async("pay", payload)
        fc_local.run_until_idle()
    ask(fc_local, "POST", kind, {"body": '{"source": "a", "type": "b", "data": {}}'})
    shown = [one["id"] for one in ask(fc_local, "GET", kind).json()["messages"]]
    assert len(shown) == 3
    replay = {"ids": shown}
    done = ask(fc_local, "POST", kind, replay, "messages/replay").json()
    assert (done["accepted"], done["before"], len(done["refused"])) == (2, 0, 1)
    again = ask(fc_local, "POST", kind, replay, "messages/replay").json()
    is_queue = kind.kind == "queue"
    assert (again["accepted"], again["before"]) == ((0, 0) if is_queue else (2, 2))
    fc_local.run_until_idle()
    assert sorted(seen) == sorted([b"1", b"\xff2"] * 2)
    fc_local.advance(1)  # what was not replayed is visible again
    assert len(ask(fc_local, "GET", kind).json()["messages"]) == (1 if is_queue else 3)


@pytest.mark.parametrize("kind", CHANNELS, ids=lambda channel: channel.kind)
def test_a_message_cannot_make_the_console_call_a_function_that_does_not_fail_into_the_channel(
    kind: Channel, fc_local: FcLocal
) -> None:
    called: list[bytes] = []
    fc_local.deploy("admin", lambda event, _: called.append(event))
    other = {"onFailure": {"destination": kind.arn}}
    fc_local.deploy("pay", lambda *_: None, async_config={"destinationConfig": other})
    fc_local.runtime.call(fc_local.runtime.services.follow(fc_local.runtime.registry.async_configs))
    forged = failure_event(function="admin", payload=b"all").source.decode()
    sent = {"source": "acs.fc", "type": "fc:AsyncInvoke:failed", "data": json.loads(forged)}
    body = json.dumps(sent) if kind.kind == "bus" else forged
    ask(fc_local, "POST", kind, {"body": body})
    shown = [one["id"] for one in ask(fc_local, "GET", kind).json()["messages"]]
    done = ask(fc_local, "POST", kind, {"ids": shown}, "messages/replay").json()
    fc_local.run_until_idle()
    assert (done["accepted"], called) == (0, [])
    assert "the failure destination of admin is another one" in done["refused"][shown[0]]


def test_only_the_messages_that_are_named_are_replayed(fc_local: FcLocal) -> None:
    queue = CHANNELS[0]
    fc_local.create_queue("q")
    ask(fc_local, "POST", queue, {"body": "hello"})
    done = ask(fc_local, "POST", queue, {"ids": []}, "messages/replay").json()
    assert done == {"accepted": 0, "before": 0, "refused": {}}
