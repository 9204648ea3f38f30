# SPDX-License-Identifier: MIT
"""One function, many payloads: nothing lost, nothing twice, nothing held that isn't needed."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import fanout
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    InvalidParameter,
    OutcomeUnknown,
    PayloadTooLarge,
)
from fc_async_sdk.operations import AcceptedInvocation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator


class Service:
    """Accepts, refuses duplicates, loses answers; counts what is on the wire."""

    def __init__(self) -> None:
        self.accepted: list[bytes] = []
        self.ids: set[str] = set()
        self.lose: set[bytes] = set()
        self._lock = threading.Lock()

    def send(self, job: fanout.Job) -> AcceptedInvocation:
        call = job.call
        task_id = call.headers.get("x-fc-async-task-id", "")
        with self._lock:
            if call.body in self.lose:
                raise OutcomeUnknown("lost")
            if task_id and task_id in self.ids:
                raise AsyncTaskAlreadyExists("AsyncTaskAlreadyExists", "m", http_status=409)
            self.ids.add(task_id)
            self.accepted.append(call.body)
        return AcceptedInvocation(request_id="r", task_id=task_id)


def make(payloads, **arguments) -> fanout.Plan:
    defaults: dict[str, Any] = {
        "task_ids": None,
        "resume": None,
        "concurrency": 4,
        "delay": None,
        "qualifier": None,
        "progress": None,
    }
    return fanout.Plan("f", payloads, **{**defaults, **arguments})


class Both:
    """Run a fan-out on either client and return the outcomes."""

    def __init__(self, kind: str, service: Service) -> None:
        self._kind = kind
        self._service = service

    def __call__(self, payloads: Iterable[Any], **arguments) -> list[fanout.Outcome]:
        return self.start(payloads, **arguments)[1]

    def start(self, payloads: Iterable[Any], **arguments) -> tuple[Any, list[fanout.Outcome]]:
        plan = make(payloads, **arguments)
        if self._kind == "sync":
            run = fanout.FanOut(
                plan, payloads, lambda n: fanout.ThreadSender(self._service.send, n)
            )
            return run, list(run)
        return asyncio.run(self._collect(plan, payloads))

    async def _collect(self, plan: fanout.Plan, payloads) -> tuple[Any, list[fanout.Outcome]]:
        async def send(job: fanout.Job) -> AcceptedInvocation:
            await asyncio.sleep(0)
            return self._service.send(job)

        run = fanout.AsyncFanOut(plan, payloads, send)
        return run, [outcome async for outcome in run]


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(params=["sync", "async"])
def both(request: pytest.FixtureRequest, service: Service) -> Both:
    return Both(request.param, service)


class TestOutcomes:
    def test_every_payload_has_one(self, both: Both, service: Service) -> None:
        outcomes = both(range(100))
        assert sorted(outcome.index for outcome in outcomes) == list(range(100))
        assert all(outcome.index == outcome.payload for outcome in outcomes)
        assert sorted(service.accepted, key=int) == [str(n).encode() for n in range(100)]

    def test_an_empty_input_has_no_outcomes(self, both: Both) -> None:
        assert both([]) == []

    def test_a_failure_is_an_outcome_and_stops_nothing(self, both: Both, service: Service) -> None:
        service.lose = {b"3"}
        run, outcomes = both.start(range(10))
        [failed] = [outcome for outcome in outcomes if not outcome.succeeded]
        assert (failed.index, type(failed.error)) == (3, OutcomeUnknown)
        assert run.failures == [failed]
        assert (run.progress.done, run.progress.failed, run.progress.total) == (10, 1, 10)

    def test_a_payload_that_cannot_be_sent_is_an_outcome(self, both: Both) -> None:
        outcomes = both([b"ok", b"x" * 262_145, object()])
        errors = {outcome.index: type(outcome.error) for outcome in outcomes if outcome.error}
        assert errors == {1: PayloadTooLarge, 2: InvalidParameter}

    def test_a_fan_out_can_be_run_once(self, both: Both) -> None:
        run, _ = both.start([1])
        again = run.run if isinstance(run, fanout.FanOut) else lambda: asyncio.run(run.run())
        with pytest.raises(RuntimeError, match="once"):
            again()


class TestTaskIds:
    def test_a_prefix_numbers_them(self, both: Both) -> None:
        outcomes = both(["ab"] * 3, task_ids="job")
        assert sorted(outcome.task_id for outcome in outcomes) == ["job-0", "job-1", "job-2"]

    def test_a_function_makes_them(self, both: Both) -> None:
        outcomes = both([{"k": "x"}], task_ids=lambda _, payload: f"id-{payload['k']}")
        assert outcomes[0].task_id == "id-x"

    def test_a_broken_run_goes_on_without_a_duplicate(self, both: Both, service: Service) -> None:
        service.lose = {str(n).encode() for n in range(5, 10)}
        both(range(10), task_ids="job")
        service.lose = set()
        run, outcomes = both.start(range(10), task_ids="job")
        assert all(outcome.succeeded for outcome in outcomes)
        assert run.duplicates == 5
        assert sorted(service.accepted, key=int) == [str(n).encode() for n in range(10)]

    def test_ids_that_are_known_are_not_sent(self, both: Both, service: Service) -> None:
        outcomes = both(range(4), task_ids="job", resume={"job-0", "job-2"})
        assert sorted(service.accepted) == [b"1", b"3"]
        assert sorted(outcome.index for outcome in outcomes if outcome.skipped) == [0, 2]

    def test_an_id_outside_the_grammar_is_an_outcome(self, both: Both) -> None:
        outcomes = both([1], task_ids=lambda index, _: f"{index}")
        assert isinstance(outcomes[0].error, InvalidParameter)

    def test_an_id_that_two_payloads_have_is_sent_once_and_refused_once(
        self, both: Both, service: Service
    ) -> None:
        outcomes = both(["a", "b", "c"], task_ids=lambda _, payload: f"id-{payload == 'c'}")
        assert sorted(service.accepted) == [b"a", b"c"]
        (refused,) = [outcome for outcome in outcomes if not outcome.succeeded]
        assert (refused.index, refused.accepted) == (1, None)
        assert "payload 1 has the same id as payload 0" in str(refused.error)

    def test_twenty_payloads_with_one_id_are_not_twenty_accepted_ones(
        self, both: Both, service: Service
    ) -> None:
        run, outcomes = both.start(range(20), task_ids=lambda *_: "same")
        assert len(service.accepted) == 1
        assert sum(outcome.succeeded for outcome in outcomes) == 1
        assert run.progress.failed == 19

    def test_a_known_id_that_two_payloads_have_is_refused_once(self, both: Both) -> None:
        outcomes = both(range(2), task_ids=lambda *_: "same", resume={"same"})
        assert sorted(outcome.succeeded for outcome in outcomes) == [False, True]


class TestInput:
    def test_is_taken_as_it_is_needed(self, service: Service) -> None:
        taken: list[int] = []

        def payloads() -> Iterator[int]:
            for number in range(1000):
                taken.append(number)
                yield number

        run = fanout.FanOut(
            make(None, concurrency=4),
            payloads(),
            lambda n: fanout.ThreadSender(service.send, n),
        )
        iterator = iter(run)
        next(iterator)
        assert len(taken) <= 8
        iterator.close()  # type: ignore[attr-defined]

    def test_outcomes_of_sent_payloads_come_before_the_error_of_the_input(
        self, both: Both, service: Service
    ) -> None:
        def payloads() -> Iterator[int]:
            yield from range(5)
            raise OSError("disk")

        with pytest.raises(OSError, match="disk"):
            both(payloads())
        assert len(service.accepted) == 5

    def test_an_asynchronous_input_is_taken_too(self, service: Service) -> None:
        async def payloads() -> AsyncIterator[int]:
            for number in range(20):
                await asyncio.sleep(0)
                yield number

        both = Both("async", service)
        assert len(both(payloads())) == 20  # type: ignore[arg-type]

    def test_a_broken_asynchronous_input_raises_at_the_end(self, service: Service) -> None:
        async def payloads() -> AsyncIterator[int]:
            yield 1
            raise OSError("disk")

        with pytest.raises(OSError, match="disk"):
            Both("async", service)(payloads())  # type: ignore[arg-type]
        assert service.accepted == [b"1"]

    @pytest.mark.parametrize("payloads", ["text", b"bytes", {"a": 1}])
    def test_a_single_payload_is_not_an_input(self, payloads) -> None:
        with pytest.raises(InvalidParameter, match="payloads"):
            make(payloads)

    @pytest.mark.parametrize(
        "arguments",
        [
            {"concurrency": 0},
            {"concurrency": 1001},
            {"concurrency": True},
            {"delay": 3600},
            {"qualifier": "a/b"},
            {"task_ids": "1x"},
            {"task_ids": "x" * 127},
            {"task_ids": "x_r1"},  # x_r1-0 would look like a replay of x-0
            {"resume": {"a"}},
            {"resume": "x-1", "task_ids": "x"},  # "x-1" has "x-1" and "1" in it
            {"resume": (one for one in ["x-1"]), "task_ids": "x"},
            {"task_ids": 5},
            {"progress": "yes"},
        ],
    )
    def test_a_mistake_that_concerns_all_ends_it_at_once(self, arguments: dict[str, Any]) -> None:
        name = next(iter(arguments))
        with pytest.raises(InvalidParameter, match=name.removesuffix("s")):
            make([1], **arguments)


class TestLeaving:
    def test_leaving_the_loop_ends_the_threads(self, service: Service) -> None:
        before = threading.active_count()
        run = fanout.FanOut(make(None), range(1000), lambda n: fanout.ThreadSender(service.send, n))
        with contextlib.closing(iter(run)) as outcomes:  # type: ignore[type-var]
            next(outcomes)
        assert threading.active_count() == before
        assert len(service.accepted) < 1000

    def test_leaving_the_asynchronous_loop_ends_the_workers(self, service: Service) -> None:
        async def leave() -> int:
            async def send(job: fanout.Job) -> AcceptedInvocation:
                await asyncio.sleep(0)
                return service.send(job)

            run = fanout.AsyncFanOut(make(None), range(1000), send)
            async with contextlib.aclosing(run.__aiter__()) as outcomes:  # type: ignore[type-var]
                await outcomes.__anext__()
            return len(asyncio.all_tasks())

        assert asyncio.run(leave()) == 1

    def test_a_cancellation_inside_the_loop_ends_the_sending(self, service: Service) -> None:
        async def cancel() -> tuple[int, int]:
            inside = asyncio.Event()

            async def send(job: fanout.Job) -> AcceptedInvocation:
                await asyncio.sleep(0)
                return service.send(job)

            async def run() -> None:
                async for _ in fanout.AsyncFanOut(make(None, concurrency=50), range(1000), send):
                    inside.set()
                    await asyncio.Event().wait()

            task = asyncio.ensure_future(run())
            await inside.wait()
            task.cancel()
            await asyncio.wait({task})
            before = len(service.accepted)
            for _ in range(50):
                await asyncio.sleep(0)
            return before, len(service.accepted)  # the task, and with it the run, still exists

        before, after = asyncio.run(cancel())
        assert after == before

    def test_an_error_in_one_worker_ends_the_others(self) -> None:
        sent: list[int] = []

        async def send(job: fanout.Job) -> AcceptedInvocation:
            await asyncio.sleep(0)
            sent.append(job.index)
            if job.index == 0:
                raise RuntimeError("the client is closed")
            await asyncio.sleep(0)
            return AcceptedInvocation(request_id="r", task_id="")

        async def run() -> tuple[int, int]:
            with pytest.raises(RuntimeError, match="closed"):
                await fanout.AsyncFanOut(make(None, concurrency=50), range(1000), send).run()
            before = len(sent)
            for _ in range(50):
                await asyncio.sleep(0)
            return before, len(sent)

        before, after = asyncio.run(run())
        assert after == before


class TestProgress:
    def test_the_progress_callback_runs_after_every_outcome(self, both: Both) -> None:
        told: list[fanout.Progress] = []
        both(range(3), progress=told.append)
        assert [progress.done for progress in told] == [1, 2, 3]
        assert told[-1].total == 3

    def test_a_bar_is_drawn_on_standard_error(
        self, both: Both, capfd: pytest.CaptureFixture[str]
    ) -> None:
        both(range(3), progress=True)
        out, err = capfd.readouterr()
        assert out == ""
        assert "invoking f" in err
        assert "3/3" in err

    def test_a_bar_without_a_total_shows_the_count_and_the_rate(
        self, both: Both, capfd: pytest.CaptureFixture[str]
    ) -> None:
        both((number for number in range(3)), progress=True)
        err = capfd.readouterr().err
        assert "3/?" in err
        assert re.search(r"\d/s", err)

    def test_a_bar_fits_80_columns(
        self, service: Service, both: Both, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", "80")
        service.lose = {b"1"}
        text = io.StringIO()
        monkeypatch.setattr("sys.stderr", text)
        both(range(3), progress=True)
        assert "invoking f, 1 failed" in text.getvalue()
        assert "…" not in text.getvalue()
