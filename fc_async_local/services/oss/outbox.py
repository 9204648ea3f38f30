# SPDX-License-Identifier: MIT
"""The transactional outbox of OSS: events that are written with a change, and fire triggers later.

What happened to an object is written with the change, so in the index and not in the job queue of
the store, which is another database.

Invariants:

- An event fires its triggers at least once, also after a crash.
- Events are fired in the order in which they happened; one that cannot be fired stops no other.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_local.store.loops import persist
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk._cancellation import end_tasks
from fc_async_sdk.admin.models import ObjectEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.services.oss.index import Index
    from fc_async_local.services.oss.model import StoredObject
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.services.oss.storage import Storage

    Fire = Callable[[ObjectEvent, int], Awaitable[object]]
    """Fires the triggers of an event that happened at a time; twice is as once."""

_LOG: Final = logging.getLogger(__name__)
_META: Final = "x-oss-meta-"
_LONGEST: Final = 1_024
"""Ours: characters of a type in an event."""


class Outbox:
    """The events that have not fired their triggers yet.

    Args:
        storage: Where they are.
        clock: The time of the runtime.
        fire: Fires triggers.
    """

    def __init__(self, storage: Storage, clock: Clock, fire: Fire) -> None:
        self._storage = storage
        self._clock = clock
        self._fire = fire
        self._turn = asyncio.Lock()
        self._retrying: asyncio.Task[None] | None = None

    def note(
        self,
        index: Index,
        request: OssRequest,
        changed: StoredObject,
        event: str,
        before: StoredObject | None = None,
    ) -> None:
        """Write an event in a transaction.

        Args:
            index: In the transaction.
            request: The request.
            changed: The object; of an event of a part, with what is known.
            event: What happened to it.
            before: The object before.
        """
        user_meta = {
            name: value for name, value in changed.headers.items() if name.startswith(_META)
        }
        document = ObjectEvent(
            bucket=request.bucket,
            key=changed.key,
            event=event,
            size=changed.content.size,
            previous_size=0 if before is None else before.content.size,
            etag=changed.etag,
            content_type=changed.headers.get("content-type", "")[:_LONGEST],
            user_meta=user_meta,
            request_id=request.id,
        )
        # Under its time first, so that events are fired in the order in which they happened.
        index.put(document, f"{self._clock.now():020}", request.id, changed.key)

    async def fire(self) -> None:
        """Fire the triggers of what has happened; later, if their store is unavailable."""
        try:
            await self._fire_all()
        except StoreUnavailable as error:
            _LOG.warning("OSS: triggers are fired later: %s", error)
            self.start()

    def start(self) -> None:
        """Fire the triggers of what happened before a crash, or while their store was away."""
        if self._retrying is None or self._retrying.done():
            work = persist(self._clock, "events of OSS", self._fire_all)
            self._retrying = start_task("events of OSS", work)

    async def aclose(self) -> None:
        """Try no more; the events stay."""
        if self._retrying is not None:
            await end_tasks(self._retrying)

    async def _fire_all(self) -> None:
        async with self._turn:
            events = await self._storage.do(lambda index: index.all(ObjectEvent), flush=False)
            for path, event in events.items():
                try:
                    await self._fire(event, int(path[:20]))
                except StoreUnavailable:
                    raise
                # One event that cannot be fired must not keep the others from firing.
                except Exception:  # noqa: BLE001 -- logged; fired again with the next change
                    _LOG.exception("OSS: the triggers of %r were not fired", event.key)
                    continue
                # Fired again it would be the same invocation: no flush is needed.
                await self._storage.do(functools.partial(_delete_event, path=path), flush=False)


def _delete_event(index: Index, path: str) -> None:
    index.delete(ObjectEvent, path)
