# SPDX-License-Identifier: MIT
"""Whatever happens, in whatever order: every accepted invocation comes to exactly one legal end.

Random outcomes, delays, stops, refusing destinations, time that passes, stores that are unavailable
for a time, and engines that are killed and started again on the same store.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.domain.states import Status
from fc_async_local.settings import Settings
from fc_async_sdk.spec import metrics
from fc_async_tests.handlers import QUEUE
from fc_async_tests.legal_steps import legal
from fc_async_tests.metrics import in_process
from fc_async_tests.outages import Flaky

# A node that dies gives back what it held: the store records no step for that.
FALLS_BACK = {Status.DEQUEUED, Status.RUNNING}


class History(RuleBasedStateMachine):
    """One runtime over its restarts."""

    world_class: Any
    tasks = Bundle("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = Flaky()
        self.world = self.world_class(Settings.of(max_in_flight=3), self.store)
        self.store.clock = self.world.clock
        self.accepted: dict[str, str] = {}
        self.stopped: set[str] = set()
        self.executed: Counter[str] = Counter()
        self.world.function("plain", self._handler, success=QUEUE, failure=QUEUE, retries=1)
        self.world.function("young", self._handler, failure=QUEUE, retries=8, age=3)
        # Without task mode: forgotten at its end, so its metrics and its destination must tell.
        self.world.function(
            "quick", self._handler, success=QUEUE, failure=QUEUE, retries=1, task_mode=False
        )
        self._do(self.world.engine.start(self.world.destinations))

    @property
    def tasks_kept(self) -> dict[str, str]:
        return {task: name for task, name in self.accepted.items() if name != "quick"}

    def _do(self, awaitable) -> Any:
        return self.loop.run_until_complete(awaitable)

    async def _handler(self, event: bytes, attempt) -> Any:
        script = json.loads(event)
        done = self.executed[attempt.task_id]
        self.executed[attempt.task_id] += 1
        kind, seconds = script[done] if done < len(script) else ("success", 0)
        await self.world.clock.wait(self.world.clock.now() + seconds * 1_000)
        return Outcome(kind=OutcomeKind(kind))

    @rule(
        target=tasks,
        function=st.sampled_from(["plain", "young", "quick"]),
        script=st.lists(
            st.tuples(
                st.sampled_from(
                    ["success", "function error", "throttled", "system error", "invalid"]
                ),
                st.integers(0, 40),
            ),
            max_size=5,
        ),
        delay=st.sampled_from([0, 0, 1, 5]),
    )
    def accept(self, function: str, script: list[tuple[str, int]], delay: int) -> str:
        task_id = f"t{len(self.accepted)}"
        self.accepted[task_id] = function
        call = self.world.invoke(
            function, json.dumps(script).encode(), task_id=task_id, delay_seconds=delay
        )
        self._do(call)
        return task_id

    @rule(ms=st.sampled_from([0, 1, 499, 500, 1_000, 2_500, 31_000]))
    def pass_time(self, ms: int) -> None:
        self._do(self.world.engine.advance(ms))

    @rule(task_id=tasks)
    def stop(self, task_id: str) -> None:
        if task_id not in self.tasks_kept or self.store.is_away("settle"):
            return
        self.stopped.add(task_id)
        try:
            self._do(self.world.engine.stop_task(self.accepted[task_id], task_id))
        except Rejected as error:
            assert error.code == "AsyncInvocationStopped"  # noqa: PT017 -- one of two good ends

    @rule(task_id=tasks)
    def make_due(self, task_id: str) -> None:
        self._do(self.world.engine.make_due(self.accepted[task_id], task_id))

    @rule(answers=st.lists(st.sampled_from([200, 404, 500, 503]), max_size=3))
    def destinations_answer(self, answers: list[int]) -> None:
        self.world.queue.answers = answers

    @rule(
        verbs=st.sets(st.sampled_from(Flaky.verbs)),
        ms=st.sampled_from([400, 3_000, 35_000, 95_000]),
    )
    def the_store_goes_away(self, verbs: set[str], ms: int) -> None:
        self.store.go_away(*verbs, ms=ms)

    @rule(turns=st.integers(0, 12))
    def crash(self, turns: int) -> None:
        async def drop() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            if others:
                await asyncio.wait(others)

        self._do(drop())
        self._do(self.world.new_engine().start(self.world.destinations))

    @invariant()
    def nothing_is_lost(self) -> None:
        async def look() -> tuple[int, int]:
            by_status = (await self.world.store.stats()).by_status
            return sum(by_status.values()), await self.world.metric(metrics.DEQUEUED, "quick")

        kept, forgotten = self._do(look())
        assert kept == len(self.accepted) - forgotten

    @invariant()
    def every_step_is_legal(self) -> None:
        for task_id, function in self.tasks_kept.items():
            events = self._do(self.world.task(function, task_id)).events
            for before, after in pairwise(event.status for event in events):
                fell_back = before in FALLS_BACK and after is Status.DEQUEUED
                assert fell_back or legal(before, after), (before, after)

    def teardown(self) -> None:
        try:
            self._do(self.world.engine.run_until_idle())
            self._check_ends()
        finally:
            self._do(self.world.engine.aclose())
            self.loop.close()

    @invariant()
    def what_is_in_process_is_what_has_a_lease(self) -> None:
        async def look() -> tuple[int, int, int]:
            by_status = (await self.world.store.stats()).by_status
            held = by_status.get(Status.DEQUEUED, 0) + by_status.get(Status.RUNNING, 0)
            return held, by_status.get(Status.STOPPING, 0), await in_process(self.world.store)

        held, stopping, counted = self._do(look())
        assert held <= counted <= held + stopping

    def _check_ends(self) -> None:
        assert self._do(in_process(self.world.store)) == 0
        told = Counter(event.delivery.task_id for event in self.world.queue.got)
        assert all(told[task] for task, name in self.accepted.items() if name == "quick")
        for task_id, function in self.tasks_kept.items():
            task = self._do(self.world.task(function, task_id))
            assert task.invocation.status.final
            assert sum(event.status.final for event in task.events) == 1
            assert task.invocation.attempts <= (2 if function == "plain" else 9)
            assert task.invocation.status is not Status.STOPPED or task_id in self.stopped
            if function == "plain" or task.invocation.status is not Status.SUCCEEDED:
                assert told[task_id] >= 1


def test_every_accepted_invocation_comes_to_exactly_one_legal_end(world_class) -> None:
    machine = type("History", (History,), {"world_class": world_class})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
