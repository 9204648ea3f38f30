# SPDX-License-Identifier: MIT
"""Plan of a fan-out, and the outcome for each payload. Data; no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sized
from datetime import timedelta
from typing import Any, Final

import msgspec

from fc_async_sdk import _pacing, operations
from fc_async_sdk._claims import PayloadStore
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    FcAsyncError,
    InvalidParameter,
    PaceError,
)
from fc_async_sdk.fanout.progress import Report, check
from fc_async_sdk.operations import AcceptedInvocation, Call
from fc_async_sdk.spec import limits

TaskIds = str | Callable[[int, Any], str]
"""A prefix (ids are ``{prefix}-{index}``), or what makes an id of index and payload."""

_MAX_CONCURRENCY: Final = 1000
_REPLAYS: Final = re.compile(r"_r[0-9]*\Z")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome for one payload: either it was accepted, or there is an error.

    Attributes:
        index: Which payload, from 0.
        payload: The payload as it was given.
        task_id: Its task id, "" if there is none.
        accepted: The accepted invocation, or None.
        error: Why it wasn't accepted, or None.
        skipped: True when it was not sent because ``resume`` names its task id.
    """

    index: int
    payload: Any
    task_id: str = ""
    accepted: AcceptedInvocation | None = None
    error: FcAsyncError | None = None
    skipped: bool = False

    @property
    def succeeded(self) -> bool:
        """True when the invocation is stored by the service."""
        return self.error is None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One payload that is to be sent.

    Attributes:
        index: Which payload, from 0.
        payload: The payload as it was given.
        arguments: Those of ``invoke_async``.
        call: What they make.
    """

    index: int
    payload: Any
    arguments: dict[str, Any]
    call: Call[AcceptedInvocation]

    def conclude(self, result: AcceptedInvocation | FcAsyncError) -> Outcome:
        """Return the outcome for an answer or an error."""
        task_id: str = self.arguments["task_id"] or ""
        if isinstance(result, AsyncTaskAlreadyExists):
            result = AcceptedInvocation(
                request_id=result.request_id, task_id=task_id, duplicate=True
            )
        if isinstance(result, AcceptedInvocation):
            return Outcome(
                index=self.index,
                payload=self.payload,
                task_id=task_id or result.task_id,
                accepted=result,
            )
        return Outcome(index=self.index, payload=self.payload, task_id=task_id, error=result)


class RunPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Checked arguments that every run has."""

    concurrency: int
    progress: Report
    total: int | None
    slots: _pacing.Run | None = None

    def begin(self) -> None:
        """Book the slots of a pace, if there is one.

        Raises:
            PaceError: There are none; nothing is to be sent.
        """
        if self.slots is not None:
            self.slots.begin()

    def call(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], Call[AcceptedInvocation]]:
        """Return arguments of ``invoke_async`` for the next slot of the pace, and their call.

        Raises:
            PaceError: The pace has no slot.
            InvalidRequest: The arguments are wrong; no slot is used.
        """
        made = operations.invoke_async(**arguments)
        if self.slots is None:
            return arguments, made
        moved = self.slots.take(arguments, made.body)
        return moved, operations.invoke_async(**moved)

    def end(self) -> None:
        """Give back slots that were not used."""
        if self.slots is not None:
            self.slots.close()


class Plan(RunPlan, frozen=True, kw_only=True):
    """Checked arguments of ``fan_out``."""

    function: str
    qualifier: str | None
    delay: int | timedelta | None
    task_ids: TaskIds | None
    resume: Container[str]
    large: PayloadStore | None

    @property
    def title(self) -> str:
        """Return the name of the run for progress bars."""
        return f"invoking {self.function}"

    def prepare(self, index: int, payload: Any, taken: dict[str, int]) -> Job | Outcome:
        """Return the job for a payload, or its outcome when there is nothing to send.

        Args:
            index: Which payload, from 0.
            payload: The payload.
            taken: Index by task id of the payloads before; this one is added.

        Raises:
            PaceError: The pace has no slot for it.
        """
        task_id: str | None = None
        try:
            if self.task_ids is not None:
                task_id = self._task_id(index, payload)
                if not isinstance(self.task_ids, str):
                    _take(task_id, index, taken)
                if task_id in self.resume:
                    return self._known(index, payload, task_id)
            given = {
                "function": self.function,
                "payload": payload,
                "delay": self.delay,
                "task_id": task_id,
                "qualifier": self.qualifier,
                "large": self.large,
            }
            arguments, call = self.call(given)
        except PaceError:
            raise
        except FcAsyncError as error:
            return Outcome(index=index, payload=payload, task_id=task_id or "", error=error)
        return Job(index=index, payload=payload, arguments=arguments, call=call)

    def _known(self, index: int, payload: Any, task_id: str) -> Outcome:
        accepted = AcceptedInvocation(request_id="", task_id=task_id, duplicate=True)
        return Outcome(
            index=index, payload=payload, task_id=task_id, accepted=accepted, skipped=True
        )

    def _task_id(self, index: int, payload: Any) -> str:
        if isinstance(self.task_ids, str):
            return f"{self.task_ids}-{index}"
        assert self.task_ids is not None
        return self.task_ids(index, payload)


def _take(task_id: object, index: int, taken: dict[str, int]) -> None:
    """Note that a payload has this id.

    Raises:
        InvalidParameter: Another payload of this run has it: the service would keep one of them
            only, and the other would look like a repetition of it.
    """
    if not isinstance(task_id, str):
        return  # the check of the call refuses it
    first = taken.setdefault(task_id, index)
    if first != index:
        raise InvalidParameter(
            "task_id",
            task_id,
            f"payload {index} has the same id as payload {first}: task_ids must make one for each",
        )


def check_prefix(prefix: str) -> None:
    """Check the prefix of the ids of many tasks.

    Raises:
        InvalidParameter: No task id can begin so, or the ids would be those of replays.
    """
    if not limits.TASK_ID_PATTERN.fullmatch(f"{prefix}-0"):
        raise InvalidParameter(
            "task_ids",
            prefix,
            "must be a prefix of task ids: a letter or _, then letters, digits, _ and -, at most "
            "126 characters",
        )
    if _REPLAYS.search(prefix):
        raise InvalidParameter(
            "task_ids", prefix, "must not end with _r and a number: replays of a group do"
        )


def plan(
    function: str,
    payloads: object,
    *,
    task_ids: TaskIds | None,
    resume: Container[str] | None,
    concurrency: int,
    delay: int | timedelta | None,
    qualifier: str | None,
    progress: Report,
    pace: _pacing.BasePace | None = None,
    large: PayloadStore | None = None,
) -> Plan:
    """Check the arguments of ``fan_out``: mistakes that concern all payloads end it at once."""
    total = check_run("payloads", payloads, concurrency, progress)
    if resume is not None and task_ids is None:
        raise InvalidParameter("resume", resume, "needs task_ids: without ids nothing is known")
    if isinstance(task_ids, str):
        check_prefix(task_ids)
    operations.invoke_async(function, delay=delay, qualifier=qualifier, large=large)
    if pace is not None:
        _pacing.check_delay(delay)
    return Plan(
        function=function,
        qualifier=qualifier,
        delay=delay,
        task_ids=task_ids,
        resume=resume if resume is not None else frozenset(),
        concurrency=concurrency,
        progress=progress,
        total=total,
        # Slots of payloads that are not sent again would be held until the end of the run.
        slots=None if pace is None else _pacing.Run(pace, None if resume else payloads),
        large=large,
    )


def check_run(name: str, items: object, concurrency: int, progress: Report) -> int | None:
    """Check the arguments that every run has; return the number of items if it is known.

    Raises:
        InvalidParameter: An argument is wrong.
        ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
    """
    if type(concurrency) is not int or not 1 <= concurrency <= _MAX_CONCURRENCY:
        raise InvalidParameter(
            "concurrency", concurrency, f"must be a whole number from 1 to {_MAX_CONCURRENCY}"
        )
    if isinstance(items, (str, bytes, bytearray, dict)):
        raise InvalidParameter(name, items, f"must be an iterable of {name}, not one")
    check(progress)
    return len(items) if isinstance(items, Sized) else None
