# SPDX-License-Identifier: MIT
"""Why did it fail: the answer is on top of the page of a task, one click from the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def test_a_failed_task_shows_type_message_and_trace_one_click_from_the_list(
    page: Page, fc_local: FcLocal, tmp_path: Path
) -> None:
    code = "def handler(event, context):\n    raise ValueError('card declined')\n"
    (tmp_path / "index.py").write_text(code)
    fc_local.deploy(
        "orders", tmp_path, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 1}
    )
    fc_local.client.invoke_async("orders", b"{}", task_id="first")
    fc_local.run_until_idle()
    page.goto("/console")
    page.get_by_role("link", name="first").click()
    card = page.get_by_role("region", name="Why it failed")
    card.get_by_text("ValueError").first.wait_for()
    trace = card.get_by_label("Trace").inner_text()
    assert "Traceback (most recent call last):" in trace
    assert "raise ValueError('card declined')" in trace
    assert trace.endswith("ValueError: card declined")
    card.get_by_text("Both attempts failed with this message.").wait_for()
    above = card.bounding_box()
    timeline = page.get_by_role("region", name="Time line").bounding_box()
    assert above is not None
    assert timeline is not None
    assert above["y"] < timeline["y"]


def test_each_attempt_has_its_own_message_and_two_are_compared(
    page: Page, fc_local: FcLocal
) -> None:
    messages = iter(["no route to the bank", "no route to the bank", "card declined"])

    def handler(_: bytes, __: object) -> None:
        raise ValueError(next(messages))

    config: AsyncConfigFields = {"asyncTask": True, "maxAsyncRetryAttempts": 2}
    fc_local.deploy("orders", handler, async_config=config)
    fc_local.client.invoke_async("orders", b"{}", task_id="first")
    fc_local.run_until_idle()
    page.goto("/console#/invocations/orders/first")
    card = page.get_by_role("region", name="Why it failed")
    rows = card.get_by_role("row")
    rows.filter(has_text="Attempt 3").get_by_text("card declined").wait_for()
    expect(rows.filter(has_text="Attempt 1")).to_contain_text("no route to the bank")
    page.get_by_text("Compare two attempts").click()
    compared = page.get_by_role("group", name="Compared attempts")
    expect(compared.locator("mark")).to_have_text(["no route to the bank", "card declined"])
    page.get_by_label("Second attempt").select_option("2")
    compared.locator("mark").first.wait_for(state="detached")


def test_a_loop_shows_which_task_called_which_each_as_a_link(page: Page, fc_local: FcLocal) -> None:
    for name, other in (("ping", "pong"), ("pong", "ping")):
        fc_local.deploy(
            name,
            lambda *_: None,
            async_config={
                "asyncTask": True,
                "destinationConfig": {"onSuccess": {"destination": f"acs:fc:::functions/{other}"}},
            },
        )
    fc_local.client.invoke_async("ping", b"{}", task_id="first")
    fc_local.run_until_idle()
    page.goto("/console#/invocations?q=status:Failed")
    page.get_by_role("region", name="Tasks").get_by_role("link").first.click()
    card = page.get_by_role("region", name="Why it failed")
    card.get_by_text("RecursiveInvocation").wait_for()
    links = card.get_by_role("list", name="Who called whom").get_by_role("link")
    assert links.count() > 2
    assert links.first.inner_text() == "ping / first"
    links.first.click()
    page.get_by_role("heading", name="first").wait_for()
    expect(page.get_by_role("region", name="Why it failed")).to_have_count(0)
