"""Handles messages one by one: work first, acknowledge after it.

Invariants:

- A message is acknowledged only after its work is done, or after it is a dead letter.
- An event that is delivered several times has one effect, also if the worker is killed.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from fc_async_sdk import events
from fc_async_sdk.events import DestinationEvent
from fc_async_sdk.idempotency import SqliteStore, idempotent, once

from worker import effects
from worker.dead_letters import DeadLetter, DeadLetters
from worker.settings import Settings
from worker.sources import HIDDEN_SECONDS, Message, Source, Unavailable
from worker.stopping import Stop

MOST_RECEIVES = 5
POLL_SECONDS = 20
LONGEST_PAUSE_SECONDS = 30
LOG = logging.getLogger("worker")

Handle = Callable[[DestinationEvent], None]
"""Does the work for an event, or raises."""


def handler_of(settings: Settings) -> Handle:
    """Return what does the work for an event once, however often the event is delivered.

    A run that was killed is taken over after 50 seconds, before its message is received again. If
    it was killed in the effect itself, EffectInDoubt is raised instead of a second effect. Workers
    on several machines need a store that they share, such as RedisStore.
    """
    folder = Path(settings.worker_data)
    folder.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(str(folder / "worker.db"))

    @idempotent(
        store,
        key=lambda event, _: event.request_id,
        scope=settings.rocketmq_group,
        timeout=HIDDEN_SECONDS / 2,
        margin=HIDDEN_SECONDS / 3,
        expires_after=14 * 86_400,
        keep_result=False,
        not_done_on=(FileNotFoundError, PermissionError),
    )
    def handle(event: DestinationEvent, _: None) -> None:
        file, line = effects.line_for(event)
        once("append", effects.append, str(folder / file), line)

    return lambda event: handle(event, None)


class Consumer:
    """Handles the messages of one source.

    Args:
        source: Where they come from.
        handle: Does the work.
        dead_letters: Where messages end that fail again and again.
    """

    def __init__(self, source: Source, handle: Handle, dead_letters: DeadLetters) -> None:
        self._source = source
        self._handle = handle
        self._dead_letters = dead_letters

    def run(self, stop: Stop, *, until_empty: bool = False) -> None:
        """Handle messages until the worker is told to stop.

        Args:
            stop: Interrupts a poll or a pause, never the work for a message.
            until_empty: Also end if no message comes for 2 seconds.
        """
        pause = 1
        LOG.info("reading from %s", self._source.name)
        while not stop.requested:
            try:
                with stop.interrupts():
                    message = self._source.receive(2 if until_empty else POLL_SECONDS)
                if message is not None:
                    self.process(message)
                elif until_empty:
                    return
                pause = 1
            except Unavailable as error:
                LOG.warning("%s: %s; next try in %d s", self._source.name, error, pause)
                with stop.interrupts():
                    time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def process(self, message: Message) -> None:
        """Do the work for a message, then acknowledge it.

        A message that fails is received again, up to a number of times.

        Raises:
            Unavailable: The service did not take the acknowledgement.
        """
        try:
            event = events.parse(message.body)
            # A task that only waited for its slot of a pace: its message ends in another task.
            if not event.deferred:
                self._handle(event)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            LOG.warning("%s, received %d times: %s", message.id, message.receives, reason)
            if message.receives < MOST_RECEIVES:
                return
            self._dead_letters.put(
                DeadLetter(self._source.name, message.id, message.receives, reason, message.body)
            )
        self._source.acknowledge(message)


def retry(dead_letters: DeadLetters, handle: Handle) -> int:
    """Do the work for all dead letters, and return how many have failed again."""
    failed = 0
    for letter in dead_letters.all():
        try:
            handle(events.parse(letter.body))
        except Exception as error:
            failed += 1
            LOG.warning("%s failed again: %s: %s", letter.message_id, type(error).__name__, error)
        else:
            dead_letters.remove(letter)
    return failed
