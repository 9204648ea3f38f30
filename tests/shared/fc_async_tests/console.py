# SPDX-License-Identifier: MIT
"""A browser's page on the console of a runtime, and the admin API of the same runtime."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from fc_async_sdk import _endpoint, _runtimes
from fc_async_tests import runtime_requests as requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

Admin = Callable[..., Any]
expect.set_options(timeout=30_000)  # as long as all else waits: a slow machine needs more than 5 s


@contextlib.contextmanager
def opened(browser: Browser, endpoint: str, **settings: Any) -> Iterator[Page]:
    """Open a page that must not report any error, nor break its own policy."""
    context = browser.new_context(base_url=endpoint, accept_downloads=True, **settings)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    let_in(context, endpoint)
    page = context.new_page()
    errors: list[str] = []

    def note(error: Exception) -> None:
        errors.append(str(error))

    def read(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            errors.append(message.text)

    page.on("pageerror", note)
    page.on("console", read)
    yield page
    context.close()
    assert errors == []


def hold(page: Page, pattern: str) -> list[Route]:
    """Keep requests from being answered, and return them as they come."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    return held


def first_of(held: list[Route], page: Page) -> Route:
    """Wait until a request is held, and return it; a request is seen before it is held."""
    while not held:
        page.evaluate("new Promise(requestAnimationFrame)")
    return held[0]


def copied(page: Page, text: str) -> None:
    """Wait until the clipboard has a text."""
    read = "async text => (await navigator.clipboard.readText()).includes(text)"
    page.wait_for_function(read, arg=text)


def let_in(context: BrowserContext, endpoint: str) -> None:
    """Open the address that a command prints, so that the browser has the cookie."""
    token = _runtimes.token_at(_endpoint.parse(endpoint))
    answer = context.request.get(_runtimes.console_address(f"{endpoint}/console", token))
    assert answer.ok


def create(endpoint: str, what: str, **body: object) -> None:
    """Create something of a function with the FC API, such as ``orders/versions``."""
    url = f"{endpoint}/2023-03-30/functions/{what}"
    requests.post(url, json=body, timeout=30).raise_for_status()


def admin_of(endpoint: str) -> Admin:
    def call(method: str, path: str, body: object = None) -> Any:
        answer = requests.request(method, f"{endpoint}/_local{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    return call
