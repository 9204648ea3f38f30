# SPDX-License-Identifier: MIT
"""The runtime's side of the fork server: starts it, requests processes, learns of their end.

Everything runs on the event loop, without a thread per instance. When the fork server ends, its
processes end with it; the next request starts another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.execution.machine import sandbox
from fc_async_local.execution.machine.identity import inherited_environment
from fc_async_local.execution.worker.frames import NOT_FORKED
from fc_async_sdk._cancellation import ends_within

if TYPE_CHECKING:
    from fc_async_local.execution.mounts import Mount

_WORKER: Final = Path(__file__).parents[1] / "worker"
_READ: Final = 65536
_END_SECONDS: Final = 5.0


class Exit(NamedTuple):
    """End of a process.

    Attributes:
        status: As of ``waitpid``; None if the fork server died with it; 65536 and more if the
            process could not be forked (65536 + errno).
        peak_kb: Largest resident memory, 0 if unknown.
    """

    status: int | None
    peak_kb: int

    @property
    def by_itself(self) -> bool:
        """Return whether the process itself ended, and not the fork server."""
        return self.status is not None and self.status < NOT_FORKED

    @property
    def code(self) -> int:
        """Return the exit code as in a shell: 128 plus the number of a signal."""
        if self.status is None or not self.by_itself:
            return -1
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else 128 - code

    @property
    def message(self) -> str:
        """Return what ended the process, in words."""
        if self.status is None:
            return "the fork server ended"
        if self.status >= NOT_FORKED:
            return f"can't fork: {os.strerror(self.status - NOT_FORKED)}"
        code = os.waitstatus_to_exitcode(self.status)
        return f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


class Process:
    """One process of an instance.

    Attributes:
        sock: The runtime's end of its socket.
        log_fd: Non-blocking read end of its log pipe.
        pid: None until the fork server has reported it.
        exited: Done when the process and all its descendants have ended.
    """

    def __init__(self, server: ForkServer, key: int, sock: socket.socket, log_fd: int) -> None:
        self.sock = sock
        self.log_fd = log_fd
        self.pid: int | None = None
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._server = server
        self._key = key

    def kill(self) -> None:
        """Kill the process and its group; do nothing if it has ended."""
        if not self.exited.done():
            self._server.send({"op": "kill", "id": self._key})


class ForkServer:
    """Starts processes of instances. Belongs to one event loop.

    Args:
        python: The interpreter that is forked.
        mounts: What the functions of this server mount: it runs in their mount namespace.
    """

    def __init__(self, python: str = sys.executable, mounts: tuple[Mount, ...] = ()) -> None:
        self._python = python
        self._mounts = mounts
        self._others: dict[tuple[str, tuple[Mount, ...]], ForkServer] = {}
        self._keys = itertools.count(1)
        self._processes: dict[int, Process] = {}
        self._control: socket.socket | None = None
        self._server: asyncio.subprocess.Process | None = None
        self._unread = b""
        self._starting = asyncio.Lock()
        self._outbox: list[tuple[bytes, list[int]]] = []
        self._closed = False

    def of(self, python: str, mounts: tuple[Mount, ...] = ()) -> ForkServer:
        """Return the fork server of an interpreter and of mounts, which ends with this one."""
        if (python, mounts) == (self._python, self._mounts):
            return self
        return self._others.setdefault((python, mounts), ForkServer(python, mounts))

    async def spawn(self) -> Process:
        """Start a process that waits for its first frame.

        Raises:
            OSError: There are no more file descriptors, the interpreter cannot be started, or the
                fork server is closed.
        """
        await self._ensure_server()
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
        process = Process(self, key, ours, log_reader)
        self._processes[key] = process
        self.send({"op": "spawn", "id": key}, [theirs.detach(), log_writer])
        return process

    def send(self, message: dict[str, object], descriptors: list[int] | None = None) -> None:
        """Send a message and file descriptors, which are closed here afterwards."""
        self._outbox.append((json.dumps(message).encode() + b"\n", descriptors or []))
        if len(self._outbox) == 1:
            self._flush()

    async def aclose(self) -> None:
        """End all processes and the fork server; return when they have ended."""
        self._closed = True
        await asyncio.gather(*(other.aclose() for other in self._others.values()))
        async with self._starting:
            server, self._server = self._server, None
        if server is None:
            return
        self._lost()  # closes the socket, so that the server kills everything and ends
        if not await ends_within(_END_SECONDS, server.wait()):
            server.kill()
            await server.wait()

    async def _ensure_server(self) -> None:
        async with self._starting:
            if self._control is not None:
                return
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
            ours.setblocking(False)
            self._control = ours
            self._unread = b""
            asyncio.get_running_loop().add_reader(ours.fileno(), self._read)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._outbox and self._control is not None:
            data, descriptors = self._outbox[0]
            try:
                # The kernel takes small messages on a stream socket whole or not at all.
                socket.send_fds(self._control, [data], descriptors)
            except BlockingIOError:
                loop.add_writer(self._control.fileno(), self._flush)
                return
            except OSError:
                self._lost()
                return
            self._outbox.pop(0)
            for descriptor in descriptors:
                os.close(descriptor)
        if self._control is not None:
            loop.remove_writer(self._control.fileno())
        else:
            self._drop_outbox()

    def _drop_outbox(self) -> None:
        for _, descriptors in self._outbox:
            for descriptor in descriptors:
                os.close(descriptor)
        self._outbox.clear()

    def _read(self) -> None:
        if self._control is None:
            return
        try:
            data = self._control.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._on_report(json.loads(line))

    def _on_report(self, message: dict[str, int]) -> None:
        if "pid" in message:
            self._processes[message["id"]].pid = message["pid"]
            return
        process = self._processes.pop(message["id"])
        _end(process, Exit(message["exit"], message["peak_kb"]))

    def _lost(self) -> None:
        """End all processes, because the fork server has ended."""
        control, self._control = self._control, None
        if control is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(control.fileno())
            loop.remove_writer(control.fileno())
            control.close()
        self._drop_outbox()
        processes, self._processes = self._processes, {}
        for process in processes.values():
            _end(process, Exit(None, 0))


def _end(process: Process, result: Exit) -> None:
    if not process.exited.done():
        process.exited.set_result(result)


def close_process(process: Process) -> None:
    """Close the runtime's ends of socket and pipe."""
    process.sock.close()
    with contextlib.suppress(OSError):
        os.close(process.log_fd)
