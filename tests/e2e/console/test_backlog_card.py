# SPDX-License-Identifier: MIT
"""The page of a function says why its calls wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.admin import operations as admin
from fc_async_tests import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def test_the_card_names_what_holds_the_calls_and_what_to_change(
    page: Page, fc_local: FcLocal
) -> None:
    fc_local.deploy("orders", lambda *_: "paid")
    fc_local.client.put_concurrency_config("orders", reserved_concurrency=0)
    for _ in range(3):
        fc_local.client.invoke_async("orders", b"{}")
    fc_local.client.invoke_async("orders", b"{}", delay=900)
    fc_local.advance(1)
    page.goto("/console#/functions/orders")
    card = page.get_by_role("region", name="Backlog")
    card.get_by_text("4 waiting, 0 running").wait_for()
    causes = card.get_by_role("list", name="What holds the waiting calls").get_by_role("listitem")
    blocked, delayed = causes.all_inner_texts()
    assert blocked.splitlines() == [
        "its reserved concurrency is 0, so no attempt runs (3 calls, limit 0)",
        "Change: raise or delete reservedConcurrency",
    ]
    assert delayed.splitlines()[0].endswith("itself or by a Pace (1 call)")
    assert axe.violations(page) == []


def test_a_function_is_paused_and_resumed_from_its_card(page: Page, fc_local: FcLocal) -> None:
    fc_local.deploy("orders", lambda *_: "paid")
    page.goto("/console#/functions/orders")
    card = page.get_by_role("region", name="Backlog")
    card.get_by_role("button", name="Pause…").click()
    dialog = page.get_by_role("dialog")
    assert "Calls are accepted and wait" in dialog.inner_text()
    dialog.get_by_role("button", name="Pause", exact=True).click()
    card.get_by_text("the function is paused").wait_for()
    assert [one.function for one in fc_local.client.send(admin.list_pauses()).pauses] == ["orders"]
    fc_local.client.invoke_async("orders", b"{}")
    fc_local.advance(1)
    card.get_by_text("(1 call)").wait_for()
    assert axe.violations(page) == []
    card.get_by_role("button", name="Resume").click()
    page.get_by_text("orders goes on; calls that waited: 1.").wait_for()
    assert fc_local.client.send(admin.list_pauses()).pauses == []


def test_calls_that_are_let_go_one_by_one_can_all_start_at_once(
    page: Page, fc_local: FcLocal
) -> None:
    fc_local.deploy("orders", lambda *_: "paid")
    fc_local.client.send(admin.pause("orders"))
    for _ in range(3):
        fc_local.client.invoke_async("orders", b"{}")
    fc_local.advance(1)
    fc_local.client.send(admin.resume("orders", interval_us=3_600_000_000))
    page.goto("/console#/functions/orders")
    card = page.get_by_role("region", name="Backlog")
    card.get_by_role("button", name="Start all now").click()
    page.get_by_text("orders goes on").wait_for()
    fc_local.run_until_idle()
    card.get_by_text("0 waiting, 0 running").wait_for()
    assert fc_local.client.send(admin.list_pauses()).pauses == []
