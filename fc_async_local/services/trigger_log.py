# SPDX-License-Identifier: MIT
"""Last firing and last error of each trigger since this node started.

Pure bookkeeping, in memory.
"""

from __future__ import annotations

from typing import NamedTuple


class TriggerHealth(NamedTuple):
    """The history of one trigger.

    Attributes:
        fired: How often it fired.
        fired_at: When it fired last, None if it has not.
        request_id: Of that invocation.
        error: The last error, "" after a success.
        error_at: When that was.
        failures: Consecutive errors.
    """

    fired: int = 0
    fired_at: int | None = None
    request_id: str = ""
    error: str = ""
    error_at: int | None = None
    failures: int = 0


class TriggerLog:
    """The history of each trigger, by the key of its binding."""

    def __init__(self) -> None:
        self._known: dict[str, TriggerHealth] = {}

    def of(self, key: str) -> TriggerHealth:
        """Return the history of a trigger."""
        return self._known.get(key, TriggerHealth())

    def fired(self, key: str, request_id: str, now: int) -> None:
        """Note that a trigger has invoked its function."""
        fired = self.of(key).fired + 1
        self._known[key] = TriggerHealth(fired=fired, fired_at=now, request_id=request_id)

    def failed(self, key: str, error: str, now: int) -> int:
        """Note an error of a trigger; return how many there were in a row."""
        before = self.of(key)
        self._known[key] = before._replace(error=error, error_at=now, failures=before.failures + 1)
        return before.failures + 1

    def keep(self, keys: frozenset[str]) -> None:
        """Forget all other triggers."""
        self._known = {key: health for key, health in self._known.items() if key in keys}
