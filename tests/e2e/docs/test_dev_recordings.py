# SPDX-License-Identifier: MIT
"""The session of ``fc-async dev`` on its page is what it prints, and fits its terminal."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "docs"))

import record_dev


def shape(text: str) -> list[str]:
    """Return the words without what differs between runs.

    A duration of more digits moves the end of a line, so it does not count where lines end.
    """
    text = re.sub(r"1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}", "REQUEST", text)
    text = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "TIME", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    text = re.sub(r"token=[\w-]+…?", "token=TOKEN", text)
    return re.sub(r"\d+ ms", "N ms", text).replace("│", " ").split()


def test_the_session_on_the_page_is_what_dev_prints():
    shown = record_dev.recorded()
    assert shape(record_dev.record()) == shape(shown), "run python docs/record_dev.py"
    assert max(map(len, shown.splitlines())) <= record_dev.COLUMNS
