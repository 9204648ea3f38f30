# SPDX-License-Identifier: MIT
"""Reads the lines of a file or of standard input, one payload or event each."""

from __future__ import annotations

import codecs
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO


def lines_of(file: str) -> Iterator[tuple[int, bytes]]:
    """Yield lines that are not empty, without ends and byte order mark; - is stdin."""
    source: AbstractContextManager[BinaryIO] = (
        nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")  # noqa: SIM115 -- closed by the with below
    )
    with source as opened:
        for number, line in enumerate(opened, 1):
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield number, text.rstrip(b"\r\n")
