# SPDX-License-Identifier: MIT
"""The ports behind which state is kept: the invocation store, documents and code.

Implementations (memory, SQLite, PostgreSQL) are held to one contract suite, tests/contract/store.
A store decides nothing: policy has been applied before a settlement comes here. It must never
acknowledge what is not durable.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fc_async_local.domain.invocation import (
        Count,
        Invocation,
        Job,
        JobSettlement,
        Lease,
        Note,
        Settlement,
        TaskEvent,
    )
    from fc_async_local.domain.metrics import Sample
    from fc_async_local.domain.states import Status


class StoreUnavailable(Exception):
    """The store can't take or give anything now (disk full, locked, connection lost).

    Nothing that was asked for has happened, as far as can be known. The API answers 503.
    """


class StoreUnusable(Exception):
    """The store can't be opened: held by another runtime, newer than this program, or damaged.

    Nothing in it was changed. The message says what to do.
    """


class StoreInUse(StoreUnusable):
    """Another runtime holds the store; it may be starting or ending."""


class DuplicateTask(Exception):
    """The function already has a remembered task of this id."""


class Started(enum.Enum):
    """Result of the start of an attempt."""

    RUNNING = "running"
    STALE = "stale"
    """The lease was lost: the invocation was claimed again since. Nothing was written."""
    STOPPING = "stopping"
    """A stop was requested, so the attempt must not begin. Nothing was written."""


class Settled(enum.Enum):
    """Result of a settlement."""

    DONE = "done"
    STALE = "stale"
    """The lease was lost to another claim. Nothing was written."""
    STOPPING = "stopping"
    """A stop was asked for and the settlement would have queued it again. Nothing was written."""


class Task(NamedTuple):
    """An invocation in task mode with its recorded steps, oldest first."""

    invocation: Invocation
    events: tuple[TaskEvent, ...]


ERRORS_SEARCHED: Final = 100_000
"""Number of error texts that a search reads: about 50 ms."""


class Position(NamedTuple):
    """The position of a task in the order of lists.

    It names the last task of a page, not a number of rows, so that a list stays in order while
    tasks are added and removed.
    """

    accepted_at: int
    request_id: str


class TaskQuery(NamedTuple):
    """Selection of tasks, as ListAsyncTasks takes it.

    ``function`` None asks for the tasks of all functions (the console's list).
    ``started_from`` and ``started_to`` are inclusive and look at ``accepted_at``'s successor
    ``started_at`` if the task began, else at ``accepted_at``; ``accepted_from`` and
    ``accepted_to`` are inclusive, too. ``error`` is the condition of the latest failure, or the
    type of the function's error. ``text`` begins the task id, or is contained in type and message
    of that error; upper and lower case of ASCII letters are the same there, and a store may leave
    out the errors before the latest :data:`ERRORS_SEARCHED`. ``after`` is the position that the
    previous page ended with. Order is by accepted_at, then request_id.
    """

    function: str | None
    qualifier: str | None = None
    statuses: Collection[Status] | None = None
    prefix: str = ""
    started_from: int | None = None
    started_to: int | None = None
    accepted_from: int | None = None
    accepted_to: int | None = None
    error: str | None = None
    text: str = ""
    descending: bool = True
    limit: int = 20
    after: Position | None = None
    with_payload: bool = True
    """False: payload and return payload stay in the store; the invocations have b"" and None."""

    @property
    def is_by_status(self) -> bool:
        """True if the query names nothing but the function and statuses."""
        # Such a count is exact and costs nothing, because the numbers of each status are kept
        # (docs/decisions/store.md, 0027).
        times = (self.started_from, self.started_to, self.accepted_from, self.accepted_to)
        conditions = (self.qualifier, self.error, *times)
        if self.prefix or self.text:
            return False
        return all(condition is None for condition in conditions)


class TaskPage(NamedTuple):
    """One page, without the recorded steps, and where the next one begins (None at the end)."""

    invocations: tuple[Invocation, ...]
    after: Position | None


class TaskCounts(NamedTuple):
    """Numbers of tasks that match a query, by status.

    Attributes:
        by_status: Their numbers; a status that no task has may be absent.
        at_least: Statuses of which there may be more.
    """

    by_status: Mapping[Status, int]
    at_least: frozenset[Status] = frozenset()


class Stats(NamedTuple):
    """Numbers of invocations and jobs."""

    by_status: Mapping[Status, int]
    oldest_due_at: int | None
    deliveries_pending: int
    """Jobs that deliver an outcome; pushes of the services are not counted."""
    deliveries_dead: int
    """Dead jobs."""


WaitingClass = Literal["due", "delayed", "hops", "errors", "throttled", "paused"]
"""Class of a waiting invocation; see :class:`fc_async_sdk.spec.backlog.Waiting`."""


class WaitingCount(NamedTuple):
    """The waiting invocations of one class.

    Attributes:
        number: How many there are.
        last_due_at: When the last of them can be claimed.
    """

    number: int
    last_due_at: int


class MetricQuery(NamedTuple):
    """Selection of metrics.

    Attributes:
        function: Of this function; None for all.
        metrics: What was counted under these names; None for all.
        start: From the period on that this time lies in. None: from the beginning, and without
            periods with what was pruned.
        end: Only minutes that begin before it; None: up to now.
        step_ms: The length of the periods, whole minutes; None: one sample, at 0, for all of it.
    """

    function: str | None = None
    metrics: Collection[str] | None = None
    start: int | None = None
    end: int | None = None
    step_ms: int | None = None


EVERYTHING: Final = MetricQuery()


class StopResult(NamedTuple):
    """State of a task after a request to stop it.

    ``claimed`` is True when the invocation was not held: the caller holds it now, in STOPPING, and
    must settle it. False: it is held elsewhere and was marked STOPPING, or was final already.
    """

    invocation: Invocation
    claimed: bool


class JobStore(Protocol):
    """Durable jobs: claimed under a lease, retried, and ended or dead.

    A job is written in the transaction of what caused it: by :meth:`Store.settle`, by
    :meth:`add_jobs`, or by a component that keeps its tables in the same database.
    """

    async def add_jobs(self, jobs: Sequence[Job], counts: Sequence[Count] = ()) -> None:
        """Write jobs, and add the counts unless one of the jobs was there before.

        A job of the same key is replaced, and its lease is lost.
        """
        ...

    async def ensure_jobs(self, jobs: Sequence[Job]) -> None:
        """Write those jobs whose key no job has; the others stay as they are, claims included."""
        ...

    async def claim_jobs(
        self,
        kind: str,
        limit: int,
        *,
        now: int,
        until: int,
        owner: str,
    ) -> Sequence[Job]:
        """Claim up to ``limit`` jobs of a kind that are due, the one that is due longest first.

        Due is: pending with ``due_at <= now``, or claimed with a lease that has ended
        (``lease_until <= now``). Each comes back with a new epoch, ``lease_until = until`` and
        ``lease_owner = owner``.
        """
        ...

    async def extend_jobs(self, leases: Collection[Lease], *, until: int) -> None:
        """Extend claims of jobs; a lease that was lost is left alone."""
        ...

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        """Write what followed from a try, if the lease still holds.

        A job that is done is deleted; one that is dead or pending again is kept without a lease.
        Kind, key, payload, scope and creation time of a job never change. A job that follows may
        have the key of the one that is done; it must have its epoch, too.
        """
        ...

    async def next_job_due(self, kind: str) -> int | None:
        """Return when the next job of a kind can be claimed, ends of leases included."""
        ...

    async def jobs_pending(self, kind: str, scope: str) -> int:
        """Return how many jobs of a kind and a scope are neither done nor dead."""
        ...

    async def dead_jobs(
        self, *, limit: int = 100, after: tuple[int, str] | None = None
    ) -> Sequence[Job]:
        """Return jobs that were given up, the latest created first.

        Args:
            limit: The most to return.
            after: ``created_at`` and ``key`` of the last one of the page before.
        """
        ...

    async def redrive(self, key: str, *, now: int) -> bool:
        """Make a dead job pending and due, with all its tries before it.

        The task whose request ID is the key shows its destination as pending again. False: there
        is no such dead job.
        """
        ...

    async def discard_dead(self, key: str) -> bool:
        """Delete a dead job. False: there is no such dead job."""
        ...


class Store(JobStore, Protocol):
    """Invocations, their recorded steps, jobs and metrics.

    The metric ``FunctionAsyncMessagesInProcess`` counts claims: a store adds 1 when an invocation
    that was not held gets a lease, and -1 when :meth:`release` ends it. The counts of a settlement
    end it otherwise. A lease that ends by itself changes nothing, for the next claim takes it over.

    Every verb raises :class:`StoreUnavailable` when the store can't do it now. Every verb that
    writes is one transaction and returns after it is durable.
    """

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        """Keep a new invocation; in task mode record its first step (ENQUEUED at accepted_at).

        One that comes with a lease (DEQUEUED) is held from the first moment on, as if claimed.

        Raises:
            DuplicateTask: The function has a task of this id, or the request id is known; that
                invocation is untouched.
        """
        ...

    async def claim(
        self,
        limit: int,
        *,
        now: int,
        until: int,
        owner: str,
        ahead: int = 0,
    ) -> Sequence[Invocation]:
        """Take up to ``limit`` due invocations, oldest due first, then in order of acceptance.

        Due is: waiting with ``due_at <= now``, or held with a lease that ended (``lease_until <=
        now``). One that waits and is not in task mode, so that it is not shown as held, is taken up
        to ``ahead`` milliseconds (100 at most) before it is due, and must not be run before that.
        Each comes back DEQUEUED (STOPPING if a stop was asked for) with a new epoch,
        ``lease_until = until`` and ``lease_owner = owner``; in task mode the step is recorded, and
        before it the fall back to waiting of one whose lease ended.
        """
        ...

    async def start(self, lease: Lease, *, now: int, instance_id: str = "") -> Started:
        """Mark a claimed invocation RUNNING (record the step in task mode).

        Sets ``instance_id``, and ``started_at`` if this is the first attempt. Idempotent. An
        attempt whose start is refused must not run: STALE leaves the invocation to the newer
        claim, STOPPING lets the holder settle it as stopped.
        """
        ...

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        """Hold claims of invocations longer.

        Returns, for each key that needs attention only: False if the lease was lost, True if a
        stop was asked for (the lease was extended).
        """
        ...

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        """Write what followed from an attempt, if the lease still holds.

        Replaces the invocation (clearing its lease), records steps, adds the delivery and the
        counts. A final invocation that is not in task mode is forgotten.
        """
        ...

    async def release(self, owner: str, *, now: int) -> int:
        """Give back everything that a node holds (invocations and jobs).

        Each is due at once, but one that was claimed ahead is due when it was. A DEQUEUED or
        RUNNING one waits again: RETRYING if ``attempts > 0``, else ENQUEUED (the
        step is recorded in task mode); a STOPPING one keeps its state and is claimable. Returns
        how many there were.
        """
        ...

    async def stop(
        self,
        function: str,
        task_id: str,
        *,
        now: int,
        until: int,
        owner: str,
    ) -> StopResult | None:
        """Ask for a task to be stopped; see :class:`StopResult`. None: no such task."""
        ...

    async def make_due(self, function: str, task_id: str, *, now: int) -> bool:
        """Let a waiting task run now instead of at its ``due_at``. False: it isn't waiting."""
        ...

    async def get(self, function: str, task_id: str) -> Task | None:
        """Return one task (task mode only) with its steps."""
        ...

    async def notes(self, request_id: str, *, logs: bool = False) -> Sequence[Note]:
        """Return the notes of a task in the order in which they were written.

        Args:
            request_id: Of the task.
            logs: Return the logs of its attempts; otherwise all notes but these.
        """
        ...

    async def add_notes(self, notes: Sequence[Note]) -> None:
        """Write notes. Those of invocations that are not in task mode are dropped."""
        ...

    async def query(self, query: TaskQuery) -> TaskPage:
        """Return a page of tasks (task mode only)."""
        ...

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        """Count tasks by status (task mode only).

        The counts are exact if :attr:`TaskQuery.is_by_status`, because the store keeps these
        numbers. Otherwise a bounded number of tasks is counted.

        Args:
            query: Which tasks; its page is ignored.
            most: How many tasks are counted of one status, or of all statuses together: counting
                a million rows takes longer than a person should wait.
        """
        ...

    async def next_due(self) -> int | None:
        """Return the time at which the next invocation can be claimed; a lease may end then."""
        ...

    async def upcoming(self, limit: int) -> Sequence[Invocation]:
        """Return what can be claimed next, the earliest first, without payloads.

        Those that are held come at the end of their leases.
        """
        ...

    async def waiting(
        self,
        function: str,
        *,
        now: int,
        most: int,
    ) -> Mapping[WaitingClass, WaitingCount]:
        """Count the waiting invocations of a function by what they wait for.

        Args:
            function: Function name.
            now: Milliseconds since the epoch; what was due by then is in the class ``due``.
            most: Only so many are counted, those that can be claimed first.
        """
        ...

    async def parked(self) -> Sequence[str]:
        """Return the functions that have parked invocations, sorted."""
        ...

    async def unpark(
        self,
        function: str,
        number: int,
        *,
        now: int,
        spread_ms: int,
    ) -> int:
        """Let parked invocations of a function start, those that were accepted first.

        Args:
            function: Function name.
            number: How many at most.
            now: When the first of them is due, in milliseconds since the epoch.
            spread_ms: Over which time so many are spread.

        Returns:
            How many there were.
        """
        ...

    async def stats(self) -> Stats:
        """Count for the console, the metrics page and back-pressure."""
        ...

    async def prune(self, *, ended_before: int) -> int:
        """Forget tasks that became final before a moment, with their steps. Returns how many.

        In as many transactions as it takes not to hold up other writers.
        """
        ...

    async def prune_metrics(self, *, before: int) -> int:
        """Forget the minutes before the one of ``before``, but not their sum. Returns how many.

        In as many transactions as it takes not to hold up other writers.
        """
        ...

    async def metrics(self, query: MetricQuery = EVERYTHING) -> Sequence[Sample]:
        """Return what was counted, one sample for each metric, function and period, in this order.

        A period in which nothing was counted has no sample.
        """
        ...


class Document(NamedTuple):
    """One piece of configuration: a function, a version, an alias, an async configuration."""

    kind: str
    key: str
    body: bytes


class Change(NamedTuple):
    """One write: ``body`` None deletes. ``expect`` guards against lost updates."""

    kind: str
    key: str
    body: bytes | None
    expect: Literal["any", "absent", "present"] = "any"


class ChangeRefused(Exception):
    """A change found what it did not expect; none of its group was written."""


class DocumentStore(Protocol):
    """Configuration, small and read often: (kind, key) → bytes.

    ``revision`` grows with every write by anyone; a reader that has seen it need not load again.
    """

    async def revision(self) -> int:
        """Return the number of the latest write."""
        ...

    async def load(self) -> tuple[int, Sequence[Document]]:
        """Everything, with the revision it belongs to."""
        ...

    async def write(self, changes: Sequence[Change]) -> int:
        """Write all of them or none; returns the new revision.

        Raises:
            ChangeRefused: An expectation didn't hold.
        """
        ...


class BlobStore(Protocol):
    """Code archives by checksum, and uploaded archives by name, until they are out of use."""

    async def put_blob(self, key: str, data: bytes, *, now: int) -> None:
        """Keep it, in place of what is kept under this key, as in use at a moment."""
        ...

    async def prune_blobs(self, in_use: Collection[str], *, now: int, used_before: int) -> int:
        """Note which are in use now, then forget those last in use before a moment.

        Returns how many were forgotten. A blob that is put at the same time is kept.
        """
        ...

    async def get_blob(self, key: str) -> bytes | None:
        """Fetch it."""
        ...
