# SPDX-License-Identifier: MIT
"""The record of one key, and results in the form that is stored."""

from __future__ import annotations

import base64
import json
from typing import Final, Literal

import msgspec

from fc_async_sdk.stores.rows import Row

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
