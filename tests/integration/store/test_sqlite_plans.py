# SPDX-License-Identifier: MIT
"""With 500,000 waiting rows every statement of the hot path goes through an index.

SQLite chooses its plan from the statement and the schema alone (nothing is ever ANALYZEd), so the
plan on an empty file is the plan on a full one. Asserted is the plan, never the time.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.store.factory import open_stores
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.searching import LISTS
from fc_async_local.store.sqlite.transactions import SQL

if TYPE_CHECKING:
    from pathlib import Path

HOT = [
    "due",
    "held",
    "status_of",
    "holders",
    "begin",
    "prolong",
    "replace_invocation",
    "delete_invocations",
    "delete_payloads",
    "delete_events",
    "task",
    "task_events",
    "make_due",
    "next_due",
    "oldest_due",
    "ended",
    "due_jobs",
    "take_jobs",
    "prolong_jobs",
    "settle_job",
    "finish_jobs",
    "show_destination",
    "release_jobs",
    "next_job_due",
    "jobs_of_kind",
    "jobs_of_scope",
    "dead_jobs",
    "jobs_dead",
    "redrive",
    "last_id",
]


def plan_of(file: Path, statement: str) -> list[str]:
    async def look() -> list[str]:
        stores = await open_stores(file)
        try:
            assert isinstance(stores.database, Database)
            values: Any = (
                dict.fromkeys(re.findall(r":(\w+)", statement))
                if re.search(r":\w", statement)
                else (None,) * statement.count("?")
            )
            found = await stores.database.read(
                lambda c: c.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            )
            return [row[3] for row in found]
        finally:
            await stores.aclose()

    return asyncio.run(look())


@pytest.mark.parametrize("name", HOT)
def test_verbs_go_through_an_index(tmp_path: Path, name: str) -> None:
    plan = plan_of(tmp_path / "a.db", SQL[name])
    assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], plan
    assert not [step for step in plan if "TEMP B-TREE" in step], plan


@pytest.mark.parametrize(("name", "index"), [("due", "invocation_ready"), ("next_due", "ready")])
def test_claims_look_at_nothing_but_what_can_be_claimed(
    tmp_path: Path, name: str, index: str
) -> None:
    assert index in plan_of(tmp_path / "a.db", SQL[name])[0]


@pytest.mark.parametrize("name", ["parked", "unpark"])
def test_the_end_of_a_pause_looks_at_nothing_but_what_is_parked(tmp_path: Path, name: str) -> None:
    plan = plan_of(tmp_path / "a.db", SQL[name])
    assert any("USING INDEX invocation_parked" in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN invocation")], plan


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("everything", "task_place"),
        ("function", "task_function"),
        ("status", "task_status"),
        ("qualifier", "task_qualifier"),
        ("error", "task_error"),
        ("failure", "task_failure"),
        ("message", "task_message"),
    ],
)
@pytest.mark.parametrize("descending", [True, False])
def test_pages_are_read_in_their_order(
    tmp_path: Path, name: str, index: str, descending: bool
) -> None:
    plan = plan_of(tmp_path / "a.db", LISTS[name, descending])
    assert f"SEARCH invocation USING INDEX {index}" in plan[0]
    assert not [step for step in plan if "TEMP B-TREE" in step], plan


@pytest.mark.parametrize("descending", [True, False])
def test_tasks_of_a_prefix_are_found_by_their_ids_and_sorted_before_their_rows_are_read(
    tmp_path: Path, descending: bool
) -> None:
    plan = plan_of(tmp_path / "a.db", LISTS["prefix", descending])
    outer, _, inner, _, ids, *_ = plan
    assert outer == inner == "SEARCH invocation USING INTEGER PRIMARY KEY (rowid=?)"
    assert "COVERING INDEX" in ids
    assert "(function=? AND task_id>? AND task_id<?)" in ids


def test_the_end_of_a_search_in_errors_is_found_among_the_errors(tmp_path: Path) -> None:
    (step,) = plan_of(tmp_path / "a.db", SQL["oldest_error"])
    assert "USING INDEX task_message" in step
