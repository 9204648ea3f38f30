# SPDX-License-Identifier: MIT
"""Runs attempts in processes: the ``FunctionRunner`` of the local runtime.

Combines pools, instances and limits, and reports outcomes; it does not decide on retries.
Processes live in real time, whatever clock the engine uses.

Invariants:
    * Nothing that a function does (hang, fork, exit, flood, crash) raises here or affects another
      call.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.execution import mounts
from fc_async_local.execution.archive import ArchiveRefused
from fc_async_local.execution.import_rules import ImportRules
from fc_async_local.execution.instances import replies
from fc_async_local.execution.instances.call import Call
from fc_async_local.execution.instances.debugging import Debuggers
from fc_async_local.execution.instances.forkserver import ForkServers
from fc_async_local.execution.instances.instance import Common
from fc_async_local.execution.instances.kinds import new_instance, reason_unavailable
from fc_async_local.execution.instances.pool import InstancePools
from fc_async_local.execution.instances.replies import Ending, Reply, Run
from fc_async_local.execution.machine import sandbox
from fc_async_local.execution.machine.freezing import FREEZE_AFTER, Freezer
from fc_async_local.execution.machine.identity import Identity
from fc_async_local.execution.machine.paths import Folders
from fc_async_local.execution.machine.ports import MOST_WAITING, PortBook, PortInUse
from fc_async_local.execution.machine.proxy import CloudProxy
from fc_async_local.execution.notices import warn_once
from fc_async_local.execution.protocol import Attempt, RunnerLimits
from fc_async_local.execution.worker.linux import peak_kb
from fc_async_sdk._cancellation import ends_within
from fc_async_sdk.spec.runtimes import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.execution.code_cache import CodeCache
    from fc_async_local.execution.instances.debugging import Debugger
    from fc_async_local.execution.instances.instance import Instance
    from fc_async_local.execution.machine.ports import Turn
    from fc_async_local.execution.mounts import Mount
    from fc_async_local.execution.protocol import Deployment

_LOG: Final = logging.getLogger(__name__)

_KB_PER_MB: Final = 1024
_DELIVERIES: Final = 3
"""Number of instances that a call tries, if they turn out to have ended."""
_CLOSING: Final = "the runtime is shutting down"


class ProcessRunner:
    """Runs functions in pooled processes. Belongs to one event loop; close it with ``aclose``.

    Args:
        code: Supplies unpacked code.
        identity: Account and keys that functions see.
        bounds: Limits.
        trust: Returns the variables by which programs trust the TLS of this runtime; may block.
        mounts: The folder for what functions mount; None: they find the paths of this machine.

    Attributes:
        debuggers: The debuggers of functions.
    """

    def __init__(
        self,
        code: CodeCache,
        *,
        identity: Identity | None = None,
        bounds: RunnerLimits | None = None,
        trust: Callable[[], Mapping[str, str]] = dict,
        mounts: Path | None = None,
    ) -> None:
        self._code = code
        self._mounts = mounts
        self._bounds = bounds = bounds or RunnerLimits()
        self._servers = ForkServers()
        self._ports = PortBook()
        self.debuggers = Debuggers(self._warm, self._retire_all)
        identity = identity or Identity()
        self._proxy = CloudProxy(identity.environment, trust)
        self._common = Common(
            identity,
            bounds,
            self._ports,
            ImportRules(strict=bounds.strict_imports),
            self._on_gone,
            self._proxy,
        )
        self._pools = InstancePools(self._make, bounds.account_instances)
        self._freezer = Freezer(FREEZE_AFTER if bounds.freeze else None, self._pools.busy)
        self._live: dict[Instance, asyncio.Future[Reply | None]] = {}  # their starts
        self._death = asyncio.Event()  # set and replaced whenever an instance has ended
        self._calls: set[Call] = set()
        self._background: set[asyncio.Future[None]] = set()
        self._housekeeping: asyncio.TimerHandle | None = None
        self._closed = False

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute an attempt and return its outcome. Nothing that the function does raises here."""
        deployment = attempt.deployment
        if self._closed:
            return replies.refused(deployment, Ending.BROKEN, _CLOSING)
        if reason := reason_unavailable(deployment.runtime):
            return replies.refused(deployment, Ending.UNAVAILABLE, reason)
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
        return replies.refused(deployment, Ending.BROKEN, text)

    async def interrupt(self, key: str) -> bool:
        """Stop a running attempt; its :meth:`run` returns INTERRUPTED.

        Args:
            key: Of the attempt.

        Returns:
            False if no such attempt runs.
        """
        calls = [call for call in self._calls if call.attempt.key == key]
        for call in calls:
            call.end(Reply(Ending.INTERRUPTED))
        return bool(calls)

    async def aclose(self) -> None:
        """Run pre-stop hooks and end all instances with all their processes."""
        self._closed = True
        self._freezer.close()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        for call in self._calls:
            call.end(Reply(Ending.INTERRUPTED))
        await self.debuggers.aclose()
        self._pools.clear()
        live = dict(self._live)
        await asyncio.gather(*(instance.stop() for instance in live), *self._background)
        if live:
            # A start in progress finds its instance dead as soon as there is a process.
            await asyncio.wait(live.values())
        await self._servers.aclose()
        await self._proxy.aclose()

    # --- debuggers ---

    def _retire_all(self, function: str) -> None:
        for instance in list(self._pools):
            if instance.deployment.function == function:
                self._retire(instance)

    async def _warm(self, debugger: Debugger, deployment: Deployment) -> int:
        """Return the port of the debugger of an instance, which is started if there is none.

        Raises:
            LookupError: It cannot be started; the next call says why.
        """
        live = [
            instance
            for instance in self._live
            if instance.debugger is debugger and instance.debug_port
        ]
        busy = [instance for instance in live if self._pools.busy(instance) and not instance.dead]
        if busy:
            return busy[-1].debug_port
        async with debugger.turn:
            acquired = self._pools.acquire(deployment)
            for old in acquired.retired:
                self._stop_later(old)
            instance = acquired.instance
            if instance is None:
                raise LookupError(deployment.function)
            call = Call(Attempt(deployment=deployment, request_id="debugger", payload=b""))
            try:
                if not instance.ready:
                    await self._get_ready(instance, call)
            finally:
                if self._pools.release(instance, asyncio.get_running_loop().time()):
                    self._stop_later(instance)
        if not instance.debug_port:
            raise LookupError(deployment.function)
        return instance.debug_port

    async def _in_turn(self, debugger: Debugger, call: Call) -> Outcome | None:
        """Run a call of a debugged function after all earlier ones."""
        waiting = asyncio.ensure_future(debugger.turn.acquire())
        try:
            ended = await call.ends_before(waiting)
            if ended is not None and not waiting.done():
                return replies.outcome(ended, Run(call.attempt.deployment))
            return await self._run_in_pool(call)
        finally:
            if waiting.done() and not waiting.cancelled():
                debugger.turn.release()
            waiting.cancel()

    # --- one call ---

    async def _deliver(self, call: Call) -> Outcome | None:
        """Run a call, in its turn if it needs one; None: the function has not received it."""
        deployment = call.attempt.deployment
        debugger = self.debuggers.of(deployment)
        if debugger is not None:
            return await self._in_turn(debugger, call)
        # A call that the reserved concurrency forbids is refused without waiting.
        if deployment.runtime not in CUSTOM or deployment.max_instances == 0:
            return await self._run_in_pool(call)
        if self._ports.waiting(deployment.port) >= MOST_WAITING:
            text = f"{MOST_WAITING} calls wait for port {deployment.port} already"
            return _over(deployment, Ending.THROTTLED, text)
        turn = self._ports.ask(deployment)
        if turn is None:
            return await self._run_in_pool(call)
        try:
            failure = await self._until_granted(turn, call)
            if failure is not None:
                return replies.outcome(failure, Run(deployment))
            return await self._run_in_pool(call)
        finally:
            self._ports.leave(turn)

    async def _until_granted(self, turn: Turn, call: Call) -> Reply | None:
        """Wait for a turn. None: it has come, otherwise why it will not."""
        seconds = self._bounds.start_seconds
        ended = await call.ends_before(turn.granted, seconds)
        if ended is not None:
            return _refusal(Ending.BROKEN, _CLOSING) if self._closed else ended
        if turn.granted.done():
            return None
        text = f"port {turn.port} was in use by other calls for {seconds:g} seconds"
        return _refusal(Ending.BROKEN, text)

    async def _run_in_pool(self, call: Call) -> Outcome | None:
        """Run in an instance of the pool, if the limits allow one."""
        deployment = call.attempt.deployment
        acquired = self._pools.acquire(deployment)
        for old in acquired.retired:
            self._stop_later(old)
        instance = acquired.instance
        if instance is None:
            ending = Ending.EXHAUSTED if acquired.of_account else Ending.THROTTLED
            return _over(deployment, ending, acquired.limit)
        try:
            return await self._run_in(instance, call)
        except BaseException:
            # The caller was cancelled; the function must not go on unnoticed.
            if not instance.let_go(call):
                await self._abandon(instance)
            raise
        finally:
            instance.output.unfollow(call)
            if self._pools.release(instance, asyncio.get_running_loop().time()):
                self._stop_later(instance)
            elif not self._pools.busy(instance) and instance.debugger is None:
                self._freezer.is_idle(instance)  # in a debugger an editor may set breakpoints

    async def _run_in(self, instance: Instance, call: Call) -> Outcome | None:
        deployment = call.attempt.deployment
        loop = asyncio.get_running_loop()
        began = loop.time()
        instance.output.follow(call)
        reply = None if instance.ready else await self._get_ready(instance, call)
        if reply is None:
            self._freezer.forget(instance)
            instance.thaw()
            began = loop.time()
            reply = await _execute(instance, call)
        if reply.ending.refuses:
            return replies.outcome(reply, Run(deployment))
        duration_ms = round((loop.time() - began) * 1000)
        if reply.ending.spoils:
            reply = await self._abandon(instance, reply)
            if self._closed:
                return replies.refused(deployment, Ending.BROKEN, _CLOSING)
        if reply.ending is Ending.UNDELIVERED:
            return None
        log, told_bytes = instance.log_of(call, reply.ending)
        facts = instance.instance_id, duration_ms, log, told_bytes
        return replies.outcome(reply, Run(deployment, *facts))

    async def _get_ready(self, instance: Instance, call: Call) -> Reply | None:
        """Start the instance, or wait for the start in progress.

        Returns:
            None if the instance is ready for calls, otherwise the reason.
        """
        start = self._live.get(instance)
        if start is None:
            # A task of its own: several calls may wait for one start, and none of them may cancel
            # it.
            start = asyncio.ensure_future(self._start(instance, call.attempt))
            self._live[instance] = start
        ended = await call.ends_before(start)
        if ended is not None:
            return ended
        failure = start.result()
        if failure is not None:
            instance.kill()
        return failure

    async def _start(self, instance: Instance, first: Attempt) -> Reply | None:
        deployment = instance.deployment
        self._schedule_housekeeping()
        try:
            code = (
                await self._code.folder(deployment.code_checksum)
                if instance.debugger is None
                else instance.debugger.folder
            )
            layers = await self._code.layers(deployment.layers) if deployment.layers else ()
            if instance.server is not None and instance.server.wanted_port:
                await self._free_port(instance, instance.server.wanted_port)
            folders = Folders(code, layers, await self._mounts_of(deployment))
            failure = await instance.start(self._servers, folders, first)
        except ArchiveRefused as error:
            failure = _refusal(Ending.UNAVAILABLE, f"code refused: {error}")
        except (LookupError, PortInUse) as error:
            failure = _refusal(Ending.BROKEN, str(error))
        except OSError as error:
            failure = _refusal(Ending.EXHAUSTED, str(error))
        else:
            if failure is not None:
                self._pools.retire(instance)
            return failure
        instance.kill()
        self._on_gone(instance)
        return failure

    async def _mounts_of(self, deployment: Deployment) -> tuple[Mount, ...]:
        """Return the folders of what a function mounts; say once where code does not find them.

        Raises:
            OSError: A folder cannot be made.
        """
        if self._mounts is None or not deployment.mounts:
            return ()
        folders = await asyncio.to_thread(mounts.make, deployment.mounts, self._mounts)
        if not await asyncio.to_thread(sandbox.is_available):
            warn_once(
                _LOG,
                f"{deployment.function} mounts folders that only its variables and commands find"
                f" ({mounts.described(folders)}): code that names such a path itself reaches this"
                " machine's; install bubblewrap, or take the path from a variable",
                key=f"{deployment.function} {folders}",
            )
        return folders

    async def _free_port(self, instance: Instance, port: int) -> None:
        """End the other instances that have the port which an instance may need.

        Idle ones are stopped, the others end with their last call.

        Raises:
            PortInUse: They did not end in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._bounds.start_seconds
        while holders := self._holders(port, instance):
            for holder in holders:
                self._retire(holder)
            if not await ends_within(deadline - loop.time(), self._death.wait()):
                names = ", ".join(
                    sorted({repr(instance.deployment.function) for instance in holders})
                )
                raise PortInUse(f"port {port} is in use by an instance of {names}")

    def _holders(self, port: int, instance: Instance) -> list[Instance]:
        """Return the instances that must end before another one can listen on the port."""
        if instance.dead:
            return []
        return [
            other for other in self._live if other is not instance and _may_listen_on(other, port)
        ]

    def _retire(self, instance: Instance) -> None:
        """Let an instance end, at once or with its last call."""
        if not self._pools.retired(instance):
            self._pools.retire(instance)
            if not self._pools.busy(instance):
                self._stop_later(instance)

    async def _abandon(self, instance: Instance, reply: Reply | None = None) -> Reply:
        """End an instance in which a call still runs for which no caller waits.

        Its other calls may finish; the instance ends with the last of them.
        """
        peak = peak_kb(instance.pid)
        instance.spoil()
        self._pools.retire(instance)
        if self._pools.busy(instance) == 1 or instance.dead:
            instance.kill()
            # The place of the call becomes free next. Its process must have ended by then, even if
            # the caller is cancelled a second time.
            await asyncio.shield(asyncio.ensure_future(instance.gone()))
        else:
            instance.drain_log()
        reply = reply or Reply(Ending.INTERRUPTED)
        return replace(reply, peak_kb=max(reply.peak_kb, peak))

    # --- instances ---

    def _make(self, deployment: Deployment) -> Instance:
        return new_instance(deployment, self._common, self.debuggers.of(deployment))

    def _stop_later(self, instance: Instance) -> None:
        self._freezer.forget(instance)
        task = asyncio.ensure_future(instance.stop())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _on_gone(self, instance: Instance) -> None:
        self._live.pop(instance, None)
        self._death.set()
        self._death = asyncio.Event()
        self._pools.retire(instance)

    def _schedule_housekeeping(self) -> None:
        if self._housekeeping is None and not self._closed:
            self._housekeeping = asyncio.get_running_loop().call_later(
                self._bounds.memory_check_seconds, self._housekeep
            )

    def _housekeep(self) -> None:
        """Stop idle instances, and kill those over their memory limit."""
        # psutil would be a part of the start of a runtime, which may never run a process.
        from fc_async_local.execution.machine.processes import resident_kb  # noqa: PLC0415 -- see above

        self._housekeeping = None
        now = asyncio.get_running_loop().time()
        for instance in self._live:
            if instance.debugger is not None and instance.debugger.attached:
                self._pools.touch(instance, now)  # the client's breakpoints are in it
        for instance in self._pools.expire(now - self._bounds.idle_seconds):
            self._stop_later(instance)
        for instance in list(self._live):
            # The processes of a debugger count as the function's, and are large.
            pid = instance.pid
            if self._pools.busy(instance) and pid is not None and instance.debugger is None:
                used_kb = resident_kb(pid)
                if used_kb > instance.deployment.memory_mb * _KB_PER_MB:
                    self._pools.retire(instance)
                    instance.kill(Ending.OUT_OF_MEMORY, used_kb)
        if self._live:
            self._schedule_housekeeping()


def _refusal(ending: Ending, text: str) -> Reply:
    return Reply(ending, replies.document(text))


def _over(deployment: Deployment, ending: Ending, limit: str) -> Outcome:
    return replies.refused(deployment, ending, f"function {deployment.function!r}: {limit}")


async def _execute(instance: Instance, call: Call) -> Reply:
    """Run a call in an instance that is ready, within the time limit of the function."""
    instance.submit(call)
    seconds = call.attempt.deployment.timeout_ms / 1000

    def expire() -> None:
        call.end(Reply(Ending.TIMED_OUT))

    if instance.debugger is not None:
        with instance.debugger.limit(seconds, expire):
            return await call.done
    deadline = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        return await call.done
    finally:
        deadline.cancel()


def _may_listen_on(instance: Instance, port: int) -> bool:
    """Return whether the server of an instance may take a port; False if it has none."""
    return instance.server is not None and instance.server.may_listen_on(port)
