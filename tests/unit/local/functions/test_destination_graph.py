# SPDX-License-Identifier: MIT
"""The destination graph of a runtime."""

from __future__ import annotations

import json

from fc_async_local.domain.rules import Account
from fc_async_local.functions.destination_graph import draw_graph
from fc_async_local.functions.records import AsyncConfigRecord, TriggerRecord
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig


def config(function, qualifier="LATEST", *, success=None, failure=None):
    return AsyncConfigRecord(
        function=function,
        qualifier=qualifier,
        config=AsyncConfig(
            destination_config=DestinationConfig(
                on_success=Destination(destination=success) if success else None,
                on_failure=Destination(destination=failure) if failure else None,
            )
        ),
        created_at=0,
        modified_at=0,
    )


def trigger(function, name, kind, config="{}", *, source=None, **more):
    settings = {"triggerType": kind, "triggerConfig": config, "qualifier": "LATEST"}
    return TriggerRecord(
        function=function,
        name=name,
        trigger_id="",
        settings={**settings, **({"sourceArn": source} if source else {})},
        created_at=0,
        modified_at=0,
        **more,
    )


def graph(*configs, functions=(), triggers=()):
    place = Account(region="cn-hangzhou", account_id="1")
    return draw_graph(configs, functions, triggers, place)


def kinds(drawn):
    return {name: node.kind for name, node in drawn.nodes.items()}


def test_targets_outside_are_named_in_full():
    drawn = graph(
        config("a", success="acs:fc:::functions/b", failure="acs:mns:::/queues/q/messages"),
        functions=["lonely"],
    )
    queue = "acs:mns:cn-hangzhou:1:/queues/q/messages"
    assert kinds(drawn) == {
        "a/LATEST": "function",
        queue: "mns-queue",
        "b/LATEST": "function",
        "lonely/LATEST": "function",
    }
    assert [(one.source, one.target, one.outcome, one.destination) for one in drawn.edges] == [
        ("a/LATEST", queue, "failure", queue),
        ("a/LATEST", "b/LATEST", "success", "acs:fc:cn-hangzhou:1:functions/b"),
    ]


def test_functions_of_other_accounts_and_regions_are_other_nodes():
    drawn = graph(
        config("b", success="acs:fc:cn-hangzhou:222:functions/a"),
        config("a", success="acs:fc:cn-hangzhou:1:functions/b"),
        config("c", success="acs:fc:cn-shanghai:1:functions/c"),
    )
    assert [edge for edge in drawn.edges if edge.cyclic] == []
    assert drawn.nodes["acs:fc:cn-hangzhou:222:functions/a"].kind == "function"
    edges = [(edge.source, edge.target, edge.outcome) for edge in drawn.edges]
    assert ("a/LATEST", "b/LATEST", "success") in edges


def test_edges_of_a_cycle_are_marked_and_no_others():
    drawn = graph(
        config("into", success="acs:fc:::functions/a"),
        config("a", success="acs:fc:::functions/b", failure="acs:fc:::functions/out"),
        config("b", success="acs:fc:::functions/a/LATEST"),
        config("self", failure="acs:fc:::functions/self"),
        config("a", "prod", success="acs:fc:::functions/a"),
    )
    assert {(e.source, e.target) for e in drawn.edges if e.cyclic} == {
        ("a/LATEST", "b/LATEST"),
        ("b/LATEST", "a/LATEST"),
        ("self/LATEST", "self/LATEST"),
    }


def test_a_trigger_of_each_type_is_an_edge_from_what_fires_it():
    rocketmq = {"InstanceId": "i", "Topic": "t", "GroupID": "g"}
    parameters = {"eventSourceParameters": {"sourceRocketMQParameters": rocketmq}}
    sources = {"eventSourceConfig": {"eventSourceType": "RocketMQ", **parameters}}
    drawn = graph(
        functions=["f"],
        triggers=[
            trigger("f", "a", "timer", '{"cronExpression": "@every 5m"}'),
            trigger("f", "b", "oss", source="acs:oss:cn-hangzhou:1:uploads"),
            trigger("f", "c", "http"),
            trigger("f", "d", "mns_topic", source="acs:mns:cn-hangzhou:1:/topics/paid"),
            trigger("f", "e", "eventbridge", json.dumps(sources)),
            trigger("f", "g", "eventbridge", source="acs:eventbridge:cn-hangzhou:1:eventbus/b"),
            trigger("f", "h", "kafka"),
        ],
    )
    assert {edge.via: (edge.source, edge.target, edge.outcome) for edge in drawn.edges} == {
        "a": ("timer @every 5m", "f/LATEST", "trigger"),
        "b": ("bucket uploads", "f/LATEST", "trigger"),
        "c": ("HTTP callers", "f/LATEST", "trigger"),
        "d": ("acs:mns:cn-hangzhou:1:/topics/paid/messages", "f/LATEST", "trigger"),
        "e": ("acs:mq:cn-hangzhou:1:/instances/i/topic/t", "f/LATEST", "trigger"),
        "g": ("acs:eventbridge:cn-hangzhou:1:eventbus/b", "f/LATEST", "trigger"),
    }


def test_a_cycle_through_a_trigger_is_marked_unless_a_comment_waives_it():
    topic = "acs:mns:cn-hangzhou:1:/topics/paid"
    sends = config("f", success=f"{topic}/messages")
    found = graph(sends, triggers=[trigger("f", "back", "mns_topic", source=topic)])
    assert [(edge.outcome, edge.cyclic) for edge in found.edges] == [
        ("trigger", True),
        ("success", True),
    ]
    assert sum(edge.cut for edge in found.edges) == 1
    waived = graph(sends, triggers=[trigger("f", "back", "mns_topic", source=topic, waived=True)])
    assert [edge.cyclic or edge.cut for edge in waived.edges] == [False, False]
    assert [edge.waived for edge in waived.edges] == [True, False]
