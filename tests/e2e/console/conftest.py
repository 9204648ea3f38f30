# SPDX-License-Identifier: MIT
"""A browser on the console of a runtime with virtual time."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local import console
from fc_async_tests.console import Admin, admin_of, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal


@pytest.fixture(scope="module")
def browser(browser: Browser, cannot_run: Callable[[str], Any]) -> Browser:
    """Return the Chromium of this test process, for a console that is built."""
    if not resources.files(console).joinpath("static", "index.html").is_file():
        cannot_run("the console is not built: make console")
    return browser


@pytest.fixture
def page(browser: Browser, fc_local: FcLocal) -> Iterator[Page]:
    with opened(browser, fc_local.endpoint) as one:
        yield one


@pytest.fixture
def admin(fc_local: FcLocal) -> Admin:
    """Call the admin API as ``admin("GET", "/stats")``; returns what is answered."""
    return admin_of(fc_local.endpoint)


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
