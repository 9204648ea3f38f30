# SPDX-License-Identifier: MIT
"""Ports for custom runtimes, and the turns of calls that need the same port."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.machine.ports import PortBook, Turn, is_free
from fc_async_local.execution.protocol import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 9000


def deployment(function: str = "f", **settings) -> Deployment:
    defaults: dict[str, Any] = {
        "version_id": "",
        "revision": "1",
        "runtime": "custom",
        "handler": "x",
        "code_checksum": "1",
        "timeout_ms": 1000,
        "memory_mb": 128,
        "port": PORT,
    }
    return Deployment(function=function, **(defaults | settings))


def asked(book: PortBook, **settings) -> Turn:
    turn = book.ask(deployment(**settings))
    assert turn is not None
    return turn


def on_a_loop(check: Callable[[PortBook], None]) -> None:
    async def main() -> None:
        check(PortBook())

    asyncio.run(main())


def test_a_promised_port_is_not_given_twice() -> None:
    book = PortBook()
    ports = [book.take() for _ in range(50)]
    assert len(set(ports)) == 50


def test_the_system_gives_the_port_of_a_server_to_no_connection_before_it_listens() -> None:
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not ephemeral.is_file():
        pytest.skip("only Linux tells which ports it gives to connections")
    low, high = map(int, ephemeral.read_text().split())
    book = PortBook()
    assert not [port for port in (book.take() for _ in range(50)) if low <= port <= high]


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 -- as servers do
def test_a_port_that_a_server_listens_on_is_not_free(address: str) -> None:
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_turn_on_a_free_port_is_granted_at_once() -> None:
    on_a_loop(lambda book: _granted(asked(book)))


def _granted(*turns: Turn) -> None:
    assert all(turn.granted.done() for turn in turns)


def _waits(*turns: Turn) -> None:
    assert not any(turn.granted.done() for turn in turns)


def test_calls_take_turns_in_the_order_in_which_they_came() -> None:
    def check(book: PortBook) -> None:
        first, second, third = (asked(book, function=name) for name in "fgh")
        _waits(second, third)
        book.leave(first)
        _granted(second)
        _waits(third)
        book.leave(second)
        _granted(third)

    on_a_loop(check)


def test_calls_of_one_function_share_its_instance_up_to_its_concurrency() -> None:
    def check(book: PortBook) -> None:
        turns = [asked(book, instance_concurrency=2) for _ in range(3)]
        _granted(*turns[:2])
        _waits(turns[2])

    on_a_loop(check)


def test_a_call_that_came_later_does_not_overtake_another_function() -> None:
    def check(book: PortBook) -> None:
        asked(book, instance_concurrency=2)
        _waits(asked(book, function="g"), asked(book, instance_concurrency=2))

    on_a_loop(check)


def test_revisions_take_turns() -> None:
    def check(book: PortBook) -> None:
        asked(book, instance_concurrency=2)
        _waits(asked(book, revision="2", instance_concurrency=2))

    on_a_loop(check)


def test_a_call_that_gave_up_waiting_leaves_its_turn_to_the_next() -> None:
    def check(book: PortBook) -> None:
        first, second, third = (asked(book) for _ in range(3))
        book.leave(second)
        assert book.waiting(PORT) == 1
        book.leave(first)
        _granted(third)

    on_a_loop(check)


def test_a_function_whose_server_reads_the_variable_needs_no_turn() -> None:
    def check(book: PortBook) -> None:
        running, waiting, other = asked(book), asked(book), asked(book, function="g")
        book.learn(deployment(), reads=True)
        _granted(running, waiting, other)
        assert book.ask(deployment()) is None
        assert book.ask(deployment(revision="2")) is None
        book.leave(running)

    on_a_loop(check)


def test_a_function_without_a_configured_port_needs_no_turn() -> None:
    on_a_loop(lambda book: _nothing(book.ask(deployment(port=0))))


def _nothing(turn: Turn | None) -> None:
    assert turn is None


def test_a_new_revision_may_read_the_variable_though_the_old_one_did_not() -> None:
    book = PortBook()
    book.learn(deployment(), reads=False)
    assert book.reads_variable(deployment()) is False
    assert book.reads_variable(deployment(revision="2")) is None


def test_after_a_collision_it_is_found_out_again_where_the_server_listens() -> None:
    book = PortBook()
    book.learn(deployment(), reads=True)
    book.forget("f")
    assert book.reads_variable(deployment()) is None


def test_of_many_functions_the_latest_are_remembered() -> None:
    book = PortBook()
    for number in range(1_001):
        book.learn(deployment(f"f{number}"), reads=True)
    assert book.reads_variable(deployment("f0")) is None
    assert book.reads_variable(deployment("f1000")) is True


@given(st.lists(st.tuples(st.sampled_from("fgh"), st.integers(0, 2), st.booleans()), max_size=60))
def test_turns_never_mix_functions_and_none_is_forgotten(
    steps: list[tuple[str, int, bool]],
) -> None:
    def check(book: PortBook) -> None:
        turns: list[Turn] = []
        for function, index, asks in steps:
            if asks or not turns:
                turns.append(asked(book, function=function, instance_concurrency=2))
            else:
                book.leave(turns.pop(min(index, len(turns) - 1)))
            running = [turn for turn in turns if turn.granted.done()]
            assert len({turn.key for turn in running}) <= 1
            assert len(running) <= 2
            assert bool(running) == bool(turns)
        for turn in turns:
            book.leave(turn)
        assert book.waiting(PORT) == 0

    on_a_loop(check)
