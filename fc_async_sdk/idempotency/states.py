# SPDX-License-Identifier: MIT
"""The record of a key, and its state machine. Pure: data and time come as arguments.

::

    (no record) ──claim──▶ running ──complete──▶ done
                             │ ▲
                      failed │ │ claim, or take over when interrupted
                             ▼ │
          (no record), free, or failed (kept by choice)

Invariants:

- A record of a live run is never replaced by another run.
- An interrupted run is taken over only if no effect of it is in doubt.
- A record is void only when its expiry has passed by more than the margin: clocks differ.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from fc_async_sdk import errors
from fc_async_sdk._payloads import values
from fc_async_sdk.spec import limits
from fc_async_sdk.stores.rows import Row

Classes = Collection[type[Exception]] | type[Exception]

_MARGIN_SECONDS: Final = 90.0
_MESSAGE: Final = 1_000
"""Characters of the text of a failure that are kept."""


MAX_RESULT_BYTES: Final = 256 * 1024
"""The largest result that is kept, unless another limit is given. A row of Tablestore takes 2 MB
in one column, and a record may hold the results of some effects too."""


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A result.

    Attributes:
        form: ``json``; ``bytes``: base64; ``unkept``: the data is the reason.
        data: The text.
    """

    form: Literal["json", "bytes", "unkept"]
    data: str = ""

    def value(self) -> object:
        """Return the result; JSON values as JSON represents them, so tuples become lists."""
        if self.form == "bytes":
            return base64.b64decode(self.data)
        return json.loads(self.data)


def keep(value: object, max_bytes: int = MAX_RESULT_BYTES) -> Kept:
    """Return a result in the form that is stored.

    Args:
        value: Bytes, or a value that ``json.dumps`` takes, as the runtime of FC requires; or an
            object of a declared type, such as a dataclass.
        max_bytes: The longest text that is kept.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        stored = Kept("bytes", base64.b64encode(value).decode())
    else:
        try:
            # A typed handler returns an object of a declared type, which a repeat gets as a dict.
            stored = Kept("json", json.dumps(values.plain(value)))
        except (TypeError, ValueError, RecursionError) as error:
            return Kept("unkept", f"{type(value).__name__} is not a JSON value: {error}")
    if len(stored.data) > max_bytes:
        return Kept("unkept", f"it has {len(stored.data)} bytes, {max_bytes} are allowed")
    return stored


class Record(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of a key. Times are milliseconds since the epoch, by the writer's clock.

    Attributes:
        key: Identifies the work.
        token: Changes with every write.
        state: ``running``; ``free``: a run failed, and its effects are remembered; ``done``;
            ``failed``: the failure is kept.
        written: When this was written.
        until: Until when a running run counts as alive.
        expires: When the record is void.
        request_id: The request of the run.
        attempt: Its retry count, 0 for the first attempt.
        fingerprint: Hash of the compared part of the payload; "": nothing is compared.
        begun: Effects that began and have not ended.
        effects: Results of the effects that ended.
        result: What the handler returned.
        error: Class name and text of a kept failure.
    """

    state: Literal["running", "free", "done", "failed"]
    until: int
    request_id: str = ""
    attempt: int = 0
    fingerprint: str = ""
    begun: tuple[str, ...] = ()
    effects: dict[str, Kept] = msgspec.field(default_factory=dict)
    result: Kept | None = None
    error: tuple[str, str] | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Options of :func:`~fc_async_sdk.idempotency.idempotent`, which documents them.

    Raises:
        InvalidParameter: A value is out of its range.
    """

    timeout: float | None = None
    margin: float = _MARGIN_SECONDS
    expires_after: float = limits.EVENT_AGE_SECONDS.default
    wait: float = 0
    trust_retry_count: bool = True
    keep_failures: Classes = ()
    not_done_on: Classes = ()
    keep_result: bool = True
    max_result_bytes: int = MAX_RESULT_BYTES

    def __post_init__(self) -> None:
        for name in ("timeout", "expires_after"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and value > 0):
                raise errors.InvalidParameter(name, value, "must be a number of seconds above 0")
        for name in ("margin", "wait", "max_result_bytes"):
            value = getattr(self, name)
            if not (_is_number(value) and value >= 0):
                raise errors.InvalidParameter(name, value, "must be 0 or a larger number")
        _classes("keep_failures", self.keep_failures)
        _classes("not_done_on", self.not_done_on)

    def keeps(self, error: Exception) -> bool:
        """Return whether the handler must not run again after this error."""
        return isinstance(error, _classes("keep_failures", self.keep_failures))

    def tells_not_done(self, error: Exception) -> bool:
        """Return whether this error tells that an effect did not happen."""
        return isinstance(error, _classes("not_done_on", self.not_done_on))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _classes(name: str, value: object) -> tuple[type[Exception], ...]:
    """Return a class of errors, or a collection of them, as ``except`` takes them."""
    classes = (value,) if isinstance(value, type) else value
    # Checked at the decorator: a wrong class would fail while an error of the handler is handled.
    if not isinstance(classes, Collection) or not all(map(_is_error, classes)):
        raise errors.InvalidParameter(name, value, "must be classes of errors: (ValueError,)")
    return tuple(classes)


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a handler that asks for a key.

    Attributes:
        key: Identifies the work.
        request_id: Is the same for all attempts of one invocation.
        attempt: Its retry count.
        fingerprint: Hash of the compared part of the payload; "": nothing is compared.
        timeout_ms: How long the platform lets the handler run.
    """

    key: str
    request_id: str = ""
    attempt: int = 0
    fingerprint: str = ""
    timeout_ms: int


class Running(msgspec.Struct, frozen=True):
    """Another run is alive until a time."""

    until: int


class Done(msgspec.Struct, frozen=True):
    """The work was done; the result is None if none is kept."""

    result: Kept | None


def decide(
    record: Record,
    request: Request,
    rules: Rules,
    now: int,
) -> Running | Done | None:
    """Return what is known of the key of an execution; None: the key is free, replace its record.

    Args:
        record: The record of the key.
        request: The execution.
        rules: Options.
        now: Milliseconds since the epoch.

    Raises:
        PayloadMismatch: The key was used with another payload.
        FailureKept: An earlier run failed for good.
        EffectInDoubt: An interrupted run began an effect.
    """
    # The margin, because instances have clocks of their own: a writer that is ahead of this one
    # has meant a later time.
    if now > record.expires + _ms(rules.margin):
        return None
    are_compared = request.fingerprint and record.fingerprint
    if are_compared and request.fingerprint != record.fingerprint:
        raise errors.PayloadMismatch(record.key)
    if record.state == "done":
        return Done(record.result)
    if record.state == "failed":
        raise errors.FailureKept(record.key, *(record.error or ("", "")))
    if record.state == "running" and not interrupted(record, request, rules, now):
        return Running(record.until)
    if record.begun:
        raise errors.EffectInDoubt(record.key, record.begun)
    return None


def interrupted(
    record: Record,
    request: Request,
    rules: Rules,
    now: int,
) -> bool:
    """Return whether the run of a record has ended without recording its end.

    A retry of the same request begins only after the attempt before has ended; a second delivery
    of the same attempt does not tell that.
    """
    if now >= record.until:
        return True
    is_retry = request.request_id == record.request_id and request.attempt > record.attempt
    return rules.trust_retry_count and is_retry


def claim(
    request: Request,
    rules: Rules,
    now: int,
    token: str,
) -> Record:
    """Return the record of a run that begins."""
    # The platform ends a run at its time limit. A later claim is safe after that, with a margin for
    # the two clocks.
    until = now + request.timeout_ms + _ms(rules.margin)
    return Record(
        key=request.key,
        token=token,
        state="running",
        written=now,
        until=until,
        expires=max(until, now + _ms(rules.expires_after)),
        request_id=request.request_id,
        attempt=request.attempt,
        fingerprint=request.fingerprint,
    )


def inherit(mine: Record, earlier: Record, rules: Rules) -> Record:
    """Return the record of a run that takes a key over; it keeps the results of effects."""
    if mine.written > earlier.expires + _ms(rules.margin):
        return mine
    return replace(mine, effects=earlier.effects)


def begin_effect(record: Record, effect: str, token: str) -> Record:
    """Return the record with the intent to perform an effect."""
    return replace(record, token=token, begun=(*record.begun, effect))


def cancel_effect(record: Record, effect: str, token: str) -> Record:
    """Return the record after an effect that did not happen."""
    begun = tuple(name for name in record.begun if name != effect)
    return replace(record, token=token, begun=begun)


def end_effect(
    record: Record,
    effect: str,
    result: Kept,
    token: str,
) -> Record:
    """Return the record with the result of an effect."""
    ended = cancel_effect(record, effect, token)
    return replace(ended, effects={**ended.effects, effect: result})


def complete(
    record: Record,
    result: Kept | None,
    rules: Rules,
    now: int,
    token: str,
) -> Record:
    """Return the record of a run that succeeded. Results of effects are no longer needed."""
    return replace(
        record,
        token=token,
        state="done",
        written=now,
        expires=now + _ms(rules.expires_after),
        begun=(),
        effects={},
        result=result,
    )


def fail(
    record: Record,
    error: Exception,
    rules: Rules,
    now: int,
    token: str,
) -> Record | None:
    """Return the record of a run that raised an error; None: the key has none any more."""
    if rules.keeps(error):
        # Lone surrogates are in messages about bytes, and no store takes them.
        text = str(error)[:_MESSAGE].encode("utf-8", "replace").decode()
        summary = (type(error).__name__, text)
        done = complete(record, None, rules, now, token)
        return replace(done, state="failed", error=summary)
    # With effects the record stays: without it the next attempt would perform them again.
    if record.begun or record.effects:
        expires = now + _ms(rules.expires_after)
        return replace(
            record,
            token=token,
            state="free",
            written=now,
            expires=expires,
        )
    return None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
