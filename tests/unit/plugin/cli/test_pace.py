# SPDX-License-Identifier: MIT
"""``fc-async pace`` looks at a pace in its store, and repairs it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.cli.group import run
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import RedisStore, SqliteStore, SqlStore
from fc_async_tests import redis_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STORE = ("--store", "sqlite:///paces.db")


@pytest.fixture
def pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pace]:
    monkeypatch.chdir(tmp_path)
    with contextlib.closing(SqliteStore(tmp_path / "paces.db")) as store:
        made = Pace("crm", "1/s", store=store)
        made.book()
        yield made


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def run_command(*arguments: str) -> dict[str, Any]:
        assert run(["pace", *arguments, "-o", "json"]) == 0
        printed: dict[str, Any] = json.loads(capsys.readouterr().out)
        return printed

    return run_command


def test_show_tells_when_a_message_starts(
    pace: Pace, shown: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    pace.book(100)
    state = shown("show", "crm", *STORE)
    assert state["heldUntil"] is None
    assert 80 < state["waitSeconds"] <= 101
    assert run(["pace", "show", "crm", *STORE]) == 0
    assert "crm is not held. A message that is sent now starts in 1 min" in capsys.readouterr().out


def test_a_hold_is_seen_by_senders_and_ends_by_a_release(
    pace: Pace, shown: Callable[..., dict[str, Any]]
) -> None:
    held = shown("hold", "crm", "--seconds", "600", *STORE)
    assert held["heldUntil"] is not None
    assert pace.held_until() > pace.now()
    assert pace.forecast(1).seconds > 500
    released = shown("release", "crm", *STORE)
    assert released["heldUntil"] is None
    assert pace.forecast(1).seconds < 5


def test_a_release_keeps_the_slots_that_were_booked_behind_the_hold(
    pace: Pace, shown: Callable[..., dict[str, Any]]
) -> None:
    pace.hold(seconds=60)
    pace.book(10)
    assert shown("release", "crm", *STORE)["waitSeconds"] > 60


def test_a_reset_forgets_bookings(pace: Pace, shown: Callable[..., dict[str, Any]]) -> None:
    pace.book(1_000)
    assert shown("reset", "crm", *STORE)["waitSeconds"] < 1
    assert pace.forecast(1).seconds == 0


def test_a_key_is_held_by_itself(pace: Pace, shown: Callable[..., dict[str, Any]]) -> None:
    assert shown("hold", "crm", "--key", "shop-7", "--seconds", "60", *STORE)["key"] == "shop-7"
    assert pace.held_until() == 0
    assert pace.held_until(key="shop-7") > pace.now()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///missing.db", "missing.db does not exist, or is not a file"),
        ("oracle://me:secret@host/db", "--store must be sqlite:///FILE, redis://HOST"),
        ("paces.db", "--store must be sqlite:///FILE"),
        ("redis://me:secret@127.0.0.1:1", "pace crm: the store failed"),
        ("postgresql://me:secret@127.0.0.1:1/db", "pace crm: the store failed"),
    ],
)
def test_a_store_that_cannot_be_opened_is_one_error_without_the_password(
    pace: Pace, capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    assert run(["pace", "show", "crm", "--store", url]) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert "secret" not in printed.err + printed.out


def test_a_store_may_be_named_by_the_environment(
    pace: Pace, shown: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FC_ASYNC_PACE_STORE", STORE[1])
    pace.hold(seconds=60)
    assert shown("show", "crm")["heldUntil"] is not None


def test_a_pace_on_redis(redis_url: str, shown: Callable[..., dict[str, Any]]) -> None:
    with redis_server.client(redis_url) as client:
        Pace("crm", 1, store=RedisStore(client, prefix="mine:")).hold(seconds=60)
        state = shown("show", "crm", "--store", redis_url, "--table", "mine:")
        assert state["heldUntil"] is not None
        assert shown("show", "crm", "--store", redis_url)["heldUntil"] is None
        client.flushall()


def test_a_pace_on_postgresql(postgres_server, shown: Callable[..., dict[str, Any]]) -> None:
    import psycopg

    url = postgres_server.get_uri()
    store = SqlStore(lambda: psycopg.connect(url), table="paces")
    store.create_table()
    Pace("crm", 1, store=store).hold(seconds=60)
    assert shown("show", "crm", "--store", url, "--table", "paces")["heldUntil"] is not None
    store.close()
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE paces")
