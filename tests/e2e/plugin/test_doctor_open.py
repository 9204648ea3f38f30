# SPDX-License-Identifier: MIT
"""``doctor`` shows what the local runtime leaves open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_doctor_shows_who_may_use_the_runtime(fc_async: Callable[..., Any]) -> None:
    done = fc_async("doctor")
    assert "who may call and create functions: every program of every user" in done.out
    ways = json.loads(fc_async("doctor", "-o", "json").out)["open"]
    assert "127.0.0.1:" in ways[0]["state"]


def test_the_doctor_shows_nothing_open_where_no_runtime_answers(
    fc_async: Callable[..., Any],
) -> None:
    done = fc_async("doctor", "--endpoint", "http://127.0.0.1:1", "-o", "json")
    assert json.loads(done.out)["open"] == []
