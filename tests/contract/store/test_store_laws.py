# SPDX-License-Identifier: MIT
"""Any history of verbs has the same effect on every store as on the memory store.

Hypothesis makes up the histories: accepts, claims, starts, stale and good settlements, stops,
releases, jobs, pruning, under a clock that may be set back. After each step the stores are
compared in everything they show, and the laws are checked: nothing is lost, nothing is there
twice, every recorded path of steps is legal.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from fc_async_local.domain.invocation import (
    DELIVERY,
    TOPIC_PUSH,
    Count,
    Invocation,
    Job,
    JobSettlement,
    Lease,
    Settlement,
    TaskEvent,
)
from fc_async_local.domain.states import FINAL, WAITING, Status
from fc_async_local.store import steps
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import DuplicateTask, Settled, Started, TaskQuery
from fc_async_tests.legal_steps import HELD, LEGAL, legal
from fc_async_tests.metrics import in_process, sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.store.protocol import Store

T0 = 1_700_000_000_000
FUNCTIONS = ("a", "b")
TASKS = tuple(f"t{n}" for n in range(12))
OWNERS = ("node-1", "node-2")
KINDS = (DELIVERY, TOPIC_PUSH)
SCOPES = ("", "topic")

VERBS = (
    *("accept", "claim", "settle") * 5,
    *("start", "claim_jobs", "settle_job") * 4,
    *("stop", "extend", "time_passes_or_is_set_back", "page_through") * 2,
    *("make_due", "release", "prune", "add_jobs", "extend_jobs", "redrive", "discard_dead"),
)

waits = st.integers(0, 20)
holds = st.integers(1, 60)
limits = st.integers(1, 4)
owners = st.sampled_from(OWNERS)
kinds = st.sampled_from(KINDS)
scopes = st.sampled_from(SCOPES)
mostly = st.sampled_from([True, True, True, False])
names = st.tuples(st.sampled_from(FUNCTIONS), st.sampled_from(TASKS))


class Histories(RuleBasedStateMachine):
    """Runs each verb on both stores; ``open_stores`` is set by the test."""

    open_stores: Callable[[], Any]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.context = self.open_stores()
        self.subject: Store = self.run(self.context.__aenter__()).store
        self.model = MemoryStore()
        self.now = T0
        self.numbers = itertools.count(1)
        self.accepted = 0
        self.forgotten = 0
        self.counted: dict[tuple[str, str], int] = {}
        self.leases: dict[Lease, Invocation] = {}
        self.job_leases: dict[Lease, Job] = {}
        self.settled: set[Lease] = set()
        self.job_keys: set[str] = set()

    def teardown(self) -> None:
        self.run(self.context.__aexit__(None, None, None))
        self.loop.close()

    def run(self, verb) -> Any:
        return self.loop.run_until_complete(verb)

    def both(self, verb: str, *arguments, **named) -> Any:
        """What both stores answer; they must agree."""
        answers: list[Any] = []
        for store in (self.model, self.subject):
            try:
                answers.append(self.run(getattr(store, verb)(*arguments, **named)))
            except DuplicateTask:
                answers.append(DuplicateTask)
        expected, actual = answers
        if isinstance(expected, list):
            actual = list(actual)
        assert actual == expected, f"{verb}{arguments}{named}"
        return expected

    def count(self, *counts: Count) -> None:
        for each in counts:
            key = (each.metric, each.function)
            self.counted[key] = self.counted.get(key, 0) + each.value

    @rule(data=st.data(), verb=st.sampled_from(VERBS))
    def do(self, data: st.DataObject, verb: str) -> None:
        """One rule, verbs by weight: of many rules Hypothesis would switch half off in each run."""
        getattr(self, verb)(data)

    def time_passes_or_is_set_back(self, data: st.DataObject) -> None:
        self.now += data.draw(st.integers(-20, 40))

    def wait_for(self, data: st.DataObject, moment: int | None) -> None:
        """Most claims come when there is something to claim."""
        if data.draw(mostly) and moment is not None:
            self.now = max(self.now, moment + data.draw(waits))

    def accept(self, data: st.DataObject) -> None:
        for function, task_id in data.draw(st.lists(names, min_size=1, max_size=4)):
            number = next(self.numbers)
            delay = data.draw(waits)
            invocation = Invocation(
                request_id=f"r{number:04}",
                task_id=task_id,
                function=function,
                qualifier="LATEST",
                payload=b"%d" % number,
                accepted_at=self.now,
                due_at=self.now + delay,
                delay_ms=delay,
                task_mode=data.draw(mostly),
                attempts=data.draw(st.integers(0, 1)),
            )
            counted = Count(metric="accepted", function=function, at=self.now)
            if self.both("accept", invocation, [counted]) is None:
                self.accepted += 1
                self.count(counted)

    def claim(self, data: st.DataObject) -> None:
        self.wait_for(data, self.both("next_due"))
        claimed = self.both(
            "claim", data.draw(limits), now=self.now, ahead=data.draw(waits), **self.hold(data)
        )
        assert all(invocation.status in HELD for invocation in claimed)
        assert not {invocation.lease for invocation in claimed} & self.leases.keys()
        self.leases.update({invocation.lease: invocation for invocation in claimed})

    def hold(self, data: st.DataObject) -> dict[str, Any]:
        return {"until": self.now + data.draw(holds), "owner": data.draw(owners)}

    def a_lease(self, data: st.DataObject, leases: dict[Lease, Any]) -> Lease:
        """Mostly the last lease of a record, else one that may be lost or used up."""
        last = {lease.key: lease for lease in leases}  # leases are in the order of their claims
        live = [lease for lease in last.values() if lease not in self.settled]
        return data.draw(st.sampled_from(live if live and data.draw(mostly) else list(leases)[-6:]))

    def start(self, data: st.DataObject) -> None:
        if not self.leases:
            return
        lease = self.a_lease(data, self.leases)
        if self.both("start", lease, now=self.now, instance_id="c-1") is Started.RUNNING:
            running = replace(self.leases[lease], status=Status.RUNNING, instance_id="c-1")
            if running.started_at is None:
                running = replace(running, started_at=self.now)
            self.leases[lease] = running

    def extend(self, data: st.DataObject) -> None:
        by_key = {lease.key: lease for lease in list(self.leases)[-6:]}
        until = self.now + data.draw(holds)
        self.both("extend", list(by_key.values()), until=until)

    def settle(self, data: st.DataObject) -> None:
        if not self.leases:
            return
        lease = self.a_lease(data, self.leases)
        held = self.leases[lease]
        before = self.status_of(held)
        targets = sorted(LEGAL[before] & (WAITING | FINAL), key=str) or sorted(FINAL, key=str)
        if before is Status.STOPPING:
            targets.append(Status.RETRYING)
        status = data.draw(st.sampled_from(targets))
        due_at = self.now + data.draw(waits)
        after = replace(held, status=status, due_at=due_at, attempts=held.attempts + 1)
        if status.final:
            after = replace(after, ended_at=self.now, return_payload=b"returned")
        counted = Count(metric="settled", function=held.function, at=self.now)
        delivery = (
            self.a_job(after.request_id, kind=DELIVERY)
            if status.final and data.draw(mostly)
            else None
        )
        settlement = Settlement(
            invocation=after,
            events=(TaskEvent(status=status, at=self.now, detail={"attempt": after.attempts}),),
            delivery=delivery,
            counts=(counted, *steps.in_process((held.function,), -1, self.now)),
        )
        if self.both("settle", lease, settlement) is Settled.DONE:
            self.count(counted)
            self.settled.add(lease)
            if delivery is not None:
                self.job_keys.add(delivery.key)
            if status.final and not held.task_mode:
                self.forgotten += 1

    def status_of(self, claimed: Invocation) -> Status:
        """Return the status now, or that of the claim if the store no longer shows the record."""
        task = self.run(self.model.get(claimed.function, claimed.task_id))
        shown = task is not None and task.invocation.request_id == claimed.request_id
        return task.invocation.status if shown else claimed.status

    def a_job(self, key: str, **fields) -> Job:
        return Job(key=key, payload=b"\x00\xff", created_at=self.now, due_at=self.now, **fields)

    def a_task(self, data: st.DataObject) -> tuple[str, str]:
        page = self.run(self.model.query(TaskQuery(None, limit=1_000)))
        known = [(shown.function, shown.task_id) for shown in page.invocations]
        return data.draw(st.sampled_from(known) if known else names)

    def stop(self, data: st.DataObject) -> None:
        result = self.both("stop", *self.a_task(data), now=self.now, **self.hold(data))
        if result is not None and result.claimed:
            assert result.invocation.lease not in self.leases
            self.leases[result.invocation.lease] = result.invocation

    def make_due(self, data: st.DataObject) -> None:
        self.both("make_due", *self.a_task(data), now=self.now)

    def release(self, data: st.DataObject) -> None:
        self.both("release", data.draw(owners), now=self.now)

    def prune(self, data: st.DataObject) -> None:
        self.forgotten += self.both("prune", ended_before=self.now - data.draw(waits))

    def add_jobs(self, data: st.DataObject) -> None:
        jobs = [
            self.a_job(f"p{number}", kind=data.draw(kinds), scope=data.draw(scopes))
            for number in data.draw(st.lists(st.integers(0, 9), max_size=3, unique=True))
        ]
        counted = Count(metric="added", function="a", at=self.now)
        keys = {job.key for job in jobs}
        if not keys & self.job_keys:
            self.count(counted)
        self.job_keys |= keys
        self.both("add_jobs", jobs, [counted])

    def claim_jobs(self, data: st.DataObject) -> None:
        kind = data.draw(kinds)
        self.wait_for(data, self.both("next_job_due", kind))
        claimed = self.both("claim_jobs", kind, data.draw(limits), now=self.now, **self.hold(data))
        self.both("jobs_pending", kind, data.draw(scopes))
        for job in claimed:  # a key that was used again starts with the first epoch again
            self.job_leases.pop(job.lease, None)
            self.job_leases[job.lease] = job
            self.settled.discard(job.lease)

    def extend_jobs(self, data: st.DataObject) -> None:
        by_key = {lease.key: lease for lease in list(self.job_leases)[-6:]}
        self.both("extend_jobs", list(by_key.values()), until=self.now + data.draw(holds))

    def settle_job(self, data: st.DataObject) -> None:
        if not self.job_leases:
            return
        lease = self.a_lease(data, self.job_leases)
        job = self.job_leases[lease]
        after = replace(job, tries=job.tries + 1, due_at=self.now + data.draw(waits), error="e")
        counted = Count(metric="tried", function="a", at=self.now)
        settlement = JobSettlement(
            job=data.draw(st.sampled_from([None, after, replace(after, state="dead")])),
            destination_status=data.draw(st.sampled_from(["", "Succeeded", "Failed"])),
            added=data.draw(st.sampled_from([(), (self.a_job(f"d{lease.key}", kind=DELIVERY),)])),
            counts=(counted,),
        )
        if self.both("settle_job", lease, settlement) is Settled.DONE:
            self.count(counted)
            self.settled.add(lease)
            if settlement.job is None:
                self.job_keys.remove(lease.key)
            self.job_keys.update(job.key for job in settlement.added)

    def redrive(self, data: st.DataObject) -> None:
        for dead in self.both("dead_jobs")[:1]:
            self.both("redrive", dead.key, now=self.now)

    def discard_dead(self, data: st.DataObject) -> None:
        for dead in self.both("dead_jobs")[-1:]:
            self.both("discard_dead", dead.key)
            self.job_keys.remove(dead.key)

    def page_through(self, data: st.DataObject) -> None:
        query = TaskQuery(
            function=data.draw(st.sampled_from([None, *FUNCTIONS])),
            statuses=data.draw(st.none() | st.sets(st.sampled_from(Status), max_size=3)),
            descending=data.draw(st.booleans()),
            limit=data.draw(limits),
        )
        seen: list[Invocation] = []
        while True:
            page = self.both("query", query)
            seen += page.invocations
            if page.after is None:
                break
            query = query._replace(after=page.after)
        everything = self.run(self.model.query(query._replace(after=None, limit=1_000)))
        assert seen == list(everything.invocations)

    @invariant()
    def both_show_the_same(self) -> None:
        self.both("next_due")
        self.both("dead_jobs")
        for kind in KINDS:
            self.both("next_job_due", kind)
        stats = [self.run(store.stats()) for store in (self.model, self.subject)]
        shown = [
            each._replace(by_status={s: n for s, n in each.by_status.items() if n})
            for each in stats
        ]
        assert shown[0] == shown[1]

    @invariant()
    def every_recorded_path_is_legal(self) -> None:
        for invocation in self.both("query", TaskQuery(None, limit=1_000)).invocations:
            task = self.both("get", invocation.function, invocation.task_id)
            path = [event.status for event in task.events]
            assert path[0] is Status.ENQUEUED
            assert path[-1] is task.invocation.status
            assert all(itertools.starmap(legal, itertools.pairwise(path))), path

    @invariant()
    def accepted_is_queued_and_held_and_finished(self) -> None:
        stats = self.run(self.subject.stats())
        assert sum(stats.by_status.values()) == self.accepted - self.forgotten

    @invariant()
    def what_is_in_process_is_what_has_a_lease(self) -> None:
        by_status = self.run(self.subject.stats()).by_status
        held = sum(by_status.get(status, 0) for status in (Status.DEQUEUED, Status.RUNNING))
        stopping = by_status.get(Status.STOPPING, 0)  # a released one has no lease
        assert held <= self.run(in_process(self.subject)) <= held + stopping

    @invariant()
    def metrics_are_what_was_settled(self) -> None:
        assert self.run(sums(self.subject)) == self.counted
        self.both("metrics")


def check(stores, *, examples: int, steps: int) -> None:
    machine = type("Subject", (Histories,), {"open_stores": staticmethod(stores)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def fewer(request: pytest.FixtureRequest, examples: int) -> int:
    """Each step asks the store a dozen times: a server needs longer than a library."""
    on_a_server = request.node.callspec.params["stores"] == "postgres"
    return examples // 3 if on_a_server else examples


def test_any_history_has_the_same_effect_as_on_the_memory_store(
    stores, request: pytest.FixtureRequest
) -> None:
    check(stores, examples=fewer(request, 15), steps=40)


@pytest.mark.slow
def test_any_long_history_has_the_same_effect_as_on_the_memory_store(
    stores, request: pytest.FixtureRequest
) -> None:
    check(stores, examples=fewer(request, 20), steps=80)
