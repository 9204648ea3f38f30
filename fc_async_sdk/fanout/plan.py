# SPDX-License-Identifier: MIT
"""Plan of a fan-out, and the outcome for each payload. Data; no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sized
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_sdk import _pacing, operations
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    FcAsyncError,
    InvalidParameter,
    PaceError,
)
from fc_async_sdk.fanout.progress import Report, check
from fc_async_sdk.operations import AcceptedInvocation, Call
from fc_async_sdk.operations.invoke import delayed
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from datetime import timedelta

    from fc_async_sdk._payloads.claims import PayloadStore

TaskIds = str | Callable[[int, Any], str]
"""A prefix (ids are ``{prefix}-{index}``), or what makes an id of index and payload."""

_MAX_CONCURRENCY: Final = 1000
_REPLAYS: Final = re.compile(r"_r[0-9]*\Z")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Outcome for one payload: either it was accepted, or there is an error.

    Attributes:
        index: Which payload, from 0.
        payload: The payload as it was given; None if a feed has it.
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
        slot: The slot of a pace that it would give back, or None.
    """

    index: int
    payload: Any
    arguments: dict[str, Any]
    call: Call[AcceptedInvocation]
    slot: _pacing.Taken | None = None

    def conclude(self, result: AcceptedInvocation | FcAsyncError) -> Outcome:
        """Return the outcome for an answer or an error."""
        task_id: str = self.arguments["task_id"] or ""
        # Taken before: an earlier run, or an earlier try of this request, was accepted. The payload
        # is there once, which is what the id is for.
        if isinstance(result, AsyncTaskAlreadyExists):
            result = AcceptedInvocation(
                request_id=result.request_id,
                task_id=task_id,
                duplicate=True,
            )
        if isinstance(result, AcceptedInvocation):
            return Outcome(
                index=self.index,
                payload=self.payload,
                task_id=task_id or result.task_id,
                accepted=result,
            )
        return Outcome(
            index=self.index,
            payload=self.payload,
            task_id=task_id,
            error=result,
        )


class RunPlan:
    """Checked arguments that every run has.

    Args:
        name: The caller's name for the items.
        items: What is sent.
        concurrency: How many are on the wire at a time.
        progress: A callback, True for a bar, or nothing.

    Attributes:
        total: The number of items, or None if it is not known.
        slots: The slots of a pace, or None.

    Raises:
        InvalidParameter: An argument is wrong.
        ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
    """

    def __init__(
        self,
        name: str,
        items: object,
        concurrency: int,
        progress: Report,
    ) -> None:
        check_concurrency(concurrency)
        # Iterable as well, and hardly meant: one text of 1,000 letters would be 1,000 calls.
        if isinstance(items, (str, bytes, bytearray, dict)):
            raise InvalidParameter(name, items, f"must be an iterable of {name}, not one")
        check(progress)
        self.concurrency = concurrency
        self.progress = progress
        self.total = len(items) if isinstance(items, Sized) else None
        self.slots: _pacing.Run | None = None

    def begin(self) -> None:
        """Book the slots of a pace, if there is one.

        Raises:
            PaceError: There are none; nothing is to be sent.
        """
        if self.slots is not None:
            self.slots.begin()

    def job(self, index: int, payload: Any, arguments: dict[str, Any]) -> Job:
        """Return the job for an item: arguments of ``invoke_async``, in the next slot of the pace.

        Raises:
            PaceError: The pace has no slot.
            InvalidRequest: The arguments are wrong; no slot is used.
        """
        # The call first, then its slot: what the call makes of the payload is what an envelope
        # carries, so that other forms of payloads, such as claims, stay inside of it.
        call = operations.invoke_async(**arguments)
        slot = None
        if self.slots is not None:
            arguments, slot = self.slots.take_slot(arguments, call.body)
            if arguments["payload"] is call.body:  # not in an envelope: most messages
                call = delayed(call, arguments["delay"])
            else:
                call = operations.invoke_async(**arguments)
        return Job(index=index, payload=payload, arguments=arguments, call=call, slot=slot)

    def conclude(self, job: Job, result: AcceptedInvocation | FcAsyncError) -> Outcome:
        """Return the outcome of a job for an answer or an error."""
        # An earlier try of this very request was accepted in this slot, so it is not given back.
        if isinstance(result, AsyncTaskAlreadyExists) and self.slots is not None:
            self.slots.give_back(job.slot)
        return job.conclude(result)

    def end(self) -> None:
        """Give back slots that were not used."""
        if self.slots is not None:
            self.slots.close()


class Plan(RunPlan):
    """Checked arguments of ``fan_out``: mistakes that concern all payloads end it at once."""

    def __init__(
        self,
        function: str,
        payloads: object,
        *,
        task_ids: TaskIds | None,
        resume: Container[str] | None,
        concurrency: int,
        delay: int | timedelta | None,
        qualifier: str | None,
        progress: Report,
        pace: _pacing.BasePace | _pacing.Run | None = None,
        large: PayloadStore | None = None,
    ) -> None:
        super().__init__("payloads", payloads, concurrency, progress)
        if resume is not None and task_ids is None:
            raise InvalidParameter("resume", resume, "needs task_ids: without ids nothing is known")
        # A text is a container, too: resume="x-12" left out x-1 and x-12 as if both were accepted.
        if isinstance(resume, str) or not isinstance(resume, Container | None):
            raise InvalidParameter("resume", resume, "must be a set of task ids")
        if isinstance(task_ids, str):
            check_prefix("task_ids", task_ids)
        elif task_ids is not None and not callable(task_ids):
            raise InvalidParameter("task_ids", task_ids, "must be a prefix or a function")
        self._same: dict[str, Any] = {
            "function": function,
            "delay": delay,
            "qualifier": qualifier,
            "large": large,
        }
        # Made once and thrown away: mistakes in what all payloads share end the run here.
        operations.invoke_async(**self._same)
        if isinstance(pace, _pacing.Run):
            self.slots = pace  # of a step of a feed
        elif pace is not None:
            _pacing.check_delay(delay)
            # Slots of payloads that are not sent again would be held until the end of the run.
            name = f"{function}/{task_ids}" if isinstance(task_ids, str) else ""
            self.slots = _pacing.Run(pace, None if resume else payloads, name=name)
        self._task_ids = task_ids
        self._resume = resume if resume is not None else frozenset()
        self.title = f"invoking {function}"

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
            if isinstance(self._task_ids, str):
                task_id = f"{self._task_ids}-{index}"
            elif self._task_ids is not None:
                task_id = self._task_ids(index, payload)
                _take(task_id, index, taken)
            if task_id is not None and task_id in self._resume:
                return self._known(index, payload, task_id)
            return self.job(index, payload, {**self._same, "payload": payload, "task_id": task_id})
        except PaceError:
            raise
        except FcAsyncError as error:
            return Outcome(
                index=index,
                payload=payload,
                task_id=task_id or "",
                error=error,
            )

    def _known(self, index: int, payload: Any, task_id: str) -> Outcome:
        accepted = AcceptedInvocation(request_id="", task_id=task_id, duplicate=True)
        return Outcome(
            index=index,
            payload=payload,
            task_id=task_id,
            accepted=accepted,
            skipped=True,
        )


def _take(task_id: object, index: int, taken: dict[str, int]) -> None:
    """Note that a payload has this id.

    Raises:
        InvalidParameter: Another payload of this run has it: the service would keep one of them
            only, and the other would look like a repetition of it.
    """
    if not isinstance(task_id, str):
        return  # the check of the call refuses it
    # The service would keep one of the two, and the other would look like a repetition of it.
    first = taken.setdefault(task_id, index)
    if first != index:
        raise InvalidParameter(
            "task_id",
            task_id,
            f"payload {index} has the same id as payload {first}: task_ids must make one for each",
        )


def check_concurrency(concurrency: object) -> None:
    """Check how many requests may be on the wire at a time.

    Raises:
        InvalidParameter: It is not a whole number of the range.
    """
    if type(concurrency) is not int or not 1 <= concurrency <= _MAX_CONCURRENCY:
        raise InvalidParameter(
            "concurrency", concurrency, f"must be a whole number from 1 to {_MAX_CONCURRENCY}"
        )


def check_prefix(name: str, prefix: object) -> str:
    """Return the prefix of the ids of many tasks.

    Raises:
        InvalidParameter: No task id can begin so, or the ids would be those of replays.
    """
    if not isinstance(prefix, str) or not limits.TASK_ID_PATTERN.fullmatch(f"{prefix}-0"):
        raise InvalidParameter(
            name,
            prefix,
            "must be a prefix of task ids: a letter or _, then letters, digits, _ and -\n"
            "An id, of the prefix and what follows it, has at most 128 characters.",
        )
    # The tasks of such a group would count as replays of another one.
    if _REPLAYS.search(prefix):
        expected = "must not end with _r and a number: replays of a group do"
        raise InvalidParameter(name, prefix, expected)
    return prefix
