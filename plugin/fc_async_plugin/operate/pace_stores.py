# SPDX-License-Identifier: MIT
"""Stores of paces by their URL.

Invariants:

- No password of a URL is in an error.
- A file that does not exist is an error: it is not made.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.stores import RedisStore, SqliteStore, SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk.stores import Store

_FORMS: Final = (
    "must be sqlite:///FILE, redis://HOST, rediss://HOST, postgresql://USER@HOST/NAME "
    "or mysql://USER@HOST/NAME"
)
_REDIS: Final = {"redis", "rediss", "unix"}
_POSTGRES: Final = {"postgresql", "postgres"}
_MYSQL: Final = {"mysql", "mariadb"}


@contextlib.contextmanager
def opened(url: str, name: str | None) -> Iterator[Store]:
    """Open the store of a URL, and close it.

    Args:
        url: Where it is.
        name: Its table, or the prefix of its keys in Redis; None: those of the SDK.

    Raises:
        ConfigurationError: It is not such a URL, or its file or its driver is missing.
    """
    parts = urlsplit(url)
    if parts.scheme in _REDIS:
        client = _driver("redis").Redis.from_url(url)
        store = RedisStore(client) if name is None else RedisStore(client, prefix=name)
        with contextlib.closing(client):
            yield store
        return
    table = {} if name is None else {"table": name}
    with contextlib.closing(_database(parts, url, table)) as database:
        yield database


def _database(parts: SplitResult, url: str, table: dict[str, Any]) -> SqlStore:
    if parts.scheme == "sqlite":
        file = Path(unquote(parts.path).removeprefix("/"))
        if not file.is_file():
            raise ConfigurationError(f"--store: {file} does not exist, or is not a file")
        if table:
            sqlite3 = importlib.import_module("sqlite3")
            return SqlStore(lambda: sqlite3.connect(file), **table)
        return SqliteStore(file)
    if parts.scheme in _POSTGRES:
        psycopg = _driver("psycopg")
        return SqlStore(lambda: psycopg.connect(url), **table)
    if parts.scheme in _MYSQL:
        pymysql = _driver("pymysql")
        where = {
            "host": parts.hostname or "127.0.0.1",
            "port": parts.port or 3306,
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or ""),
            "database": parts.path.removeprefix("/"),
        }
        return SqlStore(lambda: pymysql.connect(**where), **table)
    raise ConfigurationError(f"--store {_FORMS}")


def _driver(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(f"--store needs {name}: pip install {name}") from error
