# SPDX-License-Identifier: MIT
"""Checks and unpacks the code archives that clients send, and computes their checksum.

Code is never run here.

Invariants:
    * Nothing is written outside the target folder, and no link leads out of it.
    * No entry gives more bytes than it declares: zipfile stops there, and the CRC is wrong then.
    * What :func:`check_archive` accepts, :func:`unpack` unpacks, unless the disk refuses.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import zipfile
from collections import deque
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, NamedTuple

import fastcrc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
"""Errors of a file system that cannot have a name beside the others."""


Sums = dict[int, tuple[int, bytes]]
"""SHA-256 of files by inode, each with the change time at which the file had it."""


class ArchiveLimits(NamedTuple):
    """Limits on the unpacked content of an archive.

    Attributes:
        unpacked_bytes: All entries together; the service allows 10 GB of code in its larger
            regions (docs/reference/sources.md, quotas), which is too much for a laptop.
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
        link: Target of a link, as it is written in the archive; None if it is not a link.
    """

    info: zipfile.ZipInfo
    path: PurePosixPath
    link: str | None


def checksum(data: bytes) -> str:
    """Return the service's ``codeChecksum``.

    Returns:
        CRC-64/XZ (ECMA-182, reflected) as a decimal string.
    """
    return str(fastcrc.crc64.xz(data))


def digest(data: bytes) -> str:
    """Return the SHA-256 of an archive as hexadecimal text."""
    # Code is named by it. The CRC-64 that clients see can be forged, and decided once which code
    # ran.
    return hashlib.sha256(data).hexdigest()


def check_archive(data: bytes, limits: ArchiveLimits | None = None) -> None:
    """Read the whole archive without writing anything.

    Args:
        data: The zip archive.
        limits: How much it may unpack to.

    Raises:
        ArchiveRefused: :func:`unpack` would refuse it.
    """
    with _opened(data) as archive:
        for entry in _entries(archive, limits or ArchiveLimits()):
            if entry.link is None:
                for _ in _contents(archive, entry.info):
                    pass


def unpack(
    data: bytes,
    target: Path,
    limits: ArchiveLimits | None = None,
    *,
    earlier: Sequence[Path] = (),
    sums: Sums | None = None,
) -> None:
    """Unpack an archive with the modes of its files.

    On an error, the files written so far stay; the caller removes the folder.

    Args:
        data: The zip archive.
        target: An empty folder.
        limits: How much the archive may unpack to.
        earlier: Folders on the same file system with other versions of the code. A file that is
            the same there is linked and not copied.
        sums: Of files that were unpacked before; those of this archive are added. A file that has
            no sum is read before it is linked.

    Raises:
        ArchiveRefused: The archive is damaged, unsafe or too large.
        OSError: The disk is full or failed.
    """
    root = Path(os.path.realpath(target))
    with _opened(data) as archive:
        entries = _entries(archive, limits or ArchiveLimits())
        # Links come last, so that no file can be written through one.
        for entry in sorted(entries, key=lambda entry: entry.link is not None):
            try:
                _write(archive, entry, root, earlier, {} if sums is None else sums)
            except OSError as error:
                if error.errno not in _NAME_ERRNOS:
                    raise
                text = f"this machine cannot have such a name here: {error.strerror}"
                raise _refused(entry.info, text) from error
    for entry in entries:
        if entry.link is None:
            continue
        path = root.joinpath(*entry.path.parts)
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(root):
            raise _refused(entry.info, "the link leads out of the code folder")


def _write(
    archive: zipfile.ZipFile,
    entry: _Entry,
    root: Path,
    earlier: Sequence[Path],
    sums: Sums,
) -> None:
    info = entry.info
    path = root.joinpath(*entry.path.parts)
    if info.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.link is not None:
        path.symlink_to(entry.link)
        return
    # Setuid and setgid bits are dropped: functions run as the user.
    mode = (info.external_attr >> 16) & 0o777 or _DEFAULT_MODE
    mode |= stat.S_IRUSR | stat.S_IWUSR
    unpacked = [folder.joinpath(*entry.path.parts) for folder in earlier]
    alike = [file for file in unpacked if _is_alike(file, info, mode)]
    # A save changes few files: four versions of a folder with 3,601 files took 122 MB as copies,
    # and 49 MB with links.
    if alike:
        content = hashlib.sha256()
        for chunk in _contents(archive, info):
            content.update(chunk)
        if any(_linked(file, path, content.digest(), sums) for file in alike):
            return
    content = hashlib.sha256()
    with _exclusive(path) as sink:
        for chunk in _contents(archive, info):
            content.update(chunk)
            sink.write(chunk)
    path.chmod(mode)
    status = path.lstat()
    sums[status.st_ino] = status.st_ctime_ns, content.digest()


def _is_alike(unpacked: Path, info: zipfile.ZipInfo, mode: int) -> bool:
    """Return whether a file is on the disk and has the kind, mode and size of an entry."""
    try:
        status = unpacked.lstat()
    except OSError:
        return False
    return status.st_mode == stat.S_IFREG | mode and status.st_size == info.file_size


def _linked(
    unpacked: Path,
    path: Path,
    content: bytes,
    sums: Sums,
) -> bool:
    """Link a file that is already on the disk, if it has a content; return whether it was linked.

    Args:
        unpacked: The file.
        path: Its new name.
        content: SHA-256 of the content.
        sums: See :func:`unpack`.
    """
    try:
        before = unpacked.lstat()
        changed, digest = sums.get(before.st_ino, (None, b""))
        if changed != before.st_ctime_ns:  # the function may have written into its code folder
            digest = hashlib.sha256(unpacked.read_bytes()).digest()
        if digest != content:
            return False
        path.hardlink_to(unpacked)
        after = path.lstat()
        if after.st_mtime_ns == before.st_mtime_ns:  # a link changes nothing but the other time
            sums[after.st_ino] = after.st_ctime_ns, content
    except OSError:
        return False  # not there, or a file system without links
    return True


def _exclusive(path: Path) -> IO[bytes]:
    # Of two files with the same name the later one wins, as with other unpackers.
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
        # For a damaged directory zipfile raises anything from struct.error to OverflowError.
        raise ArchiveRefused(f"not a zip archive: {error}") from error


def _contents(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield the data of an entry in pieces; its CRC is checked with the last one."""
    try:
        with archive.open(info) as source:
            while chunk := source.read(_CHUNK):
                yield chunk
    except Exception as error:
        # For damaged data zipfile passes on the errors of zlib, bz2 and lzma.
        raise _refused(info, f"cannot be read: {error!r}") from error


# --- names and links ---


def _entries(archive: zipfile.ZipFile, limits: ArchiveLimits) -> list[_Entry]:
    """Return the entries, if all of them can be written into one folder.

    Raises:
        ArchiveRefused: One cannot, or they exceed the limits by what they declare.
    """
    infos = archive.infolist()
    _check_declared(infos, limits)
    members = [_Entry(info, _safe_path(info), _read_link(archive, info)) for info in infos]
    entries = [entry for entry in members if entry.path.parts]  # without the code folder itself
    tree = _Tree()
    for entry in entries:
        tree.add(entry)
    for entry in entries:
        if entry.link is not None and not tree.stays_inside(entry.path.parent, entry.link):
            raise _refused(entry.info, f"the link to {entry.link!r} leads out of the code folder")
    return entries


def _check_declared(infos: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(infos) > limits.entries:
        raise ArchiveRefused(f"{len(infos)} entries, more than the {limits.entries} allowed")
    declared = sum(info.file_size for info in infos)
    if declared > limits.unpacked_bytes:
        raise ArchiveRefused(
            f"unpacks to {declared} bytes, more than the {limits.unpacked_bytes} allowed"
        )


def _safe_path(info: zipfile.ZipInfo) -> PurePosixPath:
    """Return the entry's path relative to the folder, without ``.`` parts.

    Raises:
        ArchiveRefused: The name, its length or the kind of the entry is not allowed.
    """
    raw = info.filename
    if "\\" in raw or "\x00" in raw:
        raise _refused(info, "backslash or NUL in the name; pack with '/' only")
    path = PurePosixPath(raw)
    if path.is_absolute() or ".." in path.parts:
        raise _refused(info, "leads out of the code folder")
    if not path.parts and not (raw and info.is_dir()):
        raise _refused(info, "the name is empty")
    _check_length(info, path)
    _check_kind(info)
    return path


def _check_length(info: zipfile.ZipInfo, path: PurePosixPath) -> None:
    try:
        sizes = [len(os.fsencode(part)) for part in path.parts]
    except UnicodeEncodeError:
        raise _refused(info, "the name cannot be encoded for this machine") from None
    if max(sizes, default=0) > _NAME_BYTES:
        raise _refused(info, f"a name of more than {_NAME_BYTES} bytes")
    if sum(sizes) + len(sizes) > _PATH_BYTES:
        raise _refused(info, f"a path of more than {_PATH_BYTES} bytes")


def _check_kind(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
        raise _refused(info, "neither a file, a folder nor a link")
    if kind == stat.S_IFLNK and info.is_dir():
        raise _refused(info, "a link whose name ends in '/'")
    if info.flag_bits & 0x1:
        raise _refused(info, "is encrypted")


def _read_link(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str | None:
    """Return the target of a link; None if the entry is not a link."""
    if not stat.S_ISLNK(info.external_attr >> 16):
        return None
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
_COLLIDES: Final = "collides with another entry of the archive"


class _Tree:
    """The future contents of the code folder: folders, files and links, by their path."""

    def __init__(self) -> None:
        self._folders: set[_Parts] = set()
        self._files: set[_Parts] = set()
        self._links: dict[_Parts, str] = {}

    def add(self, entry: _Entry) -> None:
        """Add an entry, and the folders above it.

        Raises:
            ArchiveRefused: It collides with another entry.
        """
        parts = entry.path.parts
        if entry.info.is_dir():
            self._add_folders(entry.info, parts)
            return
        self._add_folders(entry.info, parts[:-1])
        if parts in self._folders or parts in self._links:
            raise _refused(entry.info, _COLLIDES)
        if entry.link is None:
            self._files.add(parts)  # of two files with the same name the later one wins
        elif parts in self._files:
            raise _refused(entry.info, _COLLIDES)
        else:
            self._links[parts] = entry.link

    def _add_folders(self, info: zipfile.ZipInfo, parts: _Parts) -> None:
        for depth in range(1, len(parts) + 1):
            folder = parts[:depth]
            if folder in self._files or folder in self._links:
                raise _refused(info, _COLLIDES)
            self._folders.add(folder)

    def stays_inside(self, folder: PurePosixPath, link: str) -> bool:
        """Return whether a link stays in the code folder, also through other links.

        Args:
            folder: Where the link is.
            link: Its target.
        """
        parents: list[str] = list(folder.parts)
        ahead = deque(link.split("/"))
        hops = 0
        while ahead and hops <= _LINK_HOPS:
            part = ahead.popleft()
            if part in ("", "."):
                continue
            if part == "..":
                if not parents:
                    return False
                parents.pop()
                continue
            further = self._links.get((*parents, part))
            if further is None:
                parents.append(part)
                continue
            # What a link names is followed in its place: two links that stay inside by themselves
            # may lead out together.
            hops += 1
            ahead.extendleft(reversed(further.split("/")))
        return hops <= _LINK_HOPS
