# SPDX-License-Identifier: MIT
"""Errors of :mod:`fc_async_sdk.idempotency`; raised from a handler, they fail the attempt."""

from __future__ import annotations

from fc_async_sdk.errors.tree import FcAsyncError, shorten

__all__ = [
    "AlreadyRunning",
    "ClaimLost",
    "EffectInDoubt",
    "FailureKept",
    "IdempotencyError",
    "KeyMissing",
    "PayloadMismatch",
    "ResultNotStored",
    "StoreFailed",
]


class IdempotencyError(FcAsyncError):
    """An idempotent handler did not run, or its result was not recorded.

    Attributes:
        key: The key of the record, as stored.
    """

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(f"{message} [key {shorten(key)}]" if key else message)
        self.message = message
        self.key = key

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), vars(self))


def _rebuild(cls: type[IdempotencyError], attributes: dict[str, str]) -> IdempotencyError:
    error = cls.__new__(cls)
    IdempotencyError.__init__(error, attributes["message"], key=attributes["key"])
    vars(error).update(attributes)
    return error


class AlreadyRunning(IdempotencyError):
    """Another run holds the key. FC retries this attempt later and gets the stored result.

    Attributes:
        until: When the other run counts as interrupted, in milliseconds since the epoch.
    """

    def __init__(self, key: str, *, until: int, attempt: int) -> None:
        super().__init__(
            f"another run holds this key; this is attempt {attempt + 1}, and a retry gets the "
            "result of that run (wait=... waits for it instead)",
            key=key,
        )
        self.until = until


class PayloadMismatch(IdempotencyError):
    """Two different payloads have the same key. Nothing ran."""

    def __init__(self, key: str) -> None:
        super().__init__(
            "the key was used with another payload: choose a key that differs between jobs, or "
            "compare=... for the part of the payload that must be equal",
            key=key,
        )


class EffectInDoubt(IdempotencyError):
    """An effect began and its end was not recorded: it may or may not have happened.

    Attributes:
        effects: Names of those effects.
    """

    def __init__(self, key: str, effects: tuple[str, ...]) -> None:
        super().__init__(
            f"{', '.join(effects)}: began in an earlier run that was interrupted, and may have "
            "happened. Find out, then call idempotency.resolve(store, key, happened=...)",
            key=key,
        )
        self.effects = effects


class FailureKept(IdempotencyError):
    """An earlier run failed with an error of ``keep_failures``. Nothing ran.

    Attributes:
        error_type: Name of the class of that error.
        error_message: Its text.
    """

    def __init__(self, key: str, error_type: str, error_message: str) -> None:
        super().__init__(f"an earlier run failed with {error_type}: {error_message}", key=key)
        self.error_type = error_type
        self.error_message = error_message


class ResultNotStored(IdempotencyError):
    """The work was done by an earlier run, but its result could not be stored."""

    def __init__(self, key: str, what: str, reason: str) -> None:
        super().__init__(f"{what} was done, its result was not kept: {reason}", key=key)


class ClaimLost(IdempotencyError):
    """This run lasted longer than its deadline, and another run took the key over."""

    def __init__(self, key: str, before: str) -> None:
        super().__init__(f"the key was taken over by another run before {before}", key=key)


class KeyMissing(IdempotencyError, ValueError):
    """The event has no value for the key. Nothing ran."""


class StoreFailed(IdempotencyError):
    """The store could not be read or written; ``__cause__`` is the error of its client."""
