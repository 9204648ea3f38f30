# SPDX-License-Identifier: MIT
"""Reads text from a regular UTF-8 file of limited size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.template.model import Position, failure
from fc_async_plugin.template.yaml12 import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

_BOM = "\ufeff"
_MB = 1024 * 1024


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Return the text of a file without its byte order mark.

    Args:
        path: The file.
        limit: Largest size, in bytes.

    Raises:
        TemplateError: The file does not exist, is not a regular file, is too large or not UTF-8.
    """
    start = Position(str(path), 1, 1)
    try:
        if path.exists() and not path.is_file():
            raise failure("file", start, "this is not a regular file", "name the template itself")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except FileNotFoundError as error:
        raise failure("file", start, "no such file", "check the name, or use -t FILE") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise failure("file", start, f"cannot be read: {reason}") from error
    if len(data) > limit:
        raise failure("limit", start, f"larger than {limit // _MB} MB", "split it")
    return _decoded(data, path)


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        place = Position(str(path), line, column)
        bad = data[error.start]
        raise failure(
            "syntax", place, f"not UTF-8: byte 0x{bad:02x}", "save the file as UTF-8"
        ) from error
