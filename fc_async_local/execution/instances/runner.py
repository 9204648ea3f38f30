# SPDX-License-Identifier: MIT
"""Runs attempts in processes: the ``FunctionRunner`` of the local runtime.

Leads each call to an instance, in its turn and within its time, and reports outcomes; it does not
decide on retries. :mod:`.living` has the instances.
Processes live in real time, whatever clock the engine uses.

Invariants:
    * Nothing that a function does (hang, fork, exit, flood, crash) raises here or affects another
      call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from fc_async_local.execution.containers.engines import Engines
from fc_async_local.execution.containers.gateway import Gateway
from fc_async_local.execution.import_rules import ImportRules
from fc_async_local.execution.instances import replies
from fc_async_local.execution.instances.call import Call
from fc_async_local.execution.instances.debugging import Debuggers
from fc_async_local.execution.instances.housekeeping import Housekeeper
from fc_async_local.execution.instances.instance import Common
from fc_async_local.execution.instances.kinds import new_instance, reason_unavailable
from fc_async_local.execution.instances.living import LivingInstances
from fc_async_local.execution.instances.replies import Ending, Reply, Run
from fc_async_local.execution.instances.starting import Starter
from fc_async_local.execution.machine.identity import Identity
from fc_async_local.execution.machine.ports import MOST_WAITING, PortBook
from fc_async_local.execution.machine.proxy import CloudProxy
from fc_async_local.execution.protocol import Attempt, CannotRun, RunnerLimits
from fc_async_sdk.spec.runtimes import CUSTOM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.execution.code_cache import CodeCache
    from fc_async_local.execution.instances.debugging import Debugger
    from fc_async_local.execution.instances.instance import Instance
    from fc_async_local.execution.machine.ports import Turn
    from fc_async_local.execution.protocol import Deployment

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
        containers: The folder that records which runs may have left containers; None: a temporary
            one.

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
        containers: Path | None = None,
    ) -> None:
        identity = identity or Identity()
        bounds = bounds or RunnerLimits()
        self._instances = LivingInstances(self._make, Starter(code, mounts), bounds)
        self.debuggers = Debuggers(self._warm, self._instances.retire_all)
        proxy = CloudProxy(identity.environment, trust)
        self._common = Common(
            identity,
            bounds,
            PortBook(),
            ImportRules(strict=bounds.strict_imports),
            self._instances.gone,
            proxy,
            Engines(containers),
            Gateway(identity.environment, proxy),
        )
        self._housekeeper = Housekeeper(self._instances, bounds.memory_check_seconds)
        self._calls: set[Call] = set()
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
        self._instances.freeze_none()
        self._housekeeper.close()
        for call in self._calls:
            call.end(Reply(Ending.INTERRUPTED))
        await self.debuggers.aclose()
        await self._instances.aclose()
        await self._common.proxy.aclose()
        await self._common.gateway.aclose()
        await self._common.engines.aclose()

    async def lack_of(self, deployment: Deployment) -> str:
        """Return why the image of a function cannot run here; "" if it can."""
        try:
            engine = await self._common.engines.find()
            await engine.needed_image(deployment)
        except (CannotRun, OSError) as error:
            return str(error)
        return ""

    def sweep(self) -> None:
        """Begin to remove the containers that an earlier run left behind."""
        self._common.engines.sweep()

    # --- instances ---

    def _make(self, deployment: Deployment) -> Instance:
        return new_instance(deployment, self._common, self.debuggers.of(deployment))

    async def _get_ready(self, instance: Instance, call: Call) -> Reply | None:
        """Start an instance for a call, unless it is ready; None or why it cannot be used."""
        if instance.ready:
            return None
        self._housekeeper.wake()
        return await self._instances.get_ready(instance, call)

    # --- debuggers ---

    async def _warm(self, debugger: Debugger, deployment: Deployment) -> int:
        """Return the port of the debugger of an instance, which is started if there is none.

        Raises:
            LookupError: It cannot be started; the next call says why.
        """
        port = self._instances.debug_port(debugger)
        if port:
            return port
        async with debugger.turn:
            instance = self._instances.acquire(deployment).instance
            if instance is None:
                raise LookupError(deployment.function)
            call = Call(Attempt(deployment=deployment, request_id="debugger", payload=b""))
            try:
                await self._get_ready(instance, call)
            finally:
                self._instances.release(instance)
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
        if self._common.ports.waiting(deployment.port) >= MOST_WAITING:
            text = f"{MOST_WAITING} calls wait for port {deployment.port} already"
            return _over(deployment, Ending.THROTTLED, text)
        turn = self._common.ports.ask(deployment)
        if turn is None:
            return await self._run_in_pool(call)
        try:
            failure = await self._until_granted(turn, call)
            if failure is not None:
                return replies.outcome(failure, Run(deployment))
            return await self._run_in_pool(call)
        finally:
            self._common.ports.leave(turn)

    async def _until_granted(self, turn: Turn, call: Call) -> Reply | None:
        """Wait for a turn. None: it has come, otherwise why it will not."""
        seconds = self._common.bounds.start_seconds
        ended = await call.ends_before(turn.granted, seconds)
        if ended is not None:
            return replies.refusal(Ending.BROKEN, _CLOSING) if self._closed else ended
        if turn.granted.done():
            return None
        text = f"port {turn.port} was in use by other calls for {seconds:g} seconds"
        return replies.refusal(Ending.BROKEN, text)

    async def _run_in_pool(self, call: Call) -> Outcome | None:
        """Run in an instance of the pool, if the limits allow one."""
        deployment = call.attempt.deployment
        place = self._instances.acquire(deployment)
        instance = place.instance
        if instance is None:
            ending = Ending.EXHAUSTED if place.of_account else Ending.THROTTLED
            return _over(deployment, ending, place.limit)
        try:
            finished = await self._run_in(instance, call)
        except BaseException:
            # The caller was cancelled; the function must not go on unnoticed.
            if not instance.let_go(call):
                await self._instances.abandon(instance)
            raise
        finally:
            instance.output.unfollow(call)
            self._instances.release(instance)
        reply = finished.reply
        if reply.ending is Ending.UNDELIVERED:
            return None
        if not finished.has_run:
            return replies.outcome(reply, Run(deployment))
        peak_kb = max(reply.peak_kb, await instance.after_call(call))
        log, told_bytes = instance.log_of(call, reply.ending)
        facts = instance.instance_id, finished.duration_ms, log, told_bytes
        return replies.outcome(replace(reply, peak_kb=peak_kb), Run(deployment, *facts))

    async def _run_in(self, instance: Instance, call: Call) -> _Finished:
        await self._instances.wake(instance)
        loop = asyncio.get_running_loop()
        began = loop.time()
        instance.output.follow(call)
        if not await call.attempt.may_begin():
            return _Finished(Reply(Ending.INTERRUPTED))
        reply = await self._get_ready(instance, call)
        if reply is None:
            began = loop.time()
            reply = await _execute(instance, call)
        if reply.ending.refuses:
            return _Finished(reply)
        duration_ms = round((loop.time() - began) * 1000)
        if reply.ending.spoils:
            reply = await self._instances.abandon(instance, reply)
            if self._closed:
                return _Finished(replies.refusal(Ending.BROKEN, _CLOSING))
        return _Finished(reply, duration_ms, has_run=True)


class _Finished(NamedTuple):
    """The end of a call whose place in an instance is free again.

    Attributes:
        reply: How it ended.
        duration_ms: How long the instance ran it.
        has_run: Whether an instance had the call: there is a log.
    """

    reply: Reply
    duration_ms: int = 0
    has_run: bool = False


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
