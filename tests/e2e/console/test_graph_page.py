# SPDX-License-Identifier: MIT
"""The graph of destinations: counts of each edge, and where the edge to cut is written."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_tests import axe
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import let_in
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.slow

TEMPLATE = template(
    orders="""
        asyncInvokeConfig:
          asyncTask: true
          destinationConfig:
            onSuccess:
              destination: acs:fc:::functions/orders
    """,
)


def to(success: str, failure: str) -> dict[str, object]:
    return {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {
            "onSuccess": {"destination": success},
            "onFailure": {"destination": failure},
        },
    }


def test_deliveries_are_counted_by_destination(page: Page, fc_local: FcLocal) -> None:
    def handler(event: bytes, _: object) -> bytes:
        if event == b"bad":
            raise ValueError(event)
        return event

    fc_local.deploy("audit", lambda event, _: event)
    fc_local.deploy(
        "orders", handler, async_config=to("acs:fc:::functions/audit", "acs:fc:::functions/gone")
    )
    for payload in (b"1", b"2", b"3", b"bad"):
        fc_local.client.invoke_async("orders", payload)
    fc_local.run_until_idle()
    page.goto("/console#/functions")
    page.get_by_text("success: 3", exact=True).wait_for()
    page.get_by_text("failure: 0, 1 lost", exact=True).wait_for()
    page.get_by_text("As a table").click()
    rows = page.get_by_role("region", name="Where results go").get_by_role("row")
    assert rows.nth(1).inner_text().split("\t")[3:5] == ["3", "0"]
    assert rows.nth(2).inner_text().split("\t")[3:5] == ["0", "1"]
    edges = requests.get(f"{fc_local.endpoint}/_local/graph", timeout=10).json()["edges"]
    assert {edge["outcome"]: (edge["delivered"], edge["lost"]) for edge in edges} == {
        "success": (3, 0),
        "failure": (0, 1),
    }


def deploy(folder: Path, endpoint: str) -> None:
    (folder / "s.yaml").write_text(TEMPLATE)
    (folder / "code").mkdir()
    (folder / "code" / "index.py").write_text("def handler(event, context):\n    return event\n")
    command = [sys.executable, "-m", "fc_async_plugin", "deploy", "--with-functions", "-y"]
    subprocess.run(
        [*command, "--skip-validation", "--endpoint", endpoint], cwd=folder, check=True, timeout=60
    )


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_edge_to_cut_has_its_line_in_the_template(
    browser: Browser, fc_local: FcLocal, tmp_path: Path, scheme: Any, width: int
) -> None:
    deploy(tmp_path, fc_local.endpoint)
    lines = TEMPLATE.splitlines()
    assert lines[15].index("acs:fc") == 25
    context = browser.new_context(
        base_url=fc_local.endpoint,
        color_scheme=scheme,
        viewport={"width": width, "height": 850},
        bypass_csp=True,  # axe-core is put into the page
    )
    let_in(context, fc_local.endpoint)
    page = context.new_page()
    page.goto("/console#/functions")
    page.get_by_role("alert", name="Destination cycles").get_by_text("s.yaml:16:26").wait_for()
    assert axe.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    form = {"destinationConfig": {"onSuccess": {"destination": "acs:fc:::functions/orders"}}}
    url = f"{fc_local.endpoint}/_local/functions/orders/async-config"
    requests.put(url, json=form, timeout=10).raise_for_status()
    page.get_by_text("its place in a template is not known").wait_for()
    context.close()
