# SPDX-License-Identifier: MIT
"""The documents of the store in memory: functions, topics, rules and what else is configured.

There is one cache in a runtime. Reads cost a dictionary look-up; a write goes to the store first.

Invariants:
    After :meth:`DocumentCache.refresh` the cache holds every change that was acknowledged, by this
    node or another one, before the call.
    Listeners have been told of a change before the caller that wrote it or refreshed goes on.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, NoReturn

from fc_async_local.background import keep_running, pause_on
from fc_async_local.store.protocol import ChangeRefused, StoreUnavailable
from fc_async_local.wakeups import SURVEY_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_local.store.protocol import Change, DocumentStore
    from fc_async_local.wakeups import Wakeups

    Listener = Callable[[Sequence[Change] | None], None]

_LOG: Final = logging.getLogger(__name__)

DOCUMENTS: Final = "documents"
"""Topic of wake-ups: documents have changed."""


class DocumentCache:
    """Documents by kind and key. Empty until the first :meth:`refresh`.

    Args:
        documents: Where they are kept.
        wakeups: Says whether other nodes write there too, and tells them of changes.
    """

    def __init__(self, documents: DocumentStore, wakeups: Wakeups) -> None:
        self._documents = documents
        self._wakeups = wakeups
        self._kinds: dict[str, dict[str, bytes]] = {}
        self._listeners: list[Listener] = []
        self._revision: int | None = None
        """The revision that is in memory; None: none, or changes are missing."""
        self._written = 0
        self._loading = asyncio.Lock()

    def listen(self, listener: Listener) -> None:
        """Have a function called with the changes of each write of this node, None after a load."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Load the documents if others have changed them, or if they were never loaded.

        A store that only this node writes is loaded once.

        Raises:
            StoreUnavailable: The store cannot be read now.
        """
        # Where only this node writes, the store is not asked: each invocation would pay for it.
        newest = await self._documents.revision() if self._wakeups.shared else 0
        if not self._is_as_new_as(newest):
            await self._load(newest)

    def _is_as_new_as(self, revision: int) -> bool:
        return self._revision is not None and self._revision >= revision

    async def _load(self, at_least: int) -> None:
        async with self._loading:
            if self._is_as_new_as(at_least):
                return  # loaded by the caller that had the lock before
            revision, documents = await self._documents.load()
            # This node wrote meanwhile: an older load must not outlive that write. The revision is
            # compared with its own writes only, because a store that was set back never reaches
            # what another node has announced.
            while revision < self._written:
                revision, documents = await self._documents.load()
            self._kinds = {}
            for document in documents:
                self._kinds.setdefault(document.kind, {})[document.key] = document.body
            for listener in self._listeners:
                listener(None)
            # Last, so that a listener that fails is called again by the next load.
            self._revision = revision

    def get(self, kind: str, key: str) -> bytes | None:
        """Return a document, None if there is none."""
        return self._kinds.get(kind, {}).get(key)

    def items(self, kind: str, prefix: str = "") -> list[tuple[str, bytes]]:
        """Return keys and documents of a kind, sorted, those whose key begins with a prefix."""
        documents = self._kinds.get(kind, {})
        keys = sorted(key for key in documents if key.startswith(prefix))
        return [(key, documents[key]) for key in keys]

    async def write(self, *changes: Change) -> None:
        """Write all changes or none; returns after they are durable.

        Raises:
            ChangeRefused: An expectation did not hold; the cache shows what refused it.
            StoreUnavailable: The store cannot write now.
        """
        try:
            revision = await self._documents.write(changes)
        # Another node wrote what refused it: the caller decides again on what is true now.
        except ChangeRefused:
            await self.refresh()
            raise
        self._written = max(self._written, revision)
        if not self._is_as_new_as(revision):  # else it was loaded meanwhile
            self._apply(revision, changes)
        self._wakeups.announce(DOCUMENTS)

    def _apply(self, revision: int, changes: Sequence[Change]) -> None:
        follows = self._revision is not None and revision == self._revision + 1
        for change in changes:
            documents = self._kinds.setdefault(change.kind, {})
            if change.body is None:
                documents.pop(change.key, None)
            else:
                documents[change.key] = change.body
        try:
            for listener in self._listeners:
                listener(changes)
        except Exception:  # noqa: BLE001 -- logged
            # The changes are durable, so the caller must not see it; the next load tells again.
            _LOG.exception("%s: a listener failed unexpectedly", DOCUMENTS)
            follows = False
        # Changes of other nodes that came in between are missing here.
        self._revision = revision if follows else None

    async def follow(self) -> NoReturn:
        """Refresh whenever documents have changed, until cancelled."""
        clock = self._wakeups.clock
        with clock.work(), self._wakeups.waiter(DOCUMENTS, survey_ms=SURVEY_MS) as waiter:

            async def turn() -> None:
                await self.refresh()
                await waiter.wait()

            await keep_running(DOCUMENTS, turn, pause_on(clock), unavailable=(StoreUnavailable,))
