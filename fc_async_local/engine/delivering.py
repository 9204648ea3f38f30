# SPDX-License-Identifier: MIT
"""Tells destinations about final outcomes: the job kind ``delivery``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.destinations.base import DeliveryResult, kind_of
from fc_async_local.domain import policy, settlement
from fc_async_local.domain.invocation import DELIVERY, delivery_of
from fc_async_local.engine import feed
from fc_async_local.engine.ports import Point
from fc_async_local.store.job_runner import JobKind, JobNode, JobRunner
from fc_async_sdk.errors import InvalidArn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.destinations.base import Destination, DestinationKind
    from fc_async_local.domain.invocation import Delivery, Job, JobSettlement
    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

_AT_A_TIME: Final = 64


def delivery_runner(
    ports: Ports, destinations: Mapping[DestinationKind, Destination]
) -> JobRunner[DeliveryResult]:
    """Return what makes the deliveries of a node.

    Args:
        ports: The engine's ports.
        destinations: An adapter for each destination kind.
    """

    async def attempt(job: Job) -> DeliveryResult:
        delivery = delivery_of(job)
        result = await _deliver(destinations, delivery, now=ports.clock.now())
        ports.probe(Point.DELIVERED, job.key)
        return result

    def decide(job: Job, result: DeliveryResult, now: int) -> JobSettlement:
        settled = _decide(job, result, now)
        ports.feed.record(lambda: feed.delivery_tried(job, settled, at=now))
        return settled

    node = JobNode(
        store=ports.store,
        wakeups=ports.wakeups,
        node_id=ports.node_id,
        lease_ms=ports.settings.lease_ms,
    )
    return JobRunner(node, JobKind(DELIVERY, _AT_A_TIME, attempt, decide, _describe))


async def _deliver(
    destinations: Mapping[DestinationKind, Destination], delivery: Delivery, *, now: int
) -> DeliveryResult:
    """Make one try; whatever goes wrong in an adapter is worth another one."""
    try:
        kind = kind_of(delivery.destination)
    except InvalidArn as error:
        return DeliveryResult(400, "InvalidDestinationResources", str(error))
    adapter = destinations.get(kind)
    if adapter is None:
        return DeliveryResult(
            400, "InvalidDestinationResources", f"this runtime has no destination {kind!r}"
        )
    try:
        return await adapter.deliver(delivery, now=now)
    except Exception as error:
        logger.exception(
            "%s: the adapter for %s failed",
            delivery.request_id,
            kind,
            extra={"request_id": delivery.request_id},
        )
        return DeliveryResult(500, "InternalServerError", f"{type(error).__name__}: {error}")


def _decide(job: Job, result: DeliveryResult, now: int) -> JobSettlement:
    decision = policy.decide_delivery(job, result.status, now)
    error = f"{result.status} {result.code}: {result.message}".rstrip(": ")
    return settlement.settle_delivery(job, decision, error=error, now=now)


def _describe(job: Job) -> str:
    delivery = delivery_of(job)
    return (
        f"{delivery.request_id} of {delivery.function}: {delivery.outcome} event to "
        f"{delivery.destination}"
    )
