# SPDX-License-Identifier: MIT
"""A function's code as the API takes it."""

from __future__ import annotations

import io
import zipfile


def archive(index: str | bytes = "def handler(event, context):\n    return event\n") -> bytes:
    """A zip with an ``index.py`` of this text; the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("index.py"), index)
    return buffer.getvalue()
