# SPDX-License-Identifier: MIT
"""The newest part of a log."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.instances.output import LogTail


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40), st.integers(0, 10))
def test_a_log_tail_gives_the_newest_bytes_since_a_position(
    chunks: list[bytes], limit: int, after: int
) -> None:
    tail = LogTail(limit)
    for chunk in chunks[:after]:
        tail.feed(chunk)
    position = tail.position
    for chunk in chunks[after:]:
        tail.feed(chunk)
    assert tail.since(position) == b"".join(chunks[after:])[-limit:]


def test_memory_stays_bounded_under_a_flood() -> None:
    tail = LogTail(1000)
    for _ in range(1000):
        tail.feed(b"x" * 700)
    assert len(pickle.dumps(tail)) < 2500
    assert tail.position == 700_000


@given(
    st.lists(st.text("ab\r\n", max_size=12).map(str.encode), max_size=8),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_lines_that_are_read_piece_by_piece_are_a_beginning_of_the_log_without_half_a_line(
    chunks: list[bytes], limit: int, most: int
) -> None:
    tail, told, until, text = LogTail(limit), 0, 0, b""
    for chunk in chunks:
        tail.feed(chunk)
        begin, lines = tail.lines(told, until, most)
        assert len(lines) <= most
        if lines:
            text += b"." * (begin - told) + lines  # what was left out
            told = begin + len(lines)
        until = tail.position
    whole = b"".join(chunks)
    assert len(text) == told
    assert all(mine in (ord("."), byte) for mine, byte in zip(text, whole, strict=False))
    assert not text or text.endswith((b"\n", b"\r"))
    assert not (text.endswith(b"\r") and whole[told : told + 1] == b"\n")
