# SPDX-License-Identifier: MIT
"""Random schedules of a key: deliveries, failures, kills, messages that are lost. Pure."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest

from fc_async_sdk._ordering import leases
from fc_async_sdk._ordering.leases import Busy, KeyRow, Lease, Limits, Request

LIFETIME = 150_000
"""Milliseconds of a lease: a timeout of a minute, and the margin."""
MISSING = 120_000


@dataclass
class Message:
    key: str
    number: int
    ticket: int = 0
    waits: int = 0
    hops: int = 0
    attempt: int = 0

    @property
    def holder(self) -> str:
        return f"{self.key}-{self.number}-{self.hops}"


@dataclass
class Schedule:
    """A service that delivers late and in any order, with functions that fail and are killed."""

    chance: random.Random
    limits: Limits
    trouble: float = 0.2
    lost: float = 0
    now: int = 0
    queue: list[tuple[int, int, str, Message, Lease | None]] = field(default_factory=list)
    rows: dict[str, KeyRow] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    most: int = 0
    done: dict[str, list[int]] = field(default_factory=dict)
    losses: int = 0
    pushed: int = 0

    def push(self, later: float, what: str, message: Message, lease: Lease | None = None) -> None:
        self.pushed += 1
        event = (self.now + round(later), self.pushed, what, message, lease)
        heapq.heappush(self.queue, event)

    def row(self, key: str) -> KeyRow:
        return self.rows.setdefault(key, KeyRow(key=key, token="", written=0, expires=0))

    def send(self, message: Message) -> None:
        if self.limits.order:
            self.rows[message.key], message.ticket = leases.take_ticket(
                self.row(message.key), self.limits, self.now
            )
        self.push(self.chance.uniform(0, 30_000), "deliver", message)

    def run(self) -> None:
        while self.queue:
            self.now, _, what, message, lease = heapq.heappop(self.queue)
            if what == "deliver":
                self.deliver(message)
            else:
                assert lease is not None
                self.finish(what, message, lease)

    def deliver(self, message: Message) -> None:
        request = Request(message.holder, message.attempt, self.now + LIFETIME, message.ticket)
        row, standing = leases.begin(self.row(message.key), request, self.limits, self.now)
        self.rows[message.key] = row
        if isinstance(standing, Busy):
            seconds = leases.wait(
                standing, row.lasts, message.waits, self.now, self.chance.random()
            )
            message.ticket = standing.ticket
            message.waits += 1
            self.hop(message, seconds)
            return
        assert isinstance(standing, Lease)
        self.running[message.key] = self.running.get(message.key, 0) + 1
        self.most = max(self.most, self.running[message.key])
        what = "end"
        if self.chance.random() < self.lost:
            what = self.chance.choice(["fail for good", "vanish"])
        elif self.chance.random() < self.trouble:
            what = self.chance.choice(["fail", "kill", "later"])
        self.push(self.chance.uniform(100, 40_000), what, message, standing)

    def finish(self, what: str, message: Message, lease: Lease) -> None:
        key = message.key
        self.running[key] -= 1
        row = self.row(key)
        if what == "end":
            self.done.setdefault(key, []).append(message.number)
            self.rows[key] = leases.end(row, lease, self.limits, self.now)
        elif what == "later":
            seconds = self.chance.randint(1, 100)
            self.rows[key] = leases.send_back(row, lease, self.limits, self.now, seconds=seconds)
            self.hop(message, seconds)
        else:
            if what.startswith("fail"):
                self.rows[key] = leases.send_back(row, lease, self.limits, self.now)
            if what in {"fail for good", "vanish"}:
                self.losses += 1
                return
            message.attempt += 1
            self.push(self.chance.uniform(500, 60_000), "deliver", message)

    def hop(self, message: Message, seconds: int) -> None:
        message.hops += 1
        message.attempt = 0
        self.push(seconds * 1_000 + self.chance.uniform(0, 2_000), "deliver", message)


def schedule(seed: int, limits: Limits, count: int, lost: float = 0) -> Schedule:
    plan = Schedule(random.Random(seed), limits, lost=lost)
    for number in range(count):
        plan.send(Message(f"key-{number % 3}", number))
        plan.now += plan.chance.randint(0, 5_000)
    plan.now = 0
    plan.run()
    return plan


def in_order(count: int) -> dict[str, list[int]]:
    return {f"key-{key}": list(range(key, count, 3)) for key in range(3)}


@pytest.mark.parametrize("part", range(4))
def test_no_two_messages_of_a_key_run_at_once_and_all_run_in_order(part: int) -> None:
    limits = Limits(1, order=True, missing_ms=MISSING)
    for seed in range(part * 2_500, (part + 1) * 2_500):
        plan = schedule(seed, limits, 9)
        assert (plan.most, plan.done) == (1, in_order(9)), seed


def test_a_hundred_messages_over_three_keys_run_in_order() -> None:
    limits = Limits(1, order=True, missing_ms=MISSING)
    for seed in range(30):
        plan = schedule(seed, limits, 100)
        assert (plan.most, plan.done) == (1, in_order(100)), seed


@pytest.mark.parametrize("limit", [1, 3])
def test_without_an_order_no_more_run_than_allowed_and_none_is_lost(limit: int) -> None:
    for seed in range(300):
        plan = schedule(seed, Limits(limit, order=False, missing_ms=MISSING), 30)
        assert plan.most == limit
        assert {key: sorted(numbers) for key, numbers in plan.done.items()} == in_order(30)


def test_with_an_order_several_may_run_and_none_is_lost() -> None:
    for seed in range(300):
        plan = schedule(seed, Limits(2, order=True, missing_ms=MISSING), 30)
        assert plan.most <= 2
        assert {key: sorted(numbers) for key, numbers in plan.done.items()} == in_order(30)


@pytest.mark.parametrize("limit", [1, 2])
def test_messages_that_are_lost_stop_no_others(limit: int) -> None:
    for seed in range(500):
        plan = schedule(seed, Limits(limit, order=True, missing_ms=MISSING), 15, lost=0.3)
        assert plan.most <= limit
        count = sum(map(len, plan.done.values()))
        assert count + plan.losses == 15, seed
        if limit == 1:
            assert all(numbers == sorted(numbers) for numbers in plan.done.values()), seed


def test_a_ticket_whose_message_was_never_sent_is_passed_over() -> None:
    limits = Limits(1, order=True, missing_ms=MISSING)
    row = KeyRow(key="k", token="", written=0, expires=0)
    row, _ = leases.take_ticket(row, limits, 0)
    row, second = leases.take_ticket(row, limits, 0)
    row, standing = leases.begin(row, Request("r", 0, LIFETIME, second), limits, MISSING - 1)
    assert isinstance(standing, Busy)
    row, standing = leases.begin(row, Request("r", 0, LIFETIME, second), limits, MISSING)
    assert isinstance(standing, Lease)
    assert standing.ticket == second


def test_those_behind_a_missing_message_still_start_in_order() -> None:
    limits = Limits(1, order=True, missing_ms=MISSING)
    row = KeyRow(key="k", token="", written=0, expires=0)
    for _ in range(3):
        row, _ = leases.take_ticket(row, limits, 0)
    row, third = leases.begin(row, Request("r-3", 0, LIFETIME, 3), limits, MISSING)
    assert isinstance(third, Busy)
    row, second = leases.begin(row, Request("r-2", 0, 2 * MISSING, 2), limits, MISSING + 1)
    assert isinstance(second, Lease)
    row = leases.end(row, second, limits, MISSING + 2)
    _, first = leases.begin(row, Request("r-1", 0, 3 * MISSING, 1), limits, MISSING + 3)
    assert isinstance(first, Lease), "it comes late, and is not lost"


def test_a_lease_of_a_killed_run_ends_and_a_retry_takes_it_over_at_once() -> None:
    limits = Limits(1, order=False, missing_ms=MISSING)
    row = KeyRow(key="k", token="", written=0, expires=0)
    row, first = leases.begin(row, Request("r-1", 0, LIFETIME), limits, 0)
    assert isinstance(first, Lease)
    for holder, attempt, now, runs in (
        ("r-2", 0, LIFETIME - 1, False),
        ("r-1", 0, LIFETIME - 1, False),  # the same attempt, delivered twice
        ("r-1", 1, 1, True),
        ("r-2", 0, LIFETIME, True),
    ):
        _, standing = leases.begin(row, Request(holder, attempt, now + LIFETIME), limits, now)
        assert isinstance(standing, Lease) is runs


def test_those_that_wait_for_the_same_do_not_come_back_together() -> None:
    busy = Busy(ticket=0, ahead=1, until=1_000_000, running=())
    waits = {leases.wait(busy, 40_000, 0, 0, chance / 100) for chance in range(101)}
    assert waits == set(range(20, 41))
    assert [leases.wait(busy, 4_000, waits, 0, 1) for waits in range(6)] == [4, 8, 16, 32, 60, 60]
    assert leases.wait(busy, 40_000, 0, 995_000, 1) == 5, "a killed run ends with its lease"
    third = busy._replace(ticket=9, ahead=3)
    assert leases.wait(third, 4_000, 5, 0, 1) == 12
