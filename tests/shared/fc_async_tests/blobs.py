# SPDX-License-Identifier: MIT
"""Blobs in memory."""

from __future__ import annotations


class Blobs:
    """Keeps code packages as a store does.

    Attributes:
        blobs: What is kept, by its key.
        reads: How often something was asked for.
    """

    def __init__(self, **blobs: bytes) -> None:
        self.blobs = blobs
        self.reads = 0

    async def put_blob(self, key: str, data: bytes, *, now: int = 0) -> None:
        self.blobs[key] = data

    async def get_blob(self, key: str) -> bytes | None:
        self.reads += 1
        return self.blobs.get(key)
