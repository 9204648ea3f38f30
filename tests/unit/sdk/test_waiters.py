# SPDX-License-Identifier: MIT
"""Waiting on a clock of our own: nothing here sleeps."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

import fc_async_sdk
from fc_async_sdk import operations, waiters
from fc_async_sdk.errors import (
    AsyncTaskNotFound,
    ConnectFailed,
    FunctionNotFound,
    InvalidParameter,
    TimedOut,
    WaiterError,
)
from fc_async_sdk.models import AsyncTask, Function, TaskStatus
from fc_async_sdk.operations.call import Answer
from fc_async_sdk.spec import limits


def task(status: TaskStatus, **fields) -> AsyncTask:
    return AsyncTask(task_id="t", status=status, **fields)


def not_found(kind: type[AsyncTaskNotFound | FunctionNotFound]) -> Exception:
    return kind(kind.__name__, "m", http_status=404)


class World:
    """A clock, and a service whose answers are scripted; the last one repeats."""

    def __init__(self, *answers) -> None:
        self._answers = list(answers)
        self.now = 0.0
        self.waits: list[float] = []
        self.asked: list[tuple[Any, ...]] = []
        self.limits: list[float] = []

    def ask(self, operation, args: tuple[Any, ...], kwargs, *, total_timeout: float) -> Any:
        self.asked.append(args)
        self.limits.append(total_timeout)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def task_waiter(self, name: str) -> waiters.TaskWaiter:
        return waiters.TaskWaiter(self.port(), waiters.kind_of(name))

    def function_waiter(self) -> waiters.FunctionWaiter:
        return waiters.FunctionWaiter(self.port(), waiters.kind_of("function_active"))

    def port(self) -> waiters.Port:
        return waiters.Port(self.ask, pytest.fail, self.sleep, lambda: self.now)


class TestTaskFinished:
    @pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped", "Expired", "Invalid"])
    def test_every_final_status_ends_it(self, status: TaskStatus) -> None:
        world = World(task("Enqueued"), task("Running"), task(status))
        found = world.task_waiter("task_finished").wait("f", "t", qualifier="prod")
        assert found.status == status
        assert world.asked == [("f", "t")] * 3

    def test_waits_grow_up_to_five_seconds(self) -> None:
        world = World(*[task("Running")] * 15, task("Succeeded"))
        world.task_waiter("task_finished").wait("f", "t")
        assert world.waits[:3] == pytest.approx([0.1, 0.15, 0.225])
        assert world.waits[-1] == 5.0

    def test_an_interval_is_kept(self) -> None:
        world = World(task("Running"), task("Running"), task("Succeeded"))
        world.task_waiter("task_finished").wait("f", "t", interval=2)
        assert world.waits == [2, 2]

    def test_giving_up_carries_the_task(self) -> None:
        world = World(task("Running"))
        with pytest.raises(WaiterError, match=r"7 s, last seen: Running") as caught:
            world.task_waiter("task_finished").wait("f", "t", timeout=7)
        assert isinstance(caught.value.last, AsyncTask)
        assert world.now == pytest.approx(7)

    def test_a_task_may_appear_late(self) -> None:
        world = World(not_found(AsyncTaskNotFound), not_found(AsyncTaskNotFound), task("Failed"))
        assert world.task_waiter("task_finished").wait("f", "t").status == "Failed"

    def test_a_task_that_never_appears_is_not_found(self) -> None:
        world = World(not_found(AsyncTaskNotFound))
        with pytest.raises(AsyncTaskNotFound):
            world.task_waiter("task_finished").wait("f", "t")
        assert 10 <= world.now < 20

    def test_a_task_that_disappears_is_not_found(self) -> None:
        world = World(task("Running"), not_found(AsyncTaskNotFound))
        with pytest.raises(AsyncTaskNotFound):
            world.task_waiter("task_finished").wait("f", "t")

    def test_a_service_that_does_not_answer_for_a_while_is_asked_again(self) -> None:
        world = World(task("Running"), TimedOut("no answer"), TimedOut("no answer"), task("Failed"))
        assert world.task_waiter("task_finished").wait("f", "t").status == "Failed"

    def test_a_service_that_never_answers_ends_the_wait_at_its_timeout(self) -> None:
        world = World(TimedOut("no answer"))
        with pytest.raises(WaiterError, match=r"gave up after 7 s, last seen: nothing") as caught:
            world.task_waiter("task_finished").wait("f", "t", timeout=7)
        assert isinstance(caught.value.__cause__, TimedOut)

    @pytest.mark.parametrize(
        ("error", "timeout"), [(ConnectFailed("refused"), 7), (TimedOut("no answer"), None)]
    )
    def test_a_service_that_cannot_be_asked_ends_the_wait_at_once(
        self, error: Exception, timeout: float | None
    ) -> None:
        world = World(error)
        with pytest.raises(type(error)):
            world.task_waiter("task_finished").wait("f", "t", timeout=timeout)
        assert world.now == 0

    @pytest.mark.parametrize("bad", [{"timeout": 0}, {"timeout": True}, {"interval": -1}])
    def test_times_that_are_none_are_refused(self, bad: dict[str, Any]) -> None:
        with pytest.raises(InvalidParameter, match=next(iter(bad))):
            World(task("Running")).task_waiter("task_finished").wait("f", "t", **bad)


class TestTaskSucceeded:
    def test_a_succeeded_task_ends_the_wait(self) -> None:
        world = World(task("Retrying"), task("Succeeded"))
        assert world.task_waiter("task_succeeded").wait("f", "t").succeeded

    def test_another_end_is_an_error_with_the_task_and_the_reason(self) -> None:
        failed = task("Failed", task_error_message="UnhandledInvocationError")
        with pytest.raises(WaiterError, match="Failed: UnhandledInvocationError") as caught:
            World(failed).task_waiter("task_succeeded").wait("f", "t")
        assert caught.value.last is failed


class TestFunctionActive:
    @pytest.mark.parametrize("state", [None, "Active", "Inactive"])
    def test_a_function_without_a_pending_update_ends_the_wait(self, state: str | None) -> None:
        function = Function(function_name="f", state=state)
        pending = Function(function_name="f", state="Pending")
        updating = Function(function_name="f", state=state, last_update_status="InProgress")
        assert World(pending, updating, function).function_waiter().wait("f") is function

    def test_a_failed_function_is_a_waiter_error(self) -> None:
        function = Function(function_name="f", state="Failed", state_reason="no image")
        with pytest.raises(WaiterError, match="no image") as caught:
            World(function).function_waiter().wait("f")
        assert caught.value.last is function

    def test_a_function_that_is_not_there_is_not_waited_for(self) -> None:
        world = World(not_found(FunctionNotFound))
        with pytest.raises(FunctionNotFound):
            world.function_waiter().wait("f")
        assert world.waits == []


def test_the_asyncio_waiter_has_the_same_results() -> None:
    world = World(not_found(AsyncTaskNotFound), task("Running"), task("Succeeded"))

    async def ask(*args, **kwargs) -> Any:
        return world.ask(*args, **kwargs)

    async def sleep(seconds: float) -> None:
        world.sleep(seconds)

    port = waiters.AsyncPort(ask, pytest.fail, sleep, lambda: world.now)
    waiter = waiters.AsyncTaskWaiter(port, waiters.kind_of("task_succeeded"))
    assert asyncio.run(waiter.wait("f", "t")).succeeded
    assert world.waits == pytest.approx([0.1, 0.15])


class TestPolling:
    """Looks at a runtime whose virtual clock stands at a time, or does not (None)."""

    def warnings(self, looks: list[int | None]) -> list[warnings.WarningMessage]:
        polling, stands = waiters.Polling(None, None, 0.0), iter(looks)
        call = operations.delete_function("f")
        look = polling.noting(lambda: call)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for at in stands:
                headers = {} if at is None else {limits.STOPPED_CLOCK: str(at)}
                look().result(Answer(204, headers, b""))
                polling.wait(0.0)
        return caught

    def test_a_clock_that_stands_still_from_look_to_look_is_warned_of_once(self) -> None:
        (warning,) = self.warnings([5, 5, 5, 5])
        assert warning.category is waiters.VirtualClockStopped
        assert warning.filename == __file__

    @pytest.mark.parametrize("looks", [[5], [5, 6, 7], [5, None, 5], [None, None, None]])
    def test_a_clock_that_moves_or_work_in_progress_is_not_warned_of(
        self, looks: list[int | None]
    ) -> None:
        assert self.warnings(looks) == []


def test_clients_make_them_by_name() -> None:
    with fc_async_sdk.client(endpoint_url="http://127.0.0.1:9") as client:
        assert isinstance(client.get_waiter("task_finished"), waiters.TaskWaiter)
        assert isinstance(client.get_waiter("function_active"), waiters.FunctionWaiter)
        with pytest.raises(InvalidParameter, match="task_succeeded"):
            client.get_waiter("something")  # type: ignore[call-overload]


def test_a_wait_is_set_as_in_boto3() -> None:
    world = World(task("Running"))
    with pytest.raises(WaiterError, match="gave up after 6 s"):
        world.task_waiter("task_finished").wait(
            "f", "t", WaiterConfig={"Delay": 2, "MaxAttempts": 3}
        )
    assert world.waits[:2] == [2, 2]
    with pytest.raises(InvalidParameter, match="has Delay and MaxAttempts"):
        world.task_waiter("task_finished").wait("f", "t", WaiterConfig={"Tries": 3})
