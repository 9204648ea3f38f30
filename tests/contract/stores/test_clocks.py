# SPDX-License-Identifier: MIT
"""Senders whose clocks differ share the clock of the store."""

from __future__ import annotations

import time
import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk._pacing import clock as clocks
from fc_async_sdk.pacing import Pace
from fc_async_tests.pacing import most_in_a_window

if TYPE_CHECKING:
    from fc_async_sdk.stores import Store

ERRORS = (60, 0, -60)
"""Seconds by which the clocks of the senders are ahead."""
SECOND = 1_000_000


def machine(error: float, now: float | None = None) -> SimpleNamespace:
    """Return the clock of a machine: this one's with an error, or one that stands still."""

    def seconds() -> float:
        return (time.time() if now is None else now) + error

    return SimpleNamespace(
        time=seconds, time_ns=lambda: round(seconds() * 1e9), monotonic=time.monotonic
    )


@pytest.mark.parametrize(
    "name", ["redis", "postgres", pytest.param("mariadb", marks=pytest.mark.slow)]
)
def test_senders_share_the_clock_of_the_server(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = request.getfixturevalue(name)
    shared = f"crm-{uuid.uuid4()}"
    senders = [(error, Pace(shared, "10/s", store=store)) for error in ERRORS]
    found: list[int] = []
    for _ in range(5):
        for error, pace in senders:
            monkeypatch.setattr(clocks, "time", machine(error))
            now = pace.now()
            slots = pace.book(3, now=now)
            found += [slots.at(index) for index in range(3)]
            # At most 45 slots are before: a clock that differs by a minute would add its minute.
            assert 0 <= found[-1] - now < 30 * SECOND
    for window in (SECOND // 10, SECOND):
        assert most_in_a_window(found, window - 1) <= window // (SECOND // 10)


@pytest.mark.parametrize("name", ["memory", "sqlite"])
def test_a_store_on_this_machine_has_its_clock(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Store = request.getfixturevalue(name)
    monkeypatch.setattr(clocks, "time", machine(0, now=1_790_000_000))
    assert Pace("crm", 1, store=store).now() == 1_790_000_000 * SECOND
