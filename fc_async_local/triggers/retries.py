# SPDX-License-Identifier: MIT
"""Fires triggers for messages, again and again while the function cannot be invoked.

Retries follow the strategy of the trigger (user guide, "Advanced trigger features"): they are for
429, for 5xx, and for errors of the function if it is invoked synchronously. Errors of an
asynchronous invocation are none of the trigger: they have the retries of the function, and go to
its failure destination.

Invariants:
    Messages are done with only when the invocation was accepted or has succeeded, or when a job
    for the retries is durable, or when they were given up and kept.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import TRIGGER, DeadEvent, Job, OutcomeKind
from fc_async_local.services.delivery import Again, Pushed, push_runner, wait_after
from fc_async_local.services.eventbridge import model as eventbridge
from fc_async_local.triggers import bindings
from fc_async_local.triggers.firing import dead_event, key_of
from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from fc_async_local.domain.invocation import CallPath
    from fc_async_local.domain.settlement import Settler
    from fc_async_local.services.eventbridge.model import Event
    from fc_async_local.store.job_runner import JobNode
    from fc_async_local.triggers.bindings import Binding, TriggerSource
    from fc_async_local.triggers.firing import Firing

    DeadLetter = Callable[[str, Event], Awaitable[str]]

_LOG: Final = logging.getLogger(__name__)
_WITHOUT_END: Final = {"BACKOFF_RETRY": 20.0, "EXPONENTIAL_DECAY_RETRY": 512.0}
"""Seconds between the tries of a trigger that does not give up, when its retries are over."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Messages for one invocation.

    Attributes:
        key: Unique: the id of the first message.
        payload: What the function gets.
        call_path: Functions that led here through destinations.
    """

    function: str
    trigger: str
    key: str
    payload: bytes
    call_path: tuple[str, ...] = ()


prepare(Batch)
_decode: Final = msgspec.msgpack.Decoder(Batch).decode


class _Failure(NamedTuple):
    """Failure of an invocation or of a function, and whether it may end by itself."""

    error: str
    temporary: bool


class Retries:
    """Fires triggers for batches of messages, with retries.

    Args:
        node: Claims the jobs.
        triggers: The triggers as they are now.
        firing: Invokes functions.
        dead_letter: Puts an event into a dead-letter queue; returns the failure, "" if none.
        settler: Returns what follows when messages are given up.
        random: Selects waits within their interval.
    """

    def __init__(
        self,
        node: JobNode,
        triggers: TriggerSource,
        firing: Firing,
        dead_letter: DeadLetter,
        *,
        settler: Settler,
        random: random.Random,
    ) -> None:
        self._node = node
        self._triggers = triggers
        self._firing = firing
        self._dead_letter = dead_letter
        self._random = random
        self._runner = push_runner(node, TRIGGER, self._attempt, _describe, settler)

    def start(self) -> None:
        """Begin to retry."""
        self._runner.start()

    async def aclose(self) -> None:
        """Retry no more."""
        await self._runner.aclose()

    async def pending(self, binding: Binding) -> bool:
        """Return whether messages of a trigger wait for a retry.

        Raises:
            StoreUnavailable: The jobs cannot be counted.
        """
        return await self._node.store.jobs_pending(TRIGGER, binding.key) > 0

    async def fire(
        self, binding: Binding, payload: bytes, *, key: str, call_path: CallPath
    ) -> None:
        """Fire a trigger once; on a failure, write the job of the retries or give up.

        Raises:
            StoreUnavailable: Neither was possible; the messages must come again.
        """
        batch = Batch(
            function=binding.function,
            trigger=binding.trigger,
            key=key,
            payload=payload,
            call_path=tuple(call_path),
        )
        pushed = await self._push(binding, batch, tries=1)
        if isinstance(pushed, DeadEvent):
            await self._firing.keep(pushed)
        elif isinstance(pushed, Again):
            now = self._node.clock.now()
            job = Job(
                kind=TRIGGER,
                key=key_of(binding, key),
                payload=msgspec.msgpack.encode(batch),
                scope=binding.key,
                created_at=now,
                due_at=now + round(pushed.seconds * 1_000),
                tries=1,
                error=pushed.error,
            )
            await self._node.store.add_jobs([job])
            self._runner.wake()

    async def _attempt(self, job: Job) -> Pushed:
        batch = _decode(job.payload)
        trigger = await self._triggers.find(batch.function, batch.trigger)
        found = bindings.read_all([] if trigger is None else [trigger])
        if not found:
            error = f"trigger {batch.function}/{batch.trigger} was deleted or cannot be read"
            return dead_event(
                batch.function, "", batch.payload, error, key=job.key, call_path=batch.call_path
            )
        return await self._push(found[0], batch, tries=job.tries + 1)

    async def _push(self, binding: Binding, batch: Batch, *, tries: int) -> Pushed:
        failure = await self._fire(binding, batch)
        if failure is None:
            return None
        seconds = None
        if failure.temporary:
            seconds = wait_after(binding.strategy, tries, roll=self._random.random())
            if seconds is None and not binding.tolerant:
                seconds = _WITHOUT_END[binding.strategy]
        if seconds is not None:
            _LOG.warning(
                "trigger %s: %s; try %d, again in %.1f s",
                binding.key,
                failure.error,
                tries,
                seconds,
            )
            return Again(failure.error, seconds)
        return await self._give_up(binding, batch, failure.error)

    async def _fire(self, binding: Binding, batch: Batch) -> _Failure | None:
        try:
            if binding.asynchronous:
                await self._firing.accept(binding, batch.payload, call_path=batch.call_path)
                return None
            _, outcome = await self._firing.run(binding, batch.payload, call_path=batch.call_path)
        except Rejected as error:
            return _Failure(str(error), error.temporary)
        if outcome.kind is OutcomeKind.SUCCESS:
            return None
        return _Failure(f"the function failed with {outcome.error_type}", temporary=True)

    async def _give_up(self, binding: Binding, batch: Batch, error: str) -> Pushed:
        if binding.dead_letter:
            failure = await self._send_dead(binding.dead_letter, batch)
            if not failure:
                _LOG.warning(
                    "trigger %s: %s; given up, it is in %s", binding.key, error, binding.dead_letter
                )
                return None
            error = f"{error}; the dead-letter queue {binding.dead_letter}: {failure}"
        return dead_event(
            binding.function,
            binding.qualifier,
            batch.payload,
            f"trigger {binding.key}: {error}",
            key=key_of(binding, batch.key),
            call_path=batch.call_path,
        )

    async def _send_dead(self, queue: str, batch: Batch) -> str:
        """Send each event of a batch; return the first failure, "" if there was none."""
        content: Any = msgspec.json.decode(batch.payload)
        for document in content if isinstance(content, list) else [content]:
            event = {name: eventbridge.raw(value) for name, value in document.items()}
            failure = await self._dead_letter(queue, event)
            if failure:
                return failure
        return ""


def _describe(job: Job) -> str:
    batch = _decode(job.payload)
    return f"trigger {batch.function}/{batch.trigger}, message {batch.key}"
