# SPDX-License-Identifier: MIT
"""The record of one key, and the store that keeps it.

Invariants:

- Every write gives the record a new token. A write names the token that it replaces, so a writer
  that has not seen the last write changes nothing (optimistic locking).
- A verb may be repeated after a lost answer: a record that already has the new token counts as
  written.
"""

from __future__ import annotations

import base64
import json
from typing import Final, Literal, Protocol

import msgspec

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
        value: Bytes, or a value that ``json.dumps`` takes, as the runtime of FC requires.
        max_bytes: The longest text that is kept.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        kept = Kept("bytes", base64.b64encode(value).decode())
    else:
        try:
            kept = Kept("json", json.dumps(value))
        except (TypeError, ValueError, RecursionError) as error:
            return Kept("unkept", f"{type(value).__name__} is not a JSON value: {error}")
    if len(kept.data) > max_bytes:
        return Kept("unkept", f"it has {len(kept.data)} bytes, {max_bytes} are allowed")
    return kept


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
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

    key: str
    token: str
    state: Literal["running", "free", "done", "failed"]
    written: int
    until: int
    expires: int
    request_id: str = ""
    attempt: int = 0
    fingerprint: str = ""
    begun: tuple[str, ...] = ()
    effects: dict[str, Kept] = {}
    result: Kept | None = None
    error: tuple[str, str] | None = None

    @property
    def lifetime_ms(self) -> int:
        """Milliseconds that a store must keep it: a duration is the same on all clocks."""
        return max(1, self.expires - self.written)

    def encode(self) -> str:
        """Return the text that stores keep."""
        return msgspec.json.encode(self).decode()


_DECODER = msgspec.json.Decoder(Record)


def decode(text: str | bytes) -> Record:
    """Read what :meth:`Record.encode` wrote.

    Raises:
        ValueError: It is not a record.
    """
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"the stored record cannot be read: {error}") from error


class Store(Protocol):
    """Keeps records, with three conditional writes. Must be thread-safe.

    A store decides nothing; any error of it reaches the handler as
    :class:`~fc_async_sdk.errors.StoreFailed`. A record must be kept for
    :attr:`Record.lifetime_ms`, and may be dropped after that.
    """

    def create(self, record: Record) -> Record | None:
        """Store a record if its key has none.

        Returns:
            None if it was stored; otherwise the record that the key has.
        """
        ...

    def replace(self, record: Record, expected: str) -> bool:
        """Store a record if the stored one has the expected token or already that of the record.

        Returns:
            Whether the record is stored now.
        """
        ...

    def remove(self, key: str, expected: str) -> bool:
        """Delete the record of a key if it has the expected token.

        Returns:
            Whether it was deleted.
        """
        ...
