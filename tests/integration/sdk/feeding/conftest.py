# SPDX-License-Identifier: MIT
"""A function that feeds itself, on virtual time, over each kind of store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace
from fc_async_sdk.payloads import FolderStore
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.handles import FunctionHandle


class Shop:
    """A function that takes calls at a pace, and what it was called with at which second."""

    def __init__(self, fc_local: FcLocal, payloads: FolderStore) -> None:
        self.calls: list[tuple[Any, float]] = []
        self._fc_local = fc_local
        self._payloads = payloads
        self._began = fc_local.runtime.now()

    def deploy(self, pace: Pace, *, kind: Any = int, name: str = "crm", **config: Any) -> None:
        settings = {"asyncTask": True, **config}
        decorated = handler(kind, pace=pace, large=self._payloads)(self._call)
        self._fc_local.deploy(name, decorated, async_config=settings, timeout=600)

    def function(self, name: str = "crm") -> FunctionHandle[Any, Any]:
        return self._fc_local.client.function(name)

    def _call(self, payload: Any, _: object) -> Any:
        self.calls.append((payload, self.now))
        return payload

    @property
    def now(self) -> float:
        return (self._fc_local.runtime.now() - self._began) / 1_000

    @property
    def payloads(self) -> list[Any]:
        return [payload for payload, _ in self.calls]

    @property
    def seconds(self) -> list[float]:
        return [second for _, second in self.calls]

    def seconds_of(self, payloads: Sequence[Any]) -> list[float]:
        return [second for payload, second in self.calls if payload in payloads]


@pytest.fixture
def payloads(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "payloads")


@pytest.fixture
def shop(fc_local: FcLocal, payloads: FolderStore) -> Shop:
    return Shop(fc_local, payloads)


@pytest.fixture
def pace() -> Pace:
    return Pace("crm", "10/s", store=MemoryStore())


@pytest.fixture
def steps(fc_local: FcLocal) -> Callable[[str], int]:
    """Return how many invocations a feed has cost beside its messages."""

    def count(feed: str) -> int:
        pages = fc_local.client.get_paginator("list_async_tasks")
        listed = pages.paginate("crm", prefix=f"{feed}_f")
        return sum(len(page.tasks) for page in listed)

    return count
