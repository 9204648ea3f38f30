# SPDX-License-Identifier: MIT
"""Which node a destination is: what is empty is mine, LATEST is none, aliases are versions."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from fc_async_plugin.check.graph import find_cycles
from fc_async_plugin.check.graph.build import LiveFunction, LiveRegion, build, source_node
from fc_async_plugin.s_yaml import Position, Resource
from fc_async_sdk.models import Trigger
from fc_async_sdk.spec.graph import Node


def resource(name: str, qualifier: str | None = None, **outcomes: str) -> Resource:
    targets = {outcome: {"destination": text} for outcome, text in outcomes.items()}
    block: dict[str, Any] = {"destinationConfig": targets}
    if qualifier is not None:
        block["qualifier"] = qualifier
    return Resource(
        name=name,
        component="fc3",
        region="cn-hangzhou",
        account_id="123",
        function_name=name,
        props={"asyncInvokeConfig": block},
        places=lambda _: [],
        position=Position("s.yaml", 1, 1),
    )


@pytest.mark.parametrize(
    "text",
    [
        "acs:fc:::functions/a",
        "acs:fc:cn-hangzhou::functions/a",
        "acs:fc::123:functions/a",
        "acs:fc:cn-hangzhou:123:functions/a/LATEST",
    ],
)
def test_all_spellings_of_a_function_are_one_node(text: str) -> None:
    (cycle,) = find_cycles(build([resource("a", onSuccess=text)]))
    assert cycle.nodes == [Node("function", "cn-hangzhou", "123", "a", "LATEST")]


@pytest.mark.parametrize(
    "text",
    [
        "acs:fc:cn-shanghai::functions/a",
        "acs:fc::999:functions/a",
        "acs:fc:::functions/a/prod",
        "acs:mns:::/queues/a/messages",
        "nonsense",
    ],
)
def test_what_is_elsewhere_is_another_node(text: str) -> None:
    assert find_cycles(build([resource("a", onSuccess=text)])) == []


def unowned(name: str, destination: str) -> Resource:
    return msgspec.structs.replace(resource(name, onSuccess=destination), account_id="")


@pytest.mark.parametrize(
    ("first", "second", "cyclic"),
    [
        ("111", "222", False),
        ("111", "111", True),
        ("111", "", True),
        ("", "222", True),
        ("", "", True),
    ],
)
def test_functions_of_two_accounts_are_no_cycle_though_the_own_account_is_unknown(
    first: str, second: str, cyclic: bool
) -> None:
    a = unowned("a", f"acs:fc::{first}:functions/b")
    b = unowned("b", f"acs:fc::{second}:functions/a")
    assert bool(find_cycles(build([a, b]))) is cyclic


def test_a_cycle_of_the_account_that_is_named_less_often_is_found() -> None:
    others = [unowned(name, "acs:fc::111:functions/z") for name in "cdef"]
    a = unowned("a", "acs:fc::222:functions/b")
    b = unowned("b", "acs:fc::222:functions/a")
    (cycle,) = find_cycles(build([*others, a, b]))
    assert [node.label for node in cycle.nodes] == ["a", "b"]


def test_a_weighted_alias_is_on_the_cycle_of_any_of_its_versions() -> None:
    a = resource("a", "prod", onSuccess="acs:fc:::functions/b")
    b = resource("b", onSuccess="acs:fc:::functions/a/2")
    assert find_cycles(build([a, b])) == []
    (cycle,) = find_cycles(build([a, b], aliases={source_node(a): ("1", "2")}))
    assert [node.label for node in cycle.nodes] == ["a/2", "b"]


def test_edges_that_only_the_account_knows_close_cycles_too() -> None:
    a = resource("a", onSuccess="acs:fc:::functions/b")
    b = resource("b", onSuccess="acs:fc:::functions/a")
    live = build([b]).edges
    (cycle,) = find_cycles(build([a], live=live))
    assert [node.label for node in cycle.nodes] == ["a", "b"]


@pytest.mark.parametrize(
    ("node", "label"),
    [
        (Node("function", "r", "1", "a", "LATEST"), "a"),
        (Node("function", "r", "1", "a", "prod"), "a/prod"),
        (Node("mns-queue", "r", "1", "q"), "queue q"),
        (Node("rocketmq", "r", "1", "i/t"), "RocketMQ topic i/t"),
    ],
)
def test_a_node_is_called_what_people_call_it(node: Node, label: str) -> None:
    assert node.label == label


EVERY_SOURCE: list[dict[str, Any]] = [
    {
        "triggerType": "timer",
        "triggerName": "often",
        "triggerConfig": {"cronExpression": "@every 5m"},
    },
    {
        "triggerType": "oss",
        "triggerName": "new",
        "sourceArn": "acs:oss:cn-hangzhou:123:pictures",
    },
    {"triggerType": "http", "triggerName": "web"},
    {
        "triggerType": "eventbridge",
        "triggerName": "cloud",
        "triggerConfig": {"eventSourceConfig": {"eventSourceType": "Default"}},
    },
]


def test_timers_buckets_http_and_the_default_bus_are_edges_and_close_no_cycle() -> None:
    a = resource("a", onSuccess="acs:fc:::functions/b")
    b = resource("b", onFailure="acs:mns:::/queues/dead/messages")
    b = msgspec.structs.replace(b, props={**b.props, "triggers": EVERY_SOURCE})
    graph = build([a, b])
    into = {(edge.source.label, edge.via) for edge in graph.edges if edge.kind == "trigger"}
    assert into == {
        ("timer @every 5m", "often"),
        ("bucket pictures", "new"),
        ("HTTP callers", "web"),
        ("event bus default", "cloud"),
    }
    assert find_cycles(graph) == []


def test_the_triggers_of_an_account_have_the_same_sources() -> None:
    made = [
        Trigger(
            trigger_name=one["triggerName"],
            trigger_type=one["triggerType"],
            source_arn=one.get("sourceArn"),
            trigger_config=json.dumps(one.get("triggerConfig", {})),
        )
        for one in EVERY_SOURCE
    ]
    live = LiveFunction(triggers=tuple(made))
    edges = LiveRegion("cn-hangzhou", "123", {"b": live}).edges(())
    b = msgspec.structs.replace(resource("b"), props={"triggers": EVERY_SOURCE})
    assert {edge.source for edge in edges} == {edge.source for edge in build([b]).edges}
