# SPDX-License-Identifier: MIT
"""Runs every test of this folder on every store of idempotency records.

SQLite, PostgreSQL, MariaDB and Redis are real; Tablestore is the official client against
a stand-in, see ``fc_async_tests.tablestore_server``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.idempotency import (
    MemoryStore,
    RedisStore,
    SqliteStore,
    SqlStore,
    Store,
    TablestoreStore,
)
from fc_async_tests import mariadb_server, redis_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def tablestore_client() -> Iterator[Any]:
    tablestore = pytest.importorskip("tablestore")
    from fc_async_tests import tablestore_server

    with tablestore_server.serve() as (url, _):
        key, secret = tablestore_server.KEY_ID, tablestore_server.SECRET
        client = tablestore.OTSClient(
            url, key, secret, tablestore_server.INSTANCE, logger_name="tablestore-stand-in"
        )
        TablestoreStore(client).create_table()
        yield client


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "records.db")
    yield store
    store.close()


@pytest.fixture
def postgres(postgres_server) -> Iterator[SqlStore]:
    import psycopg

    url = postgres_server.get_uri()
    store = SqlStore(lambda: psycopg.connect(url))
    store.create_table()
    yield store
    store.close()
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE fc_async_idempotency")


@pytest.fixture
def mariadb(mariadb_socket: str) -> Iterator[SqlStore]:
    store = SqlStore(lambda: mariadb_server.connect(mariadb_socket))
    store.create_table()
    yield store
    store.close()
    with mariadb_server.connect(mariadb_socket) as connection:
        connection.cursor().execute("DROP TABLE fc_async_idempotency")


@pytest.fixture
def redis(redis_url: str) -> Iterator[RedisStore]:
    client = redis_server.client(redis_url)
    yield RedisStore(client)
    client.flushall()
    client.close()


@pytest.fixture
def tablestore(tablestore_client) -> TablestoreStore:
    return TablestoreStore(tablestore_client)


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        "postgres",
        pytest.param("mariadb", marks=pytest.mark.slow),
        "redis",
        "tablestore",
    ]
)
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found
