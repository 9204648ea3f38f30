# SPDX-License-Identifier: MIT
"""Functions that were paused: no asynchronous attempt of them begins. Kept until they are resumed.

A pause belongs to its function: an update or a deployment keeps it, a deletion ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fc_async_local.domain.pausing import Pause
from fc_async_local.functions.records import PauseRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_local.functions.snapshot import Snapshot, SnapshotCache
    from fc_async_local.store.protocol import Change


class Pauses:
    """The pauses of all functions.

    Args:
        cache: The configuration of the runtime.
    """

    def __init__(self, cache: SnapshotCache) -> None:
        self._cache = cache

    def listen(self, ended: Callable[[], None]) -> None:
        """Have a function called when a pause may have ended, by this node or another one."""

        def follow(changes: Sequence[Change] | None) -> None:
            if changes is None or any(change.kind == PauseRecord.kind for change in changes):
                ended()

        self._cache.documents.listen(follow)

    async def find(self, function: str) -> Pause | None:
        """Return the state of a function that was paused, None for all others."""
        return _pause(_record(await self._cache.read(), function))

    def known(self, function: str) -> Pause | None:
        """Return the same as the configuration was read last."""
        return _pause(_record(self._cache.known, function))

    async def all(self) -> dict[str, Pause]:
        """Return the states of all functions that were paused, by function."""
        records = (await self._cache.read()).all(PauseRecord)
        return {
            record.function: Pause(since=record.since, interval_us=record.interval_us)
            for record in records
        }

    async def begin(self, function: str) -> Pause:
        """Pause a function; one that is paused stays so since when it is.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        async with self._cache.writing:
            snapshot = await self._cache.read()
            snapshot.function(function)
            before = _record(snapshot, function)
            if before is not None and before.interval_us == 0:
                return Pause(since=before.since)
            record = PauseRecord(function=function, since=self._cache.now())
            await self._cache.write(record.stored())
        return Pause(since=record.since)

    async def resume(self, function: str, interval_us: int) -> Pause | None:
        """Resume a function; return what its pause was, None if it was not paused.

        Args:
            function: Function name.
            interval_us: Microseconds between the starts of what waits; 0: as fast as possible.

        Raises:
            Rejected: 404 FunctionNotFound.
        """
        async with self._cache.writing:
            snapshot = await self._cache.read()
            snapshot.function(function)
            before = _record(snapshot, function)
            if before is None:
                return None
            if interval_us:
                change = replace(before, interval_us=interval_us).stored()
            else:
                change = before.deleted()
            await self._cache.write(change)
        return _pause(before)

    async def end(self, function: str) -> None:
        """Forget a function that was resumed at a rate, after all that waited has started."""
        async with self._cache.writing:
            record = _record(await self._cache.read(), function)
            if record is not None and record.interval_us:
                await self._cache.write(record.deleted())


def _record(snapshot: Snapshot, function: str) -> PauseRecord | None:
    return snapshot.find(PauseRecord, PauseRecord.key_of(function))


def _pause(record: PauseRecord | None) -> Pause | None:
    if record is None:
        return None
    return Pause(since=record.since, interval_us=record.interval_us)
