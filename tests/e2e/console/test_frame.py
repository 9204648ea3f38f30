# SPDX-License-Identifier: MIT
"""What all pages share: navigation, shortcuts, the clock in the header, pause, messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow

PAGES = {
    "Functions": "f",
    "Destinations": "d",
    "Dead events": "e",
    "Metrics": "m",
    "Time": "t",
    "State": "s",
    "Invocations": "i",
}


def now(admin: Admin) -> int:
    return int(admin("GET", "/clock")["now"])


# --- navigation and shortcuts ---------------------------------------------------------------------


def test_every_page_is_reached_with_a_click_and_with_two_keys(page: Page) -> None:
    page.goto("/console")
    for name, key in PAGES.items():
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        page.get_by_role("heading", name=name, level=1).wait_for()
        expect(page).to_have_title(f"{name} · fc-async")
        page.goto("/console#/nowhere")
        page.get_by_role("heading", name="Invocations").wait_for()
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.get_by_role("heading", name=name, level=1).wait_for()
    page.get_by_role("link", name="Functions").click()
    page.get_by_role("link", name="fc-async", exact=True).click()
    page.get_by_role("heading", name="Invocations").wait_for()


def test_the_content_is_reached_without_going_through_the_header(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console")
    page.get_by_role("link", name="first").wait_for()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Live")).to_be_focused()


@pytest.mark.parametrize("address", ["", "#/dead", "#/metrics"])
def test_slash_goes_to_the_search_of_the_page_or_to_the_list(page: Page, address: str) -> None:
    page.goto(f"/console{address}")
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("/")
    if address == "#/metrics":
        page.get_by_role("heading", name="Invocations").wait_for()
    else:
        page.keyboard.type("a/b")
        expect(page.locator("#query")).to_have_value("a/b")


def test_the_help_names_the_shortcuts_and_keys_do_nothing_behind_it(page: Page) -> None:
    page.goto("/console#/time")
    page.get_by_role("heading", name="Time").wait_for()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for name in PAGES:
        dialog.get_by_text(f"go to {name}").wait_for()
    page.keyboard.press("n")
    page.keyboard.press("p")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_have_count(1)
    assert page.url.endswith("#/time")
    dialog.get_by_role("button", name="Close").click()
    dialog.wait_for(state="detached")


@pytest.mark.parametrize("address", ["#/invocations", "#/dead"])
def test_the_keyboard_stays_in_the_page_when_what_it_was_on_is_gone(
    page: Page, fc_local: FcLocal, received: list[bytes], address: str
) -> None:
    missing = {"onSuccess": {"destination": "acs:mns:::/queues/missing/messages"}}
    config: AsyncConfigFields = {"asyncTask": True, "destinationConfig": missing}
    fc_local.deploy("lost", lambda *_: None, async_config=config)
    fc_local.client.invoke_async("lost", b"")
    fc_local.advance(3_600)
    page.goto(f"/console{address}")
    page.get_by_role("main").get_by_role("checkbox").nth(1).press("Space")
    page.get_by_role("button", name="Clear selection").press("Enter")
    page.get_by_role("toolbar").wait_for(state="detached")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    first = page.get_by_role("main").locator("button, input, select, a").first
    expect(first).to_be_focused()
    if address == "#/dead":
        page.get_by_role("button", name="Forget all…").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Forget").press("Enter")
        page.get_by_text("No dead events.").wait_for()
        expect(page.get_by_role("main")).to_be_focused()


# --- pause ----------------------------------------------------------------------------------------


def test_a_paused_list_stands_still_until_it_is_read_again(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.clock.install()
    page.goto("/console")
    page.get_by_text("No tasks yet.").wait_for()
    page.get_by_role("button", name="Live").click()
    page.get_by_role("button", name="Paused", pressed=False).wait_for()
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.clock.run_for(10_000)
    expect(page.get_by_role("link", name="first")).to_have_count(0)
    page.keyboard.press("r")
    page.get_by_role("link", name="first").wait_for()
    page.keyboard.press("p")
    page.get_by_role("button", name="Live", pressed=True).wait_for()
    fc_local.client.invoke_async("orders", b"", task_id="second", delay=600)
    page.clock.run_for(1_000)
    page.get_by_role("link", name="second").wait_for()


# --- the clock ------------------------------------------------------------------------------------


def test_the_clock_in_the_header_is_moved_by_its_buttons(
    page: Page, fc_local: FcLocal, received: list[bytes], admin: Admin
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="later", delay=3_000)
    page.goto("/console#/functions")
    clock = page.get_by_role("group", name="Virtual time")
    before = now(admin)
    clock.get_by_role("button", name="+1 min").click()
    page.get_by_text("1 min passed.").wait_for()
    assert now(admin) == before + 60_000
    clock.get_by_role("button", name="+1 h").click()
    page.get_by_text("1 h passed.").wait_for()
    assert now(admin) == before + 3_660_000
    assert received == [b""]
    fc_local.client.invoke_async("orders", b"", delay=1_500)
    clock.get_by_role("button", name="Until idle").click()
    page.get_by_text("Idle after 25 min.").wait_for()
    assert now(admin) >= before + 3_660_000 + 1_500_000
    assert received == [b"", b""]
    clock.get_by_role("link").click()
    page.get_by_role("heading", name="Time").wait_for()


@pytest.mark.parametrize(
    ("button", "seconds"), [("+1 s", 1), ("+1 min", 60), ("+1 h", 3_600), ("+1 d", 86_400)]
)
def test_the_time_page_has_steps(page: Page, admin: Admin, button: str, seconds: int) -> None:
    page.goto("/console#/time")
    before = now(admin)
    page.get_by_role("main").get_by_role("button", name=button).click()
    page.get_by_role("status").get_by_text("passed.").wait_for()
    assert now(admin) == before + seconds * 1_000


def test_what_is_due_next_is_sorted_and_leads_to_it(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    client = fc_local.client
    fc_local.deploy("quiet", lambda *_: None, async_config={})
    timer = {"cronExpression": "@every 2h", "enable": True, "payload": ""}
    client.create_trigger("orders", "beat", trigger_type="timer", trigger_config=timer)
    client.invoke_async("orders", b"", task_id="last", delay=3_000)
    client.invoke_async("quiet", b"", task_id="unrecorded", delay=2_000)
    client.invoke_async("orders", b"", task_id="first", delay=1_000)
    page.goto("/console#/time")
    page.get_by_role("link", name="orders / last").wait_for()
    rows = page.get_by_role("region", name="Due next").get_by_role("row")
    shown = [row.get_by_role("cell").nth(2).inner_text() for row in rows.all()[1:]]
    assert [one.split(" / ")[-1] for one in shown] == [
        "first",
        "unrecorded",
        "last",
        "timer beat of orders",
    ]
    # An invocation without task mode has no page.
    expect(page.get_by_role("link", name="unrecorded")).to_have_count(0)
    page.get_by_role("link", name="timer beat of orders").click()
    page.get_by_role("region", name="Triggers").get_by_text("beat").wait_for()
    page.go_back()
    page.get_by_role("link", name="orders / first").click()
    page.get_by_role("heading", name="first").wait_for()


# --- messages -------------------------------------------------------------------------------------


def test_a_message_is_closed_and_an_error_belongs_to_its_page(page: Page, admin: Admin) -> None:
    page.goto("/console#/time")
    page.get_by_role("main").get_by_role("button", name="+1 s").click()
    message = page.get_by_role("status").filter(has_text="passed.")
    message.get_by_role("button", name="Close the message").click()
    message.wait_for(state="detached")
    page.get_by_label("Seconds").fill("1e300")
    page.get_by_role("button", name="Advance").click()
    error = page.get_by_role("alert").filter(has_text="InvalidArgument")
    error.wait_for()
    page.get_by_role("link", name="State").click()
    error.wait_for(state="detached")


def test_an_action_without_connection_says_so_and_works_again_with_one(
    page: Page, fc_local: FcLocal, admin: Admin
) -> None:
    page.goto("/console#/time")
    page.get_by_role("button", name="Run until idle").wait_for()
    page.route("**/_local/**", lambda route: route.abort())
    page.get_by_role("button", name="Run until idle").click()
    page.locator(".message").get_by_text("The runtime does not answer").wait_for()
    page.get_by_role("alert").filter(has_text="The runtime does not answer").first.wait_for()
    page.unroute("**/_local/**")
    page.locator(".trouble.bar").wait_for(state="detached")
    page.get_by_role("button", name="Run until idle").click()
    page.get_by_text("Idle after").wait_for()


def test_the_footer_says_which_runtime_it_is(page: Page, admin: Admin) -> None:
    page.goto("/console")
    footer = page.get_by_role("contentinfo")
    footer.get_by_text("Account").wait_for()
    about = admin("GET", "/health")
    for name in ("account_id", "region", "fc", "mns"):
        assert str(about[name]) in footer.inner_text(), json.dumps(about)
