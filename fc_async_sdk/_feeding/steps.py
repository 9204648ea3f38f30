# SPDX-License-Identifier: MIT
"""The function's side of feeds: answers requests, and runs the steps.

Invariants:

- A step notes what it has sent before it goes on: one that is repeated sends at most a page again.
  In task mode the service knows these messages by their ids.
- Only the step whose number is stored sends messages: a second delivery of an earlier one does not.
- A step that cannot send is put off with growing waits; after half an hour it fails, so that its
  message ends in the failure destination.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec.structs import replace

from fc_async_sdk._feeding import planning
from fc_async_sdk._feeding.batch import BatchReader
from fc_async_sdk._feeding.messages import Answer, FeedStatus, Request
from fc_async_sdk._feeding.planning import Turn
from fc_async_sdk._feeding.rows import FeedRow, FeedRows
from fc_async_sdk._pacing import Run, gcra
from fc_async_sdk._pacing.hop import Sent
from fc_async_sdk._payloads import claims
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    FcAsyncError,
    FeedError,
    InvalidArgument,
    InvalidParameter,
    InvalidPayload,
    InvalidRequest,
    WaitTooLong,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_sdk._feeding.batch import Item
    from fc_async_sdk._feeding.messages import Batch, State
    from fc_async_sdk._pacing import BasePace as Pace
    from fc_async_sdk._payloads.claims import PayloadStore

_LOG: Final = logging.getLogger("fc_async_sdk.feeding")

_FIRST_WAIT: Final = 10
_LONGEST_WAIT: Final = 600
_TRIES: Final = 8
"""Tries of a step after which it fails: 10, 20, 40 … 600 seconds are half an hour."""
_BUSY: Final = 0.5
"""Part of the function's timeout in which a step sends."""
_TIMEOUT: Final = 60
"""Seconds; timeout of a function whose context does not say it."""
_AGAIN: Final = 15 * gcra.SECOND
"""Wait of a feed whose slots others have booked in the moment of its own booking."""
_LONGEST_PROBLEM: Final = 400
"""Characters; a row is short."""
_OVERDUE: Final = 300 * gcra.SECOND
"""A feed whose step is late by so much does not hold up others."""
_REFUSED = (InvalidRequest, InvalidPayload, InvalidArgument)
"""Errors of one message; after others, the step is tried again."""


class Client(Protocol):
    """Used part of a client."""

    def invoke_async(self, function: str, payload: bytes, **options: Any) -> Any:
        """Call a function asynchronously."""
        ...

    def fan_out(self, function: str, payloads: Sequence[bytes], **options: Any) -> Any:
        """Call a function asynchronously for every payload."""
        ...


class Caller:
    """The function that a request was delivered to, and what it is called with.

    Args:
        client: Calls it.
        context: Of the invocation.
        qualifier: Version or alias that was called; None is LATEST.
    """

    def __init__(self, client: Client, context: Any, qualifier: str | None) -> None:
        self.function: str = context.function.name
        self.qualifier = qualifier
        self.context = context
        timeout = str(getattr(context.function, "timeout", ""))
        seconds = int(timeout) if timeout.isdecimal() else _TIMEOUT
        self._client = client
        self._ends = time.monotonic() + seconds * _BUSY

    @property
    def is_over(self) -> bool:
        """True if the step must end, because the function has a timeout."""
        return time.monotonic() >= self._ends

    def send(self, request: Request, delay: int) -> None:
        """Send the message of a step, unless an earlier attempt has sent it."""
        with contextlib.suppress(AsyncTaskAlreadyExists):
            self._client.invoke_async(
                self.function,
                request.encode(),
                delay=delay,
                task_id=request.task_id,
                qualifier=self.qualifier,
            )

    def send_all(self, items: Sequence[Item], slots: Run) -> int:
        """Send messages of a batch; return how many of them no service can take.

        Raises:
            PaceError: They have no slots.
            FcAsyncError: The first error that is not of one message.
        """
        run = self._client.fan_out(
            self.function,
            [item.payload.open() for item in items],
            task_ids=lambda index, _: items[index].task_id,
            qualifier=self.qualifier,
            pace=slots,
        ).run()
        refused = 0
        for outcome in run.failures:
            if not isinstance(outcome.error, _REFUSED):
                raise outcome.error
            _LOG.error("%s is left out: %s", outcome.task_id, outcome.error)
            refused += 1
        return refused


class Feeder:
    """Answers what is asked about the feeds of one handler.

    Args:
        pace: The pace of the handler; its store has the rows of feeds, too.
        payloads: The store of payloads of the handler; None: it has none.
        read: Returns what the key of the pace is taken from, for a payload and the context.
    """

    def __init__(
        self,
        pace: Pace,
        payloads: PayloadStore | None,
        read: Callable[[bytes, Any], object],
    ) -> None:
        self._pace = pace
        self._rows = FeedRows(pace.store, pace.name, pace.now)
        self._payloads = payloads
        self._read = read
        self._reader: tuple[str, BatchReader] | None = None

    def answer(self, request: Request, caller: Caller) -> dict[str, object]:
        """Return what the handler returns for a request.

        Raises:
            FcAsyncError: A step cannot send, and was tried as often as it may be.
        """
        if request.verb == "step":
            return self._step(request, caller).result()
        try:
            if request.verb == "start":
                row = self._start(request, caller)
            elif request.verb == "status":
                row = self._rows.read(_key(request, caller), request.name)
            else:
                row = self._control(request, caller)
            return Answer(status=self._status(row, request.name, caller)).result()
        except FeedError as error:
            return Answer(error=error.message).result()
        except FcAsyncError as error:
            return Answer(error=str(error)).result()

    # --- what is asked by senders and people ---

    def _start(self, request: Request, caller: Caller) -> FeedRow:
        batch = request.batch
        if batch is None:
            raise FeedError(request.name, "there is no batch to start")
        if batch.priority and self._pace.keyed:
            raise FeedError(request.name, "a priority needs a pace without key")
        if batch.pace and batch.pace != self._pace.name:
            raise FeedError(
                request.name,
                f"the sender has the pace {batch.pace}, the handler has {self._pace.name}: give "
                "both the same, because the handler's decides",
            )
        first = FeedRow(
            key=_key(request, caller),
            token="",
            written=0,
            expires=0,
            batch=batch,
            state="running" if batch.chosen else "done",
        )
        # Read before it is stored: a batch that cannot be read is refused, not begun.
        self._read_batch(request.name, batch, caller)
        row = self._rows.begin(first.key, request.name, first)
        assert row.batch is not None
        if row.batch.digest != batch.digest:
            raise FeedError(
                request.name,
                "another batch of this name was started: give other task_ids, or the same payloads "
                "in the same order",
            )
        # Also if the feed was there: the sender was killed before the first step was accepted.
        if row.state == "running" and row.announced < row.step:
            row = self._announce(row, request.name, caller, 1)
        return row

    def _control(self, request: Request, caller: Caller) -> FeedRow:
        """Pause, resume or stop a feed."""
        state: State = {"pause": "paused", "resume": "running", "stop": "stopped"}[request.verb]  # type: ignore[assignment]

        def following(row: FeedRow) -> FeedRow | None:
            if row.state in {"done", "stopped"}:
                return None
            # The message of the step that waits is one of the past: the new one has its own.
            step = row.step + 1 if request.verb == "resume" else row.step
            return replace(row, state=state, step=step, problem="")

        row = self._rows.change(_key(request, caller), request.name, following)
        if request.verb == "resume":
            if row.state == "stopped":
                raise FeedError(request.name, "it was stopped, and does not go on")
            if row.state == "running":
                return self._announce(row, request.name, caller, 1)
        self._leave(row.key, request.name)
        return row

    def _status(self, row: FeedRow, name: str, caller: Caller) -> FeedStatus:
        batch = row.batch
        assert batch is not None
        status = FeedStatus(
            name=name,
            function=caller.function,
            state=row.state,
            chosen=batch.chosen,
            sent=row.next - row.refused,
            refused=row.refused,
            priority=batch.priority,
            problem=row.problem,
        )
        if not status.left or self._pace.keyed:
            return status
        interval = self._pace.interval() / gcra.SECOND
        return replace(
            status, seconds=self._pace.forecast(1).seconds + (status.left - 1) * interval
        )

    # --- steps ---

    def _step(self, request: Request, caller: Caller) -> Sent:
        try:
            row = self._rows.read(_key(request, caller), request.name)
            if row.state != "running" or request.step != row.step:
                return self._missed(row, request, caller)
            return self._run(row, request, caller)
        except _Superseded:
            return Sent("", 0, "another delivery of this step sends")
        except FcAsyncError as error:
            return self._put_off(request, caller, error)

    def _run(self, row: FeedRow, request: Request, caller: Caller) -> Sent:
        """Send what the step is for, and the message of the next step.

        Raises:
            FcAsyncError: Something failed; what was sent before is noted.
            _Superseded: Another delivery of this step sends.
        """
        name = request.name
        row, again = self._send(row, name, caller)
        if row.state != "running" or row.step != request.step:
            return Sent("", 0, f"the feed {name} is {row.state}")
        seconds = planning.delay(again, self._pace.now())

        def following(current: FeedRow) -> FeedRow | None:
            is_mine = current.state == "running" and current.step == request.step
            return replace(current, step=current.step + 1, problem="") if is_mine else None

        if not self._pace.keyed:
            self._take_turn(row, name, again + _OVERDUE)
        row = self._rows.change(row.key, name, following)
        if row.state != "running":
            return Sent("", 0, f"the feed {name} is {row.state}")
        self._announce(row, name, caller, seconds)
        assert row.batch is not None
        left = row.batch.chosen - row.next
        return Sent(_message(row, name).task_id, seconds, f"{left:,} messages of {name} are left")

    def _missed(self, row: FeedRow, request: Request, caller: Caller) -> Sent:
        """Answer a step that is over, or that the feed does not want now."""
        # An attempt that broke off after it had noted its end has sent nothing on.
        is_broken = request.step == row.step - 1 and row.announced < row.step
        if row.state == "running" and is_broken:
            self._announce(row, request.name, caller, 1)
            return Sent(_message(row, request.name).task_id, 1, "an earlier attempt broke off")
        return Sent("", 0, f"step {request.step} of {request.name} is over")

    def _announce(self, row: FeedRow, name: str, caller: Caller, seconds: int) -> FeedRow:
        """Send the message of the next step, and note that it was accepted."""
        caller.send(_message(row, name), seconds)

        def following(current: FeedRow) -> FeedRow | None:
            # Without task mode, a second message of a step would be a second chain of steps.
            return replace(current, announced=max(current.announced, row.step))

        return self._rows.change(row.key, name, following)

    def _put_off(self, request: Request, caller: Caller, error: FcAsyncError) -> Sent:
        """Send the message of a step again for later, because of an error.

        Raises:
            FcAsyncError: The error, if the step was tried as often as it may be.
        """
        problem = f"{type(error).__name__}: {error}"[:_LONGEST_PROBLEM]
        _LOG.warning("a step of feed %s failed: %s", request.name, problem)
        try:
            self._rows.change(
                _key(request, caller), request.name, lambda row: replace(row, problem=problem)
            )
        except FeedError as unknown:
            _LOG.warning("the problem could not be noted: %s", unknown)
        if request.tries >= _TRIES:
            raise error
        wait = min(_FIRST_WAIT * 2**request.tries, _LONGEST_WAIT)
        later = replace(request, tries=request.tries + 1)
        caller.send(later, wait)
        return Sent(later.task_id, wait, problem)

    def _send(self, row: FeedRow, name: str, caller: Caller) -> tuple[FeedRow, int]:
        """Send the messages whose slots are near; return the feed, and when to go on.

        Raises:
            FcAsyncError: Something failed; what was sent before is noted.
            _Superseded: Another delivery of this step sends.
        """
        batch = row.batch
        assert batch is not None
        reader = self._read_batch(name, batch, caller)
        began = self._pace.now()
        while row.state == "running":
            if row.next == batch.chosen:
                return self._finish(row, name), began
            messages = self._messages(reader.after(row.next), caller.context)
            if not row.planned:
                plan = self._plan(row, messages, began, name)
                if not plan.size:
                    return row, plan.again
                row = self._note(row, name, planned=plan.size)
            else:
                # An attempt that broke off has booked slots for these: they are used now.
                plan = planning.Stretch(row.planned, began)
            stretch = messages.first(plan.size)
            slots = stretch.slots(f"{row.key}/{row.next}")
            try:
                refused = caller.send_all(stretch.items, slots)
            except WaitTooLong:
                # Others have booked meanwhile. These messages get their turn later.
                return self._note(row, name), began + _AGAIN
            refused += plan.size - len(stretch.items)
            row = self._note(row, name, sent=plan.size, refused=refused)
            if plan.size < len(messages.keys):
                return row, plan.again
            if caller.is_over:
                return row, began
        return row, began

    def _messages(self, items: Sequence[Item], context: Any) -> _Messages:
        """Return messages of a batch with their keys."""

        def read(payload: bytes) -> object:
            return self._read(payload, context)

        keys: Sequence[object] = [None] * len(items)
        if self._pace.keyed:
            keys = [_key_of(item, self._pace, read) for item in items]
        return _Messages(self._pace, items, keys, read)

    def _plan(self, row: FeedRow, messages: _Messages, began: int, name: str) -> planning.Stretch:
        """Return how many of the next messages are sent now."""
        limit = len(messages.keys)
        # Keys with paces of their own do not take slots from each other.
        if not self._pace.keyed:
            interval = self._pace.interval()
            turns = self._take_turn(row, name, began + _OVERDUE)
            share = planning.share(turns, row.key, interval, began)
            if share.limit == 0:
                return planning.Stretch(0, began + share.wait)
            limit = limit if share.limit is None else share.limit
        return planning.stretch(messages.keys, messages.lanes(began), began, limit)

    def _note(
        self,
        row: FeedRow,
        name: str,
        *,
        planned: int = 0,
        sent: int = 0,
        refused: int = 0,
    ) -> FeedRow:
        """Note what is sent next, or what was sent.

        Raises:
            _Superseded: Another delivery of this step sends.
        """

        def following(current: FeedRow) -> FeedRow | None:
            if (current.next, current.planned) != (row.next, row.planned):
                raise _Superseded
            return replace(
                current,
                planned=planned,
                next=current.next + sent,
                refused=current.refused + refused,
            )

        return self._rows.change(row.key, name, following)

    def _finish(self, row: FeedRow, name: str) -> FeedRow:
        row = self._rows.change(row.key, name, lambda current: replace(current, state="done"))
        self._leave(row.key, name)
        _LOG.info("feed %s is done: %d sent, %d left out", name, row.next, row.refused)
        return row

    # --- beside other feeds of the pace ---

    def _take_turn(self, row: FeedRow, name: str, until: int) -> dict[str, Turn]:
        """Note what a feed has sent, and return the turns of all feeds of the pace."""
        batch = row.batch
        assert batch is not None
        now = self._pace.now()

        def following(turns: dict[str, Turn]) -> dict[str, Turn]:
            own = turns.get(row.key)
            if own is None:
                joined = planning.joined(turns, batch.priority, now)
                own = Turn(batch.priority, joined, batch.chosen - row.next, until)
            left = batch.chosen - row.next
            sent = own.sent + own.left - left
            others = {key: turn for key, turn in turns.items() if turn.until > now}
            return {**others, row.key: Turn(batch.priority, sent, left, until)}

        return self._rows.change_turns(name, following)

    def _leave(self, key: str, name: str) -> None:
        """Take a feed that does not go on out of the turns of its pace."""
        if self._pace.keyed:
            return
        self._rows.change_turns(
            name, lambda turns: {other: turn for other, turn in turns.items() if other != key}
        )

    def _read_batch(self, name: str, batch: Batch, caller: Caller) -> BatchReader:
        """Return a reader of a batch; one for all steps of an instance.

        Raises:
            FeedError: The handler has no store of payloads.
            LargePayloadError: The batch cannot be read.
        """
        if self._payloads is None:
            raise FeedError(name, "the handler has no store: @handler(…, pace=pace, large=store)")
        store = claims.within(self._payloads, caller.context)
        if self._reader is None or self._reader[0] != batch.digest:
            self._reader = batch.digest, BatchReader(store, batch, name)
        return self._reader[1]


class _Superseded(Exception):
    """Another delivery of the same step sends the messages."""


class _Messages:
    """Messages of a batch, with what each shares its pace with.

    Args:
        pace: The pace.
        items: The messages.
        keys: Of the messages, in their order.
        read: Returns what the key is taken from, for a payload.

    Attributes:
        keys: As given.
    """

    def __init__(
        self,
        pace: Pace,
        items: Sequence[Item],
        keys: Sequence[object],
        read: Callable[[bytes], object],
    ) -> None:
        self.keys = keys
        self._pace = pace
        self._items = items
        self._read = read

    @property
    def items(self) -> list[Item]:
        """The messages that have a key."""
        pairs = zip(self._items, self.keys, strict=True)
        return [item for item, key in pairs if key is not _NO_KEY]

    def first(self, count: int) -> _Messages:
        """Return the first of them."""
        return _Messages(self._pace, self._items[:count], self.keys[:count], self._read)

    def lanes(self, now: int) -> dict[object, planning.Lane]:
        """Return the pace of each key."""
        lanes: dict[object, planning.Lane] = {_NO_KEY: planning.Lane(now, 1)}
        for key in {*self.keys} - {_NO_KEY}:
            forecast = self._pace.forecast(1, key=key, now=now)
            free = round(forecast.first.timestamp() * gcra.SECOND)
            lanes[key] = planning.Lane(free, self._pace.interval(key=key))
        return lanes

    def slots(self, run: str) -> Run:
        """Return slots for the messages that have a key.

        Args:
            run: Names them, so that an attempt that is repeated finds those of the first.
        """
        if not self._pace.keyed:
            return Run(self._pace, self.items, name=run)
        values = [self._read(item.payload.open()) for item in self.items]
        return Run(self._pace, values, read=self._read, name=run)


_NO_KEY: Final = object()
"""Key of a message from which none can be read."""


def _key_of(item: Item, pace: Pace, read: Callable[[bytes], object]) -> object:
    try:
        return pace.key_of(read(item.payload.open()))
    except (InvalidPayload, InvalidParameter) as error:
        _LOG.error("%s is left out: %s", item.task_id, error)
        return _NO_KEY


def _key(request: Request, caller: Caller) -> str:
    # No function has a $ in front, so no record of an idempotent handler has such a key.
    return f"$feed/{caller.function}/{request.name}"


def _message(row: FeedRow, name: str) -> Request:
    """Return the message of the next step of a feed."""
    return Request(verb="step", name=name, step=row.step)
