# SPDX-License-Identifier: MIT
"""Invocations, jobs and deliveries for a store, and short ways through it. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fc_async_local.domain.invocation import (
    DELIVERY,
    Delivery,
    Invocation,
    Job,
    Settlement,
    TaskEvent,
)
from fc_async_local.domain.states import Status

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store

T0 = 1_700_000_000_000
HOLD = {"until": T0 + 30_000, "owner": "node"}


def an_invocation(number: int = 1, **fields: Any) -> Invocation:
    defaults: dict[str, Any] = {
        "request_id": f"r{number}",
        "task_id": f"t{number}",
        "function": "resize",
        "qualifier": "LATEST",
        "payload": b"\x00\xff payload",
        "accepted_at": T0 + number,
        "due_at": T0 + number,
        "task_mode": True,
    }
    return Invocation(**(defaults | fields))


def a_delivery(number: int = 1, **fields: Any) -> Delivery:
    defaults: dict[str, Any] = {
        "request_id": f"r{number}",
        "task_id": f"t{number}",
        "function": "resize",
        "qualifier": "LATEST",
        "outcome": "failure",
        "destination": "acs:mns:cn-hangzhou:1:/queues/dead/messages",
        "document": b'{"timestamp": 1}',
        "call_path": ("acs:fc:cn-hangzhou:1:functions/resize",),
    }
    return Delivery(**(defaults | fields))


def a_job(number: int = 1, **fields: Any) -> Job:
    defaults: dict[str, Any] = {
        "kind": DELIVERY,
        "key": f"r{number}",
        "payload": b"\x00\xff what to do",
        "created_at": T0 + number,
        "due_at": T0 + number,
    }
    return Job(**(defaults | fields))


def ended(invocation: Invocation, status: Status, at: int = T0 + 50, **fields: Any) -> Settlement:
    return Settlement(
        invocation=replace(invocation, status=status, ended_at=at),
        events=(TaskEvent(status=status, at=at, detail={"attempt": 1}),),
        **fields,
    )


def again(invocation: Invocation, at: int) -> Settlement:
    return Settlement(
        invocation=replace(invocation, status=Status.RETRYING, due_at=at, attempts=1),
        events=(TaskEvent(status=Status.RETRYING, at=T0 + 50),),
    )


async def claim_one(store: Store, now: int = T0 + 10, **hold: Any) -> Invocation:
    (claimed,) = await store.claim(1, now=now, **(HOLD | hold))
    return claimed


async def finished(store: Store, number: int, status: Status, **fields: Any) -> Invocation:
    """A task that came to its end."""
    await store.accept(an_invocation(number))
    claimed = await claim_one(store, now=T0 + number)
    await store.settle(claimed.lease, ended(claimed, status, **fields))
    return claimed


async def task_status(store: Store, number: int = 1) -> Status:
    task = await store.get("resize", f"t{number}")
    assert task is not None
    return task.invocation.status


async def steps_of(store: Store, number: int = 1) -> list[Status]:
    task = await store.get("resize", f"t{number}")
    assert task is not None
    return [event.status for event in task.events]
