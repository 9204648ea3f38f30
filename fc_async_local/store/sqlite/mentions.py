# SPDX-License-Identifier: MIT
"""Finds the SHA-256 hashes that the texts of a database name.

Claims, which travel in place of large payloads, name the hash of their content: in the payload of a
task, within the event of a delivery, in a message of a queue that is base64. A new table needs
nothing here: all columns of texts and bytes are read.

Invariants:
    Nothing is written.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

_HASH: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{88,}")
_LAYERS: Final = 3
"""A payload that is not text is base64 in an event, which may be base64 in a message."""
_ARCHIVES: Final = "blob"
"""Table of code archives, which are large and name no payloads."""
_COLUMNS: Final = """
    SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND upper(c.type) IN ('TEXT', 'BLOB') AND t.name <> ?
"""


def hashes_in_database(connection: sqlite3.Connection) -> set[str]:
    """Return all hashes that rows name, in one transaction of the caller."""
    hashes: set[str] = set()
    for table, column in connection.execute(_COLUMNS, (_ARCHIVES,)).fetchall():
        # A text shorter than a hash names none, and need not be read.
        cells = f'SELECT CAST("{column}" AS BLOB) FROM "{table}" WHERE length("{column}") >= 64'  # noqa: S608 -- names of our own tables
        for (cell,) in connection.execute(cells):
            hashes |= hashes_in(cell)
    return hashes


def hashes_in(text: bytes, layers: int = _LAYERS) -> set[str]:
    """Return the hashes in a text, also in parts of it that are base64.

    Args:
        text: Any bytes.
        layers: How many encodings within each other are undone.
    """
    hashes = {match.decode() for match in _HASH.findall(text)}
    if layers:
        for encoded in _BASE64.findall(text):
            # Four characters are three bytes; a remainder belongs to what stands behind.
            whole = encoded[: len(encoded) // 4 * 4]
            hashes |= hashes_in(base64.b64decode(whole), layers - 1)
    return hashes
