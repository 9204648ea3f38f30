# SPDX-License-Identifier: MIT
"""A real browser on pages of other sites, and on pages of functions: what they reach of a runtime.

The other site is a server on this machine under the name evil.example, so that no rule of the
browser about local networks stands in the way, and the runtime alone has to refuse.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
import requests

from fc_async_tests.console import let_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext
    from pytest_httpserver import HTTPServer

    from fc_async_local.testing import FcLocal

SAFARI = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605"
REACH = """
const reach = async (url, options) => {
  try {
    const answer = await fetch(url, options);
    return answer.type === "opaque" ? "opaque" : answer.status;
  } catch { return "refused"; }
};
"""


class Shop(NamedTuple):
    """A function with a half-done page, and what it was called with."""

    url: str
    calls: list[Any]


@pytest.fixture(scope="module")
def mapped(browser: Browser, cannot_run: Callable[[str], Any]) -> Iterator[Browser]:
    """A browser for which evil.example is this machine, as after a DNS rebinding."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        cannot_run("there is no Chromium on this machine")
    rules = "--host-resolver-rules=MAP evil.example 127.0.0.1"
    started = browser.browser_type.launch(executable_path=program, args=["--no-sandbox", rules])
    yield started
    started.close()


@pytest.fixture
def context(mapped: Browser, fc_local: FcLocal) -> Iterator[BrowserContext]:
    """A browser that has opened the console before."""
    one = mapped.new_context()
    let_in(one, fc_local.endpoint)
    yield one
    one.close()


@pytest.fixture
def shop(fc_local: FcLocal) -> Shop:
    """Its page shows what its query says, as it is."""
    calls: list[Any] = []

    def handler(event: bytes, _: object) -> dict[str, Any]:
        request = json.loads(event)
        calls.append(request)
        text = (request.get("queryParameters") or {}).get("q", "")
        headers = {"content-type": "text/html", "set-cookie": "basket=tea; Path=/"}
        return {"statusCode": 200, "headers": headers, "body": f"<title>shop</title>{text}"}

    fc_local.deploy("shop", handler)
    config = {"authType": "anonymous", "methods": ["GET", "POST", "HEAD"]}
    body = {"triggerName": "web", "triggerType": "http", "triggerConfig": json.dumps(config)}
    url = f"{fc_local.endpoint}/2023-03-30/functions/shop/triggers"
    made = requests.post(url, json=body, timeout=30)
    return Shop(made.json()["httpTrigger"]["urlInternet"], calls)


@pytest.fixture(params=["evil.example", "127.0.0.1"], ids=["another site", "another port"])
def evil(request: pytest.FixtureRequest, httpserver: HTTPServer) -> str:
    """Another server, for which a browser has no reason to send anything here."""
    httpserver.expect_request("/").respond_with_data(
        "<title>evil</title>", content_type="text/html"
    )
    return f"http://{request.param}:{httpserver.port}/"


def every_port(fc_local: FcLocal, shop: Shop) -> list[str]:
    return [
        f"{shop.url}/?q=1",
        f"{fc_local.endpoint}/console",
        f"{fc_local.endpoint}/_local/functions",
        f"{fc_local.endpoint}/2023-03-30/functions",
        f"{fc_local.mns_endpoint}/queues/work/messages",
        f"{fc_local.rocketmq_endpoint}/topics/t/messages?consumer=c&numOfMessages=1",
        f"{fc_local.eventbridge_endpoint}/",
        f"{fc_local.oss_endpoint}/bucket/key",
    ]


ELEMENTS = {
    "image": "const e = new Image(); add(e); e.src = url;",
    "script": "const e = document.createElement('script'); add(e); e.src = url;",
    "frame": "const e = document.createElement('iframe'); add(e); e.src = url;",
    "fetch": "fetch(url, {mode: 'no-cors', credentials: 'include'}).then(done, done);",
}
_LOADED = """url => new Promise(done => {
  const add = element => {
    element.onload = element.onerror = () => done();
    document.body.append(element);
  };
  %s
})"""


@pytest.mark.parametrize("element", ELEMENTS)
def test_no_element_of_another_page_runs_a_function_or_takes_a_message(
    context: BrowserContext, fc_local: FcLocal, shop: Shop, evil: str, element: str
) -> None:
    fc_local.create_queue("work")
    send = f"{fc_local.mns_endpoint}/queues/work/messages"
    message = "<Message><MessageBody>aGk=</MessageBody></Message>"
    assert requests.post(send, data=message, timeout=30).status_code == 201
    page = context.new_page()
    answered: list[tuple[str, int]] = []
    page.on("response", lambda answer: answered.append((answer.url, answer.status)))
    page.goto(evil)
    answered.clear()
    for url in every_port(fc_local, shop):
        page.evaluate(_LOADED % ELEMENTS[element], url)
    assert shop.calls == []
    assert fc_local.runtime.call(_count(fc_local)) == 1
    # The browser itself hides what answered an image or a script.
    assert {status for url, status in answered if "favicon" not in url} <= {403}


async def _count(fc_local: FcLocal) -> int:
    messages = await fc_local.runtime.services.mns.receive("work", wait_seconds=0)
    return len(messages)


def test_a_form_of_another_page_runs_no_function(
    context: BrowserContext, fc_local: FcLocal, shop: Shop, evil: str
) -> None:
    page = context.new_page()
    for url in (shop.url, *every_port(fc_local, shop)[1:]):
        page.goto(evil)
        submit = (
            "url => { const f = document.createElement('form'); f.method = 'POST'; f.action = url;"
            " document.body.append(f); f.submit(); }"
        )
        with page.expect_navigation() as led:
            page.evaluate(submit, url)
        if url == shop.url and "127.0.0.1" in evil:
            continue  # pages of this machine may call HTTP triggers, as documented
        assert led.value is not None
        assert led.value.status == 403, url
    if "evil.example" in evil:
        assert shop.calls == []


def test_a_link_of_another_page_leads_no_window_to_an_api(
    context: BrowserContext, fc_local: FcLocal, shop: Shop, evil: str
) -> None:
    page = context.new_page()
    for url in every_port(fc_local, shop)[2:]:
        page.goto(evil)
        with page.expect_navigation() as led:
            page.evaluate("url => { location.href = url; }", url)
        assert led.value is not None
        assert led.value.status == 403, url


def test_a_link_of_another_page_opens_the_console_of_its_user(
    context: BrowserContext, fc_local: FcLocal, evil: str
) -> None:
    page = context.new_page()
    page.goto(evil)
    page.evaluate("url => { location.href = url; }", f"{fc_local.endpoint}/console")
    page.locator("main h1").wait_for()


def test_a_name_that_was_rebound_to_this_machine_opens_nothing(
    context: BrowserContext, fc_local: FcLocal, shop: Shop
) -> None:
    page = context.new_page()
    for url in every_port(fc_local, shop):
        rebound = url.replace("127.0.0.1", "evil.example")
        answer = page.goto(rebound)
        assert answer is not None
        assert answer.status == 403, url
    assert shop.calls == []


def script(fc_local: FcLocal) -> str:
    """A script in a page of a function that tries to read secrets and to run code."""
    fc = fc_local.endpoint
    body = json.dumps({"functionName": "evil", "runtime": "python3.10", "handler": "index.handler"})
    code = f"""{REACH}
    (async () => {{
      const json = {{method: "POST", credentials: "include", body: {json.dumps(body)},
        headers: {{"content-type": "application/json"}}}};
      document.title = JSON.stringify([
        await reach("{fc}/_local/functions", {{credentials: "include"}}),
        await reach("{fc}/_local/functions/shop/invoke", {{...json, body: "{{}}"}}),
        await reach("{fc}/2023-03-30/functions", {{credentials: "include"}}),
        await reach("{fc}/2023-03-30/functions", json),
        await reach("{fc}/2023-03-30/functions", {{...json, mode: "no-cors", headers: {{}}}}),
        await reach("{fc}/console", {{credentials: "include"}}),
      ]);
    }})();"""
    return f"<script>{code}</script>"


@pytest.mark.parametrize("agent", [None, SAFARI], ids=["own origin", "no origin"])
def test_a_reflected_script_in_a_functions_page_reads_no_secret_and_runs_no_code(
    mapped: Browser, fc_local: FcLocal, shop: Shop, agent: str | None
) -> None:
    with mapped.new_context(user_agent=agent) as context:
        let_in(context, fc_local.endpoint)
        page = context.new_page()
        page.goto(f"{shop.url}/?q={quote(script(fc_local))}")
        page.wait_for_function("document.title.startsWith('[')")
        found = json.loads(page.title())
    assert found == ["refused"] * 4 + ["opaque", "refused"]
    assert fc_local.client.list_functions().functions[0].function_name == "shop"
    assert len(fc_local.client.list_functions().functions) == 1


def test_the_page_of_a_function_keeps_its_forms_cookies_and_storage(
    context: BrowserContext, fc_local: FcLocal, shop: Shop
) -> None:
    page = context.new_page()
    form = "<form method=post action=/pay?q=paid><button>Pay</button></form>"
    page.goto(f"{shop.url}/?q={quote(form)}")
    assert (urlsplit(page.url).hostname or "").endswith(".web.localhost")
    page.evaluate("localStorage.setItem('basket', 'tea')")
    assert page.evaluate("document.cookie") == "basket=tea"
    assert page.evaluate("fetch('/more?q=1').then(answer => answer.status)") == 200
    page.get_by_role("button", name="Pay").click()
    page.get_by_text("paid").wait_for()
    assert page.evaluate("localStorage.getItem('basket')") == "tea"
    (paid,) = (c for c in shop.calls if c["requestContext"]["http"]["method"] == "POST")
    cookies = {name.lower(): value for name, value in paid["headers"].items()}["cookie"]
    assert cookies == "basket=tea"


def test_an_answer_that_is_not_html_is_shown_as_before(
    context: BrowserContext, fc_local: FcLocal
) -> None:
    fc_local.deploy("api", lambda *_: {"statusCode": 200, "body": "plain text"})
    config = json.dumps({"authType": "anonymous", "methods": ["GET"]})
    body = {"triggerName": "web", "triggerType": "http", "triggerConfig": config}
    url = f"{fc_local.endpoint}/2023-03-30/functions/api/triggers"
    made = requests.post(url, json=body, timeout=30).json()
    page = context.new_page()
    page.goto(made["httpTrigger"]["urlInternet"])
    page.get_by_text("plain text").wait_for()


def test_a_page_of_this_machine_calls_http_triggers_as_documented(
    context: BrowserContext, shop: Shop, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/").respond_with_data(
        "<title>mine</title>", content_type="text/html"
    )
    page = context.new_page()
    page.goto(f"http://localhost:{httpserver.port}/")
    call = "url => fetch(url).then(answer => answer.text())"
    assert page.evaluate(call, f"{shop.url}/?q=tea") == "<title>shop</title>tea"


def test_the_token_leaves_the_address_bar_and_a_cookie_follows(
    mapped: Browser, fc_local: FcLocal
) -> None:
    with mapped.new_context() as context:
        page = context.new_page()
        answer = page.goto(f"{fc_local.endpoint}/console")
        assert answer is not None
        assert answer.status == 401
        assert "fc-async local console" in page.inner_text("body")
        page.goto(f"{fc_local.endpoint}/console?token={fc_local.runtime.token}#/functions")
        page.locator("main h1").wait_for()
        assert page.url == f"{fc_local.endpoint}/console#/functions"
        assert page.evaluate("document.cookie") == ""
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        assert fc_local.runtime.token not in cookie["value"]
