# SPDX-License-Identifier: MIT
"""The code of a function as it is sent: the zip of its folder, with checksum and contents.

An unchanged folder has an unchanged checksum, otherwise every plan would show a change. Which files
are packed is decided by :mod:`fc_async_sdk.packaging`.
"""

from __future__ import annotations

import functools
import hashlib
import io
import stat
import zipfile
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import fastcrc

from fc_async_plugin.project.code import code_path, start_problem
from fc_async_plugin.project.state import Code
from fc_async_plugin.s_yaml.model import refuse_unresolved
from fc_async_plugin.s_yaml.problems import failure
from fc_async_sdk import packaging
from fc_async_sdk.errors import ConfigurationError, InvalidParameter
from fc_async_sdk.packaging import IGNORE_FILE, Packed, archive, is_ignored
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.s_yaml.model import Project, Resource

MAX_ZIP_BYTES: Final = 50 * 1024 * 1024
"""The largest zip sent inside a request; in base64 it grows by a third."""
MAX_LOCAL_ZIP_BYTES: Final = 500 * 1024 * 1024
"""The same for the local runtime, whose requests may be as large as what ``s`` uploads."""


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
        package = _packed(path) if path.is_dir() else _package(archive(path))
    except InvalidParameter as error:
        raise ConfigurationError(f"code: {error.value} {error.expected}") from None
    _check_size(path, len(package.data), largest)
    return package


_latest: Final[dict[Path, Packed]] = {}
_LATEST_BYTES: Final = 128 * 1024 * 1024
"""Of the archives of folders that stay in memory; one stays if it alone has more."""


def _packed(path: Path) -> Package:
    """Zip a folder once for all functions that share it, and after a change what has changed."""
    packed = packaging.pack(path, _latest.pop(path, None))
    _latest[path] = packed  # at the end: the least recently packed folders are dropped first
    # A bound in bytes: a number of archives alone let four zips of up to 500 MiB stay.
    size = sum(len(archive.data) for archive in _latest.values())
    while len(_latest) > 1 and size > _LATEST_BYTES:
        oldest = next(iter(_latest))
        size -= len(_latest.pop(oldest).data)
    return _package(packed.data)


@functools.lru_cache(maxsize=1)
def _package(data: bytes) -> Package:
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
            for info in sorted(opened.infolist(), key=attrgetter("filename")):
                if not info.is_dir() and not is_ignored(info.filename):
                    executable = bool(info.external_attr >> 16 & stat.S_IXUSR)
                    content = (info.filename, executable, info.file_size, info.CRC)
                    digest.update(f"{content!r}\n".encode())
    except zipfile.BadZipFile:
        return ""
    return digest.hexdigest()


def _check_size(path: Path, size: int, largest: int) -> None:
    if size > largest:
        raise ConfigurationError(
            f"code: the zip of {path} has {size} bytes, {largest} can be sent: leave files "
            f"out with {IGNORE_FILE}, or upload it and give ossBucketName and ossObjectName"
        )


def code_of(project: Project, resource: Resource, *, local: bool) -> Code | None:
    """Return the code of a function as a deployment sends it; None if it has none here.

    Args:
        project: The template.
        resource: The function.
        local: Whether the local runtime gets it, which takes larger zips.

    Raises:
        TemplateError: It cannot be packed, or a custom runtime cannot start it.
    """
    name = resource.at("code", "ossObjectName")
    if name is not None:
        return Code(bucket=resource.at("code", "ossBucketName"), object_name=name)
    path = code_path(project, resource)
    if path is None:
        return Code() if resource.runtime == runtimes.CONTAINER else None
    refuse_unresolved(resource, str(path), "code")
    try:
        package = pack(path, MAX_LOCAL_ZIP_BYTES if local else MAX_ZIP_BYTES)
    except ConfigurationError as error:
        # A folder that git does not have is missing or empty until its build has run.
        built = not path.exists() or "without files" in str(error)
        advice = "build it, or correct the path" if built else ""
        raise failure(resource.where("code"), str(error), advice, kind="file") from error
    if problem := start_problem(project, resource):
        raise failure(resource.where(*problem.path), problem.message, problem.fix, kind="file")
    return Code(path=str(path), checksum=package.checksum, contents=package.contents)
