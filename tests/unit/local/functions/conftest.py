# SPDX-License-Identifier: MIT
"""A registry over plain dictionaries, and the shortest way to run a coroutine."""

from __future__ import annotations

import asyncio
import base64
import itertools
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.domain.rules import Account
from fc_async_local.functions import FunctionRegistry
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.protocol import Change, ChangeRefused, Document
from fc_async_local.wakeups import Wakeups
from fc_async_tests import code
from fc_async_tests.blobs import Blobs
from fc_async_tests.channels import LostHints

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

T = TypeVar("T")
START = 1_700_000_000_000


class DictDocuments:
    """A document store that several registries may share."""

    def __init__(self) -> None:
        self.number = 0
        self.loads = 0
        self.bodies: dict[tuple[str, str], bytes] = {}

    async def revision(self) -> int:
        return self.number

    async def load(self) -> tuple[int, Sequence[Document]]:
        self.loads += 1
        return self.number, [Document(*key, body) for key, body in self.bodies.items()]

    async def write(self, changes: Sequence[Change]) -> int:
        for change in changes:
            present = (change.kind, change.key) in self.bodies
            if change.expect != "any" and present is not (change.expect == "present"):
                raise ChangeRefused(f"{change.kind} {change.key}")
        for change in changes:
            if change.body is None:
                self.bodies.pop((change.kind, change.key), None)
            else:
                self.bodies[change.kind, change.key] = change.body
        self.number += 1
        return self.number


def _function_body(name: str = "orders", /, **settings) -> dict[str, Any]:
    return {
        "functionName": name,
        "runtime": "python3.10",
        "handler": "index.handler",
        "code": {"zipFile": base64.b64encode(code.archive()).decode()},
        **settings,
    }


def _make_catalog(
    documents: DictDocuments, blobs: Blobs, clock: VirtualClock, *, shared: bool = False
) -> FunctionRegistry:
    ids = itertools.count(1)
    return FunctionRegistry(
        DocumentCache(documents, Wakeups(clock, LostHints() if shared else None)),
        blobs,
        clock,
        account=Account(account_id="123"),
        new_id=lambda: f"id-{next(ids)}",
    )


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    return asyncio.run


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def documents() -> DictDocuments:
    return DictDocuments()


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


@pytest.fixture
def registry(documents: DictDocuments, blobs: Blobs, clock: VirtualClock) -> FunctionRegistry:
    return _make_catalog(documents, blobs, clock)


@pytest.fixture
def archive() -> Callable[..., bytes]:
    return code.archive


@pytest.fixture
def function_body() -> Callable[..., dict[str, Any]]:
    return _function_body


@pytest.fixture
def make_catalog() -> Callable[..., FunctionRegistry]:
    return _make_catalog
