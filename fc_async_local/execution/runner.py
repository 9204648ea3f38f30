# SPDX-License-Identifier: MIT
"""Runs attempts in processes: the :class:`FunctionRunner` of the local runtime.

Ties pools, instances and limits together and reports what happened. It never decides on retries,
and nothing that a function does (hang, fork, exit, flood, crash) may raise here or touch another
call. Processes live in real time, whatever clock the engine is on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from fc_async_local.execution import replies
from fc_async_local.execution.archive import ArchiveRefused
from fc_async_local.execution.forkserver import ForkServer
from fc_async_local.execution.identity import Identity
from fc_async_local.execution.instance import Call
from fc_async_local.execution.kinds import InstanceFactory, reason_unavailable
from fc_async_local.execution.pool import InstancePools
from fc_async_local.execution.ports import MOST_WAITING, PortBook, PortInUse
from fc_async_local.execution.processes import peak_kb, resident_kb
from fc_async_local.execution.replies import Ending, Reply
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.runtimes import CUSTOM

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.execution.instance import Instance
    from fc_async_local.execution.ports import Turn
    from fc_async_local.execution.protocol import Attempt, CodeSource

_KB_PER_MB: Final = 1024
_DELIVERIES: Final = 3
"""How many instances a call is taken to that turn out to be dead."""
_CLOSING: Final = "the runtime is shutting down"


class RunnerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How many, how long, how much.

    Attributes:
        account_instances: Instances of all functions together.
        start_seconds: How long an instance may take to come up (D-076: 120 s).
        idle_seconds: How long an instance waits for its next call before it is stopped.
        log_bytes: How much of an attempt's log is kept, the newest part.
        memory_check_seconds: How often the memory of busy instances is looked at.
    """

    account_instances: int = limits.ACCOUNT_INSTANCES
    start_seconds: float = 120.0
    idle_seconds: float = 60.0
    log_bytes: int = 64 * 1024
    memory_check_seconds: float = 0.1


class ProcessRunner:
    """Runs functions in pooled processes. Belongs to one event loop; close it with ``aclose``.

    Args:
        code: Where unpacked code lies.
        identity: What functions are told about account and keys.
        bounds: Limits.
    """

    def __init__(
        self,
        code: CodeSource,
        *,
        identity: Identity | None = None,
        bounds: RunnerLimits | None = None,
    ) -> None:
        self._code = code
        self._bounds = bounds or RunnerLimits()
        self._server = ForkServer()
        self._ports = PortBook()
        make = InstanceFactory(
            identity or Identity(), self._bounds.log_bytes, self._bounds.start_seconds, self._ports
        )
        self._pools: InstancePools[Instance] = InstancePools(make, self._bounds.account_instances)
        self._live: set[Instance] = set()
        self._death = asyncio.Event()  # set, and replaced, whenever an instance is gone
        self._calls: set[Call] = set()
        self._background: set[asyncio.Future[None]] = set()
        self._housekeeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute; returns whatever came of it. Never raises for anything the function did."""
        deployment = attempt.deployment
        if self._closed:
            return replies.system_error(deployment, _CLOSING)
        if reason := reason_unavailable(deployment):
            return replies.unavailable(deployment, reason)
        for _ in range(_DELIVERIES):
            call = Call(attempt)
            self._calls.add(call)
            try:
                outcome = await self._deliver(call)
            finally:
                self._calls.discard(call)
            if outcome is not None:
                return outcome
        text = f"{_DELIVERIES} instances in a row ended before they could be called"
        return replies.system_error(deployment, text)

    async def interrupt(self, request_id: str) -> bool:
        """Stop a running attempt; its :meth:`run` returns INTERRUPTED. False: it doesn't run."""
        calls = [call for call in self._calls if call.attempt.request_id == request_id]
        for call in calls:
            call.end(Reply(Ending.INTERRUPTED))
        return bool(calls)

    async def aclose(self) -> None:
        """Run pre-stop hooks, end all instances, leave no process behind."""
        self._closed = True
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        for call in self._calls:
            call.end(Reply(Ending.INTERRUPTED))
        self._pools.clear()
        live = list(self._live)
        await asyncio.gather(*(one.stop() for one in live), *self._background)
        # A start that is under way finds its instance dead as soon as there is a process.
        starts = {one.starting for one in live if one.starting is not None}
        if starts:
            await asyncio.wait(starts)
        await self._server.aclose()

    # --- one call ---

    async def _deliver(self, call: Call) -> Outcome | None:
        """Take the call to an instance, after its turn has come. None: it has not begun."""
        deployment = call.attempt.deployment
        # A function that may not run at all is refused without waiting.
        if deployment.runtime not in CUSTOM or deployment.max_instances == 0:
            return await self._run_somewhere(call)
        if self._ports.waiting(deployment.port) >= MOST_WAITING:
            return replies.throttled(
                deployment, f"{MOST_WAITING} calls wait for port {deployment.port} already"
            )
        turn = self._ports.ask(deployment)
        if turn is None:
            return await self._run_somewhere(call)
        try:
            refusal = await self._until_granted(turn, call)
            return await self._run_somewhere(call) if refusal is None else refusal
        finally:
            self._ports.leave(turn)

    async def _until_granted(self, turn: Turn, call: Call) -> Outcome | None:
        """Wait for a turn; returns why the call won't run if it doesn't come."""
        seconds = self._bounds.start_seconds
        waited: set[asyncio.Future[Any]] = {turn.granted, call.done}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        deployment = call.attempt.deployment
        if call.done.done():
            if self._closed:
                return replies.system_error(deployment, _CLOSING)
            return replies.outcome(call.done.result(), replies.Run(deployment, "", 0, b""))
        if turn.granted.done():
            return None
        text = f"port {turn.port} was in use by other calls for {seconds:g} seconds"
        return replies.system_error(deployment, text)

    async def _run_somewhere(self, call: Call) -> Outcome | None:
        """Run in an instance of the pool, if the limits allow one."""
        deployment = call.attempt.deployment
        place = self._pools.acquire(deployment)
        for old in place.retired:
            self._stop_later(old)
        if place.instance is None and place.of_account:
            return replies.exhausted(deployment, f"function {deployment.function!r}: {place.limit}")
        if place.instance is None:
            return replies.throttled(deployment, place.limit)
        return await self._run_at(place.instance, call)

    async def _run_at(self, instance: Instance, call: Call) -> Outcome | None:
        """Run in a place that was acquired, and give it back. None: the call has not begun."""
        loop = asyncio.get_running_loop()
        try:
            return await self._run_in(instance, call, loop)
        except BaseException:
            # The caller is gone; the function must not go on unseen.
            await self._abandon(instance)
            raise
        finally:
            if self._pools.release(instance, loop.time()):
                self._stop_later(instance)

    async def _run_in(
        self, instance: Instance, call: Call, loop: asyncio.AbstractEventLoop
    ) -> Outcome | None:
        attempt = call.attempt
        began = loop.time()
        position = instance.log.position
        reply: Reply | Outcome | None = None
        if not instance.ready:
            reply = await self._get_ready(instance, call)
        if reply is None:
            began = loop.time()
            instance.submit(call)
            limit = attempt.deployment.timeout_ms / 1000
            deadline = loop.call_later(limit, call.end, Reply(Ending.TIMED_OUT))
            try:
                reply = await call.done
            finally:
                deadline.cancel()
        if not isinstance(reply, Reply):
            return reply
        duration_ms = round((loop.time() - began) * 1000)
        if reply.ending.spoils:
            reply = await self._abandon(instance, reply)
            if self._closed:
                return replies.system_error(attempt.deployment, _CLOSING)
            if reply.ending is Ending.UNDELIVERED:
                return None
        log = instance.log_since(position, attempt, reply.ending)
        run = replies.Run(attempt.deployment, instance.instance_id, duration_ms, log)
        return replies.outcome(reply, run)

    async def _get_ready(self, instance: Instance, call: Call) -> Reply | Outcome | None:
        """Start the instance, or wait until who came first has. None: it is ready."""
        if instance.starting is None:
            self._live.add(instance)
            instance.starting = asyncio.ensure_future(self._start(instance, call.attempt))
        waited: set[asyncio.Future[Any]] = {instance.starting, call.done}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if call.done.done():
            return call.done.result()
        failure = instance.starting.result()
        if failure is not None:
            instance.kill()
        return failure

    async def _start(self, instance: Instance, first: Attempt) -> Reply | Outcome | None:
        deployment = instance.deployment
        instance.when_gone = lambda: self._on_gone(instance)
        self._keep_house()
        try:
            code = await self._code.folder(deployment.code_checksum)
            if instance.wanted_port:
                await self._make_room(instance)
            failure = await instance.start(self._server, code, first)
        except ArchiveRefused as error:
            return self._never(instance, replies.unavailable(deployment, f"code refused: {error}"))
        except (LookupError, PortInUse) as error:
            return self._never(instance, replies.system_error(deployment, str(error)))
        except OSError as error:
            return self._never(instance, replies.exhausted(deployment, str(error)))
        instance.ready = failure is None
        if failure is not None:
            self._pools.retire(instance)
        return failure

    async def _make_room(self, instance: Instance) -> None:
        """End the other instances that have the port which this one may need.

        Idle ones are stopped, the others end with their last call.

        Raises:
            PortInUse: They did not end in time.
        """
        port = instance.wanted_port
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._bounds.start_seconds
        while not instance.dead and (
            holders := [
                one for one in self._live if one is not instance and one.may_listen_on(port)
            ]
        ):
            for holder in holders:
                if not holder.retired:
                    self._pools.retire(holder)
                    if not holder.busy:
                        self._stop_later(holder)
            try:
                await asyncio.wait_for(self._death.wait(), deadline - loop.time())
            except asyncio.TimeoutError:
                names = ", ".join(sorted({repr(one.deployment.function) for one in holders}))
                raise PortInUse(f"port {port} is in use by an instance of {names}") from None

    def _never(self, instance: Instance, outcome: Outcome) -> Outcome:
        """The instance never came to be."""
        instance.kill()
        self._on_gone(instance)
        return outcome

    async def _abandon(self, instance: Instance, reply: Reply | None = None) -> Reply:
        """End an instance in which a call goes on that no caller waits for any more.

        Its other calls may finish; it ends with the last of them.
        """
        peak = peak_kb(instance.pid)
        instance.spoiled = True
        self._pools.retire(instance)
        if instance.busy == 1 or instance.dead:
            instance.kill()
            await asyncio.shield(asyncio.ensure_future(instance.gone()))
        else:
            instance.drain_log()
        reply = reply or Reply(Ending.INTERRUPTED)
        return replace(reply, peak_kb=max(reply.peak_kb, peak))

    # --- instances ---

    def _stop_later(self, instance: Instance) -> None:
        task = asyncio.ensure_future(instance.stop())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _on_gone(self, instance: Instance) -> None:
        self._live.discard(instance)
        self._death.set()
        self._death = asyncio.Event()
        self._pools.retire(instance)

    def _keep_house(self) -> None:
        if self._housekeeping is None and not self._closed:
            self._housekeeping = asyncio.get_running_loop().call_later(
                self._bounds.memory_check_seconds, self._housekeep
            )

    def _housekeep(self) -> None:
        self._housekeeping = None
        now = asyncio.get_running_loop().time()
        for instance in self._pools.expire(now - self._bounds.idle_seconds):
            self._stop_later(instance)
        for instance in list(self._live):
            if instance.busy and instance.pid is not None:
                used = resident_kb(instance.pid)
                if used > instance.deployment.memory_mb * _KB_PER_MB:
                    self._pools.retire(instance)
                    instance.kill(Ending.OUT_OF_MEMORY, used)
        if self._live:
            self._keep_house()
