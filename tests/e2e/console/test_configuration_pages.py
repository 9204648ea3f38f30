# SPDX-License-Identifier: MIT
"""Functions, metrics and time: each action, and its effect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import admin_of, create

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
    form.get_by_label("Maximum age in seconds").fill("3600")
    form.get_by_label("Kind of the failure destination").select_option("queue")
    form.get_by_label("Queue").fill("failed")
    form.get_by_role("button", name="Deploy").click()
    page.get_by_text("is deployed").wait_for()
    saved = config(fc_local, "orders")
    assert saved["maxAsyncRetryAttempts"] == 0
    assert saved["maxAsyncEventAgeInSeconds"] == 3_600
    assert saved["destinationConfig"] == {
        "onFailure": {"destination": "acs:mns:::/queues/failed/messages"}
    }


def test_an_alias_has_its_own_configuration_with_any_arn(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    create(fc_local.endpoint, "orders/versions")
    create(fc_local.endpoint, "orders/aliases", aliasName="prod", versionId="1")
    before = config(fc_local, "orders")
    page.goto("/console#/functions/orders/config")
    page.get_by_label("Version or alias").select_option("prod")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Task mode").check()
    form.get_by_label("Kind of the success destination").select_option("Another ARN")
    arn = "acs:mns:cn-shanghai:123:/topics/paid/messages"
    form.get_by_label("ARN").fill(arn)
    form.get_by_role("button", name="Deploy").click()
    page.get_by_text("The configuration of orders / prod is deployed.").wait_for()
    page.get_by_role("option", name="prod (configured)").wait_for(state="attached")
    saved = admin_of(fc_local.endpoint)("GET", "/functions")["functions"][0]["configs"]
    of_alias, of_latest = sorted(saved, key=lambda one: "prod" not in one["functionArn"])
    assert of_alias["destinationConfig"] == {"onSuccess": {"destination": arn}}
    assert of_alias["asyncTask"] is True
    assert of_latest == before
    page.goto("/console#/functions")
    row = page.get_by_role("region", name="Functions").get_by_role("row").filter(has_text="prod")
    row.get_by_text("on", exact=True).wait_for()
    row.get_by_text("paid").wait_for()


@pytest.mark.parametrize(
    ("service", "fields", "arn"),
    [
        ("topic", {"Topic": "paid"}, "acs:mns:::/topics/paid/messages"),
        ("RocketMQ topic", {"Instance": "i", "Topic": "t"}, "acs:mq:::/instances/i/topic/t"),
        ("event bus", {"Custom event bus": "b"}, "acs:eventbridge:::eventbus/b"),
    ],
)
def test_each_kind_of_destination_has_its_fields(
    page: Page, fc_local: FcLocal, received: list[bytes], service: str, fields: Any, arn: str
) -> None:
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    group = form.get_by_role("group", name="Failure destination")
    group.get_by_label("Kind of the failure destination").select_option(service)
    for label, value in fields.items():
        group.get_by_label(label).fill(value)
    form.get_by_role("button", name="Deploy").click()
    page.get_by_text("is deployed").wait_for()
    saved = config(fc_local, "orders")["destinationConfig"]["onFailure"]["destination"]
    assert saved.split(":")[1] == arn.split(":")[1]
    assert saved.split(":")[4:] == arn.split(":")[4:]
    group.get_by_label("Kind of the failure destination").select_option("Off")
    form.get_by_role("button", name="Deploy").click()
    page.get_by_role("region", name="Functions").wait_for(state="detached")
    form.get_by_label("Kind of the failure destination").wait_for()


def test_versions_aliases_and_the_tasks_of_a_function_are_found(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/versions")
    page.get_by_text("No aliases.").wait_for()
    page.get_by_text("No versions: LATEST is all there is.").wait_for()
    for description in ("one", "two"):
        fc_local.client.update_function("orders", description=description)
        create(fc_local.endpoint, "orders/versions", description=description)
    weights = {"additionalVersionWeight": {"2": 0.25}}
    create(fc_local.endpoint, "orders/aliases", aliasName="prod", versionId="1", **weights)
    aliases = page.get_by_role("region", name="Aliases")
    aliases.get_by_role("row").filter(has_text="prod").get_by_text("2: 25 %").wait_for()
    versions = page.get_by_role("region", name="Versions")
    versions.get_by_role("row").filter(has_text="two").get_by_text("2", exact=True).wait_for()
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Triggers").click()
    page.get_by_text("No triggers.").wait_for()
    page.get_by_role("link", name="show its invocations").click()
    page.wait_for_url("**#/invocations?q=function%3Aorders")


def test_the_list_of_functions_has_counts_and_the_last_run_and_invokes(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    for name in ("good", "bad"):
        fc_local.client.invoke_async("orders", name.encode(), task_id=name)
    fc_local.run_until_idle()
    page.goto("/console#/functions")
    functions = page.get_by_role("region", name="Functions")
    functions.get_by_role("link", name="Succeeded: 1").wait_for()
    functions.get_by_role("button", name="Invoke orders").click()
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("1 accepted").wait_for()
    fc_local.run_until_idle()
    page.goto("/console#/functions")
    functions.get_by_role("link", name="Failed: 1").click()
    page.get_by_role("link", name="bad", exact=True).wait_for()
    expect(page.get_by_role("link", name="good", exact=True)).to_have_count(0)


def test_a_function_that_does_not_exist_is_named(page: Page, received: list[bytes]) -> None:
    page.goto("/console#/functions/none/config")
    page.get_by_role("alert").get_by_text("there is no function none").wait_for()
    page.get_by_role("link", name="← Functions").click()
    page.get_by_role("link", name="orders").first.wait_for()


def test_a_runtime_without_functions_says_how_to_deploy_one(page: Page) -> None:
    page.goto("/console#/functions")
    page.get_by_text("No functions yet.").wait_for()
    page.get_by_role("button", name="Invoke…").click()
    page.get_by_role("dialog").get_by_text("There are no functions yet.").wait_for()


def test_what_the_service_would_refuse_is_said_before_it_is_deployed(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Maximum retries").fill("9")
    form.get_by_role("alert").get_by_text("from 0 to 8").wait_for()
    expect(form.get_by_role("button", name="Deploy")).to_be_disabled()


def test_a_cycle_is_named_before_it_is_saved(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/config")
    form = page.get_by_role("form", name="Asynchronous configuration")
    form.get_by_label("Kind of the success destination").select_option("function")
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
    expect(answer).to_contain_text("12345678901234567890")
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


def test_a_version_is_invoked_with_bytes(page: Page, fc_local: FcLocal) -> None:
    received: list[tuple[bytes, str]] = []
    fc_local.deploy("other", lambda *_: None)
    fc_local.deploy(
        "orders", lambda event, context: received.append((event, context.service.qualifier))
    )
    create(fc_local.endpoint, "orders/versions")
    page.goto("/console#/functions")
    page.get_by_role("button", name="Invoke…").click()
    dialog = page.get_by_role("dialog", name="Invoke a function")
    dialog.get_by_label("Function").select_option("orders")
    dialog.get_by_label("Version or alias").select_option("1")
    dialog.get_by_label("Payload is").select_option("base64 of bytes")
    dialog.get_by_label("Payload", exact=True).fill("AP8=")
    dialog.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**#/invocations/orders/*")
    page.get_by_text("not recorded in the cloud: task mode is off").wait_for()
    fc_local.run_until_idle()
    assert received == [(b"\x00\xff", "1")]


def test_many_invocations_from_the_dialog_lead_to_the_list_of_the_function(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions")
    page.get_by_role("button", name="Invoke…").click()
    page.get_by_role("dialog").get_by_label("How many").fill("2")
    page.get_by_role("dialog").get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("2 accepted.").wait_for()
    page.wait_for_url("**#/invocations?q=function%3Aorders")
    page.get_by_text("2 tasks").wait_for()


def test_invocations_that_are_refused_after_some_are_counted(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.client.invoke_async("orders", b"", task_id="made-2")
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Task id").fill("made")
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("alert").get_by_text("1 of 3 were accepted, then:").wait_for()
    assert {task.task_id for task in fc_local.client.list_async_tasks("orders").tasks} == {
        "made-1",
        "made-2",
    }


def test_a_call_that_fails_shows_its_error_and_a_refused_one_the_reason(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto("/console#/functions/orders/test")
    page.get_by_label("Payload", exact=True).fill("bad")
    page.get_by_label("Asynchronous invocation").uncheck()
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("status").get_by_text("UnhandledInvocationError").wait_for()
    expect(page.get_by_role("region", name="Answer")).to_contain_text("card declined")
    page.get_by_label("Payload is").select_option("base64 of bytes")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("alert").get_by_text("InvalidArgument").wait_for()
    assert received == [b"bad"]


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
    expect(row.get_by_role("button")).to_have_count(0)


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


def test_a_chart_has_a_number_beside_zero(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    for number in range(44):  # 20 was too close to zero, and 50 above the chart
        fc_local.client.invoke_async("orders", b"%d" % number)
    fc_local.run_until_idle()
    page.add_init_script(
        "window.drawn = []; const old = CanvasRenderingContext2D.prototype.fillText;"
        "CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {"
        " window.drawn.push(text); return old.call(this, text, ...place); };"
    )
    page.goto("/console#/metrics")
    page.wait_for_function("() => ['20', '40'].every(one => window.drawn.includes(one))")


def test_metrics_of_twenty_functions_fit_a_page_with_one_look_of_each(
    page: Page, fc_local: FcLocal
) -> None:
    config: Any = {"asyncTask": True, "maxAsyncRetryAttempts": 0}
    for number in range(20):
        fc_local.deploy(f"step-{number:02}", lambda *_: None, async_config=config)
        fc_local.client.invoke_async(f"step-{number:02}", b"")
    fc_local.run_until_idle()
    page.set_viewport_size({"width": 1_280, "height": 860})
    page.goto("/console#/metrics")
    legend = page.get_by_role("group", name="Legend").get_by_role("link")
    legend.nth(19).wait_for()
    expect(legend).to_have_text([f"step-{number:02}" for number in range(20)])
    assert page.evaluate("document.querySelector('.charts').getBoundingClientRect().bottom") <= 860
    expect(page.get_by_role("figure").filter(has_text="FunctionFunctionErrorCount")).to_have_count(
        0
    )
    look = "cell => cell.querySelector('.swatch').innerHTML"
    figures = page.get_by_role("figure").all()
    for figure in figures:
        figure.get_by_text("Values", exact=True).click()
    looks = {figure.get_by_role("cell", name="step-07").first.evaluate(look) for figure in figures}
    (look,) = looks
    assert "--series-2" in look


def test_metrics_of_one_function_are_chosen(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    fc_local.deploy("other", lambda *_: None)
    for name in ("orders", "other"):
        fc_local.client.invoke_async(name, b"")
    fc_local.run_until_idle()
    page.goto("/console#/metrics")
    figure = page.get_by_role("figure").filter(has_text="FunctionEnqueueCount")
    figure.get_by_role("cell", name="other").wait_for()
    page.get_by_label("Function").select_option("orders")
    figure.get_by_role("cell", name="other").wait_for(state="detached")
    figure.get_by_role("cell", name="orders").wait_for()
    page.get_by_role("link", name="/metrics for Prometheus").click()
    page.get_by_text("# TYPE").first.wait_for()


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
