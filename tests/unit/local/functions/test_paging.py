# SPDX-License-Identifier: MIT
"""Tokens of pages: what a list gave comes back, and anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.paging import seal, seal_moment, unseal_moment

times = st.integers(0, 10**18 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(times, texts)
def test_every_place_in_a_list_comes_back(at: int, key: str) -> None:
    assert unseal_moment("tasks", seal_moment("tasks", at, key)) == (at, key)


@given(texts)
def test_any_other_text_is_refused_and_nothing_else_happens(token: str) -> None:
    with pytest.raises(Rejected, match="is not a token of this list"):
        unseal_moment("tasks", token)


@pytest.mark.parametrize(
    "token",
    [
        seal_moment("dead", 1, "r"),
        seal_moment("tasks", 2**63, "r"),
        seal_moment("tasks", -1, "r"),
        seal_moment("tasks", 1, "a\0b"),
        seal("tasks", "1"),
        seal("tasks", "x:r"),
        "",
    ],
)
def test_a_token_that_no_page_of_the_list_gave_is_refused(token: str) -> None:
    with pytest.raises(Rejected, match="pass the nextToken of the page before"):
        unseal_moment("tasks", token)
