# SPDX-License-Identifier: MIT
"""Producers of a pace: several at once, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import SqliteStore
from fc_async_tests.pacing import most_in_a_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.stores import Store
    from tests.integration.sdk.pacing.conftest import Log

KILLED = """
import os, signal, sys
import fc_async_sdk
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import SqliteStore

url, file, kill_at, now = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])

class Store(SqliteStore):
    def create(self, record):
        found = super().create(record)
        if kill_at == 0:  # the slots are booked, and nothing is sent
            os.kill(os.getpid(), signal.SIGKILL)
        return found

with fc_async_sdk.client(endpoint_url=url) as client:
    pace = Pace("crm", "25/s", store=Store(file), clock=lambda: now)
    run = client.fan_out("crm", range(200), task_ids="night", pace=pace, concurrency=8)
    for outcome in run:
        assert outcome.error is None, outcome.error
        if run.progress.done == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = SqliteStore(tmp_path / "paces.db")
    yield made
    made.close()


@pytest.mark.parametrize("kill_at", [0, 60])
def test_a_producer_that_is_killed_loses_slots_and_no_message(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, tmp_path: Path, kill_at: int
) -> None:
    deploy(log)
    # The producers have the virtual time, which stands: on the clock of this machine, slots of a
    # slow producer would pass while it sends.
    now = str(fc_local.runtime.now() / 1_000)

    def produce(kill_at: int) -> int:
        file = str(tmp_path / "paces.db")
        command = [sys.executable, "-c", KILLED, fc_local.endpoint, file, str(kill_at), now]
        return subprocess.run(
            command, check=False, env={**os.environ, "FC_ASYNC_REGION": "cn-hangzhou"}
        ).returncode

    assert produce(kill_at) == -signal.SIGKILL
    assert produce(-1) == 0
    fc_local.run_until_idle()
    assert Counter(log.payloads) == Counter({str(number).encode(): 1 for number in range(200)})
    assert fc_local.rate_of("crm", per=1) <= 50
    assert 8 <= max(log.seconds) <= 17, "the slots of the first producer are lost"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "smooth"), [(10_000, False), (600, True)], ids=["plain", "smooth"]
)
def test_messages_of_four_producers_start_at_the_pace(
    fc_local: FcLocal,
    deploy: Callable[..., None],
    log: Log,
    store: Store,
    count: int,
    smooth: bool,
) -> None:
    paces = [Pace("crm", "25/s", store=store, smooth=smooth) for _ in range(4)]
    deploy(handler(int, pace=paces[0])(log) if smooth else log)
    forecast = paces[0].forecast(count)

    def produce(pace: Pace) -> None:
        assert fc_local.client.fan_out("crm", range(count // 4), pace=pace).run().failures == []

    threads = [threading.Thread(target=produce, args=(pace,)) for pace in paces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fc_local.run_until_idle()
    assert len(log.starts) == count
    for seconds in range(1, 61):
        # Virtual time has milliseconds: a wait is rounded by less than one.
        most = 25 * seconds + 1 if smooth else 25 * (seconds + 1)
        assert most_in_a_window(log.starts, seconds * 1_000 - smooth) <= most
    assert max(log.seconds) == pytest.approx(forecast.seconds, rel=0.01)
