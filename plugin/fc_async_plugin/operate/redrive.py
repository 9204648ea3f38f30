# SPDX-License-Identifier: MIT
"""Sends the failures of a report again: these and no others.

Invariants:

- Failures are chosen by the ids of the report. No filter chooses them a second time.
- Each failure of a batch is accepted, failed, refused or left: the counts add up to the batch.
"""

from __future__ import annotations

import re
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.operate.failures import TASKS, Report
from fc_async_plugin.operate.tasks import FunctionTasks, each
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.failures import FailureGroup
    from fc_async_plugin.operate.tasks import Replayed
    from fc_async_sdk import Client
    from fc_async_sdk.fanout import Outcome

KEPT: Final = _project_folder.FAILURES
"""Folder of the reports that ``fc-async failures`` showed in this folder, by their ids."""
_REPORTS: Final = 20
"""Number of the newest reports that stay."""
_ID: Final = re.compile(r"[0-9a-f]{8}")


class Batch(NamedTuple):
    """Failures that are sent again from one source.

    Attributes:
        region: Region of the functions.
        source: As of :class:`~fc_async_plugin.operate.failures.FailureGroup`.
        functions: Names of the functions; of tasks, one.
        qualifier: Version or alias by which tasks were called; None is LATEST.
        ids: Ids of tasks, or request ids, each once.
    """

    region: str
    source: str
    functions: list[str]
    qualifier: str | None
    ids: list[str]


class Sent(NamedTuple):
    """Counts of the failures of a batch, by what became of them.

    Attributes:
        chosen: Number of the failures.
        accepted: Number of those that the service accepted, now or before.
        before: Number of those that it had accepted before.
        refused: Number of those whose function may not be called for events of this source.
        left: Number of those that the source does not have, or does not show.
        errors: Why the others failed, by id.
    """

    chosen: int = 0
    accepted: int = 0
    before: int = 0
    refused: int = 0
    left: int = 0
    errors: Mapping[str, str] = MappingProxyType({})


def keep(report: Report) -> None:
    """Keep a report in the folder of this project, for this user alone; remove the oldest ones.

    Raises:
        ForeignFolder: The folder is not this user's.
        OSError: The report cannot be written.
    """
    _project_folder.make_private(KEPT)
    with _project_folder.replacing(_file_of(report.report)) as unfinished:
        unfinished.write_bytes(msgspec.json.encode(report))
    for path in _newest_first()[_REPORTS:]:
        path.unlink(missing_ok=True)


def latest() -> Report:
    """Return the report that was kept last.

    Raises:
        PluginError: There is none.
        ForeignFolder: The folder is not this user's.
    """
    _project_folder.check(KEPT)
    for path in _newest_first():
        return read(_project_folder.read_private(path), path)
    raise PluginError("no report of failures was kept in this folder: run fc-async failures first")


def shown(report_id: str) -> Report:
    """Return the report that was kept under an id.

    Raises:
        PluginError: There is none.
        ForeignFolder: The folder is not this user's.
    """
    _project_folder.check(KEPT)
    # The id becomes the name of a file.
    if _ID.fullmatch(report_id):
        with suppress(FileNotFoundError):
            path = _file_of(report_id)
            return read(_project_folder.read_private(path), path)
    known = ", ".join(path.stem for path in _newest_first()) or "none"
    raise PluginError(f"there is no report {report_id} in this folder; the newest first: {known}")


def _file_of(report_id: str) -> Path:
    return KEPT / f"{report_id}.json"


def _newest_first() -> list[Path]:
    """Return the files of the reports that were kept."""
    times: dict[Path, int] = {}
    for path in KEPT.glob("*.json"):
        with suppress(FileNotFoundError):  # another command may remove the oldest ones meanwhile
            if _ID.fullmatch(path.stem):
                times[path] = path.lstat().st_mtime_ns
    return sorted(times, key=times.__getitem__, reverse=True)


def read(document: bytes, file: Path | str) -> Report:
    """Return the report that ``fc-async failures -o json`` printed.

    Raises:
        PluginError: The document is not such a report.
    """
    try:
        return msgspec.json.decode(document, type=Report)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PluginError(f"{file} is not a report of fc-async failures -o json: {error}") from None


def chosen(report: Report, numbers: Sequence[int]) -> list[FailureGroup]:
    """Return groups of a report by their numbers; without numbers, all of them.

    Raises:
        PluginError: The report has no group with a number.
    """
    by_number = {group.group: group for group in report.failures}
    unknown = [number for number in numbers if number not in by_number]
    if unknown:
        known = ", ".join(map(str, by_number)) or "none"
        raise PluginError(f"the report has no group {unknown[0]}; its groups: {known}")
    return [by_number[number] for number in numbers or by_number]


def batches(groups: Iterable[FailureGroup]) -> list[Batch]:
    """Return the failures of groups by their sources; those without a source are left out."""
    by_source: dict[tuple[str | None, ...], Batch] = {}
    for group in groups:
        if group.source is None:
            continue
        key: tuple[str | None, ...] = (group.region, group.source)
        # A queue is read once for all functions: reading hides its messages from a second reader.
        if group.source == TASKS:
            key = (*key, group.function, group.qualifier)
        empty = Batch(group.region, group.source, [], group.qualifier, [])
        batch = by_source.setdefault(key, empty)
        if group.function not in batch.functions:
            batch.functions.append(group.function)
        batch.ids.extend(group.ids)
    return [batch._replace(ids=list(dict.fromkeys(batch.ids))) for batch in by_source.values()]


def send_tasks(client: Client, batch: Batch) -> Sent:
    """Invoke a function again with the payloads of tasks, byte for byte."""
    tasks = FunctionTasks(client, batch.functions[0], batch.qualifier)
    return count_tasks(each(tasks.replay, batch.ids))


def count_tasks(outcomes: Sequence[Replayed]) -> Sent:
    """Return what became of tasks."""
    before = sum(bool(outcome.before) for outcome in outcomes)
    left = sum(outcome.gone for outcome in outcomes)
    errors = {
        outcome.task_id: outcome.error
        for outcome in outcomes
        if outcome.error and not outcome.before and not outcome.gone
    }
    return Sent(
        chosen=len(outcomes),
        accepted=len(outcomes) - left - len(errors),
        before=before,
        left=left,
        errors=errors,
    )


def summed(batches_sent: Sequence[Sent]) -> Sent:
    """Return the counts and errors of all batches."""
    errors: dict[str, str] = {}
    for sent in batches_sent:
        errors.update(sent.errors)
    return Sent(
        chosen=sum(sent.chosen for sent in batches_sent),
        accepted=sum(sent.accepted for sent in batches_sent),
        before=sum(sent.before for sent in batches_sent),
        refused=sum(sent.refused for sent in batches_sent),
        left=sum(sent.left for sent in batches_sent),
        errors=errors,
    )


def without_copies(choice: Choice) -> Choice:
    """Return a choice with one message for each request id: a queue may deliver an event twice."""
    by_id = {event.request_id: (message_id, event) for message_id, event in choice.chosen}
    return choice._replace(chosen=list(by_id.values()))


def count_events(batch: Batch, choice: Choice, outcomes: Sequence[Outcome]) -> Sent:
    """Return what became of events.

    Args:
        batch: The failures.
        choice: The events of the source that are failures of the batch, each once.
        outcomes: The outcomes of those that were sent.
    """
    accepted = [outcome.accepted for outcome in outcomes if outcome.accepted is not None]
    errors = {
        choice.chosen[outcome.index][1].request_id: str(outcome.error)
        for outcome in outcomes
        if outcome.error is not None
    }
    total = len(batch.ids)
    # A refused event may come several times: its copies are not further failures.
    refused = min(sum(refusal.events for refusal in choice.refused), total - len(choice.chosen))
    return Sent(
        chosen=total,
        accepted=len(accepted),
        before=sum(invocation.duplicate for invocation in accepted),
        refused=refused,
        left=total - len(choice.chosen) - refused,
        errors=errors,
    )
