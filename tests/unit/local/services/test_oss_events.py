# SPDX-License-Identifier: MIT
"""Triggers of what happens to objects, while invocations cannot be accepted and after a crash."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.http.messages import Request
from fc_async_local.services.oss import objects
from fc_async_local.services.oss.request import OssRequest
from fc_async_local.services.oss.service import OssService
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from fc_async_sdk.admin.models import ObjectEvent

NOW = 1_700_000_000_000


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**fixtures: object) -> None:
        asyncio.run(test(**fixtures))

    return run


async def body() -> AsyncIterator[bytes]:
    yield b"content"


class Triggers:
    """Fires triggers, unless it is unavailable."""

    def __init__(self) -> None:
        self.available = True
        self.broken = False
        self.fired: list[tuple[str, str, int]] = []

    async def fire(self, event: ObjectEvent, at: int) -> None:
        if not self.available:
            raise StoreUnavailable("the disk is full")
        if self.broken:
            raise ValueError("unforeseen")
        self.fired.append((event.key, event.request_id, at))


@pytest.fixture
def triggers() -> Triggers:
    return Triggers()


def opened(folder: Path, triggers: Triggers, clock: VirtualClock) -> OssService:
    return OssService(folder, clock, Settings(), triggers.fire, durable=True)


async def put(service: OssService, key: str, **headers: str) -> None:
    await service.create_bucket("bucket")
    request = Request("PUT", f"/bucket/{key}", "", headers, id=f"request-{key}")
    await objects.write(service, OssRequest(request), body())


@in_a_loop
async def test_triggers_fire_before_the_client_is_answered(
    tmp_path: Path, triggers: Triggers
) -> None:
    service = opened(tmp_path, triggers, VirtualClock(NOW))
    await put(service, "a")
    assert triggers.fired == [("a", "request-a", NOW)]
    await service.aclose()


@in_a_loop
async def test_triggers_fire_later_if_invocations_cannot_be_accepted_now(
    tmp_path: Path, triggers: Triggers
) -> None:
    clock = VirtualClock(NOW)
    service = opened(tmp_path, triggers, clock)
    triggers.available = False
    await put(service, "a")
    triggers.available = True
    await put(service, "b")
    assert [key for key, *_ in triggers.fired] == ["a", "b"]
    assert triggers.fired[0] == ("a", "request-a", NOW)
    await service.aclose()


@in_a_loop
async def test_triggers_fire_after_a_restart_if_they_had_not(
    tmp_path: Path, triggers: Triggers
) -> None:
    service = opened(tmp_path, triggers, VirtualClock(NOW))
    triggers.available = False
    await put(service, "a")
    await service.aclose()
    triggers.available = True
    again = opened(tmp_path, triggers, VirtualClock(NOW + 1_000))
    await put(again, "b")
    assert triggers.fired[0] == ("a", "request-a", NOW)
    await again.aclose()


@in_a_loop
async def test_an_event_that_cannot_be_fired_stops_no_other(
    tmp_path: Path, triggers: Triggers, caplog: pytest.LogCaptureFixture
) -> None:
    service = opened(tmp_path, triggers, VirtualClock(NOW))
    triggers.broken = True
    await put(service, "a", **{"content-type": "x" * 5_000})
    assert "'a'" in caplog.text
    triggers.broken = False
    await put(service, "b")
    assert [key for key, *_ in triggers.fired] == ["a", "b"]
    await service.aclose()


@in_a_loop
async def test_content_that_no_object_has_is_removed_at_the_start(
    tmp_path: Path, triggers: Triggers
) -> None:
    service = opened(tmp_path, triggers, VirtualClock(NOW))
    await put(service, "a")
    await service.aclose()
    (tmp_path / "bucket" / "left-over").write_bytes(b"of a crash")
    again = opened(tmp_path, triggers, VirtualClock(NOW))
    found = await again.do(lambda index: index.object("bucket", "a"))
    assert [path.name for path in (tmp_path / "bucket").iterdir()] == [found.content.file]
    await again.aclose()


@in_a_loop
async def test_an_object_that_cannot_be_written_is_answered_503_and_fires_nothing(
    tmp_path: Path, triggers: Triggers
) -> None:
    service = opened(tmp_path, triggers, VirtualClock(NOW))
    await put(service, "a")
    await service.create_bucket("second")
    (tmp_path / "second").write_bytes(b"in the way")
    request = Request("PUT", "/second/b", "", {}, id="request-b")
    with pytest.raises(StoreUnavailable, match="OSS cannot use its folder"):
        await objects.write(service, OssRequest(request), body())
    (tmp_path / "second").unlink()
    await objects.write(service, OssRequest(request), body())
    assert [key for key, *_ in triggers.fired] == ["a", "b"]
    await service.aclose()
