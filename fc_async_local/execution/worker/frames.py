# SPDX-License-Identifier: MIT
"""The frames that runtime and worker exchange over their socket.

A frame is two big-endian 32-bit lengths, a JSON object and a body of raw bytes, so that payloads
are not escaped in JSON. Lengths are bounded, because user code can write to the socket, too.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

HEAD: Final = struct.Struct("!II")
MAX_META_BYTES: Final = 4 * 1024 * 1024
"""Enough for an environment and for the traceback of a deep recursion."""
MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""The largest payload of a synchronous call and the largest answer (docs/reference/sources.md)."""

NOT_FORKED: Final = 1 << 16
"""Exit status of a process that could not be forked, plus errno; larger than any of waitpid."""

_READ: Final = 256 * 1024

Meta = dict[str, Any]

_encoder: Final = json.JSONEncoder(separators=(",", ":"))


class BrokenFrame(Exception):
    """The bytes are not a frame; the rest of the stream cannot be read."""


def to_json(meta: Meta) -> bytes:
    """Return the JSON object of a frame as bytes."""
    return _encoder.encode(meta).encode()


def encode(meta: Meta, body: bytes = b"") -> bytes:
    """Return one frame of an object and a body."""
    return join(to_json(meta), body)


def join(meta: bytes, body: bytes) -> bytes:
    """Return one frame of an encoded JSON object and a body."""
    return HEAD.pack(len(meta), len(body)) + meta + body


class Splitter:
    """Cuts a stream of bytes into frames without decoding their JSON."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Add bytes; return JSON and body of the frames that are complete now.

        Raises:
            BrokenFrame: A length is over its bound.
        """
        buffer = self._buffer
        buffer += data
        frames = []
        start = 0
        while len(buffer) - start >= HEAD.size:
            meta_length, body_length = HEAD.unpack_from(buffer, start)
            # Before the rest has come: a forged head would let the runtime collect gigabytes.
            if meta_length > MAX_META_BYTES or body_length > MAX_BODY_BYTES:
                raise BrokenFrame(f"frame of {meta_length} + {body_length} bytes")
            middle = start + HEAD.size + meta_length
            end = middle + body_length
            if len(buffer) < end:
                break
            meta = bytes(buffer[start + HEAD.size : middle])
            body = bytes(buffer[middle:end])
            frames.append((meta, body))
            start = end
        # Once for all frames, as each deletion moves the rest.
        del buffer[:start]
        return frames


def decode_meta(data: bytes) -> Meta:
    """Decode the JSON object of a frame.

    Raises:
        BrokenFrame: It is not a JSON object.
    """
    try:
        meta = json.loads(data.decode())  # for bytes, loads would guess the encoding first
    except (ValueError, RecursionError) as error:
        raise BrokenFrame("frame without a JSON object") from error
    if not isinstance(meta, dict):
        raise BrokenFrame("frame without a JSON object")
    return meta


def stream(sock: socket.socket) -> Iterator[tuple[Meta, bytes]]:
    """Yield the frames of a blocking socket until it is closed, in as few reads as possible.

    Raises:
        BrokenFrame: The bytes are not a frame.
    """
    splitter = Splitter()
    while data := sock.recv(_READ):
        for meta, body in splitter.feed(data):
            yield decode_meta(meta), body
