# SPDX-License-Identifier: MIT
"""Runs of handlers under a claim, and their repair by an operator: I/O that drives :mod:`.states`.

Invariants:

- Every write names the token of the write before: a run that lost its key changes nothing.
- An effect begins only after its intent is stored.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from msgspec.structs import replace

from fc_async_sdk import errors
from fc_async_sdk.idempotency import states
from fc_async_sdk.idempotency.states import Kept, Record, keep
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

T = TypeVar("T")

_LOG: Final = logging.getLogger("fc_async_sdk.idempotency")

_INSIST_WAITS: Final = (0.1, 0.3, 1.0)
"""Seconds between tries to record a result: without it a repeat cannot know that work is done."""

_RACES: Final = 20
"""Number of lost take-overs after which the store counts as broken."""

_POLL_SECONDS: Final = 0.5


class Clock(Protocol):
    """Source of the time."""

    def now(self) -> int:
        """Return milliseconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds."""
        time.sleep(seconds)


class Claims:
    """Claims keys for one handler.

    Args:
        store: Keeps the records.
        rules: Options.
        clock: Where time comes from.
    """

    def __init__(self, store: Store, rules: states.Rules, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self.clock = clock

    def claim(self, request: states.Request) -> Run | states.Running | states.Done:
        """Claim a key once.

        Returns:
            The run that begins, or what is known of another run.

        Raises:
            PayloadMismatch: The key was used with another payload.
            EffectInDoubt: An interrupted run began an effect.
            FailureKept: An earlier run failed for good.
            StoreFailed: The store failed, or its writes are not conditional.
        """
        store = self._store
        rules = self._rules
        for _ in range(_RACES):
            now = self.clock.now()
            mine = states.claim(request, rules, now, new_token())
            stored = cast("Record | None", _ask(mine.key, store.create, mine))
            # Its own token: the record was written, and a client library sent the request again
            # because the answer was lost.
            if stored is None or stored.token == mine.token:
                return Run(store, rules, self.clock, mine)
            standing = states.decide(stored, request, rules, now)
            if standing is not None:
                return standing
            # The key is free, and other instances see that at the same time: the condition on the
            # token lets one of them have it.
            mine = states.inherit(mine, stored, rules)
            if _ask(mine.key, store.replace, mine, stored.token):
                return Run(store, rules, self.clock, mine)
        raise errors.StoreFailed("the store refused every conditional write", key=request.key)

    def deadline(self) -> int:
        """Return until when a caller waits for another run, in milliseconds since the epoch."""
        return self.clock.now() + round(self._rules.wait * 1000)

    def pause(self, standing: states.Running, request: states.Request, until: int) -> float:
        """Return the seconds until the store is asked again about another run.

        Raises:
            AlreadyRunning: The wait is over.
        """
        seconds_left = (until - self.clock.now()) / 1000
        if seconds_left <= 0:
            raise errors.AlreadyRunning(request.key, until=standing.until, attempt=request.attempt)
        return min(_POLL_SECONDS, seconds_left)


class Run:
    """A handler that runs under a claim. Thread-safe: effects may begin in several threads.

    Attributes:
        key: The key of the record.
    """

    def __init__(
        self,
        store: Store,
        rules: states.Rules,
        clock: Clock,
        record: Record,
    ) -> None:
        self.key = record.key
        self._store = store
        self._rules = rules
        self._clock = clock
        self._record = record
        self._lock = threading.Lock()

    def begin_effect(self, name: str) -> Kept | None:
        """Store the intent to perform an effect.

        Returns:
            The result of an earlier run; None: the effect may begin.

        Raises:
            ClaimLost: Another run has the key.
            InvalidParameter: The effect began before in this run and has not ended.
        """
        with self._lock:
            earlier = self._record.effects.get(name)
            if earlier is not None:
                return earlier
            if name in self._record.begun:
                raise errors.InvalidParameter("name", name, "names two effects of one handler")
            # Written before the effect: after a kill in between, the next run finds the intent and
            # does not perform it a second time.
            intent = states.begin_effect(self._record, name, new_token())
            self._write(intent, f"effect {name!r}")
            return None

    def end_effect(self, name: str, result: object) -> None:
        """Store the result of an effect."""
        with self._lock:
            stored = keep(result, self._rules.max_result_bytes)
            if stored.form == "unkept":
                _LOG.warning(
                    "%s: the result of effect %r is not kept: %s", self.key, name, stored.data
                )
            changed = states.end_effect(self._record, name, stored, new_token())
            self._insist(changed, f"the result of effect {name!r}")

    def fail_effect(self, name: str, error: Exception) -> None:
        """Free an effect that raised one of the errors which tell that it did not happen."""
        if self._rules.tells_not_done(error):
            self.cancel_effect(name)

    def cancel_effect(self, name: str) -> None:
        """Free an effect that did not happen."""
        with self._lock:
            changed = states.cancel_effect(self._record, name, new_token())
            self._write(changed, f"the failure of effect {name!r}")

    def complete(self, result: object) -> None:
        """Store the result of the handler.

        A store that fails is only logged: the work is done, and a failed attempt would repeat it.

        Raises:
            ClaimLost: Another run has the key.
        """
        rules = self._rules
        stored = keep(result, rules.max_result_bytes) if rules.keep_result else None
        if stored is not None and stored.form == "unkept":
            _LOG.warning("%s: the result is not kept: %s", self.key, stored.data)
        with self._lock:
            done = states.complete(self._record, stored, rules, self._clock.now(), new_token())
            try:
                self._insist(done, "its result")
            except errors.StoreFailed:
                _LOG.exception("%s: done, but not recorded: a repeat runs again", self.key)

    def fail(self, error: Exception) -> None:
        """Free the key, or keep the failure. Logs what fails here; the caller raises the error."""
        with self._lock:
            record = self._record
            after = states.fail(record, error, self._rules, self._clock.now(), new_token())
            try:
                if after is not None:
                    self._write(after, "its failure")
                elif not _ask(self.key, self._store.remove, self.key, record.token):
                    _LOG.warning("%s: the key was taken over by another run", self.key)
            # Logged only: the caller raises the handler's own error, which says more.
            except errors.IdempotencyError:
                _LOG.warning("%s: the failure is not recorded", self.key, exc_info=True)

    def _insist(self, record: Record, subject: str) -> None:
        """Write a record; try again when the store fails."""
        for pause in _INSIST_WAITS:
            try:
                return self._write(record, subject)
            except errors.StoreFailed:
                self._clock.sleep(pause)
        return self._write(record, subject)

    def _write(self, record: Record, subject: str) -> None:
        if not _ask(self.key, self._store.replace, record, self._record.token):
            raise errors.ClaimLost(self.key, subject)
        self._record = record


def _ask(key: str, verb: Callable[..., T], *arguments: Any) -> T:
    # The store may be the user's own. Whatever it raises, it is not known whether it has written.
    try:
        return verb(*arguments)
    except Exception as error:
        message = f"the store failed in {verb.__name__}: {type(error).__name__}: {error}"
        raise errors.StoreFailed(message, key=key) from error


# --- commands of an operator for a key whose handler is refused ---------------------------------


def forget(store: Store, key: str) -> bool:
    """Delete the record of a key, so that its work can run again.

    Args:
        store: The store of the handler.
        key: As in the error or in ``current_key()``.

    Returns:
        Whether there was a record.
    """
    probe = _probe(key)
    record = store.create(probe)
    removed = store.remove(key, probe.token if record is None else record.token)
    return record is not None and removed


def resolve(
    store: Store,
    key: str,
    *,
    happened: bool,
    result: object = None,
) -> bool:
    """State whether the effects in doubt have happened, so that retries of the key can go on.

    Args:
        store: The store of the handler.
        key: As in :class:`~fc_async_sdk.errors.EffectInDoubt`.
        happened: True: the handler runs and gets ``result`` from the effect. False: it runs and
            performs the effect again.
        result: What the effect would have returned, as a JSON value or bytes.

    Returns:
        False if the key has no effect in doubt, or its record changed meanwhile.
    """
    probe = _probe(key)
    record = store.create(probe)
    if record is None:
        store.remove(key, probe.token)
        return False
    if not record.begun:
        return False
    stored = keep(result)
    changed = replace(record, token=probe.token, state="free")
    for effect in record.begun:
        if happened:
            changed = states.end_effect(changed, effect, stored, probe.token)
        else:
            changed = states.cancel_effect(changed, effect, probe.token)
    return store.replace(changed, record.token)


def _probe(key: str) -> Record:
    """Return a record whose create() reads the stored one: a store has no other way to read."""
    return Record(
        key=key,
        token=new_token(),
        state="free",
        written=0,
        until=0,
        expires=60_000,
    )
