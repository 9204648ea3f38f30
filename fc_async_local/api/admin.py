# SPDX-License-Identifier: MIT
"""The admin API of this runtime, under ``/_local/``: what the service has no operation for.

Looks at everything, lets time pass, brings dead deliveries back. For the console, for tests and
for scripts on this machine; never signed, never reachable from elsewhere.
"""

from __future__ import annotations

import base64
import functools
import math
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

import msgspec
from starlette.responses import Response

from fc_async_local.api import exposition, parameters
from fc_async_local.api.operation import operation, page_of
from fc_async_local.api.tasks import (
    describe_task,
    shown_payload,
    task_not_found,
    task_query,
    task_token,
)
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.engine.protocol import Invoker, Rejected
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import Page, seal, unseal
from fc_async_sdk.decoding import prepare
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store

PREFIX: Final = "/_local"
_DEAD: Final = "dead"
"""What the list of dead events is called in its tokens."""
_DEAD_SHOWN: Final = 1000
_LONGEST_ADVANCE_SECONDS: Final = 10 * 365 * 86_400


class Control(Invoker, Protocol):
    """What the admin API does with the engine."""

    async def make_due(self, function: str, task_id: str) -> bool:
        """Let a waiting task run now. False: it isn't waiting."""
        ...

    async def redrive(self, request_id: str) -> bool:
        """Try a dead delivery again. False: there is no such dead delivery."""
        ...

    async def advance(self, ms: int) -> None:
        """Let virtual time pass; returns when everything that fell due on the way is done."""
        ...

    async def run_until_idle(self) -> int:
        """Let virtual time pass until nothing waits and nothing runs; how much has passed."""
        ...


class AdminParts(NamedTuple):
    """What the admin API works on.

    Attributes:
        virtual: Whether the clock is virtual.
        about: Facts of the running process for ``health``.
    """

    store: Store
    engine: Control
    registry: FunctionRegistry
    clock: Clock
    settings: Settings
    virtual: bool
    about: Mapping[str, Any]


class _Call(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    payload: str = ""
    payload_encoding: Literal["", "base64"] = ""
    qualifier: str = limits.DEFAULT_QUALIFIER
    delay: int = 0
    task_id: str = ""
    type: Literal["Async", "Sync"] = "Async"

    def body(self) -> bytes:
        """The payload as it is sent.

        Raises:
            Rejected: It is flagged as base64 and cannot be decoded.
        """
        if not self.payload_encoding:
            return self.payload.encode()
        try:
            return base64.b64decode(self.payload, validate=True)
        except ValueError as error:
            raise refusals.invalid_argument(f"payload is not valid base64: {error}") from None


prepare(_Call)


class AdminOperations:
    """The admin API."""

    def __init__(self, parts: AdminParts) -> None:
        self._parts = parts
        self._store = parts.store

    def routes(self) -> list[Route]:
        """The routes of these operations."""
        task = "/tasks/{function}/{task_id}"
        table = [
            ("GET", "/health", self.health),
            ("GET", "/settings", self.settings),
            ("GET", "/stats", self.stats),
            ("GET", "/metrics", self.metrics),
            ("GET", "/tasks", self.tasks),
            ("GET", task, self.task),
            ("POST", f"{task}/run-now", self.run_now),
            ("POST", f"{task}/stop", self.stop),
            ("GET", "/functions", self.functions),
            ("GET", "/graph", self.graph),
            ("POST", "/functions/{function}/invoke", self.invoke),
            ("GET", "/deliveries/dead", self.dead),
            ("DELETE", "/deliveries/dead", self.purge_dead),
            ("POST", "/deliveries/dead/redrive", self.redrive_all),
            ("POST", "/deliveries/dead/{request_id}/redrive", self.redrive),
            ("DELETE", "/deliveries/dead/{request_id}", self.discard),
            ("GET", "/clock", self.clock),
            ("POST", "/clock/advance", self.advance),
            ("POST", "/clock/run-until-idle", self.run_until_idle),
        ]
        return [
            *(operation(method, path, do, prefix=PREFIX) for method, path, do in table),
            operation("GET", "/metrics", self.exposition, prefix=""),
        ]

    # --- the whole ----------------------------------------------------------------------------

    async def health(self, _: Request) -> dict[str, Any]:
        """Answers when the store does."""
        await self._store.next_due()
        return {"status": "ok", **self._parts.about}

    async def settings(self, _: Request) -> dict[str, Any]:
        """All settings but the secrets."""
        return dict(self._parts.settings.shown())

    async def stats(self, _: Request) -> dict[str, Any]:
        """How much there is of what."""
        stats = await self._store.stats()
        return {
            "by_status": {status.value: n for status, n in stats.by_status.items()},
            "oldest_due_at": stats.oldest_due_at,
            "deliveries_pending": stats.deliveries_pending,
            "deliveries_dead": stats.deliveries_dead,
            "now": self._parts.clock.now(),
        }

    async def metrics(self, request: Request) -> dict[str, Any]:
        """Sums by metric and function, since ``since`` (milliseconds since the epoch)."""
        query = request.query_params
        sums = await self._store.metrics(
            function=query.get("function") or None,
            since=parameters.whole_number(query, "since") or 0,
        )
        return {
            "metrics": [
                {"metric": metric, "function": function, "value": value}
                for (metric, function), value in sorted(sums.items())
            ]
        }

    async def exposition(self, _: Request) -> Response:
        """The same for Prometheus."""
        text = exposition.render(await self._store.metrics(), await self._store.stats())
        return Response(text, media_type=exposition.CONTENT_TYPE)

    # --- tasks --------------------------------------------------------------------------------

    async def tasks(self, request: Request) -> dict[str, Any]:
        """Tasks of all functions, or of ``function``; otherwise like ListAsyncTasks."""
        query = request.query_params
        page = await self._store.query(task_query(query, query.get("function") or None))
        payload = parameters.flag(query, "includePayload")
        shown = [
            {
                **describe_task(i, self._parts.settings, payload=payload),
                "function": i.function,
                "acceptedTime": i.accepted_at,
                "dueTime": i.due_at,
            }
            for i in page.invocations
        ]
        return page_of("tasks", shown, task_token(page))

    async def task(self, request: Request) -> dict[str, Any]:
        """One task with its steps, its payloads and when it is due."""
        function, task_id = request.path_params["function"], request.path_params["task_id"]
        task = await self._store.get(function, task_id)
        if task is None:
            raise task_not_found(task_id)
        invocation = task.invocation
        return {
            **describe_task(invocation, self._parts.settings, events=task.events, payload=True),
            "function": invocation.function,
            "acceptedTime": invocation.accepted_at,
            "dueTime": invocation.due_at,
            "attempts": invocation.attempts,
            "systemRetries": invocation.system_retries,
            "callPath": list(invocation.call_path),
        }

    async def run_now(self, request: Request) -> None:
        """Let a waiting task run now instead of when it is due."""
        function, task_id = request.path_params["function"], request.path_params["task_id"]
        if not await self._parts.engine.make_due(function, task_id):
            if await self._store.get(function, task_id) is None:
                raise task_not_found(task_id)
            raise Rejected(409, "TaskNotWaiting", f"async task '{task_id}' is not waiting")

    async def stop(self, request: Request) -> None:
        """StopAsyncTask, unsigned."""
        await self._parts.engine.stop_task(
            request.path_params["function"], request.path_params["task_id"]
        )

    # --- functions ----------------------------------------------------------------------------

    async def functions(self, _: Request) -> dict[str, Any]:
        """All functions with their asynchronous configurations and aliases."""
        names = await self._parts.registry.functions.names()
        return {"functions": [await self._overview(name) for name in names]}

    async def _overview(self, name: str) -> dict[str, Any]:
        registry = self._parts.registry
        listings: dict[str, Callable[[str, Page], Awaitable[tuple[list[dict[str, Any]], str]]]] = {
            "configs": registry.async_configs.listing,
            "aliases": registry.aliases.listing,
            "versions": registry.functions.list_versions,
        }
        return {
            "function": await registry.functions.get(name),
            **{
                key: await _everything(functools.partial(listing, name))
                for key, listing in listings.items()
            },
        }

    async def graph(self, _: Request) -> dict[str, Any]:
        """Where results go; edges on a cycle are marked."""
        graph = await self._parts.registry.graph()
        return {
            "nodes": [{"name": name, "kind": kind} for name, kind in graph.nodes.items()],
            "edges": [edge._asdict() for edge in graph.edges],
        }

    async def invoke(self, request: Request) -> dict[str, Any]:
        """InvokeFunction, unsigned and in JSON.

        Body: ``payload`` (text, or base64 with ``payloadEncoding: base64``), ``qualifier``,
        ``delay`` (seconds), ``taskId``, and ``type``: Async (default) or Sync.
        """
        function = request.path_params["function"]
        try:
            call = msgspec.convert(parameters.json_object(await request.body()), _Call)
        except msgspec.ValidationError as error:
            raise refusals.invalid_argument(str(error)) from None
        engine, payload = self._parts.engine, call.body()
        if call.type == "Sync":
            answered = await engine.invoke_sync(
                InvokeRequest(function, payload, qualifier=call.qualifier)
            )
            outcome = answered.outcome
            return {
                "requestId": answered.request_id,
                "errorType": outcome.error_type,
                **shown_payload("payload", outcome.payload),
                "log": outcome.log.decode("utf-8", "replace"),
                "durationMs": outcome.duration_ms,
            }
        accepted = await engine.invoke_async(
            InvokeRequest(
                function,
                payload,
                qualifier=call.qualifier,
                delay_seconds=parameters.delay_seconds(str(call.delay) if call.delay else ""),
                task_id=call.task_id,
            )
        )
        return {"requestId": accepted.request_id, "taskId": accepted.task_id}

    # --- deliveries that were given up --------------------------------------------------------

    async def dead(self, request: Request) -> dict[str, Any]:
        """Events that reached no destination, newest first, and how many there are in ``total``.

        Query: ``limit`` (at most and by default 1000) and ``nextToken``.
        """
        query = request.query_params
        limit = parameters.whole_number(query, "limit")
        if limit is None:
            limit = _DEAD_SHOWN
        elif not 1 <= limit <= _DEAD_SHOWN:
            raise refusals.invalid_argument(
                f"limit must be between 1 and {_DEAD_SHOWN}, got {limit}"
            )
        deliveries = await self._store.dead_deliveries(
            limit=limit, after=_dead_after(query.get("nextToken", ""))
        )
        stats = await self._store.stats()
        shown = [_describe_delivery(delivery) for delivery in deliveries]
        token = _dead_token(deliveries[-1]) if len(deliveries) == limit else ""
        return {**page_of("deliveries", shown, token), "total": stats.deliveries_dead}

    async def redrive(self, request: Request) -> None:
        """Try a dead one again."""
        request_id = request.path_params["request_id"]
        if not await self._parts.engine.redrive(request_id):
            raise _no_dead(request_id)

    async def redrive_all(self, _: Request) -> dict[str, int]:
        """Try all dead ones again, each once: one that dies again meanwhile stays dead."""
        done = 0
        after: tuple[int, str] | None = None
        while deliveries := await self._store.dead_deliveries(limit=_DEAD_SHOWN, after=after):
            for delivery in deliveries:
                done += await self._parts.engine.redrive(delivery.request_id)
            after = deliveries[-1].created_at, deliveries[-1].request_id
        return {"redriven": done}

    async def discard(self, request: Request) -> None:
        """Forget a dead one for good."""
        request_id = request.path_params["request_id"]
        if not await self._store.discard_dead(request_id):
            raise _no_dead(request_id)

    async def purge_dead(self, _: Request) -> dict[str, int]:
        """Forget all dead ones for good."""
        done = 0
        while deliveries := await self._store.dead_deliveries(limit=_DEAD_SHOWN):
            for delivery in deliveries:
                done += await self._store.discard_dead(delivery.request_id)
        return {"purged": done}

    # --- time ---------------------------------------------------------------------------------

    async def clock(self, _: Request) -> dict[str, Any]:
        """The time of the runtime."""
        return {"now": self._parts.clock.now(), "virtual": self._parts.virtual}

    async def advance(self, request: Request) -> dict[str, Any]:
        """Let ``{"seconds": n}`` pass; answers when everything that fell due is done."""
        self._check_virtual()
        seconds = parameters.json_object(await request.body()).get("seconds")
        if (
            not isinstance(seconds, int | float)
            or not math.isfinite(seconds)
            or not 0 <= seconds <= _LONGEST_ADVANCE_SECONDS
        ):
            raise refusals.invalid_argument(
                f"seconds must be a number between 0 and {_LONGEST_ADVANCE_SECONDS}, "
                f"got {seconds!r}"
            )
        await self._parts.engine.advance(round(seconds * 1000))
        return {"now": self._parts.clock.now(), "virtual": True}

    async def run_until_idle(self, _: Request) -> dict[str, Any]:
        """Let time pass until nothing waits and nothing runs."""
        self._check_virtual()
        passed = await self._parts.engine.run_until_idle()
        return {"now": self._parts.clock.now(), "virtual": True, "passed": passed}

    def _check_virtual(self) -> None:
        if not self._parts.virtual:
            raise Rejected(
                409, "ClockIsReal", "time can be moved only after a start with --clock virtual"
            )


async def _everything(
    listing: Callable[[Page], Awaitable[tuple[list[dict[str, Any]], str]]],
) -> list[dict[str, Any]]:
    """All pages of a list operation."""
    items: list[dict[str, Any]] = []
    page = Page(limit=limits.PAGE_SIZE.high)
    while True:
        found, token = await listing(page)
        items += found
        if not token:
            return items
        page = page._replace(token=token)


def _dead_token(delivery: Delivery) -> str:
    return seal(_DEAD, f"{delivery.created_at} {delivery.request_id}")


def _dead_after(token: str) -> tuple[int, str] | None:
    if not token:
        return None
    created, _, request_id = unseal(_DEAD, token).partition(" ")
    if not created.isascii() or not created.isdigit() or len(created) > 18:  # noqa: PLR2004 -- fits int64
        raise refusals.invalid_argument(f"nextToken {shorten(token)} is not a token of this list")
    return int(created), request_id


def _no_dead(request_id: str) -> Rejected:
    return Rejected(404, "DeliveryNotFound", f"no dead delivery of request '{request_id}'")


def _describe_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "requestId": delivery.request_id,
        "taskId": delivery.task_id,
        "function": delivery.function,
        "qualifier": delivery.qualifier,
        "outcome": delivery.outcome,
        "destination": delivery.destination,
        **shown_payload("event", delivery.document),
        "createdTime": delivery.created_at,
        "tries": delivery.tries,
        "error": delivery.error,
    }
