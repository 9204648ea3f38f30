# SPDX-License-Identifier: MIT
"""With a long queue every statement of the hot path goes through an index on PostgreSQL.

Its planner looks at the data, so there has to be some: waiting rows, due later. Asserted is the
plan, never the time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fc_async_local.store.factory import open_stores
from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.postgres.store import LISTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ROWS = 100_000
FILL = """
INSERT INTO invocation (
    request_id, task_id, function, qualifier, accepted_at, due_at, task_mode, status, attempts,
    system_retries, instance_id, error, destination_status, call_path, delay_ms, epoch, lease_owner
)
SELECT
    'r' || n, 't' || n, 'f' || mod(n, 10), 'LATEST', n, 10000000 + n, true, 'Enqueued', 0,
    0, '', '', '', '[]', 0, 0, ''
FROM generate_series(1, %s) AS n
"""
PAYLOADS = "INSERT INTO payload (id, body) SELECT id, 'x'::bytea FROM invocation"


@pytest.fixture(scope="module")
def full(empty_postgres: Callable[[], str]) -> Iterator[psycopg.Connection[Any]]:
    async def make(url: str) -> None:
        await (await open_stores(url)).aclose()

    url = empty_postgres()
    asyncio.run(make(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = fc_async")
        connection.execute(FILL, [ROWS])
        connection.execute(PAYLOADS)
        connection.execute("ANALYZE")
        yield connection
    empty_postgres()


def plan(connection: psycopg.Connection[Any], statement: bytes, values) -> str:
    found = connection.execute(b"EXPLAIN " + statement, values).fetchall()
    return "\n".join(line for (line,) in found)


@pytest.mark.parametrize(
    ("name", "values", "index"),
    [
        ("due", (5_000_100, 5_000_000, 64), "invocation_ready"),
        ("due", (20_000_100, 20_000_000, 64), "invocation_ready"),
        ("next_due", (), "invocation_ready"),
        ("oldest_due", (), "invocation_ready"),
        ("held", ("node",), "invocation_held"),
        ("task", ("f1", "t1"), "invocation_function_task_id_key"),
        # By the request id, or through the few that are held: both are short.
        ("begin", ('[{"key": "r1", "epoch": 0}]',), "invocation_"),
        ("holders", ('["r1", "r2"]',), "invocation_"),
        ("prolong", {"leases": '[{"key": "r1", "epoch": 0}]', "until": 5}, "invocation_"),
        ("ended", (5, 1_000), "invocation_ended"),
        ("make_due", (5, "f1", "t1"), "invocation_function_task_id_key"),
        ("show_destination", ("Failed", "r1"), "invocation_request_id_key"),
    ],
)
def test_verbs_go_through_an_index(
    full: psycopg.Connection[Any], name: str, values, index: str
) -> None:
    shown = plan(full, SQL[name], values)
    assert index in shown
    assert "Seq Scan on invocation" not in shown


ASKED = {
    "function": "f1",
    "status": "Enqueued",
    "statuses": None,
    "qualifier": None,
    "prefix": "",
    "started_from": None,
    "started_to": None,
    "accepted_from": 0,
    "accepted_to": 90_000,
    "error": None,
    "text": "",
    "pattern": None,
    "accepted_at": 50_000,
    "request_id": "r50000",
    "limit": 21,
    "with_payload": False,
}


@pytest.mark.parametrize("name", ["tasks", "tasks_of_function", "tasks_in_status"])
@pytest.mark.parametrize("order", ["DESC", "ASC"])
def test_pages_are_read_in_their_order(
    full: psycopg.Connection[Any], name: str, order: str
) -> None:
    shown = plan(full, LISTS[f"{name} {order}"], ASKED)
    assert "using task_" in shown
    assert "Sort" not in shown
