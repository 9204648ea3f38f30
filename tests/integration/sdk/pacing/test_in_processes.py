# SPDX-License-Identifier: MIT
"""Handlers of functions that run in processes: they reach the runtime by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.pacing import Pace

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.testing import FcLocal

pytestmark = pytest.mark.filterwarnings("ignore::fc_async_local.testing.ImportedFromMachine")

HOPPING = """
from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace

@handler(int, pace=Pace("crm", "1/hour", max_hops=9))
def handler(number, context):
    return number
"""
ARRIVING = """
from fc_async_sdk.pacing import Pace, paced
from fc_async_sdk.stores import SqliteStore

@paced(Pace("crm", "1/hour", store=SqliteStore({file!r})))
def handler(event, context):
    return event
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    return folder


def test_a_message_waits_for_three_hours(fc_local: FcLocal, code: Path) -> None:
    (code / "index.py").write_text(HOPPING)
    fc_local.deploy("crm", code, timeout=60)
    pace = Pace("crm", "1/hour", max_hops=9)
    function = fc_local.client.function("crm", payload=int, result=int, pace=pace)
    began = fc_local.runtime.now()
    group = function.map([0, 1, 2, 3], task_ids="night")
    assert {task.index: task.result() for task in group.ends(timeout=50_000, interval=600)} == {
        number: number for number in range(4)
    }
    last = next(task for task in group if task.index == 3)
    assert last.task is not None
    assert last.task.started_time == began + 3 * 3_600_000


def test_a_message_that_arrives_books_its_slot(
    fc_local: FcLocal, code: Path, tmp_path: Path
) -> None:
    (code / "index.py").write_text(ARRIVING.format(file=str(tmp_path / "paces.db")))
    fc_local.deploy("crm", code, timeout=60)
    handles = [
        fc_local.client.function("crm", result=bytes).spawn(b"%d" % number) for number in range(3)
    ]
    fc_local.run_until_idle()
    assert [handle.result(timeout=60) for handle in handles] == [b"0", b"1", b"2"]
    starts = sorted(handle.task.started_time or 0 for handle in handles if handle.task)
    # Slots are booked by the clock of this machine, which goes on while the processes start.
    assert [round((start - starts[0]) / 3_600_000) for start in starts] == [0, 1, 2]
