# SPDX-License-Identifier: MIT
"""Senders whose clocks differ share the clock of the store."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.pacing import Pace
from fc_async_tests import mariadb_server
from fc_async_tests.pacing import most_in_a_window

if TYPE_CHECKING:
    from fc_async_sdk.stores import MemoryStore, SqliteStore

REDIS = "import redis; store = stores.RedisStore(redis.Redis.from_url({url!r}))"
POSTGRES = "import psycopg; store = stores.SqlStore(lambda: psycopg.connect({url!r}))"
MARIADB = (
    "import pymysql; store = stores.SqlStore("
    "lambda: pymysql.connect(unix_socket={url!r}, user='root', database={database!r}))"
)
SENDER = """
import json, sys
from fc_async_sdk import stores
from fc_async_sdk.pacing import Pace
{opening}
pace = Pace({name!r}, "10/s", store=store)
for _ in sys.stdin:
    slots = pace.book(3)
    print(json.dumps([pace.now(), [slots.at(index) for index in range(3)]]), flush=True)
"""


def check(opening: str, url: str) -> None:
    """Let three senders book in turn; two clocks are a minute ahead, or behind."""
    faketime = shutil.which("faketime")
    if faketime is None:
        pytest.skip("faketime is not installed")
    code = SENDER.format(
        opening=opening.format(url=url, database=mariadb_server.DATABASE),
        name=f"crm-{uuid.uuid4()}",
    )
    senders = [
        subprocess.Popen(
            [*clock, sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for clock in ([faketime, "-f", "+60s"], [], [faketime, "-f", "-60s"])
    ]
    found: list[int] = []
    try:
        for _ in range(5):
            for sender in senders:
                assert sender.stdin is not None
                assert sender.stdout is not None
                sender.stdin.write("\n")
                sender.stdin.flush()
                now, slots = json.loads(sender.stdout.readline())
                assert abs(now / 1e6 - time.time()) < 10
                found += slots
    finally:
        for sender in senders:
            sender.communicate(timeout=30)
    for window in (100_000, 1_000_000):
        assert most_in_a_window(found, window - 1) <= window // 100_000


def test_senders_share_the_clock_of_redis(redis: object, redis_url: str) -> None:
    check(REDIS, redis_url)


def test_senders_share_the_clock_of_postgresql(postgres: object, postgres_server) -> None:
    check(POSTGRES, postgres_server.get_uri())


@pytest.mark.slow
def test_senders_share_the_clock_of_mariadb(mariadb: object, mariadb_socket: str) -> None:
    check(MARIADB, mariadb_socket)


def test_a_store_on_this_machine_has_its_clock(memory: MemoryStore, sqlite: SqliteStore) -> None:
    for store in (memory, sqlite):
        assert abs(Pace("crm", 1, store=store).now() / 1e6 - time.time()) < 10
