# SPDX-License-Identifier: MIT
"""What type checkers make of the SDK. Never run: mypy and pyright read it.

Each ``assert_type`` is a promise to users; each ``type: ignore`` below is a mistake that must be
found (unused ones are errors).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import redis
from typing_extensions import assert_type

import fc_async_sdk
from fc_async_sdk import (
    AcceptedInvocation,
    AsyncClient,
    AsyncConfig,
    AsyncTask,
    Client,
    DestinationEvent,
    InvokeResult,
    destination_handler,
    errors,
    events,
    idempotency,
    models,
    operations,
    pacing,
    stores,
)
from fc_async_sdk.fanout import FanOut, Outcome
from fc_async_sdk.handles import TaskGroup
from fc_async_sdk.pacing import Pace, RetryLater, Slots
from fc_async_sdk.testing import Stubber

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def synchronous(client: Client) -> None:
    assert_type(client.invoke("f", b""), InvokeResult)
    assert_type(client.invoke_async("f", {"n": 1}, delay=5, task_id="t"), AcceptedInvocation)
    assert_type(client.invoke_later("f", delay=timedelta(minutes=1)), AcceptedInvocation)
    assert_type(client.get_async_invoke_config("f"), AsyncConfig)
    assert_type(client.delete_async_invoke_config("f", qualifier="prod"), None)
    assert_type(client.get_async_task("f", "t"), AsyncTask)
    assert_type(client.list_async_tasks("f").tasks, tuple[AsyncTask, ...])
    assert_type(client.create_function("f", runtime="python3.10", code="./src"), models.Function)
    assert_type(client.update_function("f", timeout=5).timeout, int | None)
    assert_type(client.fan_out("f", [1, 2]), FanOut)
    for outcome in client.fan_out("f", ({"n": n} for n in range(3)), task_ids="job"):
        assert_type(outcome, Outcome)
    for outcome in client.replay_events([b"{}"], to="f"):
        assert_type(outcome, Outcome)
    for task in client.get_paginator("list_async_tasks").paginate("f").items():
        assert_type(task, AsyncTask)
    for page in client.get_paginator("list_functions").paginate():
        assert_type(page, models.FunctionPage)
    assert_type(client.get_waiter("task_succeeded").wait("f", "t", timeout=5), AsyncTask)
    assert_type(client.get_waiter("function_active").wait("f"), models.Function)
    assert_type(client.send(operations.get_function("f")), models.Function)
    with client as same:
        assert_type(same, Client)


def mistakes(client: Client) -> None:
    client.invoke_async("f", dely=5)  # type: ignore[call-arg]
    client.invoke_async("f", delay="5")  # type: ignore[arg-type]
    client.invoke_later("f")  # type: ignore[call-arg]
    client.invoke_async(5)  # type: ignore[arg-type]
    client.list_async_tasks("f", status="Done")  # type: ignore[arg-type]
    client.update_function("f", timout=5)  # type: ignore[call-arg]
    client.get_paginator("list_nothing")  # type: ignore[call-overload]
    client.get_waiter("task_done")  # type: ignore[call-overload]
    client.invoke("f").payload.decode().json()  # type: ignore[attr-defined]


def errors_of(client: Client, other: AsyncClient) -> None:
    try:
        client.get_function("f")
    except client.exceptions.FunctionNotFound as error:
        assert_type(error, errors.FunctionNotFound)
        assert_type(error.http_status, int)
    assert_type(other.exceptions.TaskFailed, type[errors.TaskFailed])
    _ = client.exceptions.FunctionNotFoud  # type: ignore[attr-defined]


async def asynchronous(client: AsyncClient) -> None:
    assert_type(await client.invoke("f", b""), InvokeResult)
    assert_type(await client.invoke_async("f", {"n": 1}, delay=5), AcceptedInvocation)
    assert_type(await client.get_async_task("f", "t"), AsyncTask)
    async for outcome in client.fan_out("f", [1, 2]):
        assert_type(outcome, Outcome)
    async for outcome in client.replay_events([b"{}"]):
        assert_type(outcome, Outcome)
    async for task in client.get_paginator("list_async_tasks").paginate("f").items():
        assert_type(task, AsyncTask)
    assert_type(await client.get_waiter("task_finished").wait("f", "t"), AsyncTask)
    async with client as same:
        assert_type(same, AsyncClient)


def made() -> None:
    assert_type(fc_async_sdk.client(region_name="cn-hangzhou"), Client)
    assert_type(fc_async_sdk.async_client(region_name="cn-hangzhou"), AsyncClient)
    assert_type(fc_async_sdk.Session().client(), Client)
    fc_async_sdk.client(regin_name="cn-hangzhou")  # type: ignore[call-arg]
    assert_type(fc_async_sdk.__version__, str)


def read(source: bytes, document: Mapping[str, Any]) -> None:
    event = events.parse(source)
    assert_type(event, DestinationEvent)
    assert_type(events.parse(document), DestinationEvent)
    assert_type(event.succeeded, bool)
    assert_type(event.attempts, int)
    assert_type(event.request.bytes(), bytes)
    assert_type(event.timestamp, int | None)


@destination_handler
def handler(event: DestinationEvent, context: Any) -> str:
    return event.function


@destination_handler
async def later(event: DestinationEvent, context: Any) -> int:
    return event.attempts


@dataclass
class Order:
    number: int


@fc_async_sdk.handler(Order)
def resize(order: Order, context: Any) -> int:
    return order.number


@fc_async_sdk.handler(Order, retry_invalid=False)
async def resize_later(order: Order, context: Any) -> int:
    return order.number


@fc_async_sdk.handler(Order)  # type: ignore[arg-type]
def wrong(order: str, context: Any) -> int:
    return len(order)


def decoded(event: DestinationEvent) -> None:
    assert_type(event.request.decode(Order), Order)
    assert_type(event.response.decode(list[Order]), list[Order])
    assert_type(resize(b"{}", None), int)


async def handled() -> None:
    assert_type(handler(b"", None), str)
    assert_type(await later(b"", None), int)


def stubbed(client: Client) -> None:
    with Stubber(client) as stub:
        assert_type(stub.client, Client)


def idempotent_handlers(store: idempotency.Store) -> None:
    @idempotency.idempotent(store, key=idempotency.by_field("order.id"), wait=5)
    def handler(event: bytes, context: object) -> dict[str, int]:
        assert_type(idempotency.once("charge", divmod, 7, 2), tuple[int, int])
        idempotency.once("charge", divmod, 7, "2")  # type: ignore[arg-type]
        return {"receipt": len(event)}

    assert_type(handler(b"", None), dict[str, int])

    @idempotency.idempotent(store, keep_failures=(ValueError,))
    async def asynchronous(event: bytes, context: object) -> str:
        async def charge(amount: int) -> str:
            return str(amount)

        assert_type(await idempotency.once_async("charge", charge, 7), str)
        return event.decode()

    async def calls_it() -> None:
        assert_type(await asynchronous(b"", None), str)

    idempotency.idempotent(store, wiat=5)  # type: ignore[call-arg]


def paced(client: Client, store: stores.Store) -> None:
    pace = Pace("crm", "25/s", key=lambda order: order.number % 7, store=store, max_hops=3)
    Pace("crm", lambda key: {"slow": "1/10s"}.get(str(key), 25.0), smooth=True)
    Pace("crm", None)  # type: ignore[arg-type]
    Pace("crm", 1, on_store_error="retry")  # type: ignore[arg-type]
    assert_type(pace.book(3), Slots)
    assert_type(pace.forecast(10).last, datetime)
    pace.hold(seconds=60)
    assert_type(client.invoke_async("f", 1, pace=pace), AcceptedInvocation)
    assert_type(client.fan_out("f", [1], pace=pace), FanOut)
    function = client.function("f", payload=Order, result=int, pace=pace)
    assert_type(function.map([Order(1)]), TaskGroup[int])

    @events.handler(Order, pace=pace)
    def handler(order: Order, context: object) -> int:
        raise RetryLater(60, reason=str(order.number))

    assert_type(handler(b"{}", None), int)

    @pacing.paced(pace)
    async def later(event: bytes, context: object) -> str:
        return event.decode()

    async def calls_it() -> None:
        assert_type(await later(b"", None), str)


def stores_of_records(path: Path) -> None:
    stores: list[idempotency.Store] = [
        idempotency.MemoryStore(),
        idempotency.SqliteStore(path),
        idempotency.SqlStore(lambda: sqlite3.connect(path)),
        idempotency.RedisStore(redis.Redis()),
    ]
    assert_type(stores[0].remove("k", "t"), bool)
