# SPDX-License-Identifier: MIT
"""Makes an archive of code on disk, as CreateFunction and UpdateFunction take it.

Invariants:

- The same files give the same bytes: entries are sorted, times are fixed, and of the permissions
  only "executable" counts. So a checksum tells whether the code changed.
- :data:`BOOTSTRAP` of the folder is executable whatever its mode is, as the component fc3 packs it
  (https://www.npmjs.com/package/@serverless-devs/zip).
- A link inside the folder stays a link, as with the component: programs in ``node_modules/.bin``
  look for files beside the target. A link out of it is an error, so that no file from elsewhere is
  sent unnoticed.
- A layer on this machine is referred to by its path and a fingerprint of its files, so that a
  change of a file is a change of the reference.
- :data:`IGNORED` and the patterns of ``.fcignore`` (the syntax of ``.gitignore``, as the component
  fc3 reads it) are left out, for every face of fc-async alike.
"""

from __future__ import annotations

import base64
import io
import os
import re
import stat
import struct
import time
import zlib
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk import _project_folder
from fc_async_sdk._installation import needed_for
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import Code, CodeSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BOOTSTRAP: Final = "bootstrap"
"""The file that a custom runtime starts if it has no command."""
IGNORE_FILE: Final = ".fcignore"
IGNORED: Final = (
    "__pycache__/",
    ".git/",
    ".hg/",
    ".svn/",
    ".venv/",
    ".s/",
    f"{_project_folder.NAME}/",
    "*.pyc",
    "*.pyo",
    ".DS_Store",
    IGNORE_FILE,
)
"""Patterns of ``.gitignore`` that apply before those of ``.fcignore``."""
_IS_IGNORED: Final = re.compile("|".join(map(translate, IGNORED))).match

LOCAL_LAYER: Final = "file://"
"""Begins the reference to a layer on this machine, which only the local runtime takes."""

_COARSEST_TIMES_NS: Final = 2_100_000_000
"""More than the resolution of the times of any file system: FAT has two seconds."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)

# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 and 4.3.16
_RECORD_BYTES: Final = 46
_OFFSET_AT: Final = 42
_END: Final = struct.Struct("<4s4H2LH")

Stamp = tuple[tuple[str | int, ...], ...]


class Packed(NamedTuple):
    """An archive of a folder.

    Attributes:
        data: What :func:`archive` returns.
        stamp: Differs whenever a file of the folder does. It has the times of files, and the
            contents of those that were changed so recently that a further change could have the
            same time.
    """

    data: bytes
    stamp: Stamp


def load(source: CodeSource) -> Code:
    """Return the code of a function, read from where it is.

    Raises:
        InvalidParameter: As :func:`archive`.
        ConfigurationError: As :func:`archive`.
    """
    if isinstance(source, Code):
        return source
    data = source if isinstance(source, bytes) else archive(Path(source))
    return Code(zip_file=base64.b64encode(data).decode("ascii"))


async def async_load(source: CodeSource) -> Code:
    """Return the code of a function as :func:`load`, which runs in a thread."""
    import asyncio  # noqa: PLC0415 -- the synchronous client does without it

    return await asyncio.to_thread(load, source)


def archive(path: Path) -> bytes:
    """Zip a folder, or read a zip file as it is.

    Raises:
        InvalidParameter: The path is neither a folder nor a zip file, the folder has no files or
            is the root of the file system, a link leads out of it, a file in it may not be read or
            has a name that is not UTF-8, or its ``.fcignore`` is not valid.
        ConfigurationError: The folder has a ``.fcignore`` and the extra ``cli`` is not installed.
    """
    import zipfile  # noqa: PLC0415 -- as in _zip

    if path.is_dir():
        return _zip(_listed(path))
    if not path.is_file():
        raise InvalidParameter("code", os.fspath(path), "is neither a folder nor a zip file")
    if not zipfile.is_zipfile(path):
        raise InvalidParameter("code", os.fspath(path), "is a file, but not a zip archive")
    return path.read_bytes()


def pack(folder: Path, earlier: Packed | None = None) -> Packed:
    """Zip a folder; of what an earlier archive has, read and compress what has changed since.

    Args:
        folder: The folder.
        earlier: An archive of the same folder.

    Raises:
        InvalidParameter: As :func:`archive`.
        ConfigurationError: As :func:`archive`.
    """
    files = _listed(folder)
    stamp = tuple(_row(name, path) for name, path in files.items())
    if earlier is None or not _is_plain(stamp) or not _is_plain(earlier.stamp):
        return Packed(_zip(files), stamp)
    if stamp == earlier.stamp:
        return earlier
    # A save in a folder of 3,588 files read and compressed all of them: 2.7 s of processor time.
    # Entries of files that have not changed are taken over as they are, and the new archive is
    # byte for byte the one that all files would give.
    unchanged = {str(row[0]) for row in set(stamp).intersection(earlier.stamp)}
    changed = {name: path for name, path in files.items() if name not in unchanged}
    entries = {name: entry for name, entry in _entries(earlier.data) if name in unchanged}
    entries.update(_entries(_zip(changed)))
    return Packed(_joined(entries[name] for name in files), stamp)


def _listed(folder: Path) -> dict[str, Path]:
    """Return what is packed of a folder, by its name in the archive, sorted."""
    root = folder.resolve()
    files = dict(_below("code", root, _ignored(root)))
    if not files:
        reason = "is a folder without files"
        # A public project leaves out all its files until its build has made some.
        if (root / IGNORE_FILE).is_file():
            reason += f", but for those that {IGNORE_FILE} leaves out"
        raise InvalidParameter("code", os.fspath(folder), reason)
    return files


def _below(parameter: str, root: Path, ignored: Callable[[str], bool]) -> list[tuple[str, Path]]:
    """Return what :func:`_files` yields for a whole folder, sorted.

    Raises:
        InvalidParameter: The folder is the root of the file system, or this user may not read it.
    """
    if root == root.parent:
        # To read all files of a machine takes hours, and they are not the code of a function.
        raise InvalidParameter(parameter, os.fspath(root), "is the root of the file system")
    try:
        return sorted(_files(root, "", root, ignored))
    except PermissionError as error:
        raise InvalidParameter(parameter, str(error.filename), "may not be read") from error


def _row(name: str, path: Path) -> tuple[str | int, ...]:
    status = path.lstat()
    # The time of the inode, because a program can set back that of the content.
    changed = status.st_ctime_ns
    is_settled = changed <= time.time_ns() - _COARSEST_TIMES_NS
    is_link = stat.S_ISLNK(status.st_mode)
    contents = 0
    if is_link or not is_settled:
        contents = zlib.crc32(_contents(path))
    return name, status.st_size, status.st_mode, changed, contents


def _is_plain(stamp: Stamp) -> bool:
    """Return whether an archive does without the extension ZIP64, also if nothing gets smaller."""
    size = sum(int(row[1]) for row in stamp)
    return len(stamp) < 1 << 16 and size < 1 << 31


def _zip(files: Mapping[str, Path]) -> bytes:
    import zipfile  # noqa: PLC0415 -- clients load this module, few of them ever pack code

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            # One time for all: the same files make the same bytes, so that an archive tells
            # whether code has changed.
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = _mode(name, path.lstat().st_mode) << 16
            info.create_system = 3  # Unix: readers then take the mode from external_attr
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, _contents(path))
    return buffer.getvalue()


def _mode(name: str, mode: int) -> int:
    """Return type and permissions of a file in an archive."""
    # A program in node_modules/.bin looks for its modules beside what its link leads to, so links
    # stay links, as the component fc3 packs them.
    kind = stat.S_IFLNK if stat.S_ISLNK(mode) else stat.S_IFREG
    # The component fc3 sets the bits of bootstrap (@serverless-devs/zip 0.0.3-beta.8): four public
    # projects have it without them in git.
    is_executable = name == BOOTSTRAP or mode & stat.S_IXUSR
    return kind | (0o755 if is_executable else 0o644)


def _contents(path: Path) -> bytes:
    """Return the bytes of a file, or where a link leads, relative to its folder."""
    try:
        if path.is_symlink():
            return os.fsencode(os.path.relpath(path.resolve(), path.parent))
        return path.read_bytes()
    except PermissionError as error:
        raise InvalidParameter("code", os.fspath(path), "may not be read") from error


def _entries(data: bytes) -> Iterator[tuple[str, tuple[memoryview, bytes]]]:
    """Yield the names in an archive of :func:`_zip`, each with its file and directory record."""
    *_, size, directory, _ = _END.unpack_from(data, len(data) - _END.size)
    records = []
    begin = directory
    while begin < directory + size:
        lengths = struct.unpack_from("<3H", data, begin + 28)  # of name, extra field and comment
        (offset,) = struct.unpack_from("<L", data, begin + _OFFSET_AT)
        name_begin = begin + _RECORD_BYTES
        name = data[name_begin : name_begin + lengths[0]].decode()
        end = name_begin + sum(lengths)
        records.append((name, offset, data[begin:end]))
        begin = end
    # A file ends where the next one begins, and the last one where the directory begins.
    ends = [offset for _, offset, _ in records[1:]]
    ends.append(directory)
    # Views, so that nothing of an archive of up to 500 MiB is copied.
    files = memoryview(data)
    for (name, offset, record), end in zip(records, ends, strict=True):
        yield name, (files[offset:end], record)


def _joined(entries: Iterable[tuple[memoryview, bytes]]) -> bytes:
    """Return an archive, as :func:`_zip` makes it."""
    files: list[memoryview] = []
    records: list[bytes] = []
    offset = 0
    for file, record in entries:
        moved = record[:_OFFSET_AT] + struct.pack("<L", offset) + record[_RECORD_BYTES:]
        records.append(moved)
        files.append(file)
        offset += len(file)
    directory = b"".join(records)
    count = len(records)
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), offset, 0)
    return b"".join([*files, directory, end])


def _files(
    folder: Path,
    prefix: str,
    root: Path,
    ignored: Callable[[str], bool],
) -> Iterator[tuple[str, Path]]:
    """Yield names in the archive, with ``/``, and files below a folder.

    Args:
        folder: The folder.
        prefix: Its name in the archive.
        root: The real path of the folder that is packed.
        ignored: Tells whether a name is left out; names of folders end in ``/``.
    """
    with os.scandir(folder) as iterator:
        # All at once: the descriptor is closed before folders below are opened.
        entries = list(iterator)
    for entry in entries:
        is_folder = entry.is_dir()
        name = f"{prefix}{entry.name}"
        if is_folder:
            name += "/"
        if ignored(name):
            continue
        is_utf8 = name.encode(errors="replace").decode() == name
        if not is_utf8:
            reason = "has a name that is not UTF-8: rename or ignore it"
            raise InvalidParameter("code", entry.path, reason)
        path = Path(entry)
        if entry.is_symlink():
            if not path.resolve().is_relative_to(root):
                raise InvalidParameter("code", entry.path, "is a link out of the folder")
            # A link that leads nowhere, or to a socket, is left out like a socket itself.
            if is_folder or entry.is_file():
                yield name.rstrip("/"), path
        elif is_folder:
            yield from _files(path, name, root, ignored)
        elif entry.is_file():
            yield name, path


def _ignored(root: Path) -> Callable[[str], bool]:
    listed = root / IGNORE_FILE
    if not listed.is_file():
        return _always_ignored
    with needed_for(str(listed), "cli", ", or give a zip"):
        from pathspec import GitIgnoreSpec  # noqa: PLC0415 -- an extra; few folders need it
    try:
        lines = listed.read_text(encoding="utf-8").splitlines()
        return GitIgnoreSpec.from_lines([*IGNORED, *lines]).match_file
    except (ValueError, re.error) as error:
        raise InvalidParameter("code", os.fspath(listed), f"is not valid: {error}") from error


def is_ignored(name: str) -> bool:
    """Return whether a file of this name, with ``/`` between its parts, is never packed."""
    *folders, file = name.split("/")
    if any(_always_ignored(f"{folder}/") for folder in folders):
        return True
    return _always_ignored(file)


def _always_ignored(name: str) -> bool:
    is_folder = name.endswith("/")
    _, _, last = name.rstrip("/").rpartition("/")
    return _IS_IGNORED(f"{last}/" if is_folder else last) is not None


def layer_reference(path: Path) -> str:
    """Return the reference to a layer that is a folder or a zip file on this machine.

    Raises:
        InvalidParameter: The path is neither, or its files may not be read.
    """
    import hashlib  # noqa: PLC0415 -- clients load this module, few of them ever name a layer

    if path.is_dir():
        files = _below("layers", path.resolve(), _always_ignored)
    elif path.is_file():
        files = [(path.name, path)]
    else:
        raise InvalidParameter("layers", os.fspath(path), "is neither a folder nor a zip file")
    digest = hashlib.sha256()
    # Sizes and times, not contents: dev asks after each save, and a layer may have many files.
    for name, file in files:
        status = file.lstat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return f"{LOCAL_LAYER}{path.resolve()}#{digest.hexdigest()[:16]}"


def layer_of(reference: str) -> tuple[Path, str] | None:
    """Return path and fingerprint of a layer on this machine; None for a layer of the service."""
    if not reference.startswith(LOCAL_LAYER):
        return None
    # From the right: a path may have a # in it, a fingerprint has none.
    path, _, fingerprint = reference.removeprefix(LOCAL_LAYER).rpartition("#")
    return Path(path), fingerprint
