# SPDX-License-Identifier: MIT
"""Text from outside is shown, not obeyed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.report.safe_text import safe, safe_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\rb", r"a\rb"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize("text", ["", "plain", "café 函数", "\U0001f469\u200d\U0001f4bb"])
def test_printable_text_is_unchanged(text: str) -> None:
    assert safe(text) == text


def test_a_line_stays_one_line() -> None:
    assert safe("error\nstatus       Succeeded", line=True) == r"error\nstatus       Succeeded"


@given(st.text())
def test_no_control_character_but_tab_and_newline_is_left(text: str) -> None:
    shown = safe(text)
    assert all(
        character.isprintable() or character in "\n\t" or ord(character) >= 0xA0
        for character in shown
    )
    assert safe(shown) == shown


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_means_the_same_afterwards(text: str) -> None:
    shown = safe_json(json.dumps({text: text}, ensure_ascii=False, indent=2))
    assert json.loads(shown) == {text: text}
    assert safe(shown) == shown
