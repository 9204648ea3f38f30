# SPDX-License-Identifier: MIT
"""Export, import and clear of everything, on a runtime that keeps its state in a file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import Admin, admin_of, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

EMPTY_ARCHIVE = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[LocalRuntime]:
    """A runtime with a function, an ended task, a waiting one, a message and a dead event."""
    with LocalRuntime(
        data=tmp_path / "data", port=0, clock="virtual", handlers={"orders": lambda event, _: event}
    ) as started:
        queue = "acs:mns:::/queues/missing/messages"
        function = {
            "functionName": "orders",
            "runtime": "custom",
            "handler": "x",
            "code": {"zipFile": EMPTY_ARCHIVE},
        }
        url = f"{started.endpoint}/2023-03-30/functions"
        requests.post(url, json=function, timeout=30).raise_for_status()
        admin = admin_of(started.endpoint)
        config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": queue}}}
        admin("PUT", "/functions/orders/async-config", config)
        with fc_async_sdk.client(endpoint_url=started.endpoint) as client:
            client.invoke_async("orders", b"payload", task_id="done")
            started.run_until_idle()
            client.invoke_async("orders", b"payload", task_id="waits", delay=600)
        started.call(started.services.mns.create_queue("q"))
        admin("POST", "/channels/queue/messages?name=q", {"body": "a message"})
        yield started


@pytest.fixture
def page(browser: Browser, runtime: LocalRuntime) -> Iterator[Page]:
    with opened(browser, runtime.endpoint) as one:
        one.goto("/console#/state")
        yield one


@pytest.fixture
def admin(runtime: LocalRuntime) -> Admin:
    return admin_of(runtime.endpoint)


def kept(admin: Admin) -> list[int]:
    """Count what the runtime keeps: functions, tasks, queues, dead events, metrics."""
    return [
        len(admin("GET", "/functions")["functions"]),
        len(admin("GET", "/tasks")["tasks"]),
        len(admin("GET", "/channels")["channels"]),
        admin("GET", "/deliveries/dead")["total"],
        len(admin("GET", "/metrics")["metrics"]) > 0,
    ]


FULL, EMPTY = [1, 2, 1, 1, 1], [0, 0, 0, 0, 0]


def clear(page: Page) -> None:
    page.get_by_role("button", name="Clear…").click()
    dialog = page.get_by_role("dialog", name="Clear everything")
    dialog.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_text("Everything was cleared.").wait_for()


def choose(page: Page, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Import…").click()
    chooser.value.set_files(file)


def bring_in(page: Page, name: str) -> None:
    dialog = page.get_by_role("dialog", name=f"Import {name}")
    dialog.get_by_role("button", name="Import", exact=True).click()


def test_what_was_exported_and_cleared_comes_back_with_an_import(
    page: Page, runtime: LocalRuntime, admin: Admin, tmp_path: Path
) -> None:
    assert kept(admin) == FULL
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    page.get_by_text("The state was exported.").wait_for()
    assert download.value.suggested_filename == "fc-async-state.db"
    file = tmp_path / "fc-async-state.db"
    download.value.save_as(file)
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()

    clear(page)
    assert kept(admin) == EMPTY
    choose(page, file)
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert kept(admin) == EMPTY
    choose(page, file)
    bring_in(page, file.name)
    page.get_by_text("The state was imported.").wait_for()
    assert kept(admin) == FULL
    (message,) = admin("GET", "/channels/queue/messages?name=q")["messages"]
    assert message["body"] == "a message"
    runtime.advance(600)
    task = admin("GET", "/tasks/orders/waits")
    assert (task["status"], task["returnPayload"]) == ("Succeeded", "payload")


@pytest.mark.parametrize("answer", [lambda route: route.abort(), lambda _: None])
def test_a_runtime_that_does_not_come_back_is_waited_for_a_minute(
    page: Page, answer: Callable[[Route], None]
) -> None:
    """It has ended, or it is frozen."""
    page.clock.install()
    page.reload()
    page.route("**/_local/state/run", answer)
    with page.expect_request("**/_local/state/run"):
        page.get_by_role("button", name="Clear…").click()
        page.get_by_role("dialog").get_by_role("button", name="Clear", exact=True).click()
    page.clock.fast_forward(61_000)
    page.get_by_role("alert").get_by_text("has not come back for 1 min").wait_for()


def test_a_clear_that_is_not_confirmed_keeps_everything(page: Page, admin: Admin) -> None:
    page.get_by_role("button", name="Clear…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").wait_for(state="detached")
    assert kept(admin) == FULL


def test_a_wrong_file_is_named_and_changes_nothing(
    page: Page, admin: Admin, tmp_path: Path
) -> None:
    file = tmp_path / "photo.jpg"
    for content in (b"", b"a holiday photo", b"SQLite format 3\0" + bytes(200)):
        file.write_bytes(content)
        page.get_by_label("File to import").set_input_files(file)
        bring_in(page, file.name)
        page.get_by_role("alert").get_by_text("InvalidArgument").wait_for()
        page.get_by_role("button", name="Close the message").click()
        page.get_by_role("alert").wait_for(state="detached")
    assert kept(admin) == FULL


@pytest.mark.parametrize("button", ["Export", "Clear…"])
def test_a_state_that_is_not_in_a_file_is_refused_with_a_reason(
    browser: Browser, fc_local: FcLocal, button: str
) -> None:
    with opened(browser, fc_local.endpoint) as page:
        page.goto("/console#/state")
        page.get_by_role("button", name=button).click()
        if button == "Clear…":
            page.get_by_role("dialog").get_by_role("button", name="Clear", exact=True).click()
        page.get_by_role("alert").get_by_text("StateNotInFile").wait_for()


def test_the_settings_in_force_are_shown(browser: Browser, fc_local: FcLocal) -> None:
    settings = admin_of(fc_local.endpoint)("GET", "/settings")
    with opened(browser, fc_local.endpoint) as page:
        page.goto("/console#/state")
        page.locator("main dt").first.wait_for()
        names = page.locator("main dt").all_inner_texts()
    assert names == [name for name, value in settings.items() if value != ""]
