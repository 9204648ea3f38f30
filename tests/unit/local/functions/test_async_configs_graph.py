# SPDX-License-Identifier: MIT
"""The destination graph of a runtime."""

from __future__ import annotations

from fc_async_local.domain.rules import Place
from fc_async_local.functions.async_configs import Edge, draw_graph
from fc_async_local.functions.records import AsyncConfigRecord
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


def graph(*configs, functions=()):
    return draw_graph(configs, functions, Place(region="cn-hangzhou", account_id="1"))


def test_targets_outside_are_named_in_full():
    drawn = graph(
        config("a", success="acs:fc:::functions/b", failure="acs:mns:::/queues/q/messages"),
        functions=["lonely"],
    )
    queue = "acs:mns:cn-hangzhou:1:/queues/q/messages"
    assert drawn.nodes == {
        "a/LATEST": "function",
        queue: "mns-queue",
        "b/LATEST": "function",
        "lonely/LATEST": "function",
    }
    assert drawn.edges == (
        Edge("a/LATEST", queue, "failure", destination=queue),
        Edge("a/LATEST", "b/LATEST", "success", destination="acs:fc:cn-hangzhou:1:functions/b"),
    )


def test_functions_of_other_accounts_and_regions_are_other_nodes():
    drawn = graph(
        config("b", success="acs:fc:cn-hangzhou:222:functions/a"),
        config("a", success="acs:fc:cn-hangzhou:1:functions/b"),
        config("c", success="acs:fc:cn-shanghai:1:functions/c"),
    )
    assert [edge for edge in drawn.edges if edge.cyclic] == []
    assert drawn.nodes["acs:fc:cn-hangzhou:222:functions/a"] == "function"
    assert ("a/LATEST", "b/LATEST", "success") in [edge[:3] for edge in drawn.edges]


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
