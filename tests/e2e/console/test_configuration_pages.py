# SPDX-License-Identifier: MIT
"""Functions, metrics and time: each action, and its effect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow


def config(fc_local: FcLocal, name: str) -> dict[str, Any]:
    found = requests.get(f"{fc_local.endpoint}/_local/functions", timeout=10).json()["functions"]
    (one,) = [one for one in found if one["function"]["functionName"] == name]
    (only,) = one["configs"] or [{}]
    return dict(only)


# --- functions ------------------------------------------------------------------------------------


def test_a_configuration_is_edited_and_deployed(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Maximum retries").fill("0")
    form.get_by_label("Maximum age").fill("3600")
    form.get_by_label("Service of the failure destination").select_option("MNS queue")
    form.get_by_label("Queue").fill("failed")
    form.get_by_role("button", name="Deploy").click()
    page.get_by_text("is deployed").wait_for()
    saved = config(fc_local, "orders")
    assert saved["maxAsyncRetryAttempts"] == 0
    assert saved["maxAsyncEventAgeInSeconds"] == 3_600
    assert saved["destinationConfig"] == {
        "onFailure": {"destination": "acs:mns:::/queues/failed/messages"}
    }


def test_what_the_service_would_refuse_is_said_before_it_is_deployed(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Maximum retries").fill("9")
    form.get_by_role("alert").get_by_text("from 0 to 8").wait_for()
    assert form.get_by_role("button", name="Deploy").is_disabled()


def test_a_cycle_is_named_before_it_is_saved(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Service of the success destination").select_option("Function Compute")
    form.get_by_label("Function name").fill("orders")
    form.get_by_text("Destination cycle: orders/LATEST → orders/LATEST").wait_for()
    form.get_by_role("button", name="Deploy").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert "destinationConfig" not in config(fc_local, "orders")
    form.get_by_role("button", name="Deploy").click()
    page.get_by_role("dialog").get_by_role("button", name="Deploy anyway").click()
    page.get_by_text("is deployed").wait_for()
    assert "destinationConfig" in config(fc_local, "orders")


def test_a_configuration_is_deleted(page: Page, fc_local: FcLocal, received: list[bytes]) -> None:
    page.goto("/console#/functions/orders/config")
    page.get_by_role("button", name="Delete configuration…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_text("The configuration is deleted.").wait_for()
    assert config(fc_local, "orders") == {}


def test_a_function_is_tried_synchronously(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Payload", exact=True).fill('{"id": 12345678901234567890}')
    page.get_by_label("Asynchronous invocation").uncheck()
    page.get_by_role("button", name="Send", exact=True).click()
    answer = page.get_by_role("region", name="Answer").locator("pre")
    assert "12345678901234567890" in answer.inner_text()
    assert received == [b'{"id": 12345678901234567890}']


def test_many_numbered_invocations_are_made_with_delay_and_task_id(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Payload", exact=True).fill("n=$i")
    page.get_by_label("Delay in seconds").fill("5")
    page.get_by_label("Task id").fill("made")
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("3 accepted.").wait_for()
    assert received == []
    fc_local.advance(5)
    assert sorted(received) == [b"n=1", b"n=2", b"n=3"]
    assert fc_local.client.get_async_task("orders", "made-3").status == "Succeeded"


def test_the_event_of_a_trigger_is_a_template(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Template").select_option("oss")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("1 accepted").wait_for()
    fc_local.run_until_idle()
    assert b'"ObjectCreated:PutObject"' in received[0]


def test_an_http_trigger_has_a_link_and_nothing_to_fire(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.create_trigger(
        "orders",
        "web",
        trigger_type="http",
        trigger_config={"authType": "anonymous", "methods": ["GET"]},
    )
    page.goto("/console#/functions/orders/triggers")
    row = page.get_by_role("row", name="web")
    link = row.get_by_role("link")
    assert (link.get_attribute("href") or "").startswith(f"{fc_local.endpoint}/_http/orders/web")
    assert row.get_by_role("button").count() == 0


def test_a_trigger_is_fired_by_hand(page: Page, fc_local: FcLocal, received: list[bytes]) -> None:
    timer = {"cronExpression": "0 0 4 * * *", "enable": True, "payload": "tick"}
    body = {"triggerName": "nightly", "triggerType": "timer", "triggerConfig": json.dumps(timer)}
    url = f"{fc_local.endpoint}/2023-03-30/functions/orders/triggers"
    requests.post(url, json=body, timeout=10).raise_for_status()
    page.goto("/console#/functions/orders/triggers")
    page.get_by_text("04:00:00").first.wait_for()
    page.get_by_role("button", name="Fire now").click()
    page.get_by_text("nightly fired").wait_for()
    fc_local.advance(0)
    assert b'"payload":"tick"' in received[0].replace(b": ", b":")


# --- metrics and time -----------------------------------------------------------------------------


def test_metrics_are_charts_over_a_range(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    page.goto("/console#/metrics")
    page.get_by_role("figure").filter(has_text="FunctionEnqueueCount").wait_for()
    page.locator("figure canvas").nth(3).wait_for()
    assert page.locator("figure canvas").count() > 3
    page.get_by_label("Resolution").select_option("by hour")
    page.get_by_role("figure").filter(has_text="FunctionDequeueCount").wait_for()
    fc_local.advance(7 * 3_600)
    page.get_by_label("Time range").select_option("Last 15 minutes")
    page.get_by_role("figure").filter(has_text="FunctionEnqueueCount").wait_for(state="detached")


def test_virtual_time_is_moved(page: Page, fc_local: FcLocal, received: list[bytes]) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="later", delay=90)
    page.goto("/console#/time")
    page.get_by_role("link", name="orders / later").wait_for()
    page.get_by_label("Seconds").fill("89")
    page.get_by_role("button", name="Advance").click()
    page.get_by_text("1 min 29 s passed.").wait_for()
    assert received == []
    page.get_by_role("button", name="Run until idle").click()
    page.get_by_text("Nothing waits.").wait_for()
    assert received == [b""]


# --- keyboard -------------------------------------------------------------------------------------


def test_pages_are_reached_and_calls_are_made_with_the_keyboard_alone(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console")
    page.get_by_role("heading", name="Invocations").wait_for()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("go to Metrics").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.get_by_role("heading", name="Metrics").wait_for()
    page.keyboard.press("/")
    page.get_by_role("heading", name="Invocations").wait_for()
    page.keyboard.press("n")
    page.get_by_role("dialog").get_by_label("Payload", exact=True).fill("by keyboard")
    page.get_by_role("dialog").get_by_role("button", name="Send").press("Enter")
    page.wait_for_url("**#/invocations/orders/*")
    fc_local.run_until_idle()
    assert received == [b"by keyboard"]
