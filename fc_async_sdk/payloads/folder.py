# SPDX-License-Identifier: MIT
"""Payloads in a folder: of this machine, or of a mounted file system such as NAS."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from fc_async_sdk import _project_folder
from fc_async_sdk._payloads import claims

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE: Final = 1024 * 1024


class FolderStore:
    """A :class:`~fc_async_sdk.payloads.PayloadStore` in a folder that both sides see.

    A file is there as a whole and durable, or not at all. Files are readable for their owner only.

    Attributes:
        name: ``file://`` and the folder.
        threshold: Bytes of the largest payload that is sent as it is.

    Args:
        path: The folder; it is made when the first object is written.
        threshold: As the attribute.
    """

    def __init__(self, path: str | os.PathLike[str], *, threshold: int = claims.THRESHOLD) -> None:
        self._root = Path(path).resolve()
        self.name = self._root.as_uri()
        self.threshold = threshold

    def put(self, key: str, data: bytes | BinaryIO) -> None:
        """Store an object as a whole, in place of one with the same key."""
        path = self._path(key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _project_folder.replacing(path) as unfinished, unfinished.open("wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                shutil.copyfileobj(data, file, _PIECE)

    def get(self, key: str) -> Iterator[bytes]:
        """Yield the content of an object in pieces.

        Raises:
            OSError: There is no such file, or it is a pipe, a device or a folder.
        """
        # Opening a pipe waits for a writer otherwise.
        descriptor = os.open(self._path(key), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "is not a regular file", key)
            while piece := os.read(descriptor, _PIECE):
                yield piece
        finally:
            os.close(descriptor)

    def exists(self, key: str) -> bool:
        """Return whether there is an object."""
        return self._path(key).is_file()

    def _path(self, key: str) -> Path:
        """Return the file of an object.

        Raises:
            ValueError: The key leads out of the folder.
        """
        # Resolved first: a key with .. or a link in the folder could lead to any file of the user.
        path = (self._root / key).resolve()
        if path == self._root or not path.is_relative_to(self._root):
            raise ValueError(f"key {key!r} is outside of {self._root}")
        return path

    def __repr__(self) -> str:
        return f"FolderStore({str(self._root)!r})"
