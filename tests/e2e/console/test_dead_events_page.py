# SPDX-License-Identifier: MIT
"""Dead events: one, some or all of a filter are sent again or forgotten, with true counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow

QUEUE = "acs:mns:::/queues/missing/messages"
OTHER = "acs:mns:::/queues/absent/messages"


@pytest.fixture
def dead(fc_local: FcLocal) -> None:
    """Three dead events of orders for one queue, and two of mail for another."""
    for name, number, queue in (("orders", 3, QUEUE), ("mail", 2, OTHER)):
        destination = {"onSuccess": {"destination": queue}}
        config: Any = {"asyncTask": True, "destinationConfig": destination}
        fc_local.deploy(name, lambda *_: None, async_config=config)
        for index in range(number):
            fc_local.client.invoke_async(name, b"{}", task_id=f"{name}-{index}")
    fc_local.advance(3_600)


def of(admin: Admin) -> list[str]:
    """Return the tasks that have a dead event."""
    return sorted(one["taskId"] for one in admin("GET", "/deliveries/dead")["deliveries"])


def waiting(fc_local: FcLocal, queue: str) -> int:
    fc_local.run_until_idle()
    return fc_local.runtime.call(fc_local.runtime.services.mns.counts(queue)).active


def confirm(page: Page, verb: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


def select(page: Page, *tasks: str) -> None:
    for task in tasks:
        page.get_by_role("row").filter(has_text=f"/ {task}").get_by_role("checkbox").check()


def test_one_event_is_looked_at_sent_again_or_forgotten(
    page: Page, fc_local: FcLocal, dead: None, admin: Admin
) -> None:
    fc_local.create_queue("missing")
    page.goto("/console#/dead")
    row = page.get_by_role("row").filter(has_text="orders-1")
    row.get_by_role("button", name="Event of ").click()
    event = page.get_by_role("region", name="Event of event-").locator("pre").inner_text()
    assert '"functionArn"' in event
    row.get_by_role("button", name="Send again", exact=True).click()
    page.get_by_text("1 event delivered.").wait_for()
    assert waiting(fc_local, "missing") == 1
    page.get_by_role("row").filter(has_text="orders-2").get_by_role("button", name="Forget").click()
    page.get_by_role("dialog", name="Forget 1 event").wait_for()
    confirm(page, "Cancel")
    assert "orders-2" in of(admin)
    page.get_by_role("row").filter(has_text="orders-2").get_by_role("button", name="Forget").click()
    confirm(page, "Forget")
    page.get_by_text("1 event forgotten.").wait_for()
    assert of(admin) == ["mail-0", "mail-1", "orders-0"]


def test_dead_events_are_grouped_by_error_and_a_group_is_sent_again(
    page: Page, fc_local: FcLocal, dead: None, admin: Admin
) -> None:
    fc_local.create_queue("missing")
    page.goto("/console#/dead")
    groups = page.get_by_role("region", name="Dead events by error")
    group = groups.get_by_role("row").filter(has_text="missing")
    expect(group.get_by_role("cell").first).to_have_text("3")
    group.get_by_role("link").click()
    page.get_by_text("3 events given up", exact=True).wait_for()
    expect(page.get_by_role("link", name="mail /")).to_have_count(0)
    group.get_by_role("button", name="Send again…").click()
    page.get_by_role("dialog", name="Send 3 events with this error again").wait_for()
    confirm(page, "Send again")
    page.get_by_text("3 events delivered.").wait_for()
    assert of(admin) == ["mail-0", "mail-1"]


def test_selected_events_are_sent_again_after_a_question(
    page: Page, fc_local: FcLocal, dead: None, admin: Admin
) -> None:
    fc_local.create_queue("missing")
    page.goto("/console#/dead")
    select(page, "orders-0", "orders-2")
    page.get_by_role("toolbar").get_by_role("button", name="Send again…").click()
    page.get_by_role("dialog", name="Send 2 events again").wait_for()
    confirm(page, "Send again")
    page.get_by_text("2 events delivered.").wait_for()
    assert waiting(fc_local, "missing") == 2
    assert of(admin) == ["mail-0", "mail-1", "orders-1"]
    page.get_by_role("toolbar").wait_for(state="detached")


def test_all_events_of_the_page_are_selected_and_the_selection_is_cleared(
    page: Page, dead: None, admin: Admin
) -> None:
    page.goto("/console#/dead")
    every = page.get_by_label("Select all of this page")
    toolbar = page.get_by_role("toolbar", name="Actions on the selected events")
    for take_back in (every.uncheck, toolbar.get_by_role("button", name="Clear selection").click):
        every.check()
        toolbar.get_by_text("5 selected").wait_for()
        take_back()
        toolbar.wait_for(state="detached")
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    assert len(of(admin)) == 5


def test_selected_events_are_forgotten_and_those_that_are_gone_are_counted(
    page: Page, dead: None, admin: Admin
) -> None:
    page.goto("/console#/dead")
    select(page, "orders-0", "orders-1", "mail-0")
    events = admin("GET", "/deliveries/dead")["deliveries"]
    (gone,) = [one["requestId"] for one in events if one["taskId"] == "orders-0"]
    admin("DELETE", f"/deliveries/dead/{gone}")
    page.get_by_role("toolbar").get_by_role("button", name="Forget…").click()
    page.get_by_role("dialog", name="Forget 3 events").wait_for()
    confirm(page, "Forget")
    page.get_by_role("alert").get_by_text("2 events done, 1 failed.").wait_for()
    assert of(admin) == ["mail-1", "orders-2"]


def test_all_events_of_a_filter_are_sent_again(
    page: Page, fc_local: FcLocal, dead: None, admin: Admin
) -> None:
    fc_local.create_queue("missing")
    page.goto("/console#/dead")
    page.get_by_text("5 events given up").wait_for()
    page.get_by_label("Function").select_option("orders")
    page.get_by_text("3 events given up").wait_for()
    page.get_by_role("button", name="Send all again…").click()
    page.get_by_role("dialog", name="Send all 3 events that match again").wait_for()
    confirm(page, "Send again")
    page.get_by_text("3 events delivered.").wait_for()
    page.get_by_text("No dead event matches.").wait_for()
    assert waiting(fc_local, "missing") == 3
    assert of(admin) == ["mail-0", "mail-1"]
    page.get_by_role("link", name="Show all").click()
    page.get_by_text("2 events given up").wait_for()


def test_all_events_of_a_filter_are_forgotten_and_then_all(
    page: Page, dead: None, admin: Admin
) -> None:
    page.goto("/console#/dead")
    page.get_by_text("5 events given up").wait_for()
    page.get_by_label("Id, outcome, destination or error contains").fill("queues/ABSENT")
    page.keyboard.press("Enter")
    page.get_by_text("2 events given up").wait_for()
    page.get_by_role("button", name="Forget all…").click()
    confirm(page, "Forget")
    page.get_by_text("2 events forgotten.").wait_for()
    assert of(admin) == ["orders-0", "orders-1", "orders-2"]
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("3 events given up").wait_for()
    expect(page.get_by_role("searchbox")).to_have_value("")
    page.get_by_role("button", name="Forget all…").click()
    page.get_by_role("dialog", name="Forget all 3 events").wait_for()
    confirm(page, "Cancel")
    assert len(of(admin)) == 3
    page.get_by_role("button", name="Forget all…").click()
    confirm(page, "Forget")
    page.get_by_text("No dead events.").wait_for()
    assert of(admin) == []


def test_older_dead_events_are_on_the_next_page(
    page: Page, fc_local: FcLocal, dead: None, admin: Admin
) -> None:
    for index in range(60):
        fc_local.client.invoke_async("mail", b"{}", task_id=f"late-{index}")
    fc_local.advance(3_600)
    page.goto("/console#/dead")
    page.get_by_label("Function").select_option("mail")
    page.get_by_text("62 events given up, 50 shown").wait_for()
    page.get_by_role("link", name="Older →").click()
    page.get_by_role("link", name="mail / mail-0").wait_for()
    page.get_by_role("link", name="← Newest").click()
    page.get_by_text("62 events given up, 50 shown").wait_for()
    assert len(of(admin)) == 65
