# SPDX-License-Identifier: MIT
"""One case of each main page of the console, which every run of the tests has.

The other cases are campaigns: they take minutes in a browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin


def deploy_with(fc_local: FcLocal, name: str, **destinations: str) -> None:
    """Deploy a function with destinations by outcome."""
    targets = {outcome: {"destination": arn} for outcome, arn in destinations.items()}
    config: Any = {"asyncTask": True, "destinationConfig": targets}
    fc_local.deploy(name, lambda *_: None, async_config=config)


def test_the_counts_follow_the_filter(page: Page, fc_local: FcLocal, received: list[bytes]) -> None:
    fc_local.deploy("other", lambda *_: None, async_config={"asyncTask": True})
    for number in range(3):
        fc_local.client.invoke_async("orders", b"", task_id=f"order-{number}")
    fc_local.client.invoke_async("other", b"", task_id="other-1")
    fc_local.run_until_idle()
    page.goto("/console")
    page.get_by_text("4 tasks").wait_for()
    page.get_by_role("combobox", name="Query").fill("function:orders")
    page.keyboard.press("Enter")
    page.get_by_text("3 tasks").wait_for()
    tiles = page.get_by_role("group", name="Tasks by status")
    expect(tiles.get_by_role("button", name="Succeeded")).to_contain_text("3")
    expect(page.get_by_role("link", name="other-1")).to_have_count(0)


def test_a_waiting_task_is_stopped(page: Page, fc_local: FcLocal, received: list[bytes]) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console#/invocations/orders/first")
    page.get_by_role("button", name="Stop…").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_text("It is being stopped.").wait_for()
    assert fc_local.client.get_async_task("orders", "first").status == "Stopped"


def test_a_cycle_is_red_and_says_which_edge_to_cut(page: Page, fc_local: FcLocal) -> None:
    fc_local.deploy("b", lambda *_: None)
    deploy_with(fc_local, "a", onSuccess="acs:fc:::functions/b")
    queue = fc_local.create_queue("q")
    deploy_with(fc_local, "b", onSuccess="acs:fc:::functions/a", onFailure=queue)
    page.goto("/console#/functions")
    page.get_by_role("alert").get_by_text("Destination cycle.").wait_for()
    expect(page.locator(".canvas .route.cycle")).to_have_count(2)
    expect(page.get_by_role("img", name="remove this one to end the cycle")).to_have_count(1)
    page.get_by_text("As a table").click()
    rows = page.get_by_role("region", name="Where results go").get_by_role("row")
    assert rows.filter(has_text="cycle").count() - 1 == 2  # and the head


def test_the_first_task_is_made_from_the_empty_list(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console")
    page.get_by_role("button", name="Invoke a function…").click()
    dialog = page.get_by_role("dialog", name="Invoke a function")
    dialog.get_by_label("Task id").fill("first")
    dialog.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("heading", name="first").wait_for()
    assert fc_local.client.get_async_task("orders", "first").task_id == "first"


def test_an_event_that_is_given_up_again_is_said_to_be_so_with_the_reason(
    page: Page, fc_local: FcLocal, admin: Admin
) -> None:
    deploy_with(fc_local, "orders", onSuccess="acs:mns:::/queues/missing/messages")
    for number in range(2):
        fc_local.client.invoke_async("orders", b"{}", task_id=f"orders-{number}")
    fc_local.advance(3_600)
    page.goto("/console#/dead")
    row = page.get_by_role("row").filter(has_text="orders-1")
    row.get_by_role("button", name="Send again", exact=True).click()
    page.get_by_role("alert").get_by_text("1 event given up again: 404 QueueNotExist").wait_for()
    page.get_by_text("2 events given up", exact=True).wait_for()
    row.wait_for()
    dead = admin("GET", "/deliveries/dead")["deliveries"]
    assert "orders-1" in {delivery["taskId"] for delivery in dead}
