# SPDX-License-Identifier: MIT
"""A function's code as it is sent, with the checksum that the service reports for it.

An unchanged folder has an unchanged checksum, otherwise every plan would show a change. Which files
are packed is decided by :mod:`fc_async_sdk.packaging`.
"""

from __future__ import annotations

import functools
import hashlib
import io
import stat
import zipfile
from typing import TYPE_CHECKING, Final, NamedTuple

import fastcrc

from fc_async_sdk.errors import ConfigurationError, InvalidParameter
from fc_async_sdk.packaging import IGNORE_FILE, archive, is_ignored, stamp

if TYPE_CHECKING:
    from pathlib import Path

MAX_ZIP_BYTES: Final = 50 * 1024 * 1024
"""The largest zip sent inside a request; in base64 it grows by a third."""
MAX_LOCAL_ZIP_BYTES: Final = 110 * 1024 * 1024
"""The same for the local runtime, whose requests may be larger; ``s`` uploads what is larger."""


class Package(NamedTuple):
    """A zip, ready to be sent.

    Attributes:
        data: The zip.
        checksum: CRC-64 (XZ, as the service reports it) as a decimal text.
        contents: See :func:`contents_of`.
    """

    data: bytes
    checksum: str
    contents: str


def pack(path: Path, largest: int = MAX_LOCAL_ZIP_BYTES) -> Package:
    """Zip a code folder, or read a zip as it is.

    Args:
        path: A folder, or a ``.zip`` or ``.jar`` file.
        largest: Bytes that can be sent.

    Raises:
        ConfigurationError: The path is neither a folder with files nor a zip, a link leads out of
            the folder, or the zip is too large.
    """
    if path.is_file():
        _check_size(path, path.stat().st_size, largest)
    try:
        package = _packed(path, stamp(path)) if path.is_dir() else _package(path)
    except InvalidParameter as error:
        raise ConfigurationError(f"code: {error.value} {error.expected}") from None
    _check_size(path, len(package.data), largest)
    return package


@functools.lru_cache(maxsize=1)
def _packed(path: Path, _: object) -> Package:
    """Zip a folder once for all functions that share it, and for plan and request alike."""
    return _package(path)


def _package(path: Path) -> Package:
    data = archive(path)
    return Package(data, str(fastcrc.crc64.xz(data)), contents_of(data))


def contents_of(data: bytes) -> str:
    """Return a digest of the files in a zip: names, permissions and bytes.

    The zip that ``s`` makes of a folder has other bytes than ours, and the same files. Files that
    fc-async never packs do not count.

    Returns:
        "" if the data is not a zip.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            for info in sorted(opened.infolist(), key=lambda one: one.filename):
                if not info.is_dir() and not is_ignored(info.filename):
                    executable = bool(info.external_attr >> 16 & stat.S_IXUSR)
                    one = (info.filename, executable, info.file_size, info.CRC)
                    digest.update(f"{one!r}\n".encode())
    except zipfile.BadZipFile:
        return ""
    return digest.hexdigest()


def _check_size(path: Path, size: int, largest: int) -> None:
    if size > largest:
        raise ConfigurationError(
            f"code: the zip of {path} has {size} bytes, {largest} can be sent: leave files "
            f"out with {IGNORE_FILE}, or upload it and give ossBucketName and ossObjectName"
        )
