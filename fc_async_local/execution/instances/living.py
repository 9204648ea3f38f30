# SPDX-License-Identifier: MIT
"""The instances of a runtime, from their start to the end of their process.

:mod:`.pool` chooses the instance of a call. This module starts what was chosen, stops what has left
the pool, and freezes what runs no call.

Invariants:

- An instance is started once, however many calls wait for it, and none of them cancels the start.
- An instance that has left the pool is stopped when its last call ends.
- The place of a call that was given up is free only when the process has ended.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.execution.archive import ArchiveRefused
from fc_async_local.execution.instances import replies
from fc_async_local.execution.instances.pool import InstancePools
from fc_async_local.execution.instances.replies import Ending, Reply
from fc_async_local.execution.machine.freezing import FREEZE_AFTER, Freezer
from fc_async_local.execution.machine.ports import PortInUse
from fc_async_local.execution.protocol import CannotRun
from fc_async_local.execution.worker.linux import peak_kb
from fc_async_sdk._cancellation import ends_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.execution.instances.call import Call
    from fc_async_local.execution.instances.debugging import Debugger
    from fc_async_local.execution.instances.instance import Instance
    from fc_async_local.execution.instances.pool import Place
    from fc_async_local.execution.instances.starting import Starter
    from fc_async_local.execution.protocol import Attempt, Deployment, RunnerLimits

_KB_PER_MB: Final = 1024


class LivingInstances:
    """All instances whose process has not ended. Belongs to one event loop.

    Args:
        make: Makes an instance of a deployment without starting it.
        starter: Starts instances.
        bounds: Limits of the runner.
    """

    def __init__(
        self, make: Callable[[Deployment], Instance], starter: Starter, bounds: RunnerLimits
    ) -> None:
        self._starter = starter
        self._bounds = bounds
        self._pools = InstancePools(make, bounds.account_instances)
        self._freezer = Freezer(FREEZE_AFTER if bounds.freeze else None, self._pools.busy)
        self._starts: dict[Instance, asyncio.Future[Reply | None]] = {}  # of all that live
        self._death = asyncio.Event()  # set and replaced whenever an instance has ended
        self._stopping: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._starts)

    # --- a call ---

    def acquire(self, deployment: Deployment) -> Place[Instance]:
        """Find a place for one call, which is given back with :meth:`release`."""
        place = self._pools.acquire(deployment)
        for instance in place.retired:
            self._stop_later(instance)
        return place

    async def get_ready(self, instance: Instance, call: Call) -> Reply | None:
        """Start the instance for a call, or wait for the start in progress.

        Returns:
            None if the instance is ready for calls, otherwise the reason.
        """
        start = self._starts.get(instance)
        if start is None:
            # A task of its own: several calls may wait for one start, and none of them may cancel
            # it.
            start = asyncio.ensure_future(self._start(instance, call.attempt))
            self._starts[instance] = start
        ended = await call.ends_before(start)
        if ended is not None:
            return ended
        failure = start.result()
        if failure is not None:
            instance.kill()
        return failure

    async def wake(self, instance: Instance) -> None:
        """Let the processes of an instance run, for a call; return when they do."""
        self._freezer.forget(instance)
        await instance.thaw()

    def release(self, instance: Instance) -> None:
        """Give the place of a call back; stop or freeze the instance if it is due."""
        if self._pools.release(instance, asyncio.get_running_loop().time()):
            self._stop_later(instance)
        elif not self._pools.busy(instance) and instance.debugger is None:
            self._freezer.is_idle(instance)  # in a debugger an editor may set breakpoints

    async def abandon(self, instance: Instance, reply: Reply | None = None) -> Reply:
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

    # --- many instances ---

    def debug_port(self, debugger: Debugger) -> int:
        """Return where a debugger listens in an instance that runs a call; 0 if in none."""
        debugged = [
            instance
            for instance in self._starts
            if instance.debugger is debugger and instance.debug_port
        ]
        for instance in reversed(debugged):
            if self._pools.busy(instance) and not instance.dead:
                return instance.debug_port
        return 0

    def retire_all(self, function: str) -> None:
        """Let the instances of a function end, at once or with their last call."""
        for instance in list(self._pools):
            if instance.deployment.function == function:
                self._retire(instance)

    def stop_idle(self, now: float) -> None:
        """Stop the instances that have run no call for too long.

        Args:
            now: Monotonic time in seconds.
        """
        for instance in self._starts:
            if instance.debugger is not None and instance.debugger.attached:
                self._pools.touch(instance, now)  # the client's breakpoints are in it
        for instance in self._pools.expire(now - self._bounds.idle_seconds):
            self._stop_later(instance)

    def kill_over_memory(self, resident_kb: Callable[[int], int]) -> None:
        """Kill the instances that run a call and need more memory than their function has.

        Args:
            resident_kb: Returns the memory of a process and its descendants.
        """
        for instance in list(self._starts):
            # The processes of a debugger count as the function's, and are large.
            pid = instance.pid
            if self._pools.busy(instance) and pid is not None and instance.debugger is None:
                used_kb = resident_kb(pid)
                if used_kb > instance.deployment.memory_mb * _KB_PER_MB:
                    self._pools.retire(instance)
                    instance.kill(Ending.OUT_OF_MEMORY, used_kb)

    # --- the end ---

    def freeze_none(self) -> None:
        """Freeze nothing any more: what is left ends soon."""
        self._freezer.close()

    def gone(self, instance: Instance) -> None:
        """Note that the process of an instance has ended."""
        self._starts.pop(instance, None)
        self._death.set()
        self._death = asyncio.Event()
        self._pools.retire(instance)

    async def aclose(self) -> None:
        """Run pre-stop hooks and end all instances with all their processes."""
        self._pools.clear()
        living = dict(self._starts)
        await asyncio.gather(*(instance.stop() for instance in living), *self._stopping)
        if living:
            # A start in progress finds its instance dead as soon as there is a process.
            await asyncio.wait(living.values())
        await self._starter.aclose()

    # --- steps ---

    async def _start(self, instance: Instance, first: Attempt) -> Reply | None:
        try:
            folders = await self._starter.folders_of(instance)
            if instance.server is not None and instance.server.wanted_port:
                await self._free_port(instance, instance.server.wanted_port)
            failure = await self._starter.start(instance, folders, first)
        except ArchiveRefused as error:
            failure = replies.refusal(Ending.UNAVAILABLE, f"code refused: {error}")
        except CannotRun as error:
            failure = replies.refusal(Ending.UNAVAILABLE, str(error))
        except (LookupError, PortInUse) as error:
            failure = replies.refusal(Ending.BROKEN, str(error))
        except OSError as error:
            failure = replies.refusal(Ending.EXHAUSTED, str(error))
        else:
            if failure is not None:
                self._pools.retire(instance)
            return failure
        instance.kill()
        self.gone(instance)
        return failure

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
                functions = {repr(holder.deployment.function) for holder in holders}
                names = ", ".join(sorted(functions))
                raise PortInUse(f"port {port} is in use by an instance of {names}")

    def _holders(self, port: int, instance: Instance) -> list[Instance]:
        """Return the instances that must end before another one can listen on the port."""
        if instance.dead:
            return []
        return [
            other for other in self._starts if other is not instance and _may_listen_on(other, port)
        ]

    def _retire(self, instance: Instance) -> None:
        """Let an instance end, at once or with its last call."""
        if not self._pools.retired(instance):
            self._pools.retire(instance)
            if not self._pools.busy(instance):
                self._stop_later(instance)

    def _stop_later(self, instance: Instance) -> None:
        self._freezer.forget(instance)
        task = asyncio.ensure_future(instance.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


def _may_listen_on(instance: Instance, port: int) -> bool:
    """Return whether the server of an instance may take a port; False if it has none."""
    return instance.server is not None and instance.server.may_listen_on(port)
