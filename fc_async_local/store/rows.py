# SPDX-License-Identifier: MIT
"""Rows of the SQL stores and the records they hold. Columns are called like the fields.

The only place that knows both. Must never decide anything.
"""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from fc_async_local.domain.invocation import Invocation, Job, Note, TaskEvent
from fc_async_local.domain.metrics import Sample
from fc_async_local.domain.states import Status
from fc_async_local.store import steps
from fc_async_local.store.protocol import Position, TaskCounts
from fc_async_local.store.steps import LARGEST_TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fc_async_local.domain.invocation import CallPath, Count
    from fc_async_local.store.protocol import MetricQuery, TaskQuery
    from fc_async_local.store.steps import Accept

_STATUS: Final = {status.value: status for status in Status}
_call_path: Final = msgspec.json.Decoder(tuple[str, ...])
_detail: Final = msgspec.json.Decoder(dict[str, object])
_encode: Final = msgspec.json.Encoder().encode
_NO_CALL_PATH: Final = "[]"

_FIXED: Final = {
    *("request_id", "task_id", "function", "qualifier", "accepted_at", "task_mode"),
    *("delay_ms", "config", "http"),
}
"""Fields of an invocation that never change, and are stored as they are."""

_APART: Final = {"payload", "call_path", "return_payload"}
_PLAIN: Final = tuple(name for name in Invocation.__struct_fields__ if name not in _APART)
_FIELDS: Final = (*_PLAIN, "call_path", "return_payload", "payload")
CHANGING: Final = (*(name for name in _PLAIN if name not in _FIXED), "return_payload")
"""Columns that change after accept."""

# Statements are filled with the names of the fields, because columns are called like them: a list
# of names in SQL would be a second place for each field.
PARTS: Final = {
    "columns": ", ".join((*_PLAIN, "call_path")),
    "job": ", ".join(Job.__struct_fields__),
}
"""Parts of the statements: columns of an invocation without its two payloads, and of a job."""


_Columns: TypeAlias = tuple[object, ...]


def _getter(names: Iterable[str]) -> Callable[[Invocation], _Columns]:
    # One getter for all columns: it reads them in C, and every change of an invocation needs it.
    paths = ["status.value" if name == "status" else name for name in names]
    return attrgetter(*paths)


_plain: Final = _getter(_PLAIN)
_changing: Final = _getter(CHANGING)


def to_invocation(row: Sequence[Any]) -> Invocation:
    """Return an invocation from a row of ``id``, ``{columns}``, return payload, payload."""
    values = dict(zip(_FIELDS, row[1:], strict=True))
    values["task_mode"] = bool(values["task_mode"])
    values["status"] = _STATUS[values["status"]]
    values["call_path"] = _to_call_path(values["call_path"])
    values["payload"] = values["payload"] or b""  # None in lists that leave payloads out
    return Invocation(**values)


def from_invocation(number: int, invocation: Invocation) -> _Columns:
    """Return ``id``, ``{columns}``, return payload."""
    call_path = _from_call_path(invocation.call_path)
    return (number, *_plain(invocation), call_path, invocation.return_payload)


def changing(number: int, invocation: Invocation) -> _Columns:
    """Return the columns that change after accept, then the row's id."""
    return (*_changing(invocation), number)


class Holder(msgspec.Struct, array_like=True, frozen=True):
    """A held or an ended invocation, as the statements ``holders`` and ``ended`` tell of it."""

    key: str
    number: int
    epoch: int
    function: str
    status: str
    task_mode: bool


to_holders: Final = msgspec.json.Decoder(list[Holder], strict=False).decode


def to_event(row: Sequence[Any]) -> TaskEvent:
    """Return a recorded step from ``status, at, detail``."""
    status, at, detail_text = row
    detail = {} if detail_text == "{}" else _detail.decode(detail_text)
    return TaskEvent(
        status=_STATUS[status],
        at=at,
        detail=detail,
    )


def from_event(number: int, event: TaskEvent) -> _Columns:
    """Return the invocation's id, ``status, at, detail``."""
    detail = as_json(event.detail) if event.detail else "{}"
    return (number, event.status.value, event.at, detail)


def to_note(row: Sequence[Any]) -> Note:
    """Return a note from ``request_id, at, kind, detail, body``."""
    request_id, at, kind, detail, body = row
    return Note(
        request_id=request_id,
        at=at,
        kind=kind,
        detail=_detail.decode(detail),
        body=None if body is None else bytes(body),
    )


def from_note(note: Note) -> _Columns:
    """Return ``at, kind, detail, body``, then the request id."""
    return (note.at, note.kind, as_json(note.detail), note.body, note.request_id)


def to_job(row: Sequence[Any]) -> Job:
    """Return a job from its columns, which come in the order of its fields."""
    return Job(**dict(zip(Job.__struct_fields__, row, strict=True)))


def from_job(job: Job) -> _Columns:
    """Return the columns of a job."""
    return msgspec.structs.astuple(job)


def counted(accepted: Accept) -> Sequence[Count]:
    """Return the additions of a new invocation to the metrics: its own counts, its claim if any."""
    invocation = accepted.invocation
    if invocation.lease_until is None:
        return accepted.counts
    claim = steps.in_process((invocation.function,), 1, invocation.accepted_at)
    return (*accepted.counts, *claim)


def sums(counts: Iterable[Count]) -> list[Sample]:
    """Return what was added to each metric in each minute."""
    return steps.merged_samples(map(steps.sampled, counts))


def pruned(minutes: Iterable[Sequence[Any]]) -> list[Sample]:
    """Return what stays of minutes that are pruned, in one minute.

    Args:
        minutes: Rows of ``metric, function, total, number, largest``.
    """
    return steps.merged_samples(
        Sample(metric, function, steps.PRUNED_MINUTE, *values)
        for metric, function, *values in minutes
    )


def asked_metrics(query: MetricQuery) -> Mapping[str, object]:
    """Return the parameters of the statements that read metrics."""
    start, end, step = steps.periods(query)
    names = None
    if query.metrics is not None:
        names = as_json(sorted(query.metrics))
    return {
        "function": query.function,
        "metrics": names,
        "start": start,
        "end": end,
        "step": step,
    }


def asked(query: TaskQuery) -> Mapping[str, object]:
    """Return the parameters of a list of tasks, with one task more, to know of a next page."""
    position = query.after
    if position is None:
        position = Position(LARGEST_TIME if query.descending else -LARGEST_TIME, "")
    statuses = None
    if query.statuses is not None:
        values = [status.value for status in query.statuses]
        statuses = as_json(sorted(values))
    accepted_from = -LARGEST_TIME if query.accepted_from is None else query.accepted_from
    accepted_to = LARGEST_TIME if query.accepted_to is None else query.accepted_to
    return {
        "function": query.function,
        "qualifier": query.qualifier,
        "statuses": statuses,
        "prefix": query.prefix,
        "error": query.error,
        "text": query.text,
        "pattern": _contains(query.text) if query.text else None,
        "accepted_from": accepted_from,
        "accepted_to": accepted_to,
        "started_from": query.started_from,
        "started_to": query.started_to,
        "accepted_at": position.accepted_at,
        "request_id": position.request_id,
        "limit": query.limit + 1,
        "with_payload": query.with_payload,
    }


def _contains(text: str) -> str:
    """Return the pattern of LIKE for what contains a text."""
    # LIKE would take a percent sign or an underscore of a user's text for any characters.
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def to_counts(tallies: Iterable[Sequence[Any]], most: int) -> TaskCounts:
    """Return the numbers of tasks by status; at most one more than ``most`` were counted."""
    by_status: Counter[Status] = Counter()
    for status, number in tallies:
        by_status[_STATUS[status]] += int(number)
    # The rows were counted together: where they end, all numbers may be too small.
    if sum(by_status.values()) <= most:
        return TaskCounts(by_status)
    return TaskCounts(by_status, frozenset(Status))


def to_counts_by_status(numbers: Mapping[str, int], most: int | None) -> TaskCounts:
    """Return the numbers of tasks by status, each counted up to one more than ``most``."""
    by_status: dict[Status, int] = {}
    at_least: set[Status] = set()
    for name, number in numbers.items():
        status = _STATUS[name]
        if most and number > most:
            by_status[status] = most
            at_least.add(status)
        else:
            by_status[status] = number
    return TaskCounts(by_status, frozenset(at_least))


def as_json(value: object) -> str:
    """Return one JSON text for a column or a statement, such as a list of many rows or keys.

    For PostgreSQL it must have no NUL in it, which JSON can't have there.
    """
    return _encode(value).decode()


def _to_call_path(text: str) -> CallPath:
    return () if text == _NO_CALL_PATH else _call_path.decode(text)


def _from_call_path(call_path: CallPath) -> str:
    return as_json(call_path) if call_path else _NO_CALL_PATH
