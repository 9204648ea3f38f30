# SPDX-License-Identifier: MIT
"""The runtime's side of the fork server: starts it, requests processes, learns of their end.

Everything runs on the event loop, without a thread per instance. When the fork server ends, its
processes end with it; the next request starts another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_local.execution.exits import Exit
from fc_async_local.execution.instances.control import ControlSocket
from fc_async_local.execution.machine import freezing, sandbox
from fc_async_local.execution.machine.identity import inherited_environment
from fc_async_sdk._cancellation import ends_within

if TYPE_CHECKING:
    from fc_async_local.execution.mounts import Mount

_WORKER: Final = Path(__file__).parents[1] / "worker"
_END_SECONDS: Final = 5.0
_PIPE_BYTES: Final = 65536  # capacity of a pipe on Linux (pipe(7))


class Process:
    """One process of an instance.

    Attributes:
        sock: The runtime's end of its socket.
        log_fd: Non-blocking read end of its log pipe.
        pid: None until the fork server has reported it.
        exited: Done when the process and all its descendants have ended.
    """

    def __init__(self, control: ControlSocket, key: int, sock: socket.socket, log_fd: int) -> None:
        self.sock = sock
        self.log_fd = log_fd
        self.pid: int | None = None
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._control = control
        self._key = key

    def kill(self) -> None:
        """Kill the process and its group; do nothing if it has ended."""
        if not self.exited.done():
            self._control.send({"op": "kill", "id": self._key})

    def stop(self) -> None:
        """Stop the process and its descendants until :meth:`go_on`."""
        if self.pid is not None:
            freezing.stop(self.pid)

    async def go_on(self) -> None:
        """Let them go on."""
        if self.pid is not None:
            freezing.go_on(self.pid)

    def read_log(self) -> bytes | None:
        """Return printed bytes that were not read yet; None at the end of the pipe."""
        try:
            return os.read(self.log_fd, _PIPE_BYTES) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def close(self) -> None:
        """Close the runtime's ends of socket and pipe, after the process has ended."""
        asyncio.get_running_loop().remove_reader(self.log_fd)
        self.sock.close()
        with contextlib.suppress(OSError):
            os.close(self.log_fd)


class ForkServer:
    """Starts processes of instances. Belongs to one event loop.

    Args:
        python: The interpreter that is forked.
        mounts: What the functions of this server mount: it runs in their mount namespace.
    """

    def __init__(self, python: str, mounts: tuple[Mount, ...]) -> None:
        self._python = python
        self._mounts = mounts
        self._keys = itertools.count(1)
        self._processes: dict[int, Process] = {}
        self._control: ControlSocket | None = None
        self._server: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    async def spawn(self) -> Process:
        """Start a process that waits for its first frame.

        Raises:
            OSError: There are no more file descriptors, the interpreter cannot be started, or the
                fork server is closed.
        """
        control = await self._connected()
        ours, theirs = socket.socketpair()
        try:
            log_reader, log_writer = os.pipe()
        except OSError:
            ours.close()
            theirs.close()
            raise
        ours.setblocking(False)
        os.set_blocking(log_reader, False)
        key = next(self._keys)
        process = Process(control, key, ours, log_reader)
        self._processes[key] = process
        control.send({"op": "spawn", "id": key}, [theirs.detach(), log_writer])
        return process

    async def aclose(self) -> None:
        """End all processes and the fork server; return when they have ended."""
        self._closed = True
        async with self._starting:
            server, self._server = self._server, None
        if server is None:
            return
        self._on_lost()  # closes the socket, so that the server kills everything and ends
        if not await ends_within(_END_SECONDS, server.wait()):
            server.kill()
            await server.wait()

    async def _connected(self) -> ControlSocket:
        """Return the socket to the fork server, which is started if there is none."""
        async with self._starting:
            if self._control is not None:
                return self._control
            if self._closed:
                raise ProcessLookupError("the fork server is closed")
            if self._server is not None:
                # The former one has lost its socket: it kills its instances, and only then ends.
                await self._server.wait()
            ours, theirs = socket.socketpair()
            with theirs:
                command = [self._python, str(_WORKER), str(theirs.fileno())]
                if self._mounts:
                    command = await asyncio.to_thread(sandbox.with_mounts, command, self._mounts)
                try:
                    self._server = await asyncio.create_subprocess_exec(
                        *command,
                        pass_fds=(theirs.fileno(),),
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=asyncio.subprocess.DEVNULL,
                        # A fork can read its ancestor's environment in /proc.
                        env=inherited_environment(),
                        # Ctrl-C in a terminal reaches the runtime alone, which ends its instances
                        # in order.
                        start_new_session=True,
                    )
                except OSError:
                    ours.close()
                    raise
            self._control = ControlSocket(ours, self._on_report, self._on_lost)
            return self._control

    def _on_report(self, message: dict[str, int]) -> None:
        if "pid" in message:
            self._processes[message["id"]].pid = message["pid"]
            return
        process = self._processes.pop(message["id"])
        _end(process, Exit(message["exit"], message["peak_kb"]))

    def _on_lost(self) -> None:
        """End all processes, because the fork server has ended."""
        control, self._control = self._control, None
        if control is not None:
            control.close()
        processes, self._processes = self._processes, {}
        for process in processes.values():
            _end(process, Exit(None, 0))


class ForkServers:
    """The fork servers of a runtime: one for each interpreter and what its functions mount."""

    def __init__(self) -> None:
        self._servers: dict[tuple[str, tuple[Mount, ...]], ForkServer] = {}

    def of(self, python: str = sys.executable, mounts: tuple[Mount, ...] = ()) -> ForkServer:
        """Return the fork server of an interpreter and of mounts; it starts with its first use."""
        if (python, mounts) not in self._servers:
            self._servers[python, mounts] = ForkServer(python, mounts)
        return self._servers[python, mounts]

    async def aclose(self) -> None:
        """End all processes and the fork servers; return when they have ended."""
        await asyncio.gather(*(server.aclose() for server in self._servers.values()))


def _end(process: Process, result: Exit) -> None:
    if not process.exited.done():
        process.exited.set_result(result)
