# SPDX-License-Identifier: MIT
"""kill -9 at each named point and at random moments: nothing accepted is lost, nothing ends twice.

The kills happen in a process of their own, see ``host.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.engine.ports import Point

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
LONGEST_SECONDS = 3_600
"""Longer than a storm waits for its end on a slow machine: it says then what has not ended."""
WRONG = [
    *("lost", "stuck", "stopped", "failed"),  # calls, timers and messages
    *("ended_twice", "fired_twice"),
    *("untold", "dead_events"),  # events for destinations
]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


def campaign(script: str, *arguments: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(HERE / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(found: dict[str, Any]) -> None:
    ends, delivered = found["ends"], [line.split()[0] for line in found["delivered"]]
    # Whatever was acknowledged has come to an end: it is a finished task, or, when it is not
    # kept as one, its destination has heard of it.
    lost = set(found["acknowledged"]) - set(ends) - set(delivered)
    assert lost == set()
    # No task is left in a state that isn't final, and each has recorded exactly one end.
    assert set(found["statuses"]) <= {"Succeeded", "Failed"}
    assert all(len(states) == 2 and states[0] == states[1] for states in ends.values())
    # Each end was delivered at least once, and always the same end.
    assert set(ends) <= set(delivered)
    assert len(set(found["delivered"])) == len(set(delivered))
    assert found["dead"] == 0


@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.value)
def test_a_kill_at_a_named_point_loses_nothing(tmp_path: Path, point: Point) -> None:
    found = campaign("host.py", tmp_path, 7, 8, point.value)
    assert found["kills"] == 8
    check(found)


@pytest.mark.slow
@pytest.mark.parametrize("point", [*(point.value for point in Point), "moment"])
def test_a_kill_at_a_named_point_or_any_moment_loses_nothing_on_postgres(
    tmp_path: Path, empty_postgres: Callable[[], str], point: str
) -> None:
    """The server still runs what the killed node has sent, while the next one takes its claims."""
    found = campaign("host.py", tmp_path, 11, 8, point, empty_postgres())
    assert found["kills"] > 0
    check(found)


@pytest.mark.slow
def test_a_hundred_kills_at_random_moments_lose_nothing(tmp_path: Path) -> None:
    found = campaign("host.py", tmp_path, 1, 120, "moment")
    assert found["kills"] >= 100
    check(found)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_kill_while_the_database_is_made_leaves_one_that_opens(tmp_path: Path, seed: int) -> None:
    check(campaign("host.py", tmp_path, seed, 5, "birth"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "cut"])
def test_of_three_nodes_the_others_finish_the_work(
    tmp_path: Path, empty_postgres: Callable[[], str], how: str
) -> None:
    found = campaign("nodes.py", tmp_path, 3, 4, empty_postgres(), how)
    assert len(found["acknowledged"]) > 4 * 12
    assert (found["kills"] > 0) is (how == "kill")
    check(found)


@pytest.mark.slow
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
@pytest.mark.parametrize("storm", [("outage", "--away", 2.5), ("kill",)], ids=["outage", "kill"])
def test_a_storm_loses_stops_and_repeats_no_call_timer_trigger_or_event(
    empty_postgres: Callable[[], str], store: str, storm: tuple[object, ...]
) -> None:
    url = empty_postgres() if store == "postgres" else store
    size = ("--store", url, "--rounds", 2 if "outage" in storm else 6, "--tasks", 600)
    found = campaign("storms.py", *storm, *size)
    assert set(found["promised"]) == {"call", "pay", "consumed", "timed"}
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0)
    assert found["finished"]
