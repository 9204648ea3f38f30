# SPDX-License-Identifier: MIT
"""The engine: accepts, dispatches, settles and delivers invocations.

A facade over its parts: :mod:`accepting`, :mod:`dispatching` with :mod:`attempts`, and
:mod:`delivering`. They use ports only: no HTTP, no SQL, no process, no clock
of their own.
"""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Final

from fc_async_local.clock import VirtualClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import DELIVERY
from fc_async_local.domain.settlement import Settler
from fc_async_local.engine.accepting import Accepting, invoke_once, store_needed
from fc_async_local.engine.delivering import delivery_runner
from fc_async_local.engine.dispatching import Dispatching
from fc_async_local.engine.feed import Feed, Remembered
from fc_async_local.engine.pausing import Releasing
from fc_async_local.engine.ports import DELIVERIES, INVOCATIONS, Ports, Probe, no_probe
from fc_async_local.store.loops import Loop, persist
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.wakeups import Wakeups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.clock import Clock
    from fc_async_local.destinations.base import DeliveryResult, Destination, DestinationKind
    from fc_async_local.domain.invocation import DeadEvent, Invocation, InvokeRequest
    from fc_async_local.engine.ports import Accepted, Answered, Registry
    from fc_async_local.execution.protocol import FunctionRunner, HttpExchange
    from fc_async_local.settings import Settings
    from fc_async_local.store.job_runner import JobRunner
    from fc_async_local.store.protocol import StopResult, Store

logger = logging.getLogger(__name__)

_PRUNE_EVERY_MS: Final = 3_600_000
_IDLE_LIMIT_MS: Final = 60 * 86_400_000


class Engine:
    """Accepts invocations, and runs what was accepted.

    Args:
        store: Keeps invocations and deliveries.
        registry: Functions and their configuration.
        runner: Runs functions.
        clock: Real or virtual.
        settings: The settings of the runtime.
        node_id: Owner of the claims; unique among nodes that share a store, the same after a
            restart.
        random_source: Makes request ids and picks versions of weighted aliases.
        wakeups: Announces work to other nodes, and wakes this one for theirs; None: no other node
            uses the store.
        probe: Called at each point between two durable steps (crash tests).

    Attributes:
        feed: The steps of invocations on this node.
        remembered: Invocations without task mode.
    """

    def __init__(
        self,
        *,
        store: Store,
        registry: Registry,
        runner: FunctionRunner,
        clock: Clock,
        settings: Settings,
        node_id: str = "local",
        random_source: random.Random | None = None,
        wakeups: Wakeups | None = None,
        probe: Probe = no_probe,
    ) -> None:
        wakeups = wakeups or Wakeups(clock)
        self.feed = Feed(wakeups, most_bytes=settings.engine.remembered_bytes)
        self.remembered = Remembered(self.feed)
        self._ports = Ports(
            store=store,
            registry=registry,
            runner=runner,
            clock=clock,
            rules=settings.rules,
            settings=settings.engine,
            settler=Settler(settings.rules, settings.account),
            node_id=node_id,
            random=random_source or random.Random(),  # noqa: S311 -- names and draws, no secrets
            wakeups=wakeups,
            feed=self.feed,
            probe=probe,
        )
        self._dispatching = Dispatching(self._ports)
        self._accepting = Accepting(self._ports)
        self._releasing = Releasing(self._ports)
        self._pruning = Loop("prune", self._ports.wakeups, self._prune)
        self._deliveries: JobRunner[DeliveryResult] | None = None

    async def start(self, destinations: Mapping[DestinationKind, Destination]) -> None:
        """Release the claims that this node held before, and begin to work.

        Args:
            destinations: An adapter for each destination kind. They come with the start and not
                with the engine, because some of them invoke functions through the engine.
        """
        await persist(self._ports.clock, "start", self._release)
        self._dispatching.start()
        self._deliveries = delivery_runner(self._ports, destinations)
        self._deliveries.start()
        self._releasing.start()
        self._pruning.start()

    async def aclose(self, *, grace_ms: int = 0) -> None:
        """Stop working and release all claims: these invocations run after the next start.

        Neither the store nor the runner is closed.

        Args:
            grace_ms: How long running attempts may continue.
        """
        await self._pruning.aclose()
        await self._releasing.aclose()
        # Attempts before deliveries: what ends within the grace still tells its destination.
        await self._dispatching.aclose(grace_ms=grace_ms)
        if self._deliveries is not None:
            await self._deliveries.aclose()
        # Last: a claim that is given back while it is worked on would be worked on twice.
        try:
            await self._release()
        except StoreUnavailable as error:
            logger.warning("what is held can't be given back, its leases will end: %s", error)

    async def _release(self) -> None:
        """Give back what this node holds."""
        ports = self._ports
        await ports.store.release(ports.node_id, now=ports.clock.now())
        ports.wakeups.announce(INVOCATIONS)
        ports.wakeups.announce(DELIVERIES)

    @property
    def in_flight(self) -> int:
        """The number of attempts and deliveries in progress on this node."""
        deliveries = 0 if self._deliveries is None else self._deliveries.in_flight
        return self._dispatching.in_flight + deliveries

    async def invoke_async(self, request: InvokeRequest) -> Accepted:
        """Check an invocation and store it durably.

        Raises:
            Rejected: 400 InvalidArgument or EntityTooLarge, 404, 409 AsyncTaskAlreadyExists,
                429 when the queue is full, 503 when the store is unavailable.
        """
        return await self._accepting.accept(request)

    async def invoke_sync(
        self, request: InvokeRequest, exchange: HttpExchange | None = None
    ) -> Answered:
        """Run once, now; never retried. Delay and task id do not apply.

        Args:
            request: What to run.
            exchange: The client to which a web function streams its answer.

        Raises:
            Rejected: 400 EntityTooLarge, 404, 429 ResourceExhausted over a concurrency limit, 500
                or 503 when the system fails. A function error is an answer, not an exception.
        """
        return await invoke_once(self._ports, request, exchange)

    async def keep_dead(self, event: DeadEvent) -> None:
        """Keep an event that a service gave up; see ``FunctionInvoker`` of the services.

        Raises:
            StoreUnavailable: It was not kept.
        """
        ports = self._ports
        given_up = ports.settler.give_up(event, ports.clock.now())
        await ports.store.add_jobs(given_up.added, given_up.counts)
        logger.error(
            "event %s for %s: %s; given up and kept as a dead event",
            event.key,
            event.destination,
            event.error,
        )

    async def stop_task(self, function: str, task_id: str) -> Invocation:
        """Stop a task in any state.

        A waiting task is Stopped when this returns. A running one is interrupted and becomes
        Stopped when its attempt has ended.

        Raises:
            Rejected: 404 AsyncTaskNotFound; 412 AsyncInvocationStopped when it is final; 503 when
                the store is unavailable.
        """
        with store_needed():
            stopped = await self._stop(function, task_id)
        if stopped is None:
            raise Rejected(
                404, "AsyncTaskNotFound", f"function {function!r} has no task {task_id!r}"
            )
        invocation = stopped.invocation
        # Also if it ended in this moment: a caller must not take it for stopped.
        if invocation.status.final:
            raise Rejected(
                412,
                "AsyncInvocationStopped",
                f"task {task_id!r} of function {function!r} has already ended: "
                f"{invocation.status.value}",
            )
        # A waiting one too: its lease may have ended while an attempt went on here.
        await self._dispatching.stop(invocation.request_id)
        return invocation

    async def _stop(self, function: str, task_id: str) -> StopResult | None:
        ports = self._ports
        now = ports.clock.now()
        until = now + ports.settings.lease_ms
        stopped = await ports.store.stop(
            function,
            task_id,
            now=now,
            until=until,
            owner=ports.node_id,
        )
        if stopped is not None and stopped.claimed:
            await self._dispatching.attempts.stop(stopped.invocation)
        return stopped

    async def make_due(self, function: str, task_id: str) -> bool:
        """Let a waiting task run now instead of at its due time.

        Returns False if it is not waiting.

        Raises:
            Rejected: 503 when the store is unavailable.
        """
        now = self._ports.clock.now()
        with store_needed():
            done = await self._ports.store.make_due(function, task_id, now=now)
        if done:
            self._ports.wakeups.announce(INVOCATIONS)
        return done

    async def redrive(self, request_id: str) -> bool:
        """Start a dead delivery from the beginning.

        Returns False if there is no such dead delivery.

        Raises:
            Rejected: 503 when the store is unavailable.
        """
        with store_needed():
            done = await self._ports.store.redrive(request_id, now=self._ports.clock.now())
        if done:
            self._ports.wakeups.announce(DELIVERIES)
        return done

    async def advance(self, ms: int) -> None:
        """Let time pass on a virtual clock, and run everything that becomes due.

        Args:
            ms: Milliseconds.

        Raises:
            TypeError: The clock is not virtual.
        """
        await self._virtual_clock().advance(ms)

    async def run_until_idle(self, *, limit_ms: int = _IDLE_LIMIT_MS) -> int:
        """Let time pass until nothing waits and nothing runs.

        Args:
            limit_ms: How much time may pass at most.

        Returns:
            The milliseconds that passed.

        Raises:
            TypeError: The clock is not virtual.
            TimeoutError: The runtime was not idle after ``limit_ms``.
        """
        clock = self._virtual_clock()
        store = self._ports.store
        began = clock.now()
        while True:
            await clock.quiet()
            waiting = (await store.next_due(), await store.next_job_due(DELIVERY))
            if waiting == (None, None) and not self.in_flight:
                return clock.now() - began
            due = clock.next_wake()
            if due is None or due - began > limit_ms:
                raise TimeoutError(
                    f"not idle after {limit_ms} ms: {self.in_flight} in flight, next due {waiting}"
                )
            clock.set(max(due, clock.now()))

    def _virtual_clock(self) -> VirtualClock:
        clock = self._ports.clock
        if not isinstance(clock, VirtualClock):
            raise TypeError("only a virtual clock can be moved; start with --clock virtual")
        return clock

    async def _prune(self) -> int:
        """Delete what is older than its retention."""
        ports = self._ports
        settings = self._ports.settings
        now = ports.clock.now()
        await ports.store.prune(ended_before=now - settings.task_retention_ms)
        await ports.store.prune_metrics(before=now - settings.metric_retention_ms)
        await ports.registry.prune_code(used_before=now - settings.code_retention_ms)
        return now + _PRUNE_EVERY_MS
