# SPDX-License-Identifier: MIT
"""Aliases: names, weights, what a call through one runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.paging import Page
from fc_async_local.functions.records import AliasRecord
from fc_async_local.functions.snapshot import pick_version


def refused(run, coroutine) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        run(coroutine)
    return caught.value.status, caught.value.code


@pytest.fixture
def aliases(run, registry, function_body):
    run(registry.functions.create(function_body()))
    for _ in range(3):
        run(registry.functions.publish_version("orders", {}))
    return registry.aliases


def test_an_alias_is_answered_as_it_was_set(run, aliases):
    body = {
        "aliasName": "prod",
        "versionId": "1",
        "description": "live",
        "additionalVersionWeight": {"2": 0.25},
    }
    answer = run(aliases.create("orders", body))
    assert answer == body | {
        "createdTime": "2023-11-14T22:13:20Z",
        "lastModifiedTime": "2023-11-14T22:13:20Z",
    }
    assert run(aliases.get("orders", "prod")) == answer


def test_update_keeps_what_it_does_not_name(run, aliases):
    run(aliases.create("orders", {"aliasName": "prod", "versionId": "1", "description": "live"}))
    answer = run(aliases.update("orders", "prod", {"versionId": "2"}))
    assert (answer["versionId"], answer["description"]) == ("2", "live")


def test_weights_are_taken_away_with_an_empty_map(run, aliases):
    weights = {"2": 0.5}
    run(
        aliases.create(
            "orders", {"aliasName": "p", "versionId": "1", "additionalVersionWeight": weights}
        )
    )
    answer = run(aliases.update("orders", "p", {"additionalVersionWeight": {}}))
    assert answer["additionalVersionWeight"] == {}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"versionId": "1"}, (400, "InvalidArgument")),
        ({"aliasName": "LATEST", "versionId": "1"}, (400, "InvalidArgument")),
        ({"aliasName": "7", "versionId": "1"}, (400, "InvalidArgument")),
        ({"aliasName": "p"}, (400, "InvalidArgument")),
        ({"aliasName": "p", "versionId": "LATEST"}, (400, "InvalidArgument")),
        ({"aliasName": "p", "versionId": 1}, (400, "InvalidArgument")),
        ({"aliasName": "p", "versionId": "9"}, (404, "VersionNotFound")),
        (
            {"aliasName": "p", "versionId": "1", "additionalVersionWeight": {"9": 0.1}},
            (404, "VersionNotFound"),
        ),
        (
            {"aliasName": "p", "versionId": "1", "additionalVersionWeight": {"2": 1.1}},
            (400, "InvalidArgument"),
        ),
        (
            {"aliasName": "p", "versionId": "1", "additionalVersionWeight": {"2": 0.6, "3": 0.6}},
            (400, "InvalidArgument"),
        ),
        ({"aliasName": "taken", "versionId": "1"}, (409, "AliasAlreadyExists")),
    ],
)
def test_aliases_that_are_refused(run, aliases, body, answer):
    run(aliases.create("orders", {"aliasName": "taken", "versionId": "1"}))
    assert refused(run, aliases.create("orders", body)) == answer


def test_an_alias_runs_its_version(run, registry, aliases):
    run(aliases.create("orders", {"aliasName": "prod", "versionId": "2"}))
    assert run(registry.deployment("orders", "prod", roll=0.0)).version_id == "2"
    assert refused(run, registry.deployment("orders", "test", roll=0.0)) == (404, "AliasNotFound")


def test_deleting_an_alias_takes_its_configuration_along(run, registry, aliases):
    run(aliases.create("orders", {"aliasName": "prod", "versionId": "2"}))
    run(registry.async_configs.put("orders", "prod", {}))
    run(aliases.delete("orders", "prod"))
    assert run(registry.async_config("orders", "prod")) is None
    assert refused(run, aliases.delete("orders", "prod")) == (404, "AliasNotFound")


def test_aliases_are_listed_by_name_and_prefix(run, aliases):
    for name in ("prod", "pre", "test"):
        run(aliases.create("orders", {"aliasName": name, "versionId": "1"}))
    every, _ = run(aliases.listing("orders", Page()))
    some, _ = run(aliases.listing("orders", Page(), prefix="pr"))
    assert [a["aliasName"] for a in every] == ["pre", "prod", "test"]
    assert [a["aliasName"] for a in some] == ["pre", "prod"]


@pytest.mark.parametrize(
    ("roll", "version"), [(0.0, "2"), (0.249, "2"), (0.25, "10"), (0.749, "10"), (0.75, "1")]
)
def test_weights_fill_the_roll_from_below_lowest_version_first(roll, version):
    assert pick_version(alias({"10": 0.5, "2": 0.25}), roll) == version


@given(
    weights=st.dictionaries(
        st.integers(2, 99).map(str), st.floats(0, 0.25), min_size=1, max_size=4
    ),
    roll=st.floats(0, 1, exclude_max=True),
)
def test_every_roll_finds_a_version_that_has_weight(weights, roll):
    picked = pick_version(alias(weights), roll)
    assert picked == "1" or weights[picked] > 0


def alias(weights: dict[str, float]) -> AliasRecord:
    return AliasRecord(
        function="f", name="a", version_id="1", created_at=0, modified_at=0, weights=weights
    )
