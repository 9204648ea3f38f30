# SPDX-License-Identifier: MIT
"""Triggers, scaling, VPC bindings and tags: kept, shown, gone with their function."""

from __future__ import annotations

import json

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.paging import Page

ARN = "acs:fc:cn-hangzhou:123:functions/orders"
TIMER = {
    "triggerName": "nightly",
    "triggerType": "timer",
    "triggerConfig": '{"cronExpression":"@every 1h","enable":true}',
}


def refused(run, coroutine) -> tuple[int, str]:
    with pytest.raises(Rejected) as caught:
        run(coroutine)
    return caught.value.status, caught.value.code


@pytest.fixture
def orders(run, registry, function_body):
    run(registry.functions.create(function_body()))
    return registry


def test_a_trigger_is_answered_as_it_was_set(run, orders):
    answer = run(orders.triggers.create("orders", TIMER | {"sourceArn": "acs:x", "other": 1}))
    assert answer == TIMER | {
        "sourceArn": "acs:x",
        "qualifier": "LATEST",
        "triggerId": "id-2",
        "createdTime": "2023-11-14T22:13:20Z",
        "lastModifiedTime": "2023-11-14T22:13:20Z",
    }
    assert run(orders.triggers.get("orders", "nightly")) == answer


def test_an_update_of_a_trigger_keeps_what_it_does_not_name(run, orders):
    run(orders.triggers.create("orders", TIMER))
    config = '{"cronExpression":"@every 2h","enable":false}'
    answer = run(orders.triggers.update("orders", "nightly", {"triggerConfig": config}))
    assert (answer["triggerType"], answer["triggerConfig"]) == ("timer", config)


def test_a_timer_that_the_service_cannot_read_is_refused(run, orders):
    invalid = {"triggerConfig": '{"cronExpression":"0 4 * * *","enable":true}'}
    creating = orders.triggers.create("orders", TIMER | invalid)
    assert refused(run, creating) == (400, "InvalidArgument")
    run(orders.triggers.create("orders", TIMER))
    changing = orders.triggers.update("orders", "nightly", invalid)
    assert refused(run, changing) == (400, "InvalidArgument")
    assert run(orders.triggers.get("orders", "nightly"))["triggerConfig"] == TIMER["triggerConfig"]


def oss(name: str, prefix: str, bucket: str = "pictures") -> dict[str, str]:
    config = {
        "events": ["oss:ObjectCreated:*"],
        "filter": {"key": {"prefix": prefix, "suffix": ".zip"}},
    }
    return {
        "triggerName": name,
        "triggerType": "oss",
        "sourceArn": f"acs:oss:cn-hangzhou:123:{bucket}",
        "triggerConfig": json.dumps(config),
    }


def test_an_oss_trigger_that_overlaps_with_another_is_refused(run, orders, function_body):
    run(orders.functions.create(function_body(functionName="other")))
    run(orders.triggers.create("orders", oss("one", "in/")))
    overlapping = orders.triggers.create("other", oss("two", "in/a/"))
    assert refused(run, overlapping) == (400, "InvalidArgument")
    run(orders.triggers.create("other", oss("two", "out/")))
    run(orders.triggers.create("other", oss("three", "in/", bucket="films")))
    moving = orders.triggers.update(
        "other", "two", {"triggerConfig": oss("", "in/")["triggerConfig"]}
    )
    assert refused(run, moving) == (400, "InvalidArgument")
    run(orders.triggers.update("orders", "one", {"description": "itself does not count"}))


def test_triggers_are_listed_and_deleted(run, orders):
    run(orders.triggers.create("orders", TIMER))
    run(orders.triggers.create("orders", TIMER | {"triggerName": "hourly"}))
    found, _ = run(orders.triggers.listing("orders", Page()))
    some, _ = run(orders.triggers.listing("orders", Page(), prefix="n"))
    assert [t["triggerName"] for t in found] == ["hourly", "nightly"]
    assert [t["triggerName"] for t in some] == ["nightly"]
    run(orders.triggers.delete("orders", "nightly"))
    assert refused(run, orders.triggers.get("orders", "nightly")) == (404, "TriggerNotFound")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (TIMER | {"triggerName": "1"}, (400, "InvalidArgument")),
        (TIMER | {"triggerName": None}, (400, "InvalidArgument")),
        (TIMER | {"triggerType": "cron"}, (400, "InvalidArgument")),
        (TIMER | {"triggerConfig": {}}, (400, "InvalidArgument")),
        (TIMER | {"triggerConfig": "{"}, (400, "InvalidArgument")),
        (TIMER | {"qualifier": "prod"}, (404, "AliasNotFound")),
        (TIMER | {"triggerName": "taken"}, (409, "TriggerAlreadyExists")),
    ],
)
def test_triggers_that_are_refused(run, orders, body, answer):
    run(orders.triggers.create("orders", TIMER | {"triggerName": "taken"}))
    assert refused(run, orders.triggers.create("orders", body)) == answer


@pytest.mark.parametrize("field", ["functionName", "runtime", "handler"])
def test_a_function_without_a_required_field_is_refused(run, registry, function_body, field):
    with pytest.raises(Rejected, match=f": {field} is required$"):
        run(registry.functions.create(function_body() | {field: None}))


@pytest.mark.parametrize("field", ["aliasName", "versionId"])
def test_an_alias_without_a_required_field_is_refused(run, orders, field):
    body = {"aliasName": "prod", "versionId": "1"} | {field: None}
    with pytest.raises(Rejected, match=f": {field} is required$"):
        run(orders.aliases.create("orders", body))


@pytest.mark.parametrize("field", ["triggerName", "triggerType"])
def test_a_trigger_without_a_required_field_is_refused(run, orders, field):
    with pytest.raises(Rejected, match=f": {field} is required$"):
        run(orders.triggers.create("orders", TIMER | {field: None}))


def test_reserved_concurrency_bounds_the_instances_of_all_versions(run, orders):
    run(orders.functions.publish_version("orders", {}))
    assert run(orders.deployment("orders", "LATEST", roll=0)).max_instances is None
    answer = run(orders.scaling.concurrency.put("orders", "", {"reservedConcurrency": 0}))
    assert answer == {"functionArn": ARN, "reservedConcurrency": 0}
    assert run(orders.deployment("orders", "LATEST", roll=0)).max_instances == 0
    assert run(orders.deployment("orders", "1", roll=0)).max_instances == 0
    listed, _ = run(orders.scaling.concurrency.listing(None, Page()))
    assert listed == [answer]
    run(orders.scaling.concurrency.delete("orders"))
    assert run(orders.deployment("orders", "LATEST", roll=0)).max_instances is None
    for call in (orders.scaling.concurrency.get, orders.scaling.concurrency.delete):
        assert refused(run, call("orders")) == (404, "OnDemandConfigNotFound")


@pytest.mark.parametrize("value", [None, -1, "1", 1.5, True])
def test_reserved_concurrency_is_a_whole_number(run, orders, value):
    answer = orders.scaling.concurrency.put("orders", "", {"reservedConcurrency": value})
    assert refused(run, answer) == (400, "InvalidArgument")


def test_changing_the_reserved_concurrency_does_not_retire_instances(run, orders):
    before = run(orders.deployment("orders", "LATEST", roll=0)).revision
    run(orders.scaling.concurrency.put("orders", "", {"reservedConcurrency": 3}))
    assert run(orders.deployment("orders", "LATEST", roll=0)).revision == before


def test_provisioned_instances_are_said_to_be_there(run, orders):
    scaling = orders.scaling
    none = {"functionArn": "", "target": 0, "current": 0}
    assert run(scaling.provision.get("orders", "")) == none
    answer = run(scaling.provision.put("orders", "", {"defaultTarget": 2, "other": 1}))
    assert answer == {"functionArn": ARN, "defaultTarget": 2, "target": 2, "current": 2}
    assert run(scaling.provision.listing("orders", Page()))[0] == [answer]
    run(scaling.provision.delete("orders", ""))
    assert run(scaling.provision.get("orders", "LATEST")) == none


def test_scaling_configuration_is_kept_per_qualifier(run, orders):
    scaling = orders.scaling
    assert run(scaling.config.get("orders", "")) == {}
    answer = run(scaling.config.put("orders", "", {"minInstances": 1}))
    assert answer == {
        "functionArn": ARN,
        "minInstances": 1,
        "targetInstances": 1,
        "currentInstances": 1,
    }
    assert run(scaling.config.get("orders", "LATEST")) == answer
    assert run(scaling.config.listing(None, Page()))[0] == [answer]
    assert refused(run, scaling.config.put("orders", "prod", {})) == (404, "AliasNotFound")
    run(scaling.config.delete("orders", ""))
    assert run(scaling.config.get("orders", "")) == {}


def test_vpc_bindings_are_created_listed_and_deleted(run, orders):
    run(orders.scaling.vpcs.bind("orders", {"vpcId": "vpc-1"}))
    assert run(orders.scaling.vpcs.ids("orders")) == ["vpc-1"]
    run(orders.scaling.vpcs.unbind("orders", "vpc-1"))
    assert run(orders.scaling.vpcs.ids("orders")) == []
    assert refused(run, orders.scaling.vpcs.bind("orders", {})) == (400, "InvalidArgument")


def test_tags_are_added_taken_away_and_listed(run, orders, function_body):
    run(orders.functions.create(function_body("mail")))
    tag = [{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "x"}]
    run(orders.tags.add({"ResourceId": [ARN, "mail"], "Tag": tag}))
    run(orders.tags.remove(["mail"], ["env"], every=False))
    every, _ = run(orders.tags.listing(None, {}, Page()))
    one, _ = run(orders.tags.listing([ARN], {}, Page()))
    some, _ = run(orders.tags.listing(None, {"env": ""}, Page()))
    assert [(t["ResourceId"].rpartition("/")[2], t["TagKey"]) for t in every] == [
        ("mail", "team"),
        ("orders", "env"),
        ("orders", "team"),
    ]
    assert one == some == every[1:]
    run(orders.tags.remove([ARN], [], every=True))
    assert run(orders.tags.listing([ARN], {}, Page())) == ([], "")
    assert refused(run, orders.tags.add({"ResourceId": "orders"})) == (400, "InvalidArgument")


def test_nothing_of_it_outlives_the_function(run, orders, function_body):
    run(orders.triggers.create("orders", TIMER))
    run(orders.scaling.concurrency.put("orders", "", {"reservedConcurrency": 1}))
    run(orders.scaling.provision.put("orders", "", {"target": 1}))
    run(orders.scaling.config.put("orders", "", {"minInstances": 1}))
    run(orders.scaling.vpcs.bind("orders", {"vpcId": "vpc-1"}))
    run(orders.functions.delete("orders"))
    run(orders.functions.create(function_body()))
    assert run(orders.triggers.listing("orders", Page())) == ([], "")
    assert run(orders.scaling.concurrency.listing(None, Page())) == ([], "")
    assert run(orders.scaling.provision.listing(None, Page())) == ([], "")
    assert run(orders.scaling.config.listing(None, Page())) == ([], "")
    assert run(orders.scaling.vpcs.ids("orders")) == []


@pytest.mark.parametrize("kind", [None, "function", "FUNCTION", "ALIYUN::FC::FUNCTION"])
def test_functions_are_tagged_by_every_name_of_their_type(run, registry, function_body, kind):
    run(registry.functions.create(function_body()))
    body = {"ResourceType": kind, "ResourceId": ["orders"], "Tag": [{"Key": "k", "Value": "v"}]}
    run(registry.tags.add(body))
    found, _ = run(registry.tags.listing(["orders"], {}, Page()))
    assert [(tag["TagKey"], tag["TagValue"]) for tag in found] == [("k", "v")]


@pytest.mark.parametrize("kind", ["service", "ALIYUN::FC::SERVICE", "", 1, ["function"]])
def test_tags_of_other_resource_types_are_refused(run, registry, function_body, kind):
    run(registry.functions.create(function_body()))
    body = {"ResourceType": kind, "ResourceId": ["orders"], "Tag": [{"Key": "k", "Value": "v"}]}
    assert refused(run, registry.tags.add(body)) == (400, "InvalidArgument")
