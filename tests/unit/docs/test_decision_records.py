# SPDX-License-Identifier: MIT
"""The decisions are one serial list in chapters, and references to them lead to a decision."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
DECISIONS = ROOT / "docs" / "decisions"
CHAPTERS = sorted(set(DECISIONS.glob("*.md")) - {DECISIONS / "index.md"})
MOST_WORDS = 15_600
"""A successor reads all chapters in about an hour."""

FOLDERS = ("fc_async_sdk", "fc_async_local", "plugin", "templates", "docs", "tests", "benchmarks")
SUFFIXES = {".py", ".md", ".toml", ".sql", ".js", ".yaml", ".yml"}
ANCHOR = re.compile(r'^<a id="(\d{4})"></a>$', re.MULTILINE)
DECISION = re.compile(
    r'^<a id="(?P<anchor>\d{4})"></a>\n'
    r"(?:## (?P<number>\d{4}) [A-Z].+\n\n(?P<date>\d{4}-\d{2}-\d{2})(?:, \d{4}-\d{2}-\d{2})*\. "
    r"|\*\*(?P<old>\d{4})\*\* \((?P<old_date>\d{4}-\d{2}-\d{2}),)",
    re.MULTILINE,
)
CHAPTER_REFERENCE = re.compile(r"decisions/([\w-]+)\.md#(\d{4})\b")
NUMBER_REFERENCE = re.compile(
    r"\b(?:[Rr]ecords?|[Dd]ecisions?|[Ss]uperseded by|[Rr]eplaced by) \[?(0\d{3})\b"
    r"|[(\[](0\d{3})[)\]]"
)


def anchors() -> dict[str, list[str]]:
    """Return the numbers of the decisions in each chapter."""
    return {chapter.stem: ANCHOR.findall(chapter.read_text()) for chapter in CHAPTERS}


def texts() -> list[Path]:
    pages = [path for path in ROOT.iterdir() if path.suffix in SUFFIXES]
    for folder in FOLDERS:
        pages += [path for path in ROOT.joinpath(folder).rglob("*") if path.suffix in SUFFIXES]
    return [page for page in pages if not {"_build", "node_modules"} & set(page.parts)]


def test_numbers_are_serial_and_each_stands_once() -> None:
    counted = Counter(number for numbers in anchors().values() for number in numbers)
    serial = sorted(number for number in counted if int(number) < 300)

    assert [number for number, count in counted.items() if count > 1] == []
    assert serial == [f"{number:04}" for number in range(1, len(serial) + 1)]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_each_decision_has_its_number_and_its_date(chapter: Path) -> None:
    text = chapter.read_text()
    decisions = list(DECISION.finditer(text))

    assert [match["anchor"] for match in decisions] == ANCHOR.findall(text)
    for match in decisions:
        assert match["anchor"] == (match["number"] or match["old"])
        date.fromisoformat(match["date"] or match["old_date"])


def test_the_index_lists_each_chapter() -> None:
    index = (DECISIONS / "index.md").read_text()
    assert [chapter.name for chapter in CHAPTERS if f"]({chapter.name})" not in index] == []


def test_all_chapters_together_can_be_read_in_an_hour() -> None:
    words = sum(len(page.read_text().split()) for page in DECISIONS.glob("*.md"))
    assert words <= MOST_WORDS


def test_references_to_decisions_lead_to_a_decision() -> None:
    known = anchors()
    numbers = {number for chapter in known.values() for number in chapter}
    dangling = []
    for page in texts():
        text = page.read_text()
        for chapter, number in CHAPTER_REFERENCE.findall(text):
            if number not in known.get(chapter, []):
                dangling.append((page.name, f"{chapter}#{number}"))
        for first, second in NUMBER_REFERENCE.findall(text):
            if (first or second) not in numbers:
                dangling.append((page.name, first or second))

    assert dangling == []
