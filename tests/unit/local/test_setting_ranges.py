# SPDX-License-Identifier: MIT
"""A runtime with a setting that could not work does not start, and says which and why."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fc_async_local import settings
from fc_async_local.bootstrap.options import OptionFields, Options
from fc_async_local.domain import rules
from fc_async_local.settings import Settings

NUMBERS = [
    field.name
    for group in settings.GROUPS.values()
    for field in msgspec.structs.fields(group)
    if isinstance(field.default, int)
]


def expected(name: str) -> str:
    group = settings.GROUPS[settings.group_of(name)]
    (field,) = (one for one in msgspec.structs.fields(group) if one.name == name)
    return rules.expected(field.type)


def value_of(chosen: Settings, name: str) -> Any:
    return getattr(getattr(chosen, settings.group_of(name)), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_in_flight", 0),
        ("max_in_flight", -1),
        ("max_in_flight", True),
        ("max_in_flight", 1.0),
        ("account_instances", 0),
        ("lease_ms", 0),
        ("lease_ms", 10**30),
        ("queue_limit", -1),
        ("max_repeats", -1),
        ("task_retention_ms", 0),
        ("function_retry_first_ms", -1),
        ("function_retry_max_ms", 10**20),
        ("rocketmq_redelivery_ms", 0),
        ("mns_body", "base65"),
        ("config_applies", None),
        ("delay_counts_towards_age", 1),
        ("region", ""),
        ("region", "cn-hangzhou\n"),
        ("region", "cn:hangzhou"),
        ("account_id", "me"),
        ("eventbridge_success_type", ""),
        ("roles", []),
    ],
)
def test_a_value_outside_of_its_range_is_refused_with_name_value_and_range(
    name: str, value
) -> None:
    with pytest.raises(ValueError, match=name) as refused:
        Settings.of(**{name: value})
    assert expected(name) in str(refused.value)
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize("keys", [{"EMPTY": ""}, {"": "secret"}, {"key": "se cret"}, {"key": 7}])
def test_an_empty_key_is_refused_and_no_secret_is_shown(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="access_keys") as refused:
        Settings.of(strict_auth=True, access_keys=keys)
    assert "cret" not in str(refused.value).replace("secrets", "")


def test_an_unknown_setting_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match="no setting 'max_in_fligth', did you mean 'max_in_flight'"):
        Settings.of(max_in_fligth=3)


def test_the_name_of_a_setting_belongs_to_one_group() -> None:
    names = [name for group in settings.GROUPS.values() for name in group.__struct_fields__]
    assert sorted(names) == sorted(settings.NAMES)


def test_no_secret_is_shown() -> None:
    chosen = Settings.of(strict_auth=True, access_keys={"key": "hush"})
    assert chosen.shown()["access_keys"] == ["key"]
    assert "hush" not in repr(chosen)


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_every_range_are_accepted(name: str) -> None:
    words = expected(name)
    if words == "true or false":
        return
    low, high = (int(word) for word in words.split() if word.isdigit())
    for value in (low, high):
        assert value_of(Settings.of(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "value"), [("port", -1), ("port", 70_000), ("grace_ms", -1), ("clock", "lunar")]
)
def test_options_of_a_start_have_ranges_too(name: str, value) -> None:
    with pytest.raises(ValueError, match=name):
        Options(**{name: value})


def test_the_embedded_runtime_takes_every_option() -> None:
    fields = {field.name for field in msgspec.structs.fields(Options)}
    assert OptionFields.__annotations__.keys() == fields - {"data"}
