# SPDX-License-Identifier: MIT
"""Frames between runtime and worker."""

from __future__ import annotations

import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.worker import frames

metas = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3)


@given(st.lists(st.tuples(metas, st.binary(max_size=40)), max_size=5), st.integers(1, 30))
def test_frames_survive_any_cutting_of_the_stream(
    sent: list[tuple[frames.Meta, bytes]], size: int
) -> None:
    stream = b"".join(frames.encode(meta, body) for meta, body in sent)
    splitter = frames.Splitter()
    received = []
    for start in range(0, len(stream), size):
        received += splitter.feed(stream[start : start + size])
    assert [(frames.decode_meta(meta), body) for meta, body in received] == sent


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!II", 2**31, 0),
        struct.pack("!II", 2, 2**31),
        struct.pack("!II", 2, 0) + b"[]",
        struct.pack("!II", 2, 0) + b"{x",
        struct.pack("!II", 2, 0) + b"\xff\xff",
        b"print went to the wrong place\n",
    ],
)
def test_bytes_that_are_not_a_frame_are_refused(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(data)
        with pytest.raises(frames.BrokenFrame):
            list(frames.stream(theirs))


def test_a_blocking_end_receives_large_frames_whole() -> None:
    ours, theirs = socket.socketpair()
    body = bytes(range(256)) * 8000
    with ours, theirs:
        sender = threading.Thread(target=ours.sendall, args=(frames.encode({"a": 1}, body),))
        sender.start()
        assert next(frames.stream(theirs)) == ({"a": 1}, body)
        sender.join()


def test_a_stream_gives_all_frames_until_its_end() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(frames.encode({"a": 1}, b"x") + frames.encode({"b": 2}) + b"\x00")
        assert list(frames.stream(theirs)) == [({"a": 1}, b"x"), ({"b": 2}, b"")]
