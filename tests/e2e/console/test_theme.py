# SPDX-License-Identifier: MIT
"""The theme of the console: that of the system, or the one that was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_tests.console import hold

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

LIGHT, DARK = "rgb(245, 246, 248)", "rgb(17, 21, 27)"
DRAWN = """() => [...document.querySelectorAll(".chart canvas")].map((one) => one.toDataURL())"""


def background(page: Page, colour: str) -> None:
    expect(page.locator("body")).to_have_css("background-color", colour)


def test_the_theme_is_chosen_with_the_keyboard_and_remembered(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/console")
    background(page, LIGHT)
    theme = page.get_by_role("combobox", name="Theme")
    theme.focus()
    page.keyboard.press("End")
    background(page, DARK)
    page.reload()
    expect(theme).to_have_value("dark")
    background(page, DARK)
    theme.select_option("Light")
    page.emulate_media(color_scheme="dark")
    background(page, LIGHT)
    theme.select_option("System")
    background(page, DARK)
    page.emulate_media(color_scheme="light")
    background(page, LIGHT)


def test_the_first_paint_has_the_theme_that_was_chosen(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/console")
    page.get_by_role("combobox", name="Theme").select_option("Dark")
    background(page, DARK)
    hold(page, "**/console.js")  # what draws the page has not arrived
    page.goto("/console", wait_until="commit")
    background(page, DARK)


def test_charts_and_the_graph_follow_the_theme(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    page.emulate_media(color_scheme="light")
    page.goto("/console#/metrics")
    page.locator(".chart canvas").first.wait_for()
    before = page.evaluate(DRAWN)
    theme = page.get_by_role("combobox", name="Theme")
    theme.select_option("Dark")
    page.wait_for_function(
        f"before => ({DRAWN})().every((one, n) => one !== before[n])", arg=before
    )
    fc_local.create_queue("archive")
    config = {
        "destinationConfig": {"onSuccess": {"destination": "acs:mns:::/queues/archive/messages"}}
    }
    fc_local.deploy("mail", lambda *_: None, async_config=config)
    page.goto("/console#/functions")
    box = page.locator(".box.own rect").first
    expect(box).to_have_css("fill", "rgb(25, 31, 40)")
    theme.select_option("Light")
    expect(box).to_have_css("fill", "rgb(255, 255, 255)")
