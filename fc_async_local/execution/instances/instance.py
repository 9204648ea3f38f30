# SPDX-License-Identifier: MIT
"""The base of all kinds of instances.

An instance is one process with all its descendants, or one container, that runs calls of one
revision. It starts once, executes any number of calls, and ends once. The pool decides when it is
used and when it is retired.
"""

from __future__ import annotations

import abc
import asyncio
import uuid
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from msgspec.structs import replace

from fc_async_local.execution.instances.call import Call, CallsInProgress
from fc_async_local.execution.instances.life import Life
from fc_async_local.execution.instances.output import Output
from fc_async_local.execution.instances.replies import Ending, Reply, document
from fc_async_local.execution.machine import sandbox
from fc_async_local.execution.machine.identity import build_environment
from fc_async_local.execution.protocol import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.execution.containers.engines import Engines
    from fc_async_local.execution.containers.gateway import Gateway
    from fc_async_local.execution.exits import Exit
    from fc_async_local.execution.import_rules import ImportRules
    from fc_async_local.execution.instances.debugging import Debugger
    from fc_async_local.execution.instances.forkserver import ForkServer, ForkServers, Process
    from fc_async_local.execution.instances.server import InstanceServer
    from fc_async_local.execution.machine.identity import Identity
    from fc_async_local.execution.machine.paths import Folders
    from fc_async_local.execution.machine.ports import PortBook
    from fc_async_local.execution.machine.proxy import CloudProxy
    from fc_async_local.execution.protocol import Deployment, RunnerLimits

_DEATH_SECONDS: Final = 5.0


class Handle(Protocol):
    """A process with its descendants, or a container, in which an instance runs.

    Attributes:
        pid: Of the process; None while it is not known, and of a container, whose processes may
            be those of another machine.
        exited: Done when all has ended.
    """

    pid: int | None
    exited: asyncio.Future[Exit]

    def kill(self) -> None:
        """Kill all of it; do nothing if it has ended."""
        ...

    def stop(self) -> None:
        """Let it stand still until :meth:`go_on`."""
        ...

    async def go_on(self) -> None:
        """Let it go on; return when it does."""
        ...

    def read_log(self) -> bytes | None:
        """Return printed bytes that were not read yet; None if no more come."""
        ...

    def close(self) -> None:
        """Release what reads from it, after it has ended."""
        ...


class Common(NamedTuple):
    """State that all instances of a runtime share.

    Attributes:
        identity: Account and keys that functions see.
        bounds: Limits of the runner.
        ports: The ports of custom runtimes.
        imports: What functions may import.
        when_gone: Called once the process of an instance has ended.
        proxy: Leads requests of programs without hooks.
        engines: Find the container engine.
        gateway: Leads from containers to this runtime.
    """

    identity: Identity
    bounds: RunnerLimits
    ports: PortBook
    imports: ImportRules
    when_gone: Callable[[Instance], None]
    proxy: CloudProxy
    engines: Engines
    gateway: Gateway


class Instance(abc.ABC):
    """One process that runs calls.

    Args:
        deployment: What it runs.
        common: What it shares with all others.
        debugger: The debugger of its function, None if it is not debugged.

    Attributes:
        instance_id: As the function sees it.
        deployment: What it runs.
        output: What it prints.
        debugger: As given.
        debug_port: Where a debugger listens in its process; 0 if none does.
        server: The HTTP server of a custom runtime; None for other runtimes.
    """

    server: InstanceServer | None = None
    debug_port: int = 0

    def __init__(
        self, deployment: Deployment, common: Common, debugger: Debugger | None = None
    ) -> None:
        self.instance_id = f"c-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:12]}"
        self.deployment = deployment
        self.output = Output(common.bounds.log_bytes)
        self.debugger = debugger
        self._common = common
        self._life = Life()
        self._stopping: asyncio.Future[None] | None = None
        self._handle: Handle | None = None
        self._calls = CallsInProgress()

    # --- differs between kinds ---

    @abc.abstractmethod
    async def _start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:
        """See :meth:`start`."""

    @abc.abstractmethod
    def submit(self, call: Call) -> None:
        """Begin to execute a call, which is resolved later."""

    @abc.abstractmethod
    async def before_stop(self, attempt: Attempt) -> None:
        """Run the pre-stop hook. Its failure is ignored, as on the service."""

    # --- shared ---

    async def start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:
        """Start and initialize.

        Args:
            servers: Fork the process.
            folders: What it runs.
            first: The attempt that waits for the start.

        Returns:
            None if the instance is ready for calls, otherwise the reason.

        Raises:
            OSError: This machine cannot start one more process.
        """
        failure = await self._start(servers, folders, first)
        if failure is None:
            self._life.started()
        return failure

    def let_go(self, call: Call) -> bool:  # noqa: ARG002 -- for servers of custom runtimes
        """End a call for which no caller waits any longer; False: only the instance's end does."""
        return False

    @property
    def capacity(self) -> int:
        """Return how many calls it runs at a time."""
        return self.deployment.instance_concurrency

    @property
    def pid(self) -> int | None:
        """Return the pid of its process; None if there is none on this machine."""
        return self._handle.pid if self._handle is not None else None

    @property
    def ready(self) -> bool:
        """Return whether it has started; calls can be submitted."""
        return self._life.is_ready

    @property
    def dead(self) -> bool:
        """Return whether its process has ended or is being killed."""
        return self._life.has_ended

    def freeze(self) -> None:
        """Stop its processes until :meth:`thaw`; no-op for an instance that cannot run calls."""
        if self._handle is not None and self._life.freeze():
            self._handle.stop()

    async def thaw(self) -> None:
        """Let its processes go on; no-op if they are not stopped."""
        if self._life.thaw() and self._handle is not None:
            await self._handle.go_on()

    def kill(self, ending: Ending = Ending.EXITED, peak_kb: int = 0) -> None:
        """Kill the process; calls in progress end with ``ending``."""
        if self._life.end():
            self._calls.expect_end(Reply(ending, peak_kb=peak_kb))
        if self._handle is not None:
            self._handle.kill()

    def spoil(self) -> None:
        """End without the pre-stop hook, while a call still runs for which no caller waits."""
        self._life.spoil()

    async def stop(self) -> None:
        """Run the pre-stop hook, then kill the process; return when it has ended.

        The hook runs once, however often this is called.
        """
        # An instance that was ending when the runtime ended was stopped a second time, and its hook
        # ran twice.
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._stop())
        await asyncio.wait({self._stopping})

    async def _stop(self) -> None:
        if self.deployment.pre_stop and self._life.can_run_hook:
            await self.thaw()
            request_id = str(uuid.uuid4())
            await self.before_stop(
                Attempt(deployment=self.deployment, request_id=request_id, payload=b"")
            )
        self.kill()
        await self.gone()

    async def gone(self) -> None:
        """Wait until its process and all descendants have ended."""
        if self._handle is not None:
            # asyncio.wait does not cancel the future, which others wait for, too.
            await asyncio.wait({self._handle.exited}, timeout=_DEATH_SECONDS)

    def drain_log(self) -> bool:
        """Read what was printed before this call from the log pipe; return False at its end."""
        data = None if self._handle is None else self._handle.read_log()
        if data is None:
            return False
        self.output.feed(data)
        return True

    async def after_call(self, call: Call) -> int:  # noqa: ARG002 -- for containers
        """Wait until all that a call has printed is here; return the peak memory in KB, or 0.

        The place of the call is free by then: this takes no time of any call.
        """
        return 0

    def log_of(self, call: Call, ending: Ending) -> tuple[bytes, int]:
        """Return the log of a call that has ended, and how much of it was told.

        The pipe must have been drained.
        """
        # A process that has ended, or was never ready, cannot write the end mark.
        if self.ready and not ending.spoils:
            self._end_mark(call.attempt, failed=ending is Ending.FAILED)
        return self.output.of_call(call)

    def _end_mark(self, attempt: Attempt, *, failed: bool) -> None:  # noqa: B027 -- servers of custom runtimes write their own marks
        """Write the mark that built-in runtimes write after a call."""

    def _environment(self, folders: Folders) -> dict[str, str]:
        identity = self._common.identity
        return build_environment(self.deployment, identity, folders, self.instance_id)

    async def _placed(
        self, command: list[str], folders: Folders, environment: dict[str, str]
    ) -> list[str]:
        """Return a command that runs with the paths of the service, if that is wanted.

        What the function mounts is not an option: without it, a file that the function writes
        would be one of this machine.
        """
        if not self._common.bounds.mount_paths and not folders.mounts:
            return command
        path, trusted = environment.get("PATH", ""), environment.get("SSL_CERT_FILE", "")
        return await asyncio.to_thread(sandbox.in_namespace, command, folders, path, trusted)

    async def _spawn(self, server: ForkServer) -> Process:
        process = await server.spawn()
        asyncio.get_running_loop().add_reader(process.log_fd, self._on_log, process)
        self._run_in(process)
        return process

    def _run_in(self, handle: Handle) -> None:
        self._handle = handle
        handle.exited.add_done_callback(self._on_exit)
        if self.dead:  # killed while the server started
            handle.kill()

    def _on_log(self, process: Process) -> None:
        if not self.drain_log():
            asyncio.get_running_loop().remove_reader(process.log_fd)

    def _on_exit(self, exited: asyncio.Future[Exit]) -> None:
        handle = self._handle
        if handle is None:
            return
        # Its last output and answers are still in the pipe and the socket.
        for _ in range(2):
            self.drain_log()
        self._read_rest()
        handle.close()
        self._handle = None
        self._life.end()
        expected = self._calls.reply_at_end or Reply(Ending.EXITED)
        self._calls.end(_reply_of(exited.result(), expected))
        self._common.when_gone(self)

    @abc.abstractmethod
    def _read_rest(self) -> None:
        """Read the rest of the socket, then release it."""


def _reply_of(end: Exit, expected: Reply) -> Reply:
    """Return the reply to calls in progress when the process has ended."""
    if expected.ending is Ending.EXITED and not end.by_itself:
        text = f"the function's process was lost: {end.message}"
        return Reply(Ending.LOST, document(text), peak_kb=end.peak_kb)
    return replace(expected, peak_kb=max(expected.peak_kb, end.peak_kb))
