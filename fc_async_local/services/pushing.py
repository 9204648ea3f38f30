# SPDX-License-Identifier: MIT
"""Durable duties of the services: push this there, and again later if it can't be done now.

A duty is a message in a queue of MNS that users can't name, so that it shares the transaction of
what caused it and survives a restart; a retry is a longer visibility timeout. What a duty means and
how long to wait is its owner's decision. Duties are done at least once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.background import keep_running, outage_wait, pause_on, start_task
from fc_async_local.services.common import Receipt
from fc_async_local.services.mns.model import Draft, Queue, QueueAttributes
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.services.mns.model import Message
    from fc_async_local.services.mns.store import MessageStore

_LOG: Final = logging.getLogger(__name__)
_CONCURRENCY: Final = 32
_HELD_SECONDS: Final = 900
"""How long a duty that is being done is hidden: longer than any push may take."""
_LEASE_SECONDS: Final = 60
"""The same where other nodes take over from one that died; renewed while the duty is being done."""
_RENEWED_MS: Final = 20_000
_KEPT_SECONDS: Final = 30 * 86_400
_AFTER_A_BUG_SECONDS: Final = 10


class Pusher:
    """Does the duties of one service.

    Args:
        store: Where they are kept.
        clock: When they are due.
        name: Of the service.
        attempt: Does a duty once; ``message.dequeue_count`` is the number of this try. None:
            it is over, done or given up; else seconds until the next try.
        survey_ms: How often to look for what other nodes left behind; None: there are none.
    """

    def __init__(
        self,
        store: MessageStore,
        clock: Clock,
        name: str,
        attempt: Callable[[Message], Awaitable[float | None]],
        survey_ms: int | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._attempt = attempt
        self._survey_ms = survey_ms
        self._shared = survey_ms is not None
        self.queue = f".{name}"
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is left from before, and go on until :meth:`aclose`."""
        attributes = QueueAttributes(
            visibility_timeout=_LEASE_SECONDS if self._shared else _HELD_SECONDS,
            # Not for users: no limit of the protocol holds here.
            maximum_message_size=2**31,
            message_retention_period=_KEPT_SECONDS,
        )
        now = self._clock.now()
        await self._store.create_queue(
            Queue(name=self.queue, attributes=attributes, created_at=now, modified_at=now)
        )
        await self._store.reveal(self.queue, now=now)
        self._loop = start_task(self.queue, self._run())

    def duty(self, message_id: str, body: str, *, owner: str = "") -> tuple[str, Draft]:
        """A duty, to be handed to the store's ``broadcast``; then :meth:`wake`."""
        draft = Draft(message_id=message_id, body=body, group_id=owner, delay_seconds=0)
        return self.queue, draft

    def wake(self) -> None:
        """There are new duties."""
        self._wake.set()

    async def aclose(self) -> None:
        """Stop. What is under way is left and will be done again after the next start."""
        tasks = [task for task in (self._loop, *self._running) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        with self._clock.work():
            await keep_running(
                self.queue, self._turn, pause_on(self._clock), unavailable=(StoreUnavailable,)
            )

    async def _turn(self) -> None:
        self._wake.clear()
        until = await self._begin_due()
        if self._survey_ms is not None:
            latest = self._clock.now() + self._survey_ms
            until = latest if until is None else min(until, latest)
        await self._clock.wait(until, self._wake)

    async def _begin_due(self) -> int | None:
        """Begin what is due; when to look again."""
        free = _CONCURRENCY - len(self._running)
        if free <= 0:
            return None  # the next one that ends wakes us
        found = await self._store.receive(self.queue, free, now=self._clock.now())
        for message in found.messages:
            task = start_task(f"{self.queue} {message.message_id}", self._do(message))
            self._running.add(task)
            task.add_done_callback(self._ended)
        return self._clock.now() if found.messages else found.next_visible_at

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _do(self, message: Message) -> None:
        with self._clock.work():
            seconds, message = await (
                self._try_and_hold(message) if self._shared else self._try(message)
            )
            await self._settle(message, seconds)

    async def _settle(self, message: Message, seconds: float | None) -> None:
        """Write what became of a duty, again and again while the store is unavailable.

        If its time is over before that, it comes back by itself and the handle is no longer good.
        """
        receipt, failures = _receipt(message), 0
        while True:
            now = self._clock.now()
            try:
                if seconds is None:
                    await self._store.delete(self.queue, [receipt], now=now)
                else:
                    await self._store.hide(self.queue, receipt, seconds=seconds, now=now)
            except StoreUnavailable as error:
                failures += 1
                wait = outage_wait(failures)
                _LOG.warning("%s: the store is unavailable: %s", self.queue, error)
                await self._clock.wait(self._clock.now() + wait)
            else:
                return

    async def _try(self, message: Message) -> tuple[float | None, Message]:
        try:
            return await self._attempt(message), message
        except StoreUnavailable as error:
            _LOG.warning("%s: the store is away: %s", self.queue, error)
        except Exception:  # noqa: BLE001 -- the edge of a background task; nobody else would hear
            _LOG.exception("%s: a push failed in an unforeseen way", self.queue)
        return _AFTER_A_BUG_SECONDS, message

    async def _try_and_hold(self, message: Message) -> tuple[float | None, Message]:
        over = asyncio.Event()
        holding = asyncio.ensure_future(self._hold(message, over))
        try:
            seconds, _ = await self._try(message)
        finally:
            over.set()
            # Not cancelled: half a renewal would leave the handle unknown.
            message = await holding
        return seconds, message

    async def _hold(self, message: Message, over: asyncio.Event) -> Message:
        """Keep a duty from coming back until it is over; the message as it is then."""
        with self._clock.work():  # its own: its sleep is not the duty's
            while True:
                await self._clock.wait(self._clock.now() + _RENEWED_MS, over)
                if over.is_set():
                    return message
                with contextlib.suppress(StoreUnavailable):  # there is time to try again
                    held = await self._store.hide(
                        self.queue,
                        _receipt(message),
                        seconds=_LEASE_SECONDS,
                        now=self._clock.now(),
                    )
                    if held is None:
                        return message  # taken over
                    message = held


def _receipt(message: Message) -> Receipt:
    return Receipt(message.sequence, message.claims, message.message_id)
