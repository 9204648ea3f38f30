# SPDX-License-Identifier: MIT
"""Take the pictures of the console for the documentation: ``make screenshots``.

Starts a runtime with virtual time, so that the pictures are the same each time, and needs Chromium.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import requests
from playwright.sync_api import sync_playwright

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TARGET: Final = Path(__file__).parent / "_static" / "console"
START: Final = 1_795_600_800_000
PAGES: Final = {
    "invocations": "#/invocations",
    "invocation": "#/invocations/orders/order-1000",
    "functions": "#/functions",
    "configuration": "#/functions/orders/config",
    "destinations": "#/destinations/queue/failed-orders",
    "dead-events": "#/dead",
    "metrics": "#/metrics?range=15m&period=60",
    "time": "#/time",
    "state": "#/state",
}
CYCLE: Final = {"graph": "#/functions"}
"""Taken last, with a destination cycle, and of the graph."""
HEIGHT: Final = 860
EMPTY_ARCHIVE: Final = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "orders": {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 2,
        "destinationConfig": {
            "onSuccess": {"destination": "acs:fc:::functions/mail"},
            "onFailure": {"destination": "acs:mns:::/queues/failed-orders/messages"},
        },
    },
    "mail": {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {
            "onSuccess": {"destination": "acs:eventbridge:::eventbus/sales"},
            "onFailure": {"destination": "acs:fc:::functions/removed"},
        },
    },
}
NOT_MAILED: Final = 10
BACK: Final = "acs:fc:::functions/orders"


def orders(event: bytes, _: object) -> dict[str, bool]:
    """Fail for orders without items."""
    if not json.loads(event)["items"]:
        raise ValueError("the order has no items")
    return {"paid": True}


def mail(event: bytes, _: object) -> str:
    """Fail for one of the orders."""
    if json.loads(json.loads(event)["requestPayload"])["id"] == NOT_MAILED:
        raise ConnectionError("the mail server does not answer")
    return "sent"


def fill(runtime: LocalRuntime) -> None:
    """Deploy two functions, and invoke one of them some times."""
    for name, config in CONFIGS.items():
        body = {"functionName": name, "runtime": "python3.10", "handler": "index.handler"}
        url = f"{runtime.endpoint}/2023-03-30/functions"
        code = {"code": {"zipFile": EMPTY_ARCHIVE}}
        requests.post(url, json=body | code, timeout=10).raise_for_status()
        url = f"{runtime.endpoint}/_local/functions/{name}/async-config"
        requests.put(url, json=config, timeout=10).raise_for_status()
    client = fc_async_sdk.client(endpoint_url=runtime.endpoint)
    for number in range(12):
        payload = json.dumps({"id": number, "items": ["tea", "cups"] if number % 4 else []})
        client.invoke_async("orders", payload.encode(), task_id=f"order-{1000 + number}")
        runtime.advance(47)
    create(
        runtime,
        "triggers",
        triggerName="nightly",
        triggerType="timer",
        triggerConfig=json.dumps({"cronExpression": "0 0 4 * * *", "enable": True}),
    )
    create(runtime, "versions", description="with vouchers")
    create(runtime, "aliases", aliasName="prod", versionId="1")
    client.invoke_async("orders", b'{"id": 12, "items": []}', task_id="order-1012")
    runtime.advance(0.5)
    client.invoke_async("orders", b'{"id": 13, "items": ["tea"]}', task_id="order-1013", delay=900)


def create(runtime: LocalRuntime, what: str, **body: str) -> None:
    """Make something of function orders."""
    url = f"{runtime.endpoint}/2023-03-30/functions/orders/{what}"
    requests.post(url, json=body, timeout=10).raise_for_status()


def close_cycle(runtime: LocalRuntime) -> None:
    """Let the failures of mail lead back to orders, as line 31 of a template says."""
    targets = CONFIGS["mail"]["destinationConfig"] | {"onFailure": {"destination": BACK}}
    config = CONFIGS["mail"] | {"destinationConfig": targets}
    url = f"{runtime.endpoint}/_local/functions/mail/async-config"
    requests.put(url, json=config, timeout=10).raise_for_status()
    place = {"function": "mail", "outcome": "failure", "destination": BACK, "place": "s.yaml:31:26"}
    url = f"{runtime.endpoint}/_local/async-config-places"
    requests.put(url, json={"places": [place]}, timeout=10).raise_for_status()


def take(browser: Browser, endpoint: str, pages: dict[str, str]) -> None:
    """Take each page in both themes and two widths."""
    for scheme in ("light", "dark"):
        for width in (1280, 390):
            context = browser.new_context(
                base_url=endpoint,
                color_scheme=scheme,
                reduced_motion="reduce",
                viewport={"width": width, "height": HEIGHT},
                timezone_id="UTC",
            )
            page = context.new_page()
            for name, address in pages.items():
                page.goto("about:blank")
                page.goto(f"/console{address}")
                for _ in range(2):  # what is read at first, and again
                    with page.expect_response("**/_local/clock"):
                        pass
                if pages is CYCLE:
                    page.get_by_role(
                        "heading", name="Where results go"
                    ).scroll_into_view_if_needed()
                    page.locator(".graph").scroll_into_view_if_needed()
                page.screenshot(path=TARGET / f"{name}-{scheme}-{width}.png")
            context.close()


def main() -> None:
    """Take all pictures."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("there is no Chromium on this machine")
    TARGET.mkdir(parents=True, exist_ok=True)
    handlers = {"orders": orders, "mail": mail}
    settings = Settings.of(create_missing=True)
    with (
        tempfile.TemporaryDirectory() as data,
        LocalRuntime(
            data=Path(data),
            port=0,
            clock="virtual",
            clock_start=START,
            handlers=handlers,
            settings=settings,
        ) as runtime,
        sync_playwright() as playwright,
    ):
        fill(runtime)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        take(browser, runtime.endpoint, PAGES)
        close_cycle(runtime)
        take(browser, runtime.endpoint, CYCLE)
        browser.close()


if __name__ == "__main__":
    main()
