# SPDX-License-Identifier: MIT
"""A browser on the console of a runtime with virtual time."""

from __future__ import annotations

import shutil
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local import console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from fc_async_local.testing import FcLocal


@pytest.fixture(scope="module")
def browser(cannot_run: Callable[[str], Any]) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        cannot_run("there is no Chromium on this machine")
    if not resources.files(console).joinpath("static", "index.html").is_file():
        cannot_run("the console is not built: make console")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, fc_local: FcLocal) -> Iterator[Page]:
    """A page that must not report any error, nor break its own policy."""
    context = browser.new_context(base_url=fc_local.endpoint, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    one = context.new_page()
    one.set_default_timeout(10_000)
    errors: list[str] = []

    def note(error: Exception) -> None:
        errors.append(str(error))

    def read(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            errors.append(message.text)

    one.on("pageerror", note)
    one.on("console", read)
    yield one
    context.close()
    assert errors == []


@pytest.fixture
def received(fc_local: FcLocal) -> list[bytes]:
    """Payloads of function orders, which answers with its payload, and fails for ``bad``."""
    seen: list[bytes] = []

    def handler(event: bytes, _: object) -> bytes:
        seen.append(event)
        if event == b"bad":
            raise ValueError("card declined")
        return event

    fc_local.deploy("orders", handler, async_config={"asyncTask": True, "maxAsyncRetryAttempts": 1})
    return seen
