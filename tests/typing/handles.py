# SPDX-License-Identifier: MIT
"""What type checkers make of handles, tasks and groups. Never run, like ``sdk.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO, TypedDict

import msgspec
from typing_extensions import assert_type

from fc_async_sdk import (
    AsyncClient,
    AsyncFunctionHandle,
    AsyncTask,
    AsyncTaskGroup,
    AsyncTaskHandle,
    Client,
    DestinationEvent,
    FunctionHandle,
    TaskGroup,
    TaskHandle,
    errors,
    models,
    payloads,
)
from fc_async_sdk.payloads import DefaultStore, FolderStore, OssStore


class Order(msgspec.Struct):
    image: str


@dataclass
class Thumbnail:
    width: int


class Address(TypedDict):
    street: str


def synchronous(client: Client) -> None:
    checked = client.function("resize", payload=Order, result=Thumbnail, schema={"type": "object"})
    assert_type(checked, FunctionHandle[Order, Thumbnail])
    resize = client.function("resize", payload=Order, result=Thumbnail, qualifier="prod")
    assert_type(resize, FunctionHandle[Order, Thumbnail])
    assert_type(resize.call(Order("a.png"), timeout=5), Thumbnail)
    task = resize.spawn(Order("a.png"), delay=5, task_id="a")
    assert_type(task, TaskHandle[Thumbnail])
    assert_type(task.id, str)
    assert_type(task.status(), models.TaskStatus)
    assert_type(task.wait(60), AsyncTask)
    assert_type(task.result(), Thumbnail)
    assert_type(task.replay(), TaskHandle[Thumbnail])
    group = resize.map([Order("a.png")], task_ids="batch-7")
    assert_type(group, TaskGroup[Thumbnail])
    for ended in group:
        assert_type(ended, TaskHandle[Thumbnail])
        assert_type(ended.error, errors.FcAsyncError | None)
    assert_type(group.wait(60).failures, list[TaskHandle[Thumbnail]])
    assert_type(group.stop(), int)


def parts(client: Client) -> None:
    assert_type(client.function("f"), FunctionHandle[Any, Any])
    assert_type(client.function("f", payload=Order), FunctionHandle[Order, Any])
    assert_type(client.function("f", result=list[Thumbnail]).call(b""), list[Thumbnail])
    assert_type(client.function("f", payload=Address).spawn({"street": "s"}), TaskHandle[Any])
    assert_type(client.task("f", "t"), TaskHandle[Any])
    assert_type(client.task("f", "t", result=Thumbnail).result(), Thumbnail)
    assert_type(client.group("f", "batch-7"), TaskGroup[Any])
    assert_type(client.group("f", "batch-7", result=Thumbnail, size=5), TaskGroup[Thumbnail])


def large(client: Client, store: OssStore, event: DestinationEvent) -> None:
    resize = client.function("resize", payload=Order, result=Thumbnail, large=store)
    assert_type(resize, FunctionHandle[Order, Thumbnail])
    client.invoke_async("resize", b"", large=DefaultStore())
    client.fan_out("resize", [b""], large=FolderStore("payloads"))
    assert_type(event.open(store), DestinationEvent)
    assert_type(payloads.fetch(b"", store), bytes)
    assert_type(payloads.fetch(b"", store, stream=True), BinaryIO)
    client.function("resize", large="bucket")  # type: ignore[call-overload]


def mistakes(client: Client) -> None:
    resize = client.function("resize", payload=Order, result=Thumbnail)
    resize.spawn(Thumbnail(5))  # type: ignore[arg-type]
    resize.spawn({"image": "a.png"})  # type: ignore[arg-type]
    resize.spawn(Order("a.png"), dely=5)  # type: ignore[call-arg]
    resize.call()  # type: ignore[call-arg]
    _ = resize.call(Order("a.png")).height  # type: ignore[attr-defined]
    resize.map(["a.png"])  # type: ignore[list-item]
    _ = resize.spawn(Order("a.png")).result().height  # type: ignore[attr-defined]
    client.function("f", payload=Address).spawn({"stret": "s"})  # type: ignore[typeddict-item]
    client.function("f", payload="Order")  # type: ignore[call-overload]
    resize.map([Order("a.png")]).replay_failed(statuses=["Done"])  # type: ignore[list-item]


async def asynchronous(client: AsyncClient) -> None:
    resize = client.function("resize", payload=Order, result=Thumbnail)
    assert_type(resize, AsyncFunctionHandle[Order, Thumbnail])
    assert_type(await resize.call(Order("a.png")), Thumbnail)
    task = await resize.spawn(Order("a.png"))
    assert_type(task, AsyncTaskHandle[Thumbnail])
    assert_type(await task.result(), Thumbnail)
    group = await resize.map([Order("a.png")])
    assert_type(group, AsyncTaskGroup[Thumbnail])
    async for ended in group.ends(timeout=60, results=True):
        assert_type(ended, AsyncTaskHandle[Thumbnail])
    assert_type(client.task("f", "t"), AsyncTaskHandle[Any])
    assert_type(client.group("f", "b", result=Thumbnail), AsyncTaskGroup[Thumbnail])
    await resize.spawn(Thumbnail(5))  # type: ignore[arg-type]
    _ = (await resize.call(Order("a.png"))).height  # type: ignore[attr-defined]
