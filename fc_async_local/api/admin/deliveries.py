# SPDX-License-Identifier: MIT
"""Dead events: deliveries to destinations that were given up. List, retry, discard."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from fc_async_local.api.operation import Query, local
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import delivery_of
from fc_async_local.functions.paging import seal_moment, unseal_moment
from fc_async_sdk.admin import models
from fc_async_sdk.events.wire import encode_payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fc_async_local.domain.invocation import Job
    from fc_async_local.engine.engine import Engine
    from fc_async_local.store.protocol import Store

_LIST: Final = "dead"
"""The name of the list in its tokens."""
_PAGE: Final = 1000
_COUNTED: Final = 5_000
"""Largest number of dead events that is counted; a refresh must not take longer."""
_GROUPS: Final = 50


class DeadFilter(Query, frozen=True, kw_only=True):
    """Selection of dead events; the default is all.

    Attributes:
        function: Whose; "" for all functions.
        text: Is contained in an id, the outcome, the destination or the error, in any case.
        error: Is the whole error.
    """

    function: str = ""
    text: str = ""
    error: str = ""

    @property
    def filters(self) -> bool:
        """True if it leaves out any."""
        return bool(self.function or self.text.strip() or self.error)

    def matches(self, job: Job) -> bool:
        """Return whether a dead event is wanted."""
        if not self.filters:
            return True
        if self.error and job.error != self.error:
            return False
        sent = delivery_of(job)
        if self.function and sent.function != self.function:
            return False
        shown = (sent.request_id, sent.task_id, sent.outcome, sent.destination, job.error)
        return self.text.strip().casefold() in "\n".join(shown).casefold()


class DeadPage(DeadFilter, frozen=True, kw_only=True):
    """A page of dead events, and whether their number is left out."""

    limit: Annotated[int, Meta(ge=1, le=_PAGE)] = _PAGE
    next_token: str = ""
    without_total: bool = False


class DeadCountsQuery(DeadFilter, frozen=True, kw_only=True):
    """Numbers of dead events, and whether all ids are listed."""

    ids: bool = False


class DeliveryAdmin:
    """Dead events."""

    def __init__(self, store: Store, engine: Engine) -> None:
        self._store = store
        self._engine = engine

    @local("GET", "/deliveries/dead")
    async def dead(self, query: DeadPage) -> models.DeadEvents:
        """List dead events, newest first, with the number of all that match."""
        after = unseal_moment(_LIST, query.next_token) if query.next_token else None
        jobs = await self._first(self._matching(query, after), query.limit)
        total = None if query.without_total else await self._total(query)
        last = jobs[-1] if len(jobs) == query.limit else None
        return models.DeadEvents(
            deliveries=[_describe(job) for job in jobs],
            next_token=None if last is None else seal_moment(_LIST, last.created_at, last.key),
            total=total,
        )

    @local("GET", "/deliveries/dead/counts")
    async def counts(self, query: DeadCountsQuery) -> models.DeadCounts:
        """Count the dead events of a list, by error."""
        # With ids all are read: "delete these two" must not delete a third one that came meanwhile.
        most = None if query.ids else _COUNTED
        jobs = await self._first(self._matching(query), most)
        is_whole = query.ids or len(jobs) < _COUNTED
        groups = Counter(job.error for job in jobs).most_common(_GROUPS)
        total = len(jobs)
        if not is_whole and not query.filters:
            total = await self._total(query)
        return models.DeadCounts(
            total=total,
            at_least=not is_whole and query.filters,
            request_ids=[job.key for job in jobs] if query.ids else None,
            groups=[models.DeadGroup(error=error, events=number) for error, number in groups],
        )

    async def _total(self, query: DeadFilter) -> int:
        if not query.filters:
            return (await self._store.stats()).deliveries_dead
        return len([None async for _ in self._matching(query)])

    async def _first(self, jobs: AsyncIterator[Job], most: int | None) -> list[Job]:
        first = []
        async for job in jobs:
            first.append(job)
            if len(first) == most:
                break
        return first

    async def _matching(
        self, query: DeadFilter, after: tuple[int, str] | None = None
    ) -> AsyncIterator[Job]:
        """Yield the dead jobs of a filter, newest first; they may be changed meanwhile."""
        while dead := await self._store.dead_jobs(limit=_PAGE, after=after):
            for job in dead:
                if query.matches(job):
                    yield job
            # By moment and not by number: events that are redriven meanwhile move no page.
            after = dead[-1].created_at, dead[-1].key

    @local("POST", "/deliveries/dead/{request_id}/redrive")
    async def redrive(self, request_id: str) -> None:
        """Deliver a dead event again."""
        if not await self._engine.redrive(request_id):
            raise _not_found(request_id)

    @local("POST", "/deliveries/dead/redrive")
    async def redrive_all(self, query: DeadFilter) -> models.Redriven:
        """Deliver all dead events of a filter again, each once.

        A delivery that dies again meanwhile stays dead.
        """
        keys = [
            job.key async for job in self._matching(query) if await self._engine.redrive(job.key)
        ]
        return models.Redriven(redriven=len(keys), request_ids=keys)

    @local("DELETE", "/deliveries/dead/{request_id}")
    async def discard(self, request_id: str) -> None:
        """Delete a dead event for good."""
        if not await self._store.discard_dead(request_id):
            raise _not_found(request_id)

    @local("DELETE", "/deliveries/dead")
    async def purge_dead(self, query: DeadFilter) -> models.Purged:
        """Delete all dead events of a filter for good."""
        done = [await self._store.discard_dead(job.key) async for job in self._matching(query)]
        return models.Purged(purged=sum(done))


def _not_found(request_id: str) -> Rejected:
    return Rejected(404, "DeliveryNotFound", f"no dead delivery of request '{request_id}'")


def _describe(job: Job) -> models.DeadEvent:
    delivery = delivery_of(job)
    text, encoding = encode_payload(delivery.document)
    return models.DeadEvent(
        request_id=delivery.request_id,
        task_id=delivery.task_id,
        function=delivery.function,
        qualifier=delivery.qualifier,
        outcome=delivery.outcome,
        destination=delivery.destination,
        event=text,
        event_encoding=encoding,
        created_time=job.created_at,
        tries=job.tries,
        error=job.error,
    )
