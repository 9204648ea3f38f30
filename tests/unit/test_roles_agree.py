# SPDX-License-Identifier: MIT
"""The local runtime delivers exactly where ``validate`` and ``policy`` find enough permissions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fc_async_local.destinations.base import DeliveryResult, Permitted
from fc_async_local.settings import DestinationSettings
from fc_async_plugin.check.permissions import compare
from fc_async_sdk.spec import arn, ram
from fc_async_sdk.spec.destinations import KINDS
from fc_async_tests.invocations import a_delivery

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Delivery

DESTINATIONS = [
    str(
        arn.parse(kind.example("cn-hangzhou").replace("NAME", "q")).resolve(
            region="", account_id="1"
        )
    )
    for kind in KINDS.values()
]
RESOURCES = [
    *DESTINATIONS,
    "*",
    "acs:mns:*:*:*",
    "acs:mns:cn-hangzhou:1:/queues/q",
    "acs:mns:cn-hangzhou:1:/queues/[q]/messages",
    "acs:mns:cn-hangzhou:1:/queues/?/messages",
    "acs:fc:*:*:functions/[pq]",
    "acs:mq:cn-hangzhou:1:q%q",
]


class Delivered:
    kind = "mns-queue"

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        return DeliveryResult(201)


def is_delivered(destination: str, granted: dict[str, object]) -> bool:
    async def role_of(_function: str, _qualifier: str) -> str:
        return "acs:ram::1:role/sender"

    settings = DestinationSettings(enforce_roles=True, roles={"sender": [granted]})
    permitted = Permitted(Delivered(), role_of, settings)  # type: ignore[arg-type]
    result = asyncio.run(permitted.deliver(a_delivery(destination=destination), now=0))
    return result.status == 201


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_policy_means_the_same_for_the_local_runtime_and_the_plugin(
    destination: str, resource: str
) -> None:
    for effect in ("Allow", "Deny"):
        granted = {
            "Version": "1",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*" if effect == "Deny" else []},
                {"Effect": effect, "Action": ["*:*"], "Resource": [resource]},
            ],
        }
        missing = compare(granted, [ram.permission_for(arn.parse(destination))]).missing
        assert is_delivered(destination, granted) is not bool(missing)
