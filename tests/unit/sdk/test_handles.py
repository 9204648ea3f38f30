# SPDX-License-Identifier: MIT
"""Handles and groups on a clock of their own: nothing here sleeps or sends."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fc_async_sdk import errors, waiters
from fc_async_sdk.fanout import Progress
from fc_async_sdk.handles import (
    AsyncFunctionHandle,
    AsyncTaskGroup,
    AsyncTaskHandle,
    FunctionHandle,
    Target,
    TaskGroup,
    TaskHandle,
)
from fc_async_tests.task_service import Scripted, TaskService

if TYPE_CHECKING:
    from fc_async_sdk.models import TaskStatus


@dataclass
class Order:
    number: int


@dataclass
class Thumbnail:
    width: int


class Sync:
    """The synchronous handles."""

    def __init__(self, service: TaskService) -> None:
        self._port = service.port()

    def function(self) -> FunctionHandle[Order, Thumbnail]:
        return FunctionHandle(self._port, Target("f", None, Thumbnail), Order)

    def group(self, prefix: str, size: int | None = None) -> TaskGroup[Thumbnail]:
        return self.function().group(prefix, size=size)

    def ends(self, group: TaskGroup[Thumbnail], **options) -> list[TaskHandle[Thumbnail]]:
        return list(group.ends(**options))

    def do(self, value: Any) -> Any:
        return value


class Asyncio:
    """The asyncio handles, used as the others are."""

    def __init__(self, service: TaskService) -> None:
        self._port = service.async_port()

    def function(self) -> AsyncFunctionHandle[Order, Thumbnail]:
        return AsyncFunctionHandle(self._port, Target("f", None, Thumbnail), Order)

    def group(self, prefix: str, size: int | None = None) -> AsyncTaskGroup[Thumbnail]:
        return self.function().group(prefix, size=size)

    def ends(self, group: AsyncTaskGroup[Thumbnail], **options) -> list[AsyncTaskHandle[Thumbnail]]:
        async def collect() -> list[AsyncTaskHandle[Thumbnail]]:
            return [task async for task in group.ends(**options)]

        return asyncio.run(collect())

    def do(self, value: Any) -> Any:
        async def wait() -> Any:
            return await value

        return asyncio.run(wait())


Both = Sync | Asyncio


@pytest.fixture
def service() -> TaskService:
    return TaskService()


@pytest.fixture(params=[Sync, Asyncio])
def handles(request: pytest.FixtureRequest, service: TaskService) -> Both:
    made: Both = request.param(service)
    return made


class TestFunctionHandle:
    def test_spawn_returns_a_task_that_has_an_id(self, handles: Both, service: TaskService) -> None:
        task = handles.do(handles.function().spawn(Order(7)))
        assert service.tasks[task.id].payload == Order(7)  # as it was given; the client encodes it
        assert task.id.startswith("f-")
        assert task.request_id == f"r-{task.id}"
        assert repr(task).endswith(f"TaskHandle {task.id} of f: not read>")

    def test_two_tasks_have_two_ids(self, handles: Both) -> None:
        function = handles.function()
        ids = {handles.do(function.spawn(Order(7))).id for _ in range(20)}
        assert len(ids) == 20

    def test_a_given_id_that_is_taken_is_an_error(self, handles: Both) -> None:
        handles.do(handles.function().spawn(Order(7), task_id="t"))
        with pytest.raises(errors.AsyncTaskAlreadyExists):
            handles.do(handles.function().spawn(Order(7), task_id="t"))

    def test_a_payload_of_another_type_is_refused_and_nothing_is_sent(
        self, handles: Both, service: TaskService
    ) -> None:
        wrong: Any = {"number": 7}
        with pytest.raises(errors.InvalidParameter, match="must be of type Order"):
            handles.do(handles.function().spawn(wrong))
        with pytest.raises(errors.InvalidParameter, match=r"payloads\[1\]='dict': must be of type"):
            handles.do(handles.function().map([Order(7), wrong]))
        assert service.requests == []

    @pytest.mark.parametrize("result", [object, "Thumbnail"])
    def test_a_result_that_json_cannot_be_read_as_is_refused_at_once(self, result: Any) -> None:
        with pytest.raises(errors.InvalidParameter, match="result"):
            Target("f", None, result)


class TestTaskHandle:
    def test_the_result_is_waited_for_and_typed(self, handles: Both, service: TaskService) -> None:
        service.add(Scripted("t", ends=30, result='{"width":64}'))
        assert handles.do(handles.function().task("t").result()) == Thumbnail(64)
        assert service.now == pytest.approx(30, abs=5)

    @pytest.mark.parametrize(
        ("status", "kind", "said"),
        [
            ("Failed", errors.TaskFailed, "failed after 4 attempts: UnhandledInvocationError"),
            ("Stopped", errors.TaskStopped, "was stopped"),
            ("Expired", errors.TaskExpired, "expired before it was executed"),
            ("Invalid", errors.TaskInvalid, "was not executed"),
        ],
    )
    def test_a_task_without_a_result_says_why(
        self,
        handles: Both,
        service: TaskService,
        status: TaskStatus,
        kind: type[errors.TaskError],
        said: str,
    ) -> None:
        service.add(Scripted("t", outcome=status))
        task = handles.function().task("t")
        with pytest.raises(kind, match=f"task t of f {said}") as caught:
            handles.do(task.result())
        assert caught.value.status == status
        assert task.error is caught.value

    def test_a_result_that_the_service_does_not_keep_says_how_to_get_it(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(Scripted("t", result=None))
        with pytest.raises(errors.ResultNotKept, match="on_success=ARN") as caught:
            handles.do(handles.function().task("t").result())
        assert all(len(line) <= 100 for line in str(caught.value).splitlines())

    def test_a_result_of_another_type_is_named_with_its_place(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(Scripted("t", result='{"width":"wide"}'))
        said = r"the result of task t is not a valid Thumbnail: .* \(at \$\.width\)"
        with pytest.raises(errors.InvalidPayload, match=said):
            handles.do(handles.function().task("t").result())

    def test_giving_up_carries_the_task(self, handles: Both, service: TaskService) -> None:
        service.add(Scripted("t", ends=100))
        with pytest.raises(errors.WaiterError, match=r"gave up after 7 s, last seen: Running"):
            handles.do(handles.function().task("t").wait(7))
        assert service.now == pytest.approx(7)

    def test_without_a_timeout_it_never_gives_up(self, handles: Both, service: TaskService) -> None:
        service.add(Scripted("t", ends=100_000))
        assert handles.do(handles.function().task("t").wait(None)).succeeded

    def test_the_status_is_that_of_now(self, handles: Both, service: TaskService) -> None:
        service.add(Scripted("t", starts=1, ends=2))
        task = handles.function().task("t")
        seen = []
        for _ in range(3):
            seen.append(handles.do(task.status()))
            service.sleep(1)
        assert seen == ["Enqueued", "Running", "Succeeded"]

    def test_a_task_can_be_stopped(self, handles: Both, service: TaskService) -> None:
        service.add(Scripted("t", ends=100))
        handles.do(handles.function().task("t").stop())
        with pytest.raises(errors.TaskStopped):
            handles.do(handles.function().task("t").result())

    def test_a_replay_is_a_new_task_with_the_same_payload(
        self, handles: Both, service: TaskService
    ) -> None:
        others = [Scripted(f"t-{number}", payload=b"other") for number in range(250)]
        service.add(*others, Scripted("t", outcome="Failed", payload=b"\xc3\xa9"))
        again = handles.do(handles.function().task("t").replay())
        assert again.id != "t"
        assert service.tasks[again.id].payload == "é".encode()

    def test_a_task_that_is_not_listed_cannot_be_replayed(self, handles: Both) -> None:
        with pytest.raises(errors.TaskLost, match="task t of f is not listed"):
            handles.do(handles.function().task("t").replay())


def batch(count: int, **script) -> list[Scripted]:
    return [Scripted(f"b-{number}", **script) for number in range(count)]


class TestGroup:
    def test_map_sends_all_and_iterating_returns_all_as_they_end(
        self, handles: Both, service: TaskService
    ) -> None:
        service.accept = lambda task_id, payload: Scripted(
            task_id, ends=float(task_id[2:]), payload=payload, result='{"width":1}'
        )
        group = handles.do(handles.function().map(map(Order, range(30)), task_ids="b"))
        assert (group.size, len(service.tasks)) == (30, 30)
        ends = handles.ends(group)
        assert [task.index for task in ends] == list(range(30))
        assert {handles.do(task.result()).width for task in ends} == {1}

    def test_ends_come_while_others_run(self, service: TaskService) -> None:
        service.add(*batch(3), Scripted("b-3", ends=1000))
        seen = iter(Sync(service).group("b", 4))
        assert [next(seen).id for _ in range(3)] == ["b-0", "b-1", "b-2"]
        assert service.now == 0

    def test_failures_are_ends_and_typed(self, handles: Both, service: TaskService) -> None:
        outcomes: list[TaskStatus] = ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"]
        service.add(*[Scripted(f"b-{n}", outcome=status) for n, status in enumerate(outcomes)])
        group = handles.group("b", 5)
        assert [type(task.error) for task in handles.ends(group)] == [
            type(None),
            errors.TaskFailed,
            errors.TaskStopped,
            errors.TaskExpired,
            errors.TaskInvalid,
        ]
        assert [task.id for task in group.failures] == ["b-1", "b-2", "b-3", "b-4"]
        assert group.progress == Progress(done=5, failed=4, total=5)

    def test_what_was_refused_is_an_end_and_is_not_waited_for(
        self, handles: Both, service: TaskService
    ) -> None:
        service.refuse = {b'{"number":1}': errors.OutcomeUnknown("lost")}
        group = handles.do(handles.function().map(map(Order, range(3)), task_ids="b"))
        failed = [task for task in handles.ends(group) if task.error]
        assert [(task.id, type(task.error)) for task in failed] == [("b-1", errors.OutcomeUnknown)]
        with pytest.raises(errors.OutcomeUnknown):
            handles.do(failed[0].result())

    def test_a_task_that_is_never_listed_does_not_hang_the_group(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*[task for task in batch(150, ends=3) if task.task_id != "b-17"])
        lost = [task for task in handles.ends(handles.group("b", 150)) if task.error]
        assert [(task.id, type(task.error)) for task in lost] == [("b-17", errors.TaskLost)]
        assert service.now < 30

    def test_without_task_mode_all_tasks_are_lost_with_a_dozen_requests(
        self, handles: Both, service: TaskService
    ) -> None:
        ends = handles.ends(handles.group("b", 10_000))
        assert {type(task.error) for task in ends} == {errors.TaskLost}
        assert "async_task on" in str(ends[0].error)
        assert len(service.requests) < 50

    def test_a_task_that_appears_late_is_not_lost(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(3), Scripted("b-3", appears=4))
        assert not any(task.error for task in handles.ends(handles.group("b", 4)))

    def test_a_task_that_vanishes_does_not_hang_the_group(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(250), Scripted("b-250", ends=10_000, vanishes=100))
        last = handles.ends(handles.group("b", 251))[-1]
        assert (last.id, type(last.error)) == ("b-250", errors.TaskLost)
        assert service.now < 150

    def test_giving_up_carries_the_progress(self, handles: Both, service: TaskService) -> None:
        service.add(*batch(3), Scripted("b-3", outcome="Failed"), Scripted("b-4", ends=1000))
        said = "gave up after 20 s: 4 of 5 tasks of b have ended, 1 of them without a result"
        with pytest.raises(errors.WaiterError, match=said) as caught:
            handles.do(handles.group("b", 5).wait(20))
        assert caught.value.last == Progress(done=4, failed=1, total=5)
        assert service.now == pytest.approx(20)

    def test_iterating_again_begins_with_what_is_known(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(30))
        group = handles.group("b", 30)
        handles.ends(group)
        before = len(service.requests)
        assert len(handles.ends(group)) == 30
        assert len(service.requests) == before

    def test_results_come_with_the_lists_if_asked_for(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(30, result='{"width":2}'))
        ends = handles.ends(handles.group("b", 30), results=True)
        assert {handles.do(task.result()).width for task in ends} == {2}
        assert set(service.requests) == {"list_async_tasks"}

    def test_progress_is_reported_after_every_end(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(3), Scripted("b-3", outcome="Failed"))
        told: list[Progress] = []
        handles.ends(handles.group("b", 4), progress=told.append)
        assert [(one.done, one.failed, one.total) for one in told][-1] == (4, 1, 4)
        assert len(told) == 4

    @pytest.mark.parametrize("prefix", ["", "1a", "a b", "x" * 127, "a/b", "b_r", "b_r1"])
    def test_a_prefix_that_no_id_can_have_is_refused(self, handles: Both, prefix: str) -> None:
        with pytest.raises(errors.InvalidParameter, match="prefix"):
            handles.group(prefix)
        with pytest.raises(errors.InvalidParameter, match="task_ids"):
            handles.do(handles.function().map([Order(1)], task_ids=prefix))

    @pytest.mark.parametrize(
        "options", [{"timeout": 0}, {"interval": -1}, {"page_size": 101}, {"page_size": 0}]
    )
    def test_wrong_options_are_refused_at_once(
        self, handles: Both, options: dict[str, Any]
    ) -> None:
        with pytest.raises(errors.InvalidParameter, match=next(iter(options))):
            handles.group("b", 1).ends(**options)


class TestGroupFoundAgain:
    def test_its_prefix_is_enough(self, handles: Both, service: TaskService) -> None:
        service.add(*batch(250, ends=2), Scripted("b2-0"), Scripted("bb-0"), Scripted("b"))
        group = handles.group("b")
        assert group.progress.total is None
        assert {task.id for task in handles.ends(group)} == {f"b-{n}" for n in range(250)}
        assert group.progress == Progress(done=250, failed=0, total=250)

    def test_tasks_that_another_process_still_sends_are_found(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(100, ends=5))
        service.add(*[Scripted(f"b-{n}", appears=3, ends=20) for n in range(100, 250)])
        assert len(handles.ends(handles.group("b"))) == 250

    def test_a_group_of_no_payloads_ends_at_once(self, handles: Both, service: TaskService) -> None:
        assert handles.ends(handles.do(handles.function().map([], task_ids="b"))) == []
        assert handles.ends(handles.group("b", 0)) == []
        assert service.now == 0

    def test_a_mistyped_prefix_is_an_error_that_names_what_begins_alike(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*[Scripted(f"b-2026-{n}") for n in range(9)], Scripted("b_retry-1"))
        said = "no task of f has the id b-0, b-1 or the like; listed are b_retry-1, b-2026-0, b-20"
        with pytest.raises(errors.WaiterError, match=said) as caught:
            handles.do(handles.group("b").wait())
        assert caught.value.last == Progress(done=0, failed=0, total=0)
        assert service.now < 20

    def test_a_group_whose_first_task_is_listed_late_is_waited_for(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(Scripted("b-0", appears=4, ends=30))
        assert [task.id for task in handles.ends(handles.group("b"))] == ["b-0"]


STRANGERS = [
    "b-2026-0",
    "b_retry-1",
    "b_r1-x",
    "b_r0-1",
    "b-007",
    "b-1-0",
    "b-x",
    "bb-0",
    "b_r1-1-0",
]
"""Ids that begin like those of the group ``b`` and are others'."""


@pytest.mark.parametrize("size", [None, 2])
class TestTasksOfOthers:
    def test_are_not_stopped(self, handles: Both, service: TaskService, size: int | None) -> None:
        service.add(*batch(2, ends=100), Scripted("b_r1-1", ends=100))
        service.add(*[Scripted(task_id, ends=100) for task_id in STRANGERS])
        assert handles.do(handles.group("b", size).stop()) == 3
        assert service.stopped == {"b-0", "b-1", "b_r1-1"}

    def test_are_not_replayed(self, handles: Both, service: TaskService, size: int | None) -> None:
        service.add(*batch(2, outcome="Failed"))
        service.add(*[Scripted(task_id, outcome="Failed") for task_id in STRANGERS])
        before = set(service.tasks)
        assert handles.do(handles.group("b", size).replay_failed()) == 2
        assert service.tasks.keys() - before == {"b_r1-0", "b_r1-1"}

    def test_are_neither_counted_nor_waited_for(
        self, handles: Both, service: TaskService, size: int | None
    ) -> None:
        service.add(*batch(2, ends=3))
        service.add(*[Scripted(task_id, ends=1000) for task_id in STRANGERS])
        group = handles.do(handles.group("b", size).wait())
        assert group.progress == Progress(done=2, failed=0, total=2)
        assert service.now < 20


AMBIGUOUS = {
    "orders-1001": "is ambiguous: orders-1001 may be tasks of others",
    "orders_r1-12": "is ambiguous: orders_r1-12 may be tasks of others",
}
"""Ids of single tasks that look like those of a group of ten, with what is said of them."""


@pytest.mark.parametrize("stranger", AMBIGUOUS)
class TestAnAmbiguousPrefix:
    def test_is_refused_with_the_ids_that_make_it_so(
        self, handles: Both, service: TaskService, stranger: str
    ) -> None:
        service.add(*[Scripted(f"orders-{n}", outcome="Failed") for n in range(9)])
        service.add(Scripted("orders-9", ends=50), Scripted(stranger, ends=60))
        before = set(service.tasks)
        for act in ("stop", "replay_failed", "wait"):
            with pytest.raises(errors.InvalidParameter, match=AMBIGUOUS[stranger]):
                handles.do(getattr(handles.group("orders"), act)())
        assert (service.stopped, set(service.tasks)) == (set(), before)

    def test_is_none_if_the_size_is_given(
        self, handles: Both, service: TaskService, stranger: str
    ) -> None:
        service.add(*[Scripted(f"orders-{n}", ends=50) for n in range(10)])
        service.add(Scripted(stranger, ends=60))
        assert handles.do(handles.group("orders", 10).stop()) == 10
        assert stranger not in service.stopped


def test_many_ids_that_make_a_prefix_ambiguous_are_counted(
    handles: Both, service: TaskService
) -> None:
    service.add(*[Scripted(f"b-{n}") for n in range(5000, 5010)])
    said = "b-5000, b-5001, b-5002 and 7 others may be tasks of others"
    with pytest.raises(errors.InvalidParameter, match=said):
        handles.do(handles.group("b").stop())


def test_payloads_that_were_refused_do_not_make_a_prefix_ambiguous(
    handles: Both, service: TaskService
) -> None:
    service.add(*[task for task in batch(200, ends=9) if not 20 <= int(task.task_id[2:]) < 60])
    assert handles.do(handles.group("b").stop()) == 160


class TestAServiceThatDoesNotAnswer:
    @pytest.mark.parametrize("size", [None, 3])
    def test_ends_a_wait_at_its_timeout_as_documented(
        self, handles: Both, service: TaskService, size: int | None
    ) -> None:
        service.add(*batch(3, ends=100))
        service.silent_from = 2
        with pytest.raises(errors.WaiterError, match="gave up after 4 s") as caught:
            handles.do(handles.group("b", size).wait(timeout=4))
        assert isinstance(caught.value.__cause__, errors.TimedOut)
        assert isinstance(caught.value.last, Progress)

    def test_and_then_does_again_is_waited_for(self, handles: Both, service: TaskService) -> None:
        service.add(*batch(3, ends=100))
        service.silent_from, service.silent_until = 2, 50
        assert handles.do(handles.group("b", 3).wait(timeout=300)).failures == []


class TestStop:
    @pytest.mark.parametrize("concurrency", [0, 1_001, 1.5])
    def test_with_a_wrong_concurrency_nothing_is_stopped(
        self, handles: Both, service: TaskService, concurrency: Any
    ) -> None:
        service.add(*batch(2, ends=100))
        with pytest.raises(errors.InvalidParameter, match="concurrency"):
            handles.do(handles.group("b", 2).stop(concurrency=concurrency))
        assert service.requests == []

    def test_all_that_have_not_ended_are_stopped(self, handles: Both, service: TaskService) -> None:
        service.add(*batch(150, starts=10, ends=100), Scripted("b-150"), Scripted("c-0", ends=9))
        group = handles.group("b", 151)
        assert handles.do(group.stop()) == 150
        stopped = [task for task in handles.ends(group) if task.error]
        assert {type(task.error) for task in stopped} == {errors.TaskStopped}
        assert len(stopped) == 150
        assert service.status(service.tasks["c-0"]) != "Stopped"

    def test_those_that_succeed_before_the_request_comes_are_not_counted_as_stopped(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(11, ends=100), Scripted("b-11", ends=1), Scripted("b-12", ends=1))
        stop = service.stop_async_task

        def late(function: str, task_id: str, **options: Any) -> None:
            service.now = 1
            stop(function, task_id, **options)

        service.stop_async_task = late  # type: ignore[method-assign]
        group = handles.group("b", 13)
        assert handles.do(group.stop()) == 11
        assert len(group.failures) == 0
        assert len([task for task in handles.ends(group) if task.error]) == 11


class TestReplay:
    def test_the_failed_are_replayed_and_the_group_waits_for_the_replays(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(120, outcome="Failed", payload=b"p"), Scripted("b-120"))
        group = handles.group("b", 121)
        handles.ends(group)
        service.accept = lambda task_id, payload: Scripted(
            task_id, payload=payload, ends=service.now + 5
        )
        assert handles.do(group.replay_failed()) == 120
        assert group.progress == Progress(done=1, failed=0, total=121)
        ends = handles.ends(group)
        assert not any(task.error for task in ends)
        assert {task.index for task in ends} == set(range(121))
        assert service.tasks["b_r1-7"].payload == b"p"

    def test_replays_that_another_process_sends_meanwhile_are_not_counted(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(5, outcome="Failed"))
        service.add(*[Scripted(f"b_r1-{n}", appears=1) for n in range(3)])  # not listed yet
        group = handles.group("b", 5)
        assert handles.do(group.replay_failed()) == 2
        assert {task.id for task in handles.ends(group)} == {f"b_r1-{n}" for n in range(5)}

    def test_replays_that_are_refused_are_not_counted_but_are_failures(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(2, outcome="Failed", payload=b"p"))
        service.refuse = {b"p": errors.AccessDenied("AccessDenied", "m", http_status=403)}
        group = handles.group("b", 2)
        assert handles.do(group.replay_failed()) == 0
        assert {task.id for task in group.failures} == {"b_r1-0", "b_r1-1"}

    def test_another_process_sees_a_replayed_task_once_by_its_last_replay(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(
            Scripted("b-0"),
            Scripted("b-1", outcome="Failed"),
            Scripted("b_r1-1", outcome="Failed"),
            Scripted("b_r2-1", ends=3),
        )
        for size in (None, 2):
            service.now = 0
            ends = handles.ends(handles.group("b", size))
            assert [(task.id, task.error) for task in ends] == [("b-0", None), ("b_r2-1", None)]

    def test_a_replay_that_failed_is_replayed_in_its_turn(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(3, outcome="Failed"))
        service.accept = lambda task_id, payload: Scripted(
            task_id, payload=payload, outcome="Failed" if "_r1" in task_id else "Succeeded"
        )
        group = handles.group("b", 3)
        assert [handles.do(group.replay_failed()) for _ in range(3)] == [3, 3, 0]
        assert {task.id for task in handles.ends(group)} == {f"b_r2-{n}" for n in range(3)}

    def test_what_was_refused_is_sent_again_unless_it_never_can_be(
        self, handles: Both, service: TaskService
    ) -> None:
        service.refuse = {
            b'{"number":1}': errors.OutcomeUnknown("lost"),
            b'{"number":2}': errors.PayloadTooLarge(2, 1),
        }
        group = handles.do(handles.function().map(map(Order, range(3)), task_ids="b"))
        service.refuse = {}
        assert handles.do(group.replay_failed()) == 1
        ends = handles.ends(group)
        assert [task.id for task in ends if task.error] == ["b-2"]
        assert len(ends) == 3

    def test_stopped_tasks_are_replayed_if_asked_for(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(3, outcome="Stopped"))
        group = handles.group("b", 3)
        assert handles.do(group.replay_failed()) == 0
        assert handles.do(group.replay_failed(statuses=["Stopped"])) == 3

    def test_one_task_of_a_group_is_replayed_and_waited_for(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*batch(2), Scripted("b-2", outcome="Failed"))
        group = handles.group("b", 3)
        [failed] = [task for task in handles.ends(group) if task.error]
        assert handles.do(failed.replay()).id == "b_r1-2"
        assert not any(task.error for task in handles.ends(group))

    def test_a_replay_with_an_id_of_ones_own_can_be_replayed(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(Scripted("b-0", outcome="Failed"))
        [failed] = handles.ends(handles.group("b", 1))
        again = handles.do(failed.replay(task_id="mine"))
        assert handles.do(again.replay()).id.startswith("f-")


def polling_each(tasks: list[Scripted]) -> int:
    """Return the requests that one waiter per task makes."""
    requests = 0
    for task in tasks:
        polling, now = waiters.Polling(None, None, 0.0), 0.0
        requests += 1
        while now < task.ends:
            now += polling.wait(now) or 0.0
            requests += 1
    return requests


def queue(count: int, at_a_time: int, seconds: float) -> list[Scripted]:
    """Tasks of a function that runs so many at a time, each for so long."""
    return [
        Scripted(f"b-{n}", starts=n // at_a_time * seconds, ends=(n // at_a_time + 1) * seconds)
        for n in range(count)
    ]


class TestCost:
    @pytest.mark.parametrize(
        ("at_a_time", "seconds"),
        [
            (1000, 1),
            pytest.param(100, 1, marks=pytest.mark.slow),
            pytest.param(100, 10, marks=pytest.mark.slow),
        ],
    )
    def test_ten_thousand_tasks_cost_under_a_percent_of_polling_each(
        self, service: TaskService, at_a_time: int, seconds: float
    ) -> None:
        tasks = queue(10_000, at_a_time, seconds)
        service.add(*tasks)
        assert len(Sync(service).ends(Sync(service).group("b", 10_000))) == 10_000
        assert len(service.requests) < polling_each(tasks) / 100
        assert service.now < tasks[-1].ends + 10

    def test_stragglers_on_every_page_are_listed_together(self, service: TaskService) -> None:
        tasks = queue(10_000, 1000, 1)
        for task in tasks[::100]:
            task.ends += 120
        service.add(*tasks)
        assert len(Sync(service).ends(Sync(service).group("b", 10_000))) == 10_000
        assert len(service.requests) < polling_each(tasks) / 100

    def test_a_straggler_on_the_first_page_does_not_hide_the_others(
        self, service: TaskService
    ) -> None:
        tasks = queue(2_000, 100, 1)
        for task in tasks[:20]:
            task.ends = 500
        service.add(*tasks)
        group = Sync(service).group("b", 2_000)
        late = 0.0
        for task in group.ends():
            late = max(late, service.now - service.tasks[task.id].ends)
        assert late < 25

    def test_a_page_is_not_read_again_when_all_its_tasks_have_ended(
        self, service: TaskService
    ) -> None:
        service.add(*batch(1000))
        Sync(service).ends(Sync(service).group("b", 1000))
        assert len(service.requests) == 11  # ten pages, and none of replays

    def test_a_group_that_was_just_sent_has_no_replays_to_look_for(
        self, service: TaskService
    ) -> None:
        group = Sync(service).function().map(map(Order, range(1000)), task_ids="b")
        assert len(Sync(service).ends(group)) == 1000
        assert service.requests == ["list_async_tasks"] * 10

    def test_a_group_that_was_sent_again_has(self, service: TaskService) -> None:
        service.add(Scripted("b-0", outcome="Failed"), Scripted("b_r1-0"))
        group = Sync(service).function().map(map(Order, range(2)), task_ids="b")
        assert {task.id for task in Sync(service).ends(group)} == {"b_r1-0", "b-1"}


class TestAnyOrder:
    def test_a_list_that_changes_its_order_loses_nothing(
        self, handles: Both, service: TaskService
    ) -> None:
        rng = random.Random(7)
        service.add(*queue(700, 50, 2))
        service.order = lambda _: rng.random()
        assert len({task.id for task in handles.ends(handles.group("b", 700))}) == 700

    def test_a_token_that_is_not_known_any_more_begins_the_list_again(
        self, handles: Both, service: TaskService
    ) -> None:
        service.add(*queue(700, 50, 2))
        service.expire_tokens_at = 5
        assert len({task.id for task in handles.ends(handles.group("b", 700))}) == 700

    @settings(max_examples=60, deadline=None)
    @given(
        script=st.lists(
            st.tuples(st.floats(0, 60), st.floats(0, 60), st.sampled_from(["Succeeded", "Failed"])),
            min_size=1,
            max_size=60,
        ),
        page_size=st.integers(1, 100),
        known=st.booleans(),
    )
    def test_every_task_is_reported_once_and_after_it_has_ended(
        self, script: list[tuple[float, float, TaskStatus]], page_size: int, known: bool
    ) -> None:
        service = TaskService()
        service.add(
            *[
                Scripted(f"b-{n}", starts=starts, ends=starts + runs, outcome=outcome)
                for n, (starts, runs, outcome) in enumerate(script)
            ]
        )
        group = Sync(service).group("b", len(script) if known else None)
        seen = []
        for task in group.ends(page_size=page_size):
            assert service.tasks[task.id].ends <= service.now
            seen.append(task.id)
        assert sorted(seen) == sorted(service.tasks)
