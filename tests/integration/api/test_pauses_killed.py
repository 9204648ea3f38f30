# SPDX-License-Identifier: MIT
"""A pause, and a resume at a rate, outlive kill -9; nodes of one PostgreSQL share both."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk.admin import operations as admin
from fc_async_tests.code import archive
from fc_async_tests.nodes import node, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_sdk import Client

pytestmark = [pytest.mark.slow, pytest.mark.real_time]

CALLS = 24
TWO_A_SECOND = 500_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A line for each execution: its payload."""
    return tmp_path / "log"


def deploy(client: Client, log: Path) -> None:
    code = (
        "def handler(event, context):\n"
        f"    with open({str(log)!r}, 'ab') as file:\n"
        "        file.write(event + b'\\n')\n"
    )
    client.create_function(
        "orders",
        runtime="python3.10",
        handler="index.handler",
        code=archive(code),
    )
    client.put_async_invoke_config("orders", async_task=True)


def ran(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


@contextlib.contextmanager
def connected(folder: Path, *options: str) -> Iterator[tuple[Client, Any]]:
    with (
        node(folder, *options) as (addresses, process),
        fc_async_sdk.client(endpoint_url=addresses["fc"]) as client,
    ):
        yield client, process


def paused(client: Client) -> list[tuple[int, int]]:
    pauses = client.send(admin.list_pauses()).pauses
    return [(pause.interval_us, pause.waiting) for pause in pauses]


def still_at_its_rate(client: Client, log: Path, before: int) -> None:
    """Check that what waits goes on at the rate: the next one has run, and others still wait."""
    wait_for(lambda: len(ran(log)) > before)
    [(interval_us, waiting)] = paused(client)
    assert interval_us == TWO_A_SECOND
    assert waiting > 0


def test_a_pause_and_what_waits_outlive_a_kill(tmp_path: Path, log: Path) -> None:
    folder = tmp_path / "data"
    with connected(folder) as (client, process):
        deploy(client, log)
        client.send(admin.pause("orders"))
        for number in range(CALLS):
            client.invoke_async("orders", b"%d" % number)
        process.kill()
        process.wait()
    with connected(folder) as (client, process):
        # A call that is being looked at is not counted for this moment; one that ran never again.
        wait_for(lambda: paused(client) == [(0, CALLS)])
        assert ran(log) == []
        client.send(admin.resume("orders", TWO_A_SECOND))
        wait_for(lambda: len(ran(log)) >= 3)
        process.kill()
        process.wait()
    before = len(ran(log))
    assert before < CALLS
    with connected(folder) as (client, _):
        still_at_its_rate(client, log, before)
        wait_for(lambda: len(set(ran(log))) == CALLS)
        wait_for(lambda: paused(client) == [])
    assert set(ran(log)) == {str(number) for number in range(CALLS)}


def test_nodes_of_one_store_share_a_pause_and_its_end(
    tmp_path: Path, log: Path, empty_postgres: Callable[[], str]
) -> None:
    url = tmp_path / "store.url"
    url.write_text(empty_postgres())
    url.chmod(0o600)
    options = ("--store-file", str(url))
    with (
        connected(tmp_path / "a", *options) as (a, killed),
        connected(tmp_path / "b", *options) as (b, _),
    ):
        deploy(a, log)
        a.send(admin.pause("orders"))
        for number in range(CALLS):
            (a, b)[number % 2].invoke_async("orders", b"%d" % number)
        wait_for(lambda: paused(b) == [(0, CALLS)])
        assert ran(log) == []
        b.send(admin.resume("orders", TWO_A_SECOND))
        wait_for(lambda: ran(log))
        killed.kill()
        killed.wait()
        still_at_its_rate(b, log, len(ran(log)))
        wait_for(lambda: len(set(ran(log))) == CALLS)
