# SPDX-License-Identifier: MIT
"""The page of one task: what is shown and sent is what was given, byte for byte."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_plugin.operate.tasks import next_id
from fc_async_sdk.payloads import DefaultStore
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import copied

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

BINARY = b"\x89PNG\r\n\x1a\n\x00\xff"
NUMBERS = '{"id":12345678901234567890,"price":1.10,"rate":1E400,"a":{},"b":[],"a":"\\u00e9 {,:"}'


def task(page: Page, fc_local: FcLocal, payload: bytes) -> None:
    """Show the page of a task that had this payload."""
    fc_local.client.invoke_async("orders", payload, task_id="first")
    fc_local.run_until_idle()
    page.goto("/console#/invocations/orders/first")
    page.get_by_role("heading", name="first").wait_for()


def edit(page: Page) -> None:
    page.get_by_role("button", name="Edit and replay…").click()
    page.get_by_role("dialog").wait_for()


def send(page: Page, fc_local: FcLocal) -> None:
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("first"))
    fc_local.run_until_idle()


@pytest.mark.parametrize("payload", [BINARY, b"a\r\nb", NUMBERS.encode(), b"\xef\xbb\xbf{}", b""])
def test_replay_sends_the_payload_byte_for_byte(
    payload: bytes, page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, payload)
    page.get_by_role("button", name="Replay…", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    page.wait_for_url(lambda url: not url.endswith("first"))
    fc_local.run_until_idle()
    assert received == [payload, payload]
    page.get_by_text("Replay of").wait_for()


@pytest.mark.parametrize("payload", [BINARY, b"a\r\nb", b"a\rb\nc", NUMBERS.encode()])
def test_edit_and_replay_sends_what_was_not_edited_byte_for_byte(
    payload: bytes, page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, payload)
    edit(page)
    send(page, fc_local)
    assert received == [payload, payload]


def test_a_replay_with_another_payload_and_its_task_name_each_other(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"first payload")
    edit(page)
    page.get_by_role("dialog").get_by_label("Payload", exact=True).fill("other")
    send(page, fc_local)
    page.get_by_text("Replay of", exact=True).wait_for()
    page.get_by_role("link", name="first", exact=True).click()
    page.get_by_text("Replayed as", exact=True).wait_for()
    assert received == [b"first payload", b"other"]


def test_a_replay_leads_to_its_page_before_the_functions_are_known(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"x")
    page.route("**/_local/functions", lambda _: None)  # is never answered
    edit(page)
    send(page, fc_local)
    assert received == [b"x", b"x"]


def test_a_replay_from_the_command_line_and_its_task_name_each_other(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    for payload, name in ((b"x", "first"), (b"x", next_id("first")), (b"other", "first-replay-2")):
        fc_local.client.invoke_async("orders", payload, task_id=name)
    fc_local.run_until_idle()
    page.goto("/console#/invocations/orders/first-replay-1")
    page.get_by_text("Replay of", exact=True).wait_for()
    expect(page.get_by_text("Replayed as", exact=True)).to_have_count(0)  # with another payload
    page.get_by_role("link", name="first", exact=True).click()
    page.get_by_text("Replayed as", exact=True).wait_for()


def test_an_edited_payload_keeps_its_line_ends(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"a\r\nb")
    edit(page)
    page.get_by_role("dialog").get_by_label("Payload", exact=True).press("Control+End")
    page.keyboard.type("c")
    send(page, fc_local)
    assert received == [b"a\r\nb", b"a\r\nbc"]


def test_format_json_changes_white_space_only(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, NUMBERS.encode())
    edit(page)
    page.get_by_role("button", name="Format JSON").click()
    send(page, fc_local)
    assert received[1].decode() == (
        '{\n  "id": 12345678901234567890,\n  "price": 1.10,\n  "rate": 1E400,\n  "a": {},\n'
        '  "b": [],\n  "a": "\\u00e9 {,:"\n}'
    )


def test_numbers_are_shown_as_they_were_written(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, NUMBERS.encode())
    for name in ("Payload", "Result"):
        shown = page.get_by_role("region", name=name).locator("pre").inner_text()
        assert '"id": 12345678901234567890' in shown
        assert '"price": 1.10' in shown
    page.get_by_role("region", name="Payload").get_by_role("button", name="As sent").click()
    assert page.get_by_role("region", name="Payload").locator("pre").inner_text() == NUMBERS


def test_escapes_are_decoded_and_json_in_json_is_a_tree_without_loss(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    inner = '{"price": 1.10, "id": 12345678901234567890, "note": "a\\\\nb"}'
    sent = json.dumps(
        {"text": "caf\u00e9 \u4e2d\u6587\nsecond line", "body": inner, "rtl": "\u202e"}
    )
    task(page, fc_local, sent.encode())
    payload = page.get_by_role("region", name="Payload")
    shown = payload.locator("pre")
    for text in (
        "caf\u00e9 \u4e2d\u6587",
        "\nsecond line",
        '"price": 1.10',
        "12345678901234567890",
    ):
        expect(shown).to_contain_text(text)
    expect(shown).to_contain_text("\\u202e")
    payload.get_by_role("button", name="Fold").nth(1).click()
    expect(shown).not_to_contain_text('"price"')
    payload.get_by_role("button", name="Unfold").click()
    payload.get_by_role("button", name="As sent").click()
    assert shown.inner_text() == sent
    payload.get_by_role("button", name="Copy Payload").click()
    copied(page, sent)
    edit(page)
    send(page, fc_local)
    assert received == [sent.encode(), sent.encode()]


def test_bytes_are_shown_in_hexadecimal_and_downloaded_as_they_are(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, BINARY)
    payload = page.get_by_role("region", name="Payload")
    expect(payload.locator("pre")).to_contain_text("89 50 4e 47 0d 0a 1a 0a 00 ff")
    with page.expect_download() as saved:
        payload.get_by_role("button", name="Download Payload").click()
    assert Path(saved.value.path()).read_bytes() == BINARY
    expect(page.get_by_role("button", name="Copy as s command")).to_have_count(0)


def test_a_call_is_copied_as_python_curl_and_s(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.clock.install()
    task(page, fc_local, b"it's")
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))  # a label stands for 1.5 seconds
    expected = {
        "Copy as Python": '"it\'s"',
        "Copy as curl": "--data-raw 'it'\\''s'",
        "Copy as s command": "-e 'it'\\''s'",
        "Copy the link": "#/invocations/orders/first",
    }
    for button, text in expected.items():
        page.get_by_role("button", name=button).click()
        page.get_by_role("button", name="Copied").wait_for()
        copied(page, text)
        page.clock.run_for(1_500)
        page.get_by_role("button", name="Copied").wait_for(state="detached")


def test_a_call_with_bytes_is_copied_as_python_and_curl(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, BINARY)
    encoded = base64.b64encode(BINARY).decode()
    for button, text in {
        "Copy as Python": f'base64.b64decode("{encoded}")',
        "Copy as curl": f"printf %s '{encoded}' | base64 -d | curl",
        "Copy base64 of Payload": encoded,
    }.items():
        page.get_by_role("button", name=button).click()
        copied(page, text)


def test_a_browser_that_does_not_let_the_page_copy_is_named(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.add_init_script("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
    task(page, fc_local, b"x")
    page.get_by_role("button", name="Copy as curl").click()
    page.get_by_role("alert").get_by_text("did not let the page copy").wait_for()
    expect(page.get_by_role("button", name="Copied")).to_have_count(0)


def test_a_task_that_waits_shows_what_it_waits_for(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"bad", task_id="first")
    fc_local.advance(0.5)
    page.goto("/console#/invocations/orders/first")
    pending = page.get_by_role("region", name="Pending")
    for text in ("2 of 2", "500 ms", "23 h 59 min", "UnhandledInvocationError", "card declined"):
        pending.get_by_text(text).first.wait_for()
    page.get_by_role("button", name="Run now…").click()
    page.get_by_role("dialog").get_by_role("button", name="Run now").click()
    page.get_by_text("It is due now.").wait_for()
    fc_local.advance(0)
    assert received == [b"bad", b"bad"]
    pending.wait_for(state="detached")


def test_what_a_function_logs_is_shown_while_it_waits_and_for_each_attempt(
    page: Page, fc_local: FcLocal, tmp_path: Path
) -> None:
    (tmp_path / "index.py").write_text(
        "def handler(event, context):\n"
        "    print('looked at the card')\n"
        "    raise ValueError(event)\n"
    )
    config: AsyncConfigFields = {"asyncTask": True, "maxAsyncRetryAttempts": 1}
    fc_local.deploy("orders", tmp_path, async_config=config)
    fc_local.client.invoke_async("orders", b"declined", task_id="first")
    fc_local.advance(0.5)
    page.goto("/console#/invocations/orders/first")
    page.get_by_text("Log of the last attempt, with its trace").click()
    expect(page.get_by_label("Log of the last attempt")).to_contain_text("looked at the card")
    fc_local.run_until_idle()
    for attempt in ("Attempt 1", "Attempt 2"):
        page.get_by_role("group").filter(has_text=attempt).last.locator("summary").click()
        log = page.get_by_label(f"Log of {attempt}", exact=True).inner_text()
        assert "looked at the card" in log
        assert "ValueError" in log
    page.get_by_role("link", name="← Invocations").click()
    page.get_by_role("heading", name="Invocations").wait_for()
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Asynchronous invocation").uncheck()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("Log", exact=True).click()
    expect(page.get_by_label("Log", exact=True)).to_contain_text("looked at the card")


def test_attempts_deliveries_and_what_was_caused_are_shown(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    seen: list[bytes] = []

    def mail(event: bytes, _: object) -> None:
        seen.append(event)

    fc_local.deploy("mail", mail, async_config={"asyncTask": True})
    url = f"{fc_local.endpoint}/_local/functions/orders/async-config"
    destination = {"onFailure": {"destination": "acs:fc:::functions/mail"}}
    config = {"asyncTask": True, "maxAsyncRetryAttempts": 1, "destinationConfig": destination}
    requests.put(url, json=config, timeout=10).raise_for_status()
    task(page, fc_local, b"bad")
    timeline = page.get_by_role("region", name="Time line")
    for lane in ("Attempt 1", "Attempt 2", "→ function mail"):
        timeline.get_by_text(lane).wait_for()
    page.get_by_text("Recorded steps (").click()
    page.get_by_text("Attempt 2").last.click()
    event = page.get_by_role("region", name="Event that was sent").locator("pre").inner_text()
    assert '"condition": "UnhandledInvocationError"' in event
    page.get_by_role("link", name="mail / ").click()
    page.get_by_role("link", name="orders / first (failure)").click()
    page.get_by_role("heading", name="first").wait_for()
    assert len(seen) == 1


def test_idle_spans_are_folded_on_request(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"bad", task_id="first", delay=3_000)
    fc_local.run_until_idle()
    page.goto("/console#/invocations/orders/first")
    page.get_by_text("folded", exact=False).first.wait_for()
    page.get_by_label("Fold idle spans").uncheck()
    page.get_by_text(", of which").wait_for(state="detached")


def test_a_task_that_does_not_exist_does_not_show_another_one(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"")
    for name in ("nothing", "100%"):
        page.goto(f"/console#/invocations/orders/{name}")
        page.get_by_role("alert").get_by_text("AsyncTaskNotFound").wait_for()
        expect(page.get_by_role("button", name="Replay…", exact=True)).to_have_count(0)


def test_the_error_of_an_action_stays_until_the_next_one(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    task(page, fc_local, b"")
    fc_local.client.delete_function("orders")
    page.get_by_role("button", name="Replay…", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()
    page.get_by_role("alert").get_by_text("FunctionNotFound").wait_for()
    for _ in range(3):
        with page.expect_response("**/_local/stats"):
            pass
    expect(page.get_by_role("alert")).to_contain_text("FunctionNotFound")


def test_a_payload_in_a_store_has_its_size_and_a_download_until_it_is_gone(
    page: Page, fc_local: FcLocal, received: list[bytes], tmp_path: Path
) -> None:
    large = b"large" * 50_000
    fc_local.client.invoke_async("orders", large, task_id="first", large=DefaultStore())
    fc_local.run_until_idle()
    page.goto("/console#/invocations/orders/first")
    payload = page.get_by_role("region", name="Payload of first")
    payload.get_by_text("244 KiB in file:///").wait_for()
    with page.expect_download() as started:
        payload.get_by_role("link", name="Download the content").click()
    assert started.value.path().read_bytes() == large

    for file in (tmp_path / "fc-async" / "payloads").rglob("*.gz"):
        file.unlink()
    page.reload()
    payload.get_by_text("not found any more").wait_for()
