# SPDX-License-Identifier: MIT
"""Runs every test of this folder on every implementation of the store.

A test is a coroutine that asks for ``store``, ``documents`` or ``blobs`` and gets those of a store
that was opened for it alone, in the event loop that it runs in.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
from typing import TYPE_CHECKING

import pytest

from fc_async_local.store import steps
from fc_async_local.store.factory import Stores, open_stores

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    OpenStores = Callable[[], contextlib.AbstractAsyncContextManager[Stores]]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStores:
    """Opens a new, empty store each time it is called."""
    files = itertools.count()
    where: Callable[[], str | Path]
    if request.param == "memory":
        where = lambda: "memory:"  # noqa: E731 -- like the line above
    elif request.param == "sqlite":
        where = lambda: tmp_path / f"{next(files)}.db"  # noqa: E731 -- a function of one value
    else:
        where = request.getfixturevalue("clear_postgres")

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Stores]:
        found = await open_stores(where())
        try:
            yield found
        finally:
            await found.aclose()

    return opened


@pytest.fixture
def store(stores: OpenStores) -> None:
    """Stands for the open store: see :func:`pytest_pyfunc_call`."""


@pytest.fixture
def pruned_in_twos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a store forget two rows at a time, so that a test needs few rows."""
    monkeypatch.setattr(steps, "PRUNED_AT_ONCE", 2)


@pytest.fixture
def documents(stores: OpenStores) -> None:
    """Stands for the open document store."""


@pytest.fixture
def blobs(stores: OpenStores) -> None:
    """Stands for the open blob store."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None

    async def scenario() -> None:
        async with pyfuncitem.funcargs["stores"]() as found:
            await test(
                **{
                    name: getattr(found, name, pyfuncitem.funcargs[name])
                    for name in inspect.signature(test).parameters
                }
            )

    asyncio.run(scenario())
    return True
