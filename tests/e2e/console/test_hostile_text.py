# SPDX-License-Identifier: MIT
"""Markup in every field that a user or a function controls is shown as text and runs nothing."""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from fc_async_local.services.common import ProtocolError
from fc_async_local.settings import Settings
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import create, let_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal
    from fc_async_tests.console import Admin

pytestmark = pytest.mark.slow

QUEUE = "acs:mns:::/queues/missing/messages"
TIMER = json.dumps({"cronExpression": "@every 2h", "enable": True, "payload": "x"})


def probe(field: str) -> str:
    """Return markup that runs a script if a page takes it for markup."""
    return f"<img src=x onerror=\"window.pwned='{field}'\"><script>pwned='{field}'</script>"


ACCESS_KEY = "<svg/onload=window.pwned='settings'>"
TAG = "<b>tag</b>"  # a tag has at most 16 characters


@pytest.fixture
def fc_local_settings() -> Settings:
    return Settings.of(access_keys={ACCESS_KEY: "secret"})


@pytest.fixture
def hostile(fc_local: FcLocal, admin: Admin) -> None:
    """A runtime with markup in every field that takes it."""

    def orders(event: bytes, _: object) -> bytes:
        if event.startswith(b"bad"):
            raise ValueError(probe("error"))
        return probe("result").encode()

    settings: Any = {"description": probe("function"), "handler": probe("handler")}
    config: Any = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 1,
        "destinationConfig": {"onFailure": {"destination": QUEUE}},
    }
    fc_local.deploy("orders", orders, async_config=config, **settings)
    endpoint = fc_local.endpoint
    create(endpoint, "orders/versions", description=probe("version"))
    alias = {"aliasName": "prod", "versionId": "1", "description": probe("alias")}
    create(endpoint, "orders/aliases", **alias)
    trigger = {"triggerName": "timer", "triggerType": "timer", "triggerConfig": TIMER}
    create(endpoint, "orders/triggers", **trigger, description=probe("trigger"))
    topic = {"triggerName": "topic", "triggerType": "mns_topic", "triggerConfig": "{}"}
    source = "acs:mns:cn-hangzhou:1:/topics/<b>topic"
    create(endpoint, "orders/triggers", **topic, sourceArn=source)
    fc_local.client.invoke_async("orders", b"bad" + probe("payload").encode(), task_id="failed")
    fc_local.advance(3_600)
    fc_local.client.invoke_async("orders", probe("payload").encode(), task_id="good")
    fc_local.advance(1)
    replayed = {"function": "orders", "taskId": "good"}
    actions = {"action": "replay", "tasks": [replayed], "reason": probe("reason")}
    admin("POST", "/tasks/actions", actions)
    fc_local.create_queue("q")
    fc_local.create_topic("t")
    fc_local.create_rocketmq_topic("i", "r")
    fc_local.create_bus("b")
    send = "/channels/{}/messages?name={}"
    admin("POST", send.format("queue", "q"), {"body": probe("body")})
    admin("POST", send.format("topic", "t"), {"body": probe("body"), "tag": TAG})
    message = {"body": probe("body"), "tag": probe("tag"), "keys": "order-7"}
    admin("POST", send.format("rocketmq", "r&instance=i"), message)
    event = {name: probe(name) for name in ("id", "source", "type", "subject")} | {"data": {}}
    admin("POST", send.format("bus", "b"), {"body": json.dumps(event)})


@pytest.fixture
def page(browser: Browser, fc_local: FcLocal) -> Iterator[Page]:
    """A page without its policy, which would stop a script that got into it."""
    context = browser.new_context(base_url=fc_local.endpoint, bypass_csp=True)
    let_in(context, fc_local.endpoint)
    page = context.new_page()
    yield page
    context.close()


NOTHING = urllib.parse.quote(probe("address"), safe="")
SHOWN = {
    "#/invocations/orders/failed": [probe("error"), "bad" + probe("payload")],
    "#/invocations/orders/good": [probe("payload"), probe("result"), probe("reason")],
    "#/invocations": ["failed"],
    "#/functions": ["As a table"],
    "#/functions/orders/config": [probe("function"), probe("handler")],
    "#/functions/orders/versions": [probe("version"), probe("alias")],
    "#/functions/orders/triggers": [probe("trigger"), "topic <b>topic"],
    "#/destinations/queue/q": [probe("body")],
    "#/destinations/topic/t": [probe("body"), TAG],
    "#/destinations/rocketmq/r?instance=i": [probe("body"), probe("tag")],
    "#/destinations/bus/b": [probe("source"), probe("type"), probe("subject"), probe("id")],
    "#/dead": ["orders / failed"],
    "#/metrics": ["FunctionEnqueueCount"],
    "#/time": ["timer timer of orders"],
    "#/state": [ACCESS_KEY],
    # The address itself is written by anyone who can send a link.
    f"#/invocations?q={NOTHING}": [],
    f"#/invocations/{NOTHING}/{NOTHING}": [probe("address")],
    f"#/functions/{NOTHING}": [probe("address")],
    f"#/destinations/queue/{NOTHING}": [],
    f"#/dead?text={NOTHING}&function={NOTHING}": [],
    f"#/metrics?function={NOTHING}&range={NOTHING}": [],
}


def assert_harmless(page: Page, where: str) -> None:
    assert page.evaluate("window.pwned") is None, where
    foreign = page.locator("body :is(script, b:text-is('tag'), img:not([src*=icon]), [onload])")
    assert foreign.all_inner_texts() == [], where


def test_markup_is_shown_as_text_on_every_page(page: Page, hostile: None) -> None:
    page.goto("/console")
    for address, texts in SHOWN.items():
        page.goto(f"/console{address}")
        page.get_by_role("heading", level=1).wait_for()
        for text in texts:
            page.get_by_text(text).first.wait_for(state="attached")
        page.locator("main summary, main button[aria-expanded=false]").evaluate_all(
            "all => all.forEach(one => one.click())"
        )
        for text in texts:
            shown = page.get_by_text(text).first
            expect(shown, f"{text} on {address}").to_be_visible()
        assert_harmless(page, address)
    # The probes can be seen to run: the same markup, written as markup.
    page.evaluate("probe => document.body.insertAdjacentHTML('beforeend', probe)", probe("check"))
    page.locator("body > img").wait_for(state="attached")
    page.wait_for_function("() => window.pwned === 'check'")


def test_markup_in_messages_and_in_what_is_typed_is_text(
    page: Page, hostile: None, admin: Admin
) -> None:
    page.goto("/console#/destinations/rocketmq/r?instance=i")
    page.get_by_label("Keys").fill(probe("keys"))
    page.get_by_role("form").get_by_role("button", name="Send").click()
    page.get_by_role("alert").get_by_text("<img src=x").wait_for()
    assert_harmless(page, "keys")
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Kind of the success destination").select_option("Another ARN")
    form.get_by_label("ARN").fill(probe("arn"))
    form.get_by_role("alert").get_by_text("<img src=x").wait_for()
    assert_harmless(page, "arn")
    page.goto("/console#/invocations")
    page.get_by_role("combobox", name="Query").fill(f"status:{probe('query')}")
    page.keyboard.press("Enter")
    page.get_by_role("alert").filter(has_text="<img").wait_for()
    assert_harmless(page, "query")
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Asynchronous invocation").uncheck()
    for payload, status in (("{}", "Succeeded"), ("bad", "UnhandledInvocationError")):
        page.get_by_label("Payload", exact=True).fill(payload)
        page.get_by_role("button", name="Send", exact=True).click()
        page.get_by_role("status").get_by_text(status).wait_for()
        answer = page.get_by_role("region", name="Answer")
        answer.get_by_text("<img src=x").wait_for()
        assert_harmless(page, payload)


REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/2023-03-30/functions", {"functionName": TAG}),
    ("POST", "/2023-03-30/functions/orders/aliases", {"aliasName": TAG, "versionId": "1"}),
    (
        "POST",
        "/2023-03-30/functions/orders/triggers",
        {"triggerName": TAG, "triggerType": "timer", "triggerConfig": TIMER},
    ),
    ("POST", "/_local/functions/orders/invoke", {"payload": "", "taskId": TAG}),
    *(
        (
            "PUT",
            "/_local/functions/orders/async-config",
            {"destinationConfig": {"onSuccess": {"destination": arn}}},
        )
        for arn in (
            f"acs:mns:::/queues/{TAG}/messages",
            f"acs:mns:::/topics/{TAG}/messages",
            f"acs:mq:::/instances/i/topic/{TAG}",
            f"acs:mq:::/instances/{TAG}/topic/t",
            f"acs:eventbridge:::eventbus/{TAG}",
            f"acs:fc:::functions/{TAG}",
            f"acs:fc:::functions/orders/{TAG}",
        )
    ),
]


def test_names_in_lists_and_in_the_graph_cannot_hold_markup(
    fc_local: FcLocal, hostile: None
) -> None:
    for method, path, body in REFUSED:
        answer = requests.request(method, fc_local.endpoint + path, json=body, timeout=30)
        assert answer.status_code == 400, (body, answer.text)
    for make in (
        fc_local.create_queue,
        fc_local.create_topic,
        fc_local.create_bus,
        lambda name: fc_local.create_rocketmq_topic("i", name),
        lambda name: fc_local.create_rocketmq_topic(name, "t"),
    ):
        with pytest.raises(ProtocolError, match=r"InvalidQueueName|InvalidArgument"):
            make(TAG)
