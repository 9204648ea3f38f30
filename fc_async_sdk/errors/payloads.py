# SPDX-License-Identifier: MIT
"""Errors of :mod:`fc_async_sdk.payloads`; raised from a handler, they fail the attempt."""

from __future__ import annotations

from fc_async_sdk.errors.tree import FcAsyncError

__all__ = [
    "LargePayloadError",
    "PayloadDamaged",
    "PayloadNotFound",
    "PayloadOverMemory",
    "PayloadStoreDenied",
    "PayloadStoreFailed",
    "UnreadableClaim",
]


class LargePayloadError(FcAsyncError):
    """A payload could not be written to its store, or not be read from it.

    Attributes:
        store: Name of the store, "" if it is not known.
        key: Key of the object in it, "" if it is not known.
    """

    def __init__(self, message: str, *, store: str = "", key: str = "") -> None:
        super().__init__(f"{message} [{store} {key}]" if key else message)
        self.message = message
        self.store = store
        self.key = key

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.store, self.key)


def _rebuild(cls: type[LargePayloadError], message: str, store: str, key: str) -> LargePayloadError:
    return cls(message, store=store, key=key)


class UnreadableClaim(LargePayloadError):
    """The claim has another version or form, or there is no store to open it with."""


class PayloadNotFound(LargePayloadError):
    """The store does not have the object, or not any more."""


class PayloadDamaged(LargePayloadError):
    """The object does not have the content that was written: its hash or its size differs."""


class PayloadStoreDenied(LargePayloadError):
    """The store refuses access: ``fc-async policy`` prints the permissions that it needs."""


class PayloadStoreFailed(LargePayloadError):
    """The store failed or did not answer in time; ``__cause__`` is the error of its client."""


class PayloadOverMemory(LargePayloadError):
    """The payload is larger than may be read into memory. Nothing was read."""
