# SPDX-License-Identifier: MIT
"""Opens and closes a whole runtime in the running event loop.

:mod:`fc_async_local.embedded` runs one in a process or thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import itertools
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import msgspec

from fc_async_local import DEFAULT_PORT, console
from fc_async_local.api import Api, admin
from fc_async_local.api.fc2 import Fc2
from fc_async_local.api.function_resources import (
    ResourceOperations,
    TagOperations,
)
from fc_async_local.api.functions import FunctionOperations
from fc_async_local.api.http_triggers.calls import HttpTriggerCalls
from fc_async_local.api.http_triggers.urls import TriggerUrls
from fc_async_local.api.invoke import InvokeFunction
from fc_async_local.api.operation import routes_of
from fc_async_local.api.tasks import TaskOperations
from fc_async_local.api.uploads import UploadOperations
from fc_async_local.bootstrap import services, tokens
from fc_async_local.bootstrap.payload_files import prune_payloads
from fc_async_local.bootstrap.services import Services
from fc_async_local.bootstrap.state import StateFiles
from fc_async_local.bootstrap.stores import Foundation, open_stores
from fc_async_local.clock import RealClock, VirtualClock
from fc_async_local.domain.faults import Faults
from fc_async_local.engine.accepting import new_request_id
from fc_async_local.engine.engine import Engine
from fc_async_local.engine.ports import PARKED
from fc_async_local.execution.archive import checksum
from fc_async_local.execution.code_cache import CodeCache
from fc_async_local.execution.faults import FaultyRunner
from fc_async_local.execution.instances.duplicates import Duplicates
from fc_async_local.execution.instances.inprocess import RoutingRunner
from fc_async_local.execution.instances.runner import ProcessRunner
from fc_async_local.execution.machine.identity import Identity, led_here
from fc_async_local.execution.protocol import RunnerLimits
from fc_async_local.functions import FunctionRegistry
from fc_async_local.http import server as http_server
from fc_async_local.http import tls
from fc_async_local.http.access import Access
from fc_async_local.http.acs_signature import AcsSignatures
from fc_async_local.http.edge import BodyMemory
from fc_async_local.http.tls import Authority
from fc_async_sdk import _project_folder, _runtimes
from fc_async_sdk._payloads import claims
from fc_async_sdk.admin.models import Addresses
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from fc_async_local.bootstrap.options import Options
    from fc_async_local.clock import Clock
    from fc_async_local.http.messages import App

_FC: Final = "fc"
"""The name of the API among the addresses; the others are :data:`services.NAMES`."""
_NAMES: Final = (_FC, *services.NAMES)


@dataclasses.dataclass(frozen=True)
class Runtime:
    """A running runtime. Make it with :meth:`open`, end it with :meth:`aclose`.

    Attributes:
        addresses: Where it listens.
        foundation: Stores, clock and settings.
        registry: Functions and their configuration.
        runner: Runs functions.
        duplicates: Runs attempts twice on purpose.
        faults: Lets destinations and functions fail on purpose.
        engine: Invocation, and time if it is virtual.
        state: The state as a file, and whether a restart with another one is asked for.
        services: The services beside Function Compute.
        authority: Signs the certificates of its ports.
        token: Lets programs use the admin API and browsers use the console.
    """

    addresses: Addresses
    foundation: Foundation
    registry: FunctionRegistry
    runner: RoutingRunner
    duplicates: Duplicates
    faults: Faults
    engine: Engine
    services: Services
    _grace: _Grace
    _closing: contextlib.AsyncExitStack
    state: StateFiles
    authority: Authority
    token: str = dataclasses.field(repr=False)
    _sockets: Mapping[str, socket.socket] = dataclasses.field(default_factory=dict)

    @classmethod
    async def open(
        cls,
        options: Options,
        listening: Mapping[str, socket.socket] | None = None,
        token: str = "",
    ) -> Runtime:
        """Start everything; returns when requests are answered.

        Args:
            options: How to start.
            listening: Sockets of a runtime that was closed, by name; None: new ones.
            token: That of the runtime that was closed; "": a new one, or that of the store.

        Raises:
            StoreUnusable: Another runtime uses this data, or it is newer or damaged.
            StoreUnavailable: The disk is full, or the database cannot be reached.
            OSError: No port or folder is available.
            ForeignFolder: The data folder is not this user's.
        """
        async with contextlib.AsyncExitStack() as closing:
            _project_folder.make_private(options.data)
            sockets = _listening(options.port, listening, closing)
            runtime = await cls._start_state(options, _addresses(options, sockets), closing, token)
            apps: dict[str, App] = {_FC: runtime.api(), **runtime.services.apps}
            served = {sockets[name]: app for name, app in apps.items()}
            await _serve(served, runtime.authority, options, closing)
            # After a restart both files are there, with the same addresses and the same token.
            if listening is None:
                strict = options.settings.auth.strict_auth
                tokens.publish(options.data, runtime.addresses.fc, runtime.token, strict=strict)
                _publish(runtime.addresses)
            # Closed first: a client that waits for a message must not delay the servers' end.
            closing.callback(runtime.services.release)
            return dataclasses.replace(runtime, _closing=closing.pop_all(), _sockets=sockets)

    @classmethod
    async def _start_state(
        cls,
        options: Options,
        addresses: Addresses,
        closing: contextlib.AsyncExitStack,
        token: str,
    ) -> Runtime:
        """Start to work; if an imported state cannot be opened, with the one before it."""
        state = StateFiles(options)
        try:
            async with contextlib.AsyncExitStack() as trying:
                runtime = await cls._start_work(options, addresses, trying, state, token)
                closing.push_async_exit(trying.pop_all())
        except Exception as error:
            # An imported file may be what this version cannot open: the user had a state before.
            if not state.restore(error):
                raise
            runtime = await cls._start_work(options, addresses, closing, state, token)
        state.opened()
        # Before that, the state that was replaced might have come back and need its payloads.
        retention = options.settings.engine.task_retention_ms
        await prune_payloads(options.data, runtime.foundation.stores.database, retention)
        return runtime

    @classmethod
    async def _start_work(
        cls,
        options: Options,
        addresses: Addresses,
        closing: contextlib.AsyncExitStack,
        state: StateFiles,
        token: str,
    ) -> Runtime:
        """Open everything that works without a request, from the store up to the engine."""
        clock = _clock(options)
        grace = _Grace(options.grace_ms)
        stores = await open_stores(options.store, options.data, clock, closing)
        token = token or await tokens.token_of(stores)
        settings = tokens.with_access_key(options.settings, token)
        foundation = Foundation(stores, clock, settings)
        registry = FunctionRegistry(
            stores.documents,
            stores.blobs,
            clock,
            account=settings.account,
            refuse_http=settings.destinations.http_destinations == "refuse",
        )
        runner = _runner(options, foundation, addresses, token)
        duplicates = Duplicates(runner)
        faults = Faults(clock.now)
        closing.push_async_callback(runner.aclose)
        engine = Engine(
            store=stores.store,
            registry=registry,
            runner=FaultyRunner(duplicates, faults),
            clock=clock,
            settings=settings,
            node_id=stores.node_id,
            wakeups=stores.wakeups,
        )
        registry.pauses.listen(lambda: stores.wakeups.wake(PARKED))
        opened = await Services.open(foundation, engine, registry, faults, closing)
        await engine.start(opened.destinations)
        closing.push_async_callback(lambda: engine.aclose(grace_ms=grace.left_ms()))
        opened.start(closing)
        return cls(
            addresses,
            foundation,
            registry,
            runner,
            duplicates,
            faults,
            engine,
            opened,
            grace,
            closing,
            state,
            Authority(options.data / tls.NAME),
            token,
        )

    async def reopen(self, options: Options) -> Runtime:
        """Close, then start on the same ports with what has taken the place of the state.

        Clients that connect meanwhile wait. Virtual time goes on where it was.

        Args:
            options: With which this one was opened.
        """
        duplicates = {name: listener.dup() for name, listener in self._sockets.items()}
        now = self.foundation.clock.now()
        # The file of addresses stays meanwhile: without it, a command in this folder would find no
        # runtime and go to an account.
        await self._close()
        return await Runtime.open(
            msgspec.structs.replace(options, clock_start=now), duplicates, self.token
        )

    async def aclose(self) -> None:
        """Answer open requests, give back what is held, stop. What was accepted stays."""
        _runtimes.withdraw(Path(self.addresses.data), self.addresses.fc)
        _addresses_file(self.addresses).unlink(missing_ok=True)
        await self._close()

    async def _close(self) -> None:
        self._grace.begin()
        await self._closing.aclose()

    def api(self) -> Api:
        """Return the ASGI application of the FC API, the admin API and the console."""
        _, clock, settings = self.foundation
        signatures = None
        if settings.auth.strict_auth:
            # Clients sign with the machine's time, also when the runtime's is virtual.
            signatures = AcsSignatures(settings.auth.access_keys, time.time)
        urls = TriggerUrls(self.addresses.fc, settings.account)
        access = Access(self.token, urlsplit(self.addresses.fc).port or 0, time.time)
        invoke = InvokeFunction(self.engine, self.registry)
        dice = random.Random(os.urandom(16))  # noqa: S311 -- a name, no secret
        return Api(
            invoke,
            HttpTriggerCalls(
                self.engine,
                self.registry,
                urls,
                signatures=signatures,
                clock=clock,
                account=settings.account,
                noted=self.services.trigger_control.note_request,
            ),
            [
                *itertools.chain.from_iterable(map(routes_of, self._operations(urls, access))),
                *console.routes(access),
            ],
            signatures,
            access,
            lambda: new_request_id(clock.now(), dice),
            clock.stopped_at,
            Fc2(invoke, self.registry, settings.auth.access_keys, time.time),
        )

    def _operations(self, urls: TriggerUrls, access: Access) -> list[object]:
        """Return what answers the FC API, but for invocations, and the admin API."""
        stores, clock, settings = self.foundation
        store = stores.store
        engine = self.engine
        registry = self.registry
        return [
            FunctionOperations(registry, self.runner.abort, access.signed, self.runner.lack_of),
            ResourceOperations(registry, urls),
            TagOperations(registry),
            UploadOperations(registry, settings, checksum=checksum, now=RealClock().now),
            TaskOperations(store, registry, engine, settings),
            admin.StatusAdmin(
                store,
                clock,
                settings,
                self.addresses,
                shared=stores.wakeups.shared,
                proof=_runtimes.proof(self.token),
            ),
            admin.MetricsAdmin(store, clock),
            admin.BacklogAdmin(store, registry, engine.feed, clock, settings),
            admin.PauseAdmin(store, registry, clock),
            admin.TaskAdmin(store, engine, clock, settings, engine.remembered),
            admin.FunctionAdmin(registry, engine, urls, store),
            admin.DeliveryAdmin(store, engine),
            admin.ClockAdmin(engine, clock),
            admin.TriggerAdmin(self.services.trigger_control, clock, urls),
            admin.ChannelAdmin(self.services.channels, engine, registry.async_configs),
            admin.PayloadAdmin(self.addresses.oss),
            admin.BucketAdmin(self.services.oss),
            admin.StateAdmin(self.state),
            admin.FaultAdmin(self.faults),
            admin.DescriptionAdmin(_describe),
            admin.DevelopmentAdmin(
                engine.feed,
                functools.partial(self.services.create_all_destinations, registry.async_configs),
                self.runner.debuggers,
                lambda name: registry.deployment(name, limits.DEFAULT_QUALIFIER, roll=0.0),
            ),
        ]


def _describe(api: str) -> dict[str, Any]:
    """Return the OpenAPI description of ``admin`` or ``fc``."""
    from fc_async_local.api.openapi import admin, fc  # noqa: PLC0415 -- start-up time

    return admin.document() if api == "admin" else fc.document()


def _addresses_file(addresses: Addresses) -> Path:
    return Path(addresses.data) / _project_folder.ADDRESSES


def _publish(addresses: Addresses) -> None:
    """Tell the addresses to other commands on this machine."""
    file = _addresses_file(addresses)
    # Written whole or not at all: a command may read it at any moment.
    draft = file.with_suffix(".tmp")
    draft.write_bytes(msgspec.json.encode(addresses))
    draft.replace(file)


class _Grace:
    """The time that requests and attempts together may take after a shutdown began.

    Args:
        ms: That time.
    """

    def __init__(self, ms: int) -> None:
        self._ms = ms
        self._ends = 0.0

    def begin(self) -> None:
        """Note that a shutdown begins."""
        self._ends = time.monotonic() + self._ms / 1_000

    def left_ms(self) -> int:
        """Return how much time is left; 0 when a start failed."""
        return max(0, int((self._ends - time.monotonic()) * 1_000))


def _listening(
    requested: int | None,
    inherited: Mapping[str, socket.socket] | None,
    closing: contextlib.AsyncExitStack,
) -> dict[str, socket.socket]:
    """Return a listening socket for the API and each service, in the order of their ports.

    Args:
        requested: Port of the API.
        inherited: Sockets that listen already; None: new ones.
        closing: Closes them.
    """
    base = DEFAULT_PORT if requested is None else requested
    sockets = {}
    for number, name in enumerate(_NAMES):
        port = base + number if base else 0
        listener = inherited[name] if inherited else http_server.bind(port, exact=port == requested)
        sockets[name] = closing.enter_context(contextlib.closing(listener))
    return sockets


def _addresses(options: Options, sockets: Mapping[str, socket.socket]) -> Addresses:
    urls = {name: http_server.url_of(listener) for name, listener in sockets.items()}
    location = options.settings.account
    return Addresses(
        **urls,
        console=f"{urls[_FC]}/console",
        account_id=location.account_id,
        region=location.region,
        data=str(options.data.resolve()),
        pid=os.getpid(),
    )


def _clock(options: Options) -> Clock:
    if options.clock == "real":
        return RealClock()
    start = options.clock_start
    return VirtualClock(RealClock().now() if start is None else start)


def _runner(
    options: Options,
    foundation: Foundation,
    addresses: Addresses,
    token: str,
) -> RoutingRunner:
    settings = options.settings
    # Functions have no token, so they cannot ask the runtime where large payloads and objects are.
    payloads = str(Path(addresses.data, _project_folder.PAYLOADS))
    environment = {
        "FC_ASYNC_ENDPOINT": addresses.fc,
        "FC_ASYNC_OSS_ENDPOINT": addresses.oss,
        claims.VARIABLE: payloads,
        # A template may set the first name, also to an empty text. It cannot set this one: names
        # with FC_ in front are the service's own.
        claims.OLD_VARIABLE: payloads,
    }
    if not settings.execution.allow_cloud:
        urls = {name: getattr(addresses, name) for name in _NAMES}
        ports = {name: urlsplit(url).port or 0 for name, url in urls.items()}
        environment |= led_here(ports)
    identity = Identity(
        region=settings.account.region,
        account_id=settings.account.account_id,
        environment=environment,
    )
    if settings.auth.strict_auth:
        key_id, secret = _runtimes.access_key(token)
        identity = msgspec.structs.replace(identity, access_key_id=key_id, access_key_secret=secret)
    code = CodeCache(foundation.stores.blobs, options.data / "code")
    bounds = RunnerLimits(
        account_instances=settings.execution.account_instances,
        freeze=settings.execution.freeze_instances,
        mount_paths=settings.execution.mount_paths,
        strict_imports=settings.execution.strict_imports,
    )
    processes = ProcessRunner(
        code,
        identity=identity,
        bounds=bounds,
        trust=lambda: Authority.of(options.data).of_programs(),
        # Absolute: a namespace is made in the folder of the code.
        mounts=_project_folder.mounts_of(options.data.absolute()),
        containers=options.data.absolute() / _project_folder.CONTAINERS,
    )
    processes.sweep()
    return RoutingRunner(options.handlers, foundation.clock, processes, observe=options.observe)


async def _serve(
    apps: Mapping[socket.socket, App],
    authority: Authority,
    options: Options,
    closing: contextlib.AsyncExitStack,
) -> None:
    grace = -(-options.grace_ms // 1000)
    memory = BodyMemory()
    servers = [
        http_server.HttpServer(
            memory.around(app) if getattr(app, "holds_bodies", True) else app,
            listener,
            grace_seconds=grace,
            authority=authority,
        )
        for listener, app in apps.items()
    ]

    async def stop() -> None:
        # Together: each waits for its own connections.
        await asyncio.gather(*(server.aclose() for server in servers))

    closing.push_async_callback(stop)
    for server in servers:
        server.start()
