# SPDX-License-Identifier: MIT
"""The runtime as a whole: counts, state, time, faults, descriptions, and what ``dev`` asks for."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta

from fc_async_local.api.operation import Number, Octets, Query, local
from fc_async_local.clock import VirtualClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.faults import DestinationFault, FunctionFault
from fc_async_local.functions import refusals
from fc_async_local.store.protocol import StoreUnusable
from fc_async_sdk.admin import models

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.domain.faults import Fault, Faults
    from fc_async_local.engine.engine import Engine
    from fc_async_local.engine.feed import Feed
    from fc_async_local.execution.instances.debugging import Debuggers
    from fc_async_local.execution.protocol import Deployment
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store


class StatusAdmin:
    """Shows the state of the runtime.

    Args:
        store: Where invocations are.
        clock: The time of the runtime.
        settings: The settings of the runtime.
        addresses: Where the running process listens, for ``health``.
        shared: Whether several nodes share the store.
        proof: What shows that this runtime has the token, for ``health``.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        addresses: models.Addresses,
        *,
        shared: bool = False,
        proof: str = "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._addresses = addresses
        self._shared = shared
        self._proof = proof

    @local("GET", "/health")
    async def health(self) -> models.Health:
        """Answer if the store answers."""
        await self._store.next_due()
        addresses = msgspec.structs.asdict(self._addresses)
        return models.Health(
            status="ok",
            shared=self._shared,
            proof=self._proof,
            **addresses,
        )

    @local("GET", "/settings")
    async def settings(self) -> dict[str, Any]:
        """Return all settings without secrets."""
        return dict(self._settings.shown())

    @local("GET", "/stats")
    async def stats(self) -> models.Stats:
        """Count invocations by status, and deliveries."""
        stats = await self._store.stats()
        return models.Stats(
            by_status={status.value: n for status, n in stats.by_status.items()},
            oldest_due_at=stats.oldest_due_at,
            deliveries_pending=stats.deliveries_pending,
            deliveries_dead=stats.deliveries_dead,
            now=self._clock.now(),
        )


class DescriptionAdmin:
    """The descriptions.

    Args:
        describe: Builds that of ``admin`` or ``fc`` when it is asked for.
    """

    def __init__(self, describe: Callable[[str], dict[str, Any]]) -> None:
        self._describe = describe

    @local("GET", "/openapi.json")
    async def admin_description(self) -> dict[str, Any]:
        """Return the description of the admin API."""
        return self._describe("admin")

    @local("GET", "/openapi/fc.json")
    async def fc_description(self) -> dict[str, Any]:
        """Return the description of the FC operations that are served."""
        return self._describe("fc")


_STATE: Final = {"content-disposition": 'attachment; filename="fc-async-state.db"'}


class StateControl(Protocol):
    """Operations of the composition root on the state.

    Attributes:
        run: Names this run of the runtime; a restart has another name.
        refused: Why the state that was imported before this run could not be opened, else empty.
    """

    run: str
    refused: str

    async def snapshot(self) -> bytes | None:
        """Return a snapshot, None if the store has no file."""
        ...

    async def replace(self, snapshot: bytes | None) -> bool:
        """Restart with a snapshot, None: with nothing. False: the store has no file.

        Raises:
            StoreUnusable: It is not a snapshot. Nothing was changed.
            Rejected: Another request replaces the state.
        """
        ...


class StateAdmin:
    """Export, import and clear."""

    def __init__(self, control: StateControl) -> None:
        self._control = control

    @local("GET", "/state/run")
    async def run(self) -> models.Run:
        """Name this run: a client waits until it differs from the one that answered it."""
        return models.Run(run=self._control.run, refused=self._control.refused)

    @local("GET", "/state")
    async def export_state(self) -> Octets:
        """Return a snapshot: functions with their code, tasks, messages, metrics."""
        snapshot = await self._control.snapshot()
        if snapshot is None:
            raise _no_state_file()
        return Octets(snapshot, headers=_STATE)

    @local("PUT", "/state")
    async def import_state(self, body: bytes) -> models.Run:
        """Restart with the snapshot in the body in place of everything, after this answer."""
        try:
            done = await self._control.replace(body)
        except StoreUnusable as error:
            raise refusals.invalid_argument(str(error)) from None
        if not done:
            raise _no_state_file()
        return models.Run(run=self._control.run)

    @local("DELETE", "/state")
    async def clear_state(self) -> models.Run:
        """Restart with nothing, after this answer."""
        if not await self._control.replace(None):
            raise _no_state_file()
        return models.Run(run=self._control.run)


def _no_state_file() -> Rejected:
    return Rejected(
        409,
        "StateNotInFile",
        "only the store sqlite keeps its state in a file; use the tools of PostgreSQL for its own",
    )


class ClockAdmin:
    """The time of the runtime."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    @local("GET", "/clock")
    async def clock(self) -> models.Clock:
        """Return the time, in milliseconds since the epoch, and whether it is virtual."""
        return models.Clock(now=self._clock.now(), virtual=isinstance(self._clock, VirtualClock))

    @local("POST", "/clock/advance")
    async def advance(self, body: models.Advance) -> models.Clock:
        """Let virtual time pass; answer when everything that fell due is done."""
        self._check_virtual()
        await self._engine.advance(round(body.seconds * 1000))
        return models.Clock(now=self._clock.now(), virtual=True)

    @local("POST", "/clock/run-until-idle")
    async def run_until_idle(self) -> models.Idle:
        """Let virtual time pass until nothing waits and nothing runs."""
        self._check_virtual()
        passed = await self._engine.run_until_idle()
        return models.Idle(now=self._clock.now(), virtual=True, passed=passed)

    def _check_virtual(self) -> None:
        if not isinstance(self._clock, VirtualClock):
            raise Rejected(
                409, "ClockIsReal", "time can be moved only after a start with --clock virtual"
            )


class FaultAdmin:
    """Sets, shows and removes faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    @local("GET", "/faults")
    async def list_faults(self) -> models.Faults:
        """List the faults in force."""
        return models.Faults(faults=[_shown(fault) for fault in self._faults.all()])

    @local("POST", "/faults")
    async def set_fault(self, body: models.SetFault) -> models.FaultSet:
        """Let a destination or a function fail."""
        of_destination = body.given("destination", "status", "timeout")
        of_function = body.given("function", "error")
        if of_function and (of_destination or "function" not in of_function):
            raise refusals.invalid_argument(
                "a fault has destination with status or timeout, or function with error"
            )
        kind = FunctionFault if of_function else DestinationFault
        fault = kind(**of_destination, **of_function, times=body.times)
        return models.FaultSet(fault=_shown(self._faults.add(fault, seconds=body.seconds)))

    @local("DELETE", "/faults")
    async def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    @local("DELETE", "/faults/{fault_id:number}")
    async def clear_fault(self, fault_id: int) -> None:
        """Remove one fault."""
        if not self._faults.clear(fault_id):
            raise Rejected(404, "FaultNotFound", f"no fault {fault_id} is set")


def _shown(fault: Fault) -> models.Fault:
    return models.Fault(**msgspec.structs.asdict(fault))


class StepsQuery(Query, frozen=True, kw_only=True):
    """The number of the last step that is known, and how many seconds to wait for the next."""

    after: Number | None = None
    wait: Annotated[int, Meta(ge=0, le=60)] = 0


class DevelopmentAdmin:
    """Follows the runtime for a terminal, and prepares it for a template.

    Args:
        feed: The steps of invocations.
        create_destinations: Makes the queues, topics and buses that configurations name.
        debuggers: The debuggers of functions.
        deployed: Returns what runs of a function now.
    """

    def __init__(
        self,
        feed: Feed,
        create_destinations: Callable[[], Awaitable[None]],
        debuggers: Debuggers,
        deployed: Callable[[str], Awaitable[Deployment]],
    ) -> None:
        self._debuggers = debuggers
        self._deployed = deployed
        self._feed = feed
        self._create_destinations = create_destinations

    @local("GET", "/steps")
    async def steps(self, query: StepsQuery) -> models.Steps:
        """Return the steps of invocations after a number, or wait for the first.

        Without ``after``, the lines so far of what runs and the number of the newest step are
        returned, to begin with.
        """
        after = -1 if query.after is None else query.after
        return await self._feed.follow(after, wait_ms=query.wait * 1_000)

    @local("POST", "/destinations")
    async def destinations(self) -> None:
        """Make the queues, topics and buses that the configurations name, unless they exist."""
        await self._create_destinations()

    @local("GET", "/debug")
    async def debugged(self) -> models.Debuggers:
        """List the functions that are debugged: where, and whether a client is attached."""
        debuggers = self._debuggers.places()
        return models.Debuggers(
            debuggers=[models.Debugger(**debugger._asdict()) for debugger in debuggers]
        )

    @local("PUT", "/debug/{function}")
    async def debug(self, function: str, body: models.Debug) -> models.Debugger:
        """Run a function from a folder with a debugger."""
        debugger = await self._debuggers.start(
            function,
            Path(body.folder),
            body.port,
            functools.partial(self._deployed, function),
        )
        return models.Debugger(**debugger._asdict())

    @local("DELETE", "/debug/{function}")
    async def stop_debugging(self, function: str) -> None:
        """Run a function without a debugger again."""
        if not await self._debuggers.stop(function):
            raise Rejected(404, "DebuggerNotFound", f"function '{function}' is not debugged")
