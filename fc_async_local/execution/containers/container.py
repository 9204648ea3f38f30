# SPDX-License-Identifier: MIT
"""One container of an instance, from its start to its removal.

Invariants:

- Its output is read from before its start on: a log that is asked for later begins too late.
- It is removed when it has ended, whatever ended it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from typing import TYPE_CHECKING, Any, Final

import aiodocker
import aiohttp

from fc_async_local.execution.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiodocker.containers import DockerContainer
    from aiodocker.stream import Stream

BROKEN: Final = (aiodocker.DockerError, aiohttp.ClientError, OSError, asyncio.TimeoutError)
"""Errors of requests to an engine that refuses them, or does not answer."""
_SIGNALLED: Final = 128
_NOT_RUN: Final = 128
_BYTES_PER_KB: Final = 1024
_LOOKS: Final = 50
_LOOK_SECONDS: Final = 0.02
_STATS_SECONDS: Final = 1.0


class Container:
    """A container of an instance: the handle that :class:`.Instance` has of it.

    Args:
        docker: The connection to the engine.
        raw: The container, which is not started.
        output: Takes what it prints.
        later: Does something that the engine waits for before it is closed.

    Attributes:
        pid: None: its processes may be those of a virtual machine.
        exited: Done when it has ended and all that it printed was read.
        out_of_memory: Whether the kernel ended it at its memory limit.
    """

    def __init__(
        self,
        docker: aiodocker.Docker,
        raw: DockerContainer,
        output: Callable[[bytes], None],
        later: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.pid: int | None = None
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.out_of_memory = False
        self._docker = docker
        self._raw = raw
        self._output = output
        self._later = later
        self._turn = asyncio.Lock()  # pausing and its end follow each other

    async def start(self, port: int) -> int:
        """Start it; return the port of this machine that leads to a port of it.

        Raises:
            aiodocker.DockerError: The engine cannot start it; it is removed.
            aiohttp.ClientError: The engine does not answer.
        """
        stream = self._raw.attach(stdout=True, stderr=True)
        try:
            await stream.__aenter__()
            await self._raw.start()
            described = await self._raw.show()
        except BaseException:
            self._later(self._give_up(stream))
            raise
        self._later(self._watch(stream))
        published = described["NetworkSettings"]["Ports"].get(f"{port}/tcp") or []
        return int(published[0]["HostPort"]) if published else 0

    def kill(self) -> None:
        """Kill all its processes; do nothing if it has ended."""
        if not self.exited.done():
            self._later(self._kill())

    def stop(self) -> None:
        """Pause it until :meth:`go_on`."""
        self._later(self._pause())

    async def go_on(self) -> None:
        """End the pause; return when its processes run."""
        async with self._turn:
            await _quietly(self._raw.unpause())

    def read_log(self) -> bytes | None:
        """Return b"": its output is given to ``output`` as it comes."""
        return None if self.exited.done() else b""

    def close(self) -> None:
        """Do nothing: what reads from it ends with it."""

    async def memory_kb(self) -> int:
        """Return the largest memory that its engine knows of, in KB; 0 if it knows none."""
        # Not by `Container.stats`: Docker then answers after the second of two samples.
        url = f"{self._docker.docker_host}/containers/{self._raw.id}/stats"
        timeout = aiohttp.ClientTimeout(total=_STATS_SECONDS)
        query = {"stream": "false", "one-shot": "true"}
        try:
            async with self._docker.session.get(url, params=query, timeout=timeout) as response:
                memory = json.loads(await response.read()).get("memory_stats") or {}
        except (*BROKEN, ValueError):
            return 0
        largest: int = memory.get("max_usage") or memory.get("usage") or 0
        return -(-largest // _BYTES_PER_KB)

    async def _pause(self) -> None:
        async with self._turn:
            if not self.exited.done():
                await _quietly(self._raw.pause())

    async def _kill(self) -> None:
        async with self._turn:
            # podman does not end a container that is paused.
            await _quietly(self._raw.unpause())
            await _quietly(self._raw.kill())

    async def _watch(self, stream: Stream) -> None:
        """Read its output until it ends, then say how it ended, then remove it."""
        has_printed = False
        try:
            while (message := await stream.read_out()) is not None:
                has_printed = True
                self._output(message.data)
            state = await self._end_state()
            if not has_printed:
                # podman may end the stream of a program that ends at once without its output.
                self._output("".join(await self._raw.log(stdout=True, stderr=True)).encode())
        except BROKEN:
            end = Exit(None, 0, "the container engine")
        else:
            self.out_of_memory = bool(state.get("OOMKilled"))
            end = Exit(_status(int(state.get("ExitCode") or 0)), 0)
        self.exited.set_result(end)
        await self._discard(stream)

    async def _give_up(self, stream: Stream) -> None:
        """Remove it, because it could not be started."""
        await self._discard(stream)
        self.exited.set_result(Exit(_NOT_RUN << 8, 0))

    async def _end_state(self) -> dict[str, Any]:
        """Return its state after its end."""
        # podman's `wait` looks every 250 ms; the end of the output says it at once.
        for _ in range(_LOOKS):
            state: dict[str, Any] = (await self._raw.show())["State"]
            if not state["Running"] and state["Status"] != "stopping":
                return state
            await asyncio.sleep(_LOOK_SECONDS)
        # A program may close its output long before it ends.
        await self._raw.wait()
        last: dict[str, Any] = (await self._raw.show())["State"]
        return last

    async def _discard(self, stream: Stream) -> None:
        with contextlib.suppress(*BROKEN, AssertionError):  # it was never opened
            await stream.close()
        await remove(self._raw)


async def remove(raw: DockerContainer) -> None:
    """Remove a container, whatever it does; no-op if it is gone."""
    # podman's forced removal waits ten seconds for SIGTERM first.
    await _quietly(raw.unpause())
    await _quietly(raw.kill())
    await _quietly(raw.delete(force=True, v=True))


async def _quietly(request: Coroutine[Any, Any, None]) -> None:
    """Send a request whose failure changes nothing: the container may have ended meanwhile."""
    with contextlib.suppress(*BROKEN):
        await request


def _status(code: int) -> int:
    """Return the status of ``waitpid`` for an exit code of a container."""
    number = code - _SIGNALLED
    if number in set(signal.Signals):
        return number
    return code << 8
