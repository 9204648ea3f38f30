# SPDX-License-Identifier: MIT
"""When an instance is frozen: after a short time without a call, and never while it runs one."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.execution.machine.freezing import Freezer


class Instance:
    """Notes when it is frozen."""

    def __init__(self) -> None:
        self.busy = 0
        self.frozen = asyncio.Event()

    def freeze(self) -> None:
        assert not self.busy
        self.frozen.set()


def busy(instance: Instance) -> int:
    return instance.busy


def test_what_runs_no_call_is_frozen() -> None:
    async def scenario() -> None:
        freezer, instances = Freezer(0.001, busy), [Instance(), Instance()]
        for instance in instances:
            freezer.is_idle(instance)
        await asyncio.gather(*(instance.frozen.wait() for instance in instances))

    asyncio.run(scenario())


def test_what_gets_its_next_call_in_time_is_not_frozen() -> None:
    async def scenario() -> bool:
        freezer, again, other = Freezer(0.001, busy), Instance(), Instance()
        freezer.is_idle(again)
        freezer.is_idle(other)
        freezer.forget(again)
        await other.frozen.wait()
        return again.frozen.is_set()

    assert not asyncio.run(scenario())


def test_what_runs_a_call_is_not_frozen() -> None:
    async def scenario() -> bool:
        freezer, used, other = Freezer(0.001, busy), Instance(), Instance()
        for instance in (used, other):
            freezer.is_idle(instance)
        used.busy = 1
        await other.frozen.wait()
        return used.frozen.is_set()

    assert not asyncio.run(scenario())


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "switched off"])
def test_nothing_is_frozen_without_it(closed: bool) -> None:
    async def scenario() -> bool:
        freezer, watch = Freezer(0.001 if closed else None, busy), Freezer(0.002, busy)
        instance, other = Instance(), Instance()
        freezer.is_idle(instance)
        if closed:
            freezer.close()
        watch.is_idle(other)
        await other.frozen.wait()
        return instance.frozen.is_set()

    assert not asyncio.run(scenario())
