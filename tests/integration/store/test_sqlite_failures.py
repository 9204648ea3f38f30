# SPDX-License-Identifier: MIT
"""A store whose disk is full or whose file is locked says so, loses nothing and recovers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sqlite3
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.domain.invocation import Count, Invocation
from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.store.sqlite.database import Database
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_local.store.factory import Stores


def an_invocation(number: int, size: int = 100) -> Invocation:
    return Invocation(
        request_id=f"r{number}",
        task_id=f"r{number}",
        function="resize",
        qualifier="LATEST",
        payload=b"x" * size,
        accepted_at=number,
        due_at=number,
        task_mode=True,
    )


async def accept(stores: Stores, number: int, size: int = 100) -> bool:
    """Whether it was acknowledged."""
    counts = [Count(metric="accepted", function="resize", at=0)]
    try:
        await stores.store.accept(an_invocation(number, size), counts)
    except StoreUnavailable:
        return False
    return True


async def waiting(stores: Stores) -> set[str]:
    claimed = await stores.store.claim(10_000, now=10**9, until=10**10, owner="me")
    return {invocation.request_id for invocation in claimed}


def limit(pages: int) -> Any:
    return lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone()


def test_when_the_file_may_not_grow_nothing_is_lost_and_it_recovers(tmp_path: Path) -> None:
    async def scenario() -> None:
        stores = await open_stores(tmp_path / "a.db")
        assert isinstance(stores.database, Database)
        acknowledged = {0} if await accept(stores, 0) else set()
        await stores.database.write(limit(1))
        many = range(1, 200)
        answers = await asyncio.gather(*[accept(stores, n, 10_000) for n in many])
        assert not all(answers)
        acknowledged |= {n for n, yes in zip(many, answers, strict=True) if yes}
        await stores.database.write(limit(10**6))
        assert await accept(stores, 500)
        assert await sums(stores.store) == {("accepted", "resize"): len(acknowledged) + 1}
        assert await waiting(stores) == {f"r{n}" for n in acknowledged | {500}}
        await stores.aclose()

    asyncio.run(scenario())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_when_the_disk_is_full_nothing_is_lost_and_it_recovers(small_disk: Path) -> None:
    async def scenario() -> None:
        stores = await open_stores(small_disk / "a.db")
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 1_000_000)
        acknowledged = {n for n in range(40) if await accept(stores, n, 50_000)}
        assert 0 < len(acknowledged) < 40
        named = re.escape(f"{small_disk / 'a.db'} can't do it now: ") + r".*\(\d+ KB free\)"
        with pytest.raises(StoreUnavailable, match=named):
            await stores.store.accept(an_invocation(600, 500_000), [])
        ballast.unlink()
        assert await accept(stores, 500)
        await stores.aclose()
        reopened = await open_stores(small_disk / "a.db")
        assert await waiting(reopened) == {f"r{n}" for n in acknowledged | {500}}
        await reopened.aclose()

    asyncio.run(scenario())


@pytest.mark.usefixtures("impatient")
def test_while_another_program_locks_the_file_reading_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        stores = await open_stores(tmp_path / "a.db")
        await accept(stores, 1)
        with contextlib.closing(sqlite3.connect(tmp_path / "a.db")) as shell:
            shell.execute("BEGIN IMMEDIATE")
            assert not await accept(stores, 2)
            assert await stores.store.get("resize", "r1") is not None
            shell.execute("ROLLBACK")
        assert await accept(stores, 2)
        assert await waiting(stores) == {"r1", "r2"}
        await stores.aclose()

    asyncio.run(scenario())


def test_cancelled_callers_do_not_affect_others_of_their_group(tmp_path: Path) -> None:
    async def scenario() -> None:
        stores = await open_stores(tmp_path / "a.db")
        callers = [asyncio.ensure_future(accept(stores, n)) for n in range(100)]
        await asyncio.sleep(0)
        for gone in callers[::3]:
            gone.cancel()
        answers = await asyncio.gather(*callers, return_exceptions=True)
        stayed = {f"r{n}" for n, answer in enumerate(answers) if answer is True}
        assert len(stayed) == 66
        assert stayed <= await waiting(stores)
        await stores.aclose()

    asyncio.run(scenario())
