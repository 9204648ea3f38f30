# SPDX-License-Identifier: MIT
"""Regions: a mistyped one gets the nearest, a known one gets no remark."""

from __future__ import annotations

import pytest

from fc_async_sdk.spec import regions


@pytest.mark.parametrize("region", sorted(regions.ALL | regions.TASK_MODE))
def test_a_known_region_is_not_doubted(region: str) -> None:
    assert regions.doubt(region) == ""


@pytest.mark.parametrize(
    ("region", "near"),
    [("cn-hangzou", "cn-hangzhou"), ("ap-southeast1", "ap-southeast-1"), ("us-west", "us-west-1")],
)
def test_a_mistyped_region_gets_the_nearest_one(region: str, near: str) -> None:
    said = regions.doubt(region)
    assert said.startswith(f"region {region!r} is not known to have Function Compute")
    assert said.endswith(f"did you mean {near}?")


def test_a_region_that_is_like_no_other_gets_no_suggestion() -> None:
    assert "did you mean" not in regions.doubt("xx")
