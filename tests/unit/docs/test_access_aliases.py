# SPDX-License-Identifier: MIT
"""Access aliases of ``s`` belong to the reader: pages, templates and tests use their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("docs", "templates", "tests")
KINDS = {".md", ".po", ".py", ".sh", ".yaml"}
ADDED = re.compile(r"\bs config add\b(.*)")
NAMED = re.compile(r"(?:-a|--access)[ =](\S+)")


def commands() -> list[tuple[str, str]]:
    """Return each place that adds an alias, with the arguments."""
    files = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
    for folder in FOLDERS:
        files += (file for file in (ROOT / folder).rglob("*") if file.suffix in KINDS)
    return [
        (file.relative_to(ROOT).as_posix(), arguments)
        for file in files
        if file != Path(__file__) and "_build" not in file.parts
        for arguments in ADDED.findall(file.read_text("utf-8"))
    ]


def test_no_page_and_no_test_writes_the_default_alias_or_overwrites_one() -> None:
    found = commands()
    assert found
    wrong = [
        (place, arguments)
        for place, arguments in found
        if (named := NAMED.search(arguments)) is None
        or named[1] == "default"
        or re.search(r"(?:^| )(?:-f|--force)\b", arguments)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "place", sorted({place for place, _ in commands() if place.endswith((".md", ".sh"))})
)
def test_an_alias_that_a_page_adds_is_removed_at_its_end(place: str) -> None:
    _, *parts = ADDED.split((ROOT / place).read_text("utf-8"))
    for arguments, after in zip(parts[::2], parts[1::2], strict=True):
        assert f"s config delete -a {NAMED.findall(arguments)[0]}" in after
