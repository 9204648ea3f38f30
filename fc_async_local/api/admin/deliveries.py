# SPDX-License-Identifier: MIT
"""Dead events: deliveries to destinations that were given up. List, retry, discard."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from fc_async_local.api import admin
from fc_async_local.api.operation import query_flag, query_number
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import delivery_of
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import seal, unseal
from fc_async_sdk.admin import models
from fc_async_sdk.errors import shorten
from fc_async_sdk.events.wire import encode_payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.domain.invocation import Job
    from fc_async_local.store.protocol import Store

_LIST: Final = "dead"
"""The name of the list in its tokens."""
_PAGE: Final = 1000
_COUNTED: Final = 5_000
"""Largest number of dead events that is counted; a refresh must not take longer."""
_GROUPS: Final = 50


class DeliveryControl(Protocol):
    """Operations of the engine on deliveries."""

    async def redrive(self, request_id: str) -> bool:
        """Retry a dead delivery; return False if there is no such dead delivery."""
        ...


class DeliveryAdmin:
    """Dead events."""

    def __init__(self, store: Store, engine: DeliveryControl) -> None:
        self._store = store
        self._engine = engine

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        every = "/deliveries/dead"
        one = f"{every}/{{request_id}}"
        return admin.routes(
            [
                ("GET", every, self.dead),
                ("GET", f"{every}/counts", self.counts),
                ("DELETE", every, self.purge_dead),
                ("POST", f"{every}/redrive", self.redrive_all),
                ("POST", f"{one}/redrive", self.redrive),
                ("DELETE", one, self.discard),
            ]
        )

    async def dead(self, request: Request) -> models.DeadEvents:
        """List dead events, newest first, with their number in ``total``.

        Query: ``limit`` (at most and by default 1000), ``nextToken``, and the filter ``function``,
        ``text`` and ``error``, which ``total`` follows. ``withoutTotal`` leaves it out.
        """
        query = request.query_params
        wanted, limit = _filter(query), _limit(query)
        after = _after(query.get("nextToken", ""))
        found = await self._first(self._matching(wanted, after), limit)
        total = None
        if not query_flag(query, "withoutTotal"):
            total = await self._total() if wanted == _Filter() else await self._number(wanted)
        return models.DeadEvents(
            deliveries=[_describe(job) for job in found],
            next_token=_token(found[-1]) if len(found) == limit else None,
            total=total,
        )

    async def counts(self, request: Request) -> models.DeadCounts:
        """Count the dead events of a filter, and of each error."""
        wanted = _filter(request.query_params)
        found = await self._first(self._matching(wanted), _COUNTED)
        exact = len(found) < _COUNTED or wanted == _Filter()
        groups = Counter(job.error for job in found).most_common(_GROUPS)
        return models.DeadCounts(
            total=await self._total() if wanted == _Filter() else len(found),
            at_least=not exact,
            groups=[models.DeadGroup(error=error, events=number) for error, number in groups],
        )

    async def _total(self) -> int:
        return (await self._store.stats()).deliveries_dead

    async def _number(self, wanted: _Filter) -> int:
        return len([None async for _ in self._matching(wanted)])

    async def _first(self, jobs: AsyncIterator[Job], most: int | None) -> list[Job]:
        found = []
        async for job in jobs:
            found.append(job)
            if len(found) == most:
                break
        return found

    async def _matching(
        self, wanted: _Filter, after: tuple[int, str] | None = None
    ) -> AsyncIterator[Job]:
        """Yield the dead jobs of a filter, newest first; they may be changed meanwhile."""
        while dead := await self._store.dead_jobs(limit=_PAGE, after=after):
            for job in dead:
                if wanted.matches(job):
                    yield job
            after = dead[-1].created_at, dead[-1].key

    async def redrive(self, _: Request, request_id: str) -> None:
        """Retry one."""
        if not await self._engine.redrive(request_id):
            raise _not_found(request_id)

    async def redrive_all(self, request: Request) -> models.Redriven:
        """Retry all of a filter, each once: a delivery that dies again meanwhile stays dead."""
        wanted = _filter(request.query_params)
        keys = [
            job.key async for job in self._matching(wanted) if await self._engine.redrive(job.key)
        ]
        return models.Redriven(redriven=len(keys), request_ids=keys)

    async def discard(self, _: Request, request_id: str) -> None:
        """Delete one for good."""
        if not await self._store.discard_dead(request_id):
            raise _not_found(request_id)

    async def purge_dead(self, request: Request) -> models.Purged:
        """Delete all of a filter for good."""
        wanted = _filter(request.query_params)
        done = [await self._store.discard_dead(job.key) async for job in self._matching(wanted)]
        return models.Purged(purged=sum(done))


class _Filter(NamedTuple):
    """Selection of dead events; the default is all.

    Attributes:
        function: Whose; "" for all functions.
        text: Is contained in an id, the outcome, the destination or the error, in any case.
        error: Is the whole error.
    """

    function: str = ""
    text: str = ""
    error: str = ""

    def matches(self, job: Job) -> bool:
        """Return whether a dead event is wanted."""
        if self == _Filter():
            return True
        if self.error and job.error != self.error:
            return False
        delivery = delivery_of(job)
        if self.function and delivery.function != self.function:
            return False
        shown = (
            delivery.request_id,
            delivery.task_id,
            delivery.outcome,
            delivery.destination,
            job.error,
        )
        return self.text.casefold() in "\n".join(shown).casefold()


def _filter(query: Mapping[str, str]) -> _Filter:
    text = query.get("text", "").strip()
    return _Filter(query.get("function", ""), text, query.get("error", ""))


def _limit(query: Mapping[str, str]) -> int:
    limit = query_number(query, "limit")
    if limit is None:
        return _PAGE
    if not 1 <= limit <= _PAGE:
        raise refusals.invalid_argument(f"limit must be between 1 and {_PAGE}, got {limit}")
    return limit


def _token(job: Job) -> str:
    return seal(_LIST, f"{job.created_at} {job.key}")


def _after(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    created, _, request_id = unseal(_LIST, token).partition(" ")
    if not created.isascii() or not created.isdigit() or len(created) > 18:  # noqa: PLR2004 -- fits int64
        raise refusals.invalid_argument(f"nextToken {shorten(token)} is not a token of this list")
    return int(created), request_id


def _not_found(request_id: str) -> Rejected:
    return Rejected(404, "DeliveryNotFound", f"no dead delivery of request '{request_id}'")


def _describe(job: Job) -> models.DeadEvent:
    delivery = delivery_of(job)
    text, is_base64 = encode_payload(delivery.document)
    return models.DeadEvent(
        request_id=delivery.request_id,
        task_id=delivery.task_id,
        function=delivery.function,
        qualifier=delivery.qualifier,
        outcome=delivery.outcome,
        destination=delivery.destination,
        event=text,
        event_encoding="base64" if is_base64 else "",
        created_time=job.created_at,
        tries=job.tries,
        error=job.error,
    )
