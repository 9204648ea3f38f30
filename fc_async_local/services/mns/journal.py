# SPDX-License-Identifier: MIT
"""What was received and deleted since a database was last told of it, at the end of a file.

An entry costs a microsecond or two where a transaction costs fifty, and survives the process like
one. To tell the database an entry twice, or after newer ones, does no harm: it names its message by
number and id, and counts its claims. Nothing is flushed here: after a power loss some may be
missing, and a message comes again.
"""

from __future__ import annotations

import contextlib
import os
from io import FileIO
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.store.protocol import StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fc_async_local.services.mns.model import Message


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """What has become of one message. ``claims`` 0: it was deleted."""

    sequence: int
    message_id: str
    claims: int = 0
    visible_at: int = 0
    first_dequeued_at: int | None = None
    dequeue_count: int = 0


_MUCH_BYTES: Final = 256 * 1024
"""A few thousand entries: to begin a new file takes as long as a hundred."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(list[Entry]).decode


def received(message: Message) -> Entry:
    """A message as it was received."""
    return Entry(
        message.sequence,
        message.message_id,
        message.claims,
        message.visible_at,
        message.first_dequeued_at,
        message.dequeue_count,
    )


def _line(entries: Sequence[Entry]) -> bytes:
    # The break in front: a line that was not written to its end spoils no other.
    return b"\n" + _encode(entries)


def _entries(line: bytes) -> list[Entry]:
    try:
        return _decode(line)
    except msgspec.DecodeError:
        return []


def _open(path: Path) -> FileIO:
    return FileIO(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


class Journal:
    """A file of entries, open for adding some; one process's alone."""

    def __init__(self, path: Path) -> None:
        """Open or make it.

        Raises:
            StoreUnusable: It can't be written to.
        """
        self._path = path
        try:
            self._file = _open(path)
            self._size = path.stat().st_size
        except OSError as error:
            raise StoreUnusable(f"{path} can't be opened: {error.strerror}") from error

    def read(self) -> Sequence[Entry]:
        """All entries, oldest first, but for lines that were not written to their end."""
        return [entry for line in self._path.read_bytes().splitlines() for entry in _entries(line)]

    def write(self, entries: Sequence[Entry]) -> bool:
        """Add a line of entries. False: the disk is full or refuses, or the journal is closed."""
        line = _line(entries)
        self._size += len(line)
        try:
            return self._file.write(line) == len(line)
        except (OSError, ValueError):
            return False

    def keep(self, entries: Sequence[Entry]) -> None:
        """The database knows all but these: forget the rest, if it has become much."""
        if self._size < _MUCH_BYTES:
            return
        new = self._path.with_name(f"{self._path.name}.new")
        with contextlib.suppress(OSError):  # then it grows until there is room
            new.unlink(missing_ok=True)
            file = _open(new)
            file.write(_line(entries))
            new.replace(self._path)
            self._file.close()
            self._file = file
            self._size = 0

    def close(self, *, needed: bool) -> None:
        """Close the file, and remove it unless it is needed."""
        self._file.close()
        if not needed:
            self._path.unlink(missing_ok=True)
