# SPDX-License-Identifier: MIT
"""What a function's role lets it tell."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.destinations.permissions import Permitted, allows, resources_of
from fc_async_local.destinations.protocol import DeliveryResult
from fc_async_local.domain.rejection import Rejected
from fc_async_local.settings import Settings
from fc_async_sdk import arn
from fc_async_tests.invocations import a_delivery

QUEUE = "acs:mns:cn-hangzhou:1:/queues/q/messages"
NAMES = resources_of(arn.parse(QUEUE))


def statement(effect="Allow", action="mns:SendMessage", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return {"Version": "1", "Statement": list(statements)}


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
        ([statement(resource="acs:mns:*:*:/queues/q")], True),
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
    ],
)
def test_a_policy_allows_what_it_says(statements, allowed):
    assert allows([policy(*statements)], "mns:SendMessage", NAMES) is allowed


def test_a_deny_of_one_policy_wins_over_another():
    policies = [policy(statement()), policy(statement("Deny"))]
    assert not allows(policies, "mns:SendMessage", NAMES)


def test_a_single_statement_need_not_be_a_list():
    assert allows([{"Statement": statement()}], "mns:SendMessage", NAMES)


def test_rocketmq_has_a_name_of_its_own():
    target = arn.parse("acs:mq:cn-hangzhou:1:/instances/MQ_INST_1/topic/t")
    assert "acs:mq:cn-hangzhou:1:MQ_INST_1%t" in resources_of(target)


class Well:
    kind = "mns-queue"

    async def deliver(self, delivery, *, now):
        return DeliveryResult(201)


def deliver(role):
    async def role_of(function, qualifier):
        if role is None:
            raise Rejected(404, "FunctionNotFound", "it is gone")
        return role

    settings = Settings(enforce_roles=True, roles={"sender": [policy(statement())]})
    delivery = a_delivery(destination=QUEUE)
    return asyncio.run(Permitted(Well(), role_of, settings).deliver(delivery, now=0))


@pytest.mark.parametrize(
    ("role", "status"),
    [("acs:ram::1:role/sender", 201), ("acs:ram::1:role/other", 403), ("", 403), (None, 403)],
)
def test_a_delivery_needs_the_role(role, status):
    result = deliver(role)
    assert result.status == status
    if status == 403 and role is not None:
        assert "may not mns:SendMessage on acs:mns:" in result.message
