# SPDX-License-Identifier: MIT
"""The console as a real browser builds it from what a runtime says. Skipped without Chromium."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--virtual-time-budget=4000", "--enable-logging=stderr", "--dump-dom"),
)


@pytest.fixture
def page(fc_local, tmp_path, cannot_run):
    """What a page shows: its text without tags, and what the browser complained about."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        cannot_run("there is no Chromium on this machine")

    def show(address: str) -> tuple[str, list[str]]:
        done = subprocess.run(
            [
                *(browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"),
                f"{fc_local.endpoint}/console{address}",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", done.stdout))
        return text, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return show


@pytest.fixture
def orders(fc_local):
    def handler(event, _):
        if event == b"bad":
            raise ValueError("<b>card declined</b>")
        return {"paid": True}

    queue = "acs:mns:::/queues/missing/messages"
    fc_local.deploy(
        "orders",
        handler,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 1,
            "destinationConfig": {
                "onSuccess": {"destination": "acs:fc:::functions/orders/LATEST"},
                "onFailure": {"destination": queue},
            },
        },
    )
    fc_local.client.invoke_async("orders", b"bad", task_id="order-7")
    fc_local.client.invoke_async("orders", b"good", task_id="order-later", delay=1800)
    fc_local.advance(60)


def test_the_list_of_tasks(page, orders):
    text, complaints = page("#/tasks?q=order")
    assert complaints == []
    for words in ("order-7", "order-later", "in 29 min", "Failed", "Enqueued", "Virtual time"):
        assert words in text


def test_the_page_of_a_task_shows_its_attempts(page, orders):
    text, complaints = page("#/tasks/orders/order-7")
    assert complaints == []
    for words in ("Attempt 1", "Attempt 2", "Retrying", "Executions 2", "Replay"):
        assert words in text
    # What a function said is shown as text, never built as elements.
    assert "&lt;b&gt;card declined&lt;/b&gt;" in text


def test_functions_and_where_their_results_go(page, orders):
    text, complaints = page("#/functions")
    assert complaints == []
    assert "Destination cycle: orders/LATEST" in text
    assert "mns-queue" in text


def test_dead_events_and_metrics(page, orders):
    text, complaints = page("#/dead")
    assert complaints == []
    assert "QueueNotExist" in text
    assert "Send again" in text
    text, complaints = page("#/metrics")
    assert complaints == []
    assert "FunctionDestinationErrors" in text


def test_a_runtime_without_anything(page):
    text, complaints = page("")
    assert complaints == []
    assert "No tasks yet" in text
