# SPDX-License-Identifier: MIT
"""The log of an attempt: its end at once, the whole on demand, and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from fc_async_tests import axe
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import let_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

LINES = 4_000
CODE = f"""
def handler(event, context):
    for number in range({LINES}):
        print(f"line {{number}} <b>of</b> " + event.decode())
    if event == b"bad":
        raise ValueError("no")
"""


@pytest.fixture
def logged(fc_local: FcLocal, tmp_path: Path) -> FcLocal:
    """Task ``long`` of function orders failed and was retried; task ``short`` printed little."""
    (tmp_path / "index.py").write_text(CODE)
    config: Any = {"asyncTask": True, "maxAsyncRetryAttempts": 1}
    fc_local.deploy("orders", tmp_path, async_config=config)
    fc_local.client.invoke_async("orders", b"bad", task_id="long")
    fc_local.run_until_idle()
    return fc_local


def log(fc_local: FcLocal, attempt: int) -> requests.Response:
    url = f"{fc_local.endpoint}/_local/tasks/orders/long/log"
    return requests.get(url, {"attempt": attempt}, timeout=10)


def test_the_whole_log_is_shown_and_saved(page: Page, logged: FcLocal) -> None:
    page.goto("/console#/invocations/orders/long")
    page.get_by_text("Attempt 1", exact=True).last.click()
    shown = page.get_by_label("Log of Attempt 1", exact=True)
    shown.wait_for()
    assert len(shown.inner_text()) <= 4_096
    page.get_by_role("button", name="Show the whole log of Attempt 1").click()
    page.get_by_text("All that is kept").wait_for()
    text = shown.inner_text()
    assert text.count("<b>of</b> bad") == LINES
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download the log of Attempt 1").click()
    assert saving.value.suggested_filename == "long-attempt-1.log"
    assert Path(saving.value.path()).read_text().splitlines() == text.splitlines()


def test_each_attempt_has_its_own_log(logged: FcLocal) -> None:
    first, second = log(logged, 1), log(logged, 2)
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    assert first.text.count("<b>of</b> bad") == second.text.count("<b>of</b> bad") == LINES
    assert log(logged, 3).json()["Code"] == "AttemptNotFound"


def test_a_task_is_shown_without_its_logs(logged: FcLocal) -> None:
    task = requests.get(f"{logged.endpoint}/_local/tasks/orders/long", timeout=10)
    assert len(task.content) < 20_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_long_log_is_clean_and_fits_a_phone(
    browser: Browser, logged: FcLocal, scheme: Any
) -> None:
    context = browser.new_context(
        base_url=logged.endpoint,
        color_scheme=scheme,
        viewport={"width": 390, "height": 850},
        bypass_csp=True,  # axe-core is put into the page
    )
    let_in(context, logged.endpoint)
    page = context.new_page()
    page.goto("/console#/invocations/orders/long")
    page.get_by_text("Attempt 1", exact=True).last.click()
    page.get_by_role("button", name="Show the whole log of Attempt 1").click()
    page.get_by_text("All that is kept").wait_for()
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


WAITS = """
import os, time

def handler(event, context):
    print("<b>one</b>")
    while not os.path.exists(event.decode() + "-1"):
        time.sleep(0.01)
    print("two")
    while not os.path.exists(event.decode() + "-2"):
        time.sleep(0.01)
    print("three")
"""


def test_the_lines_of_a_running_attempt_appear_as_they_are_printed(
    page: Page, fc_local: FcLocal, tmp_path: Path
) -> None:
    code, gate = tmp_path / "code", tmp_path / "gate"
    code.mkdir()
    (code / "index.py").write_text(WAITS)
    fc_local.deploy("orders", code, async_config={"asyncTask": True}, timeout=60)
    fc_local.client.invoke_async("orders", str(gate).encode(), task_id="job")
    page.goto("/console#/invocations/orders/job")
    shown = page.get_by_label("Log of Attempt 1", exact=True)
    expect(shown).to_contain_text("<b>one</b>\n")
    (tmp_path / "gate-1").touch()
    expect(shown).to_contain_text("<b>one</b>\ntwo\n")
    (tmp_path / "gate-2").touch()
    expect(shown).to_contain_text("two\nthree\n")
    expect(page.get_by_role("button", name="Download the log of Attempt 1")).to_be_visible()
