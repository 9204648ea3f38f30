# SPDX-License-Identifier: MIT
"""Take the pictures of the console for the documentation: ``make screenshots``.

Starts a runtime with virtual time, and needs Chromium with a font for Chinese. Two runs on one
machine give the same bytes: ids, addresses and folders of the run are replaced before the page sees
them.
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
    from collections.abc import Mapping

    from playwright.sync_api import Browser

TARGET: Final = Path(__file__).parent / "_static" / "console"
START: Final = 1_795_600_800_000
PAGES: Final = {
    # Of one function: the order of tasks that two functions get in one moment differs.
    "invocations": "#/invocations?q=function:orders",
    "invocation": "#/invocations/orders/order-1000",
}
LANGUAGES: Final = {"en": "", "zh-CN": ".zh_CN"}
"""Languages of the browser, and what Sphinx expects in the names of their pictures."""
COLUMNS: Final = json.dumps(["accepted", "runs", "took", "retries", "error"])
ARGUMENTS: Final = (
    "--no-sandbox",
    # Else the first text of a process is measured without the scale or without its fallback font.
    "--force-device-scale-factor=2",
    "--disable-font-subpixel-positioning",
    # Else the pixels of a round corner depend on what was painted beside it before.
    "--disable-partial-raster",
)
SIZE: Final = {"width": 900, "height": 860}
SCALE: Final = 2
"""Pixels of a picture per pixel of the page, so that text is sharp."""
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
        requests.put(url, json=config, headers=_let_in(runtime), timeout=10).raise_for_status()
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


def _let_in(runtime: LocalRuntime) -> dict[str, str]:
    return {"authorization": f"Bearer {runtime.token}"}


def scrubbed(runtime: LocalRuntime, data: Path) -> dict[str, str]:
    """Return what differs between two runs, and what stands in its place."""
    url = f"{runtime.endpoint}/_local/tasks?limit=100&sortOrderByTime=asc"
    tasks = requests.get(url, headers=_let_in(runtime), timeout=10).json()["tasks"]
    ordered = sorted(tasks, key=lambda task: (task["acceptedTime"], task["function"]))
    return {
        **{task["requestId"]: f"1-6b06b1a0-{n:08x}-{n:012x}" for n, task in enumerate(ordered, 1)},
        runtime.endpoint: "http://127.0.0.1:9000",
        runtime.addresses.mns: "http://127.0.0.1:9001",
        str(data): ".fc-async/runtime",
        __file__: "/code/index.py",
    }


REPLACE: Final = r"""
const instead = %s;
const names = Object.keys(instead).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
const pattern = new RegExp(names.join("|"), "g");
const fetched = window.fetch;
window.fetch = async (...request) => {
  const answer = await fetched(...request);
  if (answer.status === 204) return answer;
  const text = (await answer.text()).replace(pattern, (found) => instead[found]);
  return new Response(text, answer);
};
window.setInterval = () => 0;
"""
"""Replaces texts in what the runtime answers. (Routes of Playwright would hang now and then.) It is
read once: a slow machine would never be idle between two readings."""


PATIENCE_MS = 120_000
"""Limit of a page. The browser's own of 30 s is too short beside other work on two cores."""


def take(
    browser: Browser,
    endpoint: str,
    token: str,
    instead: dict[str, str],
    target: Path,
    languages: Mapping[str, str],
) -> None:
    """Take each page in both themes and languages."""
    for language, suffix in languages.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                base_url=endpoint,
                color_scheme=scheme,
                locale=language,
                reduced_motion="reduce",
                viewport=SIZE,
                device_scale_factor=SCALE,
                timezone_id="UTC",
            )
            context.set_default_timeout(PATIENCE_MS)
            context.request.get(f"{endpoint}/console?token={token}")
            page = context.new_page()
            page.add_init_script(f"localStorage.setItem('fc-async.columns', '{COLUMNS}')")
            page.add_init_script(REPLACE % json.dumps(instead))
            for name, address in PAGES.items():
                page.goto("about:blank")
                page.goto(f"/console{address}")
                page.locator("main h1").wait_for()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=target / f"{name}-{scheme}{suffix}.png")
            context.close()


def main(target: Path = TARGET, languages: Mapping[str, str] = LANGUAGES) -> None:
    """Take the pictures of some languages, by default all."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("there is no Chromium on this machine")
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
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        instead = scrubbed(runtime, Path(data))
        take(browser, runtime.endpoint, runtime.token, instead, target, languages)
        browser.close()


if __name__ == "__main__":
    main()
