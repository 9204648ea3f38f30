# SPDX-License-Identifier: MIT
"""The recordings of ``fc-async dev`` are what it prints, and fit their terminals."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "docs"))

import record_dev


def shape(text: str) -> list[str]:
    """Return the words without what differs between runs.

    A duration of more digits moves the end of a line, so it does not count where lines end.
    """
    text = re.sub(r"1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}", "REQUEST", text)
    text = re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "TIME", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    return re.sub(r"\d+ ms", "N ms", text).replace("│", " ").split()


@pytest.mark.parametrize("columns", record_dev.WIDTHS)
def test_a_recording_is_what_a_session_prints(columns: int):
    stored = record_dev.recording(columns).read_text("utf-8")
    assert shape(record_dev.record(columns)) == shape(stored), "run python docs/record_dev.py"
    assert max(map(len, stored.splitlines())) <= columns
