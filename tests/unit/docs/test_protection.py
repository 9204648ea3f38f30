# SPDX-License-Identifier: MIT
"""Each promise of the page on protection is held by a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "discussion" / "protection.md"


def rows() -> list[list[str]]:
    """Return the cells of the rows of all tables: promise, what is not promised, tests."""
    lines = re.findall(r"^\| .* \|$|^\|[^-].*\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "promised"]


def test_each_promise_names_a_test_that_exists() -> None:
    defined = set[str]()
    for file in (ROOT / "tests").rglob("test_*.py"):
        defined.update(
            re.findall(r"^(?:async )?def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
        )
    named = [name for row in rows() for name in re.findall(r"`(test_\w+)`", row[2])]
    assert len(named) > 20
    assert sorted(set(named) - defined) == []


def test_each_promise_names_a_test() -> None:
    assert all(len(row) == 3 for row in rows())
    promises = [row for row in rows() if row[0]]
    assert [row[0] for row in promises if "`test_" not in row[2]] == []
