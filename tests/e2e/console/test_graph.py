# SPDX-License-Identifier: MIT
"""The graph of destinations: search, zoom, what is under the pointer or the keyboard, cycles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import create

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def connect(fc_local: FcLocal, name: str, **destinations: str) -> None:
    """Deploy a function with destinations by outcome; a plain name is a function."""
    targets = {
        outcome: {"destination": arn if ":" in arn else f"acs:fc:::functions/{arn}"}
        for outcome, arn in destinations.items()
    }
    config: Any = {"asyncTask": True, "destinationConfig": targets}
    fc_local.deploy(name, lambda *_: None, async_config=config)


@pytest.fixture
def graph(page: Page, fc_local: FcLocal) -> Locator:
    """orders → mail → archive (a queue); orders fails into mail-failed."""
    archive = fc_local.create_queue("archive")
    fc_local.deploy("mail-failed", lambda *_: None)
    connect(fc_local, "mail", onSuccess=archive)
    connect(fc_local, "orders", onSuccess="mail", onFailure="mail-failed")
    page.goto("/console#/functions")
    canvas = page.get_by_role("region", name="Graph of destinations")
    canvas.wait_for()
    return canvas


def width(graph: Locator) -> float:
    return float(graph.locator("svg").get_attribute("width") or "0")


def under(page: Page) -> Locator:
    return page.locator(".graph .under")


def test_a_search_counts_and_marks_the_nodes_and_fades_the_others(
    page: Page, graph: Locator
) -> None:
    page.get_by_label("Find a node").fill("MAIL")
    page.get_by_role("status").get_by_text("2 found").wait_for()
    expect(graph.locator(".box.found", has_text="mail")).to_have_count(2)
    expect(graph.locator(".box.found")).to_have_count(2)
    expect(graph.locator(".box.faint")).to_have_count(graph.locator(".box").count() - 2)
    # The edge between two faint nodes is faint; an edge of a found one is not.
    expect(graph.locator(".route.faint")).to_have_count(0)
    page.get_by_label("Find a node").fill("archive")
    page.get_by_role("status").get_by_text("1 found").wait_for()
    expect(graph.locator(".route.faint")).to_have_count(2)
    page.get_by_label("Find a node").fill("")
    page.get_by_role("status").get_by_text("found").wait_for(state="detached")
    expect(graph.locator(".faint")).to_have_count(0)


def test_the_graph_is_made_larger_and_smaller_with_buttons_and_keys(
    page: Page, graph: Locator
) -> None:
    first = width(graph)
    page.get_by_role("button", name="Larger").click()
    larger = width(graph)
    assert larger > first
    page.get_by_role("button", name="Smaller").press("Enter")
    assert width(graph) == pytest.approx(first)
    graph.focus()
    page.keyboard.press("+")
    assert width(graph) == pytest.approx(larger)
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert width(graph) < first
    page.keyboard.press("0")
    assert width(graph) == pytest.approx(first)
    for _ in range(30):
        page.keyboard.press("-")
    smallest = width(graph)
    page.keyboard.press("-")
    assert 0 < smallest == width(graph)


def test_a_node_under_the_pointer_shows_its_edges_and_what_it_delivered(
    page: Page, fc_local: FcLocal, graph: Locator
) -> None:
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    graph.get_by_role("link", name=re.compile("^orders")).hover()
    under(page).get_by_text("delivered 1").wait_for()
    expect(under(page)).to_contain_text("orders")
    expect(graph.locator(".route.faint")).to_have_count(1)
    page.get_by_role("heading", name="Where results go").hover()
    under(page).get_by_text("Point at a node").wait_for()
    expect(graph.locator(".route.faint")).to_have_count(0)


def test_nodes_and_edges_are_read_and_opened_with_the_keyboard(page: Page, graph: Locator) -> None:
    graph.focus()
    seen = set()
    for _ in range(3 + 3):
        page.keyboard.press("Tab")
        seen.add(under(page).inner_text().split(":")[0])
    assert {"orders/LATEST to mail/LATEST on success"} <= seen
    assert {"orders/LATEST to mail-failed/LATEST on failure"} <= seen
    assert {name.split("/")[0] for name in seen} >= {"orders", "mail", "mail-failed"}
    graph.get_by_role("link", name=re.compile("^orders")).press("Enter")
    page.get_by_role("heading", name="orders").wait_for()


def test_an_edge_under_the_pointer_is_named_and_fades_the_others(
    page: Page, graph: Locator
) -> None:
    edge = graph.get_by_role("img", name="orders/LATEST to mail/LATEST on success")
    # In the middle of the line: the middle of its box may be beside it.
    x, y = edge.locator("polyline").last.evaluate(
        """line => {
            const middle = line.getPointAtLength(line.getTotalLength() / 2);
            const shown = middle.matrixTransform(line.getScreenCTM());
            return [shown.x, shown.y];
        }"""
    )
    page.mouse.move(x, y)
    under(page).get_by_text("orders/LATEST to mail/LATEST on success").wait_for()
    expect(graph.locator(".route.faint")).to_have_count(2)
    assert "faint" not in (edge.get_attribute("class") or "")
    page.get_by_role("heading", name="Where results go").hover()
    under(page).get_by_text("Point at a node or an edge").wait_for()
    expect(graph.locator(".route.faint")).to_have_count(0)


def test_functions_without_destinations_say_so(page: Page, fc_local: FcLocal) -> None:
    fc_local.deploy("alone", lambda *_: None)
    page.goto("/console#/functions")
    page.get_by_text("No destinations and no triggers are configured.").wait_for()


def test_triggers_are_edges_from_what_fires_them(page: Page, fc_local: FcLocal) -> None:
    topic = fc_local.create_topic("again")
    connect(fc_local, "poll", onFailure=topic)
    for name, kind, more in (
        ("nightly", "timer", {"triggerConfig": '{"cronExpression": "@every 5m"}'}),
        ("back", "mns_topic", {"sourceArn": topic.removesuffix("/messages")}),
    ):
        body = {"triggerName": name, "triggerType": kind, "triggerConfig": "{}", **more}
        create(fc_local.endpoint, "poll/triggers", **body)
    page.goto("/console#/functions")
    page.get_by_role("img", name="timer @every 5m to poll/LATEST by trigger nightly").wait_for()
    page.get_by_role("alert").get_by_text("trigger back of poll/LATEST").wait_for()
    expect(page.locator(".canvas .route.trigger")).to_have_count(2)
    expect(page.locator(".canvas .route.trigger.cycle")).to_have_count(1)
    expect(page.locator(".canvas .box.outside")).to_have_count(2)


def test_an_edge_that_a_comment_of_the_template_waives_is_on_no_cycle(
    page: Page, fc_local: FcLocal
) -> None:
    connect(fc_local, "poll", onSuccess="poll")
    place = {"function": "poll", "outcome": "success", "place": "s.yaml:9:5", "waived": True}
    place["destination"] = "acs:fc:::functions/poll"
    url = f"{fc_local.endpoint}/_local/async-config-places"
    requests.put(url, json={"places": [place]}, timeout=10).raise_for_status()
    page.goto("/console#/functions")
    page.get_by_role("img", name="a comment takes it out of the search for cycles").wait_for()
    expect(page.locator(".canvas .route.cycle")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_text("As a table").click()
    page.get_by_text("ignored by a comment").wait_for()


def test_a_search_scrolls_to_a_node_and_enter_goes_on(page: Page, fc_local: FcLocal) -> None:
    for number in range(40):
        connect(fc_local, f"step-{number}", onSuccess=f"step-{number + 1}")
    page.goto("/console#/functions")
    canvas = page.get_by_role("region", name="Graph of destinations")
    canvas.wait_for()

    def seen(name: str) -> bool:
        frame = canvas.bounding_box()
        node = canvas.locator(".box").filter(has_text=name).last.bounding_box()
        assert frame is not None
        assert node is not None
        inside: bool = frame["x"] <= node["x"] < frame["x"] + frame["width"]
        return inside and frame["y"] <= node["y"] < frame["y"] + frame["height"]

    find = page.get_by_label("Find a node")
    find.fill("step-3")
    under(page).get_by_text("step-3/").wait_for()
    for number in range(30, 40):
        find.press("Enter")
        under(page).get_by_text(f"step-{number}/").wait_for()
        assert seen(f"step-{number}")
    find.press("Enter")
    under(page).get_by_text("step-3/").wait_for()


def test_a_crowded_queue_is_a_badge_and_all_its_edges_are_in_the_table(
    page: Page, fc_local: FcLocal
) -> None:
    dead = fc_local.create_queue("dead-letters")
    for number in range(6):
        connect(fc_local, f"step-{number}", onFailure=dead)
    page.goto("/console#/functions")
    canvas = page.get_by_role("region", name="Graph of destinations")
    canvas.wait_for()
    expect(canvas.locator(".route")).to_have_count(0)
    assert canvas.locator(".box", has_text="dead-letters").get_by_text("① ← 6").count() > 0
    expect(canvas.locator("text", has_text="failure → ①")).to_have_count(6)
    page.get_by_text("As a table").click()
    table = page.get_by_role("region", name="Where results go")
    expect(table.get_by_role("row").filter(has_text="dead-letters")).to_have_count(6)


def test_a_badge_counts_what_was_delivered(page: Page, fc_local: FcLocal) -> None:
    dead = fc_local.create_queue("dead-letters")
    for number in range(6):
        connect(fc_local, f"step-{number}", onSuccess=dead)
    for _ in range(3):
        fc_local.client.invoke_async("step-0", b"")
    fc_local.run_until_idle()
    page.goto("/console#/functions")
    canvas = page.get_by_role("region", name="Graph of destinations")
    canvas.locator("text", has_text="success: 3 → ①").wait_for()
    expect(canvas.locator("text", has_text="success → ①")).to_have_count(5)
