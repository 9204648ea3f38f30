# SPDX-License-Identifier: MIT
"""Alarm rules: their thresholds, and what the tools that take them accept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from alibabacloud_cms20190101 import models

from fc_async_plugin.check.conditions import CONDITIONS, Numbers, Rule, numbers_of, queue_rules
from fc_async_plugin.operate import alarms
from fc_async_sdk.spec import metrics

PROPS = {"timeout": 60, "asyncInvokeConfig": {"maxAsyncEventAgeInSeconds": 3600}}

ORDERS = {"region": "cn-hangzhou", "serviceName": "", "functionName": "orders"}

TERRAFORM = {
    "name": str,
    "project": str,
    "metric": str,
    "metric_dimensions": str,
    "period": int,
    "contact_groups": list,
    "escalations_critical": dict,
    "escalations_warn": dict,
}
"""Arguments of alicloud_cms_alarm that are used, with their types: the provider's documentation."""
ROS_REQUIRED = {"ContactGroups", "Escalations", "MetricName", "Namespace", "Resources", "RuleName"}
"""ALIYUN::CMS::ResourceMetricRule, page of the resource type."""


def rules(function: str = "orders", props: dict[str, Any] = PROPS) -> list[Rule]:
    numbers = numbers_of(props)
    return [
        Rule(one, function, "cn-hangzhou", one.threshold(numbers), one.reason(numbers))
        for one in CONDITIONS
    ]


def thresholds(**numbers: int) -> dict[str, int]:
    return {one.name: one.threshold(Numbers(**numbers)) for one in CONDITIONS}


def test_the_age_is_half_of_the_templates() -> None:
    assert thresholds(age=3600)["age"] == 1_800_000


def test_errors_are_as_many_as_one_invocation_makes() -> None:
    assert thresholds(retries=0)["errors"] == 1
    assert thresholds(retries=8)["errors"] == 9


def test_the_backlog_is_what_takes_half_of_the_age() -> None:
    assert thresholds(age=3600, timeout=600)["backlog"] == 300


def test_what_is_lost_is_an_alarm_at_once() -> None:
    lost = [one for one in CONDITIONS if one.critical]
    assert {one.metric for one in lost} == {metrics.EXPIRED, metrics.DESTINATION_ERRORS}
    assert all(one.threshold(Numbers()) == 1 and one.times == 1 for one in lost)


def test_every_reason_names_the_number_of_the_template() -> None:
    by_name = {one.condition.name: one.reason for one in rules()}
    assert "3600 s" in by_name["age"]
    assert "60 s" in by_name["backlog"]
    assert "3 retries" in by_name["errors"]


def test_cloudmonitor_has_every_metric_and_a_function_has_each_condition_once() -> None:
    assert not metrics.OURS & {one.metric for one in CONDITIONS}
    assert len({one.name for one in CONDITIONS}) == len(CONDITIONS)


def test_the_official_models_take_every_field() -> None:
    [body] = alarms.requests(rules(), ["oncall", "chat"])["requests"]
    request = models.PutResourceMetricRulesRequest().from_map(body)
    request.validate()

    def given(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: given(one) for name, one in value.items() if one not in (None, [])}
        return [given(one) for one in value] if isinstance(value, list) else value

    assert given(request.to_map()) == body
    assert request.rules[0].contact_groups == "oncall,chat"
    assert json.loads(request.rules[0].resources) == [ORDERS]


def test_a_request_has_no_more_rules_than_cloudmonitor_takes() -> None:
    many = [one for number in range(21) for one in rules(f"f{number}")]
    found = alarms.requests(many, ["oncall"])["requests"]
    assert [len(one["Rules"]) for one in found] == [50, 50, 5]


def test_terraform_has_arguments_of_the_provider() -> None:
    resources = alarms.terraform(rules(), ["oncall"])["resource"]["alicloud_cms_alarm"]
    assert len(resources) == len(CONDITIONS)
    for arguments in resources.values():
        assert arguments.pop("//")
        assert {name: type(value) for name, value in arguments.items()}.items() <= TERRAFORM.items()
        assert json.loads(arguments["metric_dimensions"])[0]["functionName"] == "orders"
        [block] = [value for name, value in arguments.items() if name.startswith("escalations_")]
        assert set(block) == {"statistics", "comparison_operator", "threshold", "times"}


def test_functions_whose_names_look_alike_have_alarms_of_their_own() -> None:
    there = [one._replace(region="cn-shanghai") for one in rules("a-b")]
    alike = [*rules("a-b"), *rules("a_b"), *rules("ab"), *there]
    resources = alarms.terraform(alike, ["oncall"])["resource"]["alicloud_cms_alarm"]
    assert len(resources) == len(alike)
    assert len(alarms.ros(alike, ["oncall"])["Resources"]) == len(alike)


def test_terraform_takes_no_name_for_an_expression() -> None:
    written = json.dumps(alarms.terraform(rules(), ["${file(1)}", "%{if x}"]))
    assert "$${file(1)}" in written
    assert "%%{if x}" in written


@pytest.mark.parametrize("function", ["orders", "shop$orders", "with-dash_and_line"])
def test_names_are_valid_for_terraform_and_ros(function: str) -> None:
    for name in alarms.terraform(rules(function), ["g"])["resource"]["alicloud_cms_alarm"]:
        assert name.replace("-", "_").isidentifier()
    template = alarms.ros(rules(function), ["g"])
    assert len(template["Resources"]) == len(CONDITIONS)
    assert all(name.isalnum() for name in template["Resources"])


def test_a_template_of_ros_has_what_the_resource_type_requires() -> None:
    for one in alarms.ros(rules(), ["oncall"])["Resources"].values():
        assert one["Type"] == "ALIYUN::CMS::ResourceMetricRule"
        assert set(one["Properties"]) >= ROS_REQUIRED
        assert one["Properties"]["Resources"] == [ORDERS]


def test_a_failure_queue_has_a_rule_for_its_depth_and_none_for_what_has_no_metric() -> None:
    queues = queue_rules("cn-hangzhou", "dead")
    [request] = alarms.requests(queues, ["oncall"])["requests"]
    [written] = request["Rules"]
    assert (written["Namespace"], written["MetricName"]) == ("acs_mns_new", "ActiveMessages")
    assert json.loads(written["Resources"]) == [{"region": "cn-hangzhou", "queue": "dead"}]
    [block] = alarms.terraform(queues, ["oncall"])["resource"]["alicloud_cms_alarm"].values()
    assert block["project"] == "acs_mns_new"
    [resource] = alarms.ros(queues, ["oncall"])["Resources"].values()
    assert resource["Properties"]["Resources"] == [{"region": "cn-hangzhou", "queue": "dead"}]


def test_a_queue_and_a_function_of_one_name_have_rules_of_their_own() -> None:
    both = [*rules("dead"), *queue_rules("cn-hangzhou", "dead")]
    assert len({one.name for one in both}) == len(both)


def test_rules_have_the_statistic_that_the_metrics_have() -> None:
    written = json.dumps([write(rules(), ["g"]) for write in (alarms.requests, alarms.ros)])
    written += json.dumps(alarms.terraform(rules(), ["g"]))
    found = re.findall(r'"statistics": "(\w+)"', written, re.IGNORECASE)
    assert found == ["Value"] * 3 * len(CONDITIONS), "CloudMonitor refuses any other"
