# SPDX-License-Identifier: MIT
"""Turns a function's code folder into the zip that the service takes, the same bytes every time.

An unchanged folder must give an unchanged checksum, or every plan would show a change: the SDK
zips, and here is chosen what. What running the code leaves behind is left out; ``.fcignore`` (the
syntax of ``.gitignore``, as fc3 reads it) leaves out more. This module reads files and writes
none.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import fastcrc
from pathspec import GitIgnoreSpec

from fc_async_sdk import _project_folder
from fc_async_sdk.errors import ConfigurationError
from fc_async_sdk.packaging import zip_files

if TYPE_CHECKING:
    from collections.abc import Iterator

IGNORE_FILE: Final = ".fcignore"
ALWAYS_IGNORED: Final = (
    "__pycache__/",
    "*.pyc",
    ".git/",
    ".venv/",
    f"{_project_folder.NAME}/",
    ".s/",
    ".DS_Store",
    IGNORE_FILE,
)
MAX_ZIP_BYTES: Final = 50 * 1024 * 1024
"""The largest zip sent inside a request; in base64 it grows by a third."""


class Package(NamedTuple):
    """A zip, ready to be sent.

    Attributes:
        data: The zip.
        checksum: CRC-64 (XZ, as the service reports it) as a decimal text.
    """

    data: bytes
    checksum: str


def pack(path: Path) -> Package:
    """Zip a code folder, or read a zip as it is.

    Args:
        path: A folder, or a ``.zip`` or ``.jar`` file.

    Raises:
        ConfigurationError: There is nothing there, it is empty, or it is over
            :data:`MAX_ZIP_BYTES`.
    """
    if path.is_dir():
        data = _zip_folder(path)
    elif path.is_file():
        data = _read_zip(path)
    else:
        raise ConfigurationError(f"code: there is no {path}: give a folder or a zip")
    if len(data) > MAX_ZIP_BYTES:
        raise ConfigurationError(
            f"code: {path} makes a zip of {len(data)} bytes, {MAX_ZIP_BYTES} can be sent: leave "
            f"files out with {IGNORE_FILE}, or upload it and give ossBucketName and ossObjectName"
        )
    return Package(data, str(fastcrc.crc64.xz(data)))


def _read_zip(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        raise ConfigurationError(f"code: {path} is neither a folder nor a zip")
    if path.stat().st_size > MAX_ZIP_BYTES:
        raise ConfigurationError(
            f"code: {path} has {path.stat().st_size} bytes, {MAX_ZIP_BYTES} can be sent: upload "
            "it and give ossBucketName and ossObjectName"
        )
    return path.read_bytes()


def _zip_folder(folder: Path) -> bytes:
    files = {name: folder / name for name in _files(folder)}
    if not files:
        raise ConfigurationError(f"code: the folder {folder} is empty")
    return zip_files(files)


def _files(folder: Path) -> Iterator[str]:
    """Names below a folder, with ``/``, that are not ignored. Links are followed, once each."""
    ignored = _ignored(folder)
    seen: set[str] = set()
    for current, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(current)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        base = Path(current).relative_to(folder)
        folders[:] = sorted(
            name for name in folders if not ignored.match_file(f"{(base / name).as_posix()}/")
        )
        for name in files:
            inside = (base / name).as_posix()
            if not ignored.match_file(inside):
                yield inside


def _ignored(folder: Path) -> GitIgnoreSpec:
    lines = list(ALWAYS_IGNORED)
    listed = folder / IGNORE_FILE
    if listed.is_file():
        lines += listed.read_text(encoding="utf-8").splitlines()
    return GitIgnoreSpec.from_lines(lines)
