# SPDX-License-Identifier: MIT
"""WCAG 2.2 AA on every page and state in both themes, a phone, and hostile data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fc_async_tests.console import create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[3] / "console" / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

PROBE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
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
    "#/destinations",
    "#/destinations/queue/q",
    "#/dead",
    "#/metrics",
    "#/time",
    "#/state",
]


@pytest.fixture
def full(fc_local: FcLocal) -> None:
    """A runtime with something on every page, written by someone who means harm."""

    def orders(event: bytes, _: object) -> bytes:
        if event == b"bad":
            raise ValueError(PROBE)
        return PROBE.encode()

    def send(method: str, path: str, body: object) -> None:
        requests.request(
            method, f"{fc_local.endpoint}/_local{path}", json=body, timeout=10
        ).raise_for_status()

    destination = {"onSuccess": {"destination": QUEUE}, "onFailure": {"destination": QUEUE}}
    fc_local.deploy(
        "orders",
        orders,
        description=PROBE,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 1,
            "destinationConfig": destination,
        },
    )
    client = fc_local.client
    create(fc_local.endpoint, "orders/versions", description=PROBE)
    create(fc_local.endpoint, "orders/aliases", aliasName="prod", versionId="1", description=PROBE)
    timer = {"cronExpression": "0 0 4 * * *", "enable": True, "payload": PROBE}
    create(
        fc_local.endpoint,
        "orders/triggers",
        triggerName="nightly",
        triggerType="timer",
        triggerConfig=json.dumps(timer),
    )
    client.invoke_async("orders", b"bad", task_id="failed")
    client.invoke_async("orders", b"\x00\xff" + PROBE.encode(), task_id="bytes")
    fc_local.advance(3600)
    client.invoke_async("orders", PROBE.encode(), task_id="waits", delay=3000)
    waits = {"function": "orders", "taskId": "failed"}
    send("POST", "/tasks/actions", {"action": "replay", "tasks": [waits], "reason": PROBE})
    fc_local.runtime.call(fc_local.runtime.services.mns.create_queue("q"))
    send("POST", "/channels/queue/messages?name=q", {"body": PROBE})


@pytest.fixture(params=["light", "dark"])
def themed(
    request: pytest.FixtureRequest, browser: Browser, fc_local: FcLocal
) -> Iterator[Callable[[int], Page]]:
    contexts = []

    def opened(width: int) -> Page:
        context = browser.new_context(
            base_url=fc_local.endpoint,
            color_scheme=request.param,
            reduced_motion="reduce",
            viewport={"width": width, "height": 850},
            bypass_csp=True,  # axe-core is put into the page
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        return page

    yield opened
    for context in contexts:
        context.close()


def show(page: Page, address: str) -> None:
    """Open a page and wait until its data is there: between two refreshes the network is idle."""
    page.goto(f"/console{address}")
    page.locator("main h1, main [role=alert]").first.wait_for()
    page.wait_for_load_state("networkidle")


def violations(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(f"axe.run(document, {json.dumps(RULES)})")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_clean_fits_a_phone_and_runs_no_code_of_its_data(
    themed: Callable[[int], Page], full: None, address: str
) -> None:
    page = themed(1280)
    show(page, address)
    for summary in page.locator("main summary").all():
        summary.click()
    folded = page.locator("main button[aria-expanded=false]")
    if folded.count():
        folded.first.click()
    assert violations(page) == []
    assert "pwned" not in page.title()
    assert page.locator("main img, main script").count() == 0
    page.set_viewport_size({"width": 390, "height": 850})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []


@pytest.mark.parametrize(
    ("address", "button"),
    [
        ("#/invocations", "Invoke…"),
        ("#/invocations", "Columns"),
        ("#/invocations", "Help on queries"),
        ("#/invocations", "Keyboard shortcuts"),
        ("#/invocations/orders/waits", "Stop…"),
        ("#/invocations/orders/waits", "Edit and replay…"),
        ("#/functions/orders/config", "Delete configuration…"),
        ("#/dead", "Forget all…"),
        ("#/state", "Clear…"),
    ],
)
def test_every_dialog_is_clean_and_gives_the_focus_back(
    themed: Callable[[int], Page], full: None, address: str, button: str
) -> None:
    page = themed(1280)
    show(page, address)
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    focused = page.evaluate(
        "document.activeElement.ariaLabel || document.activeElement.textContent"
    )
    assert focused == button


def test_selected_tasks_and_a_lost_runtime_are_clean(
    themed: Callable[[int], Page], full: None
) -> None:
    page = themed(1280)
    show(page, "#/invocations")
    page.get_by_label("Select waits").check()
    page.route("**/_local/**", lambda route: route.abort())
    page.get_by_role("alert").get_by_text("The runtime does not answer").wait_for()
    assert violations(page) == []
    assert page.get_by_role("link", name="waits").is_visible()
