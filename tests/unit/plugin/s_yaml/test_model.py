# SPDX-License-Identifier: MIT
"""What a resource asks for, as the object that the API takes."""

from __future__ import annotations

import pytest

from fc_async_plugin.s_yaml import Position, Resource, TemplateError
from fc_async_plugin.s_yaml.model import desired, is_function
from fc_async_plugin.s_yaml.problems import Path, Place
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig

ARN = "acs:mns:::/queues/q/messages"


def places(path: Path) -> list[Place]:
    written = path == ("asyncInvokeConfig", "asyncTask")
    return [Place(Position("s.yaml", 7, 9))] if written else []


def resource(block, component: str = "fc3") -> Resource:
    return Resource(
        name="a",
        component=component,
        region="cn-hangzhou",
        account_id="",
        function_name="a",
        props={} if block is ... else {"asyncInvokeConfig": block},
        places=places,
        position=Position("s.yaml", 3, 3),
    )


def test_what_is_written_is_asked_for_and_nothing_else() -> None:
    block = {
        "qualifier": "prod",
        "asyncTask": False,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": ARN}},
    }
    found = desired(resource(block))
    assert found is not None
    assert found.qualifier == "prod"
    assert found.config == AsyncConfig(
        async_task=False,
        max_async_retry_attempts=0,
        destination_config=DestinationConfig(on_failure=Destination(destination=ARN)),
    )
    assert found.config.to_dict() == {
        "asyncTask": False,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": ARN}},
    }


@pytest.mark.parametrize("block", [..., None, {}])
def test_no_block_and_an_empty_one_ask_for_nothing(block) -> None:
    assert desired(resource(block)) is None


def test_another_component_asks_for_nothing() -> None:
    assert desired(resource({"asyncTask": True}, "oss")) is None


@pytest.mark.parametrize(
    ("written", "qualifier"), [(None, "LATEST"), ("", "LATEST"), (3, "3"), ("LATEST", "LATEST")]
)
def test_a_qualifier_is_text_and_latest_if_none(written, qualifier: str) -> None:
    found = desired(resource({"asyncTask": True, "qualifier": written}))
    assert found is not None
    assert found.qualifier == qualifier


@pytest.mark.parametrize(
    "config", [None, {}, {"onSuccess": {}}, {"onFailure": {"destination": ""}}, {"onSuccess": None}]
)
def test_destinations_that_name_nothing_are_none(config) -> None:
    found = desired(resource({"asyncTask": True, "destinationConfig": config}))
    assert found is not None
    assert found.config.destination_config is None


@pytest.mark.parametrize(
    "block",
    [
        "text",
        [1],
        {"asyncTask": "yes"},
        {"maxAsyncRetryAttempts": True},
        {"maxAsyncRetryAttempts": 2.5},
        {"maxAsyncEventAgeInSeconds": "60"},
        {"qualifier": [1]},
        {"qualifier": True},
        {"destinationConfig": ARN},
        {"destinationConfig": {"onSuccess": ARN}},
        {"destinationConfig": {"onSuccess": {"destination": 3}}},
    ],
)
def test_a_value_that_the_api_cannot_take_is_an_error(block) -> None:
    with pytest.raises(TemplateError, match=r"s\.yaml:[37]:[39]: .* expected "):
        desired(resource(block))


@pytest.mark.parametrize(
    "block",
    [
        "${secret('x')}",
        {"maxAsyncRetryAttempts": "${secret('x')}"},
        {"destinationConfig": "${secret('x')}"},
        {"destinationConfig": {"onFailure": "${secret('x')}"}},
    ],
    ids=str,
)
def test_a_value_that_is_known_later_differs_from_an_invalid_one(block) -> None:
    with pytest.raises(TemplateError, match="known only after s deploy"):
        desired(resource(block))


@pytest.mark.parametrize(
    ("component", "ours"),
    [
        ("fc3", True),
        ("fc3@0.1.22", True),
        ("fc-async", True),
        ("/opt/x/serverless_devs/fc-async/", True),
        ("fc", False),
        ("fc3-domain", False),
        ("", False),
    ],
)
def test_components_that_describe_functions(component: str, ours: bool) -> None:
    assert is_function(resource({}, component)) == ours
