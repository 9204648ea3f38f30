# SPDX-License-Identifier: MIT
"""``fc-async doctor FUNCTION`` and ``metrics -o json`` say why calls wait."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal


def hold(fc_local: FcLocal) -> None:
    """Let three calls wait for instances, and two for their time."""
    fc_local.deploy("orders", lambda *_: "paid")
    fc_local.client.put_concurrency_config("orders", reserved_concurrency=0)
    for _ in range(3):
        fc_local.client.invoke_async("orders", b"{}")
    for _ in range(2):
        fc_local.client.invoke_async("orders", b"{}", delay=900)
    fc_local.advance(1)


def test_doctor_names_what_holds_the_calls_and_what_to_change(
    fc_async: Callable[..., Any], fc_local: FcLocal
) -> None:
    hold(fc_local)
    lines = fc_async("doctor", "orders").out.splitlines()
    assert lines[0] == "orders: 5 waiting, 0 running"
    text = " ".join(" ".join(lines).split())
    assert "drains not now: its reserved concurrency is 0, so no attempt runs" in text
    assert "held by its reserved concurrency is 0, so no attempt runs (3 calls, limit 0)" in text
    assert "change: raise or delete reservedConcurrency" in text
    assert "held by the sender has asked for a later start" in text
    assert max(map(len, lines)) <= 80


def test_json_has_the_same_for_scripts(fc_async: Callable[..., Any], fc_local: FcLocal) -> None:
    hold(fc_local)
    shown = json.loads(fc_async("doctor", "orders", "-o", "json").out)
    assert (shown["function"], shown["waiting"], shown["running"]) == ("orders", 5, 0)
    assert [held["cause"] for held in shown["heldBy"]] == ["blocked", "delayed"]
    assert json.loads(fc_async("metrics", "orders", "-o", "json").out)["backlog"] == shown
    assert (
        json.loads(
            fc_async("metrics", "orders", "-o", "json", "--metric", "FunctionEnqueueCount").out
        )["backlog"]
        is None
    )


def test_a_function_that_does_not_exist_is_refused_with_the_nearest_name(
    fc_async: Callable[..., Any], fc_local: FcLocal
) -> None:
    fc_local.deploy("orders", lambda *_: "paid")
    ran = fc_async("doctor", "order")
    assert ran.code == 1
    assert "orders" in ran.err


def test_doctor_without_a_function_still_checks_this_machine(
    fc_async: Callable[..., Any], fc_local: FcLocal
) -> None:
    assert "checks" in json.loads(fc_async("doctor", "-o", "json").out)
