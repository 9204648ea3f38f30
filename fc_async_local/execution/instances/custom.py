# SPDX-License-Identifier: MIT
"""Instances of custom runtimes: the user's own HTTP server, started with the user's command.

:mod:`.serving` has what they share with images: calls, hooks and requests of HTTP triggers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shlex
from typing import TYPE_CHECKING, Final

from fc_async_local.execution.instances.replies import NOT_STARTED, Ending, Reply, document
from fc_async_local.execution.instances.server import InstanceServer
from fc_async_local.execution.instances.serving import ServingInstance
from fc_async_local.execution.machine.identity import path_of_commands
from fc_async_local.execution.machine.paths import ServicePaths
from fc_async_local.execution.machine.processes import ports_of, programs
from fc_async_local.execution.notices import warn_once
from fc_async_local.execution.worker import frames
from fc_async_local.execution.worker.errors import CODE_ON_SERVICE
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_local.execution.exits import Exit
    from fc_async_local.execution.instances.forkserver import ForkServers
    from fc_async_local.execution.instances.instance import Common, Handle
    from fc_async_local.execution.machine.paths import Folders
    from fc_async_local.execution.protocol import Attempt, Deployment

_LOG: Final = logging.getLogger(__name__)

_DEFAULT_COMMAND: Final = (f"{CODE_ON_SERVICE}/bootstrap",)
"""docs/reference/sources.md, how a custom runtime works."""
_LED: Final = ("python", "pypy", "node")
_IN_USE: Final = re.compile(r"\bin use\b|EADDRINUSE", re.IGNORECASE)
"""Output of servers that cannot listen: "Address already in use", "Connection in use"."""


class CustomInstance(ServingInstance):
    """One process with an HTTP server.

    Args:
        deployment: The function.
        common: What it shares with all others.
    """

    def __init__(self, deployment: Deployment, common: Common) -> None:
        self._own_server = InstanceServer(deployment, common.ports)
        super().__init__(deployment, common, self._own_server)
        self.server = self._own_server

    # --- start ---

    async def _start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:
        """Start the command, wait until it listens and is healthy, run the initializer.

        Raises:
            PortInUse: Another program has the port on which the server wants to listen.
        """
        led = await self._common.proxy.of_programs()  # first: a port may be taken meanwhile
        self._own_server.assign()
        process = await self._spawn(servers.of())
        environment = {**led, **self._environment(folders)}
        paths = ServicePaths(self.deployment.function, *folders)
        message = {
            "kind": "command",
            "folder": str(folders.code),
            "command": await self._placed(
                paths.command(self._start_command()), folders, environment
            ),
            "environment": environment,
        }
        with contextlib.suppress(OSError):  # it has ended, as is found below
            await asyncio.get_running_loop().sock_sendall(process.sock, frames.encode(message))
        return await self._get_healthy(process, first)

    async def _until_healthy(self, handle: Handle) -> Reply | None:
        failure = await super()._until_healthy(handle)
        if failure is None and self._common.proxy.leads and handle.pid is not None:
            self._warn_if_not_led(programs(handle.pid))
        return failure

    def _warn_if_not_led(self, names: set[str]) -> None:
        """Log once that requests of a program to the cloud's hosts may reach the cloud."""
        function = self.deployment.function
        if any(name.startswith(_LED) for name in names):
            return
        warn_once(
            _LOG,
            f"{function} runs {', '.join(sorted(names))}: its requests to the cloud's hosts lead "
            "here only if it reads HTTPS_PROXY, or Java's properties; let it use FC_ASYNC_ENDPOINT",
            key=function,
        )

    def _start_command(self) -> tuple[str, ...]:
        return self.deployment.command or _DEFAULT_COMMAND

    def _environment(self, folders: Folders) -> dict[str, str]:
        port = str(self._own_server.port)
        environment = super()._environment(folders)
        return environment | {
            "PATH": path_of_commands(environment.get("PATH", "")),
            "FC_CUSTOM_LISTEN_PORT": port,
            "FC_SERVER_PORT": port,
        }

    async def _not_started(self) -> Reply:
        configured = self.deployment.port
        text = (
            f"Function instance health check failed on port {configured or self._own_server.port} "
            f"in {self._common.bounds.start_seconds:g} seconds."
        )
        if self._own_server.port != configured:
            text += (
                " (On this machine the server may also listen on "
                f"FC_SERVER_PORT={self._own_server.port}.)"
            )
        if self.pid is not None and (ports := ports_of(self.pid)):
            text += f" The program listens on {', '.join(map(str, ports))}."
        self.kill(Ending.EXITED)
        await self.gone()
        if not self._own_server.is_found:
            await self._own_server.check_collision()
        return Reply(Ending.FAILED, document(text), NOT_STARTED)

    async def _exited(self, end: Exit, *, listened: bool = True) -> Reply:
        if not end.by_itself:
            return Reply(Ending.LOST, document(f"the function's process was lost: {end.message}"))
        command = shlex.join(self._start_command())
        log = self.output.log.since(0)[-limits.LOG_TAIL_BYTES :].decode(errors="replace")
        if not listened and _IN_USE.search(log):
            await self._own_server.check_collision()
        text = (
            f"Function instance exited unexpectedly(code {end.code}, message:{end.message}) "
            f"with start command '{command}'. Logs:{log}"
        )
        return Reply(Ending.FAILED, document(text), NOT_STARTED)
