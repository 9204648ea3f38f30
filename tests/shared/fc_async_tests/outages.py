# SPDX-License-Identifier: MIT
"""A store that can be unavailable for a time, on virtual time."""

from __future__ import annotations

from typing import Any

from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import StoreUnavailable

AWAY = 2_500
"""Milliseconds."""


class Flaky(MemoryStore):
    """A memory store of which single verbs, or all, can be unavailable for a time.

    Attributes:
        clock: Set by the scenario.
        away: Until when each verb is unavailable, by its name.
    """

    verbs = ("claim", "start", "extend", "settle", "claim_jobs", "settle_job")

    def __init__(self) -> None:
        super().__init__()
        self.clock: Any = None
        self.away: dict[str, int] = {}

    def go_away(self, *verbs: str, ms: int = AWAY) -> None:
        self.away.update(dict.fromkeys(verbs or self.verbs, self.clock.now() + ms))

    def is_away(self, verb: str) -> bool:
        return self.clock is not None and self.clock.now() < self.away.get(verb, 0)

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in type(self).verbs:
            return found

        async def guarded(*arguments: Any, **named: Any) -> Any:
            if self.is_away(name):
                raise StoreUnavailable("database is locked")
            return await found(*arguments, **named)

        return guarded
