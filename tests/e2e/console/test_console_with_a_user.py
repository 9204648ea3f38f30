# SPDX-License-Identifier: MIT
"""What a user does on the console: what is shown and sent is what was given, byte for byte."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

BINARY = b"\x89PNG\r\n\x1a\n\x00\xff"
NUMBERS = '{"id":12345678901234567890,"price":1.10,"rate":1E400,"a":{},"b":[],"a":"\\u00e9 {,:"}'


@pytest.fixture(scope="module")
def browser(cannot_run: Callable[[str], Any]) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        cannot_run("there is no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, fc_local: FcLocal) -> Iterator[Page]:
    context = browser.new_context(base_url=fc_local.endpoint)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    one = context.new_page()
    one.set_default_timeout(10_000)
    errors: list[Exception] = []

    def note(error: Exception) -> None:  # Playwright cannot call a built-in method
        errors.append(error)

    one.on("pageerror", note)
    yield one
    context.close()
    assert errors == []


@pytest.fixture
def received(fc_local: FcLocal) -> list[bytes]:
    """Payloads of function orders, which answers with its payload."""
    seen: list[bytes] = []

    def handler(event: bytes, _) -> bytes:
        seen.append(event)
        return event

    fc_local.deploy("orders", handler, async_config={"asyncTask": True})
    return seen


def task(page: Page, fc_local: FcLocal, payload: bytes) -> None:
    """Show the page of a task that had this payload."""
    fc_local.client.invoke_async("orders", payload, task_id="first")
    fc_local.run_until_idle()
    page.goto("/console#/tasks/orders/first")
    page.get_by_role("heading", name="first").wait_for()


@pytest.mark.parametrize("payload", [BINARY, b"a\r\nb", NUMBERS.encode(), b"\xef\xbb\xbf{}", b""])
def test_replay_sends_the_payload_byte_for_byte(
    payload: bytes, page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, payload)
    page.get_by_role("button", name="Replay", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("first"))
    fc_local.run_until_idle()
    assert received == [payload, payload]


@pytest.mark.parametrize("payload", [BINARY, b"a\r\nb", b"a\rb\nc", NUMBERS.encode()])
def test_edit_and_replay_sends_what_was_not_edited_byte_for_byte(
    payload: bytes, page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, payload)
    page.get_by_role("button", name="Edit and replay…").click()
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("first"))
    fc_local.run_until_idle()
    assert received == [payload, payload]


def test_an_edited_payload_keeps_its_line_ends(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"a\r\nb")
    page.get_by_role("button", name="Edit and replay…").click()
    page.get_by_label("Payload", exact=True).press("Control+End")
    page.keyboard.type("c")
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("first"))
    fc_local.run_until_idle()
    assert received == [b"a\r\nb", b"a\r\nbc"]


def test_format_json_changes_white_space_only(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, NUMBERS.encode())
    page.get_by_role("button", name="Edit and replay…").click()
    page.get_by_role("button", name="Format JSON").click()
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("first"))
    fc_local.run_until_idle()
    assert received[1].decode() == (
        '{\n  "id": 12345678901234567890,\n  "price": 1.10,\n  "rate": 1E400,\n  "a": {},\n'
        '  "b": [],\n  "a": "\\u00e9 {,:"\n}'
    )


def test_numbers_are_shown_as_they_were_written(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, NUMBERS.encode())
    for part in ("payload", "result"):
        shown = page.locator(f"pre[data-key={part}]").inner_text()
        assert "12345678901234567890" in shown
        assert "1.10" in shown


def test_a_payload_that_is_not_text_is_shown_as_labelled_base64(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, BINARY)
    assert page.get_by_text("not UTF-8, shown as base64").count() == 2
    page.get_by_role("button", name="Python").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert 'base64.b64decode("iVBORw0KGgoA/w==")' in copied
    assert page.get_by_role("button", name="s", exact=True).count() == 0


# --- refreshing ----------------------------------------------------------------------------------


def test_the_focus_stays_on_a_control_while_the_list_is_refreshed(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    page.goto("/console#/tasks")
    page.get_by_role("link", name="first").focus()
    fc_local.client.invoke_async("orders", b"", task_id="second", delay=600)
    page.get_by_role("link", name="second").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "first"
    page.get_by_role("button", name=re.compile("Succeeded")).focus()
    fc_local.client.invoke_async("orders", b"", task_id="third", delay=600)
    page.get_by_role("link", name="third").wait_for()
    assert "Succeeded" in page.evaluate("document.activeElement.textContent")


def test_the_focus_is_never_moved_to_the_button_of_another_row(
    page: Page, fc_local: FcLocal
) -> None:
    queue = {"destination": "acs:mns:::/queues/missing/messages"}
    fc_local.deploy("f", lambda *_: None, async_config={"destinationConfig": {"onSuccess": queue}})
    for _ in range(2):
        fc_local.client.invoke_async("f", b"")
        fc_local.advance(3600)
    page.goto("/console#/dead")
    first = page.get_by_role("row").nth(1)
    kept = page.get_by_role("row").nth(2).get_attribute("data-key")
    first.get_by_role("button", name="Forget").click()
    page.get_by_role("row").nth(2).wait_for(state="detached")
    assert page.get_by_role("row").nth(1).get_attribute("data-key") == kept
    assert page.evaluate("document.activeElement.textContent") != "Forget"


def test_a_list_of_ended_tasks_is_not_built_again_and_again(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="first", delay=600)
    fc_local.client.stop_async_task("orders", "first")
    page.goto("/console#/tasks")
    page.get_by_role("link", name="first").wait_for()
    page.evaluate("document.querySelector('tbody tr').id = 'same'")
    for _ in range(2):
        fc_local.advance(1)
        with page.expect_response("**/_local/tasks?*"):
            pass
    with page.expect_response("**/_local/tasks?*"):
        pass
    assert page.locator("#same").count() == 1


def test_a_status_tile_keeps_the_rest_of_the_query(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.deploy("other", lambda *_: None, async_config={"asyncTask": True})
    for name in ("orders", "other"):
        fc_local.client.invoke_async(name, b"", task_id=f"of-{name}")
    fc_local.run_until_idle()
    page.goto("/console#/tasks?q=function%3Aorders")
    page.get_by_role("link", name="of-orders").wait_for()
    page.get_by_role("button", name=re.compile("Succeeded")).click()
    page.wait_for_url("**q=function%3Aorders+status%3ASucceeded")
    page.get_by_role("link", name="of-orders").wait_for()
    assert page.get_by_role("link", name="of-other").count() == 0
    page.get_by_role("button", name=re.compile("Succeeded")).click()
    page.wait_for_url("**q=function%3Aorders")


def test_the_title_names_the_task_that_is_shown(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="second")
    task(page, fc_local, b"")
    assert page.title() == "first · fc-async"
    page.goto("/console#/tasks/orders/second")
    page.get_by_role("heading", name="second").wait_for()
    assert page.title() == "second · fc-async"


def test_a_task_that_does_not_exist_does_not_show_another_one(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"")
    page.goto("/console#/tasks/orders/nothing")
    page.get_by_role("alert").get_by_text("AsyncTaskNotFound").wait_for()
    assert page.get_by_role("button", name="Replay", exact=True).count() == 0


def test_metrics_say_over_which_time_they_are_counted(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    """The choice stays when the page is left, so it must be shown when the page comes back."""
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    fc_local.advance(7200)
    page.goto("/console#/metrics")
    page.get_by_text("FunctionEnqueueCount").wait_for()
    page.get_by_label("Counted over").select_option("the last hour")
    page.get_by_text("Nothing has been counted yet.").wait_for()
    page.get_by_role("link", name="Tasks", exact=True).click()
    page.get_by_role("link", name="Metrics", exact=True).click()
    page.get_by_text("Nothing has been counted yet.").wait_for()
    shown = page.get_by_label("Counted over").evaluate("s => s.selectedOptions[0].textContent")
    assert shown == "the last hour"


def test_a_percent_sign_in_the_address_does_no_harm(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/tasks/orders/100%")
    page.get_by_role("alert").get_by_text("AsyncTaskNotFound").wait_for()


def test_the_error_of_an_action_stays_until_the_next_one(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"")
    fc_local.client.delete_function("orders")
    page.get_by_role("button", name="Replay", exact=True).click()
    page.get_by_role("alert").get_by_text("FunctionNotFound").wait_for()
    for _ in range(2):
        with page.expect_response("**/_local/stats"):
            pass
    with page.expect_response("**/_local/clock"):
        pass
    assert "FunctionNotFound" in page.get_by_role("alert").inner_text()


def test_the_page_of_dead_events_says_how_many_there_are(page: Page, fc_local: FcLocal) -> None:
    queue = {"destination": "acs:mns:::/queues/missing/messages"}
    fc_local.deploy("f", lambda *_: None, async_config={"destinationConfig": {"onSuccess": queue}})
    assert sum(1 for _ in fc_local.client.fan_out("f", [b""] * 1002)) == 1002
    fc_local.run_until_idle()
    page.goto("/console#/dead")
    page.get_by_text("1002 event(s) were given up, 1000 of them are shown").wait_for()
