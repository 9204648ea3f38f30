# SPDX-License-Identifier: MIT
"""A setting, metric or condition that the documentation does not name doesn't exist for users."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_local.domain import rules
from fc_async_local.domain.errors import (
    EXHAUSTED,
    EXPIRED,
    GONE,
    INTERNAL,
    RECURSIVE,
    STOPPED,
)
from fc_async_local.settings import GROUPS
from fc_async_sdk.spec import metrics
from fc_async_sdk.spec.function_errors import TIMED_OUT, UNHANDLED

if TYPE_CHECKING:
    from fc_async_local.domain.rules import Ranged

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = "".join(
    (REFERENCE / f"{name}.md").read_text("utf-8") for name in ("local-runtime", "retry-policy")
)
FIELDS = [
    pytest.param(group, field, id=field.name)
    for group in GROUPS.values()
    for field in msgspec.structs.fields(group)
]


@pytest.mark.parametrize(("group", "field"), FIELDS)
def test_every_setting_is_documented_with_its_default_and_range(
    group: type[Ranged], field: msgspec.structs.FieldInfo
) -> None:
    default = (
        field.default if field.default is not msgspec.NODEFAULT else field.default_factory()  # type: ignore[operator]  # there is one or the other
    )
    shown = re.escape(repr(default).replace("'", '"'))
    taken = re.escape(rules.expected(field.type).removeprefix("an integer "))
    assert re.search(rf"^\| `{field.name}` \| `{shown}` \| {taken} \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("group", "field"), FIELDS)
def test_every_setting_has_a_docstring(
    group: type[Ranged], field: msgspec.structs.FieldInfo
) -> None:
    assert re.search(rf"^ +{field.name}: ", group.__doc__ or "", re.MULTILINE)


@pytest.mark.parametrize("metric", metrics.ALL)
def test_every_metric_is_documented(metric: str) -> None:
    assert f"| `{metric}` |" in PAGE


@pytest.mark.parametrize(
    "condition",
    [
        UNHANDLED,
        TIMED_OUT,
        EXHAUSTED,
        INTERNAL,
        GONE,
        EXPIRED,
        STOPPED,
        RECURSIVE,
    ],
)
def test_every_condition_is_documented(condition: str) -> None:
    assert f"`{condition}`" in PAGE
