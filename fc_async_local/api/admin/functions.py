# SPDX-License-Identifier: MIT
"""Functions with their configurations, unsigned: show, check, change, invoke; their graph."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.api.operation import Query, delay_of, local
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.domain.metrics import DeliveryRoute
from fc_async_local.execution.notices import warn_once
from fc_async_local.functions import refusals
from fc_async_local.functions.destination_graph import scene_of
from fc_async_local.functions.paging import Page
from fc_async_local.store.protocol import MetricQuery, TaskQuery
from fc_async_sdk._drawing import advice
from fc_async_sdk.admin import models
from fc_async_sdk.events.wire import encode_payload
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import destinations, limits, metrics
from fc_async_sdk.spec.cycles import TRIGGER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.engine.engine import Engine
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.store.protocol import Store

    Listing = Callable[[Page], Awaitable[tuple[list[dict[str, Any]], str]]]


_LOG: Final = logging.getLogger(__name__)


def payload_of(payload: str, *, encoding: models.Encoding) -> bytes:
    """Return the payload that a request to the admin API names.

    Raises:
        Rejected: 400 InvalidArgument: it is not valid base64.
    """
    if not encoding:
        return payload.encode()
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError as error:
        raise refusals.invalid_argument(f"payload is not valid base64: {error}") from None


class QualifierQuery(Query, frozen=True, kw_only=True):
    """The qualifier of a configuration."""

    qualifier: str = limits.DEFAULT_QUALIFIER


class FunctionAdmin:
    """Functions and their configurations, as the console shows, edits and invokes them.

    Args:
        registry: Functions and what is configured on them.
        invoker: Runs functions.
        urls: Where HTTP triggers are found.
        store: Where deliveries and tasks are counted.
    """

    def __init__(
        self,
        registry: FunctionRegistry,
        invoker: Engine,
        urls: TriggerUrls,
        store: Store,
    ) -> None:
        self._store = store
        self._registry = registry
        self._invoker = invoker
        self._urls = urls

    @local("GET", "/functions")
    async def functions(self) -> models.Functions:
        """List all functions with their configurations, aliases, versions and triggers."""
        names = await self._registry.functions.names()
        return models.Functions(functions=[await self._overview(name) for name in names])

    @local("GET", "/functions/activity")
    async def activity(self) -> models.Activities:
        """Count the tasks of each function by status, and name the latest one."""
        names = await self._registry.functions.names()
        return models.Activities(functions=[await self._activity(name) for name in names])

    async def _activity(self, name: str) -> models.Activity:
        query = TaskQuery(function=name, limit=1, with_payload=False)
        counts = (await self._store.count_tasks(query, most=0)).by_status
        by_status = {status.value: number for status, number in counts.items() if number}
        for last in (await self._store.query(query)).invocations:
            return models.Activity(
                function=name,
                by_status=by_status,
                last_task_id=last.task_id,
                last_status=last.status.value,
                last_time=last.accepted_at,
            )
        return models.Activity(function=name, by_status=by_status)

    async def _overview(self, name: str) -> models.FunctionOverview:
        registry = self._registry
        triggers = await _everything(functools.partial(registry.triggers.listing, name))
        listed = {
            "function": await registry.functions.get(name),
            "configs": await _everything(functools.partial(registry.async_configs.listing, name)),
            "triggers": [self._urls.shown(name, trigger) for trigger in triggers],
            "concurrency": await self._concurrency(name),
            "aliases": await _everything(functools.partial(registry.aliases.listing, name)),
            "versions": await _everything(
                functools.partial(registry.functions.list_versions, name)
            ),
        }
        return msgspec.convert(listed, models.FunctionOverview)

    async def _concurrency(self, name: str) -> dict[str, Any]:
        try:
            return await self._registry.scaling.concurrency.get(name)
        except Rejected:
            return {}  # none is reserved

    @local("GET", "/graph")
    async def graph(self) -> models.Graph:
        """Return where results go and what fires functions; edges on a cycle are marked.

        ``written`` of an edge is where a template has it (``file:line:column``), if a deployment
        said so; ``delivered`` and ``lost`` are the numbers of events that it had.
        ``scene`` has the coordinates of boxes and routes, in the order of nodes and edges.
        """
        graph = await self._registry.graph()
        graph = graph._replace(edges=await self._counted(graph.edges))
        better = advice()
        if better:
            warn_once(_LOG, f"the graph of the console is {better}")
        return models.Graph(
            # A large graph takes longer than other requests should wait.
            scene=await asyncio.to_thread(scene_of, graph),
            nodes=[models.Node(name=name, kind=node.kind) for name, node in graph.nodes.items()],
            edges=list(graph.edges),
        )

    async def _counted(self, edges: Sequence[models.Edge]) -> tuple[models.Edge, ...]:
        """Return edges with the numbers of their deliveries that have ended."""
        ways = {edge: _route(edge) for edge in edges if edge.outcome != TRIGGER}
        names = {way.name(metric) for way in ways.values() for metric in _ENDS}
        counted = await self._store.metrics(MetricQuery(metrics=names)) if names else []
        sums = {(each.function, each.metric): each.total for each in counted}

        def ended(edge: models.Edge, metric: str) -> int:
            way = ways.get(edge)
            return 0 if way is None else sums.get((way.function, way.name(metric)), 0)

        return tuple(
            msgspec.structs.replace(
                edge,
                delivered=ended(edge, metrics.DESTINATION_SUCCEEDED),
                lost=ended(edge, metrics.DESTINATION_ERRORS),
            )
            for edge in edges
        )

    @local("POST", "/functions/{function}/invoke")
    async def invoke(self, function: str, body: models.Invoke) -> models.Invoked:
        """Invoke a function, unsigned and in JSON."""
        request = request_of(body, function)
        if body.type == "Sync":
            return await self._run(request)
        accepted = await self._invoker.invoke_async(request)
        return models.Invoked(request_id=accepted.request_id, task_id=accepted.task_id)

    async def _run(self, request: InvokeRequest) -> models.Invoked:
        answered = await self._invoker.invoke_sync(request)
        outcome = answered.outcome
        text, encoding = encode_payload(outcome.payload)
        return models.Invoked(
            request_id=answered.request_id,
            error_type=outcome.error_type,
            payload=text,
            payload_encoding=encoding,
            log=outcome.log.decode("utf-8", "replace"),
            duration_ms=outcome.duration_ms,
        )

    @local("GET", "/limits")
    async def limits(self) -> models.Limits:
        """Return the ranges of the fields, and the fields that each kind of destination has."""
        return models.Limits(
            max_async_retry_attempts=_range(limits.RETRY_ATTEMPTS),
            max_async_event_age_in_seconds=_range(limits.EVENT_AGE_SECONDS),
            delay=_range(limits.DELAY_SECONDS),
            instance_concurrency=_range(limits.INSTANCE_CONCURRENCY),
            destinations=[
                models.DestinationKind(
                    kind=kind,
                    label=record.label,
                    fields=list(record.names),
                    template=record.template,
                    payload_limit=record.payload_bytes,
                )
                for kind, record in destinations.KINDS.items()
            ],
        )

    @local("POST", "/functions/{function}/async-config/check")
    async def check(
        self, function: str, query: QualifierQuery, body: dict[str, Any]
    ) -> models.Cycle:
        """Check a configuration without storing it.

        ``cycle`` has the names along the destination cycle that it would close, if any.
        """
        cycle = await self._registry.cycle_with(function, query.qualifier, body)
        return models.Cycle(cycle=list(cycle))

    @local("PUT", "/functions/{function}/async-config")
    async def put(self, function: str, query: QualifierQuery, body: dict[str, Any]) -> AsyncConfig:
        """Do what PutAsyncInvokeConfig does."""
        stored = await self._registry.async_configs.put(function, query.qualifier, body)
        return msgspec.convert(stored, AsyncConfig)

    @local("DELETE", "/functions/{function}/async-config")
    async def delete(self, function: str, query: QualifierQuery) -> None:
        """Do what DeleteAsyncInvokeConfig does."""
        await self._registry.async_configs.delete(function, query.qualifier)

    @local("PUT", "/async-config-places")
    async def places(self, body: models.Places) -> models.KnownPlaces:
        """Remember where a template has the destinations and triggers that were deployed.

        A place is forgotten when its configuration is put again, or its trigger is updated.
        """
        ends = await self._registry.async_configs.say_where_written(body.places)
        fired = await self._registry.triggers.say_where_written(body.triggers)
        return models.KnownPlaces(known=ends + fired)

    @local("PUT", "/functions/{function}/concurrency")
    async def put_concurrency(
        self, function: str, body: models.SetConcurrency
    ) -> models.Concurrency:
        """Do what PutConcurrencyConfig, DeleteConcurrencyConfig and UpdateFunction do."""
        concurrency = self._registry.scaling.concurrency
        functions = self._registry.functions
        if body.instance_concurrency is not None:
            await functions.update(function, {"instanceConcurrency": body.instance_concurrency})
        record = await functions.get(function)
        reserved: dict[str, Any] = {}
        if isinstance(body.reserved_concurrency, int):
            document = {"reservedConcurrency": body.reserved_concurrency}
            reserved = await concurrency.put(function, "", document)
        elif body.reserved_concurrency is None:
            with contextlib.suppress(Rejected):  # none is reserved
                await concurrency.delete(function)
        # Neither a number nor null: the request leaves the reservation as it is.
        else:
            with contextlib.suppress(Rejected):
                reserved = await concurrency.get(function)
        return models.Concurrency(
            reserved_concurrency=reserved.get("reservedConcurrency"),
            instance_concurrency=record.get("instanceConcurrency"),
        )


def request_of(call: models.Invoke, function: str) -> InvokeRequest:
    """Return the request to invoke a function.

    Raises:
        Rejected: The payload cannot be decoded, or the delay is out of range.
    """
    body = payload_of(call.payload, encoding=call.payload_encoding)
    if call.type == "Sync":
        return InvokeRequest(function, body, qualifier=call.qualifier)
    return InvokeRequest(
        function,
        body,
        qualifier=call.qualifier,
        delay_seconds=delay_of(str(call.delay) if call.delay else ""),
        task_id=call.task_id,
    )


_ENDS: Final = (metrics.DESTINATION_SUCCEEDED, metrics.DESTINATION_ERRORS)


def _route(edge: models.Edge) -> DeliveryRoute:
    function, qualifier = edge.source.split("/", 1)
    return DeliveryRoute(function, qualifier, edge.outcome, edge.destination)


async def _everything(listing: Listing) -> list[dict[str, Any]]:
    """Return the items of all pages of a list."""
    items: list[dict[str, Any]] = []
    page = Page(limit=limits.PAGE_SIZE.high)
    while True:
        listed, token = await listing(page)
        items += listed
        if not token:
            return items
        page = page._replace(token=token)


def _range(allowed: limits.Range) -> models.Range:
    return models.Range(**allowed._asdict())
