# SPDX-License-Identifier: MIT
"""``validate --cost`` and ``plan``: what one message costs at most, and when that is much more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPLATE = template(
    orders="""
        timeout: 60
        memorySize: 1024
        cpu: 0.5
        asyncInvokeConfig:
          maxAsyncRetryAttempts: 1
          destinationConfig:
            onFailure: {destination: "acs:fc:cn-hangzhou::functions/alert"}
    """,
    alert="""
        timeout: 10
        memorySize: 512
        cpu: 0.5
        asyncInvokeConfig: {maxAsyncRetryAttempts: 0}
    """,
)


@pytest.fixture
def written(project: Path) -> Callable[..., None]:
    """Writes the template, with some texts replaced."""

    def write(*changes: tuple[str, str]) -> None:
        text = TEMPLATE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (project / "s.yaml").write_text(text)

    write()
    return write


@pytest.fixture
def costs(fc_async: Callable[..., Any], written: object) -> Callable[..., dict[str, Any]]:
    def read(*arguments: str) -> dict[str, Any]:
        document = json.loads(fc_async("validate", "--cost", *arguments, "-o", "json").out)
        return {one["function"]: one for one in document["costs"]}

    return read


def test_the_chain_of_destinations_is_part_of_the_worst_case(costs) -> None:
    found = costs()
    assert (found["orders"]["executions"], found["orders"]["memory"]) == (3, 2 * 60 + 10 * 0.5)
    assert (found["alert"]["executions"], found["alert"]["memory"]) == (1, 5)
    units = 125 * 0.15 + (120 + 10) * 0.5 + 3 * 0.0075
    assert found["orders"]["price"] == pytest.approx(units * 0.00011)


def test_the_table_says_of_which_day_its_prices_are(fc_async, written) -> None:
    shown = fc_async("validate", "--cost").out
    assert "Prices of 2024-08-27: 0.000110 CNY for 1 CU." in shown


def test_a_template_that_cannot_be_read_has_no_table_of_costs(fc_async, project) -> None:
    (project / "s.yaml").write_text("resources: [")
    code, out, _ = fc_async("validate", "--cost")
    assert code == 1
    assert out.endswith("1 error in 1 template\n")


def test_prices_can_be_replaced(costs, project) -> None:
    (project / "prices.json").write_text('{"date": "2027-01-01", "currency": "USD", "unit": 1}')
    found = costs("--prices", "prices.json")
    assert found["alert"]["currency"] == "USD"
    assert found["alert"]["price"] == pytest.approx(5 * 0.15 + 10 * 0.5 + 0.0075)


def test_prices_that_are_not_a_table_are_refused(fc_async, written, project) -> None:
    (project / "prices.json").write_text('{"unit": "cheap"}')
    ran = fc_async("validate", "--cost", "--prices", "prices.json")
    assert ran.code == 1
    assert "prices.json is not a table of prices" in ran.err


def test_a_cycle_has_no_bound(fc_async, written) -> None:
    back = '{destinationConfig: {onFailure: {destination: "acs:fc:cn-hangzhou::functions/orders"}}}'
    written(("{maxAsyncRetryAttempts: 0}", back))
    shown = fc_async("validate", "--cost").out
    assert shown.count("no bound: it leads into a cycle") == 2


def test_a_plan_that_multiplies_the_worst_case_by_ten_warns(fc_async, written) -> None:
    assert fc_async("deploy", "--with-functions", "-y").code == 0
    written(("timeout: 60", "timeout: 6000"))
    said = fc_async("plan", "--with-functions").err
    assert "Warning: orders: the worst case of one message changes from 125 GB-s to" in said
    assert "alert:" not in said


def test_a_plan_notes_a_smaller_change(fc_async, written) -> None:
    fc_async("deploy", "--with-functions", "-y")
    written(("maxAsyncRetryAttempts: 1", "maxAsyncRetryAttempts: 3"))
    said = fc_async("plan").err
    assert "Note: orders: the worst case of one message changes from 125 GB-s to 245 GB-s" in said


def test_a_plan_without_the_functions_takes_their_settings_from_the_account(
    fc_async, written
) -> None:
    fc_async("deploy", "--with-functions", "-y")
    written(("timeout: 60", "timeout: 6000"))
    assert "worst case" not in fc_async("plan").said
