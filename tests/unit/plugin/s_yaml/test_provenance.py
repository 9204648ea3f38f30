# SPDX-License-Identifier: MIT
"""Values from outside of a template do not stand in messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.s_yaml import provenance
from fc_async_sdk.errors import shorten

EXPRESSION = "${env('SECRET')}"


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("got 'hunter2-secret'", "hunter2-secret", f"got {EXPRESSION}"),
        ("queue a-hunter2-b", "hunter2", f"queue a-{EXPRESSION}-b"),
        ("xhunter2secretx", "hunter2secret", f"x{EXPRESSION}x"),
        ("region of shop is abcd", "abcd", f"region of shop is {EXPRESSION}"),
        ("abcdef is a word", "abcd", "abcdef is a word"),
        ("from 0 to 8, got '3'", "3", f"from 0 to 8, got {EXPRESSION}"),
        ("from 0 to 3, got 9", "9", f"from 0 to 3, got {EXPRESSION}"),
        ("3 functions have 3 retries", "3", "3 functions have 3 retries"),
        ("got 'root:x\\nbin:y'", "root:x\nbin:y", f"got {EXPRESSION}"),
        ("got 'root:x…:y'", "root:x:0:0:y", f"got '{EXPRESSION}…:y'"),
    ],
)
def test_an_expression_stands_in_place_of_its_value(text: str, value: str, shown: str) -> None:
    assert provenance.masked(text, {value: EXPRESSION}) == shown


def test_a_value_is_not_searched_in_the_expression_of_another_one() -> None:
    sources = {"hunter2-secret": "${env('SECRET')}", "SECRET": "${env('NAME')}"}
    assert provenance.masked("got hunter2-secret", sources) == "got ${env('SECRET')}"


@given(st.text(st.characters(codec="ascii"), min_size=8, max_size=400), st.booleans())
def test_no_part_of_a_value_of_eight_or_more_characters_is_shown(value: str, whole: bool) -> None:
    said = f"maxAsyncRetryAttempts is {shorten({'key': value} if whole else value)}"
    shown = provenance.masked(said, {value: "<>"})
    escaped = repr(value)[1:-1]
    parts = {escaped[at : at + 8] for at in range(len(escaped) - 7)}
    assert not [part for part in parts if part in shown and part not in "maxAsyncRetryAttempts is"]


def test_each_value_of_a_collection_is_known() -> None:
    sources: provenance.Sources = {}
    provenance.record(sources, {"a": ["first", 12345, True, None], "b": {"c": "second"}}, "${x}")
    assert sources == {"first": "${x}", "12345": "${x}", "second": "${x}"}


def test_only_values_that_may_be_in_the_texts_are_searched() -> None:
    sources = {"hunter2": "a", "elsewhere": "b"}
    assert provenance.relevant(sources, ["got hunter2"]) == {"hunter2": "a"}
