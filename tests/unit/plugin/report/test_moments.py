# SPDX-License-Identifier: MIT
"""Times as a person says them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.report import moments

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_795_695_888_400  # 2026-11-26 12:24:48.400 UTC
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (NOW, "20:24:48"),
        (NOW - 21 * HOUR, "Nov 25 23:24"),
        (NOW - 400 * 24 * HOUR, "2025-10-22"),
        (None, None),
        (0, None),
    ],
)
def test_a_short_time_has_no_more_than_it_needs(moment: int | None, shown: str | None) -> None:
    assert moments.short_time(moment, NOW) == shown


@pytest.mark.parametrize(
    ("left", "shown"),
    [
        (-1, "due now"),
        (0, "due now"),
        (200, "due in 1 s"),
        (44_600, "due in 45 s"),
        (119_000, "due in 1 min 59 s"),
        (179_000, "due in 3 min"),
        (3_599_000, "due in 1 h"),
        (2 * HOUR + 300_000, "due in 2 h 5 min"),
    ],
)
def test_a_due_time_is_told_from_now(left: int, shown: str) -> None:
    assert moments.due(NOW + left, NOW) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (12_345, "12.3 s"),
        (60_000, "1 min"),
        (125_900, "2 min 5 s"),
        (5 * HOUR, "5 h"),
        (5 * HOUR + 1_000, "5 h"),
        (26 * HOUR, "1 d 2 h"),
    ],
)
def test_a_duration_has_at_most_two_units(milliseconds: int, shown: str) -> None:
    assert moments.duration(milliseconds) == shown


def test_full_times_have_milliseconds_and_zone() -> None:
    assert moments.full_time(NOW) == "2026-11-26 20:24:48.400+08:00"
    assert moments.clock_time(NOW) == "20:24:48.400"
    assert moments.full_time(None) is None
