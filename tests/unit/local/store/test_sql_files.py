# SPDX-License-Identifier: MIT
from __future__ import annotations

import contextlib
import re
import sqlite3
import sys
import textwrap
from pathlib import Path

import pytest

from fc_async_local.store import sql
from fc_async_local.store.protocol import StoreUnusable
from fc_async_local.store.sqlite.database import migrate
from fc_async_local.store.sqlite.transactions import SQL


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "sql_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, folder.name, raising=False)
    return folder


def test_statements_are_found_by_name(package: Path) -> None:
    (package / "statements.sql").write_text(
        textwrap.dedent("""\
            -- a comment before the first
            -- name: one
            SELECT 1;

            -- name: two
            SELECT 2 -- says two
            FROM t;
            """)
    )
    assert sql.statements(package.name) == {
        "one": "SELECT 1",
        "two": "SELECT 2 -- says two\nFROM t",
    }


def test_a_name_in_braces_stands_for_a_part_or_an_earlier_statement_and_any_other_stays(
    package: Path,
) -> None:
    (package / "statements.sql").write_text(
        textwrap.dedent("""\
            -- name: all
            SELECT {columns} FROM t;

            -- name: sorted
            {all} ORDER BY a {order} -- '{}'
        """)
    )
    found = sql.statements(package.name, parts={"columns": "a, b"})
    assert found["sorted"] == "SELECT a, b FROM t ORDER BY a {order} -- '{}'"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_insert_of_one_row_becomes_one_of_many(count: int) -> None:
    statement = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING"
    values = [value for row in range(count) for value in (row, "x")]
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (a UNIQUE, b)")
        assert connection.execute(sql.with_rows(statement, count), values).rowcount == count


def test_another_statement_than_an_insert_has_no_rows_to_repeat() -> None:
    with pytest.raises(ValueError, match="no VALUES"):
        sql.with_rows("DELETE FROM t WHERE a = ?", 2)


def test_migrations_come_in_order_of_their_numbers(package: Path) -> None:
    folder = package / "migrations"
    folder.mkdir()
    for name in ("0002_more.sql", "0001_initial.sql", "README", "0003-not-one.sql"):
        (folder / name).write_text(name)
    found = sql.schema("c", package.name)
    assert [migration.file for migration in found.migrations] == [
        "0001_initial.sql",
        "0002_more.sql",
    ]
    assert found.version == 2


def test_a_gap_between_migrations_is_a_mistake(package: Path) -> None:
    folder = package / "migrations"
    folder.mkdir()
    for name in ("0002_more.sql", "0004_later.sql"):
        (folder / name).touch()
    with pytest.raises(ValueError, match=r"numbered without gaps, not \[2, 4\]"):
        sql.schema("c", package.name)


STEPS = tuple(sql.Migration(n, f"{n:04}_step.sql", "") for n in (1, 2, 3))


@pytest.mark.parametrize(("installed", "missing"), [(0, [1, 2, 3]), (2, [3]), (3, [])])
def test_migrations_after_the_installed_version_are_pending(
    installed: int, missing: list[int]
) -> None:
    found = sql.pending(sql.Schema("c", STEPS), installed, "here")
    assert [step.number for step in found] == missing


def test_a_newer_store_is_refused_with_advice() -> None:
    with pytest.raises(StoreUnusable, match=r"^here: 'c' is at schema version 4.*up to 3.*Upgrade"):
        sql.pending(sql.Schema("c", STEPS), 4, "here")


def test_a_store_that_is_older_than_the_first_migration_is_refused_with_advice() -> None:
    with pytest.raises(
        StoreUnusable, match=r"^here: 'c' is at schema version 1.*from 2 on.*new data"
    ):
        sql.pending(sql.Schema("c", STEPS[1:]), 1, "here")


def test_a_script_is_split_at_statements_not_at_semicolons() -> None:
    script = textwrap.dedent("""\
        CREATE TABLE a (x); -- a; comment
        CREATE TRIGGER t AFTER INSERT ON a BEGIN
            DELETE FROM a;
            SELECT ';';
        END;
        """)
    schema = sql.Schema("c", (sql.Migration(1, "0001_all.sql", script),))
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection, [schema], Path("data"))
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert {"a", "t"} <= names


def test_the_statements_of_the_sqlite_store_are_valid() -> None:
    package = "fc_async_local.store.sqlite"
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for migration in sql.schema("store", package).migrations:
            connection.executescript(migration.script)
        for name, text in SQL.items():
            if name in {"filter", "shown", "page"}:  # parts of other statements
                continue
            statement = text.replace("{before}", "<").replace("{order}", "DESC")
            statement = statement.replace("{index}", "").replace("{by}", "task_mode")
            connection.execute(f"EXPLAIN {statement}", nothing_for(statement))


def nothing_for(statement: str) -> dict[str, None] | tuple[None, ...]:
    """A NULL for each of the statement's parameters, named or by position."""
    if named := re.findall(r":(\w+)", statement):
        return dict.fromkeys(named)
    return (None,) * statement.count("?")
