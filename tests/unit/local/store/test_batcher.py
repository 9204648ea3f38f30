# SPDX-License-Identifier: MIT
"""Grouping of concurrent callers, without a server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fc_async_local.store.postgres.batcher import Batcher
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Server:
    """Doubles numbers; refuses 13 with the whole group; is away for groups with 99."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()

    async def run(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.groups.append(list(items))
        await self.gate.wait()
        if 13 in items:
            raise ArithmeticError("13")
        if 99 in items:
            raise StoreUnavailable("away")
        return [KeyError("7") if item == 7 else item * 2 for item in items]


async def results(*items: int) -> tuple[list[object], Server]:
    server = Server()
    batcher = Batcher(server.run)
    futures = []
    for item in items:
        futures.append(batcher.submit(item))
        await asyncio.sleep(0)
    server.gate.set()
    return await asyncio.gather(*futures, return_exceptions=True), server


def test_items_that_come_while_a_group_is_under_way_make_the_next_group() -> None:
    answers, server = asyncio.run(results(1, 2, 3))
    assert answers == [2, 4, 6]
    assert server.groups == [[1], [2, 3]]


def test_a_result_that_is_an_error_is_raised_to_its_caller_alone() -> None:
    answers, _ = asyncio.run(results(1, 7, 3))
    assert [answers[0], type(answers[1]), answers[2]] == [2, KeyError, 6]


def test_a_group_that_fails_is_repeated_one_by_one() -> None:
    answers, server = asyncio.run(results(1, 2, 13, 3))
    assert [type(answer) for answer in answers] == [int, int, ArithmeticError, int]
    assert server.groups == [[1], [2, 13, 3], [2], [13], [3]]


def test_a_server_that_is_away_is_not_asked_again() -> None:
    answers, server = asyncio.run(results(1, 2, 99))
    assert [type(answer) for answer in answers] == [int, StoreUnavailable, StoreUnavailable]
    assert server.groups == [[1], [2, 99]]


def test_nothing_is_taken_after_closing() -> None:
    async def scenario() -> None:
        server = Server()
        server.gate.set()
        batcher = Batcher(server.run)
        waiting = batcher.submit(1)
        await batcher.aclose()
        assert await waiting == 2
        with pytest.raises(StoreUnavailable):
            await batcher.submit(2)

    asyncio.run(scenario())
