# SPDX-License-Identifier: MIT
"""WCAG 2.2 AA on every page, dialog and state, in both themes, wide and on a phone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from fc_async_tests import axe
from fc_async_tests.console import create, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow

Sight = tuple[Literal["light", "dark"], int]
SIGHTS: list[Sight] = [("light", 1_280), ("dark", 390)]
QUEUE = "acs:mns:::/queues/missing/messages"

PAGES = [
    "#/invocations",
    "#/invocations?q=nonsense%3Ax",
    "#/invocations/orders/waits",
    "#/invocations/orders/failed",
    "#/invocations/orders/bytes",
    "#/invocations/orders/nothing",
    "#/functions",
    "#/functions/orders/config",
    "#/functions/orders/test",
    "#/functions/orders/versions",
    "#/functions/orders/triggers",
    "#/functions/nothing",
    "#/destinations",
    "#/destinations/queue/q",
    "#/destinations/topic/t",
    "#/destinations/rocketmq/r?instance=i",
    "#/destinations/bus/b",
    "#/buckets",
    "#/buckets/videos",
    "#/buckets/nothing",
    "#/dead",
    "#/dead?function=orders&text=nothing",
    "#/metrics",
    "#/time",
    "#/state",
]
SECTIONS = [
    *("invocations", "functions", "destinations", "buckets"),
    *("dead", "metrics", "time", "state"),
]

DIALOGS = {
    "#/invocations": ["Invoke…", "Columns", "Help on queries", "Keyboard shortcuts"],
    "#/invocations#selected": ["Run now…", "Replay…", "Stop…"],
    "#/invocations/orders/waits": ["Run now…", "Stop…", "Replay…", "Edit and replay…"],
    "#/functions/orders/config": ["Delete configuration…"],
    "#/functions/orders/config#cycle": ["Deploy"],
    "#/destinations/queue/q": ["Purge…"],
    "#/dead": ["Send all again…", "Forget all…"],
    "#/dead#selected": ["Send again…", "Forget…"],
    "#/state": ["Clear…", "Import…"],
}


ENGLISH = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const data = "noscript, pre, code, textarea, option, title, svg, footer, td, .failure";
    if (!text.parentElement.closest(data)) texts.push(text.data);
  }
  for (const name of ["aria-label", "title", "placeholder"])
    for (const one of document.querySelectorAll(`[${name}]`))
      if (!one.closest("svg")) texts.push(one.getAttribute(name));
  return texts.filter((text) => /[A-Za-z]{2,} [A-Za-z]{2,}/.test(text));
}"""
"""Two English words side by side, where no data of users are."""
DATA = ("card declined", "status:Failed", "AsyncTaskNotFound", "NoSuchBucket")


@pytest.fixture
def full(fc_local: FcLocal, admin: Admin) -> None:
    """A runtime with something on every page."""

    def orders(event: bytes, _: object) -> bytes:
        if event == b"bad":
            raise ValueError("card declined")
        return b'{"id": 12345678901234567890}'

    destination = {"onSuccess": {"destination": QUEUE}, "onFailure": {"destination": QUEUE}}
    config: AsyncConfigFields = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 1,
        "destinationConfig": destination,
    }
    fc_local.deploy("orders", orders, async_config=config)
    create(fc_local.endpoint, "orders/versions", description="first")
    create(fc_local.endpoint, "orders/aliases", aliasName="prod", versionId="1")
    timer = {"cronExpression": "0 0 4 * * *", "enable": True, "payload": ""}
    create(
        fc_local.endpoint,
        "orders/triggers",
        triggerName="nightly",
        triggerType="timer",
        triggerConfig=json.dumps(timer),
    )
    client = fc_local.client
    client.invoke_async("orders", b"bad", task_id="failed")
    client.invoke_async("orders", b"\x00\xff", task_id="bytes")
    fc_local.advance(3600)
    client.invoke_async("orders", b"{}", task_id="waits", delay=3000)
    replayed = {"function": "orders", "taskId": "failed"}
    admin("POST", "/tasks/actions", {"action": "replay", "tasks": [replayed], "reason": "again"})
    fc_local.oss.put("videos", "in/a.txt", b"content")
    fc_local.oss.put("videos", "top.txt", b"content")
    fc_local.create_queue("q")
    fc_local.create_topic("t")
    fc_local.create_bus("b")
    fc_local.create_rocketmq_topic("i", "r")
    event = {"source": "my.app", "type": "order:Paid", "data": {}}
    for place in ("queue/messages?name=q", "topic/messages?name=t", "bus/messages?name=b"):
        admin("POST", f"/channels/{place}", {"body": json.dumps(event), "tag": ""})
    sent = {"body": "x", "tag": "paid", "keys": "order-7"}
    admin("POST", "/channels/rocketmq/messages?name=r&instance=i", sent)


@pytest.fixture
def page(browser: Browser, fc_local: FcLocal) -> Iterator[Page]:
    """A page in which axe-core may run, for which it needs to be free of the policy."""
    context = browser.new_context(
        base_url=fc_local.endpoint, reduced_motion="reduce", bypass_csp=True
    )
    let_in(context, fc_local.endpoint)
    page = context.new_page()
    yield page
    context.close()


def show(page: Page, address: str) -> None:
    """Open a page and wait until its data is there: it is read once, then the network is idle."""
    page.add_init_script("window.setInterval = () => 0")
    page.goto(f"/console{address}")
    page.reload()
    page.locator("main h1, main [role=alert]").first.wait_for()
    page.wait_for_load_state("networkidle")


def check(page: Page, part: str = "html") -> None:
    """Find no violation of the rules on a wide light page and on a narrow dark one.

    Args:
        page: The page.
        part: What has not been checked before; what is behind a dialog has been.
    """
    for scheme, width in SIGHTS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 850})
        page.evaluate("scrollTo(0, 0)")  # what lies below the header is not covered by it
        assert axe.violations(page, part) == [], f"{page.url} {scheme} {width}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
    page.set_viewport_size({"width": SIGHTS[0][1], "height": 850})


@pytest.mark.parametrize("section", SECTIONS)
def test_every_page_is_clean_and_fits_a_phone(page: Page, full: None, section: str) -> None:
    for address in PAGES:
        if not address.startswith(f"#/{section}"):
            continue
        show(page, address)
        for summary in page.locator("main summary").all():
            summary.click()
        folded = page.locator("main button[aria-expanded=false]")
        if folded.count():
            folded.first.click()
        check(page)


@pytest.mark.parametrize("address", DIALOGS)
def test_every_dialog_is_clean_and_gives_the_focus_back(
    page: Page, full: None, address: str, tmp_path: Path
) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"")
    _, place, *state = address.split("#")
    show(page, f"#{place}")
    if state == ["selected"]:
        page.get_by_role("main").get_by_role("checkbox").nth(1).check()
        page.get_by_role("toolbar").wait_for()
        check(page)
    if state == ["cycle"]:
        page.get_by_label("Kind of the success destination").select_option("function")
        page.get_by_label("Function name").fill("orders")
        page.get_by_role("alert").get_by_text("Destination cycle").wait_for()
        check(page)
    for name in DIALOGS[address]:
        button = page.get_by_role("button", name=name, exact=True).last
        if name == "Import…":
            with page.expect_file_chooser() as chooser:
                button.click()
            chooser.value.set_files(file)
        else:
            button.click()
        page.get_by_role("dialog").wait_for()
        check(page, "dialog")
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        assert button.evaluate("button => button === document.activeElement"), name


def test_pages_without_anything_on_them_are_clean(page: Page) -> None:
    for section in SECTIONS:
        show(page, f"#/{section}")
        check(page)


def test_pages_whose_data_cannot_be_read_are_clean_and_say_why(page: Page, full: None) -> None:
    answer = json.dumps({"Code": "InternalServerError", "Message": "the disk is full"})
    page.route("**/_local/**", lambda route: route.fulfill(status=500, body=answer))
    for section in SECTIONS:
        show(page, f"#/{section}")
        page.get_by_role("alert").first.wait_for()
        check(page)


def test_pages_without_connection_keep_what_they_show_and_are_clean(page: Page, full: None) -> None:
    page.goto("/console")
    page.get_by_label("Select waits").check()
    page.route("**/_local/**", lambda route: route.abort())
    page.get_by_role("alert").get_by_text("The runtime does not answer").wait_for()
    check(page)
    expect(page.get_by_role("link", name="waits")).to_be_visible()
    expect(page.get_by_label("Select waits")).to_be_checked()
    for section in SECTIONS:
        page.goto(f"/console#/{section}")
        page.locator("main h1").wait_for()
        check(page)


def test_messages_of_actions_are_clean(page: Page, full: None) -> None:
    show(page, "#/dead")
    page.get_by_role("button", name="Send again", exact=True).first.click()
    page.get_by_role("alert").get_by_text("given up again").wait_for()
    check(page)
    show(page, "#/state")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("alert").get_by_text("StateNotInFile").wait_for()
    check(page)


def test_results_of_a_test_call_are_clean(page: Page, full: None) -> None:
    show(page, "#/functions/orders/test")
    page.get_by_label("Asynchronous invocation").uncheck()
    for payload, status in (("{}", "Succeeded"), ("bad", "UnhandledInvocationError")):
        page.get_by_label("Payload", exact=True).fill(payload)
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_role("status").get_by_text(status).wait_for()
        check(page)


@pytest.mark.parametrize("width", [1_280, 390])
def test_the_header_never_covers_what_has_the_focus(page: Page, full: None, width: int) -> None:
    show(page, "#/invocations/orders/failed")
    page.set_viewport_size({"width": width, "height": 500})
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    page.get_by_role("button", name="Download").last.focus()
    covered = """() => {
      const focused = document.activeElement, header = document.querySelector('header')
      const hidden = focused.getBoundingClientRect().top < header.getBoundingClientRect().bottom
      return header.contains(focused) || focused === document.body
        ? null : hidden ? focused.textContent : ''
    }"""
    steps = []
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if (found := page.evaluate(covered)) is None:
            break
        steps.append(found)
    assert len(steps) > 5
    assert [one for one in steps if one] == []


def test_every_page_is_clean_in_chinese_and_says_nothing_in_english(
    browser: Browser, fc_local: FcLocal, full: None
) -> None:
    context = browser.new_context(base_url=fc_local.endpoint, locale="zh-CN", bypass_csp=True)
    let_in(context, fc_local.endpoint)
    page = context.new_page()
    for address in PAGES:
        show(page, address)
        for summary in page.locator("main summary").all():
            summary.click()
        check(page)
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        said = [one for one in page.evaluate(ENGLISH) if not any(text in one for text in DATA)]
        assert said == [], address
    context.close()
