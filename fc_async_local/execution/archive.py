# SPDX-License-Identifier: MIT
"""Checks and unpacks code archives that came from outside, and gives them their checksum.

This module knows no cache and no store; it never runs what it unpacks.

Invariants:
    * Nothing is written outside the target folder, and no link leads out of it.
    * Sizes are counted while data is read; what the archive declares is not believed.
    * What :func:`check_archive` accepts, :func:`unpack` unpacks, unless the disk refuses.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import zipfile
from collections import deque
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import fastcrc

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK: Final = 1024 * 1024
_NAME_BYTES: Final = 255  # NAME_MAX of Linux and macOS
_PATH_BYTES: Final = 3072  # PATH_MAX of Linux is 4096; the folder's own path is part of it
_LINK_HOPS: Final = 40  # MAXSYMLINKS of Linux
_DEFAULT_MODE: Final = 0o644
_NAME_ERRNOS: Final = frozenset(
    {
        *(errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP),
        *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
    }
)
"""What a file system answers when it cannot have a name beside the others."""


class ArchiveLimits(NamedTuple):
    """How much an archive may unpack to.

    Attributes:
        unpacked_bytes: All entries together; the service takes 10 GB of code in its larger
            regions (quota), a laptop is better served by less.
        entries: Files, folders and links together.
    """

    unpacked_bytes: int = 2 * 1024 * 1024 * 1024
    entries: int = 100_000


class ArchiveRefused(ValueError):
    """The archive is damaged, unsafe or too large. The message names entry and reason."""


class _Entry(NamedTuple):
    """One entry that may be written.

    Attributes:
        path: Relative to the code folder, without ``.`` parts.
        link: Where a link leads, as it is written in the archive; None: not a link.
    """

    info: zipfile.ZipInfo
    path: PurePosixPath
    link: str | None


def checksum(data: bytes) -> str:
    """The service's ``codeChecksum``: CRC-64/XZ (ECMA-182, reflected) as a decimal string."""
    return str(fastcrc.crc64.xz(data))


def check_archive(data: bytes, limits: ArchiveLimits | None = None) -> None:
    """Read the whole archive without writing anything.

    Raises:
        ArchiveRefused: :func:`unpack` would refuse it.
    """
    bounds = limits or ArchiveLimits()
    left = bounds.unpacked_bytes
    with _opened(data) as archive:
        for entry in _entries(archive, bounds):
            if entry.link is None:
                for chunk in _contents(archive, entry.info):
                    left = _count(entry.info, chunk, left)


def unpack(data: bytes, target: Path, limits: ArchiveLimits | None = None) -> None:
    """Unpack into ``target``, which must exist and be empty. Modes of files are kept.

    On an error, what was written so far stays: the caller owns the folder and removes it.

    Raises:
        ArchiveRefused: See the class.
        OSError: The disk refuses.
    """
    bounds = limits or ArchiveLimits()
    left = bounds.unpacked_bytes
    root = Path(os.path.realpath(target))
    with _opened(data) as archive:
        entries = _entries(archive, bounds)
        # Links come last, so that no file can be written through one.
        for entry in sorted(entries, key=lambda entry: entry.link is not None):
            try:
                left = _write(archive, entry, root, left)
            except OSError as error:  # noqa: PERF203 -- the error names the entry
                if error.errno not in _NAME_ERRNOS:
                    raise
                text = f"this machine cannot have such a name here: {error.strerror}"
                raise _refused(entry.info, text) from error
    for entry in entries:
        path = root.joinpath(*entry.path.parts)
        if entry.link is not None and not Path(os.path.realpath(path)).is_relative_to(root):
            raise _refused(entry.info, "the link leads out of the code folder")


def _write(archive: zipfile.ZipFile, entry: _Entry, root: Path, left: int) -> int:
    """Write one entry and return how many bytes may still follow."""
    info, path = entry.info, root.joinpath(*entry.path.parts)
    if info.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return left
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.link is not None:
        path.symlink_to(entry.link)
        return left
    # Setuid and setgid bits are dropped: functions run as the user.
    mode = (info.external_attr >> 16) & 0o777 or _DEFAULT_MODE
    with _exclusive(path) as sink:
        for chunk in _contents(archive, info):
            left = _count(info, chunk, left)
            sink.write(chunk)
    path.chmod(mode | stat.S_IRUSR | stat.S_IWUSR)
    return left


def _exclusive(path: Path) -> IO[bytes]:
    # A name that comes twice: the last one wins, as with every unpacker.
    if path.is_file() and not path.is_symlink():
        path.unlink()
    return path.open("xb")


def _refused(info: zipfile.ZipInfo, reason: str) -> ArchiveRefused:
    return ArchiveRefused(f"entry {info.filename!r}: {reason}")


# --- reading ---


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(BytesIO(data))
    except Exception as error:
        # A damaged directory makes the library raise anything from struct.error to OverflowError.
        raise ArchiveRefused(f"not a zip archive: {error}") from error


def _contents(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The data of an entry in pieces; its CRC has been compared when they are over."""
    try:
        with archive.open(info) as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except Exception as error:
        # The same, and whatever zlib, bz2 and lzma raise for damaged data.
        raise _refused(info, f"cannot be read: {error!r}") from error


def _count(info: zipfile.ZipInfo, chunk: bytes, left: int) -> int:
    left -= len(chunk)
    if left < 0:
        raise _refused(info, "unpacks to more than is allowed for all entries together")
    return left


# --- names and links ---


def _entries(archive: zipfile.ZipFile, limits: ArchiveLimits) -> list[_Entry]:
    """The entries, if all of them can be written one beside the other."""
    infos = archive.infolist()
    if len(infos) > limits.entries:
        raise ArchiveRefused(f"{len(infos)} entries, more than the {limits.entries} allowed")
    declared = sum(info.file_size for info in infos)
    if declared > limits.unpacked_bytes:
        raise ArchiveRefused(
            f"unpacks to {declared} bytes, more than the {limits.unpacked_bytes} allowed"
        )
    tree = _Tree()
    entries = []
    for info in infos:
        path = _safe_path(info)
        link = _read_link(archive, info) if stat.S_ISLNK(info.external_attr >> 16) else None
        if path.parts:  # not the code folder itself
            tree.add(info, path, link)
            entries.append(_Entry(info, path, link))
    for entry in entries:
        if entry.link is not None and not tree.stays_inside(entry.path.parent, entry.link):
            raise _refused(entry.info, f"the link to {entry.link!r} leads out of the code folder")
    return entries


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's path relative to the folder, with ``.`` parts removed."""
    raw = info.filename
    if "\\" in raw or "\x00" in raw:
        raise _refused(info, "backslash or NUL in the name; pack with '/' only")
    path = PurePosixPath(raw)
    if path.is_absolute() or ".." in path.parts:
        raise _refused(info, "leads out of the code folder")
    if not path.parts and not (raw and info.is_dir()):
        raise _refused(info, "the name is empty")
    try:
        sizes = [len(os.fsencode(part)) for part in path.parts]
    except UnicodeEncodeError:
        raise _refused(info, "the name cannot be encoded for this machine") from None
    if max(sizes, default=0) > _NAME_BYTES:
        raise _refused(info, f"a name of more than {_NAME_BYTES} bytes")
    if sum(sizes) + len(sizes) > _PATH_BYTES:
        raise _refused(info, f"a path of more than {_PATH_BYTES} bytes")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise _refused(info, "neither a file, a folder nor a link")
    if kind == stat.S_IFLNK and info.is_dir():
        raise _refused(info, "a link whose name ends in '/'")
    if info.flag_bits & 0x1:
        raise _refused(info, "is encrypted")
    return path


def _read_link(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    data = b""
    for chunk in _contents(archive, info):
        data += chunk
        if len(data) > _PATH_BYTES:
            raise _refused(info, f"a link of more than {_PATH_BYTES} bytes")
    link = os.fsdecode(data)
    if not link or "\x00" in link or link.startswith("/"):
        raise _refused(info, f"the link to {link!r} leads out of the code folder")
    return link


_Parts = tuple[str, ...]


class _Tree:
    """What the code folder will contain: folders, files and links, by their path."""

    def __init__(self) -> None:
        self._folders: set[_Parts] = set()
        self._files: set[_Parts] = set()
        self._links: dict[_Parts, str] = {}

    def add(self, info: zipfile.ZipInfo, path: PurePosixPath, link: str | None) -> None:
        """Add an entry, and the folders above it.

        Raises:
            ArchiveRefused: It collides with another entry.
        """
        parts = path.parts
        folders = range(1, len(parts) + 1 if info.is_dir() else len(parts))
        for depth in folders:
            folder = parts[:depth]
            if folder in self._files or folder in self._links:
                raise _refused(info, "collides with another entry of the archive")
            self._folders.add(folder)
        if info.is_dir():
            return
        if parts in self._folders or parts in self._links or (link and parts in self._files):
            raise _refused(info, "collides with another entry of the archive")
        if link is None:
            self._files.add(parts)
        else:
            self._links[parts] = link

    def stays_inside(self, folder: PurePosixPath, link: str) -> bool:
        """Whether a link never leaves the code folder, whatever other links it goes through."""
        here: list[str] = list(folder.parts)
        ahead = deque(link.split("/"))
        hops = 0
        while ahead:
            part = ahead.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                if not here:
                    return False
                here.pop()
                continue
            further = self._links.get((*here, part))
            if further is None:
                here.append(part)
                continue
            hops += 1
            if hops > _LINK_HOPS:
                return False
            ahead.extendleft(reversed(further.split("/")))
        return True


def remove_tree(path: Path) -> None:
    """Remove a folder that may be gone already."""
    shutil.rmtree(path, ignore_errors=True)
