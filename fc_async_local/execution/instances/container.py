# SPDX-License-Identifier: MIT
"""Instances of images: the user's own HTTP server, in a container.

:mod:`.serving` has what they share with custom runtimes: calls, hooks and HTTP triggers.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from typing import TYPE_CHECKING, ClassVar, Final

from fc_async_local.execution.containers import spec
from fc_async_local.execution.containers.container import BROKEN
from fc_async_local.execution.containers.gateway import Way
from fc_async_local.execution.containers.spec import Additions, Bind
from fc_async_local.execution.instances.container_logs import ContainerLogs
from fc_async_local.execution.instances.replies import NOT_STARTED, Ending, Reply, document
from fc_async_local.execution.instances.server import PublishedServer
from fc_async_local.execution.instances.serving import ServingInstance
from fc_async_local.execution.machine.identity import environment_of_image
from fc_async_local.execution.notices import warn_once
from fc_async_sdk._payloads import claims
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from fc_async_local.execution.containers.container import Container
    from fc_async_local.execution.containers.engine import Engine, Image
    from fc_async_local.execution.exits import Exit
    from fc_async_local.execution.instances.call import Call
    from fc_async_local.execution.instances.forkserver import ForkServers
    from fc_async_local.execution.instances.instance import Common
    from fc_async_local.execution.machine.paths import Folders
    from fc_async_local.execution.protocol import Attempt, Deployment

_LOG: Final = logging.getLogger(__name__)
_KB_PER_MB: Final = 1024


class ContainerInstance(ServingInstance):
    """One container with an HTTP server.

    Args:
        deployment: The function.
        common: What it shares with all others.
    """

    # A container's end is known when its engine has read the rest of the output.
    exit_grace: ClassVar[float] = 10.0

    def __init__(self, deployment: Deployment, common: Common) -> None:
        self._published = PublishedServer()
        super().__init__(deployment, common, self._published)
        self._container: Container | None = None
        self._logs = ContainerLogs(self.output)
        self._command: tuple[str, ...] = ()

    # --- start ---

    async def _start(self, servers: ForkServers, folders: Folders, first: Attempt) -> Reply | None:  # noqa: ARG002 -- no process is forked
        """Start the container, wait until its server is healthy, run the initializer.

        Raises:
            CannotRun: There is no engine, or it does not have the image.
        """
        engine = await self._common.engines.find()
        image = await engine.needed_image(self.deployment)
        own = image.command if not self.deployment.entrypoint else ()
        self._command = (*self.deployment.entrypoint, *(self.deployment.command or own))
        additions = await self._additions(engine, image, folders)
        request = spec.request(self.deployment, additions)
        name = f"fc-async-{self.instance_id}"
        async with self._common.engines.starts:
            container = await engine.create(request, name, self._logs.feed)
            self._container = container
            self._run_in(container)
            try:
                self._published.publish(await container.start(self.deployment.port))
            except BROKEN as error:
                return self._refused(str(getattr(error, "message", error)))
        return await self._get_healthy(container, first)

    async def _additions(self, engine: Engine, image: Image, folders: Folders) -> Additions:
        common = self._common
        own = environment_of_image(self.deployment, common.identity, self.instance_id)
        way = await self._way(engine)
        binds = [Bind(str(mount.folder), mount.path, mount.read_only) for mount in folders.mounts]
        # That of the runtime: a template must not mount a folder of this machine by its variable.
        payloads = common.identity.environment.get(claims.VARIABLE)
        if payloads:
            await asyncio.to_thread(os.makedirs, payloads, 0o700, exist_ok=True)
            # Under the same path: claims of large payloads name it.
            binds.append(Bind(payloads, payloads, read_only=False))
        return Additions(
            network="bridge",
            environment=way.variables(own, image.environment),
            binds=(*binds, *way.binds),
            run=common.engines.run_id,
            processors=engine.facts.processors,
        )

    async def _way(self, engine: Engine) -> Way:
        """Return the way to this runtime; without one a function runs all the same."""
        if engine.facts.is_rootless and sys.platform == "linux":
            reason = "its network does not lead to this machine"
        else:
            try:
                folder = self._common.engines.guest_folder()
                return await self._common.gateway.open(engine, folder)
            except OSError as error:
                reason = str(error)
        text = f"images cannot call this runtime: {engine.facts}, {reason}"
        warn_once(_LOG, text, key=text)
        return Way()

    def _refused(self, reason: str) -> Reply:
        """Return that the engine could not start the container."""
        text = (
            "Function instance exited unexpectedly(code 128, message:the container could not be "
            f"started) with start command '{shlex.join(self._command)}'. Logs:{reason}"
        )
        return Reply(Ending.FAILED, document(text), NOT_STARTED)

    async def _not_started(self) -> Reply:
        text = (
            f"Function instance health check failed on port {self.deployment.port} "
            f"in {self._common.bounds.start_seconds:g} seconds."
        )
        log = self._last_output()
        if log:
            text += f" Logs:{log}"
        self.kill(Ending.EXITED)
        await self.gone()
        return Reply(Ending.FAILED, document(text), NOT_STARTED)

    async def _exited(self, end: Exit, *, listened: bool = True) -> Reply:  # noqa: ARG002 -- no port of this machine is in its way
        if not end.by_itself:
            return Reply(Ending.LOST, document(f"the container was lost: {end.message}"))
        text = (
            f"Function instance exited unexpectedly(code {end.code}, message:{end.message}) "
            f"with start command '{shlex.join(self._command)}'. Logs:{self._last_output()}"
        )
        return Reply(Ending.FAILED, document(text), NOT_STARTED)

    def _last_output(self) -> str:
        return self.output.log.since(0)[-limits.LOG_TAIL_BYTES :].decode(errors="replace")

    # --- output ---

    async def after_call(self, call: Call) -> int:
        """Wait until all that a call has printed is here; return the peak memory in KB, or 0."""
        container = self._container
        if container is None or container.exited.done():
            return 0
        peak_kb, _ = await asyncio.gather(container.memory_kb(), self._logs.until_whole(call))
        return peak_kb

    async def thaw(self) -> None:
        """Wait for the log of the call before, then let the container go on."""
        if self.capacity == 1:
            await self._logs.until_others_are_whole()
        await super().thaw()

    # --- end ---

    def _read_rest(self) -> None:
        container = self._container
        if container is not None and container.out_of_memory:
            limit = self.deployment.memory_mb * _KB_PER_MB
            self._calls.expect_end(Reply(Ending.OUT_OF_MEMORY, peak_kb=limit))
        super()._read_rest()
