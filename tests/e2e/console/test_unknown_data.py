# SPDX-License-Identifier: MIT
"""Nothing is claimed before it is known, and an action touches exactly what was shown.

Answers are held back, or come after a change: what a slow network does now and then.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_tests.console import first_of, hold

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow

SKELETON = "Is being read"
HOUR_MS = 3_600_000


def lost(fc_local: FcLocal, *tasks: str) -> None:
    """Make a dead event of each task."""
    missing = {"onSuccess": {"destination": "acs:mns:::/queues/missing/messages"}}
    config: AsyncConfigFields = {"asyncTask": True, "destinationConfig": missing}
    fc_local.deploy("lost", lambda *_: None, async_config=config)
    for task in tasks:
        fc_local.client.invoke_async("lost", b"", task_id=task)
    fc_local.run_until_idle()


# --- claims ---------------------------------------------------------------------------------------


def test_the_send_dialog_does_not_say_that_there_are_no_functions_before_it_knows(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    hold(page, "**/_local/functions")
    page.goto("/console#/time")
    page.get_by_role("button", name="Invoke…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("status", name=SKELETON).wait_for()
    expect(dialog.get_by_text("There are no functions yet.")).to_have_count(0)
    page.unroute("**/_local/functions")
    expect(dialog.get_by_label("Function")).to_have_value("orders")


def test_a_span_of_a_query_ends_at_the_clock_of_the_runtime(
    page: Page, fc_local: FcLocal, received: list[bytes], admin: Admin
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    hold(page, "**/_local/clock")
    page.goto("/console#/invocations?q=since:1h")
    page.get_by_role("status", name=SKELETON).wait_for()
    with page.expect_request("**/_local/tasks?*") as asked:
        page.unroute("**/_local/clock")
    assert f"acceptedFrom={admin('GET', '/clock')['now'] - HOUR_MS}" in asked.value.url
    page.get_by_role("link", name="first").wait_for()
    expect(page.get_by_text("No task matches.")).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "claim"),
    [("metrics", "Nothing has been counted"), ("time", "the machine's clock")],
)
def test_a_page_about_time_claims_nothing_before_the_clock_is_known(
    page: Page, address: str, claim: str
) -> None:
    hold(page, "**/_local/clock")
    page.goto(f"/console#/{address}")
    page.get_by_role("status", name=SKELETON).first.wait_for()
    expect(page.get_by_text(claim)).to_have_count(0)
    page.unroute("**/_local/clock")
    page.get_by_text("virtual: it" if address == "time" else claim).wait_for()


def test_a_task_that_has_not_ended_has_no_result_and_no_log(page: Page, fc_local: FcLocal) -> None:
    ended, running = threading.Event(), threading.Event()

    def orders(_: bytes, __: object) -> bytes:
        running.set()
        ended.wait(30)
        return b""

    fc_local.deploy("orders", orders, async_config={"asyncTask": True})
    fc_local.client.invoke_async("orders", b"{}", task_id="first")
    moving = threading.Thread(target=fc_local.run_until_idle)
    moving.start()
    try:
        assert running.wait(30)
        page.goto("/console#/invocations/orders/first")
        page.get_by_text("The attempt has printed no line yet.").wait_for()
        expect(page.get_by_role("region", name="Result of first-result")).to_have_count(0)
    finally:
        ended.set()
        moving.join()
    page.get_by_role("region", name="Result of first-result").get_by_text("Empty.").wait_for()
    page.get_by_text("The attempt logged nothing.").wait_for()


def test_a_query_that_is_not_understood_counts_and_exports_nothing(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console#/invocations?q=colour:red")
    page.get_by_role("alert").get_by_text("colour:red").wait_for()
    expect(page.get_by_role("button", name="Export CSV")).to_be_disabled()
    expect(page.get_by_text("0 tasks")).to_have_count(0)


def test_an_error_of_the_runtime_does_not_take_away_what_is_written(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/config")
    retries = page.get_by_label("Maximum retries")
    retries.fill("7")
    broken = '{"Code": "InternalServerError", "Message": "the disk is full"}'
    page.route("**/_local/functions", lambda route: route.fulfill(status=500, body=broken))
    page.get_by_role("alert").get_by_text("the disk is full").wait_for()
    expect(retries).to_have_value("7")
    page.unroute("**/_local/functions")
    page.get_by_role("alert").wait_for(state="detached")
    expect(retries).to_have_value("7")


# --- actions --------------------------------------------------------------------------------------


def test_a_form_says_that_its_configuration_was_changed_by_others(
    page: Page, fc_local: FcLocal, received: list[bytes], admin: Admin
) -> None:
    where = "/functions/orders/async-config"
    page.goto("/console#/functions/orders/config")
    retries = page.get_by_label("Maximum retries")
    expect(retries).to_have_value("1")
    admin("PUT", where, {"asyncTask": True, "maxAsyncRetryAttempts": 2})
    expect(retries).to_have_value("2")  # nothing was written into the form
    retries.fill("3")
    admin("PUT", where, {"asyncTask": True, "maxAsyncRetryAttempts": 4})
    notice = page.get_by_role("alert").filter(has_text="was changed meanwhile")
    notice.wait_for()
    expect(retries).to_have_value("3")
    notice.get_by_role("button", name="Read it again").click()
    expect(retries).to_have_value("4")
    notice.wait_for(state="detached")
    retries.fill("5")
    hold(page, "**/_local/functions")
    page.get_by_role("button", name="Deploy").click()
    page.get_by_text("is deployed").wait_for()
    retries.fill("6")
    with page.expect_response("**/_local/functions"):
        page.unroute("**/_local/functions")
    page.get_by_role("option", name="LATEST (configured)").wait_for(state="attached")
    expect(notice).to_have_count(0)  # this form has changed it


def test_all_dead_events_are_those_that_the_question_counted(
    page: Page, fc_local: FcLocal, admin: Admin
) -> None:
    lost(fc_local, "a", "b")
    page.goto("/console#/dead")
    page.get_by_role("button", name="Forget all…").click()
    dialog = page.get_by_role("dialog", name="Forget all 2 events")
    dialog.wait_for()
    lost(fc_local, "late")
    page.get_by_role("link", name="lost / late").wait_for()
    dialog.get_by_role("button", name="Forget").click()
    page.get_by_text("2 events forgotten.").wait_for()
    (kept,) = admin("GET", "/deliveries/dead")["deliveries"]
    assert kept["taskId"] == "late"


def test_replayed_messages_are_those_that_the_question_counted(
    page: Page, fc_local: FcLocal
) -> None:
    def orders(event: bytes, _: object) -> None:
        seen.append(event)
        raise ValueError("card declined")

    seen: list[bytes] = []
    to = {"onFailure": {"destination": fc_local.create_queue("failed")}}
    config: AsyncConfigFields = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": to,
    }
    fc_local.deploy("orders", orders, async_config=config)
    fc_local.client.invoke_async("orders", b"first")
    fc_local.run_until_idle()
    page.goto("/console#/destinations/queue/failed")
    page.get_by_role("button", name="Replay failed…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("The functions of the 1 failed events").wait_for()
    fc_local.client.invoke_async("orders", b"late")
    fc_local.run_until_idle()
    expect(page.locator("main details")).to_have_count(2)
    dialog.get_by_role("button", name="Replay", exact=True).click()
    page.get_by_text("1 accepted").wait_for()
    fc_local.run_until_idle()
    assert seen == [b"first", b"late", b"first"]


def test_a_function_that_was_offered_stays_chosen_when_others_are_deployed(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/time")
    page.get_by_role("button", name="Invoke…").click()
    chosen = page.get_by_role("dialog").get_by_label("Function")
    expect(chosen).to_have_value("orders")
    fc_local.deploy("before", lambda *_: None)
    chosen.get_by_role("option", name="before").wait_for(state="attached")
    expect(chosen).to_have_value("orders")


def test_a_dialog_that_is_closed_sends_no_more_and_leads_nowhere(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/time")
    page.get_by_role("button", name="Invoke…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("How many").fill("3")
    held = hold(page, "**/invoke")
    dialog.get_by_role("button", name="Send", exact=True).click()
    sending = first_of(held, page)
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    sending.continue_()
    page.get_by_text("1 accepted").wait_for()
    page.get_by_role("heading", name="Time").wait_for()
    assert len(held) == 1


def test_a_selection_ends_with_the_filter_that_showed_it(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    fc_local.client.invoke_async("orders", b"", task_id="second", delay=600)
    page.goto("/console")
    page.get_by_label("Select first").check()
    toolbar = page.get_by_role("toolbar", name="Actions on the selected tasks")
    toolbar.get_by_text("1 selected").wait_for()
    page.goto("/console#/invocations?q=id:second")
    page.get_by_role("link", name="first").wait_for(state="detached")
    toolbar.wait_for(state="detached")


def test_what_an_action_did_is_shown_though_a_reading_from_before_it_ends_later(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console")
    page.get_by_label("Select first").check()
    page.get_by_role("button", name="Live").click()
    page.get_by_role("button", name="Paused").wait_for()
    held = hold(page, "**/_local/tasks?*")
    page.keyboard.press("r")
    reading = first_of(held, page)
    before = reading.fetch()
    page.get_by_role("toolbar").get_by_role("button", name="Stop…").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("1 task stopped.").wait_for()
    reading.fulfill(response=before)
    page.unroute("**/_local/tasks?*")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="first"))
    row.get_by_text("Stopped", exact=True).wait_for()
