# SPDX-License-Identifier: MIT
"""The pace of a redrive: one of its own, or one that production has, in a store that both share."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from fc_async_plugin import PluginError
from fc_async_plugin.operate.redrives.running import Gate
from fc_async_sdk.stores import RedisStore, SqliteStore, SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.operate.redrives.record import Pacing
    from fc_async_sdk.stores import Store

_FORMS: Final = (
    "sqlite:///FILE, redis://HOST:PORT/N, rediss://…, postgresql://USER@HOST/DATABASE or"
    " mysql://USER@HOST/DATABASE; with ?prefix=TEXT (Redis) or ?table=NAME as in your code"
)
_AHEAD_SECONDS: Final = 60
_AHEAD_SECONDS_SHARED: Final = 5


def gate_of(pacing: Pacing | None, store: Store | None) -> Gate:
    """Return what says how many failures may be sent.

    Args:
        pacing: How fast; None: as fast as the service takes it.
        store: Has the state of a named pace.

    Raises:
        InvalidParameter: The rate is not one.
    """
    if pacing is None:
        return Gate(None)
    from fc_async_sdk._pacing import gcra  # noqa: PLC0415 -- most redrives have no pace
    from fc_async_sdk.pacing import Pace  # noqa: PLC0415 -- likewise

    per_second = gcra.SECOND / gcra.interval_of(pacing.rate)
    if not pacing.name:
        return Gate(Pace("redrive", pacing.rate), per_second, _AHEAD_SECONDS)
    return Gate(Pace(pacing.name, pacing.rate, store=store), per_second, _AHEAD_SECONDS_SHARED)


def store_of(url: str) -> Store:
    """Return the store that a URL names; it connects at the first use.

    Raises:
        PluginError: The URL names no store, or its client is not installed.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    make = _STORES.get(scheme)
    if make is None or not (parts.netloc or parts.path):
        # Without the URL: it may have a password.
        raise PluginError(f"--store must be {_FORMS}")
    plain = url.partition("?")[0]
    try:
        return make(plain, dict(parse_qsl(parts.query)))
    except ModuleNotFoundError as error:
        raise PluginError(f"--store {scheme}://… needs the package {error.name}") from None
    except Exception as error:
        raise PluginError(f"--store {scheme}://… cannot be opened: {error}") from error


def _sqlite(url: str, _: dict[str, str]) -> Store:
    # sqlite:///paces.db is relative, sqlite:////srv/paces.db absolute, as in SQLAlchemy.
    return SqliteStore(url.partition("://")[2].removeprefix("/"))


def _redis(url: str, options: dict[str, str]) -> Store:
    import redis  # noqa: PLC0415 -- the user's package

    client: Any = redis.Redis.from_url(url)
    return RedisStore(client, **({"prefix": options["prefix"]} if "prefix" in options else {}))


def _postgresql(url: str, options: dict[str, str]) -> Store:
    import psycopg  # noqa: PLC0415 -- the user's package

    return _with_table(SqlStore(lambda: psycopg.connect(url), **_table(options)))


def _mysql(url: str, options: dict[str, str]) -> Store:
    pymysql: Any = importlib.import_module("pymysql")  # the user's package, without types

    parts = urlsplit(url)

    def connect() -> Any:
        return pymysql.connect(
            host=parts.hostname,
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=parts.path.removeprefix("/"),
        )

    return _with_table(SqlStore(connect, **_table(options)))


def _table(options: dict[str, str]) -> dict[str, str]:
    return {"table": options["table"]} if "table" in options else {}


def _with_table(store: SqlStore) -> Store:
    store.create_table()
    return store


_STORES: Final[dict[str, Callable[[str, dict[str, str]], Store]]] = {
    "sqlite": _sqlite,
    "redis": _redis,
    "rediss": _redis,
    "postgresql": _postgresql,
    "postgres": _postgresql,
    "mysql": _mysql,
}
