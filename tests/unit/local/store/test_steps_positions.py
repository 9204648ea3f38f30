# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.store.steps import LARGEST_TIME, Position, decode_position, encode_position

times = st.integers(-LARGEST_TIME, LARGEST_TIME)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(times, texts)
def test_every_position_comes_back(at: int, request_id: str) -> None:
    position = Position(at, request_id)
    assert decode_position(encode_position(position)) == position


@given(texts)
def test_anything_else_is_refused_and_nothing_else_happens(after: str) -> None:
    try:
        position = decode_position(after)
    except ValueError as error:
        assert repr(after) in str(error)  # noqa: PT017 -- either outcome is right
    else:
        assert isinstance(position, Position)


@pytest.mark.parametrize("at", [2**63, -(2**63)])
def test_a_time_that_no_store_can_hold_is_refused(at: int) -> None:
    with pytest.raises(ValueError, match="nextToken"):
        decode_position(encode_position(Position(at, "r")))
