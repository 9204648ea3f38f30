# SPDX-License-Identifier: MIT
"""Keeps failed invocations with their payloads in a file, for longer than the service does.

A line is what ``events tail -o json`` writes, so that the file is a source of ``events replay``.

Invariants:

- The file is replaced as a whole or stays as it was, also if the process is killed.
- One export at a time writes a file, so that none takes back what another one has added.
- A failure is added once, by its request id. What is in the file already is not changed.
- Nothing is removed from a queue or anywhere else.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import WORKERS, connection, lists
from fc_async_plugin.operate import metrics
from fc_async_plugin.operate.events import sources
from fc_async_plugin.operate.events.lines import Shown, as_data
from fc_async_plugin.operate.failures import node_of, opened_queue
from fc_async_plugin.operate.locking import alone_in
from fc_async_plugin.operate.tasks import FunctionTasks
from fc_async_plugin.report.payloads import as_bytes
from fc_async_sdk import _project_folder, events, payloads
from fc_async_sdk._decoding import prepare
from fc_async_sdk.errors import FcAsyncError, NoCredentials, UnreadableClaim
from fc_async_sdk.models import FAILED_STATUSES
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.arn import FunctionArn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_sdk import AsyncTask, Client
    from fc_async_sdk.spec.graph import Node


class Exported(NamedTuple):
    """The result of an export.

    Attributes:
        added: Number of failures that were added.
        before: Number of those that the file had.
        claims: Number of added payloads whose content is in a store.
        omitted: Sentences about what was not read.
        unread: Whether a part of it could not be read, or not to its end.
    """

    added: int
    before: int
    claims: int
    omitted: list[str]
    unread: bool


class _Line(msgspec.Struct, frozen=True, rename="camel"):
    """Part of a line of the file."""

    request_id: str


prepare(_Line)


class FailedEvents:
    """Failed invocations of one region as destination events, from all that keeps their payloads.

    Args:
        client: A client of the region.
        account: The options of the command.
        since: Milliseconds since the epoch; earlier failures are left out.
        known: Request ids that are left out; gets those that are yielded.

    Attributes:
        omitted: Sentences about what was not read.
        unread: Whether a part could not be read, or not to its end.
    """

    def __init__(self, client: Client, account: Account, since: int, known: set[str]) -> None:
        self._client = client
        self._account = account
        self._since = since
        self._known = known
        self.omitted: list[str] = []
        self.unread = False

    def read(self, functions: Sequence[str]) -> Iterator[Shown]:
        """Yield the failed invocations of functions, each once.

        Raises:
            NoCredentials: There are no keys to read them with.
        """
        targets: dict[str, None] = {}
        for function in functions:
            targets.update(dict.fromkeys(self._targets(function)))
        # Events before tasks: they have the error of each invocation, too.
        streams = [self._of_target(target) for target in targets]
        if connection.is_here(self._account):
            streams.append(self._of_source("dead events", sources.DeadEvents(self._client)))
        incomplete: list[Shown] = []
        for shown in chain(*streams):
            event = shown.event
            if event is None or event.succeeded or event.function not in functions:
                continue
            if event.complete:
                yield from self._if_new(shown)
            else:
                incomplete.append(shown)
        for function in functions:
            yield from self._of_tasks(function)
        # An event whose payload was left out, because it was too large, tells less than its task.
        for shown in incomplete:
            yield from self._if_new(shown)

    def _if_new(self, shown: Shown) -> Iterator[Shown]:
        event = shown.event
        assert event is not None
        if event.request_id in self._known or (event.timestamp or 0) < self._since:
            return
        self._known.add(event.request_id)
        yield shown

    def _targets(self, function: str) -> list[str]:
        """Return the failure destinations of a function."""
        try:
            configs = lists.configs(self._client, function)
        except NoCredentials:
            raise
        except FcAsyncError as error:
            self._fail(f"failure destinations of {function}: {error}")
            return []
        destinations = [dict(config.destinations).get("failure", "") for config in configs.values()]
        return [destination for destination in destinations if destination]

    def _of_target(self, target: str) -> Iterator[Shown]:
        node = node_of(target, self._client)
        if node is None:
            return
        try:
            source = self._source(node)
        except (FcAsyncError, ModuleNotFoundError) as error:
            self._fail(f"{node.label}: {error}")
            return
        if source is None:
            self.omitted.append(f"{node.label}: its messages cannot be looked at")
            return
        yield from self._of_source(node.label, source)

    def _source(self, node: Node) -> Source | None:
        """Return what reads a failure destination; None if nothing does."""
        if node.kind == "mns-queue":
            return opened_queue(node, self._account)
        if node.kind == "function":
            return sources.TasksOfFunction(self._client, node.name, node.qualifier)
        return None

    def _of_source(self, name: str, source: Source) -> Iterator[Shown]:
        try:
            with source:
                yield from source.look()
        except FcAsyncError as error:
            self._fail(f"{name}: {error}")
        self.omitted += [f"{name}: {sentence}" for sentence in source.notes]
        self.unread = self.unread or source.left

    def _of_tasks(self, function: str) -> Iterator[Shown]:
        """Yield the tasks of a function that have failed."""
        tasks = FunctionTasks(self._client, function, None)
        try:
            failed = [
                task
                for status in FAILED_STATUSES
                for task in tasks.all(status=status)
                if self._is_new(task)
            ]
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="export") as pool:
                for shown in pool.map(lambda task: self._of_task(function, task), failed):
                    yield from self._if_new(shown)
        except FcAsyncError as error:
            self._fail(f"tasks of {function}: {error}")

    def _is_new(self, task: AsyncTask) -> bool:
        is_recent = (task.end_time or 0) >= self._since
        return is_recent and (task.request_id or task.task_id) not in self._known

    def _of_task(self, function: str, listed: AsyncTask) -> Shown:
        """Return a task as the event that its failure destination would get."""
        qualifier = listed.qualifier or limits.DEFAULT_QUALIFIER
        task = FunctionTasks(self._client, function, qualifier).get(listed.task_id)
        document = events.document(
            timestamp=task.end_time or 0,
            request_id=task.request_id or task.task_id,
            function_arn=self._arn_of(function, task),
            attempts=(task.already_retried_times or 0) + 1,
            request_payload=task.task_payload_bytes or b"",
            response_payload=task.return_payload_bytes or b"",
            condition=task.task_error_message or task.status,
        )
        return Shown(task.task_id, events.parse(events.encode(document)))

    def _arn_of(self, function: str, task: AsyncTask) -> str:
        """Return the ARN by which a task was called."""
        region, account_id = self._client.region_name, self._client.account_id or ""
        own = FunctionArn(region=region, account_id=account_id, function=function)
        text = task.function_arn or str(own)
        has_qualifier = text.partition("functions/")[2].count("/") > 0
        if has_qualifier or task.qualifier in {None, limits.DEFAULT_QUALIFIER}:
            return text
        return f"{text}/{task.qualifier}"

    def _fail(self, sentence: str) -> None:
        self.omitted.append(sentence)
        self.unread = True


def export(
    path: Path, functions: Sequence[str], where: Where, begins: Callable[[int], int]
) -> Exported:
    """Add failed invocations to a file.

    Args:
        path: The file, which need not exist.
        functions: Names; none: the functions of the template, or of the region.
        where: Template and account.
        begins: Returns since when, from the present; milliseconds since the epoch.

    Raises:
        PluginError: The file is not one of failures.
        NoCredentials: There are no keys to read failures with.
        OSError: The file cannot be read or replaced; it is as it was.
    """
    path = path.resolve()  # a link stays, and leads to the new file
    claims = 0
    regions: list[FailedEvents] = []

    def lines(known: set[str]) -> Iterator[bytes]:
        nonlocal claims
        for client, names in targets:
            region = FailedEvents(client, account, begin, known)
            regions.append(region)
            for shown in region.read(names):
                claims += _is_claim(shown)
                yield msgspec.json.encode(as_data(shown)) + b"\n"

    with connection.named_functions(functions, where) as (account, targets), alone_in(path.parent):
        begin = begins(metrics.now_of(targets[0][0]))
        added, before = add_lines(path, lines)
    omitted = list(chain.from_iterable(region.omitted for region in regions))
    return Exported(added, before, claims, omitted, any(region.unread for region in regions))


def add_lines(path: Path, lines: Callable[[set[str]], Iterator[bytes]]) -> tuple[int, int]:
    """Add lines to a file, which is replaced as a whole if there are any.

    Args:
        path: The file, which need not exist. The caller holds a lock on its folder.
        lines: Returns the lines, without those of some request ids.

    Returns:
        The number of lines that were added, and of those that were there.

    Raises:
        PluginError: The file has a line that is not a failure.
        OSError: The file cannot be read or replaced; it is as it was.
    """
    # Of exports that were killed: they have payloads.
    _project_folder.remove_unfinished(path)
    known = _request_ids(path)
    before = len(known)
    new_lines = lines(known)
    first_line = next(new_lines, None)
    if first_line is None:
        return 0, before
    added = 0
    with _project_folder.replacing(path) as unfinished, unfinished.open("wb") as new_file:
        if path.exists():
            with path.open("rb") as old_file:
                shutil.copyfileobj(old_file, new_file)
        for line in chain([first_line], new_lines):
            new_file.write(line)
            added += 1
        new_file.flush()
    return added, before


def _request_ids(path: Path) -> set[str]:
    """Return the request ids of the failures in a file; none if there is no file.

    Raises:
        PluginError: A line is not a failure: the file is of something else.
    """
    known: set[str] = set()
    with suppress(FileNotFoundError), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            request_id = _request_id(line)
            # What is appended to a line that does not end would be lost, and the line with it.
            if request_id is None or not line.endswith(b"\n"):
                raise PluginError(
                    f"line {number} of {path} is not a failure, or is cut off\n"
                    "Name a new file, or one that failures export or events tail -o json wrote."
                )
            known.add(request_id)
    return known


def _request_id(line: bytes) -> str | None:
    """Return the request id of a line, None if it is not a failure."""
    try:
        return msgspec.json.decode(line, type=_Line).request_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _is_claim(shown: Shown) -> bool:
    assert shown.event is not None
    try:
        return payloads.find(as_bytes(shown.event.request)) is not None
    except UnreadableClaim:
        return True
