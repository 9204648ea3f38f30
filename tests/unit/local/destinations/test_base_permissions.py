# SPDX-License-Identifier: MIT
"""Destinations that the role of a function allows."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.destinations.base import DeliveryResult, Permitted
from fc_async_local.domain.errors import Rejected
from fc_async_local.settings import DestinationSettings
from fc_async_tests.invocations import a_delivery

QUEUE = "acs:mns:cn-hangzhou:1:/queues/q/messages"


def statement(effect="Allow", action="mns:SendMessage", resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def policy(*statements):
    return {"Version": "1", "Statement": list(statements)}


class Well:
    kind = "mns-queue"

    async def deliver(self, delivery, *, now):
        return DeliveryResult(201)


def deliver(role, roles=None):
    async def role_of(function, qualifier):
        if role is None:
            raise Rejected(404, "FunctionNotFound", "it is gone")
        return role

    roles = {"sender": [policy(statement())]} if roles is None else roles
    settings = DestinationSettings(enforce_roles=True, roles=roles)
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


@pytest.mark.parametrize(("role", "status"), [("acs:ram::1:role/any", 201), ("", 403)])
def test_without_policies_a_function_needs_a_role_whatever_it_allows(role, status):
    assert deliver(role, roles={}).status == status
