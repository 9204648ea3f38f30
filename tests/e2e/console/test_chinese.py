# SPDX-License-Identifier: MIT
"""The console in Chinese: by the browser's language or the control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_tests.console import opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def test_the_language_is_chosen_and_remembered(browser: Browser, fc_local: FcLocal) -> None:
    with opened(browser, fc_local.endpoint, locale="en-US") as page:
        page.goto("/console#/dead")
        page.get_by_role("button", name="中文").click()
        page.get_by_role("heading", name="死信事件").wait_for()
        page.get_by_role("combobox", name="主题").select_option("深色")
        page.reload()
        page.get_by_role("link", name="监控指标").click()
        page.get_by_role("heading", name="监控指标").wait_for()
        page.get_by_role("button", name="EN", exact=True).click()
        page.get_by_role("heading", name="Metrics").wait_for()


def test_a_browser_of_another_language_shows_english(browser: Browser, fc_local: FcLocal) -> None:
    with opened(browser, fc_local.endpoint, locale="fr-FR") as page:
        page.goto("/console")
        page.get_by_role("heading", name="Invocations").wait_for()


def test_a_function_with_a_name_of_the_catalog_keeps_it(page: Page, fc_local: FcLocal) -> None:
    fc_local.deploy("queue", lambda *_: None)
    page.add_init_script("localStorage.setItem('fc-async.language', 'zh-CN')")
    page.goto("/console#/functions")
    page.get_by_role("heading", name="函数").wait_for()
    page.get_by_role("link", name="queue", exact=True).wait_for()


def test_the_graph_is_labelled_in_chinese(page: Page, fc_local: FcLocal) -> None:
    queue = {"onSuccess": {"destination": fc_local.create_queue("archive")}}
    fc_local.deploy("orders", lambda *_: None, async_config={"destinationConfig": queue})
    timer = {"cronExpression": "@every 2h", "enable": True, "payload": ""}
    fc_local.client.create_trigger("orders", "beat", trigger_type="timer", trigger_config=timer)
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    page.add_init_script("localStorage.setItem('fc-async.language', 'zh-CN')")
    page.goto("/console#/functions")
    texts = page.locator(".canvas text")
    for label in ("orders", "队列 archive", "定时器 @every 2h", "触发器 beat", "成功: 1"):
        texts.filter(has_text=label).wait_for()
    expect(texts).to_have_count(5)
