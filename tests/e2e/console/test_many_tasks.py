# SPDX-License-Identifier: MIT
"""More tasks than are counted one by one: exact totals of states, and a prefix of the oldest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from fc_async_local.embedded import LocalRuntime
from fc_async_tests import runtime_requests as requests
from fc_async_tests.console import opened
from fc_async_tests.invocations import an_invocation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

OLD = 20_050
NEW = 60
START = 1_795_600_800_000
LATER = START + 10**10
"""When all of them are due: none runs."""


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A runtime on SQLite with many tasks that wait; the newest have another prefix."""
    data: Path = tmp_path_factory.mktemp("many")
    with LocalRuntime(data=data, port=0, clock="virtual", clock_start=START) as runtime:

        async def fill() -> None:
            for begin in range(0, OLD + NEW, 1_000):
                await asyncio.gather(
                    *(
                        runtime.store.accept(
                            an_invocation(
                                number,
                                task_id=f"{'nightly' if number < OLD else 'hourly'}-{number}",
                                function="mail" if number % 4 == 0 else "orders",
                                accepted_at=START - OLD - NEW + number,
                                due_at=LATER,
                            )
                        )
                        for number in range(begin, min(begin + 1_000, OLD + NEW))
                    )
                )

        runtime.call(fill())
        yield runtime.endpoint


@pytest.fixture
def page(browser: Browser, endpoint: str) -> Iterator[Page]:
    with opened(browser, endpoint) as page:
        yield page


def counts(endpoint: str, **query: str) -> dict[str, object]:
    url = f"{endpoint}/_local/tasks/counts"
    found: dict[str, object] = requests.get(url, query, timeout=30).json()
    return found


def test_totals_are_exact_without_a_filter_by_function_and_by_status(
    page: Page, endpoint: str
) -> None:
    page.goto("/console#/invocations")
    page.get_by_text("20,110 tasks", exact=True).wait_for()
    tile = page.get_by_role("group", name="Tasks by status").get_by_role("button", name="Enqueued")
    tile.click()
    page.get_by_text("20,110 tasks", exact=True).wait_for()
    expect(page.get_by_label("Query", exact=True)).to_have_value("status:Enqueued")
    page.goto("/console#/invocations?q=function:mail")
    page.get_by_text("5,028 tasks", exact=True).wait_for()
    assert counts(endpoint) == {"byStatus": {"Enqueued": OLD + NEW}, "atLeast": []}


def test_an_old_prefix_that_many_share_is_found_and_counted_as_far_as_it_is_quick(
    page: Page, endpoint: str
) -> None:
    page.goto("/console#/invocations")
    box = page.get_by_label("Query", exact=True)
    box.fill("nightly-")
    box.press("Enter")
    page.get_by_text("20,000+ tasks", exact=True).wait_for()
    assert page.get_by_role("link", name="nightly-").first.inner_text() == f"nightly-{OLD - 1}"
    page.get_by_role("link", name="Older").click()
    page.get_by_role("link", name=f"nightly-{OLD - 51}", exact=True).wait_for()
    assert counts(endpoint, prefix="nightly-") == {
        "byStatus": {"Enqueued": 20_000},
        "atLeast": ["Enqueued"],
    }
    box.fill("hourly-")
    box.press("Enter")
    page.get_by_text("60 tasks", exact=True).wait_for()
