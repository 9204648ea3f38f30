# SPDX-License-Identifier: MIT
"""The console speaks Chinese: no sentence of its sources is without a translation."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
CONSOLE = runpy.run_path(str(ROOT / "docs" / "console_sentences.py"))
SYNONYMS = runpy.run_path(str(Path(__file__).with_name("test_translations.py")))["SYNONYMS"]
WORDS = r"[^<>{}\n`]*[A-Za-z]{2}[^<>{}\n`]*"
UNTRANSLATED = [
    re.compile(rf"<(?!code|kbd)(\w+)[^<>]*>\s*({WORDS})\s*</\1>"),
    re.compile(r'\b(label|title|aria-label|placeholder|hint|verb)="([^"]*[A-Za-z]{2}[^"]*)"'),
    re.compile(r'\b(label|title|verb|text): "([^"]*[A-Za-z]{2}[^"]*)"'),
    re.compile(r"^(\s+)([A-Z][a-z]+(?: [a-z]+)+[.:…]?)$", re.MULTILINE),
]
"""Texts of elements, attributes and options that are not in a template of ``t``."""
NAMES = {"Python", "curl"}


def translations() -> dict[str, str]:
    with CONSOLE["CATALOG"].open("rb") as file:
        catalog = read_po(file, charset="utf-8")
    return {str(one.id): str(one.string) for one in catalog if one.id and not one.fuzzy}


def test_every_sentence_of_the_console_is_translated_and_none_is_left_over() -> None:
    translated = {message for message, text in translations().items() if text}
    assert translated == set(CONSOLE["sentences"]())


@pytest.mark.parametrize(
    "source", sorted(CONSOLE["SOURCES"].rglob("*.tsx")), ids=lambda source: source.name
)
def test_no_text_of_a_page_is_outside_of_the_catalog(source: Path) -> None:
    text = source.read_text("utf-8")
    found = {each[2].strip() for one in UNTRANSLATED for each in one.finditer(text)}
    assert found - NAMES == set()


def test_a_translation_has_the_values_of_its_sentence_and_the_words_of_the_glossary() -> None:
    wrong = [
        message
        for message, text in translations().items()
        if sorted(re.findall(r"\{\d\}", message)) != sorted(re.findall(r"\{\d\}", text))
        or any(re.search(other, text) for other in SYNONYMS)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Caused by", "上游调用"),
        ("Caused", "下游调用"),
        ("not recorded in the cloud: task mode is off", "在云端没有记录：未开启任务模式"),  # noqa: RUF001
        ("In", "剩余时间"),
        ("Runs", "开始时间"),
    ],
)
def test_a_term_that_once_said_the_opposite_or_another_thing(english: str, chinese: str) -> None:
    """The parent of an invocation was labelled as its child, a start as a duration."""
    assert translations()[english] == chinese


def test_accepted_is_one_word() -> None:
    assert [text for text in translations().values() if "接受" in text] == []
