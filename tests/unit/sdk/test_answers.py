# SPDX-License-Identifier: MIT
"""The answers that are read from a connection, however the network cuts their bytes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.operations.call import Answer
from fc_async_sdk.transport.answers import AnswerReader, TooLong
from fc_async_sdk.transport.retry import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 100
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(status: int, body: bytes, connection: str = "keep-alive") -> bytes:
    head = f"HTTP/1.1 {status} X\r\nX-A: b\r\nConnection: {connection}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    ends = sorted({cut % len(data) for cut in cuts} | {0, len(data)})
    return [data[begin:end] for begin, end in itertools.pairwise(ends)]


@given(
    statuses=st.lists(st.sampled_from([200, 202, 404, 503]), min_size=1, max_size=3),
    body=st.binary(max_size=LIMIT),
    interim=st.booleans(),
    cuts=st.lists(st.integers(0, 1_000), max_size=6),
)
def test_answers_are_the_same_however_their_bytes_are_cut(
    statuses: list[int], body: bytes, interim: bool, cuts: list[int]
) -> None:
    reader = AnswerReader(LIMIT)
    for status in statuses:
        data = (INTERIM if interim else b"") + answer(status, body)
        *earlier, last = [reader.feed(piece) for piece in pieces(data, cuts)]
        assert not any(earlier)
        assert isinstance(last, Answer)
        assert (last.status, last.body, last.headers["x-a"]) == (status, body, "b")
        assert not reader.spent


@given(cuts=st.lists(st.integers(0, 1_000), max_size=6))
def test_a_body_beyond_the_limit_ends_the_connection(cuts: list[int]) -> None:
    reader = AnswerReader(LIMIT)
    outcomes = [reader.feed(piece) for piece in pieces(answer(200, b"x" * 2 * LIMIT), cuts)]
    assert isinstance(next(filter(None, outcomes)), TooLong)
    assert reader.spent


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    reader = AnswerReader(LIMIT)
    assert isinstance(reader.feed(answer(200, b"x", "close")), Answer)
    assert reader.spent


def test_an_answer_that_was_complete_counts_although_bytes_follow_it() -> None:
    reader = AnswerReader(LIMIT)
    assert isinstance(reader.feed(answer(200, b"x") + b"\0 nonsense\r\n\r\n"), Answer)
    assert reader.spent


def test_bytes_that_are_not_http_end_the_connection() -> None:
    reader = AnswerReader(LIMIT)
    outcome = reader.feed(b"SSH-2.0-OpenSSH\r\n")
    assert isinstance(outcome, Failure)
    assert "no HTTP answer" in outcome.reason
    assert reader.spent


@pytest.mark.parametrize(
    ("received", "reason"),
    [
        (b"", "the connection broke: it was closed"),
        (answer(200, b"abc")[:-1], "the answer broke off: it was closed"),
    ],
)
def test_a_connection_that_ends_too_early_says_how_far_it_came(
    received: bytes, reason: str
) -> None:
    reader = AnswerReader(LIMIT)
    reader.feed(received)
    outcome = reader.cut(None)
    assert isinstance(outcome, Failure)
    assert outcome.reason == reason


def test_an_accept_counts_although_its_answer_broke_off() -> None:
    reader = AnswerReader(LIMIT)
    reader.feed(answer(202, b"abc")[:-1])
    outcome = reader.cut(ConnectionResetError())
    assert isinstance(outcome, Answer)
    assert outcome.status == 202
