# SPDX-License-Identifier: MIT
"""Single values change, and every other character stays."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin import PluginError
from fc_async_plugin.s_yaml.yaml_edit import Edit, scalar

CASES: dict[str, tuple[str, tuple[str, ...], Any, str]] = {
    "a value": ("a: 1  # one\nb: 2\n", ("a",), 9, "a: 9  # one\nb: 2\n"),
    "a quoted value": ("a: 'x'\n", ("a",), "acs:mns:r::/q", "a: acs:mns:r::/q\n"),
    "a value that was left out": ("a:\nb: 2\n", ("a",), 9, "a: 9\nb: 2\n"),
    "a variable": ("a: ${vars.x} # y\n", ("a",), 9, "a: 9 # y\n"),
    "a new key goes to the end of its mapping": (
        "a:\n  b: 1\n\n# about c\nc: 2\n",
        ("a", "d"),
        True,
        "a:\n  b: 1\n  d: true\n\n# about c\nc: 2\n",
    ),
    "a new key behind a nested one": (
        "a:\n  b:\n    - 1\n    - 2 # two\nc: 2\n",
        ("a", "d"),
        0,
        "a:\n  b:\n    - 1\n    - 2 # two\n  d: 0\nc: 2\n",
    ),
    "a new key behind a text block": (
        "a:\n  b: |\n    x\n    y\nc: 2\n",
        ("a", "d"),
        0,
        "a:\n  b: |\n    x\n    y\n  d: 0\nc: 2\n",
    ),
    "a new key at the end of a file without a line end": ("a: 1", ("b",), 2, "a: 1\nb: 2"),
    "new keys below each other": (
        "a:\n    x: 1\n",
        ("a", "b", "c"),
        "v",
        "a:\n    x: 1\n    b:\n      c: v\n",
    ),
    "a mapping in the place of nothing": ("a:\nb: 1\n", ("a", "c"), 1, "a:\n  c: 1\nb: 1\n"),
    "a mapping in the place of {}": (
        "x:\n  a: {} # none\n  b: 1\n",
        ("x", "a", "c"),
        1,
        "x:\n  a: {c: 1} # none\n  b: 1\n",
    ),
    "a value in braces": ("a: {b: 1, c: 2}\n", ("a", "c"), 3, "a: {b: 1, c: 3}\n"),
    "a new key in braces": ("a: {b: 1}\n", ("a", "c"), "x,y", 'a: {b: 1, c: "x,y"}\n'),
    "a key that goes": (
        "a:\n  b: 1\n  c: 2 # two\n  d: 3\n",
        ("a", "c"),
        None,
        "a:\n  b: 1\n  d: 3\n",
    ),
    "a key that goes with what is below it": (
        "a:\n  b:\n    x: 1\n    y: 2\n  c: 3\n",
        ("a", "b"),
        None,
        "a:\n  c: 3\n",
    ),
    "the only key that goes": ("a:\n  b: 1\nc: 2\n", ("a", "b"), None, "a:\n  {}\nc: 2\n"),
    "a key that goes from braces": ("a: {b: 1, c: 2}\n", ("a", "b"), None, "a: {c: 2}\n"),
    "a key that isn't there goes": ("a: {b: 1}\n", ("a", "x"), None, "a: {b: 1}\n"),
    "Windows line ends": ("a: 1\r\nb: 2\r\n", ("a",), 9, "a: 9\r\nb: 2\r\n"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_edit_changes_one_value_and_keeps_the_rest_of_the_file(case: str) -> None:
    text, path, value, expected = CASES[case]
    assert Edit(text).set(path, value) == expected


def test_an_edit_of_a_value_that_an_anchor_shares_is_refused() -> None:
    text = "x: &shared\n  a: 1\ny: *shared\n"
    with pytest.raises(PluginError, match="shared by an anchor"):
        Edit(text).set(("y", "a"), 2)


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [\n", "just text"])
def test_an_edit_of_a_value_that_is_not_a_mapping_is_refused(text: str) -> None:
    with pytest.raises(PluginError, match="cannot be edited"):
        Edit(text)


@pytest.mark.parametrize("value", ["", "true", "No", "null", "1", "1.5", "a: b", "- x", "ä", "x:"])
def test_text_is_read_as_text(value: str) -> None:
    assert yaml.safe_load(f"k: {scalar(value)}") == {"k": value}


KEYS = st.sampled_from("abcd")
SCALARS = st.integers(-5, 5) | st.booleans() | st.text("ab:#, \"'{}-\n\t\\é", max_size=6)
TREES = st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


@given(
    st.dictionaries(KEYS, TREES, min_size=1, max_size=4),
    st.lists(KEYS, min_size=1, max_size=3),
    SCALARS,
    st.sampled_from([True, False, None]),
)
def test_a_value_that_was_set_is_read_back_and_no_other_value_changed(
    tree: dict[str, Any], path: list[str], value, flow: bool | None
) -> None:
    text = yaml.safe_dump(tree, sort_keys=False, default_flow_style=flow, allow_unicode=True)
    result = yaml.safe_load(Edit(text).set(path, value))
    expected: Any = yaml.safe_load(text)
    node = expected
    for key in path[:-1]:
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
    node[path[-1]] = value
    assert result == expected
