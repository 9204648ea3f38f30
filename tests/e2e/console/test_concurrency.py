# SPDX-License-Identifier: MIT
"""The concurrency of a function is edited on its page and saved through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_tests import axe
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import let_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

PAGE = "/console#/functions/orders/concurrency"


def test_both_limits_are_saved_and_the_reservation_is_removed(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto(PAGE)
    form = page.get_by_role("form", name="Concurrency")
    form.get_by_label("Reserved concurrency").fill("3")
    form.get_by_label("Instance concurrency").fill("20")
    form.get_by_role("button", name="Save").click()
    page.get_by_text("The concurrency of orders is saved.").wait_for()
    assert fc_local.client.get_concurrency_config("orders").reserved_concurrency == 3
    assert fc_local.client.get_function("orders").instance_concurrency == 20

    page.reload()
    form.get_by_label("Reserved concurrency").fill("")
    form.get_by_role("button", name="Save").click()
    page.get_by_text("The concurrency of orders is saved.").wait_for()
    assert (
        requests.get(f"{fc_local.endpoint}/_local/functions", timeout=10).json()["functions"][0][
            "concurrency"
        ]
        == {}
    )
    assert fc_local.client.get_function("orders").instance_concurrency == 20


def test_with_a_reservation_of_zero_no_attempt_runs(
    page: Page, fc_local: FcLocal, received: list[bytes]
) -> None:
    page.goto(PAGE)
    form = page.get_by_role("form", name="Concurrency")
    form.get_by_label("Reserved concurrency").fill("0")
    form.get_by_role("button", name="Save").click()
    page.get_by_text("The concurrency of orders is saved.").wait_for()
    fc_local.client.invoke_async("orders", b"x")
    fc_local.advance(60)
    assert received == []


@pytest.mark.parametrize(("field", "value"), [("Instance", "201"), ("Reserved", "-1")])
def test_what_is_out_of_range_is_not_saved(
    page: Page, fc_local: FcLocal, received: list[bytes], field: str, value: str
) -> None:
    page.goto(PAGE)
    form = page.get_by_role("form", name="Concurrency")
    form.get_by_label(f"{field} concurrency").fill(value)
    form.get_by_role("button", name="Save").click()
    assert not form.get_by_label(f"{field} concurrency").evaluate("field => field.validity.valid")
    url = f"{fc_local.endpoint}/_local/functions/orders/concurrency"
    name = f"{field.lower()}Concurrency"
    refused = requests.put(url, json={name: int(value)}, timeout=10)
    assert (refused.status_code, refused.json()["Code"]) == (400, "InvalidArgument")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_is_clean_and_fits_a_phone(
    browser: Browser, fc_local: FcLocal, received: list[bytes], scheme: Any
) -> None:
    context = browser.new_context(
        base_url=fc_local.endpoint,
        color_scheme=scheme,
        viewport={"width": 390, "height": 850},
        bypass_csp=True,  # axe-core is put into the page
    )
    let_in(context, fc_local.endpoint)
    page = context.new_page()
    page.goto(PAGE)
    page.get_by_role("form", name="Concurrency").wait_for()
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
