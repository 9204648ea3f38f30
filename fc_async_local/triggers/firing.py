# SPDX-License-Identifier: MIT
"""Invokes functions for triggers once, or for messages again and again while that is impossible.

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
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import TRIGGER, DeadEvent, InvokeRequest, Job, OutcomeKind
from fc_async_local.services.delivery import Again, Pushed, function_arn
from fc_async_local.services.eventbridge import model as eventbridge
from fc_async_local.triggers import bindings
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.domain.invocation import CallPath, Outcome
    from fc_async_local.services.delivery import PushNode
    from fc_async_local.services.eventbridge.model import Event
    from fc_async_local.triggers.bindings import Binding, TriggerSource

    NewRequestId = Callable[[int, random.Random], str]
    DeadLetter = Callable[[str, Event], Awaitable[str]]

_DUPLICATE: Final = 409


class Firing:
    """Invokes functions for triggers.

    Args:
        node: Runs functions, and records how that went.
        new_request_id: Makes a request id of a time and a source of randomness.

    Attributes:
        keep: Keeps a dead event.
    """

    def __init__(self, node: PushNode, new_request_id: NewRequestId) -> None:
        self._invoker = node.invoker
        self._clock = node.clock
        self._log = node.log
        self._new_request_id = new_request_id
        self.keep = node.invoker.keep_dead
        self._random = random.Random()  # noqa: S311 -- names, no secrets

    def request_id(self, at: int, seed: str = "") -> str:
        """Return a request id, the same one for the same seed and time if a seed is given."""
        # The same id for the same firing: a second node that repeats it after a crash is answered
        # 409, and the function runs once.
        source = random.Random(seed) if seed else self._random  # noqa: S311 -- a name, no secret
        return self._new_request_id(at, source)

    async def accept(
        self,
        binding: Binding,
        payload: bytes,
        *,
        request_id: str = "",
        call_path: CallPath = (),
    ) -> str:
        """Invoke a function asynchronously; return the request id.

        Raises:
            Rejected: The invocation is refused, as on the service.
        """
        now = self._clock.now()
        chosen = request_id or self.request_id(now)
        request = InvokeRequest(
            binding.function,
            payload,
            qualifier=binding.qualifier,
            request_id=chosen,
            call_path=call_path,
        )
        try:
            await self._invoker.invoke_async(request)
        except Rejected as error:
            # With an id of the caller: accepted before, by a node that could not write that down.
            if error.status == _DUPLICATE and request_id:
                return chosen
            self._log.failed(binding.key, str(error), now)
            raise
        except Exception as error:
            self._log.failed(binding.key, f"{type(error).__name__}: {error}", now)
            raise
        self._log.fired(binding.key, chosen, now)
        return chosen

    async def run(
        self, binding: Binding, payload: bytes, *, call_path: CallPath = ()
    ) -> tuple[str, Outcome]:
        """Invoke a function synchronously; return the request id and the outcome.

        Raises:
            Rejected: The invocation is refused, as on the service.
        """
        request = InvokeRequest(
            binding.function,
            payload,
            qualifier=binding.qualifier,
            call_path=call_path,
        )
        try:
            request_id, outcome = await self._invoker.invoke_sync(request)
        except Rejected as error:
            self._log.failed(binding.key, str(error), self._clock.now())
            raise
        now = self._clock.now()
        if outcome.error_type:
            self._log.failed(binding.key, f"the function failed: {outcome.error_type}", now)
        else:
            self._log.fired(binding.key, request_id, now)
        return request_id, outcome

    async def give_up(
        self,
        binding: Binding,
        payload: bytes,
        error: str,
        *,
        key: str,
    ) -> None:
        """Keep an event that cannot be delivered as a dead event.

        Args:
            binding: The trigger.
            payload: The event.
            error: Why.
            key: Unique; the same if the same event is given up again.

        Raises:
            StoreUnavailable: It was not kept.
        """
        await self.keep(
            dead_event(
                binding.function,
                binding.qualifier,
                payload,
                f"trigger {binding.key}: {error}",
                key=key_of(binding, key),
            )
        )


def key_of(binding: Binding, key: str) -> str:
    """Return the key of a job or a dead event of a trigger.

    It is part of a URL, and no name of a function or trigger has a dot.

    Args:
        binding: The trigger.
        key: Of the message or the firing.
    """
    return f"{key}.{binding.function}.{binding.trigger}"


def dead_event(
    function: str,
    qualifier: str,
    payload: bytes,
    error: str,
    *,
    key: str,
    call_path: CallPath = (),
) -> DeadEvent:
    """Return an event that a function did not get.

    Args:
        function: Name of the function.
        qualifier: "" for LATEST.
        payload: The event.
        error: Why.
        key: Unique; the same if the same event is given up again.
        call_path: Of the event.
    """
    chosen = qualifier or limits.DEFAULT_QUALIFIER
    return DeadEvent(
        key=key,
        destination=function_arn(function, chosen),
        document=payload,
        error=error,
        function=function,
        qualifier=chosen,
        call_path=call_path,
    )


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
read_batch: Final = msgspec.msgpack.Decoder(Batch).decode


class _FailedTry(NamedTuple):
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

    Attributes:
        runner: Retries.
    """

    def __init__(
        self,
        node: PushNode,
        triggers: TriggerSource,
        firing: Firing,
        dead_letter: DeadLetter,
    ) -> None:
        self._node = node
        self._triggers = triggers
        self._firing = firing
        self._dead_letter = dead_letter
        self.runner = node.runner(TRIGGER, self._attempt, _describe)

    async def pending(self, binding: Binding) -> bool:
        """Return whether messages of a trigger wait for a retry.

        Raises:
            StoreUnavailable: The jobs cannot be counted.
        """
        return await self._node.store.jobs_pending(TRIGGER, binding.key) > 0

    async def fire(
        self,
        binding: Binding,
        payload: bytes,
        *,
        key: str,
        call_path: CallPath,
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
        # The message leaves its source when this returns, so what became of it must be durable:
        # before, a restart lost the retries.
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
            self.runner.wake()

    async def _attempt(self, job: Job) -> Pushed:
        batch = read_batch(job.payload)
        trigger = await self._triggers.find(batch.function, batch.trigger)
        readable = [] if trigger is None else bindings.read_all([trigger])
        if not readable:
            error = f"trigger {batch.function}/{batch.trigger} was deleted or cannot be read"
            return dead_event(
                batch.function,
                "",
                batch.payload,
                error,
                key=job.key,
                call_path=batch.call_path,
            )
        # By the settings of now: a trigger that was mended need not wait for its old retries.
        return await self._push(readable[0], batch, tries=job.tries + 1)

    async def _push(self, binding: Binding, batch: Batch, *, tries: int) -> Pushed:
        failure = await self._fire(binding, batch)
        if failure is None:
            return None
        again = self._next_try(binding, failure, tries)
        if again is None:
            return await self._give_up(binding, batch, failure.error)
        _LOG.warning(
            "trigger %s: %s; try %d, again in %.1f s",
            binding.key,
            again.error,
            tries,
            again.seconds,
        )
        return again

    def _next_try(self, binding: Binding, failure: _FailedTry, tries: int) -> Again | None:
        """Return when a failed batch is tried again; None if it is given up."""
        if not failure.temporary:
            return None
        again = self._node.again(binding.strategy, tries, failure.error)
        if again is None and not binding.tolerant:
            # Without tolerance of errors, the default, the retries have no end (user guide,
            # "Advanced trigger features").
            return Again(failure.error, _WITHOUT_END[binding.strategy])
        return again

    async def _fire(self, binding: Binding, batch: Batch) -> _FailedTry | None:
        try:
            if binding.asynchronous:
                await self._firing.accept(binding, batch.payload, call_path=batch.call_path)
                return None
            _, outcome = await self._firing.run(binding, batch.payload, call_path=batch.call_path)
        except Rejected as error:
            return _FailedTry(str(error), error.temporary)
        if outcome.kind is OutcomeKind.SUCCESS:
            return None
        return _FailedTry(f"the function failed with {outcome.error_type}", temporary=True)

    async def _give_up(self, binding: Binding, batch: Batch, error: str) -> Pushed:
        if binding.dead_letter:
            # Each event by itself, as the service does: a batch would be one message that no
            # consumer expects.
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
        documents = content if isinstance(content, list) else [content]
        for document in documents:
            event = {name: eventbridge.raw(value) for name, value in document.items()}
            failure = await self._dead_letter(queue, event)
            if failure:
                return failure
        return ""


def _describe(job: Job) -> str:
    batch = read_batch(job.payload)
    return f"trigger {batch.function}/{batch.trigger}, message {batch.key}"
