# SPDX-License-Identifier: MIT
"""The scene of destinations: which edge of a cycle is to be removed."""

from __future__ import annotations

from msgspec.structs import replace

from fc_async_local.functions.destination_graph import Graph, scene_of
from fc_async_sdk.admin.models import Edge
from fc_async_sdk.spec import arn
from fc_async_sdk.spec.graph import Node

QUEUE = "acs:mns:cn-hangzhou:1:/queues/failed/messages"


def own(name: str) -> Node:
    function, _, qualifier = name.partition("/")
    return Node("function", "cn-hangzhou", "1", function, qualifier)


def edge(source: str, target: str, *, cyclic: bool = False, cut: bool = False) -> Edge:
    return Edge(
        source=source,
        target=target,
        outcome="success",
        cyclic=cyclic,
        cut=cut,
        written="",
        destination="",
        delivered=0,
        lost=0,
    )


def graph(*edges: Edge) -> Graph:
    names = sorted({name for one in edges for name in (one.source, one.target)})
    nodes = {name: Node.of(arn.parse(name)) if name == QUEUE else own(name) for name in names}
    return Graph(nodes, edges)


def test_the_edge_to_cut_is_marked_in_the_drawing():
    found = graph(edge("a", "b", cyclic=True), edge("b", "a", cyclic=True, cut=True))
    routes = scene_of(found).routes
    assert [(route.cut, "✂" in route.label) for route in routes] == [(False, False), (True, True)]


def test_boxes_have_the_names_that_a_user_gave():
    found = graph(edge("orders/LATEST", "mail/prod"), edge("mail/prod", QUEUE))
    boxes = scene_of(found).boxes
    assert sorted(box.label for box in boxes) == ["mail/prod", "orders", "queue failed"]


def test_an_empty_graph_has_an_empty_scene():
    assert scene_of(Graph({}, ())).boxes == ()


def test_a_count_that_grows_moves_nothing_until_it_has_another_digit():
    found = graph(edge("a", "b"))
    scenes = [
        scene_of(found._replace(edges=(replace(found.edges[0], delivered=number),)))
        for number in (110, 999, 1_000)
    ]
    assert scenes[0] == scenes[1] != scenes[2]
    (route,) = scenes[2].routes
    assert len(route.label) == len("success: 1,000")
