# SPDX-License-Identifier: MIT
"""The lock with which a storm keeps a runtime from its tables."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import psycopg.errors
import pytest

from fc_async_local.embedded import LocalRuntime

if TYPE_CHECKING:
    from collections.abc import Callable

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def wait_for_a_waiting_statement(watch: psycopg.Connection) -> None:
    while watch.execute(WAITING).fetchone() == (0,):
        pass


@pytest.mark.skipif(
    "FAKETIME" in os.environ,
    reason="PostgreSQL's search for deadlocks is not started under libfaketime",
)
def test_a_storm_goes_on_when_its_lock_and_a_transaction_wait_for_each_other(
    tmp_path: Path, empty_postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import storms

    url = empty_postgres()
    with LocalRuntime(data=tmp_path, port=0, store=url):
        pass  # it makes the tables
    with (
        psycopg.connect(url) as runtime,
        psycopg.connect(url) as storm,
        psycopg.connect(url, autocommit=True) as watch,
    ):
        # Who waits for so long looks for a deadlock, and is the one that is ended.
        runtime.execute("SET deadlock_timeout = '30s'")
        runtime.commit()
        runtime.execute("LOCK TABLE fc_async.mns_message IN ROW EXCLUSIVE MODE")
        locking = threading.Thread(target=storms.lock_tables, args=(storm,))
        locking.start()
        wait_for_a_waiting_statement(watch)  # it has invocation, and waits for mns_message
        with contextlib.suppress(psycopg.errors.DeadlockDetected):  # on a machine that stood still
            runtime.execute("LOCK TABLE fc_async.invocation IN ROW EXCLUSIVE MODE")
        runtime.rollback()
        locking.join()
        assert storm.info.transaction_status.name == "INTRANS"
