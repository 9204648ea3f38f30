# SPDX-License-Identifier: MIT
"""What only one kind of store does."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.errors import InvalidParameter, StoreFailed
from fc_async_sdk.idempotency import (
    RedisStore,
    SqliteStore,
    SqlStore,
    TablestoreStore,
    current_key,
    idempotent,
)
from fc_async_sdk.idempotency.states import Record
from fc_async_tests import mariadb_server

if TYPE_CHECKING:
    from pathlib import Path


def record(token: str = "t", *, expires: int = 61_000) -> Record:
    return Record(key="k", token=token, state="running", written=1_000, until=0, expires=expires)


def test_redis_drops_a_record_when_its_lifetime_ends(redis: RedisStore, redis_url: str) -> None:
    from fc_async_tests import redis_server

    redis.create(record())
    with redis_server.client(redis_url) as client:
        assert 0 < client.pttl("fc-async:idempotency:k") <= 60_000
        redis.replace(record("u", expires=7_201_000), "t")
        assert 3_600_000 < client.pttl("fc-async:idempotency:k") <= 7_200_000


def test_redis_answers_that_are_decoded_to_text_are_read_too(redis_url: str) -> None:
    import redis as package

    with package.Redis.from_url(redis_url, decode_responses=True) as client:
        store = RedisStore(client, prefix="text:")
        store.create(record())
        assert store.create(record("u")) == record()
        assert store.remove("k", "t")


def test_a_database_connection_that_died_in_a_frozen_instance_is_replaced(
    postgres: SqlStore, postgres_server
) -> None:
    import psycopg

    postgres.create(record())
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert postgres.create(record("u")) == record()


@pytest.mark.slow
def test_a_mariadb_connection_that_died_in_a_frozen_instance_is_replaced(
    mariadb: SqlStore, mariadb_socket: str
) -> None:
    mariadb.create(record())
    with mariadb_server.connect(mariadb_socket) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist "
            "WHERE user = 'root' AND id <> connection_id()"
        )
        for (number,) in cursor.fetchall():
            cursor.execute("KILL CONNECTION %s", (number,))
    assert mariadb.create(record("u")) == record()


@pytest.mark.slow
def test_a_deadlock_that_the_database_resolved_does_not_reach_the_handler(
    mariadb: SqlStore, mariadb_socket: str
) -> None:
    with (
        mariadb_server.connect(mariadb_socket) as connection,
        connection.cursor() as cursor,
        ThreadPoolExecutor(3) as pool,
    ):
        # All creations wait for the shared lock of this row, get it when the row is undone, and
        # then wait for each other (MySQL manual, "Locks Set by Different SQL Statements").
        cursor.execute(
            "INSERT INTO fc_async_idempotency (id, token, record, expires) VALUES ('k', '', '', 0)"
        )
        creations = [pool.submit(mariadb.create, record(token)) for token in "tuv"]
        while not all(creation.done() for creation in creations):
            cursor.execute("SHOW GLOBAL STATUS LIKE 'innodb_row_lock_current_waits'")
            if cursor.fetchone()[1] == "3":
                connection.rollback()
        answers = [creation.result() for creation in creations]
    assert answers.count(None) == 1
    assert {answer.token for answer in answers if answer} < set("tuv")


@pytest.mark.slow
def test_a_table_that_takes_two_keys_for_one_is_refused_with_the_statement_that_mends_it(
    mariadb: SqlStore, mariadb_socket: str
) -> None:
    with mariadb_server.connect(mariadb_socket) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fc_async_idempotency MODIFY id VARCHAR(400)")
        handler = idempotent(mariadb, scope="", timeout=60)(lambda *_: current_key())
        assert handler(b"", SimpleNamespace(request_id="Ab1")) == "Ab1"
        with pytest.raises(StoreFailed, match="'aB1' finds the record of 'Ab1'") as refused:
            handler(b"", SimpleNamespace(request_id="aB1"))
        cursor.execute(str(refused.value).partition(" run ")[2].partition(" [key")[0])
    assert handler(b"", SimpleNamespace(request_id="aB1")) == "aB1"


def test_expired_rows_are_purged(sqlite: SqliteStore) -> None:
    sqlite.create(record())
    assert sqlite.purge() == 1
    assert sqlite.create(record("u")) is None


def test_the_file_of_a_store_is_shared_by_processes_and_outlives_them(tmp_path: Path) -> None:
    first, second = SqliteStore(tmp_path / "r.db"), SqliteStore(tmp_path / "r.db")
    first.create(record())
    assert second.create(record("u")) == record()
    first.close()
    second.close()


@pytest.mark.parametrize("table", ["", "a b", "x; DROP TABLE y", "a.b.c", 'a"b', "é"])
def test_the_name_of_a_table_must_be_a_plain_name(table: str) -> None:
    with pytest.raises(InvalidParameter, match="table="):
        SqlStore(lambda: sqlite3.connect(":memory:"), table=table)


def test_an_unknown_style_of_parameters_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="paramstyle='numeric'"):
        SqlStore(lambda: sqlite3.connect(":memory:"), paramstyle="numeric")


def test_tablestore_errors_other_than_a_refused_condition_are_raised(
    tablestore_client,
) -> None:
    import tablestore

    with pytest.raises(tablestore.OTSServiceError, match="OTSObjectNotExist"):
        TablestoreStore(tablestore_client, "missing").create(record())
