# SPDX-License-Identifier: MIT
"""Asynchronous configurations: ranges, destinations, one per qualifier, put replaces."""

from __future__ import annotations

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.async_configs import check_config
from fc_async_local.functions.paging import Page

QUEUE = "acs:mns:cn-hangzhou:123:/queues/q/messages"


def refused(run, coroutine) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        run(coroutine)
    return caught.value.status, caught.value.code


@pytest.fixture
def orders(run, registry, function_body):
    run(registry.functions.create(function_body()))
    return registry.async_configs


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"asyncTask": False},
        {"maxAsyncRetryAttempts": 0},
        {"maxAsyncRetryAttempts": 8},
        {"maxAsyncEventAgeInSeconds": 1},
        {"maxAsyncEventAgeInSeconds": 604_800},
        {"destinationConfig": {}},
        {"destinationConfig": {"onSuccess": {"destination": QUEUE}}},
        {"destinationConfig": {"onFailure": {"destination": "acs:fc:::functions/f/prod"}}},
        {
            "destinationConfig": {
                "onFailure": {
                    "destination": "acs:mq:cn-hangzhou:123:/instances/MQ_INST_123_x/topic/t"
                }
            }
        },
    ],
)
def test_exactly_what_was_set_is_echoed(run, orders, body):
    answer = run(orders.put("orders", "", body))
    assert answer == body | {
        "functionArn": "acs:fc:cn-hangzhou:123:functions/orders",
        "createdTime": "2023-11-14T22:13:20Z",
        "lastModifiedTime": "2023-11-14T22:13:20Z",
    }
    assert run(orders.get("orders", "LATEST")) == answer


@pytest.mark.parametrize(
    "body",
    [
        {"maxAsyncRetryAttempts": -1},
        {"maxAsyncRetryAttempts": 9},
        {"maxAsyncRetryAttempts": "3"},
        {"maxAsyncRetryAttempts": 2.5},
        {"maxAsyncRetryAttempts": True},
        {"maxAsyncEventAgeInSeconds": 0},
        {"maxAsyncEventAgeInSeconds": 604_801},
        {"asyncTask": "true"},
        {"destinationConfig": []},
        {"destinationConfig": {"onSuccess": QUEUE}},
    ],
)
def test_values_out_of_range_or_type_are_invalid_arguments(body):
    with pytest.raises(Rejected) as caught:
        check_config(body)
    assert (caught.value.status, caught.value.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ({}, "can't be empty"),
        ({"destination": ""}, "can't be empty"),
        ({"destination": "https://example.com"}, "expected acs:"),
        ({"destination": "acs:oss:cn-hangzhou:123:bucket"}, "can't be a destination"),
        ({"destination": "acs:fc:cn-hangzhou:123:services/s/functions/f"}, "FC 2.0"),
        (
            {"destination": "acs:mq:cn-hangzhou:123:/instances/rmq-cn-abc/topic/t"},
            "RocketMQ 5.x",
        ),
        ({"destination": "acs:fc:::functions/" + "f" * 600}, "512"),
        ({"destination": "acs:eventbridge:cn-hangzhou:123:eventbus/default"}, "default event bus"),
        ({"destination": "acs:eventbridge:::eventbus/" + "b" * 128}, "1 to 127"),
        ({"destination": "acs:mns:::/queues/a.b/messages"}, "a.b"),
        ({"destination": "acs:mns:::/topics/_t/messages"}, "_t"),
        ({"destination": "acs:mq:::/instances/a.b/topic/t"}, "a.b"),
        ({"destination": "acs:mq:::/instances/MQ_INST_1/topic/" + "t" * 128}, "1 to 127"),
    ],
)
@pytest.mark.parametrize("outcome", ["onSuccess", "onFailure"])
def test_an_invalid_destination_is_refused_with_the_reason(outcome, destination, words):
    with pytest.raises(Rejected) as caught:
        check_config({"destinationConfig": {outcome: destination}})
    assert (caught.value.status, caught.value.code) == (400, "InvalidDestinationResources")
    assert outcome in caught.value.message
    assert words in caught.value.message


def test_put_replaces_and_keeps_the_time_of_creation(run, orders, clock):
    run(orders.put("orders", "", {"asyncTask": True, "maxAsyncRetryAttempts": 0}))
    clock.set(clock.now() + 60_000)
    answer = run(orders.put("orders", "", {"maxAsyncEventAgeInSeconds": 60}))
    assert "asyncTask" not in answer
    assert "maxAsyncRetryAttempts" not in answer
    assert answer["createdTime"] == "2023-11-14T22:13:20Z"
    assert answer["lastModifiedTime"] == "2023-11-14T22:14:20Z"


def test_each_qualifier_has_a_configuration_of_its_own(run, registry, orders):
    run(orders.put("orders", "", {"maxAsyncRetryAttempts": 1}))
    run(registry.functions.publish_version("orders", {}))
    assert refused(run, orders.get("orders", "1")) == (404, "AsyncConfigNotExists")
    run(registry.aliases.create("orders", {"aliasName": "prod", "versionId": "1"}))
    answer = run(orders.put("orders", "prod", {"maxAsyncRetryAttempts": 2}))
    assert answer["functionArn"] == "acs:fc:cn-hangzhou:123:functions/orders/prod"
    assert run(registry.async_config("orders", "LATEST")).max_async_retry_attempts == 1
    assert run(registry.async_config("orders", "prod")).max_async_retry_attempts == 2
    assert run(registry.async_config("orders", "1")) is None


def test_the_missing_configuration_is_named_in_the_services_words(run, orders):
    with pytest.raises(Rejected) as caught:
        run(orders.get("orders", ""))
    assert caught.value.message == "AsyncConfig for orders:LATEST does not exist"


@pytest.mark.parametrize(
    ("function", "qualifier", "code"),
    [
        ("nobody", "", "FunctionNotFound"),
        ("orders", "7", "VersionNotFound"),
        ("orders", "prod", "AliasNotFound"),
    ],
)
def test_nothing_is_configured_on_what_does_not_exist(run, orders, function, qualifier, code):
    assert refused(run, orders.put(function, qualifier, {})) == (404, code)


def test_deleting_twice_finds_nothing(run, orders):
    run(orders.put("orders", "", {}))
    run(orders.delete("orders", ""))
    assert refused(run, orders.delete("orders", "")) == (404, "AsyncConfigNotExists")


def test_configurations_are_listed_of_one_function_and_of_all(run, registry, orders, function_body):
    run(registry.functions.create(function_body("mail")))
    run(registry.functions.publish_version("orders", {}))
    for function, qualifier in (("orders", ""), ("orders", "1"), ("mail", "")):
        run(orders.put(function, qualifier, {}))
    arn = "acs:fc:cn-hangzhou:123:functions/"
    every, _ = run(orders.listing(None, Page()))
    one, token = run(orders.listing("orders", Page(limit=1)))
    rest, end = run(orders.listing("orders", Page(limit=1, token=token)))
    assert [c["functionArn"] for c in every] == [arn + "mail", arn + "orders/1", arn + "orders"]
    assert [c["functionArn"] for c in one + rest] == [arn + "orders/1", arn + "orders"]
    assert end == ""
