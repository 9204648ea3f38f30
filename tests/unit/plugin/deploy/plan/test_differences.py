# SPDX-License-Identifier: MIT
"""What counts as a difference, and what must not be invented as one."""

from __future__ import annotations

import pytest

from fc_async_plugin.deploy.plan.differences import config_to_put, same, settings_to_send
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig, Function

REGION = "cn-hangzhou"
HERE = f"acs:fc:{REGION}:123456:functions/orders"


def config(*, success: str | None = None, failure: str | None = None, **settings) -> AsyncConfig:
    return AsyncConfig(
        destination_config=DestinationConfig(
            on_success=Destination(destination=success) if success else None,
            on_failure=Destination(destination=failure) if failure else None,
        ),
        **settings,
    )


NO_DIFFERENCE = {
    "nothing set and nothing there": (AsyncConfig(), AsyncConfig(function_arn=HERE)),
    "the server fills in its defaults": (
        config(async_task=True),
        config(
            async_task=True,
            max_async_retry_attempts=3,
            max_async_event_age_in_seconds=86_400,
            function_arn=HERE,
        ),
    ),
    "the defaults written out, the server silent": (
        config(max_async_retry_attempts=3, max_async_event_age_in_seconds=86_400),
        AsyncConfig(function_arn=HERE),
    ),
    "task mode off is the same as unset": (config(async_task=False), AsyncConfig()),
    "an account that was left out is the function's own": (
        config(success=f"acs:fc:{REGION}::functions/b"),
        config(success=f"acs:fc:{REGION}:123456:functions/b", function_arn=HERE),
    ),
    "LATEST in an ARN is the same as none": (
        config(success=f"acs:fc:{REGION}::functions/b/LATEST"),
        config(success=f"acs:fc:{REGION}:123456:functions/b", function_arn=HERE),
    ),
    "two spellings of one queue": (
        config(failure=f"acs:mns:{REGION}:123456:queues/q"),
        config(failure=f"acs:mns:{REGION}:123456:/queues/q/messages", function_arn=HERE),
    ),
    "an empty destination is none": (
        config(),
        AsyncConfig(
            destination_config=DestinationConfig(on_success=Destination(destination="")),
            function_arn=HERE,
        ),
    ),
    "times that only the server sets": (
        AsyncConfig(async_task=True),
        AsyncConfig(async_task=True, created_time="2020-08-20T02:28:21Z", function_arn=HERE),
    ),
}


@pytest.mark.parametrize("case", NO_DIFFERENCE)
def test_no_drift_is_invented(case: str) -> None:
    wanted, there = NO_DIFFERENCE[case]
    assert config_to_put(wanted, there, REGION) is None


DIFFERENCE = {
    "retries from 3 to 0": (config(max_async_retry_attempts=0), AsyncConfig()),
    "retries back to the default": (AsyncConfig(), config(max_async_retry_attempts=5)),
    "task mode on": (config(async_task=True), AsyncConfig()),
    "task mode off": (AsyncConfig(), config(async_task=True)),
    "another age": (config(max_async_event_age_in_seconds=60), AsyncConfig()),
    "another destination": (
        config(success=f"acs:fc:{REGION}::functions/b"),
        config(success=f"acs:fc:{REGION}:123456:functions/c", function_arn=HERE),
    ),
    "the same function in another account": (
        config(success=f"acs:fc:{REGION}:999:functions/b"),
        config(success=f"acs:fc:{REGION}:123456:functions/b", function_arn=HERE),
    ),
    "a destination less": (
        AsyncConfig(),
        config(failure=f"acs:mns:{REGION}:123456:/queues/q/messages", function_arn=HERE),
    ),
    "success and failure swapped": (
        config(success=f"acs:fc:{REGION}::functions/b"),
        config(failure=f"acs:fc:{REGION}::functions/b", function_arn=HERE),
    ),
    "a qualifier in the ARN": (
        config(success=f"acs:fc:{REGION}::functions/b/prod"),
        config(success=f"acs:fc:{REGION}:123456:functions/b", function_arn=HERE),
    ),
    "something there that is no ARN": (
        config(success=f"acs:fc:{REGION}::functions/b"),
        config(success="nonsense", function_arn=HERE),
    ),
}


@pytest.mark.parametrize("case", DIFFERENCE)
def test_a_real_difference_is_seen(case: str) -> None:
    wanted, there = DIFFERENCE[case]
    assert config_to_put(wanted, there, REGION) is not None


def test_no_configuration_there_is_a_difference_even_to_an_empty_one() -> None:
    assert config_to_put(AsyncConfig(), None, REGION) is not None


def test_what_the_template_leaves_out_is_sent_as_the_default_so_that_a_merge_resets_it() -> None:
    there = config(async_task=True, max_async_retry_attempts=5, max_async_event_age_in_seconds=60)
    sent = config_to_put(AsyncConfig(), there, REGION)
    assert sent is not None
    assert sent.to_dict() == {
        "asyncTask": False,
        "maxAsyncRetryAttempts": 3,
        "maxAsyncEventAgeInSeconds": 86_400,
        "destinationConfig": {},
    }


def test_what_neither_side_sets_is_not_sent() -> None:
    sent = config_to_put(config(async_task=True), None, REGION)
    assert sent is not None
    assert sent.to_dict() == {"asyncTask": True, "destinationConfig": {}}


def test_zero_retries_are_sent() -> None:
    sent = config_to_put(config(max_async_retry_attempts=0), None, REGION)
    assert sent is not None
    assert sent.to_dict()["maxAsyncRetryAttempts"] == 0


def test_only_settings_that_the_template_has_are_compared() -> None:
    there = Function(function_name="orders", timeout=3, memory_size=512, role="")
    assert settings_to_send({"timeout": 3}, there) == ({}, {})


def test_settings_that_differ_are_shown_before_and_after() -> None:
    there = Function(function_name="orders", timeout=3, memory_size=512)
    before, after = settings_to_send({"timeout": 60, "memorySize": 512}, there)
    assert (before, after) == ({"timeout": 3}, {"timeout": 60})


@pytest.mark.parametrize(
    ("wanted", "have"),
    [
        ("", None),
        ([], None),
        ({}, None),
        ({"a": ""}, {}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([{"x": 1}], [{"x": 1, "y": 2}]),
        (0.35, 0.35),
        (1, 1.0),
    ],
)
def test_the_same_in_other_words(wanted, have) -> None:
    assert same(wanted, have)


@pytest.mark.parametrize(
    ("wanted", "have"),
    [("x", None), (0, None), (False, None), ([1], [1, 2]), ({"a": 1}, {"a": 2}), (1, "1")],
)
def test_different_values_are_not_the_same(wanted, have) -> None:
    assert not same(wanted, have)


def test_layers_are_compared_by_their_arns() -> None:
    there = Function(
        function_name="f", layers=({"arn": "acs:fc:x:1:layers/l/versions/1", "size": 3},)
    )
    assert settings_to_send({"layers": ["acs:fc:x:1:layers/l/versions/1"]}, there) == ({}, {})
