# SPDX-License-Identifier: MIT
"""kill -9 at each write, two workers at once, clocks a minute apart: one effect at most for a key.

Against the real SQLite, PostgreSQL, MariaDB and Redis. Tablestore is its official client against
a stand-in with the documented conditions (``fc_async_tests.tablestore_server``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Found = list[dict[str, Any]]

CAMPAIGN = Path(__file__).with_name("campaign.py")
SHARED = Path(__file__).parents[3] / "shared"
ENDS = {"receipt", "killed", "AlreadyRunning", "EffectInDoubt"}
INTENT, EFFECT_RESULT = 2, 3

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes"),
]


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return str(tmp_path / "records.db")


@pytest.fixture
def postgres(postgres_server) -> Iterator[str]:
    import psycopg

    from fc_async_sdk.idempotency import SqlStore

    url = postgres_server.get_uri()
    store = SqlStore(lambda: psycopg.connect(url))
    store.create_table()
    store.close()
    yield url
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE fc_async_idempotency")


@pytest.fixture
def mariadb(mariadb_socket: str) -> Iterator[str]:
    from fc_async_sdk.idempotency import SqlStore
    from fc_async_tests import mariadb_server

    store = SqlStore(lambda: mariadb_server.connect(mariadb_socket))
    store.create_table()
    store.close()
    yield mariadb_socket
    with mariadb_server.connect(mariadb_socket) as connection:
        connection.cursor().execute("DROP TABLE fc_async_idempotency")


@pytest.fixture
def redis(redis_url: str) -> Iterator[str]:
    from fc_async_tests import redis_server

    yield redis_url
    with redis_server.client(redis_url) as client:
        client.flushall()


@pytest.fixture
def tablestore() -> Iterator[str]:
    from fc_async_tests import tablestore_server

    with tablestore_server.serve() as (url, tables):
        tables.tables["fc_async_idempotency"] = {}
        yield url


@pytest.fixture(
    params=[
        "sqlite",
        "postgres",
        pytest.param("mariadb", marks=pytest.mark.slow),
        "redis",
        "tablestore",
    ]
)
def campaign(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Found]:
    address = request.getfixturevalue(request.param)

    def run(*what: str) -> Found:
        done = subprocess.run(
            [sys.executable, str(CAMPAIGN), request.param, address, str(tmp_path), *what],
            env={**os.environ, "PYTHONPATH": str(SHARED)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: Found = json.loads(done.stdout)
        return found

    return run


def test_a_kill_at_any_write_causes_no_second_effect(campaign: Callable[..., Found]) -> None:
    for one in campaign("points"):
        (write, when), outcomes, effects = one["at"], one["outcomes"], one["effects"]
        first, *later = outcomes
        assert first == "killed"
        assert set(later) <= ENDS - {"killed"}, one
        if (write, when) in {(INTENT, "after"), (EFFECT_RESULT, "before")}:
            # Killed between the intent and its result, before or after the effect: never again.
            assert later[-1] == "EffectInDoubt", one
            assert effects == (0 if write == INTENT else 1), one
        else:
            assert later[-1] == "receipt", one
            assert effects == 1, one


def test_two_workers_at_once_with_wrong_clocks_and_random_kills_cause_no_second_effect(
    campaign: Callable[..., Found],
) -> None:
    found = campaign("storm", "1")
    for one in found:
        assert set(one["outcomes"]) <= ENDS, one
        assert one["effects"] <= 1, one
        if "receipt" in one["outcomes"]:
            assert one["effects"] == 1, one
    assert any("receipt" in one["outcomes"] for one in found)
    assert any("killed" in one["outcomes"] for one in found)


def test_two_workers_at_once_run_a_handler_once_without_marked_effects(
    campaign: Callable[..., Found],
) -> None:
    for one in campaign("plain"):
        assert one["effects"] == 1, one
        assert set(one["outcomes"]) <= {"receipt", "AlreadyRunning"}, one
        assert one["outcomes"][-1] == "receipt", one
