# SPDX-License-Identifier: MIT
"""Composition root: the only place where ports meet their implementations.

:class:`Runtime` is a whole runtime in the running event loop; :mod:`fc_async_local.embedded` runs
one in a process or thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from fc_async_local import DEFAULT_PORT, console
from fc_async_local.api import Api
from fc_async_local.api.admin.clock import ClockAdmin
from fc_async_local.api.admin.deliveries import DeliveryAdmin
from fc_async_local.api.admin.faults import FaultAdmin
from fc_async_local.api.admin.functions import FunctionAdmin
from fc_async_local.api.admin.status import StatusAdmin
from fc_async_local.api.admin.tasks import TaskAdmin
from fc_async_local.api.auth import AnyKey, Authenticator, StrictSignature
from fc_async_local.api.function_resources import (
    ScalingOperations,
    TagOperations,
    TriggerOperations,
)
from fc_async_local.api.functions import (
    AliasOperations,
    AsyncConfigOperations,
    FunctionOperations,
)
from fc_async_local.api.invoke import InvokeFunction
from fc_async_local.api.tasks import TaskOperations
from fc_async_local.api.uploads import UploadOperations
from fc_async_local.bootstrap import services
from fc_async_local.bootstrap.services import Services
from fc_async_local.bootstrap.stores import SQLITE, Stores, open_stores
from fc_async_local.clock import RealClock, VirtualClock
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.domain.ranges import Ranged
from fc_async_local.engine import request_ids
from fc_async_local.engine.engine import Engine
from fc_async_local.execution import replies
from fc_async_local.execution.archive import checksum
from fc_async_local.execution.code_cache import CodeCache
from fc_async_local.execution.identity import Identity
from fc_async_local.execution.inprocess import Handler, InProcessRunner
from fc_async_local.execution.runner import ProcessRunner, RunnerLimits
from fc_async_local.functions import FunctionRegistry
from fc_async_local.http import server as http_server
from fc_async_local.http.bodies import BodyMemory
from fc_async_local.settings import Settings
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, MutableMapping

    from fc_async_local.clock import Clock
    from fc_async_local.destinations.protocol import Destination, DestinationKind
    from fc_async_local.execution.protocol import Attempt, FunctionRunner
    from fc_async_local.http.messages import App
    from fc_async_local.services.mns.service import MnsService

DEFAULT_DATA: Final = _project_folder.RUNTIME
_ABORTED: Final = "it was ended because invocation of the function was disabled"
_FC: Final = "fc"
"""What the API is called among the addresses; the others are :data:`services.NAMES`."""
_HIGHEST_PORT: Final = http_server.HIGHEST_PORT - len(services.NAMES)
_LATEST_START_MS: Final = 32_503_680_000_000
"""The year 3000: what is due years after it still has a date."""


class Options(Ranged, frozen=True, kw_only=True):
    """How a runtime is started.

    Attributes:
        data: Folder of the database and of unpacked code; made if it isn't there.
        port: Port of the FC API and the console, the services follow it; busy ones move up. 0:
            any free ones.
        clock: ``virtual`` stands still until it is moved.
        clock_start: Where a virtual clock begins, milliseconds since the epoch. None: now.
        store: See :mod:`fc_async_local.bootstrap.stores`.
        handlers: Callables that run instead of a function's code, by function name. May change.
        grace_ms: How long requests and attempts, together, may go on after a shutdown began.

    Raises:
        ValueError: A value is outside of its range.
    """

    data: Path = DEFAULT_DATA
    port: Annotated[int, Meta(ge=0, le=_HIGHEST_PORT)] = DEFAULT_PORT
    clock: Literal["real", "virtual"] = "real"
    clock_start: Annotated[int, Meta(ge=0, le=_LATEST_START_MS)] | None = None
    store: str = SQLITE
    settings: Settings = Settings()
    handlers: dict[str, Handler] = msgspec.field(default_factory=dict)
    grace_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 4_000

    def __post_init__(self) -> None:
        for name in ("port", "clock", "clock_start", "grace_ms"):
            self.check(name, getattr(self, name))


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Where a runtime is to be found, and who it takes itself for."""

    fc: str
    console: str
    mns: str
    rocketmq: str
    eventbridge: str
    account_id: str
    region: str
    data: str
    pid: int


class Runtime:
    """A running runtime. Make it with :meth:`open`, end it with :meth:`aclose`.

    Attributes:
        addresses: Where it listens.
        registry: Functions and their configuration.
        engine: Invocation, and time if it is virtual.
        services: The services beside it.
        mns: Queues, as one of them.
        clock: Its time.
    """

    addresses: Addresses
    registry: FunctionRegistry
    engine: Engine
    services: Services
    mns: MnsService
    clock: Clock

    def __init__(self, options: Options) -> None:
        """Use :meth:`open`."""
        self._options = options
        self._closing = contextlib.AsyncExitStack()
        self._grace_ends = 0.0

    @classmethod
    async def open(cls, options: Options) -> Runtime:
        """Start everything; returns when requests are answered.

        Raises:
            StoreUnusable: Another runtime uses this data, or it is newer or damaged.
            StoreUnavailable: The disk is full or refuses.
            OSError: No port or folder can be had.
        """
        runtime = cls(options)
        async with contextlib.AsyncExitStack() as closing:
            await runtime._start(closing)
            runtime._closing = closing.pop_all()
        return runtime

    async def aclose(self) -> None:
        """Answer what is being asked, give back what is held, stop. What was accepted stays."""
        self._grace_ends = time.monotonic() + self._options.grace_ms / 1_000
        await self._closing.aclose()

    async def _stop_engine(self) -> None:
        """Give attempts what requests have left of the grace."""
        left = self._grace_ends - time.monotonic()
        await self.engine.aclose(grace_ms=max(0, int(left * 1_000)))

    async def _start(self, closing: contextlib.AsyncExitStack) -> None:
        options = self._options
        _project_folder.make_private(options.data)
        sockets = _bind(options.port, closing)
        self.addresses = _addresses(options, sockets)
        self.clock = _clock(options)
        stores = await open_stores(options.store, options.data, self.clock, closing)
        self.registry = _registry(stores, self.clock, options.settings)
        runner = self._runner(CodeCache(stores.blobs, options.data / "code"))
        self._abort = runner.abort
        closing.push_async_callback(runner.aclose)
        await self._start_work(stores, runner, closing)
        apps: dict[str, App] = {_FC: self._api(stores), **self.services.apps}
        await self._serve({sockets[name]: app for name, app in apps.items()}, closing)
        # Last in, first out: who waits for a message must not hold up the servers.
        closing.callback(self.services.release)

    async def _start_work(
        self, stores: Stores, runner: FunctionRunner, closing: contextlib.AsyncExitStack
    ) -> None:
        """Open the services and the engine, which need each other, and start it."""
        destinations: dict[DestinationKind, Destination] = {}
        self.engine = Engine(
            store=stores.store,
            registry=self.registry,
            runner=runner,
            destinations=destinations,
            clock=self.clock,
            settings=self._options.settings,
            node_id=stores.node_id,
            wakeups=stores.wakeups,
        )
        self.services = await Services.open(
            stores,
            self.clock,
            self._options.settings,
            self.engine,
            self.registry.triggers,
            self._role_of,
            closing,
        )
        self.mns = self.services.mns
        destinations.update(self.services.destinations)
        if self._options.settings.destinations.create_missing:
            self.registry.async_configs.listen(self.services.create_destinations)
            for config in await self.registry.async_configs.everything():
                await self.services.create_destinations(config)
        await self.engine.start()
        closing.push_async_callback(self._stop_engine)

    async def _role_of(self, function: str, qualifier: str) -> str:
        return await self.registry.role(function, qualifier)

    async def _serve(
        self, apps: Mapping[socket.socket, App], closing: contextlib.AsyncExitStack
    ) -> None:
        grace = -(-self._options.grace_ms // 1000)
        memory = BodyMemory()
        servers = [
            http_server.HttpServer(memory.around(app), listener, grace_seconds=grace)
            for listener, app in apps.items()
        ]

        async def stop() -> None:
            # At once: each takes its time to see its connections off.
            await asyncio.gather(*(server.aclose() for server in servers))

        closing.push_async_callback(stop)
        for server in servers:
            await server.start()

    def _runner(self, code: CodeCache) -> _EitherRunner:
        options, settings = self._options, self._options.settings
        identity = Identity(
            region=settings.place.region,
            account_id=settings.place.account_id,
            environment={"FC_ASYNC_ENDPOINT": self.addresses.fc},
        )
        bounds = RunnerLimits(account_instances=settings.execution.account_instances)
        processes = ProcessRunner(code, identity=identity, bounds=bounds)
        return _EitherRunner(options.handlers, self.clock, processes)

    def _api(self, stores: Stores) -> Api:
        settings, addresses, store = self._options.settings, self.addresses, stores.store
        authenticator: Authenticator = (
            StrictSignature(settings.auth.access_keys, time.time)
            if settings.auth.strict_auth
            else AnyKey()
        )
        return Api(
            InvokeFunction(self.engine, self.registry),
            [
                *FunctionOperations(self.registry, self._abort).routes(),
                *AliasOperations(self.registry).routes(),
                *AsyncConfigOperations(self.registry).routes(),
                *TriggerOperations(self.registry).routes(),
                *ScalingOperations(self.registry).routes(),
                *TagOperations(self.registry).routes(),
                *UploadOperations(
                    self.registry, settings, checksum=checksum, now=RealClock().now
                ).routes(),
                *TaskOperations(store, self.registry, self.engine, settings).routes(),
                *StatusAdmin(store, self.clock, settings, msgspec.to_builtins(addresses)).routes(),
                *TaskAdmin(store, self.engine, settings).routes(),
                *FunctionAdmin(self.registry, self.engine).routes(),
                *DeliveryAdmin(store, self.engine).routes(),
                *ClockAdmin(self.engine, self.clock).routes(),
                *FaultAdmin(self.services.faults).routes(),
                *console.routes(),
            ],
            authenticator,
            functools.partial(_request_id, self.clock, random.Random(os.urandom(16))),  # noqa: S311 -- a name, no secret
        )


class _EitherRunner:
    """Runs callables that were handed in, and everything else in processes."""

    def __init__(
        self, handlers: MutableMapping[str, Handler], clock: Clock, processes: ProcessRunner
    ) -> None:
        self._handlers = handlers
        self._callables = InProcessRunner(handlers, clock)
        self._processes = processes
        self._running: dict[str, set[str]] = {}
        self._aborted: set[str] = set()

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute one attempt."""
        function, request_id = attempt.deployment.function, attempt.request_id
        runner = self._callables if function in self._handlers else self._processes
        running = self._running.setdefault(function, set())
        running.add(request_id)
        try:
            outcome = await runner.run(attempt)
            if outcome.kind is OutcomeKind.INTERRUPTED and request_id in self._aborted:
                # Not stopped by a user: an asynchronous invocation goes back to the queue.
                return replies.exhausted(attempt.deployment, _ABORTED)
            return outcome
        finally:
            self._aborted.discard(request_id)
            running.discard(request_id)
            if not running:
                self._running.pop(function, None)

    async def abort(self, function: str) -> None:
        """End all attempts of a function that are running in this process."""
        running = self._running.get(function, set())
        self._aborted |= running
        for request_id in tuple(running):
            await self.interrupt(request_id)

    async def interrupt(self, request_id: str) -> bool:
        """Stop a running attempt."""
        if await self._callables.interrupt(request_id):
            return True
        return await self._processes.interrupt(request_id)

    async def aclose(self) -> None:
        """End all instances."""
        await self._callables.aclose()
        await self._processes.aclose()


def _bind(base: int, closing: contextlib.AsyncExitStack) -> dict[str, socket.socket]:
    """A listening socket for the API and each service, in the order of their ports."""
    return {
        name: closing.enter_context(
            contextlib.closing(http_server.bind(base + offset if base else 0))
        )
        for offset, name in enumerate((_FC, *services.NAMES))
    }


def _addresses(options: Options, sockets: Mapping[str, socket.socket]) -> Addresses:
    urls = {name: http_server.url_of(listener) for name, listener in sockets.items()}
    return Addresses(
        **urls,
        console=f"{urls[_FC]}/console",
        account_id=options.settings.place.account_id,
        region=options.settings.place.region,
        data=str(options.data.resolve()),
        pid=os.getpid(),
    )


def _registry(stores: Stores, clock: Clock, settings: Settings) -> FunctionRegistry:
    return FunctionRegistry(
        stores.documents,
        stores.blobs,
        clock,
        checksum=checksum,
        region=settings.place.region,
        account_id=settings.place.account_id,
    )


def _clock(options: Options) -> Clock:
    if options.clock == "real":
        return RealClock()
    start = options.clock_start
    return VirtualClock(RealClock().now() if start is None else start)


def _request_id(clock: Clock, source: random.Random) -> str:
    return request_ids.new(clock.now(), source)
