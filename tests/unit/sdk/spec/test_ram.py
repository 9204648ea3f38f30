# SPDX-License-Identifier: MIT
"""What RAM checks for each destination, and which policy documents allow it."""

from __future__ import annotations

from typing import Any

import pytest

from fc_async_sdk.spec import arn, ram
from fc_async_sdk.spec.oss import OssTrigger
from fc_async_sdk.spec.ram import Permission

QUEUE = "acs:mns:cn-hangzhou:1:/queues/q/messages"
SEND = Permission("mns:SendMessage", QUEUE)
NEEDED = [
    Permission("fc:InvokeFunction", "acs:fc:cn-hangzhou:123:functions/b"),
    Permission("mns:SendMessage", "acs:mns:cn-hangzhou:123:/queues/q/messages"),
]


def statement(
    effect: str = "Allow",
    action: str | list[str] = "mns:SendMessage",
    resource: str | list[str] = "*",
    **more,
) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements) -> dict[str, Any]:
    return {"Version": "1", "Statement": list(statements)}


def allows(*policies: dict[str, Any], permission: Permission = SEND) -> bool:
    return ram.allows(policies, permission, if_conditions_hold=False)


@pytest.mark.parametrize(
    ("destination", "action", "resource"),
    [
        ("acs:fc:r:1:functions/f", "fc:InvokeFunction", "acs:fc:r:1:functions/f"),
        ("acs:fc:r:1:functions/f/prod", "fc:InvokeFunction", "acs:fc:r:1:functions/f*"),
        ("acs:mns:r:1:/queues/q/messages", "mns:SendMessage", "acs:mns:r:1:/queues/q/messages"),
        ("acs:mns:r:1:/topics/t/messages", "mns:PublishMessage", "acs:mns:r:1:/topics/t/messages"),
        (
            "acs:eventbridge:r:1:eventbus/b",
            "eventbridge:PutEvents",
            "acs:eventbridge:r:1:eventbus/b",
        ),
        ("acs:mq:r:1:/instances/MQ_INST_1/topic/t", "mq:PUB", "acs:mq:r:1:MQ_INST_1%t"),
    ],
)
def test_each_kind_of_destination_needs_one_permission(
    destination: str, action: str, resource: str
) -> None:
    assert ram.permission_for(arn.parse(destination)) == Permission(action, resource)


def test_a_document_has_one_statement_per_action() -> None:
    assert ram.document([*NEEDED, NEEDED[0]._replace(resource="acs:fc:x")]) == {
        "Version": "1",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["fc:InvokeFunction"],
                "Resource": ["acs:fc:cn-hangzhou:123:functions/b", "acs:fc:x"],
            },
            {
                "Effect": "Allow",
                "Action": ["mns:SendMessage"],
                "Resource": ["acs:mns:cn-hangzhou:123:/queues/q/messages"],
            },
        ],
    }


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([statement()], True),
        ([statement(action="*")], True),
        ([statement(action="mns:*")], True),
        ([statement(action="MNS:sendmessage")], True),
        ([statement(action=["mns:PublishMessage", "mns:Send*"])], True),
        ([statement(action="mns:PublishMessage")], False),
        ([statement(action="mns:SendMessag?")], True),
        ([statement(action="mns.SendMessage")], False),
        ([statement(resource=QUEUE)], True),
        ([statement(resource="acs:mns:*:*:/queues/q/messages")], True),
        ([statement(resource="acs:mns:*:*:/queues/q")], False),
        ([statement(), statement("Deny", resource="acs:mns:*:*:/queues/q")], True),
        ([statement(resource="acs:mns:*:*:/queues/[q]/messages")], False),
        ([statement(resource="acs:mns:*:*:/queues/?/messages")], True),
        ([statement(resource="ACS:MNS:*:*:/queues/q/messages")], False),
        ([statement(resource=["acs:mns:*:*:/queues/r/*", "acs:mns:*:*:/queues/q*"])], True),
        ([statement(resource="acs:mns:*:*:/queues/r*")], False),
        ([statement(), statement("Deny")], False),
        ([statement("Deny"), statement()], False),
        ([statement(), statement("Deny", resource="acs:mns:*:*:/queues/r*")], True),
        ([statement(Condition={"IpAddress": {}})], False),
        ([statement(), statement("Deny", Condition={"IpAddress": {}})], False),
        ([{"Effect": "Allow", "NotAction": "mns:DeleteQueue", "Resource": "*"}], True),
        ([{"Effect": "Allow", "NotAction": "mns:*", "Resource": "*"}], False),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "acs:mns:*"}], False),
        ([{"Effect": "Allow", "Action": "*"}], False),
        ([{"Action": "*", "Resource": "*"}], False),
        (["Allow"], False),
    ],
)
def test_a_policy_allows_what_it_says(statements: list[Any], allowed: bool) -> None:
    assert allows(policy(*statements)) is allowed


def test_a_deny_of_one_policy_wins_over_another() -> None:
    assert not allows(policy(statement()), policy(statement("Deny")))


def test_a_single_statement_need_not_be_a_list() -> None:
    assert allows({"Statement": statement()})


def test_a_statement_with_a_condition_allows_only_if_conditions_are_taken_to_hold() -> None:
    conditional = policy(statement(Condition={"IpAddress": {}}))
    assert ram.allows([conditional], SEND, if_conditions_hold=True)
    assert not ram.allows([conditional], SEND, if_conditions_hold=False)


def test_a_bracket_in_a_pattern_is_only_a_bracket() -> None:
    resource = "acs:fc:r:1:functions/[a]"
    granted = policy(statement(resource=resource))
    assert allows(granted, permission=SEND._replace(resource=resource))
    assert not allows(granted, permission=SEND._replace(resource="acs:fc:r:1:functions/a"))


@pytest.mark.parametrize(
    "destination",
    [
        "acs:fc:r:1:functions/f",
        "acs:fc:r:1:functions/f/prod",
        QUEUE,
        "acs:mns:r:1:/topics/t/messages",
        "acs:eventbridge:r:1:eventbus/b",
        "acs:mq:r:1:/instances/MQ_INST_1/topic/t",
    ],
)
def test_the_permission_of_a_destination_allows_what_is_checked(destination: str) -> None:
    target = arn.parse(destination)
    granted = ram.document([ram.permission_for(target)])
    assert allows(granted, permission=ram.checked_for(target))


@pytest.mark.parametrize(
    ("action", "resource", "may"),
    [
        ("oss:PutObject", "acs:oss:*:*:uploads/*", True),
        ("oss:*", "*", True),
        ("oss:PutObject", "acs:oss:oss-cn-hangzhou:123:uploads/in/*", True),
        ("oss:PutObject", "acs:oss:*:*:uploads/in/thumbnails/*", True),
        ("oss:PutObject", "acs:oss:*:*:uploads/out/*", False),
        ("oss:PutObject", "acs:oss:*:*:uploads/in/*.png", False),
        ("oss:PutObject", "acs:oss:*:*:other/*", False),
        ("oss:GetObject", "*", False),
    ],
)
def test_a_policy_may_allow_to_write_what_a_trigger_fires_for(
    action: str, resource: str, may: bool
) -> None:
    trigger = OssTrigger(bucket="uploads", events=(), prefix="in/", suffix=".zip")
    policy = {"Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
    assert ram.may_put(policy, trigger) is may


def test_a_denial_keeps_a_role_from_writing_what_triggers_its_function() -> None:
    trigger = OssTrigger(bucket="uploads", events=(), prefix="in/")
    allow = {"Effect": "Allow", "Action": "oss:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "oss:PutObject", "Resource": "acs:oss:*:*:uploads/in/*"}
    assert ram.may_put({"Statement": [allow]}, trigger)
    assert not ram.may_put({"Statement": [allow, deny]}, trigger)
