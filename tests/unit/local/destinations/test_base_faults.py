# SPDX-License-Identifier: MIT
"""Destinations that fail on purpose."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.destinations.base import TIMEOUT_MS, DeliveryResult, Faulty
from fc_async_local.domain.faults import DestinationFault, Faults
from fc_async_tests.invocations import a_delivery

QUEUE = "acs:mns:cn-hangzhou:1:/queues/q/messages"


class Well:
    """A destination that always takes it."""

    kind = "mns-queue"

    async def deliver(self, delivery, *, now):
        return DeliveryResult(201)


def delivery():
    return a_delivery(destination=QUEUE)


class World:
    def __init__(self):
        self.clock = VirtualClock()
        self.faults = Faults(self.clock.now)
        self.destination = Faulty(Well(), self.faults, self.clock)

    def deliver(self):
        result = asyncio.run(self.destination.deliver(delivery(), now=self.clock.now()))
        return result.status


@pytest.fixture
def world():
    return World()


def test_without_a_fault_it_is_delivered(world):
    assert world.deliver() == 201


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("*", 503),
        ("mns-queue", 503),
        (QUEUE, 503),
        ("acs:mns:*:/queues/*", 503),
        ("function", 201),
        ("acs:mns:cn-hangzhou:1:/queues/other/messages", 201),
        ("acs:mns:*:/topics/*", 201),
    ],
)
def test_a_fault_applies_to_the_destination_that_it_names(world, destination, status):
    world.faults.add(DestinationFault(destination=destination))
    assert world.deliver() == status


def test_a_fault_is_used_up_after_its_times(world):
    world.faults.add(DestinationFault(status=500, times=2))
    assert [world.deliver() for _ in range(3)] == [500, 500, 201]
    assert world.faults.all() == []


def test_a_fault_is_over_after_its_time(world):
    world.faults.add(DestinationFault(status=404), seconds=60)
    first = world.deliver()
    world.clock.set(world.clock.now() + 59_999)
    second = world.deliver()
    world.clock.set(world.clock.now() + 1)
    assert [first, second, world.deliver()] == [404, 404, 201]


def test_the_oldest_fault_applies_first(world):
    world.faults.add(DestinationFault(status=400, times=1))
    world.faults.add(DestinationFault(status=500, times=1))
    assert [world.deliver() for _ in range(3)] == [400, 500, 201]


def test_a_removed_fault_applies_to_no_delivery(world):
    fault = world.faults.add(DestinationFault())
    assert world.faults.clear(fault.id)
    assert not world.faults.clear(fault.id)
    assert world.deliver() == 201


def test_a_time_out_keeps_the_caller_waiting(world):
    world.faults.add(DestinationFault(timeout=True))

    async def scene():
        waiting = asyncio.ensure_future(world.destination.deliver(delivery(), now=0))
        for _ in range(5):
            await asyncio.sleep(0)
        world.clock.set(world.clock.now() + TIMEOUT_MS - 1)
        early = waiting.done()
        world.clock.set(world.clock.now() + 1)
        return early, (await waiting).status

    assert asyncio.run(scene()) == (False, 504)
