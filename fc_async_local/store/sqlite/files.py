# SPDX-License-Identifier: MIT
"""Locks a database file, and checks that it and its write-ahead log (WAL) are complete.

SQLite ignores a log that it cannot use, and reads pages that a truncated file lacks as zeros; both
would lose committed transactions without a word. The formats are SQLite's own:
https://www.sqlite.org/fileformat2.html and https://www.sqlite.org/walformat.html.

Invariants:
    A check writes nothing.
    What a process leaves behind that was killed at any moment passes: a file that is shorter than
    its header says while the log holds the rest, a log whose last transaction is incomplete, and
    frames of earlier transactions behind the end of a log that was started over.

A log that was cut off between two transactions cannot be told from one that was never longer.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import shutil
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.store.protocol import StoreInUse, StoreUnusable
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

SIDES: Final = ("-wal", "-shm", "-journal")
"""Suffixes of the files beside a database: write-ahead log, its index, rollback journal."""

_LITTLE_SPACE: Final = 1024 * 1024
_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_WAL_MODE: Final = b"\x02\x02"
_LARGEST_PAGE: Final = 65_536
_SMALLEST_PAGE: Final = 512

_LOG_HEADER: Final = struct.Struct(">8I")
"""Magic, version, page size, checkpoint number, two salts, two checksums."""
_LOG_MAGICS: Final = {0x377F0682: "<", 0x377F0683: ">"}
"""Byte order of the checksums' input by magic number."""
_LOG_VERSION: Final = 3_007_000

_FRAME_HEADER: Final = struct.Struct(">6I")
"""Page number, size of the database after a commit (else 0), two salts, two checksums."""

_INDEX_HEADER: Final = struct.Struct("=16x2I")
"""Part of the shared-memory file: number of valid frames, pages of the database."""

Sums = tuple[int, int]


class FileLock:
    """An exclusive lock on a database, held from construction until :meth:`release`.

    Args:
        database: The database file; the lock is on a file beside it.

    Keeps a second runtime out of a data folder. SQLite itself would let both in, but at its start a
    runtime releases the claims in the file, and those of the other runtime would be among them. The
    kernel releases the lock when the process ends, in whatever way.
    """

    def __init__(self, database: Path) -> None:
        """Take the lock.

        Raises:
            StoreInUse: Another process holds it.
            StoreUnusable: The folder does not exist, or cannot be written to.
            ForeignFolder: Its file is a link, or another user's.
        """
        path = database.with_name(f"{database.name}.lock")
        try:
            self._fd = _project_folder.open_private(path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise StoreUnusable(
                f"{database} can't be opened: {error.strerror}. Give fc-async a data folder that "
                "exists and that it may write to."
            ) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise StoreInUse(
                f"{database} is in use by another fc-async runtime"
                f"{f' (process {holder})' if holder else ''}. Stop that one, or give this one "
                "another data folder."
            ) from error
        with contextlib.suppress(OSError):  # the disk is full: the lock holds without a name
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode("ascii"), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock. The file stays: removing it would race with the next holder."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Unfit(Exception):
    """The files cannot be used as they are; the message says why."""


class Header(NamedTuple):
    """The header of a database file.

    Attributes:
        page_size: Bytes.
        pages: Of the database; None when the writer did not maintain this field.
    """

    page_size: int
    pages: int | None


class Log(NamedTuple):
    """The header of a write-ahead log."""

    page_size: int
    salts: Sums
    sums: Sums
    order: str


def check_before_opening(database: Path) -> bool:
    """Check what can be checked without SQLite.

    Args:
        database: The file; need not exist.

    Returns:
        Whether there is a database; if not, there is nothing else of one either.

    Raises:
        Unfit: The file is empty, damaged, or missing beside its log.
    """
    log = log_of(database)
    if not database.exists():
        if _size(log):
            raise Unfit(f"it is missing, but {log.name} holds a part of its content")
        return False
    with database.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if not head:
        raise Unfit("it is empty")
    header = read_header(head, has_log=_size(log) > 0)
    if _size(log) >= _LOG_HEADER.size:
        with log.open("rb") as file:
            read_log_header(file.read(_LOG_HEADER.size), header.page_size)
    # With a journal its transaction is undone first, then the size is right.
    elif not has_journal(database):
        _check_size(database, header)
    return True


def _check_size(database: Path, header: Header) -> None:
    """Check that a file without a log has all pages of which its header speaks.

    Raises:
        Unfit: It has fewer.
    """
    size = database.stat().st_size
    if header.pages is not None and header.pages > size // header.page_size:
        raise Unfit(
            f"it has {size} bytes, but its header says "
            f"{header.pages} pages of {header.page_size} bytes"
        )


def check_opened(database: Path) -> None:
    """Check the log against the file, while a reading transaction of this process is open.

    SQLite has verified the frames of the log by then, and says in its shared-memory file how many
    are valid.

    Raises:
        Unfit: Committed pages are in neither file, or committed transactions follow a damaged one.
    """
    log = log_of(database)
    if _size(log) < _LOG_HEADER.size:
        return
    with database.open("rb") as file:
        header = read_header(file.read(_HEADER_BYTES), has_log=True)
    with database.with_name(f"{database.name}-shm").open("rb") as file:
        frames, pages = _INDEX_HEADER.unpack(file.read(_INDEX_HEADER.size))
    with log.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        check_log(
            content,
            header,
            valid=frames,
            pages=pages if frames else header.pages or 0,
            stored=database.stat().st_size // header.page_size,
        )


def side_of(database: Path, suffix: str) -> Path:
    """Return a file beside a database; ``suffix`` is one of :data:`SIDES`."""
    return database.with_name(f"{database.name}{suffix}")


def remove_sides(database: Path) -> None:
    """Delete the files beside a database."""
    for suffix in SIDES:
        side_of(database, suffix).unlink(missing_ok=True)


def has_journal(database: Path) -> bool:
    """Return whether a killed program may have left a transaction in a rollback journal."""
    return _size(side_of(database, "-journal")) > 0


def log_of(database: Path) -> Path:
    """Return the write-ahead log of a database file."""
    return side_of(database, "-wal")


def read_header(head: bytes, *, has_log: bool) -> Header:
    """Read the first bytes of a database file.

    Args:
        head: Up to 100 bytes.
        has_log: Whether there is a log that is not empty.

    Raises:
        Unfit: They are not the header of a database that can have such a log.
    """
    if len(head) < _HEADER_BYTES:
        raise Unfit(f"it has {len(head)} bytes, less than the header of a database")
    if not head.startswith(_MAGIC):
        raise Unfit("it does not begin like an SQLite database")
    (size,) = struct.unpack_from(">H", head, 16)
    # The field has 16 bits: 65,536 is stored as 1
    # (https://www.sqlite.org/fileformat2.html#page_size).
    page_size = _LARGEST_PAGE if size == 1 else size
    if page_size < _SMALLEST_PAGE or page_size & (page_size - 1):
        raise Unfit(f"its header gives a page size of {size} bytes")
    if has_log and head[18:20] != _WAL_MODE:
        raise Unfit("its header says that it has no write-ahead log, but there is one")
    changes, pages = struct.unpack_from(">2I", head, 24)
    # Old versions of SQLite do not maintain the number of pages: it is valid if both counters agree
    # (https://www.sqlite.org/fileformat2.html#in_header_database_size).
    (valid_for,) = struct.unpack_from(">I", head, 92)
    return Header(page_size, pages if pages and changes == valid_for else None)


def read_log_header(head: bytes, page_size: int) -> Log:
    """Read the first bytes of a log.

    Args:
        head: 32 bytes.
        page_size: Of its database.

    Raises:
        Unfit: They are not the header of a log of such a database.
    """
    magic, version, own_size, _, salt1, salt2, sum1, sum2 = _LOG_HEADER.unpack(head)
    salts = (salt1, salt2)
    sums = (sum1, sum2)
    order = _LOG_MAGICS.get(magic)
    if order is None or version != _LOG_VERSION or _checksum(order, head[:24]) != sums:
        raise Unfit("the header of its write-ahead log is damaged")
    if own_size != page_size:
        raise Unfit(
            f"its pages have {page_size} bytes, those of its write-ahead log {own_size}: "
            "the log belongs to another database"
        )
    return Log(own_size, salts, sums, order)


def check_log(
    content: mmap.mmap | bytes,
    header: Header,
    *,
    valid: int,
    pages: int,
    stored: int,
) -> None:
    """Check the frames of a log.

    Args:
        content: The log.
        header: Of the database.
        valid: How many frames are valid, up to the last commit.
        pages: Of the database after that commit.
        stored: Whole pages that the database file has.

    Raises:
        Unfit: As for :func:`check_opened`.
    """
    log = read_log_header(content[: _LOG_HEADER.size], header.page_size)
    if pages > stored:
        numbers = (number for number, _ in _frames(content, log, 0, valid))
        missing = set(range(stored + 1, pages + 1)).difference(numbers)
        if missing:
            raise Unfit(
                f"{len(missing)} of its {pages} pages are in neither the file nor its write-ahead "
                f"log, the first is page {min(missing)}"
            )
    step = _FRAME_HEADER.size + log.page_size
    whole_frames, cut_off_bytes = divmod(len(content) - _LOG_HEADER.size, step)
    invalid_frames = _frames(content, log, valid, whole_frames)
    for number, (_, commit) in enumerate(invalid_frames, valid):
        if not commit:
            continue
        # A transaction that was cut off has no valid commit. The page of a frame is written right
        # after the frame's header: one that is there to its last byte, at the end of the file, was
        # written to its end.
        is_last = number == whole_frames - 1 and cut_off_bytes == 0
        if is_last or _is_consistent(content, log, number):
            raise Unfit(f"its write-ahead log is damaged at frame {valid + 1} or behind it")


def _frames(
    content: mmap.mmap | bytes,
    log: Log,
    first: int,
    end: int,
) -> Iterator[tuple[int, int]]:
    """Page number and commit size of frames, until one that an earlier log has left behind."""
    step = _FRAME_HEADER.size + log.page_size
    for number in range(first, end):
        at = _LOG_HEADER.size + number * step
        page, commit, *salts = _FRAME_HEADER.unpack_from(content, at)[:4]
        # The salts change whenever the log is started over: frames with others are of before.
        yield (page, commit) if tuple(salts) == log.salts else (0, 0)


def _is_consistent(content: mmap.mmap | bytes, log: Log, number: int) -> bool:
    """Return whether a frame's checksums follow from those of the frame before and its content."""
    step = _FRAME_HEADER.size + log.page_size
    begin = _LOG_HEADER.size + number * step
    sums = log.sums if number == 0 else _sums_at(content, begin - step)
    # Of the first two fields of the header, then of the page.
    sums = _checksum(log.order, content[begin : begin + 8], sums)
    page_begin = begin + _FRAME_HEADER.size
    sums = _checksum(log.order, content[page_begin : begin + step], sums)
    return sums == _sums_at(content, begin)


def _sums_at(content: mmap.mmap | bytes, begin: int) -> Sums:
    """Return the checksums in the header of a frame that begins at an offset."""
    first, second = struct.unpack_from(">2I", content, begin + 16)
    return first, second


def _checksum(order: str, data: bytes, sums: Sums = (0, 0)) -> Sums:
    """SQLite's checksum of a multiple of eight bytes."""
    # https://www.sqlite.org/fileformat2.html#checksum_algorithm
    first, second = sums
    for even, odd in struct.iter_unpack(f"{order}2I", data):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def reason(error: Exception, database: Path) -> str:
    """Return the words of SQLite, with the free space where there is next to none.

    Args:
        error: What SQLite raised. A full disk may be ``disk I/O error``, too.
        database: The file.
    """
    # On a full disk SQLite says "disk I/O error" where it cannot make its index.
    with contextlib.suppress(OSError):  # its folder was removed
        free = shutil.disk_usage(database.parent).free
        if free < _LITTLE_SPACE:
            return f"{error} ({free // 1024:,} KB free)"
    return str(error)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
