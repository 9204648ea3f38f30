# SPDX-License-Identifier: MIT
"""Dead events: deliveries to destinations that were given up. List, retry, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from fc_async_local.api import admin
from fc_async_local.api.operation import page_of, query_number
from fc_async_local.api.tasks import shown_payload
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import delivery_of
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import seal, unseal
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.domain.invocation import Job
    from fc_async_local.store.protocol import Store

_LIST: Final = "dead"
"""The name of the list in its tokens."""
_PAGE: Final = 1000


class DeliveryControl(Protocol):
    """What the engine does with deliveries."""

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
                ("DELETE", every, self.purge_dead),
                ("POST", f"{every}/redrive", self.redrive_all),
                ("POST", f"{one}/redrive", self.redrive),
                ("DELETE", one, self.discard),
            ]
        )

    async def dead(self, request: Request) -> dict[str, Any]:
        """List dead events, newest first, with their number in ``total``.

        Query: ``limit`` (at most and by default 1000) and ``nextToken``.
        """
        query = request.query_params
        limit = _limit(query)
        dead = await self._store.dead_jobs(limit=limit, after=_after(query.get("nextToken", "")))
        stats = await self._store.stats()
        shown = [_describe(job) for job in dead]
        token = _token(dead[-1]) if len(dead) == limit else ""
        return {**page_of("deliveries", shown, token), "total": stats.deliveries_dead}

    async def redrive(self, _: Request, request_id: str) -> None:
        """Retry one."""
        if not await self._engine.redrive(request_id):
            raise _not_found(request_id)

    async def redrive_all(self, _: Request) -> dict[str, int]:
        """Retry all, each once: a delivery that dies again meanwhile stays dead."""
        done = 0
        after: tuple[int, str] | None = None
        while dead := await self._store.dead_jobs(limit=_PAGE, after=after):
            for job in dead:
                done += await self._engine.redrive(job.key)
            after = dead[-1].created_at, dead[-1].key
        return {"redriven": done}

    async def discard(self, _: Request, request_id: str) -> None:
        """Delete one for good."""
        if not await self._store.discard_dead(request_id):
            raise _not_found(request_id)

    async def purge_dead(self, _: Request) -> dict[str, int]:
        """Delete all for good."""
        done = 0
        while dead := await self._store.dead_jobs(limit=_PAGE):
            for job in dead:
                done += await self._store.discard_dead(job.key)
        return {"purged": done}


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


def _describe(job: Job) -> dict[str, Any]:
    delivery = delivery_of(job)
    return {
        "requestId": delivery.request_id,
        "taskId": delivery.task_id,
        "function": delivery.function,
        "qualifier": delivery.qualifier,
        "outcome": delivery.outcome,
        "destination": delivery.destination,
        **shown_payload("event", delivery.document),
        "createdTime": job.created_at,
        "tries": job.tries,
        "error": job.error,
    }
