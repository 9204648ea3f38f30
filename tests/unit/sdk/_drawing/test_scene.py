# SPDX-License-Identifier: MIT
"""The geometry of scenes: of 200 random graphs, and of the shapes that are hard to draw."""

from __future__ import annotations

import itertools
import random
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk._drawing import Box, Item, Link, Route, Scene, advice, compute, svg

if TYPE_CHECKING:
    from collections.abc import Iterable

KINDS = ("success", "failure", "trigger")
Rectangle = tuple[float, float, float, float]
Point = tuple[float, float]


def random_graph(seed: int) -> tuple[list[Item], list[Link]]:
    dice = random.Random(seed)
    count = dice.randint(1, 40)
    items = [
        Item("f" * dice.randint(1, 40), note=dice.choice(["", "1,234 accepted"]))
        for _ in range(count)
    ]
    links = [
        Link(dice.randrange(count), dice.randrange(count), kind, f"{kind} {dice.randint(0, 9999)}")
        for kind in dice.choices(KINDS, k=dice.randint(0, int(count * 1.8)))
    ]
    return items, links


def area(box: Box) -> Rectangle:
    return (box.x, box.y, box.width, box.height)


def overlap(one: Rectangle, other: Rectangle, slack: float = 0.3) -> bool:
    """Return whether two areas share more than an error of rounding."""
    return (
        one[0] + slack < other[0] + other[2]
        and other[0] + slack < one[0] + one[2]
        and one[1] + slack < other[1] + other[3]
        and other[1] + slack < one[1] + one[3]
    )


def segments(route: Route) -> list[tuple[Point, Point]]:
    return list(itertools.pairwise(route.points))


def around(begin: Point, end: Point) -> Rectangle:
    (x1, y1), (x2, y2) = begin, end
    return (min(x1, x2), min(y1, y2), abs(x1 - x2), abs(y1 - y2))


def overlaps(areas: Iterable[tuple[Rectangle, Rectangle]], fault: str) -> list[str]:
    return [fault for one, other in areas if overlap(one, other)]


def on_lines(scene: Scene) -> list[str]:
    """Return a fault for each label that the line of another edge runs through."""
    labelled = [
        (route.label_at, other)
        for route, other in itertools.permutations(scene.routes, 2)
        if route.label_at
    ]
    return [
        "a label lies on the line of another edge"
        for label, other in labelled
        for segment in segments(other)
        if overlap(around(*segment), label)
    ]


def faults_of(route: Route, boxes: list[Rectangle]) -> list[str]:
    """Return what is wrong with a line, its boxes and all others."""
    found = []
    for begin, end in segments(route):
        oblique = begin[0] != end[0] and begin[1] != end[1]
        found += ["a segment is oblique"] * oblique
        crossed = any(overlap(around(begin, end), box, 1.0) for box in boxes)
        found += ["an edge crosses a box"] * crossed
    for (x1, y1), (x2, y2), (x3, y3) in zip(
        route.points, route.points[1:], route.points[2:], strict=False
    ):
        found += ["a turn leads nowhere"] * (x1 == x2 == x3 or y1 == y2 == y3)
    ends = [(route.points[0], boxes[route.source]), (route.points[-1], boxes[route.target])]
    for (x, y), box in ends:
        touches = overlap((x - 2, y - 2, 4, 4), box)
        found += ["an edge ends away from its box"] * (not touches)
    return found


def is_inside(rectangle: Rectangle, scene: Scene) -> bool:
    left, top, width, height = rectangle
    if left < 0 or top < 0:
        return False
    return left + width <= scene.width and top + height <= scene.height


def faults(scene: Scene) -> list[str]:
    boxes = [area(box) for box in scene.boxes]
    labels = [route.label_at for route in scene.routes if route.label_at]
    found = overlaps(itertools.combinations(boxes, 2), "two boxes overlap")
    found += overlaps(itertools.combinations(labels, 2), "two labels overlap")
    found += overlaps(itertools.product(labels, boxes), "a label overlaps a box")
    found += on_lines(scene)
    for route in scene.routes:
        found += faults_of(route, boxes) if route.points else []
    outside = [rectangle for rectangle in (*boxes, *labels) if not is_inside(rectangle, scene)]
    return found + ["something is outside of the drawing"] * len(outside)


@pytest.mark.parametrize("seed", range(200))
def test_no_edge_crosses_a_box_and_no_label_overlaps(seed: int) -> None:
    items, links = random_graph(seed)
    scene = compute(items, links)
    assert (len(scene.boxes), len(scene.routes)) == (len(items), len(links))
    assert faults(scene) == []


def test_nearly_every_label_has_a_place() -> None:
    routes = [route for seed in range(40) for route in compute(*random_graph(seed)).routes]
    placed = sum(route.label_at is not None for route in routes)
    assert placed >= 0.98 * len(routes)


def test_the_same_graph_has_the_same_scene() -> None:
    assert compute(*random_graph(7)) == compute(*random_graph(7))


def test_a_graph_without_nodes_is_an_empty_scene() -> None:
    scene = compute([], [])
    assert (scene.boxes, scene.routes) == ((), ())
    assert scene.width > 0


def test_many_small_pipelines_are_about_as_wide_as_high() -> None:
    items = [Item(f"function-{number}") for number in range(160)]
    links = [
        Link(number, number + 1, "success", "success") for number in range(160) if number % 4 < 3
    ]
    scene = compute(items, links[:-1] if links[-1].target >= 160 else links)
    assert 0.8 < scene.width / scene.height < 3
    assert faults(scene) == []


def test_a_graph_of_five_hundred_functions_is_drawn() -> None:
    dice = random.Random(1)
    items = [Item(f"function-{number}") for number in range(500)]
    links = [
        Link(number, dice.randrange(number + 1, min(500, number + 12)), "success", "success")
        for number in range(499)
    ]
    assert faults(compute(items, links)) == []


def test_a_function_may_be_its_own_destination_and_have_several_edges_to_another() -> None:
    links = [
        Link(0, 0, "failure", "failure"),
        *(Link(0, 1, kind, kind) for kind in KINDS),
        Link(1, 0, "success", "success"),
    ]
    scene = compute([Item("a"), Item("b")], links)
    assert faults(scene) == []
    assert all(route.label_at for route in scene.routes)


def test_long_and_wide_labels_fit_their_boxes() -> None:
    scene = compute([Item("x" * 100), Item("订单" * 8)], [])
    long, wide = scene.boxes
    assert long.label.endswith("…")
    assert long.title == "x" * 100
    assert wide.width >= 16 * 13


class TestWithoutTheLayoutEngine:
    """Graphs where no wheel of the engine can be installed."""

    @pytest.fixture(autouse=True)
    def no_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "graphlay", None)

    @pytest.mark.parametrize("downwards", [False, True])
    @pytest.mark.parametrize("seed", range(60))
    def test_no_edge_crosses_a_box_and_no_label_overlaps(self, seed: int, downwards: bool) -> None:
        items, links = random_graph(seed)
        scene = compute(items, links, downwards=downwards)
        assert (len(scene.boxes), len(scene.routes)) == (len(items), len(links))
        assert faults(scene) == []

    def test_nearly_every_label_has_a_place(self) -> None:
        routes = [route for seed in range(40) for route in compute(*random_graph(seed)).routes]
        drawn = [route for route in routes if route.points]
        assert sum(route.label_at is not None for route in drawn) >= 0.98 * len(drawn)

    def test_a_pipeline_is_a_straight_line(self) -> None:
        links = [Link(number, number + 1, "success", "success") for number in range(4)]
        scene = compute([Item(f"step-{number}") for number in range(5)], links)
        assert len({box.y for box in scene.boxes}) == 1
        assert [len(route.points) for route in scene.routes] == [2] * 4
        assert sorted(scene.boxes, key=lambda box: box.x) == list(scene.boxes)

    def test_the_same_graph_has_the_same_scene(self) -> None:
        assert compute(*random_graph(7)) == compute(*random_graph(7))

    def test_a_graph_of_five_hundred_functions_is_drawn(self) -> None:
        links = [Link(number, number // 2, "success", "success") for number in range(1, 500)]
        scene = compute([Item(f"function-{number}") for number in range(500)], links)
        assert len(scene.boxes) == 500

    def test_the_extra_that_draws_better_is_named(self) -> None:
        assert "[graphs]" in advice()


def test_with_the_layout_engine_nothing_is_advised() -> None:
    assert advice() == ""


def test_a_crowded_end_is_a_badge_in_the_notes_and_has_no_edges() -> None:
    items = [Item("dead-letters", "queue"), *(Item(f"f{number}") for number in range(7))]
    links = [Link(number, 0, "failure", "failure: 3") for number in range(1, 7)]
    links.append(Link(1, 7, "success", "success"))
    scene = compute(items, links)
    assert [len(route.points) > 0 for route in scene.routes] == [*[False] * 6, True]
    assert scene.boxes[0].note == "① ← 6"
    assert {box.note for box in scene.boxes[1:7]} == {"failure: 3 → ①"}
    assert faults(scene) == []


def test_five_inputs_are_drawn_and_an_end_that_leads_on_always_is() -> None:
    five = [Link(number, 0, "failure", "failure") for number in range(1, 6)]
    items = [Item(str(number)) for number in range(8)]
    assert all(route.points for route in compute(items, five).routes)
    onward = [Link(number, 0, "success", "success") for number in range(1, 7)]
    assert all(
        route.points for route in compute(items, [*onward, Link(0, 7, "success", "")]).routes
    )


def test_what_is_on_a_cycle_stands_first() -> None:
    links = [Link(number, number + 1, "success", "success") for number in range(8)]
    links += [Link(9, 10, "success", "success", on_cycle=True)]
    links += [Link(10, 9, "success", "success", on_cycle=True)]
    scene = compute([Item(str(number)) for number in range(11)], links)
    assert min(box.y for box in scene.boxes[9:]) < min(box.y for box in scene.boxes[:9])


def test_a_drawing_has_literal_colours_for_programs_that_know_no_variables() -> None:
    drawn = svg.draw(compute([Item("a"), Item("b")], [Link(0, 1, "success", "success")]), "graph")
    assert "var(" not in drawn
    assert "fill: #fff" in drawn
    assert "prefers-color-scheme: dark" in drawn
