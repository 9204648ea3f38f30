# SPDX-License-Identifier: MIT
"""The ids of replayed tasks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.tasks import next_id
from fc_async_sdk.spec import limits


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("order-7", "order-7-replay-1"),
        ("order-7-replay-1", "order-7-replay-2"),
        ("order-7-replay-9", "order-7-replay-10"),
        ("1-670648a1-15197d0b", "t-1-670648a1-15197d0b-replay-1"),
        ("replay-1", "replay-1-replay-1"),
        ("x" * 128, "x" * 119 + "-replay-1"),
    ],
)
def test_the_id_counts_the_replays(old: str, new: str) -> None:
    assert next_id(old) == new


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,127}", fullmatch=True))
def test_the_task_id_of_a_replay_is_always_valid(old: str) -> None:
    assert limits.TASK_ID_PATTERN.fullmatch(next_id(old))
