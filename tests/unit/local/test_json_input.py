# SPDX-License-Identifier: MIT
"""JSON from outside is either safe to keep, to show and to pass on, or it is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fc_async_local.domain import json_input

leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(codec="utf-8")))
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text("ab"), inner)),
    max_leaves=20,
)


@settings(max_examples=40)
@given(documents)
def test_any_document_of_usual_depth_is_read_as_it_is(document) -> None:
    assert json_input.read(json.dumps(document)) == document


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000 + "]" * 1_000,
        '{"a":' * 1_000 + "1" + "}" * 1_000,
        "[" * 200_000,
        "[" * (json_input.MAX_DEPTH + 1) + "]" * (json_input.MAX_DEPTH + 1),
        '"\\ud800"',
        '["x\\udc00y"]',
        '{"\\ud800": 1}',
        '"\ud800"',
        b'"\xff"',
        "NaN",
        "1e400",
        "",
        "[1,]",
    ],
    ids=range(13),
)
def test_json_that_cannot_be_stored_is_refused_with_a_reason(text: str | bytes) -> None:
    with pytest.raises(json_input.InvalidJson) as refused:
        json_input.read(text)
    assert str(refused.value)


def test_the_deepest_document_that_is_accepted_has_64_levels() -> None:
    deepest = "[" * json_input.MAX_DEPTH + "]" * json_input.MAX_DEPTH
    assert json.dumps(json_input.read(deepest)) == deepest


def test_many_brackets_are_not_depth() -> None:
    assert json_input.read("[" + ",".join(["[]"] * 500) + "]") == [[]] * 500


def test_a_large_document_of_many_values_is_refused_before_it_fills_memory() -> None:
    values = json_input.MAX_VALUES + 2
    with pytest.raises(json_input.InvalidJson, match="more than 1000000 values"):
        json_input.read(b"[" + b'"1234567",' * values + b"1]")


def test_a_large_text_in_a_document_is_read() -> None:
    text = "a" * 9_000_000
    assert json_input.read(json.dumps({"code": text + "\n"})) == {"code": text + "\n"}


def test_another_type_than_asked_for_is_refused() -> None:
    with pytest.raises(json_input.InvalidJson, match="Expected `array`"):
        json_input.read("{}", list[str])
