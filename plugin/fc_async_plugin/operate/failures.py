# SPDX-License-Identifier: MIT
"""Reads what failed, from tasks, failure destinations, dead events and metrics.

Invariants:

- An invocation that several sources have is one failure: its request id joins them.
- What cannot be read, or only in part, is a sentence in the report, never a missing row.
- Messages of queues are looked at without hiding them from readers.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fc_async_plugin.account import connection, lists
from fc_async_plugin.account.runtime import service_url
from fc_async_plugin.check.conditions import CONDITIONS
from fc_async_plugin.operate import metrics, pausing
from fc_async_plugin.operate.replays import SentAgain, last_replay
from fc_async_plugin.operate.tasks import FunctionTasks
from fc_async_sdk import events
from fc_async_sdk._decoding import prepare
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.admin.models import Task
from fc_async_sdk.errors import FcAsyncError, NoCredentials
from fc_async_sdk.events.error_documents import error_lines, error_type
from fc_async_sdk.models import FAILED_STATUSES
from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.graph import Node, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.events.queues import Peek, Queue
    from fc_async_sdk import AsyncTask, Client
    from fc_async_sdk.admin.models import DeadEvent
    from fc_async_sdk.events import DestinationEvent

COUNTED: Final = tuple(condition.metric for condition in CONDITIONS if condition.counts)
MOST: Final = 1_000
"""Tasks of one function and status that a report reads, the newest, and dead events."""
_WORKERS: Final = 8
_ID_DIGITS: Final = 8
NOT_DELIVERED: Final = "not delivered"
TASKS: Final = "tasks"
"""Source of failures whose payloads the tasks of the function have."""
DEAD_EVENTS: Final = "dead-events"
"""Source of failures whose events a local runtime has given up."""
_CHANNELS: Final = ("mns-queue", "rocketmq")
"""Kinds of destinations whose messages can be sent again."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One invocation that failed.

    Attributes:
        condition: Why, in the service's words.
        error: Type of the function's error, "" if it is not known.
        at: When it ended, in milliseconds since the epoch; 0 if it is not known.
        destination: ARN of its failure destination, "" if it has none.
        lost: Why the destination did not get it, "" if it did.
        trace: Lines of the error that the function returned last, if that is at hand.
        task: Whether it can be replayed as a task.
        qualifier: Version or alias by which a task was called, "" for LATEST.
        source: What keeps its payload; see :class:`FailureGroup`.
        sent_again: Its last replay, if it is known.
    """

    function: str
    condition: str
    error: str = ""
    request_id: str
    task_id: str = ""
    at: int
    destination: str = ""
    lost: str = ""
    trace: list[str] = []
    task: bool = False
    qualifier: str = ""
    source: str | None = None
    sent_again: SentAgain | None = None


class Example(msgspec.Struct, frozen=True, rename="camel"):
    """The newest of some failures; ``task_id`` is None if it is not a task."""

    request_id: str
    task_id: str | None
    time: int
    trace: list[str] = []


class FailureGroup(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Failures that are alike, as docs/reference/json-output.md has them.

    Attributes:
        not_delivered: Why the destination did not get them.
        waiting: Number of messages in the queue that is their destination.
        retention: For how many seconds this queue keeps a message; None if it is not known.
        kept_until: Until when it has at least the oldest of them; milliseconds since the epoch.
        region: Region of the function.
        qualifier: Version or alias by which the tasks were called; None is LATEST.
        source: What keeps the payloads: :data:`TASKS`, :data:`DEAD_EVENTS`, or the ARN of the queue
            or topic; None if nothing does.
        ids: Of each failure: of tasks the task id, otherwise the request id.
        group: Number of the group in its report, from 1.
        sent_again: The newest replay of its failures that has not succeeded; None: there is none.
    """

    function: str
    condition: str
    error: str | None
    count: int
    newest: Example
    destination: str | None
    not_delivered: str | None
    waiting: int | None = None
    region: str = ""
    qualifier: str | None = None
    source: str | None = None
    ids: list[str] = []
    group: int = 0
    retention: int | None = None
    kept_until: int | None = None
    sent_again: SentAgain | None = None


class Counted(msgspec.Struct, frozen=True):
    """Value of a metric since a time."""

    function: str
    metric: str
    value: float


class FailureReport(msgspec.Struct, frozen=True):
    """Failures, the most frequent first, what could not be looked at, and how many are cured."""

    failures: list[FailureGroup]
    counted: list[Counted]
    omitted: list[str]
    cured: int


class Report(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The document of ``fc-async failures``, as docs/reference/json-output.md has it.

    Attributes:
        target: Where the failures were read, in words: the runtime or the account.
        since: Milliseconds since the epoch.
        cured: Number of failures that were sent again and succeeded; no group has them.
        report: Identifies it: a digest of the rest, so that two reports never have one id.
        paused: A sentence for each of the functions that is paused.
    """

    target: str
    since: int
    failures: list[FailureGroup]
    counted: list[Counted] = []
    omitted: list[str] = []
    paused: list[str] = []
    cured: int = 0
    report: str = ""

    def with_id(self) -> Report:
        """Return the report with its id."""
        digest = hashlib.sha256(msgspec.json.encode(replace(self, report="")))
        return replace(self, report=digest.hexdigest()[:_ID_DIGITS])


prepare(Report)


class Extent(NamedTuple):
    """Bounds of what is read.

    Attributes:
        since: Milliseconds since the epoch; earlier failures are left out.
        now: The present, likewise.
        most: Tasks of one function and status that are read, and dead events; None: all.
    """

    since: int
    now: int
    most: int | None = MOST

    def is_all(self, number: int) -> bool:
        """Return whether there are not more than a number that was read."""
        return self.most is None or number < self.most


class FailureReader:
    """Reads the failures of one region.

    Args:
        client: A client of the region.
        account: The options of the command.
        extent: Bounds of what is read.
    """

    def __init__(self, client: Client, account: Account, extent: Extent) -> None:
        self._client = client
        self._account = account
        self._here = connection.is_here(account)
        self._extent = extent
        self._omitted: list[str] = []
        self._depths: dict[str, int] = {}
        self._retentions: dict[str, int | None] = {}
        self._targets: dict[str, None] = {}
        self._task_modes: dict[str, bool] = {}

    def read(self, functions: Sequence[str]) -> FailureReport:
        """Read the failures of functions.

        Raises:
            NoCredentials: There are no keys to read them with.
        """
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="failures") as pool:
            failed_tasks = list(chain.from_iterable(pool.map(self._tasks, functions)))
            counted = list(chain.from_iterable(pool.map(self._counted, functions)))
        by_id = {failure.request_id: failure for failure in failed_tasks}
        # A task and the event of its destination are one invocation. The task has more: its id,
        # with which it is sent again.
        for target in self._targets:
            for failure in self._events(target):
                by_id.setdefault(failure.request_id, failure)
        for event in self._dead():
            by_id[event.request_id] = _with_dead_event(by_id.get(event.request_id), event)
        recent = [
            replace(failure, source=self._source_of(failure))
            for failure in by_id.values()
            if failure.function in functions and failure.at >= self._extent.since
        ]
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="replays") as pool:
            looked = list(pool.map(self._with_replay, recent))
        failed = [failure for failure in looked if not _is_cured(failure)]
        groups = [self._group(alike) for alike in grouped(failed)]
        return FailureReport(groups, counted, self._omitted, len(looked) - len(failed))

    def _with_replay(self, failure: Failure) -> Failure:
        """Return a failure with its last replay, if its function is in task mode."""
        # What was not delivered has succeeded itself; without task mode no id is known.
        if failure.condition == NOT_DELIVERED or not self._task_modes.get(failure.function):
            return failure
        tasks = FunctionTasks(self._client, failure.function, failure.qualifier or None)
        return replace(
            failure, sent_again=last_replay(tasks, [failure.task_id, failure.request_id])
        )

    def _tasks(self, function: str) -> list[Failure]:
        """Read the tasks of a function; note the failure destinations that it has."""
        try:
            configs = lists.configs(self._client, function)
            tasks = list(self._listed(function))
        # Without keys nothing was looked at: a report would say that nothing had failed.
        except NoCredentials:
            raise
        except FcAsyncError as error:
            self._omitted.append(f"tasks of {function}: {error}")
            return []
        self._task_modes[function] = any(config.async_task for config in configs.values())
        targets = {
            qualifier: dict(config.destinations).get("failure", "")
            for qualifier, config in configs.items()
        }
        self._targets |= dict.fromkeys(filter(None, targets.values()))
        # Named, not cut off in silence: the counts of the groups are too small then.
        most = self._extent.most
        if not self._extent.is_all(len(tasks)):
            self._omitted.append(f"tasks of {function} before the newest {most} of each status")
        # A local runtime lists invocations without task mode, too; the service does not keep them.
        if not self._here and not self._task_modes[function]:
            self._omitted.append(f"invocations of {function}: task mode is off")
        failed = []
        for task in tasks:
            qualifier = task.qualifier or limits.DEFAULT_QUALIFIER
            failed.append(_of_task(function, task, targets.get(qualifier, "")))
        return failed

    def _listed(self, function: str) -> Iterator[AsyncTask | Task]:
        if not self._here:
            tasks = FunctionTasks(self._client, function, None)
            # Each status for itself: thousands of tasks of one would hide those of the others.
            for status in FAILED_STATUSES:
                yield from islice(tasks.all(status=status), self._extent.most)
            return
        most = self._extent.most
        yield from islice(self._of_runtime(function), most and len(FAILED_STATUSES) * most)

    def _of_runtime(self, function: str) -> Iterator[Task]:
        token = None
        statuses = ",".join(FAILED_STATUSES)
        while True:
            call = admin.list_tasks(function, status=statuses, limit=100, next_token=token)
            page = self._client.send(call)
            yield from page.tasks
            token = page.next_token
            if not token:
                return

    def _events(self, target: str) -> Iterator[Failure]:
        """Yield the failures in a queue, as far as they can be seen without receiving them."""
        node = node_of(target, self._client)
        # A function has taken the event: nothing waits there.
        if node is None or node.kind == "function":
            return
        if node.kind != "mns-queue":
            self._omitted.append(f"{node.label}: its messages cannot be looked at")
            return
        try:
            looked = self._peek(node)
        except (FcAsyncError, ModuleNotFoundError) as error:
            self._omitted.append(f"{node.label}: {error}")
            return
        self._depths[target] = looked.depth
        self._retentions[target] = looked.retention
        # MNS lets only one batch be looked at without receiving it.
        unseen = looked.depth - len(looked.messages)
        if unseen > 0:
            self._omitted.append(f"{node.label}: {unseen} of its {looked.depth} messages")
        for message in looked.messages:
            event = message.event
            if event is not None and not event.succeeded:
                yield _of_event(event, target)

    def _peek(self, node: Node) -> Peek:
        with opened_queue(node, self._account) as queue:
            return queue.peek()

    def _dead(self) -> Iterator[DeadEvent]:
        if not self._here:
            return
        token = None
        number = 0
        while self._extent.is_all(number):
            try:
                page = self._client.send(admin.list_dead_events(next_token=token))
            except FcAsyncError as error:
                self._omitted.append(f"dead events: {error}")
                return
            yield from page.deliveries
            number += len(page.deliveries)
            token = page.next_token
            if not token:
                return
        self._omitted.append(f"dead events before the newest {number}")

    def _counted(self, function: str) -> list[Counted]:
        span = metrics.period_for(self._extent.since, self._extent.now)
        query = metrics.Query(function, COUNTED, self._extent.since, self._extent.now, span)
        try:
            answer = metrics.read(self._client, self._account, query)
        except FcAsyncError as error:
            self._omitted.append(f"metrics of {function}: {error}")
            return []
        return [Counted(function, series.metric, series.value) for series in answer if series.value]

    def _group(self, alike: Sequence[Failure]) -> FailureGroup:
        """Return failures that are alike as one, with the traceback of the newest."""
        newest = max(alike, key=lambda failure: failure.at)
        trace = newest.trace
        if newest.task_id and not trace:
            trace = self._trace_of_task(newest)
        waiting = self._depths.get(newest.destination)
        retention = self._retentions.get(newest.source or "")
        # A message comes after the end of its invocation: it is kept longer than that, never less.
        oldest = min(failure.at for failure in alike)
        ids = [failure.request_id for failure in alike]
        if newest.source == TASKS:
            ids = [failure.task_id for failure in alike]
        return FailureGroup(
            function=newest.function,
            condition=newest.condition,
            error=newest.error or None,
            count=len(alike),
            newest=Example(newest.request_id, newest.task_id or None, newest.at, trace),
            destination=newest.destination or None,
            not_delivered=newest.lost or None,
            waiting=waiting,
            region=self._client.region_name,
            qualifier=newest.qualifier or None,
            source=newest.source,
            ids=ids,
            retention=retention,
            kept_until=None if retention is None else oldest + retention * 1_000,
            sent_again=_newest_replay(alike),
        )

    def _trace_of_task(self, failure: Failure) -> list[str]:
        try:
            if self._here:
                payload = self._client.send(
                    admin.get_task(failure.function, failure.task_id)
                ).return_payload
            else:
                payload = self._client.get_async_task(
                    failure.function, failure.task_id
                ).return_payload
        except FcAsyncError as error:
            self._omitted.append(f"task {failure.task_id}: {error}")
            return []
        return error_lines((payload or "").encode())

    def _source_of(self, failure: Failure) -> str | None:
        """Return what keeps the payload of a failure, as :class:`FailureGroup` names it."""
        if failure.condition == NOT_DELIVERED:
            return None  # the function succeeded: calling it again is not what is missing
        if failure.lost and self._here:
            return DEAD_EVENTS
        node = None if failure.lost else node_of(failure.destination, self._client)
        if node is not None and node.kind in _CHANNELS:
            # Sent again, received, or not there yet: a replay as a task would run it once more.
            return None if self._depths.get(failure.destination) == 0 else failure.destination
        if failure.task:
            return TASKS
        # A function that is a failure destination has the event as the payload of its task.
        is_sink = node is not None and node.kind == "function"
        return failure.destination if is_sink and self._keeps_tasks(failure.destination) else None

    def _keeps_tasks(self, function_arn: str) -> bool:
        """Return whether a function is in task mode, so that the service keeps its payloads."""
        if function_arn not in self._task_modes:
            self._task_modes[function_arn] = self._in_task_mode(function_arn)
        return self._task_modes[function_arn]

    def _in_task_mode(self, function_arn: str) -> bool:
        with suppress(FcAsyncError):
            parsed = arn.parse(function_arn)
            if isinstance(parsed, arn.FunctionArn):
                return lists.in_task_mode(self._client, parsed.function, parsed.qualifier)
        return False


def report_of(
    functions: Sequence[str],
    where: Where,
    begins: Callable[[int], int],
    *,
    most: int | None = MOST,
) -> tuple[Report, int]:
    """Read the failures of functions in all regions.

    Args:
        functions: Names; none: the functions of the template, or of the region.
        where: Template and account.
        begins: Returns since when, from the present; milliseconds since the epoch.
        most: As of :class:`Extent`.

    Returns:
        The report, and the present.

    Raises:
        NoCredentials: There are no keys to read them with.
    """
    groups: list[FailureGroup] = []
    counted: list[Counted] = []
    omitted: list[str] = []
    paused: list[str] = []
    cured = 0
    with connection.named_functions(functions, where) as (account, targets):
        now = metrics.now_of(targets[0][0])
        begin = begins(now)
        for client, names in targets:
            of_region = FailureReader(client, account, Extent(begin, now, most)).read(names)
            groups += of_region.failures
            counted += of_region.counted
            omitted += of_region.omitted
            paused += pausing.notes(client, account, set(names), now)
            cured += of_region.cured
    report = Report(
        target=connection.target_of(where.account),
        since=begin,
        failures=[replace(group, group=number) for number, group in enumerate(groups, 1)],
        counted=counted,
        omitted=omitted,
        paused=paused,
        cured=cured,
    )
    return report.with_id(), now


def node_of(destination: str, client: Client) -> Node | None:
    """Return the node of an ARN in the region of a client; None if it is not valid."""
    try:
        parsed = arn.parse(destination)
    except FcAsyncError:
        return None
    account = client.account_id or ""
    return Node.of(resolve(parsed, region=client.region_name, account_id=account))


def opened_queue(node: Node, account: Account) -> Queue:
    """Return the queue of a node of the graph.

    Raises:
        PluginError: The URL of MNS cannot be determined.
        ModuleNotFoundError: The extra ``events`` is not installed.
    """
    from fc_async_plugin.operate.events.queues import Queue  # noqa: PLC0415 -- needs an extra

    address = service_url(
        "mns",
        account.endpoint,
        account_id=node.account_id,
        region=node.region,
        otherwise="look at it with fc-async events tail --mns-endpoint",
    )
    return Queue(address, node.name, connection.credentials(account))


def _newest_replay(failures: Sequence[Failure]) -> SentAgain | None:
    replays = [failure.sent_again for failure in failures if failure.sent_again is not None]
    return max(replays, key=lambda replay: replay.time, default=None)


def _is_cured(failure: Failure) -> bool:
    return failure.sent_again is not None and failure.sent_again.cures


def grouped(failures: Iterable[Failure]) -> list[list[Failure]]:
    """Return failures that are alike and that one source has, the most frequent first."""
    groups: dict[tuple[str, ...], list[Failure]] = {}
    for failure in failures:
        key = (
            failure.function,
            failure.condition,
            failure.error,
            failure.destination,
            failure.lost,
            failure.qualifier,
            failure.source or "",
        )
        groups.setdefault(key, []).append(failure)
    return sorted(groups.values(), key=lambda alike: (-len(alike), alike[0].function))


def _of_task(function: str, task: AsyncTask | Task, destination: str) -> Failure:
    return Failure(
        function=function,
        condition=task.task_error_message or task.status,
        error=(task.error_type if isinstance(task, Task) else None) or "",
        request_id=task.request_id or task.task_id,
        task_id=task.task_id,
        at=task.end_time or 0,
        destination=destination,
        lost=NOT_DELIVERED if destination and task.destination_status == "Failed" else "",
        task=not (isinstance(task, Task) and task.task_mode is False),
        qualifier="" if task.qualifier == limits.DEFAULT_QUALIFIER else task.qualifier or "",
    )


def _of_event(event: DestinationEvent, destination: str) -> Failure:
    return Failure(
        function=event.function,
        condition=event.condition or f"status {event.status_code}",
        error=error_type(event.response.raw),
        request_id=event.request_id,
        at=event.timestamp or 0,
        destination=destination,
        trace=error_lines(event.response.raw),
    )


def _with_dead_event(failure: Failure | None, dead: DeadEvent) -> Failure:
    """Return a failure with why its destination did not get it.

    Args:
        failure: What is known of the invocation; None: the dead event is its only trace.
        dead: An event that was given up.
    """
    if failure is None:
        failure = _of_dead_event(dead)
    return replace(failure, destination=dead.destination, lost=dead.error)


def _of_dead_event(dead: DeadEvent) -> Failure:
    with suppress(FcAsyncError):
        event = events.parse(dead.event)
        if not event.succeeded:
            return _of_event(event, dead.destination)
    # The function succeeded, or the event cannot be read: what failed is the delivery.
    return Failure(
        function=dead.function,
        condition=NOT_DELIVERED,
        request_id=dead.request_id,
        at=dead.created_time,
    )
