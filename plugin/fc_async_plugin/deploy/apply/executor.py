# SPDX-License-Identifier: MIT
"""Executes a plan: all of it, or none of it.

Steps run in threads, because they wait for the network, as far as their needs allow; all
bookkeeping is done in the calling thread. When one fails, no further step starts, the running steps
end, and all steps that were done (or may have been done) are undone in the opposite order. Steps
that could not be undone are reported. :mod:`.perform` does a step;
:mod:`fc_async_plugin.project.state` knows its inverse.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

from fc_async_plugin.account import WORKERS
from fc_async_plugin.deploy.apply.perform import ALREADY_EXISTS, UNCERTAIN, Done
from fc_async_plugin.deploy.plan.model import PublishVersion
from fc_async_plugin.deploy.plan.order import needs_of
from fc_async_sdk.errors import FcAsyncError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fc_async_plugin.deploy.apply.perform import Performer
    from fc_async_plugin.deploy.plan import Plan
    from fc_async_plugin.deploy.plan.model import Step

    _Target = tuple[str, str, str, str]  # kind, region, function, qualifier

T = TypeVar("T")


@dataclass(frozen=True)
class Ended(Generic[T]):
    """The end of one job: a result or an error."""

    index: int
    result: T | None
    error: Exception | None


def run_jobs(
    needs: Sequence[Sequence[int]],
    perform: Callable[[int], T],
    on_end: Callable[[Ended[T]], None],
    on_start: Callable[[int], None] = lambda _: None,
    *,
    workers: int,
    stop_on_error: bool,
    stop: Callable[[], bool] = lambda: False,
) -> list[Ended[T]]:
    """Run jobs until none can start and none is running; return those that ended, in this order.

    Args:
        needs: For each job, the indices of the jobs that must have ended before it starts.
        perform: Does one job; called in a thread of the pool.
        on_end: Called when a job has ended.
        on_start: Called when a job is about to start.
        workers: Jobs at a time.
        stop_on_error: Start no further job after one has failed.
        stop: Once true, no further job starts. Running jobs end, because the effect of a job that
            is cut off would be unknown.
    """
    order = TopologicalSorter(dict(enumerate(needs)))
    order.prepare()
    ready: list[int] = []  # a heap: of the jobs that can start, the one with the lowest number does
    running: dict[Future[T], int] = {}
    ended: list[Ended[T]] = []
    stopped = False
    with ThreadPoolExecutor(workers, thread_name_prefix="step") as pool:
        while True:
            for index in order.get_ready():
                heappush(ready, index)
            while ready and len(running) < workers and not stopped and not stop():
                index = heappop(ready)
                on_start(index)
                running[pool.submit(perform, index)] = index
            if not running:
                return ended
            # on_start and on_end are called by this thread only, never two at a time.
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=running.__getitem__):
                end = _end_of(running.pop(future), future)
                ended.append(end)
                on_end(end)
                if end.error is not None and stop_on_error:
                    stopped = True
                # A job that failed counts as done, too: its dependents can start only where jobs go
                # on after an error, as in undoing, which undoes as much as can be undone.
                order.done(end.index)


def _end_of(index: int, future: Future[T]) -> Ended[T]:
    error = future.exception()
    # SystemExit and the like end the run; they are not a result of the step.
    if error is not None and not isinstance(error, Exception):
        raise error
    return Ended(index, None if error else future.result(), error)


Outcome = Literal["done", "undone", "stuck", "interrupted", "outdated"]
"""``done``: all steps. ``undone``: no step, after a failure. ``stuck``: a failure, and some steps
could not be undone. ``interrupted``: stopped on request, what was done stands. ``outdated``: the
service carried out a request of an interrupted run after the account was read; what was done
stands, and the account has to be read again."""


class FailedStep(NamedTuple):
    """A step that failed, or could not be undone."""

    step: Step
    reason: str

    def __str__(self) -> str:
        return f"{self.step.title}: {self.reason}"


@dataclass(frozen=True)
class Work:
    """A step that has to be undone after a failure, and what it left behind.

    Attributes:
        index: Its number, as watchers know it.
        step: The step.
        effect: What it left behind.
        in_doubt: It is not known whether the service carried out its request, or will do so yet.
    """

    index: int
    step: Step
    effect: Done
    in_doubt: bool = False


class Report(NamedTuple):
    """The result of a run.

    Attributes:
        outcome: The result in one word.
        done: Steps that were done and stand.
        failures: Steps that failed.
        undone: Steps that were done and undone.
        stuck: Steps that were done (or may have been) and could not be undone.
        standing: What has to be undone to return to the state before the run.
    """

    outcome: Outcome
    done: tuple[Step, ...] = ()
    failures: tuple[FailedStep, ...] = ()
    undone: tuple[Step, ...] = ()
    stuck: tuple[FailedStep, ...] = ()
    standing: tuple[Work, ...] = ()


class Watcher:
    """Follows a run: its methods are called in order, from one thread except :meth:`prepared`.

    A subclass has a method for what concerns it.
    """

    def started(self, step: Step, index: int, /) -> None:
        """Note that a step is about to start."""

    def prepared(self, step: Step, index: int, effect: Done, /) -> None:
        """Note how to undo a step; its request is sent when all watchers have returned.

        The only method that is called from the step's own thread.
        """

    def done(self, step: Step, index: int, effect: Done, /) -> None:
        """Note that a step is done."""

    def failed(self, step: Step, index: int, error: Exception, /) -> None:
        """Note that a step failed."""

    def undoing(self, count: int, /) -> None:
        """Note that undoing starts."""

    def undone(self, step: Step, index: int, /) -> None:
        """Note that a step was undone."""

    def stuck(self, step: Step, index: int, reason: str, /) -> None:
        """Note that a step could not be undone."""


def apply(
    plan: Plan,
    performer: Performer,
    watchers: Sequence[Watcher] = (),
    *,
    stop: Callable[[], bool] = lambda: False,
    workers: int = WORKERS,
    before: Sequence[Work] = (),
    first: int = 0,
) -> Report:
    """Execute a plan.

    Args:
        plan: The steps.
        performer: Does a step.
        watchers: Are told what happens.
        stop: Once true, no further step starts; what was done stands, for a later run to resume.
        workers: Largest number of steps at the same time.
        before: Steps that an interrupted run of the same deployment did; they are undone with the
            rest if this run fails.
        first: The number of steps in its journal; watchers count from there.
    """
    ended, effects = _run(plan, performer, watchers, first, stop=stop, workers=workers)
    done = tuple(plan.steps[end.index] for end in ended if end.error is None)
    failures = tuple(
        FailedStep(plan.steps[end.index], str(end.error)) for end in ended if end.error is not None
    )
    standing = [*before, *_to_undo(plan, ended, first, effects)]
    if not failures:
        # Without a failure, a step is missing only because of a stop.
        if len(done) == len(plan.steps):
            return Report("done", done)
        return Report("interrupted", done, standing=tuple(standing))
    late = _arrived_late(plan, ended, before)
    if late:
        # A request that a killed process had sent was carried out after the account was read, and
        # the same creation, planned again, got a 409. Nothing is wrong with the deployment: it
        # needs a plan from the present state, not to be undone.
        certain = [replace(work, in_doubt=False) if work in late else work for work in standing]
        outcome: Outcome = "interrupted" if stop() else "outdated"
        return Report(outcome, done, standing=tuple(certain))
    return undo(standing, performer, watchers, workers=workers)._replace(failures=failures)


def _run(
    plan: Plan,
    performer: Performer,
    watchers: Sequence[Watcher],
    first: int,
    *,
    stop: Callable[[], bool],
    workers: int,
) -> tuple[list[Ended[Done]], dict[int, Done]]:
    """Perform the steps and tell the watchers; return how they ended, and what undoing needs."""
    effects: dict[int, Done] = {}

    def on_start(index: int) -> None:
        for watcher in watchers:
            watcher.started(plan.steps[index], first + index)

    def perform(index: int) -> Done:
        def prepared(effect: Done) -> None:
            effects[index] = effect
            for watcher in watchers:
                watcher.prepared(plan.steps[index], first + index, effect)

        return performer(plan.steps[index], prepared)

    def on_end(ended: Ended[Done]) -> None:
        step = plan.steps[ended.index]
        number = first + ended.index
        for watcher in watchers:
            if ended.error is not None:
                watcher.failed(step, number, ended.error)
            else:
                watcher.done(step, number, ended.result or Done())

    ended = run_jobs(
        plan.needs, perform, on_end, on_start, workers=workers, stop_on_error=True, stop=stop
    )
    return ended, effects


def undo(
    standing: Sequence[Work],
    performer: Performer,
    watchers: Sequence[Watcher] = (),
    *,
    workers: int = WORKERS,
) -> Report:
    """Undo steps.

    Args:
        standing: The steps in the order in which they were done, and what they left behind.
        performer: Undoes a step.
        watchers: Are told what happens.
        workers: Largest number of steps at the same time.
    """
    for watcher in watchers:
        watcher.undoing(len(standing))

    def perform(index: int) -> None:
        performer.undo(standing[index].step, standing[index].effect)

    def on_end(ended: Ended[None]) -> None:
        work = standing[ended.index]
        for watcher in watchers:
            if ended.error is None:
                watcher.undone(work.step, work.index)
            else:
                watcher.stuck(work.step, work.index, str(ended.error))

    needs = _undo_needs([work.step for work in standing])
    ended = run_jobs(needs, perform, on_end, workers=workers, stop_on_error=False)
    failed = [end for end in ended if end.error is not None]
    return Report(
        "stuck" if failed else "undone",
        undone=tuple(standing[end.index].step for end in ended if end.error is None),
        stuck=tuple(FailedStep(standing[end.index].step, str(end.error)) for end in failed),
        standing=tuple(standing[end.index] for end in failed),
    )


def drop_unused_versions(standing: Sequence[Work], performer: Performer) -> list[FailedStep]:
    """Delete versions that an interrupted run published and that no alias leads to.

    For a resumed run that is done: it published again what its aliases needed.

    Args:
        standing: What the interrupted run did, in the order in which it was done.
        performer: How a step is done.

    Returns:
        The steps whose version could not be deleted.
    """
    failures = []
    # The latest first: what is new since an earlier step may be a version of a later one.
    for work in reversed(standing):
        step = work.step
        if not isinstance(step, PublishVersion):
            continue
        try:
            for version in performer.unused(step, work.effect):
                performer.undo(step, work.effect._replace(created=version))
        except NotFound:
            continue  # with the function, all its versions are gone
        except FcAsyncError as error:
            failures.append(FailedStep(step, str(error)))
    return failures


def _arrived_late(plan: Plan, ended: Iterable[Ended[Done]], before: Sequence[Work]) -> list[Work]:
    """Return steps of an interrupted run that were done after the plan was made.

    They are recognised by a refusal: what a step of the plan creates exists already, and the
    interrupted run had sent a request to create the same.

    Returns:
        Empty if a step failed for another reason.
    """
    late = []
    in_doubt = [work for work in before if work.in_doubt]
    for end in ended:
        if end.error is None:
            continue
        step = plan.steps[end.index]
        same = [work for work in in_doubt if _sends_the_same(work.step, step)]
        # One other failure is enough: the deployment failed, and is undone.
        if not same or not isinstance(end.error, ALREADY_EXISTS):
            return []
        late += same
    return late


def _sends_the_same(step: Step, other: Step) -> bool:
    return type(step) is type(other) and _target_of(step) == _target_of(other)


def _to_undo(
    plan: Plan, ended: Iterable[Ended[Done]], first: int, effects: Mapping[int, Done]
) -> list[Work]:
    """Return what was done, and what failed without an answer whether it was done."""
    standing = []
    for end in ended:
        in_doubt = isinstance(end.error, UNCERTAIN)
        if end.error is not None and not in_doubt:
            continue
        effect = end.result or effects.get(end.index, Done())
        standing.append(Work(first + end.index, plan.steps[end.index], effect, in_doubt))
    return standing


def _undo_needs(steps: Sequence[Step]) -> list[list[int]]:
    """Return the needs of undoing: after the steps that needed it, and later ones on its target."""
    needs: list[list[int]] = [[] for _ in steps]
    for index, before in enumerate(needs_of(steps)):
        for need in before:
            needs[need].append(index)
    # An interrupted run and the run that resumes it may both have changed one target. Neither step
    # needs the other, and the later change has to be undone first.
    last: dict[_Target, int] = {}
    for index, step in enumerate(steps):
        target = _target_of(step)
        if target in last:
            needs[last[target]].append(index)
        last[target] = index
    return needs


def _target_of(step: Step) -> _Target:
    return step.kind, step.region, step.function, step.qualifier_shown
