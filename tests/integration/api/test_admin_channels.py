# SPDX-License-Identifier: MIT
"""Queues, topics and buses through the admin API: what is in them, send, purge."""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING, Literal, NamedTuple

import pytest
import requests

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


def test_a_channel_that_does_not_exist_is_refused(fc_local: FcLocal) -> None:
    base = f"{fc_local.endpoint}/_local/channels"
    for kind in ("queue", "topic", "rocketmq", "bus"):
        answer = requests.get(f"{base}/{kind}/messages?name=no", timeout=10)
        assert answer.status_code == 404, answer.text
    assert requests.get(f"{base}/pipe/messages?name=no", timeout=10).status_code == 400


@pytest.mark.parametrize("body", ["not json", "[]", "1", '{"a": 1}, {"b": 2}'])
def test_an_event_that_is_not_an_event_is_refused(fc_local: FcLocal, body: str) -> None:
    fc_local.runtime.call(fc_local.runtime.services.eventbridge.create_bus("b"))
    url = f"{fc_local.endpoint}/_local/channels/bus/messages?name=b"
    answer = requests.post(url, data=json.dumps({"body": body}), timeout=10)
    assert answer.status_code == 400, answer.text
