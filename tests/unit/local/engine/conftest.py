# SPDX-License-Identifier: MIT
"""A world for the engine: memory store, a table of functions, plain handlers, virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.engine.engine import Engine
from fc_async_local.engine.ports import Accepted, Registry
from fc_async_local.execution.instances.inprocess import InProcessRunner
from fc_async_local.settings import Settings
from fc_async_local.store.memory import MemoryStore
from fc_async_sdk.models import AsyncConfig, Destination, DestinationConfig
from fc_async_sdk.spec import arn
from fc_async_tests import deployments
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.domain.pausing import Pause
    from fc_async_local.domain.states import Status
    from fc_async_local.execution.protocol import Attempt, Deployment
    from fc_async_local.store.protocol import Task
    from fc_async_sdk.spec.destinations import Kind

START = 1_700_000_000_000


class TableCatalog(Registry):
    """Functions and configurations from dictionaries."""

    def __init__(self) -> None:
        self.functions: dict[str, int] = {}
        self.configs: dict[tuple[str, str], AsyncConfig] = {}
        self.pauses: dict[str, Pause] = {}

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        if function not in self.functions:
            raise Rejected(404, "FunctionNotFound", f"function '{function}' does not exist")
        return deployments.deployment(function, timeout_ms=self.functions[function])

    async def async_config(self, function: str, qualifier: str) -> AsyncConfig | None:
        return self.configs.get((function, qualifier))

    async def pause(self, function: str, *, known: bool = False) -> Pause | None:
        return self.pauses.get(function)

    async def end_pause(self, function: str) -> None:
        self.pauses.pop(function, None)


class Run(NamedTuple):
    """One run of a handler, ``at`` milliseconds after the start."""

    at: int
    attempt: Attempt


class Delivered(NamedTuple):
    """One event that reached the queue, ``at`` milliseconds after the start."""

    at: int
    delivery: Delivery


class QueueTarget:
    """A destination that gives the answers in ``answers`` and records what it got."""

    kind: Kind = "mns-queue"

    def __init__(self) -> None:
        self.answers: list[int | Exception] = []
        self.got: list[Delivered] = []

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        self.got.append(Delivered(now - START, delivery))
        return DeliveryResult(answer, "" if answer < 300 else "Failed")


class FunctionTarget:
    """The function destination, as small as can be."""

    kind: Kind = "function"

    def __init__(self) -> None:
        self.engine: Engine | None = None

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        target = arn.parse(delivery.destination)
        assert isinstance(target, arn.FunctionArn)
        assert self.engine is not None
        try:
            await self.engine.invoke_async(
                InvokeRequest(
                    target.function,
                    delivery.document,
                    qualifier=target.qualifier,
                    call_path=delivery.call_path,
                )
            )
        except Rejected as error:
            return DeliveryResult(error.status, error.code, error.message)
        return DeliveryResult(202)


class World:
    """Everything around one engine."""

    def __init__(self, settings: Settings, store=None) -> None:
        self.settings = settings
        self.random = random.Random(1)
        self.clock = VirtualClock(START)
        self.store = MemoryStore() if store is None else store
        self.registry = TableCatalog()
        self.handlers: dict[str, Callable[[bytes, Attempt], Any]] = {}
        self.runs: list[Run] = []
        self.queue = QueueTarget()
        self.functions = FunctionTarget()
        self.destinations = {"mns-queue": self.queue, "function": self.functions}
        self.engine = self.new_engine()

    def new_engine(self, **changes) -> Engine:
        """An engine on the same state, as after a restart."""
        ports: dict[str, Any] = {
            "store": self.store,
            "registry": self.registry,
            "runner": InProcessRunner(self.handlers, self.clock),
            "clock": self.clock,
            "settings": self.settings,
            "random_source": self.random,
        }
        self.engine = Engine(**(ports | changes))
        self.functions.engine = self.engine
        return self.engine

    def function(
        self,
        name: str,
        handler: Callable[[bytes, Attempt], Any],
        *,
        retries: int | None = None,
        age: int | None = None,
        success: str | None = None,
        failure: str | None = None,
        task_mode: bool = True,
        timeout_ms: int = 86_400_000,
    ) -> None:
        """Create a function and configure its asynchronous invocation."""

        def watched(event: bytes, attempt: Attempt) -> Any:
            self.runs.append(Run(self.now, attempt))
            return handler(event, attempt)

        self.handlers[name] = watched
        self.registry.functions[name] = timeout_ms
        self.registry.configs[name, "LATEST"] = AsyncConfig(
            async_task=task_mode,
            max_async_retry_attempts=retries,
            max_async_event_age_in_seconds=age,
            destination_config=DestinationConfig(
                on_success=Destination(destination=success),
                on_failure=Destination(destination=failure),
            ),
        )

    async def invoke(self, function: str, payload: bytes, **changes) -> Accepted:
        """Invoke a function asynchronously; the changes are fields of ``InvokeRequest``."""
        return await self.engine.invoke_async(InvokeRequest(function, payload, **changes))

    @property
    def now(self) -> int:
        return self.clock.now() - START

    @property
    def times(self) -> list[int]:
        return [run.at for run in self.runs]

    async def task(self, function: str, task_id: str) -> Task:
        task: Task | None = await self.store.get(function, task_id)
        assert task is not None
        return task

    async def status(self, function: str, task_id: str) -> Status:
        return (await self.task(function, task_id)).invocation.status

    async def steps(self, function: str, task_id: str) -> list[str]:
        return [event.status.value for event in (await self.task(function, task_id)).events]

    async def metric(self, name: str, function: str) -> int:
        return (await sums(self.store)).get((name, function), 0)


Play = Callable[..., Any]


@pytest.fixture
def play() -> Play:
    """Runs a scenario, ``async def scenario(world)``, with the engine started."""

    def run(scenario: Callable[[World], Awaitable[Any]], store=None, **settings) -> Any:
        async def go() -> Any:
            world = World(Settings.of(**settings), store)
            await world.engine.start(world.destinations)
            try:
                return await scenario(world)
            finally:
                await world.engine.aclose()

        return asyncio.run(go())

    return run


@pytest.fixture
def world_class() -> type[World]:
    """For tests that drive a world by themselves."""
    return World
