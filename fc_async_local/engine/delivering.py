# SPDX-License-Identifier: MIT
"""Tells destinations about final outcomes: the job kind ``delivery``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.destinations.base import DeliveryResult, kind_of
from fc_async_local.domain import settlement
from fc_async_local.domain.invocation import DELIVERY, Note, delivery_of
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
    error = f"{result.status} {result.code}: {result.message}".rstrip(": ")
    settled = settlement.settle_delivery(
        job,
        result.status,
        error=error,
        now=now,
    )
    return replace(settled, notes=_notes(job, result, settled, now))


def _notes(
    job: Job,
    result: DeliveryResult,
    settled: JobSettlement,
    now: int,
) -> tuple[Note, ...]:
    """Return what is recorded of a try, of the task itself and of the task that it caused."""
    delivery = delivery_of(job)
    again = settled.job is not None and settled.job.state == "pending"
    detail = {
        "outcome": delivery.outcome,
        "destination": delivery.destination,
        "try": job.tries + 1,
        "status": result.status,
        "code": result.code,
        "message": result.message,
        "reference": result.reference,
        "dueAt": job.due_at,
        "nextTryAt": settled.job.due_at if settled.job is not None and again else None,
    }
    tried = Note(
        request_id=delivery.request_id,
        at=now,
        kind="delivery",
        detail={name: value for name, value in detail.items() if value not in {"", None}},
        # Once, with the first try: all tries send the same document.
        body=None if job.tries else delivery.document,
    )
    if not result.reference or kind_of(delivery.destination) != "function":
        return (tried,)
    cause = {
        "requestId": delivery.request_id,
        "function": delivery.function,
        "taskId": delivery.task_id,
        "outcome": delivery.outcome,
    }
    return (
        tried,
        Note(
            request_id=result.reference,
            at=now,
            kind="cause",
            detail=dict(cause),
        ),
    )


def _describe(job: Job) -> str:
    delivery = delivery_of(job)
    return (
        f"{delivery.request_id} of {delivery.function}: {delivery.outcome} event to "
        f"{delivery.destination}"
    )
