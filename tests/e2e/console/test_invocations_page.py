# SPDX-License-Identifier: MIT
"""The list of tasks, as a user works with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_tests.console import copied, first_of, hold

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def tile(page: Page, status: str) -> Locator:
    return page.get_by_role("group", name="Tasks by status").get_by_role("button", name=status)


def search(page: Page, query: str) -> None:
    page.get_by_role("combobox", name="Query").fill(query)
    page.keyboard.press("Enter")


def on_selected(page: Page, action: str) -> None:
    """Press a button of the toolbar and confirm."""
    page.get_by_role("toolbar").get_by_role("button", name=f"{action}…").click()
    page.get_by_role("dialog").get_by_role("button", name=action).click()


def test_a_status_tile_keeps_the_rest_of_the_query(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="order-1")
    fc_local.run_until_idle()
    page.goto("/console#/invocations?q=function%3Aorders")
    tile(page, "Succeeded").click()
    page.wait_for_url("**q=function%3Aorders+status%3ASucceeded")
    tile(page, "Succeeded").click()
    page.wait_for_url("**q=function%3Aorders")
    page.get_by_role("link", name="order-1").wait_for()


def test_states_that_no_task_has_are_no_tiles(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console")
    tiles = page.get_by_role("group", name="Tasks by status")
    page.get_by_text("No tasks yet.").wait_for()
    expect(tiles).to_have_text("")
    fc_local.client.invoke_async("orders", b"", task_id="order-1")
    fc_local.run_until_idle()
    tile(page, "Succeeded").wait_for()
    expect(tiles.get_by_role("button")).to_have_count(1)
    expect(tiles.get_by_role("link")).to_have_count(0)


def test_a_query_is_completed_with_the_keyboard(page: Page) -> None:
    page.goto("/console")
    query = page.get_by_role("combobox", name="Query")
    query.press_sequentially("stat")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(query).to_have_value("status:")
    query.press_sequentially("fa")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(query).to_have_value("status:Failed ")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=status%3AFailed")


@pytest.mark.parametrize("query", ["colour:red", "status:Fine", "since:soon", "from:noon"])
def test_a_query_that_is_not_understood_says_why(page: Page, query: str) -> None:
    page.goto("/console")
    search(page, query)
    page.get_by_role("alert").get_by_text(re.compile("understood|not a")).wait_for()


def test_a_time_range_leaves_older_tasks_out(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="old")
    fc_local.advance(7_200)
    fc_local.client.invoke_async("orders", b"", task_id="new")
    fc_local.run_until_idle()
    page.goto("/console")
    page.get_by_role("link", name="old").wait_for()
    page.get_by_label("Time range").select_option("Last hour")
    page.get_by_role("link", name="old").wait_for(state="detached")
    page.get_by_role("link", name="new").wait_for()


def test_selection_focus_and_details_survive_what_happens_meanwhile(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"first payload", task_id="first", delay=600)
    page.goto("/console")
    page.get_by_label("Select first").check()
    page.get_by_label("Details of first").click()
    page.get_by_text("first payload").wait_for()
    page.get_by_role("link", name="first").focus()
    page.evaluate("document.activeElement.closest('tr').id = 'same'")
    fc_local.client.invoke_async("orders", b"", task_id="second", delay=600)
    page.get_by_role("link", name="second").wait_for()
    expect(page.get_by_role("link", name="first")).to_be_focused()
    expect(page.locator("#same").get_by_label("Select first")).to_be_checked()
    expect(page.get_by_text("first payload")).to_be_visible()


def test_many_tasks_are_stopped_with_a_reason(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    for number in range(3):
        fc_local.client.invoke_async("orders", b"", task_id=f"t{number}", delay=600)
    page.goto("/console")
    page.get_by_label("Select all of this page").check()
    page.get_by_role("toolbar").get_by_role("button", name="Stop…").click()
    page.get_by_label("Reason (is recorded with each task)").fill("wrong price")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    page.get_by_text("3 tasks stopped.").wait_for()
    found = fc_local.client.list_async_tasks("orders").tasks
    assert [task.status for task in found] == ["Stopped"] * 3
    page.goto("/console#/invocations/orders/t1")
    page.get_by_text("“wrong price”").wait_for()


def test_many_tasks_are_replayed_and_run_at_once(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"a", task_id="done")
    fc_local.run_until_idle()
    fc_local.client.invoke_async("orders", b"b", task_id="waits", delay=600)
    page.goto("/console")
    page.get_by_label("Select done").check()
    on_selected(page, "Replay")
    page.get_by_text("1 task replayed.").wait_for()
    page.get_by_label("Select waits").check()
    on_selected(page, "Run now")
    page.get_by_text("1 task made due.").wait_for()
    fc_local.advance(1)
    assert received == [b"a", b"a", b"b"]


def test_what_cannot_be_done_is_said(page: Page, fc_local: FcLocal, received: list[bytes]) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="done")
    fc_local.run_until_idle()
    page.goto("/console")
    page.get_by_label("Select done").check()
    on_selected(page, "Stop")
    page.get_by_role("alert").get_by_text("1 refused").wait_for()


def test_chosen_columns_are_remembered(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first")
    page.goto("/console")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("Request id").check()
    page.get_by_label("Retries").uncheck()
    page.get_by_label("Instance").check()
    page.get_by_role("columnheader", name="Instance").wait_for()
    page.keyboard.press("Escape")
    page.reload()
    page.get_by_role("columnheader", name="Request id").wait_for()
    expect(page.get_by_role("columnheader", name="Retries")).to_have_count(0)


def test_exports_have_every_task_that_matches(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    payload = '{"id":12345678901234567890}'
    for number in range(120):
        fc_local.client.invoke_async("orders", payload.encode(), task_id=f"t{number}")
    page.goto("/console")
    page.get_by_text("120 tasks").wait_for()
    with page.expect_download() as csv:
        page.get_by_role("button", name="Export CSV").click()
    rows = Path(csv.value.path()).read_text().splitlines()
    assert rows[0].startswith("status,task id,function")
    assert len(rows) == 121
    with page.expect_download() as exported:
        page.get_by_role("button", name="Export JSON").click()
    tasks = json.loads(Path(exported.value.path()).read_text())
    assert [task["taskPayload"] for task in tasks] == [payload] * 120


def test_older_tasks_are_on_the_next_page(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    for number in range(51):
        fc_local.client.invoke_async("orders", b"", task_id=f"t{number}")
        fc_local.advance(1)
    page.goto("/console")
    page.get_by_role("link", name="Older →").click()
    page.get_by_role("link", name="t0", exact=True).wait_for()
    page.get_by_role("link", name="← Newest").click()
    page.get_by_role("link", name="t50", exact=True).wait_for()


def test_a_runtime_without_tasks_says_how_to_begin(page: Page) -> None:
    page.goto("/console")
    page.get_by_text("No tasks yet.").wait_for()


def test_a_selection_is_taken_back_and_nothing_is_done(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    for number in range(3):
        fc_local.client.invoke_async("orders", b"", task_id=f"t{number}", delay=600)
    page.goto("/console")
    every = page.get_by_label("Select all of this page")
    toolbar = page.get_by_role("toolbar", name="Actions on the selected tasks")
    for take_back in (every.uncheck, toolbar.get_by_role("button", name="Clear selection").click):
        every.check()
        toolbar.get_by_text("3 selected").wait_for()
        take_back()
        toolbar.wait_for(state="detached")
        expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    found = fc_local.client.list_async_tasks("orders").tasks
    assert [task.status for task in found] == ["Enqueued"] * 3


def test_a_query_is_completed_with_the_pointer_left_with_escape_and_cleared(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console")
    query = page.get_by_role("combobox", name="Query")
    query.press_sequentially("stat")
    page.get_by_role("option", name=re.compile("^status:")).click()
    expect(query).to_have_value("status:")
    query.press_sequentially("Fail")
    page.get_by_role("option", name="status:Failed").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("listbox").wait_for(state="hidden")
    query.press_sequentially("ed")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("No task matches.").wait_for()
    page.get_by_role("search").get_by_role("button", name="Clear").click()
    page.get_by_role("link", name="first").wait_for()
    expect(query).to_have_value("")
    page.get_by_role("button", name="Help on queries").click()
    page.get_by_role("dialog", name="Queries").get_by_text("status:", exact=True).wait_for()


def test_nothing_found_leads_back_to_all_tasks(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console#/invocations?q=status%3AFailed")
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="first").wait_for()


def test_details_of_an_ended_task_have_its_result_and_its_error(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"an answer", task_id="good")
    fc_local.client.invoke_async("orders", b"bad", task_id="failed")
    fc_local.run_until_idle()
    page.goto("/console")
    page.get_by_label("Details of good").click()
    result = page.get_by_role("region", name="Result of good-result")
    assert result.locator("pre").inner_text() == "an answer"
    with page.expect_download() as saved:
        result.get_by_role("button", name="Download Result").click()
    assert Path(saved.value.path()).read_bytes() == b"an answer"
    result.get_by_role("button", name="Copy Result").click()
    copied(page, "an answer")
    page.get_by_label("Details of good").click()
    result.wait_for(state="detached")
    page.get_by_label("Details of failed").click()
    expect(page.get_by_label("Trace")).to_contain_text("card declined")


def test_an_export_without_connection_says_so(page: Page) -> None:
    page.goto("/console")
    page.get_by_text("No tasks yet.").wait_for()
    page.route("**/_local/tasks?**", lambda route: route.abort())
    page.get_by_role("button", name="Export JSON").click()
    page.locator(".message").get_by_text("The runtime does not answer").wait_for()


@pytest.mark.parametrize("query", ["error:ValueError", "no items", "NO ITEMS", "fails"])
def test_a_task_is_found_by_type_and_message_of_the_error_of_its_function(
    page: Page, fc_local: FcLocal, query: str
) -> None:
    def handler(event: bytes, _: object) -> None:
        if event == b"bad":
            raise ValueError("no items in the order")

    fc_local.deploy("orders", handler, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 0})
    fc_local.client.invoke_async("orders", b"bad", task_id="fails")
    fc_local.client.invoke_async("orders", b"good", task_id="works")
    fc_local.run_until_idle()
    page.goto("/console#/invocations")
    page.get_by_role("link", name="works").wait_for()
    search(page, query)
    page.get_by_role("link", name="works").wait_for(state="detached")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="fails"))
    row.get_by_text("ValueError: no items in the order").wait_for()


def test_the_page_of_a_list_does_not_wait_for_its_counts(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    held = hold(page, "**/_local/tasks/counts*")
    page.goto("/console")
    page.get_by_role("link", name="first").wait_for()
    expect(page.get_by_text("1 task", exact=True)).to_have_count(0)
    first_of(held, page).continue_()  # asked for after the page, never before it
    page.get_by_text("1 task", exact=True).wait_for()


def test_what_is_read_for_long_is_a_skeleton_until_it_is_there(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    hold(page, "**/_local/tasks?*")
    page.goto("/console")
    page.get_by_role("status", name="Is being read").wait_for()
    page.unroute("**/_local/tasks?*")
    page.get_by_role("link", name="first").wait_for()
    expect(page.get_by_role("status", name="Is being read")).to_have_count(0)


def test_an_invocation_without_task_mode_has_a_mark(page: Page, fc_local: FcLocal) -> None:
    fc_local.deploy("mails", lambda *_: b"sent", async_config={"asyncTask": False})
    name = fc_local.client.invoke_async("mails", b"{}").request_id
    fc_local.run_until_idle()
    page.goto("/console#/invocations")
    page.get_by_text("not recorded in the cloud: task mode is off").wait_for()
    page.get_by_role("link", name=name).click()
    page.get_by_text("not recorded in the cloud: task mode is off").wait_for()
    page.get_by_role("heading", name="Time line").wait_for()
