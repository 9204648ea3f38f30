# SPDX-License-Identifier: MIT
"""The decision records are one serial list, and references to them lead to a record."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
RECORDS = sorted(ROOT.joinpath("docs", "decisions").glob("[0-9]*.md"))
SERIAL = [record for record in RECORDS if int(record.name[:4]) < 300]
"""Without the provisional numbers of branches, which begin at 0300."""

FOLDERS = ("fc_async_sdk", "fc_async_local", "plugin", "templates", "docs", "tests", "benchmarks")
SUFFIXES = {".py", ".md", ".toml", ".sql", ".js", ".yaml", ".yml"}
FILE_REFERENCE = re.compile(r"decisions/(\d{4}[\w-]*)|\]\((\d{4}-[\w-]+)\.md\)")
NUMBER_REFERENCE = re.compile(
    r"\b(?:[Rr]ecords?|[Dd]ecisions?|[Ss]upersede[sd](?: by)?|[Aa]dds to|[Rr]eplace[sd](?: by)?)"
    r" \[?(0\d{3})\b|[(\[](0\d{3})[)\]]"
)


STATUS = re.compile(r"accepted|superseded by \d{4}(?: and \d{4})*")


def line(record: Path, field: str) -> str:
    found = re.search(rf"^{field}: (.+)$", record.read_text(), re.MULTILINE)
    assert found is not None, f"{record.name} has no line '{field}:'"
    return found[1]


def texts() -> list[Path]:
    pages = [path for path in ROOT.iterdir() if path.suffix in SUFFIXES]
    for folder in FOLDERS:
        pages += [path for path in ROOT.joinpath(folder).rglob("*") if path.suffix in SUFFIXES]
    return [page for page in pages if not {"_build", "node_modules"} & set(page.parts)]


def test_record_numbers_are_serial_and_without_gaps() -> None:
    numbers = [record.name[:4] for record in SERIAL]
    assert numbers == [f"{one:04}" for one in range(1, len(SERIAL) + 1)]


def test_serial_records_are_in_the_order_of_their_dates() -> None:
    dates = [line(record, "Date") for record in SERIAL]
    assert dates == sorted(dates)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name[:4])
def test_a_record_has_number_title_status_date_and_three_parts(record: Path) -> None:
    text = record.read_text()

    assert re.match(rf"# {record.name[:4]} \S", text)
    assert STATUS.fullmatch(line(record, "Status"))
    date.fromisoformat(line(record, "Date"))
    parts = re.findall(r"^(?:\*\*|## )(Context|Decision|Consequences)\b", text, re.MULTILINE)
    assert parts == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("record", SERIAL, ids=lambda record: record.name[:4])
def test_the_file_name_of_a_record_follows_its_title(record: Path) -> None:
    title = record.read_text().partition("\n")[0].removeprefix("# ")
    words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"['`]", "", title.lower())).strip("-")
    assert record.stem == words


def test_a_superseded_record_names_another_record() -> None:
    known = {record.name[:4] for record in RECORDS}
    for record in RECORDS:
        later = set(re.findall(r"\d{4}", line(record, "Status")))
        assert later <= known - {record.name[:4]}, record.name


def test_references_to_records_lead_to_a_record() -> None:
    numbers = {record.name[:4] for record in RECORDS}
    names = {record.stem for record in RECORDS}
    dangling = []
    for page in texts():
        text = page.read_text()
        files = {first or second for first, second in FILE_REFERENCE.findall(text)}
        named = {first or second for first, second in NUMBER_REFERENCE.findall(text)}
        dangling += [(page.name, one) for one in files if one not in names | numbers]
        dangling += [(page.name, one) for one in named if one not in numbers]

    assert dangling == []
