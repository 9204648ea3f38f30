# SPDX-License-Identifier: MIT
"""The newest part of a log."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.instance import LogTail


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
