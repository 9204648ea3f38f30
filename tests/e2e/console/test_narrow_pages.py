# SPDX-License-Identifier: MIT
"""A page of 390 px does not scroll sideways; its tables and graphs do by themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from fc_async_tests.console import create, hold, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow

WIDTH = 390
NAME = "f" + "unbroken" * 15  # 121 characters, of at most 128
TASK = "t" + "askwithoutbreak" * 8
WORD = "x" * 5_000
BIG = json.dumps({"list": ["word " * 50] * 440, "long": WORD})
QUEUE = f"acs:mns:::/queues/{'q' * 120}/messages"


@pytest.fixture
def page(browser: Browser, fc_local: FcLocal) -> Iterator[Page]:
    with opened(browser, fc_local.endpoint, viewport={"width": WIDTH, "height": 844}) as one:
        yield one


@pytest.fixture
def long(fc_local: FcLocal, admin: Admin) -> None:
    """A runtime with the longest names, errors and payloads."""

    def handler(event: bytes, _: object) -> bytes:
        if event == b"bad":
            raise ValueError(WORD)
        return event

    target = {"destination": QUEUE}
    config: Any = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 1,
        "destinationConfig": {"onSuccess": target, "onFailure": target},
    }
    settings: Any = {"description": "d" * 256, "handler": "h" * 120}
    fc_local.deploy(NAME, handler, async_config=config, **settings)
    endpoint = fc_local.endpoint
    create(endpoint, f"{NAME}/versions", description="v" * 256)
    create(endpoint, f"{NAME}/aliases", aliasName="a" * 120, versionId="1", description="d" * 256)
    timer = json.dumps({"cronExpression": "0 0 4 * * *", "enable": True, "payload": WORD[:999]})
    trigger = {"triggerName": "nightly" * 16, "triggerType": "timer", "triggerConfig": timer}
    create(endpoint, f"{NAME}/triggers", **trigger, description="d" * 256)
    fc_local.client.invoke_async(NAME, BIG.encode(), task_id="big")
    fc_local.client.invoke_async(NAME, b"\xff" * 20_000, task_id="bytes")
    fc_local.client.invoke_async(NAME, b"bad", task_id=TASK)
    fc_local.advance(3_600)
    fc_local.client.invoke_async(NAME, b"bad", task_id="waits", delay=60)
    fc_local.advance(60.5)
    tasks = [{"function": NAME, "taskId": TASK}]
    admin("POST", "/tasks/actions", {"action": "replay", "tasks": tasks, "reason": "r" * 1_000})
    fc_local.create_queue("q" * 120)
    fc_local.create_topic("t" * 120)
    fc_local.create_bus("b" * 120)
    fc_local.create_rocketmq_topic("i" * 60, "r" * 120)
    event = {"source": "s" * 120, "type": "t" * 60, "subject": "u" * 120, "data": WORD}
    for kind, name in (("queue", "q"), ("topic", "t"), ("bus", "b")):
        body = json.dumps(event) if kind == "bus" else WORD
        admin("POST", f"/channels/{kind}/messages?name={name * 120}", {"body": body})
    message = {"body": WORD, "tag": "tag" * 40, "keys": "key" * 40}
    where = f"/channels/rocketmq/messages?name={'r' * 120}&instance={'i' * 60}"
    admin("POST", where, message)


ADDRESSES = {  # and a text that is on the page when its data has come
    "#/invocations": TASK,
    f"#/invocations?q=function%3A{NAME}+{TASK}": TASK,
    f"#/invocations?q={WORD[:500]}%3A1": "not understood",
    f"#/invocations/{NAME}/big": "Succeeded",
    f"#/invocations/{NAME}/bytes": "not UTF-8",
    f"#/invocations/{NAME}/{TASK}": "Failed",
    f"#/invocations/{NAME}/waits": "Next in",
    f"#/invocations/{NAME}/{WORD[:500]}": "AsyncTaskNotFound",
    "#/functions": "As a table",
    f"#/functions/{NAME}/config": "Deploy",
    f"#/functions/{NAME}/test": "Format JSON",
    f"#/functions/{NAME}/versions": "v" * 256,
    f"#/functions/{NAME}/triggers": "Fire now",
    f"#/functions/{WORD[:500]}": "FunctionNotFound",
    f"#/destinations/queue/{'q' * 120}": "Raw body",
    f"#/destinations/topic/{'t' * 120}": "Raw body",
    f"#/destinations/bus/{'b' * 120}": "Raw body",
    f"#/destinations/rocketmq/{'r' * 120}?instance={'i' * 60}": "Raw body",
    "#/dead": "Send again",
    "#/metrics": "FunctionEnqueueCount",
    "#/time": "nightly",
    "#/state": "max_repeats",
}


def too_wide(page: Page) -> list[str]:
    """Return what makes the page, or a dialog on it, scroll sideways."""
    found: list[str] = page.evaluate(
        f"""() => {{
            const wide = document.documentElement.scrollWidth > {WIDTH} ? ["the page"] : [];
            for (const dialog of document.querySelectorAll("dialog[open]"))
                if (dialog.scrollWidth > dialog.clientWidth) wide.push("the dialog");
            return wide;
        }}"""
    )
    return found


def test_no_page_is_wider_than_a_phone_however_long_its_texts_are(page: Page, long: None) -> None:
    page.goto("/console")
    for address, text in ADDRESSES.items():
        page.goto(f"/console{address}")
        page.get_by_role("main").get_by_text(text).first.wait_for(state="attached")
        page.locator("main summary, main button[aria-expanded=false]").evaluate_all(
            "all => all.forEach(one => one.click())"
        )
        assert too_wide(page) == [], address


def test_dialogs_and_messages_with_long_texts_fit_a_phone(
    page: Page, long: None, admin: Admin
) -> None:
    page.goto(f"/console#/destinations/queue/{'q' * 120}")
    page.get_by_role("button", name="Purge…").click()
    page.get_by_role("dialog").wait_for()
    assert too_wide(page) == []
    page.keyboard.press("Escape")
    page.goto(f"/console#/functions/{NAME}/config")
    page.get_by_role("button", name="Delete configuration…").click()
    page.get_by_role("dialog").wait_for()
    assert too_wide(page) == []
    page.keyboard.press("Escape")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Kind of the success destination").select_option("function")
    form.get_by_label("Function name").fill(NAME)
    page.get_by_role("alert").get_by_text("Destination cycle").wait_for()
    assert too_wide(page) == []
    page.get_by_role("button", name="Deploy").click()
    page.get_by_role("dialog").wait_for()
    assert too_wide(page) == []
    page.keyboard.press("Escape")
    page.goto("/console#/invocations")
    page.get_by_label("Select big").check()
    page.get_by_role("toolbar").wait_for()
    assert too_wide(page) == []
    page.get_by_role("button", name="Invoke…").click()
    page.get_by_role("dialog").wait_for()
    assert too_wide(page) == []
    page.get_by_role("dialog").get_by_label("Payload", exact=True).fill(WORD)
    page.get_by_role("dialog").get_by_label("Task id").fill(TASK + "new")
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("status").get_by_text("1 accepted").wait_for()
    assert too_wide(page) == []
    page.get_by_role("button", name="Invoke…").click()
    page.get_by_role("dialog").get_by_label("Task id").fill(TASK + "new")
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("dialog").get_by_role("alert").get_by_text(TASK[:40]).wait_for()
    assert too_wide(page) == []


def test_a_graph_of_500_nodes_scrolls_in_its_frame_and_is_searched(
    page: Page, fc_local: FcLocal, admin: Admin
) -> None:
    for number in range(250):
        targets = {"onFailure": {"destination": f"acs:mns:::/queues/failed-{number}/messages"}}
        if number:
            parent = f"acs:fc:::functions/function-{(number - 1) // 2}"
            targets["onSuccess"] = {"destination": parent}
        config: Any = {"asyncTask": True, "destinationConfig": targets}
        fc_local.deploy(f"function-{number}", lambda *_: None, async_config=config)
    assert len(admin("GET", "/graph")["nodes"]) == 500
    page.goto("/console#/functions")
    canvas = page.get_by_role("region", name="Graph of destinations")
    canvas.wait_for()
    assert too_wide(page) == []
    assert canvas.evaluate("canvas => canvas.scrollWidth > canvas.clientWidth")
    for _ in range(3):
        page.get_by_role("button", name="Larger").click()
    assert too_wide(page) == []
    page.get_by_label("Find a node").fill("failed-24")
    page.get_by_role("status").get_by_text("11 found").wait_for()
    expect(canvas.locator(".box.found")).to_have_count(11)
    canvas.get_by_role("link", name="function-249").focus()
    page.locator(".graph .under").get_by_text("function-249/LATEST: nothing").wait_for()
    assert too_wide(page) == []
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="function-249").wait_for()


def test_a_list_is_cards_on_a_phone_that_show_every_field(
    page: Page, long: None, admin: Admin
) -> None:
    page.goto("/console#/dead")
    region = page.get_by_role("region", name="Dead events", exact=True)
    region.get_by_role("button", name="Send again").first.wait_for()
    assert region.evaluate("region => region.scrollWidth <= region.clientWidth")
    event = admin("GET", "/deliveries/dead")["deliveries"][0]
    for text in (event["error"], event["outcome"]):
        box = region.get_by_text(text, exact=True).first.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= WIDTH


def test_the_navigation_shows_the_page_that_is_open(page: Page, fc_local: FcLocal) -> None:
    missing = {"onSuccess": {"destination": "acs:mns:::/queues/missing/messages"}}
    fc_local.deploy("orders", lambda *_: None, async_config={"destinationConfig": missing})
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    hold(page, "**/_local/stats")
    page.goto("/console#/state")
    page.get_by_role("heading", name="State").wait_for()
    pages = page.get_by_role("navigation", name="Pages")
    link = pages.get_by_role("link", name="State")
    expect(link).to_be_in_viewport(ratio=0.9)
    page.unroute("**/_local/stats")
    expect(pages.get_by_role("link", name="Dead events")).to_contain_text("1")
    expect(link).to_be_in_viewport(ratio=0.9)
