# SPDX-License-Identifier: MIT
"""What the service refuses about an asynchronous configuration, and how that is worded."""

from __future__ import annotations

import pytest

from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig
from fc_async_sdk.spec import async_config

QUEUE = "acs:mns:cn-hangzhou:123:/queues/q/messages"


@pytest.mark.parametrize(
    "config",
    [
        {},
        dict.fromkeys(async_config.FIELDS),
        {"asyncTask": False, "maxAsyncRetryAttempts": 0, "maxAsyncEventAgeInSeconds": 604_800},
        {"destinationConfig": {}},
        {"destinationConfig": {"onSuccess": None, "onFailure": {"destination": QUEUE}}},
    ],
)
def test_what_the_service_accepts_has_no_violation(config: dict[str, object]) -> None:
    assert list(async_config.check(config)) == []


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        ({"asyncTask": 1}, "wrong-type", "asyncTask must be true or false, got 1"),
        (
            {"maxAsyncRetryAttempts": 9},
            "out-of-range",
            "maxAsyncRetryAttempts must be a whole number from 0 to 8, got 9",
        ),
        (
            {"maxAsyncRetryAttempts": True},
            "wrong-type",
            "maxAsyncRetryAttempts must be a whole number from 0 to 8, got True",
        ),
        (
            {"maxAsyncEventAgeInSeconds": "60"},
            "wrong-type",
            "maxAsyncEventAgeInSeconds must be a whole number from 1 to 604800, got '60'",
        ),
        (
            {"destinationConfig": {"onSuccess": {}}},
            "no-destination",
            "destinationConfig.onSuccess.destination can't be empty",
        ),
        (
            {"destinationConfig": {"onFailure": []}},
            "wrong-type",
            "destinationConfig.onFailure must be a mapping with destination, got []",
        ),
        ({"retries": 1}, "unknown-key", None),
        ({"destinationConfig": {"onEnd": {}}}, "unknown-key", None),
    ],
)
def test_a_violation_names_field_range_and_value(
    config: dict[str, object], kind: str, message: str | None
) -> None:
    (found,) = async_config.check(config)
    assert found.kind == kind
    assert message is None or found.message == message


@pytest.mark.parametrize(
    ("config", "pairs"),
    [
        (None, ()),
        (DestinationConfig(), ()),
        (DestinationConfig(on_success=Destination(destination="")), ()),
        (DestinationConfig(on_failure=Destination(destination=QUEUE)), (("failure", QUEUE),)),
        (
            DestinationConfig(
                on_success=Destination(destination="a"), on_failure=Destination(destination="b")
            ),
            (("success", "a"), ("failure", "b")),
        ),
    ],
)
def test_a_configuration_lists_its_destinations_by_outcome(
    config: DestinationConfig | None, pairs: tuple[tuple[str, str], ...]
) -> None:
    assert AsyncConfig(destination_config=config).destinations == pairs
